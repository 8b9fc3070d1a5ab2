/* Reads an account's REGISTERs as rounds at two configured servers (fallback_rounds.h). */
#include "rules/checks/fallback_reading.h"

#include "base/instant.h"

enum { USUAL_LIFETIME_S = 3600, TRIES_USUAL = 3 };

/* Longer than T2, the longest gap of a transaction. */
#define ROUND_GAP_NS ((int64_t)5 * NS_PER_S)

struct reader {
    struct fallback_rounds *rounds;
    struct fallback_step *steps;
    size_t n;
    struct fallback_in_vain in_vain;
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
    if (is_connect(latest->step) &&
        step->t_ns - fallback_done_ns(&reader->in_vain, latest->step) >= ROUND_GAP_NS)
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
    const struct connection *in_vain =
        is_connect(step) ? fallback_in_vain_of(&reader->in_vain, step) : NULL;
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

static void read_rounds(struct fallback_rounds *rounds, const struct fallback_sides *sides) {
    struct reader reader = {.rounds = rounds, .in_vain = {.judge = rounds->judge}};
    struct latest latest[FALLBACK_SIDES] = {{.round = NULL}};
    size_t next[FALLBACK_SIDES] = {SIZE_MAX, SIZE_MAX};

    reader.steps = fallback_steps(rounds, sides, &reader.n);
    rounds->items = ARENA_ARRAY(rounds->judge->arena, struct fallback_round, reader.n + 1);
    for (size_t i = 0; i < reader.n; i++) {
        struct fallback_step *step = &reader.steps[i];
        struct latest *side = &latest[step->side];
        step->round = SIZE_MAX;
        if (step->status)
            take_answer(side, step);
        else
            take_send(&reader, side, step);
        if (side->round) {
            side->round->last_step = i;
            step->round = (size_t)(side->round - rounds->items);
        }
    }
    for (unsigned side = 0; side < FALLBACK_SIDES; side++)
        close_round(&reader, &latest[side]);
    for (size_t i = rounds->n; i-- > 0;) {
        struct fallback_round *round = &rounds->items[i];
        round->other = next[1 - round->side];
        if (!round->unregister)
            next[round->side] = i;
    }
    rounds->steps = reader.steps;
    rounds->step_count = reader.n;
}

const struct fallback_rounds *fallback_rounds_new(const struct judge *judge) {
    struct fallback_rounds *rounds = arena_new(judge->arena, sizeof *rounds);

    rounds->judge = judge;
    rounds->proxies = fallback_uses_proxies(judge);
    rounds->entries = rounds->proxies ? judge->expect->outbound_proxies : judge->expect->servers;
    struct fallback_sides sides = {.judge = judge, .entries = rounds->entries};
    fallback_sides_read(&sides);
    read_rounds(rounds, &sides);
    fallback_read_usual(rounds);
    fallback_read_restarts(rounds, &sides);
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
