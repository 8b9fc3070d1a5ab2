/* Frames, each a link type, a pause and a length in front: every connection has one last call and
 * nothing after it, and no more bytes are delivered than were fed, however they overlap. */
#include <stdlib.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CONNS = 4096 };

struct seen {
    size_t fed, delivered;
    bool closed[MAX_CONNS];
};

static void must_be_open(struct seen *seen, const struct conn *conn) {
    if (conn->id < MAX_CONNS && seen->closed[conn->id])
        abort();
}

static void see_conn(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                     const struct packet *packet) {
    struct seen *seen = context;

    (void)side;
    (void)packet;
    must_be_open(seen, conn);
    if (fact == CONN_CLOSED && conn->id < MAX_CONNS)
        seen->closed[conn->id] = true;
}

static void see_piece(void *context, struct conn *conn, enum conn_side side,
                      const struct stream_piece *piece) {
    struct seen *seen = context;

    (void)side;
    must_be_open(seen, conn);
    if (!piece->bytes.len && !piece->gap_bytes)
        abort();
    seen->delivered += piece->bytes.len;
}

static void see_datagram(void *context, const struct datagram *datagram) {
    struct seen *seen = context;

    if (!datagram->frame_count || datagram->bytes.len > datagram->full_len)
        abort();
    seen->delivered += datagram->bytes.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int link_types[] = {1,   101, 113, 276, 0,   9,   50,  104, 105, 127,
                                     119, 163, 192, 51,  166, 204, 219, 239, 253, 258,
                                     149, 226, 107, 100, 106, 123, 6,   7,   10,  129,
                                     138, 8,   109, 117, 274, 281, 282, 284, 285};
    struct seen seen = {0};
    const struct net_handler handler = {
        .context = &seen, .datagram = see_datagram, .conn = see_conn, .piece = see_piece};
    struct net *net = net_new(&handler);
    struct slice in = slice_of(data, size), bytes;
    struct frame frame = {0};
    uint8_t kind, pause_s;
    uint16_t len;

    while (slice_take_u8(&in, &kind) && slice_take_u8(&in, &pause_s) &&
           slice_take_u16be(&in, &len)) {
        bytes = slice_between(in, 0, len);
        slice_skip(&in, bytes.len);
        uint8_t *exact = memory_new(bytes.len);
        if (bytes.len)
            memcpy(exact, bytes.ptr, bytes.len);
        frame.no++;
        frame.t_ns += pause_s * INT64_C(1000000000);
        frame.link_type = link_types[kind % (sizeof link_types / sizeof *link_types)];
        frame.wire_len = len; /* what the input lacks was cut */
        frame.bytes = slice_of(exact, bytes.len);
        seen.fed += bytes.len;
        net_feed(net, &frame);
        free(exact);
    }
    net_end(net);
    net_free(net);
    if (seen.delivered > seen.fed)
        abort();
    return 0;
}
