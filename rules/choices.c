/* A choice is made where a request, or its failover, goes to one of several SRV targets of equal
 * priority. Not each one is made anew: a phone may stay with the server that it uses. For
 * shares only what is surely drawn anew counts:
 *
 *     mode new-requests, or the account moves among equals without need    each new request
 *     else    the first request, one after a restart, and where failback is not
 *             judged one after new lookups
 */
#include "rules/choices.h"

#include <stdlib.h>
#include <string.h>

#include "rules/server_health.h"
#include "rules/standing.h"

struct walk {
    const struct judge *judge;
    const struct standing *standing;
    const struct server_health *health;
    bool restless; /* it moves among equals without need */
    void (*take)(void *context, const struct choice *choice);
    void *context;
    /* The set that was made last, and of what. */
    const struct ranked_server *made_of;
    unsigned made_rank;
    const struct choice_set *made;
};

static int compare_targets(const void *a, const void *b) {
    const struct choice_target *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : x->port < y->port ? -1 : x->port > y->port;
}

bool choice_set_eq(const struct choice_set *a, const struct choice_set *b) {
    if (strcmp(a->host, b->host) != 0 || a->transport != b->transport ||
        a->priority != b->priority || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (compare_targets(&a->targets[i], &b->targets[i]) != 0 ||
            a->targets[i].weight != b->targets[i].weight)
            return false;
    return true;
}

static void add_targets(struct choice_set *set, const struct ranked_server *servers, size_t n,
                        unsigned rank) {
    for (size_t i = 0; i < n; i++) {
        const struct ranked_server *server = &servers[i];
        bool known = false;
        if (server->rank != rank || !server->from_srv || !server->target)
            continue;
        for (size_t t = 0; t < set->count && !known; t++)
            known = set->targets[t].port == server->server.port &&
                    strcmp(set->targets[t].name, server->target) == 0;
        if (!known)
            set->targets[set->count++] =
                (struct choice_target){server->target, server->server.port, server->weight};
    }
}

/* The targets that share a server's rank. */
static const struct choice_set *set_of(struct walk *walk, const struct server_list *list,
                                       const struct ranked_server *chosen) {
    struct choice_set *set;

    if (walk->made && walk->made_of == list->servers && walk->made_rank == chosen->rank)
        return walk->made;
    set = arena_new(walk->judge->arena, sizeof *set);
    set->targets =
        ARENA_ARRAY(walk->judge->arena, struct choice_target, list->count + list->unresolved_count);
    set->host = list->host;
    set->transport = chosen->server.transport;
    set->priority = chosen->priority;
    add_targets(set, list->servers, list->count, chosen->rank);
    add_targets(set, list->unresolved, list->unresolved_count, chosen->rank);
    qsort(set->targets, set->count, sizeof *set->targets, compare_targets);
    walk->made_of = list->servers;
    walk->made_rank = chosen->rank;
    walk->made = set;
    return set;
}

static size_t target_of(const struct choice_set *set, const struct ranked_server *server) {
    for (size_t i = 0; i < set->count; i++)
        if (set->targets[i].port == server->server.port && server->target &&
            strcmp(set->targets[i].name, server->target) == 0)
            return i;
    return set->count;
}

/* Which targets were open: no address of theirs was tried in this request before, and one at least
 * is not known dead. The addresses of an unresolved one are not known to be. */
static size_t find_open(const struct walk *walk, const struct server_list *list,
                        const struct request *request, size_t at, const struct choice_set *set,
                        unsigned rank, bool *open) {
    size_t count = 0;

    for (size_t i = 0; i < list->unresolved_count; i++)
        if (list->unresolved[i].rank == rank && target_of(set, &list->unresolved[i]) < set->count)
            open[target_of(set, &list->unresolved[i])] = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct ranked_server *server = &list->servers[i];
        int64_t t_ns = request->attempts[at].t_ns;
        if (server->rank == rank && target_of(set, server) < set->count &&
            !server_health_dead(walk->health, &server->server, t_ns) &&
            !server_health_retry_after(walk->health, &server->server, t_ns))
            open[target_of(set, server)] = true;
    }
    for (size_t i = 0; i < at; i++) {
        const struct ranked_server *tried = server_list_find(list, &request->attempts[i].server);
        if (tried && tried->rank == rank && target_of(set, tried) < set->count)
            open[target_of(set, tried)] = false;
    }
    for (size_t i = 0; i < set->count; i++)
        count += open[i];
    return count;
}

