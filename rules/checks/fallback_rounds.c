/* Reads an account's REGISTERs as rounds at two configured servers (fallback_rounds.h). */
#include "rules/checks/fallback_rounds.h"

#include <stdlib.h>
#include <string.h>

#include "base/instant.h"

enum { LISTS_SEEN = 64 };    /* different server lists of one account that are kept */
enum { ACCOUNTS_SEEN = 64 }; /* a phone with more accounts has no second address of record */
enum { USUAL_LIFETIME_S = 3600, TRIES_USUAL = 3 };

#define ROUND_GAP_NS                                                                               \
    ((int64_t)5 * NS_PER_S) /* longer than T2, the longest gap of a transaction                    \
                             */

/* A SYN is repeated after this time at the latest (RFC 6298 5.7). */
#define FIRST_SYN_NS ((int64_t)3 * NS_PER_S)

struct reader {
    const struct judge *judge;
    struct fallback_rounds *rounds;
    const struct server_list *lists[LISTS_SEEN]; /* of the working server, or of the other */
    size_t list_count;
    struct fallback_step *steps;
    size_t n, capacity;
    const struct connection **in_vain; /* connections that failed, by first frame; NULL: not yet */
    size_t in_vain_count;
};

bool fallback_uses_proxies(const struct judge *judge) {
    return judge->expect->outbound_proxy_count != 0;
}

bool fallback_configured(const struct judge *judge) {
    const struct expectations *expect = judge->expect;
    size_t count =
        fallback_uses_proxies(judge) ? expect->outbound_proxy_count : expect->server_count;

    return count == 2 && expect->dns.mode != DNS_MODE_CONFIGURED &&
           (!judge->view || judge->view->matched);
}

/* ---- which of the two a REGISTER went to ---- */

static void keep_list(struct reader *reader, const struct server_list *list) {
    if (!list || !list->entry || !list->count || reader->list_count == LISTS_SEEN)
        return;
    for (size_t i = reader->list_count; i-- > 0;)
        if (reader->lists[i]->servers == list->servers && reader->lists[i]->entry == list->entry)
            return;
    reader->lists[reader->list_count++] = list;
}

static const struct server_list *view_list(const struct judge *judge,
                                           const struct request *request) {
    size_t at = (size_t)(request - judge->account->requests);

    return judge->view && at < judge->view->count ? &judge->view->lists[at] : NULL;
}

static void keep_lists(struct reader *reader) {
    const struct account *account = reader->judge->account;

    for (size_t r = 0; r < account->request_count; r++) {
        const struct server_list *list = view_list(reader->judge, &account->requests[r]);
        if (account->requests[r].method != SIP_REGISTER || !list)
            continue;
        keep_list(reader, list);
        keep_list(reader, list->other);
    }
}

static unsigned side_of_entry(const struct reader *reader, const struct server_expectation *entry) {
    return entry == &reader->rounds->entries[1] ? FALLBACK_SERVER : FALLBACK_WORKING;
}

static bool in_list(const struct server_list *list, const struct server *server, bool near) {
    return near ? server_list_find_near(list, server) : server_list_find(list, server);
}

static bool is_at(const struct server_expectation *entry, const struct server *server) {
    struct ip_addr ip;

    return ip_parse(slice_of_text(entry->host), &ip) && ip_eq(&ip, &server->ip);
}

static bool uri_names(const char *text, const struct server_expectation *entry) {
    struct sip_uri uri;

    return text && sip_uri_parse(slice_of_text(text), &uri) &&
           slice_eq_nocase(uri.host, slice_of_text(entry->host));
}

/* Where no list has the server: is one of the two the only one that it can be? */
static unsigned side_by_elimination(const struct reader *reader, const struct request *request,
                                    const struct server *server) {
    const struct server_expectation *entries = reader->rounds->entries;
    bool known[FALLBACK_SIDES] = {false};
    struct ip_addr ip;

    for (unsigned side = 0; side < FALLBACK_SIDES; side++) {
        if (is_at(&entries[side], server) && !is_at(&entries[1 - side], server))
            return side;
        known[side] = ip_parse(slice_of_text(entries[side].host), &ip);
    }
    for (unsigned side = 0; side < FALLBACK_SIDES; side++)
        if (uri_names(request->uri, &entries[side]) && !uri_names(request->uri, &entries[1 - side]))
            return side;
    for (size_t i = 0; i < reader->list_count; i++)
        known[side_of_entry(reader, reader->lists[i]->entry)] = true;
    if (known[0] != known[1])
        return known[0] ? FALLBACK_SERVER : FALLBACK_WORKING;
    return FALLBACK_SIDES;
}

