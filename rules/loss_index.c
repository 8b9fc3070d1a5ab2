/* Signs of loss by time: groups of signs in order of their start, each with the longest-lasting
 * sign so far, as in
 *
 *     from   1    3    4    9        query [5, 6]: the last that starts by 6 is the third;
 *     to     2    8    5   10        the longest up to there is the second, and 8 >= 5: found
 *     longest 0   1    1    3
 *
 * One group holds all signs, for queries that ask of no server; then there is a group for each
 * server, and one for the signs that are tied to none. */
#include "rules/loss_index.h"

#include <stdlib.h>

struct entry {
    const struct loss_sign *sign;
    size_t longest;
};

struct loss_index {
    struct entry *by_time;   /* every sign */
    struct entry *by_server; /* every sign, by server (none first), then time */
    size_t n;
};

static int compare_time(const void *a, const void *b) {
    const struct loss_sign *x = ((const struct entry *)a)->sign;
    const struct loss_sign *y = ((const struct entry *)b)->sign;

    return x->from_ns != y->from_ns ? (x->from_ns < y->from_ns ? -1 : 1) : (x > y) - (x < y);
}

static int compare_server(const void *a, const void *b) {
    const struct loss_sign *x = ((const struct entry *)a)->sign;
    const struct loss_sign *y = ((const struct entry *)b)->sign;
    int order = ip_compare(&x->server, &y->server);

    return order ? order : compare_time(a, b);
}

static void note_longest(struct entry *entries, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        entries[i].longest = i;
        if (i > first && entries[entries[i - 1].longest].sign->to_ns > entries[i].sign->to_ns)
            entries[i].longest = entries[i - 1].longest;
    }
}

struct loss_index *loss_index_new(const struct phone *phone, struct arena *arena) {
    struct loss_index *index = arena_new(arena, sizeof *index);
    size_t n = phone->loss_count;

    if (!n)
        return index;
    index->n = n;
    index->by_time = ARENA_ARRAY(arena, struct entry, n);
    index->by_server = ARENA_ARRAY(arena, struct entry, n);
    for (size_t i = 0; i < n; i++)
        index->by_time[i].sign = index->by_server[i].sign = &phone->losses[i];
    qsort(index->by_time, n, sizeof(struct entry), compare_time);
    note_longest(index->by_time, 0, n);
    qsort(index->by_server, n, sizeof(struct entry), compare_server);
    for (size_t first = 0, end; first < n; first = end) {
        const struct ip_addr *server = &index->by_server[first].sign->server;
        for (end = first + 1; end < n && ip_eq(&index->by_server[end].sign->server, server);)
            end++;
        note_longest(index->by_server, first, end);
    }
    return index;
}

struct loss_index *loss_index_likely(const struct phone *phone, struct arena *arena,
                                     bool (*wanted)(enum loss_kind kind)) {
    struct loss_sign *signs = ARENA_ARRAY(arena, struct loss_sign, phone->loss_count + 1);
    struct phone some = {.losses = signs};

    for (size_t i = 0; i < phone->loss_count; i++) {
        struct loss_sign sign = phone->losses[i];
        if (wanted && !wanted(sign.kind))
            continue;
        if (sign.kind == LOSS_RESPONSE_ONLY && sign.from_ns < sign.to_ns - STORY_T1_NS)
            sign.from_ns = sign.to_ns - STORY_T1_NS;
        signs[some.loss_count++] = sign;
    }
    return loss_index_new(&some, arena);
}

/* In entries[first, end), a group in order of time. */
static const struct loss_sign *find_in(const struct entry *entries, size_t first, size_t end,
                                       int64_t from_ns, int64_t to_ns) {
    size_t low = first, high = end;

    while (low < high) { /* the first that starts after to_ns */
        size_t middle = low + (high - low) / 2;
        if (entries[middle].sign->from_ns <= to_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == first)
        return NULL;
    const struct loss_sign *longest = entries[entries[low - 1].longest].sign;
    return longest->to_ns >= from_ns ? longest : NULL;
}

/* The first entry of by_server that is not before (after false) or is behind (after true) a server.
 */
static size_t server_bound(const struct loss_index *index, const struct ip_addr *server,
                           bool after) {
    size_t low = 0, high = index->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ip_compare(&index->by_server[middle].sign->server, server);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct loss_sign *loss_index_find(const struct loss_index *index, int64_t from_ns,
                                        int64_t to_ns, const struct ip_addr *server) {
    static const struct ip_addr any = {.len = 0};
    const struct loss_sign *sign;

    if (!index->n)
        return NULL;
    if (!server)
        return find_in(index->by_time, 0, index->n, from_ns, to_ns);
    sign = find_in(index->by_server, server_bound(index, &any, false),
                   server_bound(index, &any, true), from_ns, to_ns);
    if (sign)
        return sign;
    return find_in(index->by_server, server_bound(index, server, false),
                   server_bound(index, server, true), from_ns, to_ns);
}
