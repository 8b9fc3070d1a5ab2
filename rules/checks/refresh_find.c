/* The REGISTERs, registrations and boots that bear on the refresh of a registration. */
#include "rules/checks/refresh_find.h"

#include <stdlib.h>

#include "rules/checks/failover_walk.h"

static int compare_visits(const void *a, const void *b) {
    const struct visit *x = a, *y = b;
    int by_server = server_compare(&x->server, &y->server);

    if (by_server)
        return by_server;
    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (x->request > y->request) - (x->request < y->request);
}

static void gather_requests(struct refresher *refresher) {
    struct judge *judge = refresher->judge;
    const struct account *account = judge->account;
    size_t visits = 0, registers = 0;

    for (size_t r = 0; r < account->request_count; r++) {
        if (account->requests[r].method != SIP_REGISTER)
            continue;
        registers++;
        visits += account->requests[r].attempt_count;
    }
    refresher->visits = ARENA_ARRAY(judge->arena, struct visit, visits + 1);
    refresher->registers = ARENA_ARRAY(judge->arena, const struct request *, registers + 1);
    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        if (request->method != SIP_REGISTER)
            continue;
        refresher->registers[refresher->register_count++] = request;
        for (size_t a = 0; a < request->attempt_count; a++)
            refresher->visits[refresher->visit_count++] =
                (struct visit){request->attempts[a].server, request->attempts[a].t_ns, request};
    }
    array_sort(refresher->visits, refresher->visit_count, sizeof(struct visit), compare_visits);
}

static bool lasts_longer(const struct account *account, size_t a, size_t b) {
    return b == SIZE_MAX || account->registrations[a].until_ns > account->registrations[b].until_ns;
}

static void gather_lasting(struct refresher *refresher) {
    const struct account *account = refresher->judge->account;
    struct lasting best = {SIZE_MAX, SIZE_MAX};

    refresher->lasting =
        ARENA_ARRAY(refresher->judge->arena, struct lasting, account->registration_count + 1);
    for (size_t i = 0; i < account->registration_count; i++) {
        if (lasts_longer(account, i, best.first))
            best = (struct lasting){i, best.first};
        else if (lasts_longer(account, i, best.second))
            best.second = i;
        refresher->lasting[i] = best;
    }
}

static void gather_boots(struct refresher *refresher) {
    const struct account *account = refresher->judge->account;

    refresher->boots = ARENA_ARRAY(refresher->judge->arena, int64_t, account->event_count + 1);
    for (size_t i = 0; i < account->event_count; i++)
        if (account->events[i].kind == EVENT_RESTART && account->events[i].request == SIZE_MAX)
            refresher->boots[refresher->boot_count++] = account->events[i].t_ns;
}

const struct registration *refresh_live_beside(const struct refresher *refresher, size_t index,
                                               int64_t t_ns) {
    const struct account *account = refresher->judge->account;
    size_t low = account_registrations_until(account, t_ns);
    if (!low)
        return NULL;
    const struct lasting *best = &refresher->lasting[low - 1];
    size_t other = best->first == index ? best->second : best->first;
    return other != SIZE_MAX && account->registrations[other].until_ns >= t_ns
               ? &account->registrations[other]
               : NULL;
}

static bool same_flow(const struct request *a, const struct request *b) {
    return a->has_reg_id == b->has_reg_id && a->reg_id == b->reg_id;
}

void refresh_find(const struct refresher *refresher, struct lifetime *life) {
    const struct visit wanted = {.server = life->at->server, .t_ns = life->at->t_ns};
    size_t low = 0, high = refresher->visit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_visits(&refresher->visits[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low < refresher->visit_count && seen < REFRESH_LOOKED_AT; low++, seen++) {
        const struct visit *visit = &refresher->visits[low];
        if (!server_eq(&visit->server, &life->at->server))
            return;
        if (visit->request == life->request || !same_flow(visit->request, life->request))
            continue;
        life->refresh = visit->request;
        /* It began at another server, perhaps; but not before this registration was there. */
        life->begun_ns = visit->request->t_ns > life->at->t_ns ? visit->request->t_ns : visit->t_ns;
        return;
    }
}

const struct request *refresh_register_between(const struct refresher *refresher,
                                               const struct lifetime *life, int64_t from_ns,
                                               int64_t to_ns) {
    size_t low = 0, high = refresher->register_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (refresher->registers[middle]->t_ns < from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low < refresher->register_count && seen < REFRESH_LOOKED_AT;
         low++, seen++) {
        const struct request *request = refresher->registers[low];
        if (request->t_ns > to_ns)
            break;
        if (request != life->request && !request->unregister && same_flow(request, life->request) &&
            failover_same_list(refresher->judge, request, &life->at->server,
                               &request->attempts[0].server))
            return request;
    }
    return NULL;
}

const struct registration *refresh_superseding(const struct refresher *refresher, size_t index,
                                               const struct lifetime *life) {
    const struct account *account = refresher->judge->account;

    for (size_t i = index + 1; i < account->registration_count && i - index <= REFRESH_LOOKED_AT;
         i++) {
        const struct registration *one = &account->registrations[i];
        const struct request *request = &account->requests[one->request];
        if (one->t_ns >= life->begun_ns)
            return NULL;
        if (one->until_ns >= life->begun_ns && !server_eq(&one->server, &life->at->server) &&
            same_flow(request, life->request) &&
            failover_same_list(refresher->judge, request, &life->at->server, &one->server))
            return one;
    }
    return NULL;
}

bool refresh_booted_after(const struct refresher *refresher, const struct lifetime *life) {
    const struct account *account = refresher->judge->account;
    size_t low = 0, high = refresher->boot_count, next = life->at->request + 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (refresher->boots[middle] < life->at->t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == refresher->boot_count)
        return false;
    for (; next < account->request_count; next++)
        if (account->requests[next].t_ns > life->at->t_ns)
            break;
    return next == account->request_count || account->requests[next].t_ns >= refresher->boots[low];
}

void refresh_gather(struct refresher *refresher) {
    gather_requests(refresher);
    gather_lasting(refresher);
    gather_boots(refresher);
}