static unsigned side_of(const struct reader *reader, const struct request *request, bool own,
                        const struct server *server) {
    const struct server_list *list = own ? view_list(reader->judge, request) : NULL;

    for (int near = 0; near <= 1; near++) {
        if (list && request->method == SIP_REGISTER) {
            if (list->entry && in_list(list, server, near))
                return side_of_entry(reader, list->entry);
            if (list->other && list->other->entry && in_list(list->other, server, near))
                return side_of_entry(reader, list->other->entry);
        }
        for (size_t i = reader->list_count; i-- > 0;)
            if (in_list(reader->lists[i], server, near))
                return side_of_entry(reader, reader->lists[i]->entry);
    }
    return side_by_elimination(reader, request, server);
}

/* ---- steps ---- */

static bool registers(const struct request *request) {
    return request->method == SIP_REGISTER || request->method == SIP_UNKNOWN_METHOD;
}

static struct fallback_step *add_step(struct reader *reader, const struct fallback_step *step) {
    reader->steps[reader->n] = *step;
    return &reader->steps[reader->n++];
}

static void add_attempt(struct reader *reader, const struct request *request,
                        const struct attempt *attempt, unsigned side) {
    struct fallback_step step = {.side = side, .request = request, .attempt = attempt};

    for (step.index = 0; step.index < attempt->send_count; step.index++) {
        step.t_ns = attempt->send_list[step.index].t_ns;
        step.frame = attempt->send_list[step.index].frame;
        add_step(reader, &step);
    }
    for (step.index = 0; step.index < attempt->response_count; step.index++) {
        const struct response *response = &attempt->responses[step.index];
        if (response->status < 200 || response->repeated)
            continue;
        step.t_ns = response->t_ns;
        step.frame = response->frame;
        step.status = response->status;
        add_step(reader, &step);
    }
}

static void count_steps(struct reader *reader, const struct account *account) {
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t a = 0;
             registers(&account->requests[r]) && a < account->requests[r].attempt_count; a++)
            reader->capacity += account->requests[r].attempts[a].send_count +
                                account->requests[r].attempts[a].response_count;
}

static void add_account(struct reader *reader, const struct account *account) {
    struct fallback_rounds *rounds = reader->rounds;
    bool own = account == reader->judge->account;

    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        if (!registers(request) || (request->has_reg_id && request->reg_id > 1))
            continue;
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            unsigned side = side_of(reader, request, own, &attempt->server);
            if (side < FALLBACK_SIDES) {
                add_attempt(reader, request, attempt, side);
            } else if (own && request->method == SIP_REGISTER) {
                if (!rounds->strangers++)
                    rounds->first_stranger_ns = attempt->t_ns;
            }
        }
    }
}

/* sip:300@working.example and sip:300@192.0.2.9 of one phone: the user is the same, and each host
 * is a configured one. */
static bool is_second_name(const struct reader *reader, const struct account *other) {
    const struct account *own = reader->judge->account;
    const struct server_expectation *entries = reader->rounds->entries;
    struct sip_uri a, b;

    if (other == own || !other->aor || !own->aor || !other->registers ||
        !sip_uri_parse(slice_of_text(own->aor), &a) ||
        !sip_uri_parse(slice_of_text(other->aor), &b) || !a.user.len || !slice_eq(a.user, b.user))
        return false;
    return (uri_names(own->aor, &entries[0]) && uri_names(other->aor, &entries[1])) ||
           (uri_names(own->aor, &entries[1]) && uri_names(other->aor, &entries[0]));
}

static void add_accounts(struct reader *reader) {
    const struct phone *phone = reader->judge->phone;
    const struct account *second = NULL;

    for (size_t i = 0; phone->account_count <= ACCOUNTS_SEEN && i < phone->account_count; i++)
        if (!second && is_second_name(reader, &phone->accounts[i]))
            second = &phone->accounts[i];
    count_steps(reader, reader->judge->account);
    if (second)
        count_steps(reader, second);
    reader->steps = ARENA_ARRAY(reader->judge->arena, struct fallback_step, reader->capacity + 1);
    add_account(reader, reader->judge->account);
    if (second)
        add_account(reader, second);
}

