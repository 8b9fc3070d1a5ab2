/* One order of time for all that an account did.
 *
 * What repeats is found by the sameness of moments: a phone that renews its registration each hour
 * does  lookup REGISTER REGISTER registered | lookup REGISTER REGISTER registered | ...
 *       └─────────── period 4 ───────────┘
 */
#include "report/timeline.h"

#include <stdlib.h>

enum { PERIOD_MAX = 12 };

/* Of what happens at one instant: a move is told before the attempt that it leads to. */
static int rank(const struct moment *moment) {
    if (moment->kind == MOMENT_LOOKUP)
        return 0;
    if (moment->kind == MOMENT_ATTEMPT || moment->kind == MOMENT_CONNECTION)
        return 2;
    switch (moment->event->kind) {
    case EVENT_FAILOVER:
    case EVENT_FAILBACK:
    case EVENT_PROBE:
    case EVENT_RESTART:
        return 1;
    case EVENT_OUTAGE:
    case EVENT_RECOVERY:
    case EVENT_REGISTERED:
    case EVENT_LAPSED:
    case EVENT_UNREGISTERED:
    case EVENT_CALL:
    case EVENT_KIND_COUNT:
        break;
    }
    return 3;
}

static int compare_moments(const void *one, const void *other) {
    const struct moment *a = one, *b = other;

    if (a->t_ns != b->t_ns)
        return a->t_ns < b->t_ns ? -1 : 1;
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* ---- sameness ---- */

static uint64_t add_number(uint64_t hash, uint64_t n) {
    return hash_bytes(&n, sizeof n, hash);
}

static uint64_t add_text(uint64_t hash, const char *text) {
    return text ? hash_bytes(text, strlen(text), hash) : add_number(hash, 0);
}

static uint64_t add_server(uint64_t hash, const struct server *server) {
    hash = hash_bytes(server->ip.bytes, sizeof server->ip.bytes, hash);
    return add_number(hash, (uint64_t)server->port << 8 | server->transport);
}

static uint64_t sameness_of_lookup(const struct resolution *lookup) {
    uint64_t hash = add_text(add_number(1, lookup->outcome), lookup->host);

    for (size_t i = 0; i < lookup->query_count; i++)
        hash = add_text(add_number(hash, lookup->queries[i]->type), lookup->queries[i]->name);
    uint64_t servers = 0; /* in a rank, name servers rotate addresses: order does not matter */
    for (size_t i = 0; i < lookup->server_count; i++)
        servers += add_server(add_number(2, lookup->servers[i].rank), &lookup->servers[i].server);
    return add_number(hash, servers);
}

static uint64_t sameness_of_attempt(const struct request *request, size_t index) {
    const struct attempt *attempt = &request->attempts[index];
    uint64_t hash = add_text(add_number(3, index), request->method_text);

    hash = add_number(add_server(hash, &attempt->server), attempt->outcome);
    hash = add_number(add_number(hash, attempt->final_status), attempt->tries);
    return add_number(hash, request->unregister);
}

static uint64_t sameness_of_event(const struct event *event) {
    uint64_t hash = add_number(add_number(4, event->kind), event->method);

    hash = add_server(add_server(hash, &event->from), &event->to);
    return add_number(add_server(hash, &event->server), event->expires_s);
}

static uint64_t sameness_of_connection(const struct connection *connection) {
    uint64_t hash = add_server(5, &connection->server);

    hash = add_text(add_number(hash, connection->syn_count), connection->server_name);
    return add_number(hash, (uint64_t)connection_is_opaque(connection) << 2 |
                                (uint64_t)connection->refused << 1 | connection->timed_out);
}

/* ---- building ---- */

static struct moment *add(struct timeline *timeline, enum moment_kind kind, int64_t t_ns,
                          uint32_t frame, uint64_t sameness) {
    size_t order = timeline->moments.n;
    struct moment *moment = ARRAY_PUSH(&timeline->moments);

    *moment = (struct moment){
        .kind = kind, .t_ns = t_ns, .frame = frame, .sameness = sameness, .order = order};
    return moment;
}

static uint32_t first_frame(const struct resolution *lookup) {
    const struct query *query = lookup->query_count ? lookup->queries[0] : NULL;

    return !query ? 0 : query->send_count ? query->frames[0] : query->answer_frame;
}

/* The frame that was on the wire at the event's time. */
static uint32_t event_frame(const struct account *account, const struct event *event) {
    bool move = event->kind == EVENT_FAILOVER || event->kind == EVENT_FAILBACK ||
                event->kind == EVENT_PROBE;

    if (move && event->request < account->request_count) {
        const struct request *request = &account->requests[event->request];
        if (event->attempt < request->attempt_count && request->attempts[event->attempt].send_count)
            return request->attempts[event->attempt].send_list[0].frame;
    }
    if (event->frame_count == 0 || event->kind == EVENT_LAPSED)
        return 0; /* a registration runs out without a frame */
    return event->frames[0];
}

static void add_connections(struct timeline *timeline, const struct phone *phone,
                            const struct account *account) {
    for (size_t i = 0; i < phone->connection_count && phone->account_count == 1; i++) {
        const struct connection *connection = &phone->connections[i];
        if (account->aor && !connection_is_opaque(connection))
            continue;
        add(timeline, MOMENT_CONNECTION, connection->t_ns,
            connection->syn_count ? connection->syn_frames[0] : 0,
            sameness_of_connection(connection))
            ->connection = connection;
    }
}

void timeline_build(struct timeline *timeline, const struct phone *phone,
                    const struct account *account) {
    *timeline = (struct timeline){0};
    for (size_t i = 0; i < account->resolution_count; i++) {
        const struct resolution *lookup = account->resolutions[i];
        add(timeline, MOMENT_LOOKUP, lookup->t_ns, first_frame(lookup), sameness_of_lookup(lookup))
            ->lookup = lookup;
    }
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        for (size_t k = 0; k < request->attempt_count; k++) {
            const struct attempt *attempt = &request->attempts[k];
            struct moment *moment = add(timeline, MOMENT_ATTEMPT, attempt->t_ns,
                                        attempt->send_count ? attempt->send_list[0].frame : 0,
                                        sameness_of_attempt(request, k));
            moment->request = request;
            moment->attempt = k;
        }
    }
    for (size_t i = 0; i < account->event_count; i++) {
        const struct event *event = &account->events[i];
        add(timeline, MOMENT_EVENT, event->t_ns, event_frame(account, event),
            sameness_of_event(event))
            ->event = event;
    }
    add_connections(timeline, phone, account);
    if (timeline->moments.n)
        qsort(timeline->moments.items, timeline->moments.n, sizeof *timeline->moments.items,
              compare_moments);
}

