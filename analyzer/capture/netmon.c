/* Files of Microsoft's Network Monitor (CAPTUREFILE_HEADER_VALUES of its Netmon.h, and the chapter
 * "Capture File Format" of its help). All integers are little-endian.
 *
 *   0      4       5       6         8            24             28              128
 *   | GMBU | minor | major | network | SYSTEMTIME | table offset | table length … |   file header
 *   | us (8)       | length | captured | … | trailer      each frame of version 2
 *   | ms | length (2) | captured (2)   | …                of version 1 ("RTSS")
 *
 * Times count from that of the file header, which names no time zone: it is taken for UTC. A
 * trailer (from 2.1 on) tells the frame's network (2), 2.2 adds a process (4), 2.3 the time in UTC
 * (8), as FILETIME, and a time zone (1).
 *
 * Where frames are, the frame table tells, one offset a frame, which stands behind them. In a file
 * that can be read from anywhere it is followed. Else, and where it is missing, the frames are
 * taken one after another, as they lie in all but a few files.
 */
#include <stdlib.h>
#include <time.h>

#include "base/instant.h"
#include "base/memory.h"
#include "capture/reader.h"

enum {
    FILE_HEADER_LEN = 128,
    MINOR_AT = 4,
    ENTRY_LEN = 4,
    ENTRIES_AT_ONCE = 1024,
    HEADER_1_LEN = 8,
    HEADER_2_LEN = 16,
    LARGEST_PACKET = 262144,
    NETWORKS_OF_PCAP = 0xe000, /* with a LINKTYPE_ value in the lower twelve bits */
    NETWORK_WIFI_MESSAGE = 0xe080,
    NETWORK_MESSAGES_END = 0xe08b, /* of other captures of Microsoft's, from 0xe080 on */
    NETWORK_EVENT = 0xffe0,        /* from here on what is no frame of a network */
    NETWORK_PAYLOAD = 0xfffc,      /* these three Wireshark does not count */
    NETWORK_DNS_CACHE = 0xfffe,
    NETWORK_WIFI = 6,
    WIFI_METADATA_MIN = 32,
    LINKTYPE_IEEE802_11 = 105,
};

/* 1601 to 1970, in the 100 ns of FILETIME. */
#define FILETIME_EPOCH UINT64_C(116444736000000000)

struct reader {
    struct input *in;
    unsigned major, minor;
    uint16_t network; /* of all frames, before 2.1 */
    int64_t start_ns;
    uint64_t table, table_end; /* offsets of what is left of the frame table and of its end */
    bool by_table;
    uint64_t end; /* where frames end that are taken one after another */
    uint8_t entries[ENTRIES_AT_ONCE * ENTRY_LEN];
    struct slice known; /* of the entries, those to come */
    size_t given;       /* bytes of the frame that was given last, not yet taken */
    uint64_t byte;      /* where the next frame begins, or the last one ended */
    uint32_t frame_no;
};

/* One frame as it lies in the file. */
struct record {
    int64_t t_ns;
    uint32_t wire_len, len;
    uint16_t network;
    struct slice bytes;
};

/* Read ahead in the frame table; false: it has no more. */
static bool next_entries(struct reader *reader) {
    uint64_t left = reader->table_end - reader->table;
    size_t wanted = left < sizeof reader->entries ? (size_t)left : sizeof reader->entries;
    size_t got = input_read_at(reader->in, reader->table, reader->entries, wanted);

    got -= got % ENTRY_LEN;
    reader->known = slice_of(reader->entries, got);
    reader->table += got;
    return got != 0;
}

static int64_t time_of(const uint16_t at[8]) {
    /* year, month, day of the week, day, hour, minute, second, millisecond */
    struct tm tm = {
        .tm_year = at[0] - 1900,
        .tm_mon = at[1] - 1,
        .tm_mday = at[3],
        .tm_hour = at[4],
        .tm_min = at[5],
        .tm_sec = at[6],
    };

    int64_t seconds = timegm(&tm);
    if (seconds < 0)
        return 0;
    if (seconds >= CAPTURE_TIME_MAX_NS / NS_PER_S)
        return CAPTURE_TIME_MAX_NS;
    return seconds * NS_PER_S + (int64_t)at[7] * 1000000;
}

static struct reader *netmon_reader_open(struct input *in, struct capture_error *error) {
    struct slice header = input_peek(in, FILE_HEADER_LEN);
    uint32_t table = 0, table_len = 0;
    uint8_t minor = 0, major = 0;
    uint16_t start[8];

