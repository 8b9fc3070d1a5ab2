/* TCP connections that are followed: found by their two ends, forgotten by age and for room. */
#ifndef NET_CONN_TABLE_H
#define NET_CONN_TABLE_H

#include "net/inner.h"
#include "net/stream.h"
#include "net/tcp_copies.h"

enum conn_state {
    STATE_HALF, /* SYN seen, not accepted */
    STATE_OPEN,
    STATE_DEAD, /* CONN_CLOSED was delivered; kept to know its late packets */
    STATE_COUNT,
};

struct tcp_conn {
    uint64_t hash;
    struct tcp_conn *chain; /* same bucket */
    struct conn conn;       /* what the handler sees */
    enum conn_state state;
    uint32_t frame_no; /* last packet */
    int64_t t_ns;
    uint8_t mac_hops[2]; /* so much was left of the packet that told each side's address; 0: none
                            of its own did */
    struct stream streams[2];
    struct tcp_conn *older, *newer; /* same state, by queued_ns */
    int64_t queued_ns;              /* its last packet when it was put at the end of its list */
    struct seen_segments seen;
};

/* A reset that is of no connection, as far as is known: its SYN may be captured only after it. */
struct lone_reset {
    struct packet packet;
    uint32_t ack; /* what it acknowledges: a SYN's sequence number and one */
};

enum { LONE_RESETS = 4 };

struct conns {
    struct lone_reset resets[LONE_RESETS]; /* the newest; frame 0: none */
    size_t next_reset;
    struct tcp_conn **buckets;
    size_t n_buckets; /* a power of two */
    size_t n;
    struct conn_list {
        struct tcp_conn *oldest, *newest;
    } lists[STATE_COUNT];
    uint64_t last_id;
    size_t buffered; /* bytes in all streams */
};

/* The connection between two ends, and which of them sent; or NULL. */
struct tcp_conn *conns_find(struct conns *conns, const struct packet *packet, enum conn_side *side);

/* A new one, its client the packet's source (or, where from_server, its destination). */
struct tcp_conn *conns_add(struct net *net, const struct packet *packet, bool from_server,
                           enum conn_state state);

void conns_touch(struct net *net, struct tcp_conn *c, enum conn_state state);
void conns_remove(struct conns *conns, struct tcp_conn *c);

/* In tcp.c: deliver what is left and the last call; the connection is dead then. */
void tcp_finish(struct net *net, struct tcp_conn *c, const struct packet *packet);

#endif
