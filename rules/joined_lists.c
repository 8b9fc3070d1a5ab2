/* The lists of several configured servers as one. */
#include "rules/joined_lists.h"

#include <string.h>

/* Copy servers behind those that are there, their ranks after `rank`; *last: the highest so far. */
static size_t append(struct ranked_server *to, size_t n, const struct ranked_server *from,
                     size_t count, unsigned rank, unsigned *last) {
    for (size_t i = 0; i < count; i++) {
        to[n + i] = from[i];
        to[n + i].rank += rank;
        if (to[n + i].rank > *last)
            *last = to[n + i].rank;
    }
    return n + count;
}

/* Lists one after the other, the ranks counting on. */
static void join(struct joined_lists *joined, const struct server_list *lists, size_t n) {
    size_t servers = 0, unresolved = 0;
    unsigned rank = 0;

    joined->list = lists[0];
    joined->list.count = joined->list.unresolved_count = 0;
    for (size_t i = 0; i < n; i++) {
        servers += lists[i].count;
        unresolved += lists[i].unresolved_count;
        joined->list.complete = joined->list.complete && lists[i].complete;
    }
    struct ranked_server *known = ARENA_ARRAY(joined->arena, struct ranked_server, servers + 1);
    struct ranked_server *unknown =
        ARENA_ARRAY(joined->arena, struct ranked_server, unresolved + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned last = rank;
        joined->list.count =
            append(known, joined->list.count, lists[i].servers, lists[i].count, rank, &last);
        joined->list.unresolved_count =
            append(unknown, joined->list.unresolved_count, lists[i].unresolved,
                   lists[i].unresolved_count, rank, &last);
        rank = last;
    }
    joined->list.servers = known;
    joined->list.unresolved = unknown;
}

struct server_list joined_lists(struct joined_lists *joined, const struct server_list *lists,
                                size_t n) {
    bool same = joined->of_count == n;

    for (size_t i = 0; same && i < n; i++)
        same = joined->of[i].servers == lists[i].servers && joined->of[i].count == lists[i].count &&
               joined->of[i].unresolved == lists[i].unresolved;
    if (!same) {
        join(joined, lists, n);
        joined->of_count = n;
        memcpy(joined->of, lists, n * sizeof *lists);
    }
    return joined->list;
}