    if (header.len < FILE_HEADER_LEN) {
        capture_header_short(error, in, header.len, FILE_HEADER_LEN);
        return NULL;
    }
    struct reader *reader = memory_new_zeroed(1, sizeof *reader);
    slice_skip(&header, MINOR_AT);
    slice_take_u8(&header, &minor);
    slice_take_u8(&header, &major);
    slice_take_u16le(&header, &reader->network);
    for (size_t i = 0; i < sizeof start / sizeof *start; i++)
        slice_take_u16le(&header, &start[i]);
    slice_take_u32le(&header, &table);
    slice_take_u32le(&header, &table_len);
    if (major != 1 && major != 2) {
        capture_damaged(error, in, 0, MINOR_AT, "Network Monitor version %u.%u is not known", major,
                        minor);
        free(reader);
        return NULL;
    }
    reader->in = in;
    reader->major = major;
    reader->minor = minor;
    reader->start_ns = time_of(start);
    reader->given = FILE_HEADER_LEN;
    reader->byte = FILE_HEADER_LEN;
    reader->table = table;
    reader->table_end = (uint64_t)table + table_len - table_len % ENTRY_LEN;
    uint8_t last;
    reader->by_table = reader->table < reader->table_end &&
                       input_read_at(in, reader->table_end - 1, &last, 1) == 1;
    /* Of a capture that was broken off the header says nothing. */
    reader->end = table && !reader->by_table ? table : UINT64_MAX;
    return reader;
}

/* The file ends, or cannot be read on, before the frame does. */
static enum capture_status stop(const struct reader *reader, size_t got, size_t before,
                                size_t wanted, struct capture_error *error) {
    uint32_t no = reader->frame_no + 1;

    if (!got && !before && !reader->in->why[0]) {
        if (!reader->by_table && reader->end == UINT64_MAX)
            return CAPTURE_END;
        return capture_damaged(error, reader->in, no, reader->byte, "the file ends before %s",
                               reader->by_table ? "it" : "its frame table");
    }
    return capture_frame_short(error, reader->in, no, reader->byte, got, before, wanted);
}

/* What a header cannot say; without the frame table, it may be none. */
static enum capture_status no_frame(const struct reader *reader, struct capture_error *error) {
    return capture_damaged(error, reader->in, reader->frame_no + 1, reader->byte,
                           reader->by_table
                               ? "invalid packet capture length"
                               : "no frame follows the one before; where they are, the frame table "
                                 "tells, which can be followed in an uncompressed file only");
}

/* Go where the next frame begins: CAPTURE_OK, or how it ends. */
static enum capture_status go_on(struct reader *reader, struct capture_error *error) {
    uint32_t at;

    input_skip(reader->in, reader->given);
    reader->given = 0;
    if (!reader->by_table)
        return reader->byte == reader->end ? CAPTURE_END : CAPTURE_OK;
    if (!slice_take_u32le(&reader->known, &at)) {
        if (!next_entries(reader))
            return CAPTURE_END;
        slice_take_u32le(&reader->known, &at);
    }
    if (at < reader->byte)
        return capture_damaged(error, reader->in, reader->frame_no + 1, at,
                               "the frame table names it behind byte %llu",
                               (unsigned long long)reader->byte);
    input_skip(reader->in, at - reader->byte);
    reader->byte = at;
    return CAPTURE_OK;
}

static size_t trailer_len(const struct reader *reader) {
    static const size_t lens[] = {0, 2, 6, 15};

    return reader->major == 1 ? 0 : lens[reader->minor < 3 ? reader->minor : 3];
}

/* A 64-bit integer; what is missing is taken for 0. */
static uint64_t take_u64le(struct slice *in) {
    uint32_t low = 0, high = 0;

    slice_take_u32le(in, &low);
    slice_take_u32le(in, &high);
    return (uint64_t)high << 32 | low;
}

/* ticks: of 100 ns, since the start of the capture; negative ones are those of frames before it. */
static int64_t after_start(const struct reader *reader, int64_t ticks) {
    if (ticks > CAPTURE_TIME_MAX_NS / 100)
        return CAPTURE_TIME_MAX_NS;
    if (ticks < -CAPTURE_TIME_MAX_NS / 100)
        return 0;
    return reader->start_ns + ticks * 100;
}

static void read_trailer(struct slice trailer, struct record *record) {
    if (!slice_take_u16le(&trailer, &record->network) || !slice_skip(&trailer, 4) || !trailer.len)
        return;
    uint64_t utc = take_u64le(&trailer);
    if (utc > FILETIME_EPOCH && (utc - FILETIME_EPOCH) <= (uint64_t)CAPTURE_TIME_MAX_NS / 100)
        record->t_ns = (int64_t)(utc - FILETIME_EPOCH) * 100;
}

