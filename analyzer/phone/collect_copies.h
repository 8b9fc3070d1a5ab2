/* Packets that the capture holds more than once count once.
 *
 *     mirror port, bridge, tunnel   A -> S, A -> S           same ends, identification, bytes
 *     router                        the same; another MAC, a hop less
 *     NAT                           A -> S, P -> S           the same request from another address:
 *                                   S -> P, S -> A           P:port is A:port from then on
 *     NAT that reads SIP (ALG)      A -> S, P -> S           same identification, branch and CSeq
 *     two points of a merged set    as above, up to 400 ms apart
 *
 * What the phone itself sends twice is kept. Its IP stack numbers the packet anew (RFC 6864), or,
 * if it numbers none, the packets around it tell whether all come twice there (phone/sent_twice.h).
 *
 * A proxy or border controller is no NAT: it adds a Via or has a branch of its own, and sends to
 * somebody else.
 */
#ifndef PHONE_COLLECT_COPIES_H
#define PHONE_COLLECT_COPIES_H

#include "phone/message.h"

struct collection;
struct copies;

/* What a message became in the collection. */
enum copied {
    COPIED_NOTHING,
    COPIED_SEND,
    COPIED_RESPONSE,
    COPIED_QUERY,
    COPIED_ANSWER, /* of a query that is not there */
    COPIED_WAITING
};

struct copies *copies_new(void);
void copies_free(struct copies *copies);

/* NULL: a copy of a message before. Else the message as the story has it: with the ends that it has
 * on the phone's side of a NAT (a copy in *room), or as it is. */
const struct message *copies_message(struct collection *c, const struct message *message,
                                     struct message *room);
/* The message at hand became this: an index into the collection's transactions (a send), responses
 * or queries. */
void copies_became(struct collection *c, enum copied what, uint32_t index);
/* Nothing more comes of the message at hand. */
void copies_done(struct collection *c);

/* The same of an ICMP error, by what it quotes; false: a copy. */
bool copies_error(struct collection *c, struct icmp_error *error);
/* A datagram that is neither SIP nor DNS; true: a copy. */
bool copies_datagram(struct collection *c, const struct datagram *datagram);
/* A connection's first SYN: is it the other side of a NAT of a connection before? Its data is then
 * ignored, and collect_conn has nothing to do with it. */
bool copies_connection(struct collection *c, struct conn *conn, const struct packet *syn);
static inline bool copies_has(const struct conn *conn) {
    return conn->noted == UINT32_MAX;
}

/* All is there: what could not be decided is. */
void copies_end(struct collection *c);

#endif
