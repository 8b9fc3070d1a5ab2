/* register.refresh: is each registration renewed in time (RFC 3261 10.2.4)?
 *
 *     200                                                         lapses
 *      |--------------------- granted lifetime ----------------------|
 *      |            low ·······································high  |
 *      |       tol |   the refresh begins in here               | tol|
 *
 * The refresh is the first REGISTER with an attempt at that server; it begins with its first send,
 * wherever that went. What comes of it is another matter. No refresh is owed by a phone that
 * un-registered, restarted, or moved: where a registration lapses while another one of the account
 * is live, all is well. Lifetimes whose end the capture does not reach are not judged, unless the
 * refresh was seen. */
#include <stdlib.h>

#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/loss_index.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

enum { LOOKED_AT = 64 }; /* REGISTERs in one lifetime, registrations beside one */

/* An attempt of a REGISTER, in order of server, then time. */
struct visit {
    struct server server;
    int64_t t_ns;
    const struct request *request;
};

/* The registrations by time, each with the two that last longest up to it. */
struct lasting {
    size_t first, second; /* SIZE_MAX: none */
};

struct refresher {
    struct judge *judge;
    struct visit *visits;
    size_t visit_count;
    const struct request **registers; /* in order of time */
    size_t register_count;
    struct lasting *lasting;
    int64_t *boots; /* restarts that a DHCP exchange shows */
    size_t boot_count;
    const struct loss_index *losses; /* NULL: not needed so far */
};

/* One registration and its times. */
struct lifetime {
    const struct registration *at;
    const struct request *request; /* the REGISTER that made it */
    int64_t life_ns, end_ns, earliest_ns, latest_ns;
    const struct request *refresh; /* NULL: none at this server */
    int64_t begun_ns;              /* of the refresh; INT64_MAX: none */
};

/* ---- finding ---- */