/* Take the frame that begins here. */
static enum capture_status take_record(struct reader *reader, struct record *record,
                                       struct capture_error *error) {
    size_t header_len = reader->major == 1 ? HEADER_1_LEN : HEADER_2_LEN;
    struct slice all = input_peek(reader->in, header_len), header = all;

    if (all.len < header_len)
        return stop(reader, all.len, 0, header_len, error);
    if (reader->major == 1) {
        uint32_t ms;
        uint16_t wire_len, len;
        slice_take_u32le(&header, &ms);
        slice_take_u16le(&header, &wire_len);
        slice_take_u16le(&header, &len);
        *record = (struct record){.wire_len = wire_len, .len = len};
        record->t_ns = after_start(reader, (int64_t)ms * 10000);
    } else {
        /* Times ten it is a signed number. */
        int64_t ticks = (int64_t)(take_u64le(&header) * 10);
        *record = (struct record){.t_ns = after_start(reader, ticks)};
        slice_take_u32le(&header, &record->wire_len);
        slice_take_u32le(&header, &record->len);
    }
    size_t len = header_len + record->len + trailer_len(reader);
    bool fits = reader->byte < reader->end && len <= reader->end - reader->byte;
    bool sensible = reader->by_table || (record->len && record->len <= record->wire_len);
    if (record->len > LARGEST_PACKET || !fits || !sensible)
        return no_frame(reader, error);
    all = input_peek(reader->in, len);
    if (all.len < len)
        return stop(reader, all.len, header_len, len, error);
    record->bytes = slice_between(all, header_len, header_len + record->len);
    record->network = reader->network;
    read_trailer(slice_between(all, header_len + record->len, len), record);
    reader->given = len;
    reader->byte += len;
    return CAPTURE_OK;
}

static int link_type_of(uint16_t network) {
    /* NDIS media; from 5 on Network Monitor gives them meanings of its own. Captures through a VPN
     * have Ethernet as 0. */
    static const int link_types[] = {
        [0] = 1,   [1] = 1,   [2] = 6,   [3] = 10, [NETWORK_WIFI] = LINKTYPE_IEEE802_11,
        [7] = 101, [8] = 101, [9] = 101, /* tunnels, wireless WAN, raw IP */
    };

    if (network < sizeof link_types / sizeof *link_types && link_types[network])
        return link_types[network];
    if (network == NETWORK_WIFI_MESSAGE)
        return LINKTYPE_IEEE802_11;
    if (network >> 12 == NETWORKS_OF_PCAP >> 12 &&
        (network < NETWORK_WIFI_MESSAGE || network >= NETWORK_MESSAGES_END))
        return network & 0x0fff;
    return CAPTURE_LINK_TYPE_OTHER;
}

/* Before 802.11 frames: version (1), length of this (2), radio … */
static void cut_wifi_metadata(struct frame *frame) {
    struct slice in = frame->bytes;
    uint16_t len = 0;

    slice_skip(&in, 1);
    if (slice_take_u16le(&in, &len) && len >= WIFI_METADATA_MIN && len <= frame->bytes.len) {
        slice_skip(&frame->bytes, len);
        frame->wire_len -= len;
    }
}

static enum capture_status netmon_reader_next(struct reader *reader, struct frame *frame,
                                              struct capture_error *error) {
    enum capture_status status;
    struct record record;

    do {
        if ((status = go_on(reader, error)) != CAPTURE_OK ||
            (status = take_record(reader, &record, error)) != CAPTURE_OK)
            return status;
        if (record.network < NETWORK_PAYLOAD || record.network > NETWORK_DNS_CACHE)
            reader->frame_no++;
    } while (record.network >= NETWORK_EVENT);
    *frame = (struct frame){
        .no = reader->frame_no,
        .t_ns = record.t_ns < 0 ? 0 : record.t_ns,
        .link_type = link_type_of(record.network),
        .wire_len = record.wire_len > record.len ? record.wire_len : record.len,
        .bytes = record.bytes,
    };
    if (record.network == NETWORK_WIFI)
        cut_wifi_metadata(frame);
    return CAPTURE_OK;
}

static void netmon_reader_close(struct reader *reader) {
    free(reader);
}

const struct format format_netmon = {
    .open = netmon_reader_open,
    .next = netmon_reader_next,
    .close = netmon_reader_close,
};