static int by_time(const void *a, const void *b) {
    const struct fallback_step *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

/* ---- rounds ---- */

static const struct transaction *transaction_of(const struct fallback_step *step) {
    size_t at = step->status ? step->attempt->responses[step->index].transaction
                             : step->attempt->send_list[step->index].transaction;

    return at < step->attempt->transactions ? &step->attempt->transaction_list[at] : NULL;
}

static bool is_unregister(const struct fallback_step *step) {
    const struct transaction *transaction = transaction_of(step);

    return step->request->unregister ||
           (transaction && transaction->has_expires && !transaction->expires_s);
}

static bool is_repeated(const struct fallback_step *step) {
    const struct transaction *transaction = transaction_of(step);

    return transaction && transaction->first_send < step->index;
}

/* A new transaction counts as one more try of the same round where nothing was repeated, or where
 * the phone counts transactions: as many as one attempt may have. */
static bool is_next_try(const struct reader *reader, const struct fallback_step *step,
                        size_t tries) {
    const struct retry_expectations *retry = &reader->rounds->entries[step->side].retry;
    const struct int_range *range = &retry->method[RETRY_REGISTER].tries;

    if (!transport_is_reliable(step->attempt->server.transport) &&
        retry->unit != RETRY_UNIT_TRANSACTION)
        return false;
    return tries < (size_t)(range->set && range->high > 0 ? range->high : TRIES_USUAL);
}

static int by_first_frame(const void *a, const void *b) {
    const struct connection *const *x = a, *const *y = b;
    uint32_t of_x = (*x)->syn_frames[0], of_y = (*y)->syn_frames[0];

    return (of_x > of_y) - (of_x < of_y);
}

static void list_in_vain(struct reader *reader) {
    const struct phone *phone = reader->judge->phone;

    reader->in_vain =
        ARENA_ARRAY(reader->judge->arena, const struct connection *, phone->connection_count + 1);
    for (size_t i = 0; i < phone->connection_count; i++)
        if (!phone->connections[i].accepted && phone->connections[i].syn_count)
            reader->in_vain[reader->in_vain_count++] = &phone->connections[i];
    array_sort(reader->in_vain, reader->in_vain_count, sizeof(struct connection *), by_first_frame);
}

/* The connection in vain that a step is; NULL: it is none. */
static const struct connection *in_vain_of(struct reader *reader,
                                           const struct fallback_step *step) {
    size_t low = 0, high;

    if (!reader->in_vain)
        list_in_vain(reader);
    high = reader->in_vain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reader->in_vain[middle]->syn_frames[0] < step->frame)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == reader->in_vain_count || reader->in_vain[low]->syn_frames[0] != step->frame)
        return NULL;
    return reader->in_vain[low];
}

/* When the phone was done with a connection that it tried in vain: at the error; else when a
 * further SYN was due, as the pause doubles from one to the next (RFC 6298 5.5). */
static int64_t done_ns(struct reader *reader, const struct fallback_step *step) {
    const struct connection *connection = in_vain_of(reader, step);

    if (!connection)
        return step->t_ns;
    if (connection->error_frame)
        return connection->error_ns;
    return connection->end_ns + (connection->end_ns - connection->t_ns) + FIRST_SYN_NS;
}

/* The newest round at one side while the steps are read. */
struct latest {
    struct fallback_round *round;
    const struct fallback_step *step; /* its last send */
    const struct fallback_step *answer;
    int64_t seen_ns; /* its last send or answer */
    size_t tries;    /* transactions and connections of its last attempt */
};

static bool is_connect(const struct fallback_step *step) {
    return !step->status && step->attempt->send_list[step->index].connect;
}

static bool goes_on(struct reader *reader, const struct latest *latest,
                    const struct fallback_step *step) {
    const struct fallback_round *round = latest->round;

    if (!round)
        return false;
    if (is_repeated(step))
        return true; /* of whichever round it is: no new turn to the server */
    if (round->unregister != is_unregister(step) || round->end == ROUND_GRANTED)
        return false;
    if (step->t_ns - latest->seen_ns < ROUND_GAP_NS)
        return true;
    if (step->request != latest->step->request ||
        step->t_ns - latest->seen_ns > STORY_AFTER_SILENCE_NS)
        return false;
    if (!server_eq(&step->attempt->server, &latest->step->attempt->server))
        return true; /* through the servers of one list */
    if (is_connect(latest->step) && step->t_ns - done_ns(reader, latest->step) >= ROUND_GAP_NS)
        return false;
    return step->attempt == latest->step->attempt && is_next_try(reader, step, latest->tries);
}

