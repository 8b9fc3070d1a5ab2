/* retry.register, retry.invite, retry.bye, retry.other: how often a phone tries one silent server.
 *
 *     tries   1    2         3                   move
 *     sent    |----|---------|-------------------> next server
 *             0   T1        3×T1                7×T1
 *             '------------- give_up_s ----------'
 *
 * A try is a send over UDP; over TCP and TLS, where RFC 3261 17.1 forbids repeating, it is a new
 * transaction or a connection attempt that failed, and an attempt that lasted the full 64×T1 is
 * accepted whatever its tries (contract section 6, Retries). */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/retry_silence.h"

static bool asks(const struct retry_expectations *retry, enum retry_method method) {
    const struct retry_expectation *asked = &retry->method[method];

    return asked->tries.set || asked->last_tries.set || asked->give_up.set;
}

static bool applies(const struct judge *judge, enum retry_method method) {
    const struct expectations *expect = judge->expect;

    if (judge->view && !judge->view->matched)
        return false;
    if (asks(&expect->retry, method))
        return true;
    for (size_t i = 0; i < expect->server_count; i++)
        if (asks(&expect->servers[i].retry, method))
            return true;
    for (size_t i = 0; i < expect->outbound_proxy_count; i++)
        if (asks(&expect->outbound_proxies[i].retry, method))
            return true;
    return false;
}

/* Tries before the first response that came in time. */
static unsigned tries_in_silence(const struct retry_expectations *retry,
                                 const struct attempt *attempt) {
    const struct response *first = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < attempt->response_count && !first; i++)
        if (!attempt->responses[i].late)
            first = &attempt->responses[i];
    if (!first)
        return retry_tries(retry, attempt);
    for (size_t i = 0; i < attempt->send_count; i++) {
        const struct send *send = &attempt->send_list[i];
        bool begins = send->connect || attempt->transaction_list[send->transaction].first_send == i;
        bool every = !retry_over_stream(attempt) && retry->unit == RETRY_UNIT_TRY;
        if (send->t_ns < first->t_ns && (every || begins))
            n++;
    }
    return n;
}

/* Did an attempt over TCP or TLS last 64×T1, or give_up_s? Where the phone gave up, nothing shows
 * when: it had until its next request of the kind, or the end of the capture. */
static bool lasted_full(const struct judge *judge, const struct silence *silence) {
    const struct ns_range *give_up = &silence->asked->give_up;
    int64_t full = 64 * (silence->retry->t1.set ? silence->retry->t1.ns : STORY_T1_NS);
    int64_t lasted = silence->lasted_ns;

    if (silence->stay == STAY_GAVE_UP)
        lasted = retry_next_of_kind(judge, silence->request) - silence->attempt->t_ns;
    if (lasted >= full - expectations_tolerance_ns(judge->expect, full))
        return true;
    return give_up->set &&
           lasted >= give_up->low_ns - expectations_tolerance_ns(judge->expect, give_up->low_ns);
}

/* Which number is asked for: tries, or for the last server that the request may go to last_tries.
 */
static void choose_range(struct silence *silence, const struct failover_walk *walk, size_t index) {
    const struct retry_expectation *asked = silence->asked;
    const struct request *request = silence->request;
    /* Gone to a server that the list does not hold: a lookup is missing, this was not the last. */
    bool beyond = silence->stay == STAY_MOVED && walk->known &&
                  index + 1 < request->attempt_count &&
                  !server_list_find_near(walk->list, &request->attempts[index + 1].server);
    bool inside = silence->request->in_dialog && !walk->failover->in_dialog;
    bool last = !walk->left_in_round;

    if (silence->stay == STAY_MOVED && (!walk->known || inside || walk->optional_left || beyond))
        last = false;
    else if (!walk->known)
        silence->unsure = true;
    if (silence->unsure || !last)
        silence->range = asked->tries;
    else if (asked->last_tries.set)
        silence->range = asked->last_tries;
    else if (walk->total <= 1 && !walk->banned_left && !walk->unregistered_left)
        silence->range = asked->tries;
}

/* ---- probes ---- */

enum { PROBES_SEEN = 256 };

/* Longer than T2, the longest gap of a transaction. */
#define PROBE_GAP_NS ((int64_t)5 * NS_PER_S)

