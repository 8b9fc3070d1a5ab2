/* Connections are divided among the names that led to their servers, and each name's become
 * requests in order of time. */
#include "rules/connection_requests.h"

/* Lookups that are asked whether they led to a server, the newest first. */
enum { LOOK_BACK = 64 };

struct item {
    const struct connection *connection;
    const struct resolution *resolution; /* that was in force; NULL: none seen */
    size_t at;                           /* its place among the phone's */
};

/* Those that began in the capture, to a server that TLS or SIP went to. */
static bool is_shown(const struct connection *connection) {
    return connection_failed(connection) || (connection->from_start && connection->tls);
}

/* The newest lookups of the name that led to this server; of a server that none led to, the newest
 * of all. */
static const struct resolution *resolution_for(const struct account *account,
                                               const struct connection *connection) {
    struct resolution *const *list = account->resolutions;
    size_t low = 0, high = account->resolution_count;
    const char *host = NULL;

    while (low < high) { /* the first that is later */
        size_t middle = low + (high - low) / 2;
        if (list[middle]->t_ns <= connection->t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK && !host;)
        if (resolution_find(list[i], &connection->server))
            host = list[i]->host;
    for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK && host;)
        if (list[i]->host == host)
            return list[i];
    return low ? list[low - 1] : NULL;
}

static const char *host_of(const struct item *item) {
    return item->resolution ? item->resolution->host : NULL;
}

/* By name, in whatever order of names, then as they were. */
static int by_host(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    uintptr_t p = (uintptr_t)host_of(x), q = (uintptr_t)host_of(y);

    return p != q ? (p > q) - (p < q) : (x->at > y->at) - (x->at < y->at);
}

static int by_time(const void *a, const void *b) {
    const struct request *x = a, *y = b;
    uint32_t p = x->attempts[0].send_list[0].frame, q = y->attempts[0].send_list[0].frame;

    return x->t_ns != y->t_ns ? (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns) : (p > q) - (p < q);
}

/* One more try at the server of an attempt; there is room for it behind its sends and errors. */
static void add_try(struct attempt *attempt, struct send *send, uint32_t *error,
                    const struct connection *connection) {
    *send = (struct send){.frame = connection->syn_count ? connection->syn_frames[0] : 0,
                          .t_ns = connection->t_ns,
                          .connect = true,
                          .transaction = SIZE_MAX};
    if (!attempt->send_count) {
        attempt->t_ns = connection->t_ns;
        attempt->server = connection->server;
        attempt->send_list = send;
        attempt->error_frames = error;
    }
    attempt->tries = attempt->connects = (unsigned)++attempt->send_count;
    attempt->outcome = connection->refused     ? OUTCOME_REFUSED
                       : connection->timed_out ? OUTCOME_SILENT
                                               : OUTCOME_ANSWERED;
    attempt->end_ns = !connection_failed(connection) ? connection->t_ns
                      : connection->error_ns         ? connection->error_ns
                                                     : connection->end_ns;
    attempt->final_ns = attempt->end_ns;
}

static size_t divide(const struct judge *judge, struct item *items) {
    const struct phone *phone = judge->phone;
    size_t n = 0;

    for (size_t i = 0; i < phone->connection_count; i++)
        if (is_shown(&phone->connections[i]))
            items[n++] =
                (struct item){.connection = &phone->connections[i],
                              .resolution = resolution_for(judge->account, &phone->connections[i]),
                              .at = i};
    array_sort(items, n, sizeof *items, by_host);
    return n;
}

struct account *connection_requests_new(const struct judge *judge) {
    struct arena *arena = judge->arena;
    struct account *account = arena_new(arena, sizeof *account);
    struct item *items = ARENA_ARRAY(arena, struct item, judge->phone->connection_count + 1);
    size_t n = divide(judge, items), request_count = 0, attempt_count = 0, error_count = 0;
    struct request *requests = ARENA_ARRAY(arena, struct request, n + 1), *request = NULL;
    struct attempt *attempts = ARENA_ARRAY(arena, struct attempt, n + 1), *attempt = NULL;
    struct send *sends = ARENA_ARRAY(arena, struct send, n + 1);
    uint32_t *errors = ARENA_ARRAY(arena, uint32_t, n + 1);

    for (size_t i = 0; i < n; i++) {
        const struct connection *connection = items[i].connection;
        /* After so long it is another one, whatever became of that before. */
        if (request && (host_of(&items[i]) != host_of(&items[i - 1]) ||
                        connection->t_ns - request->end_ns > STORY_AFTER_SILENCE_NS))
            request = NULL;
        if (!request) {
            request = &requests[request_count++];
            *request = (struct request){.method_text = "a TLS connection",
                                        .t_ns = connection->t_ns,
                                        .attempts = &attempts[attempt_count],
                                        .resolution = items[i].resolution};
            attempt = NULL;
        }
        if (!attempt || !server_eq(&attempt->server, &connection->server)) {
            attempt = &attempts[attempt_count++];
            request->attempt_count++;
        }
        add_try(attempt, &sends[i], &errors[error_count], connection);
        if (connection_failed(connection) && connection->error_frame) {
            errors[error_count++] = connection->error_frame;
            attempt->error_count++;
        }
        request->end_ns = attempt->end_ns;
        request->outcome = attempt->outcome;
        request->open = judge->story->end_ns - request->end_ns < STORY_AFTER_SILENCE_NS;
        if (!connection_failed(connection))
            request = NULL;
    }
    array_sort(requests, request_count, sizeof *requests, by_time);
    *account = *judge->account;
    account->requests = requests;
    account->request_count = request_count;
    return account;
}
