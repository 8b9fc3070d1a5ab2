/* Causes before effects: what the phone did because of an answer is told after it, though the
 * capture shows it up to STORY_REORDER_NS before (story.h).
 *
 *        asked ─────────────── went on ──── answered       as captured
 *        asked ───── answered, went on                     as told
 *
 * An answer is moved only before something that goes on from it: the next request of the account
 * or its ACK, the query for a name or a request to an address in a DNS answer, the next way of
 * asking after an answer without records. What is merely sent at the same time says nothing.
 */
#include "phone/rank.h"
#include "phone/tell.h"

#include <stdlib.h>

enum step_kind { STEP_REQUEST, STEP_QUERY, STEP_CONNECT, STEP_KINDS };

/* Something that the phone did by itself: the first send of a transaction, a query, a SYN. */
struct step {
    int64_t t_ns;
    uint32_t frame;
    enum step_kind kind;
    uint32_t index; /* of the collection's transactions, queries, connections */
};

/* So much happens at once at most; a flood is told as it was captured. */
enum { AT_ONCE = 64 };

struct ordering {
    struct collection *c;
    struct phone_draft *phone;
    ARRAY_OF(struct step) steps;
    size_t at; /* the step whose answers are looked at */
};

/* ---- records in order of time ---- */

static int64_t tx_ns(const struct collection *c, uint32_t at) {
    const struct tx *tx = &c->txs.items[at];

    return tx->sends.count ? c->seen.items[tx->sends.first].t_ns : 0;
}

static int64_t query_ns(const struct collection *c, uint32_t at) {
    return c->queries.items[at].query->t_ns;
}

static int64_t connection_ns(const struct collection *c, uint32_t at) {
    return c->connections.items[at].connection.t_ns;
}

/* Captured in another order than they have times; a clock that was set back by more stays as it is.
 */
static void sort_nearly(const struct collection *c, uint32_t *list, size_t n,
                        int64_t (*time_of)(const struct collection *c, uint32_t at)) {
    for (size_t i = 1; i < n; i++) {
        int64_t t_ns = time_of(c, list[i]);
        for (size_t k = i; k > 0 && i - k < AT_ONCE; k--) {
            int64_t before_ns = time_of(c, list[k - 1]);
            if (before_ns <= t_ns || before_ns - t_ns > STORY_REORDER_NS)
                break;
            uint32_t later = list[k - 1];
            list[k - 1] = list[k];
            list[k] = later;
        }
    }
}

/* ---- what the phone did ---- */

