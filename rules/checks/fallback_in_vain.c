/* Connections that a phone tried in vain, as steps of its rounds. */
#include "rules/checks/fallback_reading.h"

#include <stdlib.h>

#include "base/instant.h"

/* A SYN is repeated after this time at the latest (RFC 6298 5.7). */
#define FIRST_SYN_NS ((int64_t)3 * NS_PER_S)

static int by_first_frame(const void *a, const void *b) {
    const struct connection *const *x = a, *const *y = b;
    uint32_t of_x = (*x)->syn_frames[0], of_y = (*y)->syn_frames[0];

    return (of_x > of_y) - (of_x < of_y);
}

static void list_in_vain(struct fallback_in_vain *in_vain) {
    const struct phone *phone = in_vain->judge->phone;

    in_vain->list =
        ARENA_ARRAY(in_vain->judge->arena, const struct connection *, phone->connection_count + 1);
    for (size_t i = 0; i < phone->connection_count; i++)
        if (!phone->connections[i].accepted && phone->connections[i].syn_count)
            in_vain->list[in_vain->count++] = &phone->connections[i];
    array_sort(in_vain->list, in_vain->count, sizeof(struct connection *), by_first_frame);
}

const struct connection *fallback_in_vain_of(struct fallback_in_vain *in_vain,
                                             const struct fallback_step *step) {
    size_t low = 0, high;

    if (!in_vain->list)
        list_in_vain(in_vain);
    high = in_vain->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (in_vain->list[middle]->syn_frames[0] < step->frame)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == in_vain->count || in_vain->list[low]->syn_frames[0] != step->frame)
        return NULL;
    return in_vain->list[low];
}

int64_t fallback_done_ns(struct fallback_in_vain *in_vain, const struct fallback_step *step) {
    const struct connection *connection = fallback_in_vain_of(in_vain, step);

    if (!connection)
        return step->t_ns;
    if (connection->error_frame)
        return connection->error_ns;
    return connection->end_ns + (connection->end_ns - connection->t_ns) + FIRST_SYN_NS;
}
