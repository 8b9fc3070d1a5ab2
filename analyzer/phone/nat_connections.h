/* TCP connections that a capture shows on both sides of a NAT: one of them is told of.
 *
 *     A:49152 -> S  SYN 7        P:30000 -> S  SYN 7          the same sequence number, at once
 *     A:49152 -> S  REGISTER     P:30000 -> S  REGISTER       met in the middle: the same message
 *     S -> P:30000  200          S -> A:49152  200            from outside: P's becomes A's
 */
#ifndef PHONE_NAT_CONNECTIONS_H
#define PHONE_NAT_CONNECTIONS_H

#include "phone/nat_aliases.h"

enum { NAT_SYNS = 16, NAT_MET = 8 };

struct nat_syn {
    struct endpoint client, server;
    uint32_t isn, frame_no;
    int64_t t_ns;
    uint16_t point;
};

/* The first message on a connection that was met in the middle. */
struct nat_met {
    uint64_t content; /* 0: free */
    struct endpoint src, dst;
    uint64_t conn_id;
    uint32_t frame;
    int64_t t_ns;
    uint16_t point;
};

/* The newest. Zero-initialised is valid and empty. */
struct nat_connections {
    struct nat_syn syns[NAT_SYNS];
    struct nat_met met[NAT_MET];
    size_t next_syn, next_met;
    bool renamed; /* a connection is told of by another name than its packets have */
};

/* A connection's first SYN: is it the other side of one before? Learned then. */
bool nat_connection_begun(struct nat_connections *known, struct nat_aliases *nat,
                          const struct conn *conn, const struct packet *syn);

/* The first message on a connection that was met in the middle: is it the other side of one before?
 * Learned then; if it is the inner one, the one before takes its name. */
bool nat_connection_met(struct collection *c, struct nat_connections *known,
                        struct nat_aliases *nat, const struct message *message);

#endif