static int compare_visits(const void *a, const void *b) {
    const struct visit *x = a, *y = b;
    int by_ip = ip_compare(&x->server.ip, &y->server.ip);

    if (by_ip)
        return by_ip;
    if (x->server.port != y->server.port)
        return x->server.port < y->server.port ? -1 : 1;
    if (x->server.transport != y->server.transport)
        return x->server.transport < y->server.transport ? -1 : 1;
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

/* Another registration of the account that is live at this moment; NULL: none. */
static const struct registration *live_beside(const struct refresher *refresher, size_t index,
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

/* The first REGISTER with an attempt at this server after the 200. */
static void find_refresh(const struct refresher *refresher, struct lifetime *life) {
    const struct visit wanted = {.server = life->at->server, .t_ns = life->at->t_ns};
    size_t low = 0, high = refresher->visit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_visits(&refresher->visits[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low < refresher->visit_count && seen < LOOKED_AT; low++, seen++) {
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

/* The first REGISTER that begins between two moments, wherever it goes; NULL: none. */
static const struct request *register_between(const struct refresher *refresher,
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
    for (size_t seen = 0; low < refresher->register_count && seen < LOOKED_AT; low++, seen++) {
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

/* The registration that the account has made elsewhere since, on the same list and reg-id, and that
 * is live still when the refresh comes: then the phone came back with it, and renewed nothing.
 * NULL: none. */
static const struct registration *superseding(const struct refresher *refresher, size_t index,
                                              const struct lifetime *life) {
    const struct account *account = refresher->judge->account;

    for (size_t i = index + 1; i < account->registration_count && i - index <= LOOKED_AT; i++) {
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

/* A boot after the end, with nothing heard of the account between: when the phone went down cannot
 * be seen. */
static bool booted_after(const struct refresher *refresher, const struct lifetime *life) {
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

/* ---- held up on the way ---- */

/* Was this still open at a moment: asked not long before, and not answered by then, by any
 * resolver?
 */
static bool is_pending(const struct resolution *resolution, const struct query *query,
                       int64_t t_ns) {
    int64_t last_ns = query->send_count ? query->times_ns[query->send_count - 1] : query->t_ns;

    if (query->t_ns > t_ns || last_ns + STORY_AFTER_SILENCE_NS < t_ns)
        return false;
    for (size_t i = 0; i < resolution->query_count && i < LOOKED_AT; i++) {
        const struct query *one = resolution->queries[i];
        if (one->type == query->type && one->name == query->name && one->answer_frame &&
            one->answer_t_ns <= t_ns)
            return false;
    }
    return true;
}

/* A lookup for the account that nobody has answered: the refresh has begun, but knows not where to
 * go. */
static bool lookup_pending(const struct refresher *refresher, const struct lifetime *life,
                           int64_t t_ns) {
    const struct account *account = refresher->judge->account;
    size_t low = 0, high = account->resolution_count;

    while (low < high) { /* the first that begins after t */
        size_t middle = low + (high - low) / 2;
        if (account->resolutions[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low-- > 0 && seen < LOOKED_AT; seen++) {
        const struct resolution *resolution = account->resolutions[low];
        if (resolution->t_ns < life->at->t_ns)
            break;
        for (size_t i = 0; i < resolution->query_count && i < LOOKED_AT; i++)
            if (is_pending(resolution, resolution->queries[i], t_ns))
                return true;
    }
    return false;
}

/* A connection that nobody took, for what is not known. */
static bool connection_pending(const struct refresher *refresher, const struct lifetime *life,
                               int64_t t_ns) {
    const struct account *account = refresher->judge->account;
    size_t at = life->at->request + 1;
    size_t low = account_requests_until(account, t_ns);

    for (size_t seen = 0; low-- > at && seen < LOOKED_AT; seen++) {
        const struct request *request = &account->requests[low];
        if (request->t_ns < life->at->t_ns || request->t_ns + STORY_AFTER_SILENCE_NS < t_ns)
            break;
        if (request->method == SIP_UNKNOWN_METHOD && request->outcome != OUTCOME_ANSWERED)
            return true;
    }
    return false;
}

static bool held_up(const struct refresher *refresher, const struct lifetime *life, int64_t t_ns) {
    return lookup_pending(refresher, life, t_ns) || connection_pending(refresher, life, t_ns);
}

/* ---- what is said ---- */

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct lifetime *life, int64_t begun_ns, const struct request *refresh) {
    int64_t low = life->earliest_ns - life->at->t_ns;
    int64_t high = life->latest_ns - life->at->t_ns;

    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence,
                 (struct value){.key = "refresh_s",
                                .kind = VALUE_SECONDS_RANGE,
                                .range = {low > 0 ? low : 0, high}});
    judge_observe(judge, occurrence,
                  refresh ? value_seconds("refresh_s", begun_ns - life->at->t_ns)
                          : (struct value){.key = "refresh_s", .kind = VALUE_NULL});
    judge_observe(judge, occurrence, value_int("expires_s", life->at->expires_s));
    judge_observe(judge, occurrence, value_server("server", &life->at->server));
    judge_frame(judge, occurrence, life->at->frame);
    if (refresh && refresh->attempts[0].send_count)
        judge_frame(judge, occurrence, refresh->attempts[0].send_list[0].frame);
}

/* Can a REGISTER be what this sign says is missing? Not where it tells of a lookup, or of an answer
 * or a repetition of a request that is there. */
static bool may_be_register(enum loss_kind kind) {
    return kind != LOSS_ANSWER_ONLY && kind != LOSS_ANSWER_USED && kind != LOSS_ACK_ONLY &&
           kind != LOSS_GAP_SUMS && kind != LOSS_EARLY_MOVE && kind != LOSS_UNREPEATED;
}

/* A fault, unless the capture may have lost a REGISTER that was in time. */
static struct occurrence *fault(struct refresher *refresher, const struct lifetime *life) {
    struct judge *judge = refresher->judge;

    if (!refresher->losses)
        refresher->losses = loss_index_likely(judge->phone, judge->arena, may_be_register);
    return judge_loss_of(judge, refresher->losses, life->earliest_ns, life->latest_ns, NULL)
               ? judge_undecided(judge, REASON_CAPTURE_LOSS, life->at->t_ns, NEEDS_NO_LOSS)
               : judge_add(judge, VERDICT_FAIL, life->at->t_ns);
}

static void pass(struct judge *judge, const struct lifetime *life, int64_t begun_ns,
                 const struct request *refresh) {
    describe(judge, judge_add(judge, VERDICT_PASS, life->at->t_ns), life, begun_ns, refresh);
}

/* It needed no renewal: the account was registered elsewhere when its time came. */
static void pass_elsewhere(struct judge *judge, const struct lifetime *life,
                           const struct registration *elsewhere) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, life->at->t_ns);
    bool in_time = life->begun_ns >= life->earliest_ns && life->begun_ns <= life->latest_ns;

    describe(judge, occurrence, life, life->begun_ns, in_time ? life->refresh : NULL);
    judge_observe(judge, occurrence, value_server("registered_at", &elsewhere->server));
}

static void undecided_held_up(struct judge *judge, const struct lifetime *life) {
    struct occurrence *occurrence =
        judge_undecided(judge, REASON_NOWHERE_TO_GO, life->at->t_ns,
                        "includes a refresh while lookups and connections are answered");

    describe(judge, occurrence, life, life->begun_ns, life->refresh);
    judge_say(judge, occurrence,
              "the registration at %s for %u s was not renewed in time, while a lookup or a "
              "connection was left unanswered",
              server_words(judge, &life->at->server), life->at->expires_s);
}

static void fail_early(struct judge *judge, const struct lifetime *life) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, life->at->t_ns);
    char seen[SECONDS_TEXT_LEN], from[SECONDS_TEXT_LEN];

    describe(judge, occurrence, life, life->begun_ns, life->refresh);
    judge_say(judge, occurrence,
              "the registration at %s for %u s was renewed after %s s, sooner than %s s",
              server_words(judge, &life->at->server), life->at->expires_s,
              seconds_text(life->begun_ns - life->at->t_ns, seen),
              seconds_text(life->earliest_ns - life->at->t_ns, from));
}

static void fail_late(struct refresher *refresher, const struct lifetime *life, int64_t begun_ns,
                      const struct request *refresh) {
    struct judge *judge = refresher->judge;
    struct occurrence *occurrence = fault(refresher, life);
    char seen[SECONDS_TEXT_LEN], to[SECONDS_TEXT_LEN];

    describe(judge, occurrence, life, begun_ns, refresh);
    judge_say(judge, occurrence,
              "the registration at %s for %u s was renewed only after %s s, later than %s s",
              server_words(judge, &life->at->server), life->at->expires_s,
              seconds_text(begun_ns - life->at->t_ns, seen),
              seconds_text(life->latest_ns - life->at->t_ns, to));
}

static void fail_lapsed(struct refresher *refresher, const struct lifetime *life) {
    struct judge *judge = refresher->judge;
    struct occurrence *occurrence = fault(refresher, life);
    char after[SECONDS_TEXT_LEN];

    describe(judge, occurrence, life, life->begun_ns, life->refresh);
    if (life->refresh)
        judge_say(judge, occurrence,
                  "the registration at %s for %u s had run out when it was renewed, after %s s",
                  server_words(judge, &life->at->server), life->at->expires_s,
                  seconds_text(life->begun_ns - life->at->t_ns, after));
    else
        judge_say(judge, occurrence, "the registration at %s for %u s ran out and was not renewed",
                  server_words(judge, &life->at->server), life->at->expires_s);
}

/* ---- judging ---- */

/* Renewed, un-registered or restarted while it lasted. */
static void judge_refreshed(struct refresher *refresher, size_t index,
                            const struct lifetime *life) {
    struct judge *judge = refresher->judge;
    const struct registration *elsewhere = superseding(refresher, index, life);

    if (elsewhere) {
        if (judge->story->end_ns >= life->end_ns)
            pass_elsewhere(judge, life, elsewhere);
    } else if (life->begun_ns < life->earliest_ns) {
        /* Another Contact is another binding: the phone learnt its own address, perhaps. */
        if (life->refresh->contact_uri == life->request->contact_uri)
            fail_early(judge, life);
    } else if (life->begun_ns > life->latest_ns && held_up(refresher, life, life->latest_ns)) {
        undecided_held_up(judge, life);
    } else if (life->begun_ns > life->latest_ns) {
        fail_late(refresher, life, life->begun_ns, life->refresh);
    } else {
        pass(judge, life, life->begun_ns, life->refresh);
    }
}

/* Nothing went to this server while it lasted. */
static void judge_unrefreshed(struct refresher *refresher, size_t index,
                              const struct lifetime *life) {
    struct judge *judge = refresher->judge;
    const struct registration *beside = live_beside(refresher, index, life->end_ns);
    const struct request *elsewhere;

    if (beside) {
        pass_elsewhere(judge, life, beside);
        return;
    }
    elsewhere = register_between(refresher, life, life->earliest_ns, life->end_ns);
    if (elsewhere && elsewhere->t_ns <= life->latest_ns)
        pass(judge, life, elsewhere->t_ns, elsewhere);
    else if (held_up(refresher, life, life->latest_ns))
        undecided_held_up(judge, life);
    else if (elsewhere)
        fail_late(refresher, life, elsewhere->t_ns, elsewhere);
    else if (!booted_after(refresher, life))
        fail_lapsed(refresher, life);
}

/* Does the 200 say how long it is for, or did the REGISTER? Else the lifetime is a guess. */
static bool lifetime_known(const struct request *request, const struct registration *at,
                           bool *cut) {
    for (size_t a = 0; a < request->attempt_count; a++) {
        const struct attempt *attempt = &request->attempts[a];
        for (size_t i = 0; i < attempt->response_count; i++) {
            const struct response *response = &attempt->responses[i];
            if (response->frame != at->frame || response->t_ns != at->t_ns)
                continue;
            *cut = !response->has_expires;
            return response->has_expires ||
                   (response->transaction < attempt->transactions &&
                    attempt->transaction_list[response->transaction].has_expires);
        }
    }
    return false;
}

static int64_t part_of(int64_t life_ns, double part) {
    return (int64_t)((double)life_ns * part);
}

static void set_times(const struct judge *judge, struct lifetime *life) {
    const struct expectations *expect = judge->expect;
    int64_t low, high;

    life->life_ns = (int64_t)life->at->expires_s * NS_PER_S;
    low = part_of(life->life_ns, expect->registration.refresh_low);
    high = part_of(life->life_ns, expect->registration.refresh_high);
    high += expectations_tolerance_ns(expect, high);
    life->end_ns = life->at->t_ns + life->life_ns;
    life->earliest_ns = life->at->t_ns + low - expectations_tolerance_ns(expect, low);
    life->latest_ns = life->at->t_ns + (high < life->life_ns ? high : life->life_ns);
}

static void judge_registration(struct refresher *refresher, size_t index) {
    struct judge *judge = refresher->judge;
    const struct registration *at = &judge->account->registrations[index];
    struct lifetime life = {
        .at = at, .request = &judge->account->requests[at->request], .begun_ns = INT64_MAX};
    bool cut = false, refreshed;
    char t[SECONDS_TEXT_LEN];

    if (!lifetime_known(life.request, at, &cut))
        return;
    set_times(judge, &life);
    find_refresh(refresher, &life);
    refreshed = life.begun_ns <= life.end_ns;
    if (!refreshed && life.refresh && life.refresh->unregister) {
        life.refresh = NULL;
        life.begun_ns = INT64_MAX;
    }
    if (failover_restarted(judge, at->t_ns, refreshed ? life.begun_ns : life.end_ns) ||
        (refreshed && life.refresh->unregister))
        return;
    if (!refreshed && judge->story->end_ns < life.end_ns) {
        judge->not_exercised_needs =
            arena_printf(judge->arena,
                         "goes on until the registration granted at t=%s for %u s "
                         "is renewed or runs out",
                         seconds_text(story_offset_ns(judge->story, at->t_ns), t), at->expires_s);
        return;
    }
    if (cut && judge->story->warnings[WARNING_TRUNCATED_PACKETS].count) {
        describe(judge,
                 judge_undecided(judge, REASON_CAPTURE_LOSS, at->t_ns,
                                 "holds the answers whole, with a larger snapshot length"),
                 &life, life.begun_ns, life.refresh);
        return;
    }
    if (refreshed)
        judge_refreshed(refresher, index, &life);
    else
        judge_unrefreshed(refresher, index, &life);
}

static void check(struct judge *judge) {
    struct refresher refresher = {.judge = judge};

    if (!judge->account->registration_count)
        return;
    gather_requests(&refresher);
    gather_lasting(&refresher);
    gather_boots(&refresher);
    for (size_t i = 0; i < judge->account->registration_count; i++)
        judge_registration(&refresher, i);
}

static bool applies(const struct judge *judge) {
    (void)judge;
    return true;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3261", "10.2.4"},
    {BASIS_RFC, "RFC 3261", "10.2.1.1"},
};

const struct rule rule_register_refresh = {
    .id = "register.refresh",
    .title = "Each registration is renewed in time",
    .checks =
        "Each registration whose end the capture reaches, or whose refresh it shows: the next "
        "REGISTER to that server begins within registration.refresh of the granted lifetime, each "
        "edge with the tolerance of its seconds, and before the registration has run out. A "
        "refresh "
        "that begins in time and fails is not held against the phone. Nothing is owed after an "
        "un-register or a restart, or where another registration of the account is live when this "
        "one runs out. While a lookup or a connection is left unanswered it is undecided.",
    .matters = "A registration that runs out makes the phone unreachable, and nobody notices "
               "until somebody calls.",
    .steered_by = "registration.refresh; tolerance",
    .passes = "A 200 for 60 s at t=0.1, the next REGISTER at t=50: it begins at 0.83 of the "
              "lifetime.",
    .fails = "A 200 for 60 s at t=0.1 and the next REGISTER at t=65, or none at all; with "
             "registration.refresh [0.5, 0.9] also one at t=20.",
    .departures = "RFC 3261 asks for a refresh before the registration runs out; how long before "
                  "is each vendor's own.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "goes on until a registration is renewed or runs out",
    .applies = applies,
    .check = check,
};
