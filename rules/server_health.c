/* What happened at each server, in order of time, over all accounts of a phone:
 *
 *     192.0.2.1:5060/udp   t=3 answered   t=60.5 failed   t=61 failed   t=300 answered …
 *
 * Dead at t: the newest before t is a failure, and the phone was not restarted since. */
#include "rules/server_health.h"

#include <stdlib.h>

struct sight {
    struct server server;
    int64_t t_ns;
    int64_t until_ns; /* of a Retry-After; else 0 */
    bool failed;
    size_t seen; /* the order in which sights were added */
};

struct sights {
    struct sight *items;
    size_t n, cap;
    bool failed; /* any */
};

struct server_health {
    const struct phone *phone;
    struct sight *sights; /* by server, then time */
    size_t sight_count;
    struct sight *waits; /* 503 with Retry-After, likewise */
    size_t wait_count;
};

static int compare(const void *a, const void *b) {
    const struct sight *x = a, *y = b;
    int order = server_compare(&x->server, &y->server);

    if (order)
        return order;
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (x->seen > y->seen) - (x->seen < y->seen);
}

static void see(struct sights *sights, const struct server *server, int64_t t_ns, bool failed) {
    struct sight *sight = ARRAY_PUSH(sights);

    sight->server = *server;
    sight->t_ns = t_ns;
    sight->failed = failed;
    sight->seen = sights->n;
    sights->failed = sights->failed || failed;
}

static bool status_fails(const struct failover_expectations *failover, unsigned status) {
    if (status == 503)
        return true;
    for (size_t i = 0; i < failover->on_status_count; i++)
        if (status >= failover->on_status[i].low && status <= failover->on_status[i].high)
            return true;
    return false;
}

static void see_attempt(struct sights *sights, struct sights *waits,
                        const struct failover_expectations *failover,
                        const struct attempt *attempt) {
    for (size_t i = 0; i < attempt->response_count; i++) {
        const struct response *response = &attempt->responses[i];
        see(sights, &attempt->server, response->t_ns, status_fails(failover, response->status));
        if (response->status == 503 && response->has_retry_after) {
            see(waits, &attempt->server, response->t_ns, true);
            waits->items[waits->n - 1].until_ns =
                response->t_ns + (int64_t)response->retry_after_s * 1000000000;
        }
    }
    if (attempt->outcome == OUTCOME_REFUSED)
        see(sights, &attempt->server, attempt->end_ns, true);
    /* A silence is noticed when the first send has to be repeated, not only when all is over: the
     * capture may end before that. */
    if (attempt->outcome == OUTCOME_SILENT ||
        (attempt->outcome == OUTCOME_CUT && attempt->send_count > 1 && !attempt->response_count))
        see(sights, &attempt->server,
            attempt->send_count > 1 ? attempt->send_list[1].t_ns : attempt->t_ns + STORY_T1_NS,
            true);
    /* Whether to move on after provisional responses alone is the phone's own choice (contract
     * section 6). */
    if (attempt->outcome == OUTCOME_STALLED)
        see(sights, &attempt->server, attempt->end_ns + STORY_T1_NS, true);
}

/* Where nothing failed nothing was ever dead: then none is kept. */
static struct sight *keep(struct sights *sights, struct arena *arena, size_t *count) {
    *count = sights->failed ? sights->n : 0;
    struct sight *kept = ARENA_ARRAY(arena, struct sight, *count + 1);

    if (*count) {
        array_sort(sights->items, sights->n, sizeof *sights->items, compare);
        memcpy(kept, sights->items, sights->n * sizeof *kept);
    }
    ARRAY_FINI(sights);
    return kept;
}

struct server_health *server_health_new(const struct phone *phone,
                                        const struct failover_expectations *failover,
                                        struct arena *arena) {
    struct server_health *health = arena_new(arena, sizeof *health);
    struct sights sights = {0}, waits = {0};

    for (size_t a = 0; a < phone->account_count; a++) {
        const struct account *account = &phone->accounts[a];
        for (size_t r = 0; r < account->request_count; r++)
            for (size_t i = 0; i < account->requests[r].attempt_count; i++)
                see_attempt(&sights, &waits, failover, &account->requests[r].attempts[i]);
    }
    for (size_t c = 0; c < phone->connection_count; c++) {
        const struct connection *connection = &phone->connections[c];
        if (connection->refused || connection->timed_out || connection->reset)
            see(&sights, &connection->server,
                connection->error_ns ? connection->error_ns : connection->end_ns, true);
    }
    health->phone = phone;
    health->sights = keep(&sights, arena, &health->sight_count);
    health->waits = keep(&waits, arena, &health->wait_count);
    return health;
}

/* The newest sight of a server before t_ns; NULL: none. */
static const struct sight *newest(const struct sight *sights, size_t n, const struct server *server,
                                  int64_t t_ns) {
    size_t low = 0, high = n;

    while (low < high) { /* the first that is not before (server, t_ns) */
        size_t middle = low + (high - low) / 2;
        int order = server_compare(&sights[middle].server, server);
        if (order < 0 || (order == 0 && sights[middle].t_ns < t_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low && server_eq(&sights[low - 1].server, server) ? &sights[low - 1] : NULL;
}

static bool restarted_between(const struct phone *phone, int64_t from_ns, int64_t to_ns) {
    for (size_t i = phone->restart_count; i-- > 0;)
        if (phone->restarts_ns[i] <= to_ns)
            return phone->restarts_ns[i] > from_ns;
    return false;
}

bool server_health_dead(const struct server_health *health, const struct server *server,
                        int64_t t_ns) {
    const struct sight *sight = newest(health->sights, health->sight_count, server, t_ns);

    return sight && sight->failed && !restarted_between(health->phone, sight->t_ns, t_ns);
}

bool server_health_retry_after(const struct server_health *health, const struct server *server,
                               int64_t t_ns) {
    const struct sight *wait = newest(health->waits, health->wait_count, server, t_ns);

    return wait && t_ns < wait->until_ns;
}
