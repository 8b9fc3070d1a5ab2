/* Successes of an account in order of time. A success is a final answer that failover.on does not
 * list (a callee who is busy was reached all the same). */
#include "rules/standing.h"

#include <stdlib.h>

struct success {
    int64_t t_ns;
    struct server server;
};

struct standing {
    const struct judge *judge;
    struct success *successes;
    size_t n;
};

static int compare(const void *a, const void *b) {
    const struct success *x = a, *y = b;

    return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static struct standing *standing_new(const struct judge *judge) {
    const struct account *account = judge->account;
    struct standing *standing = arena_new(judge->arena, sizeof *standing);
    bool sorted = true;

    standing->judge = judge;
    standing->successes = ARENA_ARRAY(judge->arena, struct success, account->request_count + 1);
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct failover_expectations *failover =
            judge_failover(judge, server_view_list(judge, request));
        /* A ping or a second flow (RFC 5626) does not move the account. */
        if (request->in_dialog || request->unregister || request->method == SIP_OPTIONS ||
            (request->has_reg_id && request->reg_id > 1) || !request->attempt_count)
            continue;
        const struct attempt *last = &request->attempts[request->attempt_count - 1];
        if (last->outcome != OUTCOME_ANSWERED || last->after_redirect ||
            failover_lists(failover, last))
            continue;
        standing->successes[standing->n] = (struct success){last->final_ns, last->server};
        sorted =
            sorted && (!standing->n || standing->successes[standing->n - 1].t_ns <= last->final_ns);
        standing->n++;
    }
    if (!sorted)
        array_sort(standing->successes, standing->n, sizeof *standing->successes, compare);
    return standing;
}

const struct standing *standing_of(const struct judge *judge) {
    struct standing_cache *cache = judge->standing;

    if (!cache)
        return standing_new(judge);
    if (!cache->standing || cache->account != judge->account || cache->view != judge->view) {
        cache->account = judge->account;
        cache->view = judge->view;
        cache->standing = standing_new(judge);
    }
    return cache->standing;
}

static int64_t last_restart(const struct phone *phone, int64_t t_ns) {
    for (size_t i = phone->restart_count; i-- > 0;)
        if (phone->restarts_ns[i] <= t_ns)
            return phone->restarts_ns[i];
    return INT64_MIN;
}

const struct server *standing_in_use(const struct standing *standing, int64_t t_ns) {
    size_t low = 0, high = standing->n;

    while (low < high) { /* the first that is not before t_ns */
        size_t middle = low + (high - low) / 2;
        if (standing->successes[middle].t_ns < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || standing->successes[low - 1].t_ns < last_restart(standing->judge->phone, t_ns))
        return NULL;
    return &standing->successes[low - 1].server;
}

bool standing_registered(const struct standing *standing, const struct server *server,
                         int64_t t_ns) {
    enum { LOOK_BACK = 8 }; /* live at once: one for each server and reg-id */
    const struct account *account = standing->judge->account;
    size_t low = account_registrations_before(account, t_ns);
    for (size_t i = low; i > 0 && low - i < LOOK_BACK; i--) {
        const struct registration *one = &account->registrations[i - 1];
        if (one->until_ns >= t_ns && server_eq(&one->server, server) &&
            one->t_ns >= last_restart(standing->judge->phone, t_ns))
            return true;
    }
    return false;
}

static bool has_credentials(const struct request *request) {
    return request->attempt_count && request->attempts[0].transactions &&
           request->attempts[0].transaction_list[0].credentials;
}

static bool is_numeric(const char *host) {
    struct ip_addr ip;

    return host && ip_parse(slice_of_text(host), &ip);
}

/* Does it go to where a connection leads that was begun before it was first seen? Then the server
 * was chosen before, too. */
static bool is_connected_before(const struct phone *phone, const struct request *request) {
    enum { LOOK_AT = 64 }; /* those of the capture's beginning */
    const struct attempt *first = request->attempts;

    if (!request->attempt_count || !transport_is_reliable(first->server.transport))
        return false;
    for (size_t i = 0; i < phone->connection_count && i < LOOK_AT; i++) {
        const struct connection *connection = &phone->connections[i];
        if (connection->t_ns > first->t_ns)
            break;
        if (!connection->syn_count && connection->server.port == first->server.port &&
            ip_eq(&connection->server.ip, &first->server.ip))
            return true;
    }
    return false;
}

bool standing_midway(const struct standing *standing, const struct request *request,
                     const struct server_list *list) {
    const struct phone *phone = standing->judge->phone;

    if (last_restart(phone, request->t_ns) != INT64_MIN)
        return false; /* it booted before our eyes */
    if (request->starts_midway || has_credentials(request) || is_connected_before(phone, request))
        return true;
    if (list && !is_numeric(list->host) && !list->looked_up)
        return true; /* a name that was resolved before */
    return request->method != SIP_REGISTER && standing->judge->account->registers;
}

/* Registered at two configured servers at once, the phone calls through the first. */
static bool registered_better(const struct standing *standing, const struct server_list *list,
                              const struct server *server, int64_t t_ns) {
    const struct ranked_server *chosen = server_list_find(list, server);

    for (size_t i = 0; chosen && i < list->count; i++)
        if (list->servers[i].rank < chosen->rank &&
            standing_registered(standing, &list->servers[i].server, t_ns))
            return true;
    return false;
}

bool standing_allows(const struct standing *standing, const struct server_list *list,
                     const struct server *server, int64_t t_ns) {
    const struct server *in_use;

    if (judge_failback(standing->judge, list)->mode == FAILBACK_NEW_REQUESTS)
        return false;
    if (list->joined && registered_better(standing, list, server, t_ns))
        return false;
    in_use = standing_in_use(standing, t_ns);
    return (in_use && server_eq(in_use, server)) || standing_registered(standing, server, t_ns);
}