static void begin_round(struct reader *reader, struct latest *latest,
                        const struct fallback_step *step) {
    const struct transaction *transaction = transaction_of(step);

    *latest = (struct latest){.round = &reader->rounds->items[reader->rounds->n++]};
    *latest->round = (struct fallback_round){
        .side = step->side,
        .t_ns = step->t_ns,
        .end = ROUND_OPEN,
        .unregister = is_unregister(step),
        .credentials = transaction && transaction->credentials,
        .asked_s = transaction && transaction->has_expires ? transaction->expires_s : 0,
        .first_step = (size_t)(step - reader->steps),
        .other = SIZE_MAX,
    };
}

/* How a round ended that got no 2xx. */
static void close_round(const struct reader *reader, struct latest *latest) {
    struct fallback_round *round = latest->round;
    const struct attempt *attempt;
    const struct failover_expectations *failover;

    if (!round || round->end == ROUND_GRANTED || !latest->step)
        return;
    attempt = latest->step->attempt;
    failover = &reader->rounds->entries[round->side].failover;
    if (latest->answer) {
        round->end =
            attempt->final_status == latest->answer->status && failover_lists(failover, attempt)
                ? ROUND_FAILED
                : ROUND_REFUSED;
        return;
    }
    round->end_ns = round->last_ns;
    if (latest->step->index + 1 < attempt->send_count || attempt->outcome == OUTCOME_ANSWERED ||
        attempt->outcome == OUTCOME_UNAVAILABLE)
        round->end = failover->on_no_response ? ROUND_FAILED : ROUND_REFUSED; /* went on later */
    else if (attempt->outcome == OUTCOME_SILENT || attempt->outcome == OUTCOME_REFUSED)
        round->end = failover_lists(failover, attempt) ? ROUND_FAILED : ROUND_REFUSED;
    else
        round->end = ROUND_OPEN;
}

static void take_answer(struct latest *latest, const struct fallback_step *step) {
    struct fallback_round *round = latest->round;
    const struct response *response = &step->attempt->responses[step->index];
    const struct transaction *transaction = transaction_of(step);

    if (!round || round->end == ROUND_GRANTED)
        return;
    latest->answer = step;
    latest->seen_ns = round->end_ns = step->t_ns;
    round->status = step->status;
    if (step->status >= 300)
        return;
    round->end = ROUND_GRANTED;
    round->granted_s = response->has_expires                     ? response->expires_s
                       : transaction && transaction->has_expires ? transaction->expires_s
                                                                 : USUAL_LIFETIME_S;
}

static void take_send(struct reader *reader, struct latest *latest,
                      const struct fallback_step *step) {
    const struct transaction *transaction = transaction_of(step);
    const struct connection *in_vain = is_connect(step) ? in_vain_of(reader, step) : NULL;
    bool same_attempt;

    if (!goes_on(reader, latest, step)) {
        close_round(reader, latest);
        begin_round(reader, latest, step);
    }
    same_attempt = latest->step && latest->step->attempt == step->attempt;
    latest->tries = same_attempt ? latest->tries + (is_repeated(step) ? 0 : 1) : 1;
    latest->step = step;
    latest->seen_ns = latest->round->last_ns = step->t_ns;
    latest->round->packets += in_vain ? in_vain->syn_count : 1;
    latest->round->spoke_ns = in_vain ? in_vain->end_ns : step->t_ns;
    latest->round->server = step->attempt->server;
    if (transaction && transaction->has_expires)
        latest->round->asked_s = transaction->expires_s;
    if (!is_repeated(step) && latest->round->end != ROUND_GRANTED) {
        latest->answer = NULL;
        latest->round->status = 0;
    }
}

static void read_rounds(struct reader *reader) {
    struct latest latest[FALLBACK_SIDES] = {{.round = NULL}};
    struct fallback_rounds *rounds = reader->rounds;
    size_t next[FALLBACK_SIDES] = {SIZE_MAX, SIZE_MAX};

    array_sort(reader->steps, reader->n, sizeof *reader->steps, by_time);
    rounds->items = ARENA_ARRAY(reader->judge->arena, struct fallback_round, reader->n + 1);
    for (size_t i = 0; i < reader->n; i++) {
        struct fallback_step *step = &reader->steps[i];
        struct latest *side = &latest[step->side];
        step->round = SIZE_MAX;
        if (step->status)
            take_answer(side, step);
        else
            take_send(reader, side, step);
        if (side->round) {
            side->round->last_step = i;
            step->round = (size_t)(side->round - rounds->items);
        }
    }
    for (unsigned side = 0; side < FALLBACK_SIDES; side++)
        close_round(reader, &latest[side]);
    for (size_t i = rounds->n; i-- > 0;) {
        struct fallback_round *round = &rounds->items[i];
        round->other = next[1 - round->side];
        if (!round->unregister)
            next[round->side] = i;
    }
    rounds->steps = reader->steps;
    rounds->step_count = reader->n;
}

