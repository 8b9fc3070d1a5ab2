/* snoop files (RFC 1761), as Solaris and its descendants write them. All integers are big-endian.
 *
 *   0             8         12        16
 *   | snoop 0 0 0 | version | network |                               file header
 *   | length | captured | record length | drops | sec | us | …        each packet
 *
 * A record is filled up with bytes of no meaning; the drops are all up to then.
 */
#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"
#include "capture/reader.h"

enum {
    FILE_HEADER_LEN = 16,
    VERSION_AT = 8,
    VERSION = 2,
    PACKET_HEADER_LEN = 24,
    LARGEST_PACKET = 262144,
    PADDING_MAX = 4096, /* a few bytes in practice */
};

#define NETWORK_PRIVATE UINT32_C(0x80000000)

struct reader {
    struct input *in;
    int link_type;
    size_t given; /* bytes of the record that was given last, not yet taken */
    uint32_t frame_no;
    uint64_t byte; /* where the next record begins */
    uint32_t dropped;
};

/* LINKTYPE_ values of the IANA registry "Snoop Datalink Types"; from 0x80000000 on Solaris's own.
 */
static int link_type_of(uint32_t network) {
    static const struct {
        uint32_t network;
        int link_type;
    } rows[] = {
        {0, 1},                     /* IEEE 802.3 */
        {2, 6},                     /* IEEE 802.5 Token Ring */
        {4, 1},                     /* Ethernet */
        {8, 10},                    /* FDDI */
        {16, 122},                  /* Fibre Channel */
        {18, 123},                  /* ATM Classical IP: SunATM */
        {22, 1},                    /* 100VG-AnyLAN Ethernet */
        {24, 1},                    /* ISO 8802-3 and Ethernet */
        {25, 1},                    /* 100BaseT */
        {NETWORK_PRIVATE | 5, 226}, /* ipnet */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].network == network)
            return rows[i].link_type;
    return CAPTURE_LINK_TYPE_OTHER;
}

static struct reader *snoop_reader_open(struct input *in, struct capture_error *error) {
    struct slice header = input_peek(in, FILE_HEADER_LEN);
    uint32_t version, network;

    if (header.len < FILE_HEADER_LEN) {
        capture_header_short(error, in, header.len, FILE_HEADER_LEN);
        return NULL;
    }
    slice_skip(&header, VERSION_AT);
    slice_take_u32be(&header, &version);
    slice_take_u32be(&header, &network);
    if (version != VERSION) {
        capture_damaged(error, in, 0, VERSION_AT, "snoop version %u is not known", version);
        return NULL;
    }
    struct reader *reader = memory_new_zeroed(1, sizeof *reader);
    reader->in = in;
    reader->given = FILE_HEADER_LEN;
    reader->byte = FILE_HEADER_LEN;
    reader->link_type = link_type_of(network);
    return reader;
}

/* The file ends, or cannot be read on, before the record does. */
static enum capture_status stop(const struct reader *reader, size_t got, size_t before,
                                size_t wanted, struct capture_error *error) {
    return got || reader->in->why[0] ? capture_frame_short(error, reader->in, reader->frame_no + 1,
                                                           reader->byte, got, before, wanted)
                                     : CAPTURE_END;
}

static enum capture_status snoop_reader_next(struct reader *reader, struct frame *frame,
                                             struct capture_error *error) {
    uint32_t wire_len, len, record_len, dropped, seconds, us;

    input_skip(reader->in, reader->given);
    reader->given = 0;
    struct slice record = input_peek(reader->in, PACKET_HEADER_LEN), header = record;
    if (!slice_take_u32be(&header, &wire_len) || !slice_take_u32be(&header, &len) ||
        !slice_take_u32be(&header, &record_len) || !slice_take_u32be(&header, &dropped) ||
        !slice_take_u32be(&header, &seconds) || !slice_take_u32be(&header, &us))
        return stop(reader, record.len, 0, PACKET_HEADER_LEN, error);
    if (len > LARGEST_PACKET)
        return capture_damaged(error, reader->in, reader->frame_no + 1, reader->byte,
                               "invalid packet capture length %u, bigger than maximum of %u", len,
                               LARGEST_PACKET);
    size_t end = PACKET_HEADER_LEN + len;
    if (record_len < end || record_len > end + PADDING_MAX)
        return capture_damaged(error, reader->in, reader->frame_no + 1, reader->byte,
                               "invalid record length %u for a packet of %u bytes", record_len,
                               len);
    /* The last packet's filling may be missing. */
    record = input_peek(reader->in, record_len);
    if (record.len < end)
        return stop(reader, record.len, PACKET_HEADER_LEN, end, error);

    reader->frame_no++;
    reader->given = record.len;
    reader->byte += record.len;
    if (dropped > reader->dropped)
        reader->dropped = dropped;
    *frame = (struct frame){
        .no = reader->frame_no,
        .t_ns = (int64_t)seconds * NS_PER_S + (us > INT32_MAX ? 0 : (int64_t)us * 1000),
        .link_type = reader->link_type,
        .wire_len = wire_len > len ? wire_len : len,
        .bytes = slice_between(record, PACKET_HEADER_LEN, end),
    };
    return CAPTURE_OK;
}

static uint64_t snoop_reader_dropped(const struct reader *reader) {
    return reader->dropped;
}

static void snoop_reader_close(struct reader *reader) {
    free(reader);
}

const struct format format_snoop = {
    .open = snoop_reader_open,
    .next = snoop_reader_next,
    .dropped = snoop_reader_dropped,
    .close = snoop_reader_close,
};
