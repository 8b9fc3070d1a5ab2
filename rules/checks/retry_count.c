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
#include "rules/checks/retry_losses.h"

enum { NEXT_REQUESTS_SEEN = 32 };

enum stay { STAY_MOVED, STAY_GAVE_UP, STAY_GOES_ON };

/* One silent attempt as the rule sees it. */
struct silence {
    const struct request *request;
    const struct attempt *attempt;
    const struct retry_expectations *retry;
    const struct retry_expectation *asked;
    enum stay stay;
    unsigned tries;    /* before the first response, in the unit that is counted */
    int64_t lasted_ns; /* first try to the move, or to the last that was seen */
    bool full_timer;   /* TCP, TLS: it lasted, or may have lasted, as long as the RFC's timer */
    struct int_range range; /* not set: the number is not judged here */
    bool unsure;            /* nobody knows whether this was the last server of the list */
};

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

static bool over_stream(const struct attempt *attempt) {
    return transport_is_reliable(attempt->server.transport);
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
        bool every = !over_stream(attempt) && retry->unit == RETRY_UNIT_TRY;
        if (send->t_ns < first->t_ns && (every || begins))
            n++;
    }
    return n;
}

/* When the phone next sent a request of the same kind, else the end of the capture. */
static int64_t next_of_kind(const struct judge *judge, const struct request *request) {
    const struct account *account = judge->account;
    size_t at = (size_t)(request - account->requests) + 1;

    for (size_t seen = 0; at < account->request_count && seen < NEXT_REQUESTS_SEEN; at++, seen++)
        if (account->requests[at].method == request->method)
            return account->requests[at].t_ns;
    return judge->story->end_ns;
}

/* Did an attempt over TCP or TLS last 64×T1, or give_up_s? Where the phone gave up, nothing shows
 * when: it had until its next request of the kind, or the end of the capture. */