void timeline_fini(struct timeline *timeline) {
    ARRAY_FINI(&timeline->moments);
}

static bool same(const struct timeline *timeline, size_t a, size_t b, size_t n) {
    if (b + n > timeline->moments.n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (timeline->moments.items[a + i].sameness != timeline->moments.items[b + i].sameness)
            return false;
    return true;
}

static bool is_move(const struct moment *moment) {
    return moment->kind == MOMENT_EVENT && rank(moment) == 1;
}

/* A request begins, or what stands for one. */
static bool is_begin(const struct moment *moment) {
    return moment->kind == MOMENT_CONNECTION ||
           (moment->kind == MOMENT_ATTEMPT && moment->attempt == 0);
}

/* Does a round of `period` moments begin where the phone begins something: at a lookup, where it
 * has one, else at a request or the move that leads to it? Of  REGISTER registered lookup | ...  a
 * reader would not see that the lookup comes first, nor where the request after it went. */
static bool round_begins(const struct timeline *timeline, size_t at, size_t period) {
    const struct moment *round = timeline->moments.items + at;
    size_t lookups = 0, requests = 0;

    if (at + period > timeline->moments.n)
        return false;
    for (size_t i = 0; i < period; i++) {
        lookups += round[i].kind == MOMENT_LOOKUP;
        requests += is_begin(&round[i]);
    }
    if (lookups == period || lookups + requests == 0)
        return true;
    if (lookups)
        return round[0].kind == MOMENT_LOOKUP && round[period - 1].kind != MOMENT_LOOKUP;
    return (is_move(&round[0]) || is_begin(&round[0])) && !is_move(&round[period - 1]);
}

size_t timeline_repeats(const struct timeline *timeline, size_t at, size_t *period) {
    for (*period = 1; *period <= PERIOD_MAX; ++*period) {
        size_t copies = 1;
        if (!round_begins(timeline, at, *period))
            continue;
        while (same(timeline, at, at + copies * *period, *period))
            copies++;
        if (copies > 1)
            return copies;
    }
    *period = 1;
    return 1;
}