static int by_time(const void *a, const void *b) {
    const struct step *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static uint32_t first_frame(const struct collection *c, const struct seen_list *sends) {
    return sends->count ? c->seen.items[sends->first].frame : 0;
}

static struct step step_of(const struct collection *c, enum step_kind kind, uint32_t at) {
    switch (kind) {
    case STEP_REQUEST:
        return (struct step){tx_ns(c, at), first_frame(c, &c->txs.items[at].sends), kind, at};
    case STEP_QUERY:
        return (struct step){query_ns(c, at), first_frame(c, &c->queries.items[at].sends), kind,
                             at};
    case STEP_CONNECT:
    case STEP_KINDS:
        break;
    }
    return (struct step){connection_ns(c, at), c->connections.items[at].syn_frame, kind, at};
}

/* All in order of time: the phone's lists are (but for a clock that was set back). */
static void merge_steps(struct ordering *o) {
    const struct phone_draft *phone = o->phone;
    const uint32_t *lists[STEP_KINDS] = {phone->txs.items, phone->queries.items,
                                         phone->connections.items};
    const size_t counts[STEP_KINDS] = {phone->txs.n, phone->queries.n, phone->connections.n};
    size_t done[STEP_KINDS] = {0};
    struct step heads[STEP_KINDS];

    for (int kind = 0; kind < STEP_KINDS; kind++)
        if (counts[kind])
            heads[kind] = step_of(o->c, (enum step_kind)kind, lists[kind][0]);
    o->steps.n = 0;
    for (size_t n = counts[STEP_REQUEST] + counts[STEP_QUERY] + counts[STEP_CONNECT]; n; n--) {
        int first = STEP_KINDS;
        for (int kind = 0; kind < STEP_KINDS; kind++)
            if (done[kind] < counts[kind] &&
                (first == STEP_KINDS || by_time(&heads[kind], &heads[first]) < 0))
                first = kind;
        *ARRAY_ADD(&o->steps) = heads[first];
        if (++done[first] < counts[first])
            heads[first] = step_of(o->c, (enum step_kind)first, lists[first][done[first]]);
    }
    if (o->steps.n)
        array_sort(o->steps.items, o->steps.n, sizeof *o->steps.items, by_time);
}

/* The first step at a time or after it. */
static size_t first_from(const struct ordering *o, int64_t t_ns) {
    size_t low = 0, high = o->steps.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->steps.items[middle].t_ns < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* An answer as it was captured. */
struct moment {
    int64_t t_ns;
    uint32_t frame;
};

static bool is_before(const struct step *step, struct moment answered) {
    return step->t_ns < answered.t_ns ||
           (step->t_ns == answered.t_ns && step->frame < answered.frame);
}

typedef bool goes_on_fn(const struct ordering *o, const struct step *step, const void *context);

/* The time of an answer to a question of asked_ns: as captured, or just before the first step that
 * goes on from it. */
static int64_t before_effects(const struct ordering *o, int64_t asked_ns, struct moment answered,
                              goes_on_fn *goes_on, const void *context) {
    int64_t from_ns = answered.t_ns - STORY_REORDER_NS;

    /* Mostly nothing came in between. */
    if (o->at + 1 == o->steps.n || !is_before(&o->steps.items[o->at + 1], answered))
        return answered.t_ns;
    if (from_ns < asked_ns)
        from_ns = asked_ns;
    size_t first = first_from(o, from_ns);
    for (size_t i = first;
         i < o->steps.n && i - first < AT_ONCE && is_before(&o->steps.items[i], answered); i++) {
        int64_t t_ns = o->steps.items[i].t_ns - 1;
        if (goes_on(o, &o->steps.items[i], context))
            return t_ns > asked_ns ? t_ns : asked_ns;
    }
    return answered.t_ns;
}

/* ---- SIP responses and errors ---- */

struct answered_tx {
    const struct tx *tx;
    unsigned status; /* 0: an error */
};

static bool failed(unsigned status) {
    return status / 100 != 2 && status != 401 && status != 407 && status != 423;
}

/* Is a request of the same kind what such a response is answered with? A phone that has moved to
 * the next server, and hears from the one before in this moment, did not move because of it. */
static bool leads_to_retry(unsigned status, const struct tx *next) {
    if (status == 401 || status == 407)
        return next->told.credentials;
    return status / 100 != 2;
}

/* After a final response or an error: the account's ACK and next request; after a failure, too, the
 * lookup or connection that leads to the next server. */
static bool tx_goes_on(const struct ordering *o, const struct step *step, const void *context) {
    const struct answered_tx *of = context;
    const struct wording *said = wording_of(o->c, of->tx);

    if (step->kind == STEP_REQUEST) {
        const struct tx *next = &o->c->txs.items[step->index];
        const struct wording *next_said = wording_of(o->c, next);
        if (next == of->tx)
            return false;
        if (next_said->call_id == said->call_id)
            return next->method != of->tx->method || leads_to_retry(of->status, next);
        /* Of the same kind, it may be asked in parallel; it is carried on only where this failed.
         */
        return next_said->from_uri == said->from_uri &&
               (next_said->method != said->method || failed(of->status));
    }
    if (step->kind == STEP_CONNECT) {
        const struct connection *to = &o->c->connections.items[step->index].connection;
        return failed(of->status) && to->id != of->tx->told.conn_id;
    }
    return failed(of->status);
}

/* The newest send that an answer of t_ns can be to. */
static int64_t asked_before(const struct collection *c, const struct tx *tx, int64_t t_ns) {
    const struct seen *last = &c->seen.items[tx->sends.last];

    return last->t_ns <= t_ns ? last->t_ns : c->seen.items[tx->sends.first].t_ns;
}

static void order_responses(const struct ordering *o, uint32_t at) {
    const struct tx *tx = &o->c->txs.items[at];

    if (!tx->sends.count)
        return;
    for (uint32_t i = tx->first_response; i != NONE; i = o->c->responses.items[i].next) {
        struct response *told = &o->c->responses.items[i].told;
        const struct answered_tx of = {tx, told->status};
        if (told->status >= 200)
            told->t_ns = before_effects(o, asked_before(o->c, tx, told->t_ns),
                                        (struct moment){told->t_ns, told->frame}, tx_goes_on, &of);
    }
    uint32_t place = tx->icmp.first;
    for (uint32_t n = 0; n < tx->icmp.count; n++, place = o->c->seen.items[place].next) {
        const struct answered_tx of = {tx, 0};
        struct seen *error = &o->c->seen.items[place];
        error->t_ns = before_effects(o, asked_before(o->c, tx, error->t_ns),
                                     (struct moment){error->t_ns, error->frame}, tx_goes_on, &of);
    }
}

/* ---- DNS answers ---- */

static const char *host_of(const struct query *q) {
    enum transport transport;
    const char *host;

    return q->type == DNS_SRV && rank_srv_name_parse(q->name, &transport, &host) ? host : q->name;
}

static bool names_target(const struct query *q, const char *name) {
    for (size_t i = 0; i < q->record_count; i++)
        if (q->records[i].section == DNS_ANSWER && q->records[i].target == name)
            return true;
    return false;
}

static bool names_address(const struct query *q, const struct ip_addr *ip) {
    for (size_t i = 0; i < q->record_count; i++)
        if ((q->records[i].type == DNS_A || q->records[i].type == DNS_AAAA) &&
            ip_eq(&q->records[i].address, ip))
            return true;
    return false;
}

static bool answer_goes_on(const struct ordering *o, const struct step *step, const void *context) {
    const struct query *q = context;

    switch (step->kind) {
    case STEP_QUERY: {
        const struct query *next = o->c->queries.items[step->index].query;
        if (next == q)
            return false;
        if (names_target(q, next->name))
            return true;
        return !q->answer_count && next->type != q->type && next->name != q->name &&
               strcmp(host_of(next), host_of(q)) == 0;
    }
    case STEP_REQUEST:
        return names_address(q, &o->c->txs.items[step->index].dst.ip);
    case STEP_CONNECT:
        return names_address(q, &o->c->connections.items[step->index].connection.server.ip);
    case STEP_KINDS:
        break;
    }
    return false;
}

/* ---- connections that failed ---- */

static bool connection_goes_on(const struct ordering *o, const struct step *step,
                               const void *context) {
    const struct connection *of = context;

    if (step->kind == STEP_REQUEST)
        return o->c->txs.items[step->index].told.conn_id != of->id;
    return step->kind != STEP_CONNECT || &o->c->connections.items[step->index].connection != of;
}

static void order_answer(const struct ordering *o, struct query *q) {
    if (q->answer_frame)
        q->answer_t_ns = before_effects(
            o, q->t_ns, (struct moment){q->answer_t_ns, q->answer_frame}, answer_goes_on, q);
}

static void order_error(const struct ordering *o, struct connection *of) {
    if (of->error_frame)
        of->error_ns = before_effects(o, of->t_ns, (struct moment){of->error_ns, of->error_frame},
                                      connection_goes_on, of);
}

static void order_phone(struct ordering *o) {
    struct collection *c = o->c;
    struct phone_draft *phone = o->phone;

    sort_nearly(c, phone->txs.items, phone->txs.n, tx_ns);
    sort_nearly(c, phone->queries.items, phone->queries.n, query_ns);
    sort_nearly(c, phone->connections.items, phone->connections.n, connection_ns);
    merge_steps(o);
    for (o->at = 0; o->at < o->steps.n; o->at++) {
        const struct step *step = &o->steps.items[o->at];
        if (step->kind == STEP_REQUEST)
            order_responses(o, step->index);
        else if (step->kind == STEP_QUERY)
            order_answer(o, c->queries.items[step->index].query);
        else
            order_error(o, &c->connections.items[step->index].connection);
    }
}

void tell_order(struct telling *telling, struct phone_draft *phone) {
    struct ordering o = {.c = telling->c, .phone = phone};

    order_phone(&o);
    ARRAY_FINI(&o.steps);
}
