/* pcap files.
 *
 *   0        4        8        12       16       20       24
 *   | magic  | 2 | 4  | zone   | digits | snap   | link   |   file header
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
    VERSION_MINOR_AT = 6,
    LINK_AT = 20,
    PACKET_HEADER_LEN = 16,
    KUZNETSOV_HEADER_LEN = 24,
    LARGEST_PACKET = 262144, /* as libpcap has it */
};

struct reader {
    struct input *in;
    bool big, nanoseconds;
    uint16_t version_minor;
    int link_type;
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

static struct reader *pcap_reader_open(struct input *in, struct capture_error *error) {
    struct slice header = input_peek(in, FILE_HEADER_LEN);
    char why[PCAP_ERRBUF_SIZE] = "";

    if (header.len < FILE_HEADER_LEN) {
        capture_damaged(error, 0, header.len, "the file header ends after %zu of %d bytes",
                        header.len, FILE_HEADER_LEN);
        return NULL;
    }
    if (!accepted(header.ptr, why)) {
        capture_damaged(error, 0, 0, "%s", why);
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
    reader->version_minor = header.ptr[VERSION_MINOR_AT + (reader->big ? 1 : 0)];
    /* The upper bits tell of frame check sequences. */
    reader->link_type = (int)(read_u32(header.ptr + LINK_AT, reader->big) & 0xffff);
    return reader;
}

/* The file goes no further: its end, or a read that failed, or a packet without its end. */
static enum capture_status stop(const struct reader *reader, struct slice got, size_t before,
                                size_t wanted, struct capture_error *error) {
    if (reader->in->error)
        return capture_damaged(error, reader->frame_no + 1, reader->byte, "cannot read on: %s",
                               strerror(reader->in->error));
    if (!got.len)
        return CAPTURE_END;
    return capture_damaged(error, reader->frame_no + 1, reader->byte,
                           "the packet%s ends after %zu of %zu bytes", before ? "" : "'s header",
                           got.len - before, wanted - before);
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
    /* Before version 2.4 the lengths stood the other way round, in 2.3 with some writers. */
    if (reader->version_minor < 3 || (reader->version_minor == 3 && len > wire_len))
        swap(&len, &wire_len);
    if (len > LARGEST_PACKET)
        return capture_damaged(error, reader->frame_no + 1, reader->byte,
                               "invalid packet capture length %u, bigger than maximum of %d", len,
                               LARGEST_PACKET);
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
        .wire_len = wire_len,
        .bytes = slice_between(packet, header_len, header_len + len),
    };
    return CAPTURE_OK;
}

static uint64_t pcap_reader_dropped(const struct reader *reader) {
    (void)reader;
    return 0; /* the format cannot say */
}

const struct format format_pcap = {
    .open = pcap_reader_open,
    .next = pcap_reader_next,
    .dropped = pcap_reader_dropped,
    .close = pcap_reader_close,
};