/* Does another try of this kind begin with this send? */
static bool begins_probe(const struct attempt *attempt, size_t at) {
    const struct send *send = &attempt->send_list[at];

    return at && !send->connect && attempt->transaction_list[send->transaction].first_send == at &&
           send->t_ns - attempt->send_list[at - 1].t_ns >= PROBE_GAP_NS;
}

/* Two configured servers: a REGISTER that probes the dead one is a request of its own (contract
 * section 6), though the story has probes less than 37 s apart as one attempt. Where its tries are
 * too many for one, each probe is judged instead. False: they are not probes. */
static bool judge_probes(struct judge *judge, const struct silence *whole,
                         const struct failover_walk *walk, size_t index) {
    const struct attempt *attempt = whole->attempt;
    size_t starts[PROBES_SEEN + 1], n = 0;

    if (!walk->own || !walk->own->other || whole->request->method != SIP_REGISTER ||
        whole->retry->unit != RETRY_UNIT_TRY || retry_over_stream(attempt) || !whole->range.set ||
        whole->tries <= (unsigned)whole->range.high)
        return false;
    for (size_t i = 0; i < attempt->send_count && n < PROBES_SEEN; i++)
        if (!i || begins_probe(attempt, i))
            starts[n++] = i;
    if (n < 2)
        return false;
    starts[n] = attempt->send_count;
    for (size_t i = 0; i < n; i++) {
        struct attempt *probe = arena_new(judge->arena, sizeof *probe);
        struct silence silence = *whole;
        bool last = i + 1 == n;
        *probe = *attempt;
        probe->send_list = attempt->send_list + starts[i];
        probe->send_count = starts[i + 1] - starts[i];
        probe->t_ns = probe->send_list[0].t_ns;
        silence.attempt = probe;
        silence.tries = (unsigned)probe->send_count;
        silence.lasted_ns = probe->send_list[probe->send_count - 1].t_ns - probe->t_ns;
        if (last && attempt->response_count && !attempt->responses[0].late)
            silence.tries = whole->tries < starts[i] ? 0 : whole->tries - (unsigned)starts[i];
        if (!last) {
            probe->outcome = OUTCOME_SILENT;
            probe->in_progress = probe->restarted = false;
            probe->response_count = 0;
            probe->end_ns = probe->t_ns + silence.lasted_ns;
            silence.stay = STAY_GAVE_UP;
        }
        retry_judge_silence(judge, &silence, walk, index);
    }
    return true;
}

static void check_request(struct judge *judge, const struct failover_account *account,
                          const struct request *request, enum retry_method method) {
    struct failover_walk walk;

    failover_walk_begin(&walk, account, request);
    for (size_t i = 0; i < request->attempt_count; i++) {
        const struct attempt *attempt = &request->attempts[i];
        struct silence silence = {.request = request, .attempt = attempt};
        bool whole = i + 1 < request->attempt_count;
        bool moved = failover_moved(account, request, i);

        failover_walk_step(&walk, i, attempt->end_ns);
        silence.retry = walk.retry;
        silence.asked = &walk.retry->method[method];
        if (attempt->outcome == OUTCOME_REFUSED || !asks(walk.retry, method))
            continue;
        silence.stay = moved ? STAY_MOVED : STAY_GAVE_UP;
        if (attempt->outcome == OUTCOME_CUT || attempt->in_progress ||
            attempt->outcome == OUTCOME_ANSWERED || (!whole && request->open))
            silence.stay = STAY_GOES_ON;
        silence.tries = tries_in_silence(walk.retry, attempt);
        silence.lasted_ns = failover_silence_ns(account, request, i);
        choose_range(&silence, &walk, i);
        silence.full_timer = lasted_full(judge, &silence);
        if (!judge_probes(judge, &silence, &walk, i))
            retry_judge_silence(judge, &silence, &walk, i);
    }
}

static void check(struct judge *judge, enum retry_method method) {
    struct failover_account account;

    failover_account_init(&account, judge);
    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        if (!request->call_id && request->method == SIP_UNKNOWN_METHOD)
            continue; /* connections alone: nobody knows what they were for */
        if (retry_method_of(request->method) == method && !failover_uneventful(request))
            check_request(judge, &account, request, method);
    }
}

static bool applies_register(const struct judge *judge) {
    return applies(judge, RETRY_REGISTER);
}

static bool applies_invite(const struct judge *judge) {
    return applies(judge, RETRY_INVITE);
}

