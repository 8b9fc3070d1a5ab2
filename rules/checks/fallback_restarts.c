/* When a phone with two configured servers started afresh. */
#include "rules/checks/fallback_reading.h"

#include <string.h>

/* Boots, and what the story reads as a fresh start from the REGISTERs alone. At the fallback server
 * that may be the first REGISTER there, beside the one at the working server, and no restart. */
void fallback_read_restarts(struct fallback_rounds *rounds, const struct fallback_sides *sides) {
    const struct account *account = rounds->judge->account;
    struct arena *arena = rounds->judge->arena;
    int64_t *boots = ARENA_ARRAY(arena, int64_t, account->event_count + 1);
    int64_t *restarts = ARENA_ARRAY(arena, int64_t, account->event_count + 1);
    size_t boot_count = 0, n = 0;

    for (size_t i = 0; i < account->event_count; i++) {
        const struct event *event = &account->events[i];
        const struct request *request;
        if (event->kind != EVENT_RESTART)
            continue;
        if (event->request == SIZE_MAX) {
            boots[boot_count++] = restarts[n++] = event->t_ns;
            continue;
        }
        request = &account->requests[event->request];
        if (request->attempt_count &&
            fallback_side_of(sides, request, true, &request->attempts[0].server) ==
                FALLBACK_WORKING)
            restarts[n++] = event->t_ns;
    }
    rounds->boots = boots;
    rounds->boot_count = boot_count;
    rounds->restarts = restarts;
    rounds->restart_count = n;
}

static bool any_within(const int64_t *times, size_t n, int64_t from_ns, int64_t to_ns) {
    size_t low = 0, high = n;

    while (low < high) { /* the first after from */
        size_t middle = low + (high - low) / 2;
        if (times[middle] <= from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && times[low] <= to_ns;
}

bool fallback_booted(const struct fallback_rounds *rounds, int64_t from_ns, int64_t to_ns) {
    return any_within(rounds->boots, rounds->boot_count, from_ns, to_ns);
}

bool fallback_restarted(const struct fallback_rounds *rounds, int64_t from_ns, int64_t to_ns) {
    return any_within(rounds->restarts, rounds->restart_count, from_ns, to_ns);
}

bool fallback_starts(const struct fallback_rounds *rounds, const struct fallback_round *before,
                     const struct fallback_round *round) {
    const struct phone *phone = rounds->judge->phone;

    if (fallback_booted(rounds, before ? before->t_ns : INT64_MIN, round->t_ns))
        return true;
    if (before || round->credentials)
        return false;
    for (size_t i = 0; i < phone->resolution_count; i++) {
        const struct resolution *one = phone->resolutions[i];
        if (one->t_ns > round->t_ns)
            break;
        for (unsigned side = 0; side < FALLBACK_SIDES; side++)
            if (strcmp(one->host, rounds->entries[side].host) == 0)
                return true;
        if (sip_uri_has_host(rounds->judge->account->aor, one->host))
            return true;
    }
    return false;
}