/* Was there a lookup for this request? Its resolution began after the request before it. */
static bool is_resolved_anew(const struct account *account, const struct request *request) {
    const struct request *before = request > account->requests ? request - 1 : NULL;

    return request->resolution && (!before || request->resolution->t_ns > before->t_ns);
}

static bool is_free(const struct walk *walk, const struct choice *choice, size_t at) {
    enum failback_mode mode = judge_failback(walk->judge, choice->list)->mode;

    if (at || choice->open_count < choice->set->count)
        return false;
    if (mode == FAILBACK_NEW_REQUESTS || walk->restless)
        return true;
    if (!standing_in_use(walk->standing, choice->request->t_ns))
        return true;
    return mode == FAILBACK_NULL && is_resolved_anew(walk->judge->account, choice->request);
}

/* Is this attempt one that went to a server by the phone's own choice? */
static bool is_own_move(const struct request *request, size_t at) {
    const struct attempt *attempt = &request->attempts[at];

    if (attempt->after_redirect || attempt->after_challenge)
        return false;
    return !at || !server_eq(&attempt->server, &request->attempts[at - 1].server);
}

static void walk_attempt(struct walk *walk, const struct request *request,
                         const struct server_list *list, size_t at) {
    const struct ranked_server *chosen = server_list_find(list, &request->attempts[at].server);
    struct choice choice = {.request = request, .attempt = &request->attempts[at], .list = list};
    bool *open;

    if (!chosen || !chosen->from_srv || !is_own_move(request, at))
        return;
    choice.set = set_of(walk, list, chosen);
    if (choice.set->count < 2)
        return;
    open = ARENA_ARRAY(walk->judge->arena, bool, choice.set->count);
    choice.open = open;
    choice.open_count = find_open(walk, list, request, at, choice.set, chosen->rank, open);
    choice.chosen = target_of(choice.set, chosen);
    choice.free = is_free(walk, &choice, at);
    walk->take(walk->context, &choice);
}

static bool is_walked(const struct request *request) {
    return !request->in_dialog && !request->unregister && request->attempt_count &&
           request->method != SIP_OPTIONS && !(request->has_reg_id && request->reg_id > 1);
}

/* Does the account go from one equal to another with neither a failure nor lookups in between? */
static bool is_restless(const struct walk *walk) {
    const struct account *account = walk->judge->account;
    const struct request *before = NULL;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct server_list *list = server_view_list(walk->judge, request);
        if (!is_walked(request) || !list)
            continue;
        if (before) {
            const struct server *from = &before->attempts[before->attempt_count - 1].server;
            const struct server *to = &request->attempts[0].server;
            const struct ranked_server *a = server_list_find(list, from);
            const struct ranked_server *b = server_list_find(list, to);
            if (a && b && a->rank == b->rank && a->from_srv && !server_eq(from, to) &&
                !is_resolved_anew(account, request) && a->target && b->target &&
                strcmp(a->target, b->target) != 0 &&
                !server_health_dead(walk->health, from, request->t_ns))
                return true;
        }
        before = request;
    }
    return false;
}

void choices_walk(const struct judge *judge,
                  void (*take)(void *context, const struct choice *choice), void *context) {
    struct walk walk = {.judge = judge, .health = judge->health, .take = take, .context = context};
    const struct account *account = judge->account;

    if (!walk.health)
        walk.health = server_health_new(judge->phone, &judge->expect->failover, judge->arena);
    walk.standing = standing_of(judge);
    walk.restless = is_restless(&walk);
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct server_list *list = server_view_list(judge, request);
        if (!is_walked(request) || !list)
            continue;
        for (size_t at = 0; at < request->attempt_count; at++)
            walk_attempt(&walk, request, list, at);
    }
}