static bool lasted_full(const struct judge *judge, const struct silence *silence) {
    const struct ns_range *give_up = &silence->asked->give_up;
    int64_t full = 64 * (silence->retry->t1.set ? silence->retry->t1.ns : STORY_T1_NS);
    int64_t lasted = silence->lasted_ns;

    if (silence->stay == STAY_GAVE_UP)
        lasted = next_of_kind(judge, silence->request) - silence->attempt->t_ns;
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

static const char *times_words(struct judge *judge, unsigned n, bool transactions) {
    if (transactions)
        return arena_printf(judge->arena, "in %u transaction%s", n, n == 1 ? "" : "s");
    return n == 1 ? "once" : arena_printf(judge->arena, "%u times", n);
}

static const char *range_words(struct judge *judge, const struct int_range *range) {
    return range->low == range->high
               ? arena_printf(judge->arena, "%d", range->low)
               : arena_printf(judge->arena, "%d to %d", range->low, range->high);
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct silence *silence) {
    const char *unit = silence->retry->unit == RETRY_UNIT_TRY ? "tries" : "transactions";
    const struct ns_range *give_up = &silence->asked->give_up;

    if (silence->range.set)
        judge_expect(judge, occurrence, value_range(unit, silence->range.low, silence->range.high));
    if (give_up->set)
        judge_expect(judge, occurrence,
                     (struct value){.key = "give_up_s",
                                    .kind = VALUE_SECONDS_RANGE,
                                    .range = {give_up->low_ns, give_up->high_ns}});
    judge_observe(judge, occurrence, value_int(unit, silence->tries));
    if (give_up->set)
        judge_observe(judge, occurrence, value_seconds("give_up_s", silence->lasted_ns));
    judge_observe(judge, occurrence, value_server("server", &silence->attempt->server));
    failover_send_frames(judge, occurrence, silence->attempt);
}

static const char *const STAY_WORDS[] = {
    [STAY_MOVED] = "before moving on",
    [STAY_GAVE_UP] = "before giving up",
    [STAY_GOES_ON] = "without moving on",
};

static void say_tries(struct judge *judge, struct occurrence *occurrence,
                      const struct silence *silence) {
    judge_say(judge, occurrence, "%s was tried %s at %s %s; expected %s",
              failover_request_words(silence->request),
              times_words(judge, silence->tries, silence->retry->unit != RETRY_UNIT_TRY),
              server_words(judge, &silence->attempt->server), STAY_WORDS[silence->stay],
              range_words(judge, &silence->range));
}

static void say_time(struct judge *judge, struct occurrence *occurrence,
                     const struct silence *silence) {
    const struct ns_range *give_up = &silence->asked->give_up;
    char lasted[SECONDS_TEXT_LEN], low[SECONDS_TEXT_LEN], high[SECONDS_TEXT_LEN];
    const char *asked =
        give_up->low_ns == give_up->high_ns
            ? seconds_text(give_up->low_ns, low)
            : arena_printf(judge->arena, "%s to %s", seconds_text(give_up->low_ns, low),
                           seconds_text(give_up->high_ns, high));

    judge_say(judge, occurrence, "%s was tried at %s for %s s %s; expected %s s",
              failover_request_words(silence->request),
              server_words(judge, &silence->attempt->server),
              seconds_text(silence->lasted_ns, lasted), STAY_WORDS[silence->stay], asked);
}

/* Packets that the capture missed could explain what looks like a fault. */
static bool lost(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    int64_t until = attempt->t_ns + silence->lasted_ns;
    const struct loss_sign *sign;
    struct occurrence *occurrence;

    if (silence->stay != STAY_MOVED) { /* what it sent later may have died before the wire */
        int64_t next = next_of_kind(judge, silence->request);
        until = next < until + STORY_64T1_NS ? next : until + STORY_64T1_NS;
    }
    sign = judge_loss(judge, attempt->t_ns, until, &attempt->server.ip);
    if (!sign)
        return false;
    occurrence =
        judge_undecided(judge, REASON_CAPTURE_LOSS, attempt->t_ns, "lost no packets of this phone");
    describe(judge, occurrence, silence);
    judge_frame(judge, occurrence, sign->frame);
    judge_say(judge, occurrence, "%s was seen %s at %s, but the capture may have missed some: %s",
              failover_request_words(silence->request),
              times_words(judge, silence->tries, silence->retry->unit != RETRY_UNIT_TRY),
              server_words(judge, &attempt->server), loss_kind_text(sign->kind));
    return true;
}

/* Too few, and the move came when it would have with all: another attempt of the phone, at the same
 * times with as many tries as are asked for, shows that sends of this one are missing. */
static bool lost_as_another_shows(struct judge *judge, const struct silence *silence) {
    enum { REQUESTS_SEEN = 512 };
    const struct account *account = judge->account;
    const struct attempt *attempt = silence->attempt;

    if (silence->stay != STAY_MOVED || over_stream(attempt) ||
        silence->retry->unit != RETRY_UNIT_TRY)
        return false;
    for (size_t r = 0; r < account->request_count && r < REQUESTS_SEEN; r++) {
        const struct request *request = &account->requests[r];
        for (size_t a = 0;
             request->method == silence->request->method && a + 1 < request->attempt_count; a++) {
            const struct attempt *other = &request->attempts[a];
            const struct attempt *next = other + 1;
            if (other->outcome != OUTCOME_SILENT || server_eq(&other->server, &next->server) ||
                other->tries < (unsigned)silence->range.low ||
                other->tries > (unsigned)silence->range.high ||
                !retry_is_part_of(attempt, attempt->t_ns + silence->lasted_ns, other, next->t_ns))
                continue;
            struct occurrence *occurrence = judge_undecided(
                judge, REASON_CAPTURE_LOSS, attempt->t_ns, "lost no packets of this phone");
            describe(judge, occurrence, silence);
            judge_say(judge, occurrence,
                      "%s was seen %s at %s, but moved on as after %u tries: the capture may have "
                      "missed some",
                      failover_request_words(silence->request),
                      times_words(judge, silence->tries, false),
                      server_words(judge, &attempt->server), other->tries);
            return true;
        }
    }
    return false;
}

/* One too few, as if the first send were missing. */
static bool lost_first(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    int64_t t1_ns = silence->retry->t1.set ? silence->retry->t1.ns : STORY_T1_NS;
    struct occurrence *occurrence;

    if (over_stream(attempt) || silence->retry->unit != RETRY_UNIT_TRY ||
        silence->tries + 1 != (unsigned)silence->range.low ||
        !retry_begins_late(judge->account, attempt, t1_ns))
        return false;
    occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, attempt->t_ns,
                                 "comes from a capture that lost no packets of this phone");
    describe(judge, occurrence, silence);
    judge_say(judge, occurrence,
              "%s was seen %s at %s, but begins with the second gap: the capture may have missed "
              "its first send",
              failover_request_words(silence->request), times_words(judge, silence->tries, false),
              server_words(judge, &attempt->server));
    return true;
}

/* As many as allowed, but a gap says that there was one more. */
static bool lost_inside(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    const struct loss_sign *sign =
        judge_loss(judge, attempt->t_ns, attempt->t_ns + silence->lasted_ns, &attempt->server.ip);

    return sign && sign->kind == LOSS_GAP_SUMS && lost(judge, silence);
}

static void undecided(struct judge *judge, const struct silence *silence, enum reason reason,
                      const char *needs) {
    describe(judge, judge_undecided(judge, reason, silence->attempt->t_ns, needs), silence);
}

static void fail_tries(struct judge *judge, const struct silence *silence) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, silence->attempt->t_ns);

    describe(judge, occurrence, silence);
    say_tries(judge, occurrence, silence);
}

