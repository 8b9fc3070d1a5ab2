/* The choices among equal priorities of all accounts of a capture, pooled by the name that they
 * asked (contract section 5, order.weight): are the shares those of RFC 2782's algorithm? */
#ifndef RULES_WEIGHT_POOLS_H
#define RULES_WEIGHT_POOLS_H

#include "rules/choices.h"

/* The choices of one name's targets of one priority (and the same records). */
struct weight_pool {
    const char *name; /* the host that the accounts resolve */
    const struct choice_set *set;
    size_t choices;
    size_t *chosen; /* for each target of the set, how often */
    double chi_square;
    double p;    /* how probable shares at least as far off are; 1 until there are enough */
    bool enough; /* 30 choices or more */
};

struct weight_pools;

/* NULL where dns.weight is not rfc2782, or no answer holds a choice. */
struct weight_pools *weight_pools_new(const struct story *story, const struct expectations *expect,
                                      struct arena *arena);

/* How many pools there are; 0 for NULL. */
size_t weight_pools_count(const struct weight_pools *pools);

/* The pool that a choice belongs to; NULL: none. */
const struct weight_pool *weight_pools_find(const struct weight_pools *pools,
                                            const struct choice *choice);

#endif
