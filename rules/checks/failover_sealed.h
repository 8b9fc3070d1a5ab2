/* What a failed connection of a phone of which nothing can be read proves about failover (contract
 * section 6, Encrypted): the request that it was opened for may have been anything, and may have
 * gone on in any connection that stood.
 *
 *     A refused   B                 moved: B is in A's list, and no other connection stood between
 *     A refused   A refused  A …    stayed: longer than any timer, nothing else was tried, and
 *                                   nothing stood before, so that it was no BYE, no ping, no probe
 *     B stands    A refused         hidden
 */
#ifndef RULES_CHECKS_FAILOVER_SEALED_H
#define RULES_CHECKS_FAILOVER_SEALED_H

#include "rules/checks/failover_walk.h"

enum sealed_course {
    SEALED_MOVED,     /* to another server of the list */
    SEALED_STAYED,    /* although another server of the list is owed a try */
    SEALED_NO_LIST,   /* nobody knows where else it could go */
    SEALED_NOWHERE,   /* there is no other server, or a restart ended it */
    SEALED_UNTIL_END, /* the capture ends too early */
    SEALED_LOST,      /* packets that the capture missed may tell otherwise */
    SEALED_HIDDEN,    /* what could not be read may tell otherwise */
};

/* Are the requests that are judged connections alone, of which nothing could be read? */
static inline bool failover_is_sealed(const struct judge *judge) {
    return !judge->account->aor;
}

/* Attempt `index`, which failed; the walk has just stepped to it. */
enum sealed_course failover_sealed_course(const struct failover_walk *walk, size_t index);

/* Has any connection that could not be read stood until t? One that the capture met in the middle
 * has stood all the time. */
bool failover_sealed_stood(const struct judge *judge, int64_t t_ns);

#endif