/* Packets alone, without an answer or an error. */
static bool is_silent(const struct fallback_rounds *rounds, const struct fallback_round *round) {
    enum outcome outcome = rounds->steps[round->last_step].attempt->outcome;

    return round->end != ROUND_GRANTED && !round->status &&
           (outcome == OUTCOME_SILENT || outcome == OUTCOME_CUT);
}

static void read_usual(struct fallback_rounds *rounds) {
    enum { MOST = 32 };
    struct {
        size_t rounds;
        int64_t span_ns;
    } by_packets[MOST] = {{0}};
    size_t usual = 0;

    for (size_t i = 0; i < rounds->n; i++) {
        const struct fallback_round *round = &rounds->items[i];
        int64_t span_ns = round->spoke_ns - round->t_ns;
        if (round->side != FALLBACK_WORKING || round->packets >= MOST || !is_silent(rounds, round))
            continue;
        by_packets[round->packets].rounds++;
        if (span_ns > by_packets[round->packets].span_ns)
            by_packets[round->packets].span_ns = span_ns;
    }
    for (size_t packets = 1; packets < MOST; packets++)
        if (by_packets[packets].rounds && by_packets[packets].rounds >= by_packets[usual].rounds)
            usual = packets;
    rounds->usual_packets = usual;
    rounds->usual_span_ns = by_packets[usual].span_ns;
}

/* Boots, and what the story reads as a fresh start from the REGISTERs alone. At the fallback server
 * that may be the first REGISTER there, beside the one at the working server, and no restart. */
static void read_restarts(struct reader *reader) {
    const struct account *account = reader->judge->account;
    struct arena *arena = reader->judge->arena;
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
            side_of(reader, request, true, &request->attempts[0].server) == FALLBACK_WORKING)
            restarts[n++] = event->t_ns;
    }
    reader->rounds->boots = boots;
    reader->rounds->boot_count = boot_count;
    reader->rounds->restarts = restarts;
    reader->rounds->restart_count = n;
}

const struct fallback_rounds *fallback_rounds_new(const struct judge *judge) {
    struct fallback_rounds *rounds = arena_new(judge->arena, sizeof *rounds);
    struct reader reader = {.judge = judge, .rounds = rounds};

    rounds->judge = judge;
    rounds->proxies = fallback_uses_proxies(judge);
    rounds->entries = rounds->proxies ? judge->expect->outbound_proxies : judge->expect->servers;
    keep_lists(&reader);
    add_accounts(&reader);
    read_rounds(&reader);
    read_usual(rounds);
    read_restarts(&reader);
    return rounds;
}

/* ---- what the checks ask ---- */

void fallback_round_frames(const struct fallback_rounds *rounds, struct judge *judge,
                           struct occurrence *occurrence, const struct fallback_round *round) {
    if (judge_unheard(judge, occurrence))
        return;
    for (size_t i = round->first_step; i <= round->last_step; i++)
        if (rounds->steps[i].round == (size_t)(round - rounds->items))
            judge_frame(judge, occurrence, rounds->steps[i].frame);
}

int64_t fallback_round_unseen_ns(const struct fallback_rounds *rounds,
                                 const struct fallback_round *round) {
    int64_t span_ns = round->spoke_ns - round->t_ns;

    if (round->packets >= rounds->usual_packets || span_ns >= rounds->usual_span_ns ||
        !is_silent(rounds, round))
        return 0;
    return rounds->usual_span_ns - span_ns;
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
        if (uri_names(rounds->judge->account->aor, &(struct server_expectation){.host = one->host}))
            return true;
    }
    return false;
}

int64_t fallback_lifetime_ns(const struct fallback_rounds *rounds,
                             const struct fallback_round *round, unsigned side) {
    const struct expectations *expect = rounds->judge->expect;

    if (round && round->asked_s)
        return (int64_t)round->asked_s * NS_PER_S;
    if (rounds->entries[side].expires.set)
        return rounds->entries[side].expires.ns;
    if (expect->registration.expires.set)
        return expect->registration.expires.ns;
    return (int64_t)USUAL_LIFETIME_S * NS_PER_S;
}

int64_t fallback_patience_ns(const struct judge *judge) {
    return STORY_AFTER_SILENCE_NS +
           expectations_tolerance_ns(judge->expect, STORY_AFTER_SILENCE_NS);
}