static bool applies_bye(const struct judge *judge) {
    return applies(judge, RETRY_BYE);
}

static bool applies_other(const struct judge *judge) {
    return applies(judge, RETRY_OTHER);
}

static void check_register(struct judge *judge) {
    check(judge, RETRY_REGISTER);
}

static void check_invite(struct judge *judge) {
    check(judge, RETRY_INVITE);
}

static void check_bye(struct judge *judge) {
    check(judge, RETRY_BYE);
}

static void check_other(struct judge *judge) {
    check(judge, RETRY_OTHER);
}

static const struct source SOURCES_NON_INVITE[] = {
    {BASIS_RFC, "RFC 3261", "17.1.2.2"},
    {BASIS_RFC, "RFC 3263", "4.3"},
};

static const struct source SOURCES_INVITE[] = {
    {BASIS_RFC, "RFC 3261", "17.1.1.2"},
    {BASIS_RFC, "RFC 3263", "4.3"},
};

#define RETRY_MATTERS                                                                              \
    "Too many tries keep the user waiting at a dead server while another is ready; too few leave " \
    "a "                                                                                           \
    "live one for a single lost packet."

#define RETRY_STEERED(m)                                                                           \
    "retry." m ".tries (tries at one silent server), retry." m                                     \
    ".last_tries (at the last server that the request may go to; null: not judged, unless the "    \
    "list "                                                                                        \
    "has one server only), retry." m                                                               \
    ".give_up_s (seconds to the move), retry.unit, retry.t1_s, tolerance"

#define RETRY_DEPARTURES                                                                           \
    "RFC 3261 repeats for 64*T1 = 32 s (7 sends of an INVITE, 11 of another request). Yealink "    \
    "counts "                                                                                      \
    "retries, 3 by default: three sends in all, or one and three more; both are accepted (Server " \
    "Redundancy on Yealink IP Phones, Failover Scenario). Grandstream sends 3 (GRP26xx DNS SRV "   \
    "Guide, "                                                                                      \
    "Registration Process). Some firmwares ship 16 s or 4 s instead of 32 s."

#define RETRY_RULE(NAME, ID, METHOD, FIRST, SOURCES)                                               \
    const struct rule rule_retry_##NAME = {                                                        \
        .id = ID,                                                                                  \
        .title = "A silent server is given up after the promised number of tries of " FIRST,       \
        .checks =                                                                                  \
            "Each silent attempt of " METHOD                                                       \
            " that the phone itself ended, by moving on or giving up: its tries (sends over UDP; " \
            "new transactions and failed connections over TCP and TLS), and its duration where "   \
            "give_up_s is set. One that goes on is judged as soon as its tries exceed what is "    \
            "expected. Over TCP and TLS an attempt that lasted 64*T1 is accepted whatever its "    \
            "tries.",                                                                              \
        .matters = RETRY_MATTERS,                                                                  \
        .steered_by = RETRY_STEERED(#NAME),                                                        \
        .passes =                                                                                  \
            "tries 3: " FIRST " is sent to the silent 192.0.2.1 at 0, 0.5 and 1.5 s, and to "      \
            "192.0.2.2 at 3.5 s.",                                                                 \
        .fails =                                                                                   \
            "tries 3: " FIRST " is sent to the silent 192.0.2.1 at 0 and 0.5 s, and to 192.0.2.2 " \
            "at 1.5 s: 2 tries.",                                                                  \
        .departures = RETRY_DEPARTURES,                                                            \
        .sources = SOURCES,                                                                        \
        .source_count = sizeof SOURCES / sizeof SOURCES[0],                                        \
        .needs =                                                                                   \
            "includes a server that leaves " FIRST " unanswered, until the phone moves on or "     \
            "gives up",                                                                            \
        .applies = applies_##NAME,                                                                 \
        .check = check_##NAME,                                                                     \
    }

RETRY_RULE(register, "retry.register", "a REGISTER", "a REGISTER", SOURCES_NON_INVITE);

RETRY_RULE(invite, "retry.invite", "an INVITE", "an INVITE", SOURCES_INVITE);

RETRY_RULE(bye, "retry.bye", "a BYE", "a BYE", SOURCES_NON_INVITE);

RETRY_RULE(other, "retry.other", "any other request (SUBSCRIBE, OPTIONS, MESSAGE, …)",
           "a request of another method", SOURCES_NON_INVITE);
