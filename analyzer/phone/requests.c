/* An account's transactions as requests, each with its attempts (contract sections 1 and 6).
 *
 *   request ─┬ attempt at server 1 ─┬ transaction ─ sends, responses
 *            │                      └ connection that failed (TCP, TLS)
 *            └ attempt at server 2 …
 */
#include "phone/requests.h"

#include <stdlib.h>

static uint64_t call_key(const char *call_id, uint32_t cseq) {
    struct {
        const char *call_id;
        uint64_t cseq;
    } key = {call_id, cseq};

    return index_key(&key, sizeof key, 62);
}

static void add_tx(struct teller *t, uint32_t index) {
    const struct tx *tx = tx_at(t, index);
    int64_t at_ns = first_send_ns(t, tx);
    const struct wording *said = said_by(t, tx);
    struct server server = server_of(tx);

    if (pending_too_old(t, at_ns))
        pending_flush(t);
    bool after_pending = t->pending.n && pending_owned(t, tx);
    int64_t from_ns = after_pending ? request_pending_ns(t, 0) : at_ns;
    struct request_draft *request = request_find(t, tx, from_ns, at_ns);
    bool redirected = !request && !said->to_tag && request_follows_redirection(t, tx, at_ns);
    if (!request) {
        request = request_new(t, said->method, at_ns);
        request->call_id = said->call_id;
        request->user = said->user;
        request->has_reg_id = said->has_reg_id;
        request->reg_id = said->reg_id;
        uint32_t before = index_get(&t->by_call_id, request_call_id_key(said));
        if (before != NONE)
            request_note_twin(t, (uint32_t)(request - t->requests.items), before, tx, at_ns);
    }
    if (after_pending)
        pending_take(t, request);
    if (request->first_tx == NONE)
        request->first_tx = index;
    request_add_try(t, request, &server, (struct try_draft){index, NONE, at_ns, NONE});
    if (redirected)
        request_last_attempt(t, request)->after_redirect = true;

    uint32_t at = (uint32_t)(request - t->requests.items);
    index_put(&t->by_call_id, request_call_id_key(said), at);
    index_put(&t->by_user, request_user_key(said), at);
    if (said->method == SIP_INVITE)
        index_put(&t->invite_of, call_key(said->call_id, tx->told.cseq), at);
}

/* ACK and CANCEL. */
static void add_follow(struct teller *t, uint32_t index) {
    const struct tx *tx = tx_at(t, index);
    uint32_t at = index_get(&t->invite_of, call_key(tx->told.call_id, tx->told.cseq));

    if (at == NONE)
        return;
    struct draft_list *list = &t->requests.items[at].follows;
    uint32_t follow = (uint32_t)t->follows.n;
    *ARRAY_ADD(&t->follows) = (struct follow_draft){index, NONE};
    if (list->count++)
        t->follows.items[list->last].next = follow;
    else
        list->first = follow;
    list->last = follow;
}

/* When the phone last sent anything in this attempt. */
static int64_t attempt_last_ns(const struct teller *t, const struct attempt_draft *attempt) {
    const struct try_draft *last = request_last_try(t, attempt);

    return last->tx == NONE ? last->t_ns : last_send_ns(t, tx_at(t, last->tx));
}

/* A phone that gave up at the last server has moved on, too, when the next request of the kind
 * begins: what answers after that comes late. One that goes on sending has not: it registers at two
 * servers in parallel. */
static void note_abandoned(struct teller *t) {
    struct index_map newest = {0};

    for (size_t i = 0; i < t->requests.n; i++) {
        struct request_draft *request = &t->requests.items[i];
        const char *text = request->method == SIP_REGISTER ? request->user : request->call_id;
        uint64_t key = request_key(request->method, text, request->has_reg_id, request->reg_id, 64);
        uint32_t before = index_get(&newest, key);
        if (before != NONE) {
            struct attempt_draft *attempt = request_last_attempt(t, &t->requests.items[before]);
            if (request->twin != before && attempt->moved_ns == INT64_MAX &&
                !request_attempt_final(t, attempt, request->t_ns) &&
                attempt_last_ns(t, attempt) <= request->t_ns)
                attempt->moved_ns = request->t_ns;
        }
        index_put(&newest, key, (uint32_t)i);
    }
    index_fini(&newest);
}

static int by_request_time(const void *a, const void *b) {
    const struct request *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    uint32_t of_x = x->attempts[0].send_list[0].frame, of_y = y->attempts[0].send_list[0].frame;
    return (of_x > of_y) - (of_x < of_y); /* one segment may carry several */
}

/* The newest walk of the account before each request that leads to a server of it; else the newest
 * before it; else one that began inside it. Both lists are in order of time. */
static void tie_resolutions(const struct account *account, struct request *requests) {
    enum { LOOK_BACK = 16 };
    size_t next = 0;

    for (size_t i = 0; i < account->request_count; i++) {
        struct request *request = &requests[i];
        while (next < account->resolution_count &&
               account->resolutions[next]->t_ns <= request->t_ns)
            next++;
        for (size_t r = next; r-- > 0 && next - r <= LOOK_BACK && !request->resolution;)
            if (resolution_find(account->resolutions[r], &request->attempts[0].server))
                request->resolution = account->resolutions[r];
        if (!request->resolution && next > 0)
            request->resolution = account->resolutions[next - 1];
        else if (!request->resolution && next < account->resolution_count &&
                 account->resolutions[next]->t_ns <= request->end_ns)
            request->resolution = account->resolutions[next];
    }
}

void tell_requests(struct telling *telling, struct phone_draft *phone,
                   struct account_draft *account) {
    struct teller t = {.telling = telling, .phone = phone, .account = account};
    size_t next_connection = 0;

    if (phone->tls_only)
        return; /* connections alone do not tell what was asked on them */
    if (phone->connections.n)
        pending_know_servers(&t);
    for (size_t i = 0; i < account->txs.n; i++) {
        const struct tx *tx = tx_at(&t, account->txs.items[i]);
        if (phone->connections.n)
            pending_add_before(&t, &next_connection, first_send_ns(&t, tx));
        add_tx(&t, account->txs.items[i]);
    }
    if (phone->connections.n)
        pending_add_before(&t, &next_connection, INT64_MAX);
    pending_flush(&t);
    for (size_t i = 0; i < account->follows.n; i++)
        add_follow(&t, account->follows.items[i]);
    note_abandoned(&t);

    struct request *requests = ARENA_ARRAY(telling->arena, struct request, t.requests.n);
    for (size_t i = 0; i < t.requests.n; i++)
        fill_request(&t, &requests[i], &t.requests.items[i]);
    array_sort(requests, t.requests.n, sizeof *requests, by_request_time);
    account->account.requests = requests;
    account->account.request_count = t.requests.n;
    tie_resolutions(&account->account, requests);
    ARRAY_FINI(&t.requests);
    ARRAY_FINI(&t.attempts);
    ARRAY_FINI(&t.tries);
    ARRAY_FINI(&t.follows);
    ARRAY_FINI(&t.pending);
    index_fini(&t.by_call_id);
    index_fini(&t.by_user);
    index_fini(&t.invite_of);
    index_fini(&t.servers);
}
