/* The two sides of a NAT that a capture shows both: what is outer there is inner here.
 *
 *     P:40000 <-> S   is   A:5060 <-> S      as one packet, seen on both sides, has told
 *
 * Known by both ends, as a NAT may give one outer port to several hosts for different peers; a peer
 * that was not met yet takes the newest of the outer end.
 */
#ifndef PHONE_NAT_ALIASES_H
#define PHONE_NAT_ALIASES_H

#include "phone/collect.h"

struct nat_alias {
    struct endpoint outer, inner;
    enum transport transport;
    bool server; /* inner is a server's address that is translated for its clients */
};

/* Zero-initialised is valid and empty. Bounded: the oldest give way. */
struct nat_aliases {
    ARRAY_OF(struct nat_alias) list;
    size_t next;
    struct passing_map index;
};

void nat_aliases_learn(struct nat_aliases *nat, const struct endpoint *outer,
                       const struct endpoint *inner, const struct endpoint *peer,
                       enum transport transport, int64_t t_ns, bool server);

/* Both ends of a packet, as the story has them. Returns whether one was another; *server: it was
 * that of a server. */
bool nat_aliases_translate(struct nat_aliases *nat, struct endpoint *src, struct endpoint *dst,
                           enum transport transport, bool *server);

void nat_aliases_fini(struct nat_aliases *nat);

#endif
