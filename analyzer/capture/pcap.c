/* pcap files.
 *
 *   0        4        8        12       16       20       24
 *   | magic  | 2 | 4  | zone   | digits | snap   | link   |   file header (draft-ietf-opsawg-pcap)
 *   | sec    | us, ns | caplen | len    | caplen bytes …      each packet
 *
 * libpcap judges the file header; the packets are walked here, in the window over the file, which
 * takes a third of the time of a loop over pcap_next_ex. Nor is a packet that is longer than the
 * header's snapshot length shortened (libpcap does that): such files exist.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"
#include "capture/reader.h"

enum {
    FILE_HEADER_LEN = 24,
    VERSION_AT = 4,
    LINK_AT = 20,
    PACKET_HEADER_LEN = 16,
    KUZNETSOV_HEADER_LEN = 24, /* interface, protocol and direction behind the lengths */
    SUSE_HEADER_LEN = 28,      /* and two processors behind those, in SuSE 6.3 */
    NOKIA_HEADER_LEN = 20, /* four bytes behind the lengths, on Nokia's and Check Point's IPSO */
    VERSION_MAJOR_DG_UX = 543,
    LARGEST_PACKET = 262144, /* as libpcap has it */
    LARGEST_MESSAGE = 128 * 1024 * 1024,
    PACKETS_LOOKED_AT = 4,
};

/* The upper half of the link type: whether it tells, and how many 16-bit words, of a frame check
 * sequence each packet ends with. */
#define FCS_LEN_PRESENT 0x04000000u
#define FCS_WORDS_SHIFT 28

/* Link types whose packets are messages without the bound of a network's. */
enum { LINKTYPE_DBUS = 231, LINKTYPE_USBPCAP = 249, LINKTYPE_EBHSCR = 279 };

struct reader {
    struct input *in;
    bool big, nanoseconds;
    enum { LENGTHS_IN_ORDER, LENGTHS_SWAPPED, LENGTHS_EITHER_WAY } lengths;
    int link_type;
    uint32_t fcs_len, largest_packet;
    size_t packet_header_len;
    size_t given; /* bytes of the packet that was given last, not yet taken */
    uint32_t frame_no;
    uint64_t byte; /* where the next packet begins */
};

static uint32_t read_u32(const uint8_t *at, bool big) {
    struct slice in = slice_of(at, 4);
    uint32_t v = 0;

    if (big)
        slice_take_u32be(&in, &v);
    else
        slice_take_u32le(&in, &v);
    return v;
}

static void pcap_reader_close(struct reader *reader) {
    free(reader);
}

/* Does libpcap accept the file header? why: what it says if not. */
static bool accepted(const uint8_t header[FILE_HEADER_LEN], char why[PCAP_ERRBUF_SIZE]) {
    uint8_t copy[FILE_HEADER_LEN];

    memcpy(copy, header, sizeof copy);
    FILE *stream = fmemopen(copy, sizeof copy, "rb");
    pcap_t *pcap = stream ? pcap_fopen_offline(stream, why) : NULL;
    if (pcap)
        pcap_close(pcap); /* closes the stream */
    else if (stream)
        fclose(stream);
    return pcap != NULL;
}

/* How many of the first packets have a header that can be one, were it of this length: the fraction
 * of a second is one, and no more was captured than there was. -1: one has not. */
static int plausible_packets(const struct reader *reader, size_t header_len) {
    const uint32_t fraction_end = reader->nanoseconds ? 1000000000 : 1000000;
    size_t at = FILE_HEADER_LEN;

    for (int n = 0; n < PACKETS_LOOKED_AT; n++) {
        struct slice all = input_peek(reader->in, at + header_len);
        if (all.len < at + header_len)
            return n;
        uint32_t fraction = read_u32(all.ptr + at + 4, reader->big);
        uint32_t len = read_u32(all.ptr + at + 8, reader->big);
        uint32_t wire_len = read_u32(all.ptr + at + 12, reader->big);
        if (fraction >= fraction_end || len > wire_len || len > LARGEST_PACKET)
            return -1;
        at += header_len + len;
    }
    return PACKETS_LOOKED_AT;
}

/* Some systems wrote packet headers of their own without saying so, or said which by a magic number
 * that others had too: where the usual one leads nowhere and another is right for several packets,
 * it is that. (Where they are longer, the seconds of the second packet stand in the usual one's
 * fraction.) */
static void find_packet_header(struct reader *reader) {
    static const struct {
        size_t usual, other;
    } rows[] = {
        {PACKET_HEADER_LEN, KUZNETSOV_HEADER_LEN},
        {PACKET_HEADER_LEN, NOKIA_HEADER_LEN},
        {KUZNETSOV_HEADER_LEN, SUSE_HEADER_LEN},
    };
    size_t usual = reader->packet_header_len;

    if (reader->lengths != LENGTHS_IN_ORDER || plausible_packets(reader, usual) >= 0)
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].usual == usual && plausible_packets(reader, rows[i].other) > 1) {
            reader->packet_header_len = rows[i].other;
            return;
        }
}

