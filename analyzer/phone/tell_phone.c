/* One phone of the story: its accounts with all that they did, and what was seen of it besides. */
#include "phone/tell.h"

#include <stdlib.h>

const uint32_t *tell_frames(struct telling *telling, const struct seen_list *list) {
    const struct collection *c = telling->c;

    if (list->count == 1)
        return &c->seen.items[list->first].frame;
    uint32_t *frames = ARENA_ARRAY(telling->arena, uint32_t, list->count);
    for (uint32_t i = 0, at = list->first; i < list->count; i++, at = c->seen.items[at].next)
        frames[i] = c->seen.items[at].frame;
    return frames;
}

const int64_t *tell_times(struct telling *telling, const struct seen_list *list) {
    const struct collection *c = telling->c;

    if (list->count == 1)
        return &c->seen.items[list->first].t_ns;
    int64_t *times = ARENA_ARRAY(telling->arena, int64_t, list->count);
    for (uint32_t i = 0, at = list->first; i < list->count; i++, at = c->seen.items[at].next)
        times[i] = c->seen.items[at].t_ns;
    return times;
}

static int by_sign(const void *a, const void *b) {
    const struct loss_sign *x = a, *y = b;

    if (x->from_ns != y->from_ns)
        return x->from_ns < y->from_ns ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* A phone's records lie scattered among those of all others, as the capture had them. They are
 * asked for together, instead of waiting for one after the other; of very many the first would be
 * gone again before they are read. */
static void expect_records(const struct collection *c, const struct phone_draft *draft) {
    enum { AT_ONCE = 1024 };
    const uint32_t *txs = draft->txs.items, *queries = draft->queries.items;
    size_t tx_count = draft->txs.n < AT_ONCE ? draft->txs.n : AT_ONCE;
    size_t query_count = draft->queries.n < AT_ONCE ? draft->queries.n : AT_ONCE;

    for (size_t i = 0; i < tx_count; i++)
        memory_expect(&c->txs.items[txs[i]], sizeof(struct tx));
    for (size_t i = 0; i < query_count; i++)
        memory_expect(&c->queries.items[queries[i]], sizeof(struct seen_query));
    for (size_t i = 0; i < tx_count; i++) {
        const struct tx *tx = &c->txs.items[txs[i]];
        if (tx->sends.count)
            memory_expect(&c->seen.items[tx->sends.first], sizeof(struct seen));
        if (tx->first_response != NONE)
            memory_expect(&c->responses.items[tx->first_response], sizeof(struct seen_response));
    }
    for (size_t i = 0; i < query_count; i++) {
        const struct seen_query *seen = &c->queries.items[queries[i]];
        memory_expect(seen->query, sizeof *seen->query);
        if (seen->sends.count)
            memory_expect(&c->seen.items[seen->sends.first], sizeof(struct seen));
    }
}

void tell_phone(struct telling *telling, uint32_t p) {
    struct phone_draft *draft = &telling->phones.items[p];
    struct arena *arena = telling->arena;

    expect_records(telling->c, draft);
    /* It may be told before: that leaves no trace, but for what is the same each time. */
    if (!draft->divided) {
        tell_order(telling, draft);
        tell_accounts(telling, p);
        draft->own_restarts = draft->restarts.n;
        draft->divided = true;
    }
    draft->losses.n = 0;
    draft->restarts.n = draft->own_restarts;
    tell_resolutions(telling, draft);
    tell_losses(telling, draft);
    for (size_t i = 0; i < draft->connections.n; i++)
        telling->c->connections.items[draft->connections.items[i]].taken = false;
    draft->repeats = tell_repeats(telling, draft);
    for (size_t i = 0; i < draft->accounts.n; i++)
        tell_host(telling, draft, &telling->accounts.items[draft->accounts.items[i]]);
    for (size_t i = 0; i < draft->accounts.n; i++) {
        struct account_draft *account = &telling->accounts.items[draft->accounts.items[i]];
        tell_requests(telling, draft, account);
        tell_registrations(telling, account);
        tell_request_losses(telling, draft, account);
    }
    tell_connections(telling, draft);
    tell_dns_connects(telling, draft);
    for (size_t i = 0; i < draft->accounts.n; i++)
        tell_events(telling, draft, &telling->accounts.items[draft->accounts.items[i]]);

    struct account *accounts = ARENA_ARRAY(arena, struct account, draft->accounts.n);
    for (size_t i = 0; i < draft->accounts.n; i++)
        accounts[i] = telling->accounts.items[draft->accounts.items[i]].account;
    draft->phone.accounts = accounts;
    draft->phone.account_count = draft->accounts.n;

    struct loss_sign *losses = ARENA_ARRAY(arena, struct loss_sign, draft->losses.n);
    if (draft->losses.n) {
        memcpy(losses, draft->losses.items, draft->losses.n * sizeof *losses);
        array_sort(losses, draft->losses.n, sizeof *losses, by_sign);
    }
    draft->phone.losses = losses;
    draft->phone.loss_count = draft->losses.n;

    int64_t *restarts = ARENA_ARRAY(arena, int64_t, draft->restarts.n);
    if (draft->restarts.n) {
        memcpy(restarts, draft->restarts.items, draft->restarts.n * sizeof *restarts);
        array_sort(restarts, draft->restarts.n, sizeof *restarts, by_time);
    }
    draft->phone.restarts_ns = restarts;
    draft->phone.restart_count = draft->restarts.n;

    struct subscription_end *ends =
        ARENA_ARRAY(arena, struct subscription_end, draft->subscription_ends.n);
    if (draft->subscription_ends.n)
        memcpy(ends, draft->subscription_ends.items, draft->subscription_ends.n * sizeof *ends);
    draft->phone.subscription_ends = ends;
    draft->phone.subscription_end_count = draft->subscription_ends.n;
}
