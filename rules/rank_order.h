/* Which of two entries of a server list must come before the other. */
#ifndef RULES_RANK_ORDER_H
#define RULES_RANK_ORDER_H

#include "phone/story.h"

/* By NAPTR order and preference, then by rank. Services of NAPTR records with the same order and
 * preference, and services found without NAPTR, stand in no order; nor do servers of one rank. */
static inline bool rank_before(const struct ranked_server *a, const struct ranked_server *b) {
    if (a->service != b->service) {
        if (!a->from_naptr || !b->from_naptr)
            return a->from_srv == b->from_srv && a->from_srv ? false : a->rank < b->rank;
        if (a->order == b->order && a->preference == b->preference)
            return false;
    }
    return a->rank < b->rank;
}

#endif