static struct reader *pcap_reader_open(struct input *in, struct capture_error *error) {
    struct slice header = input_peek(in, FILE_HEADER_LEN);
    char why[PCAP_ERRBUF_SIZE] = "";

    if (header.len < FILE_HEADER_LEN) {
        capture_header_short(error, in, header.len, FILE_HEADER_LEN);
        return NULL;
    }
    if (!accepted(header.ptr, why)) {
        capture_damaged(error, in, 0, 0, "%s", why);
        return NULL;
    }
    struct reader *reader = memory_new_zeroed(1, sizeof *reader);
    reader->in = in;
    reader->given = FILE_HEADER_LEN;
    reader->byte = FILE_HEADER_LEN;
    /* a1 b2 c3 d4: microseconds, a1 b2 3c 4d: nanoseconds, a1 b2 cd 34: Kuznetsov's */
    reader->big = header.ptr[0] == 0xa1;
    uint8_t third = header.ptr[reader->big ? 2 : 1];
    reader->nanoseconds = third == 0x3c;
    reader->packet_header_len = third == 0xcd ? KUZNETSOV_HEADER_LEN : PACKET_HEADER_LEN;
    uint32_t versions = read_u32(header.ptr + VERSION_AT, reader->big);
    uint16_t major = (uint16_t)(reader->big ? versions >> 16 : versions);
    uint16_t minor = (uint16_t)(reader->big ? versions : versions >> 16);
    /* Before version 2.4 the lengths stood the other way round, in 2.3 with some writers. */
    if (minor < 3 || major == VERSION_MAJOR_DG_UX)
        reader->lengths = LENGTHS_SWAPPED;
    else if (minor == 3)
        reader->lengths = LENGTHS_EITHER_WAY;
    uint32_t link = read_u32(header.ptr + LINK_AT, reader->big);
    reader->link_type = (int)(link & 0xffff);
    reader->fcs_len = link & FCS_LEN_PRESENT ? (link >> FCS_WORDS_SHIFT) * 2 : 0;
    bool messages = reader->link_type == LINKTYPE_DBUS || reader->link_type == LINKTYPE_USBPCAP ||
                    reader->link_type == LINKTYPE_EBHSCR;
    reader->largest_packet = messages ? LARGEST_MESSAGE : LARGEST_PACKET;
    find_packet_header(reader);
    return reader;
}

/* The file goes no further: its end, or a read that failed, or a packet without its end. */
static enum capture_status stop(const struct reader *reader, struct slice got, size_t before,
                                size_t wanted, struct capture_error *error) {
    return got.len || reader->in->why[0]
               ? capture_frame_short(error, reader->in, reader->frame_no + 1, reader->byte, got.len,
                                     before, wanted)
               : CAPTURE_END;
}

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t kept = *a;

    *a = *b;
    *b = kept;
}

static enum capture_status pcap_reader_next(struct reader *reader, struct frame *frame,
                                            struct capture_error *error) {
    size_t header_len = reader->packet_header_len;

    input_skip(reader->in, reader->given);
    reader->given = 0;
    struct slice packet = input_peek(reader->in, header_len);
    if (packet.len < header_len)
        return stop(reader, packet, 0, header_len, error);
    uint32_t seconds = read_u32(packet.ptr, reader->big);
    uint32_t fraction = read_u32(packet.ptr + 4, reader->big);
    uint32_t len = read_u32(packet.ptr + 8, reader->big);
    uint32_t wire_len = read_u32(packet.ptr + 12, reader->big);
    if (reader->lengths == LENGTHS_SWAPPED ||
        (reader->lengths == LENGTHS_EITHER_WAY && len > wire_len))
        swap(&len, &wire_len);
    if (len > reader->largest_packet)
        return capture_damaged(error, reader->in, reader->frame_no + 1, reader->byte,
                               "invalid packet capture length %u, bigger than maximum of %u", len,
                               reader->largest_packet);
    packet = input_peek(reader->in, header_len + len);
    if (packet.len < header_len + len)
        return stop(reader, packet, header_len, header_len + len, error);

    reader->frame_no++;
    reader->given = header_len + len;
    reader->byte += reader->given;
    /* A fraction with its sign bit set is broken: none. */
    int64_t fraction_ns =
        fraction > INT32_MAX ? 0 : (int64_t)fraction * (reader->nanoseconds ? 1 : 1000);
    *frame = (struct frame){
        .no = reader->frame_no,
        .t_ns = (int64_t)seconds * NS_PER_S + fraction_ns,
        .link_type = reader->link_type,
        .wire_len = wire_len > len ? wire_len : len,
        .bytes = slice_between(packet, header_len, header_len + len),
    };
    if (reader->fcs_len)
        capture_cut_fcs(frame, reader->fcs_len);
    return CAPTURE_OK;
}

const struct format format_pcap = {
    .open = pcap_reader_open,
    .next = pcap_reader_next,
    .close = pcap_reader_close,
};