/* The time, where give_up_s asks for one: seen only where the phone moved, or went on too long. */
static bool time_held(struct judge *judge, const struct silence *silence,
                      const struct failover_walk *walk) {
    const struct ns_range *give_up = &silence->asked->give_up;
    int64_t low, high;
    bool early, late;
    struct occurrence *occurrence;

    if (!give_up->set || (!walk->left_in_round && silence->stay != STAY_MOVED))
        return true;
    low = give_up->low_ns - expectations_tolerance_ns(judge->expect, give_up->low_ns);
    high = give_up->high_ns + expectations_tolerance_ns(judge->expect, give_up->high_ns);
    early = silence->stay == STAY_MOVED && silence->lasted_ns < low;
    late = silence->lasted_ns > high;
    if (!early && !late)
        return true;
    if (lost(judge, silence))
        return false;
    occurrence = judge_add(judge, VERDICT_FAIL, silence->attempt->t_ns);
    describe(judge, occurrence, silence);
    say_time(judge, occurrence, silence);
    return false;
}

#define NEEDS_START "begins before the first try of the request"
#define NEEDS_END "goes on until the phone moves on or gives up"

/* What decides, in this order: too many tries are a fault as soon as they are seen, whatever comes
 * after; else the attempt must be whole; then too few. */
static void judge_silence(struct judge *judge, const struct silence *silence,
                          const struct failover_walk *walk, size_t index) {
    const struct attempt *attempt = silence->attempt;
    const struct int_range *range = &silence->range;
    bool silent = attempt->outcome == OUTCOME_SILENT;
    bool many = range->set && silence->tries > (unsigned)range->high;
    bool few = range->set && silence->tries < (unsigned)range->low;

    if (many && over_stream(attempt) && silence->full_timer)
        many = false;
    else if (many && over_stream(attempt) && silence->stay == STAY_GOES_ON) {
        undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        return;
    }
    if (many && silence->unsure) {
        undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    /* What ended the first of several transactions may be missing: an answer, or a move. */
    if (many && attempt->transactions > 1 && !over_stream(attempt) &&
        judge_loss(judge, attempt->t_ns, attempt->t_ns + silence->lasted_ns, NULL)) {
        undecided(judge, silence, REASON_CAPTURE_LOSS, "lost no packets of this phone");
        return;
    }
    if (many) {
        if (silent || attempt->outcome == OUTCOME_CUT || walk->left_in_round)
            fail_tries(judge, silence);
        return;
    }
    if (!silent && (attempt->outcome != OUTCOME_CUT || attempt->response_count))
        return; /* answered within its tries, or provisionally: no silence to judge */
    if (attempt->restarted || (!range->set && !silence->asked->give_up.set))
        return;
    if (silence->request->starts_midway && index == 0) {
        undecided(judge, silence, REASON_STARTS_MIDWAY, NEEDS_START);
        return;
    }
    if (!time_held(judge, silence, walk))
        return;
    if (silence->stay == STAY_GOES_ON) {
        if (range->set)
            undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        return;
    }
    if (failover_cancelled(silence->request, index))
        return; /* the user ended it, not the phone */
    if (few && !(over_stream(attempt) && silence->full_timer)) {
        if (lost(judge, silence) || lost_as_another_shows(judge, silence) ||
            lost_first(judge, silence))
            return;
        if (silence->unsure)
            undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        else if (silence->request->unregister && silence->stay == STAY_GAVE_UP &&
                 failover_phone_gone(judge, attempt->end_ns))
            undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        else
            fail_tries(judge, silence);
        return;
    }
    if (silence->unsure && silence->stay == STAY_GAVE_UP && silence->asked->last_tries.set &&
        (silence->tries < (unsigned)silence->asked->last_tries.low ||
         silence->tries > (unsigned)silence->asked->last_tries.high)) {
        undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    if (range->set && !over_stream(attempt) && silence->retry->unit == RETRY_UNIT_TRY &&
        silence->tries == (unsigned)range->high && lost_inside(judge, silence))
        return; /* one more was sent, and is not in the capture */
    if (!range->set && silence->stay != STAY_MOVED)
        return; /* a time alone is asked for, and when it ended cannot be seen */
    describe(judge, judge_add(judge, VERDICT_PASS, attempt->t_ns), silence);
}

/* ---- probes ---- */

enum { PROBES_SEEN = 256 };
#define PROBE_GAP_NS                                                                               \
    ((int64_t)5 * NS_PER_S) /* longer than T2, the longest gap of a transaction                    \
                             */

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
        whole->retry->unit != RETRY_UNIT_TRY || over_stream(attempt) || !whole->range.set ||
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
        judge_silence(judge, &silence, walk, index);
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
            judge_silence(judge, &silence, &walk, i);
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
