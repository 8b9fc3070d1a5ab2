/* The lists of several configured servers as one, in the order of their entries. */
#ifndef RULES_JOINED_LISTS_H
#define RULES_JOINED_LISTS_H

#include "rules/rule.h"

struct joined_lists {
    struct arena *arena;
    struct server_list *of; /* those that were joined last; room for as many as there are entries */
    size_t of_count;
    struct server_list list; /* what came of it */
};

/* Lists one after the other, the ranks counting on. Where nothing changed since the last time, it
 * is what came out then. */
struct server_list joined_lists(struct joined_lists *joined, const struct server_list *lists,
                                size_t n);

#endif
