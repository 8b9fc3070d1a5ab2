/* One direction of a TCP connection: segments in any order become bytes in order. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/inner.h"

struct segment;
struct tcp_conn;

struct stream {
    bool known;       /* next is */
    bool acked_known; /* acked is */
    bool syn_known;   /* isn is */
    bool fin;         /* a FIN was seen, at fin_seq */
    uint32_t isn;
    uint32_t next;  /* the byte that is to be delivered next */
    uint32_t acked; /* the other side has all bytes before it */
    uint32_t fin_seq;
    uint64_t gap_bytes;           /* missing before next and not yet told */
    int64_t given_ns;             /* when the newest bytes delivered were captured; 0: none yet */
    struct segment *first, *last; /* after holes: in order, not overlapping */
    size_t buffered;              /* their size */
};

/* Sequence numbers wrap: the distance from b to a (RFC 9293 3.4). */
static inline int32_t seq_distance(uint32_t a, uint32_t b) {
    return (int32_t)(a - b);
}

/* Bytes of a segment, of which `missing` more were cut off by the snapshot length. Returns whether
 * something of it had been sent before. */
bool stream_feed(struct net *net, struct tcp_conn *c, enum conn_side side, uint32_t seq,
                 struct slice bytes, uint32_t missing, const struct packet *packet);

/* The other side acknowledged all before ack: a hole before it is in the capture alone. */
void stream_acked(struct net *net, struct tcp_conn *c, enum conn_side side, uint32_t ack);

/* Deliver all that is left, holes as gaps. */
void stream_end(struct net *net, struct tcp_conn *c, enum conn_side side);

void stream_clear(struct stream *stream, size_t *buffered);

#endif
