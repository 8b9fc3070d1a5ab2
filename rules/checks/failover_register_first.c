/* failover.register-first: does the phone register at the server that it moves to, before it sends
 * anything else there? Or does it promise not to, since the servers share their registrations?
 *
 *     true     INVITE ─▶ s1 x     REGISTER ─▶ s2 200     INVITE ─▶ s2      (or registered there
 *                                                                           since long)
 *     false    INVITE ─▶ s1 x                            INVITE ─▶ s2
 *
 * A REGISTER put in between is judged here alone (contract section 6). One that falls due in that
 * moment is none: it renews a registration where it is, or one whose time is nearly over, or goes
 * its own way along the list while the request is still being tried. */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/registered.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

enum { LOOKED_AT = 64 };    /* requests during one failover that are looked at */
enum { DUE_PER_CENT = 90 }; /* of its lifetime: later a renewal comes of itself */

/* One move of a request from a server that failed to another. */
struct move {
    const struct request *request;
    const struct attempt *from, *to;
    bool expected; /* that it registers first */
};

static bool same_place(const struct server *a, const struct server *b) {
    return ip_eq(&a->ip, &b->ip) && a->port == b->port;
}

static void describe(struct judge *judge, struct occurrence *occurrence, const struct move *move,
                     bool registered) {
    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_bool("register_first", move->expected));
    judge_observe(judge, occurrence, value_bool("registered", registered));
    judge_observe(judge, occurrence, value_text("method", failover_request_words(move->request)));
    judge_observe(judge, occurrence, value_server("from", &move->from->server));
    judge_observe(judge, occurrence, value_server("to", &move->to->server));
    failover_send_frames(judge, occurrence, move->from);
    if (move->to->send_count)
        judge_frame(judge, occurrence, move->to->send_list[0].frame);
}

/* ---- true: a successful REGISTER precedes it ---- */

static void judge_demanded(struct judge *judge, const struct registered_account *account,
                           const struct move *move) {
    const struct registration *live;
    struct occurrence *occurrence = NULL;

    switch (registered_at(account, &move->to->server, move->to->t_ns, &live)) {
    case REGISTERED_LIVE:
        occurrence = judge_add(judge, VERDICT_PASS, move->to->t_ns);
        describe(judge, occurrence, move, true);
        judge_frame(judge, occurrence, live->frame);
        return;
    case REGISTERED_LOST:
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, move->to->t_ns, NEEDS_NO_LOSS);
        break;
    case REGISTERED_BEFORE:
        occurrence =
            judge_undecided(judge, REASON_STARTS_MIDWAY, move->to->t_ns, NEEDS_REGISTRATIONS);
        break;
    case REGISTERED_NOT:
        occurrence = judge_add(judge, VERDICT_FAIL, move->to->t_ns);
        break;
    }
    describe(judge, occurrence, move, false);
    judge_say(judge, occurrence,
              "%s moved from %s to %s, where the phone was not registered; it should have "
              "registered there first",
              failover_request_words(move->request), server_words(judge, &move->from->server),
              server_words(judge, &move->to->server));
}

/* ---- false: no REGISTER in between ---- */

static size_t first_request_after(const struct account *account, int64_t t_ns) {
    size_t low = account_requests_before(account, t_ns);
    return low;
}

static int64_t last_try_ns(const struct attempt *attempt) {
    return attempt->send_count ? attempt->send_list[attempt->send_count - 1].t_ns : attempt->t_ns;
}

/* The attempt with which a REGISTER reached the new server before the request did; NULL: none. One
 * that began at another server counts only where it began after the request had given up there. */
static const struct attempt *put_between(const struct move *move, const struct request *request) {
    if (request->method != SIP_REGISTER || request->unregister || !request->attempt_count)
        return NULL;
    if (!same_place(&request->attempts[0].server, &move->to->server) &&
        request->t_ns < last_try_ns(move->from))
        return NULL;
    for (size_t i = 0; i < request->attempt_count; i++) {
        const struct attempt *attempt = &request->attempts[i];
        if (attempt->t_ns >= move->to->t_ns)
            break;
        if (attempt->transactions && same_place(&attempt->server, &move->to->server))
            return attempt;
    }
    return NULL;
}

enum between { BETWEEN_DUE, BETWEEN_UNKNOWN, BETWEEN_PUT };

/* Was this REGISTER put in between, or had its time come? */
static enum between weigh(const struct registered_account *account, const struct move *move,
                          const struct request *request) {
    const struct registration *live;
    int64_t life, age;
    enum registered there = registered_at(account, &move->to->server, request->t_ns, &live);

    if (there == REGISTERED_LIVE)
        return BETWEEN_DUE; /* it renews what stands there */
    if (there == REGISTERED_BEFORE)
        return BETWEEN_UNKNOWN;
    live = registered_anywhere(account, request->t_ns);
    if (!live)
        return BETWEEN_DUE; /* an account without any registration needs one */
    life = (int64_t)live->expires_s * NS_PER_S;
    age = request->t_ns - live->t_ns;
    return age >= life / 100 * DUE_PER_CENT ? BETWEEN_DUE : BETWEEN_PUT;
}

static void judge_unwanted(struct judge *judge, const struct registered_account *account,
                           const struct move *move) {
    size_t at = first_request_after(judge->account, move->from->t_ns);
    struct occurrence *occurrence;

    for (size_t seen = 0; at < judge->account->request_count && seen < LOOKED_AT; at++, seen++) {
        const struct request *request = &judge->account->requests[at];
        const struct attempt *between;
        if (request->t_ns >= move->to->t_ns)
            break;
        between = put_between(move, request);
        if (!between)
            continue;
        switch (weigh(account, move, request)) {
        case BETWEEN_DUE:
            continue;
        case BETWEEN_UNKNOWN:
            occurrence =
                judge_undecided(judge, REASON_STARTS_MIDWAY, move->to->t_ns, NEEDS_REGISTRATIONS);
            break;
        case BETWEEN_PUT:
            occurrence = judge_add(judge, VERDICT_FAIL, move->to->t_ns);
            break;
        default:
            continue;
        }
        describe(judge, occurrence, move, true);
        failover_send_frames(judge, occurrence, between);
        judge_say(judge, occurrence,
                  "a REGISTER went to %s before %s moved there from %s; none was to be put in "
                  "between",
                  server_words(judge, &move->to->server), failover_request_words(move->request),
                  server_words(judge, &move->from->server));
        return;
    }
    /* A REGISTER in between may be among what the capture missed. */
    occurrence = judge_loss(judge, move->from->t_ns, move->to->t_ns, &move->to->server.ip)
                     ? judge_undecided(judge, REASON_CAPTURE_LOSS, move->to->t_ns, NEEDS_NO_LOSS)
                     : judge_add(judge, VERDICT_PASS, move->to->t_ns);
    describe(judge, occurrence, move, false);
}

/* ---- every failover ---- */

static bool is_judged(const struct failover_account *account, const struct request *request) {
    if (request->method == SIP_REGISTER || request->method == SIP_OPTIONS ||
        request->attempt_count < 2)
        return false;
    return !request->in_dialog ||
           failover_expectations_at(account, request, &request->attempts[0].server)->in_dialog;
}

static void check(struct judge *judge) {
    struct failover_account account;
    struct registered_account registered;

    failover_account_init(&account, judge);
    registered_account_init(&registered, judge);
    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        if (!is_judged(&account, request))
            continue;
        for (size_t i = 0; i + 1 < request->attempt_count; i++) {
            struct move move = {request, &request->attempts[i], &request->attempts[i + 1], false};
            enum tristate wanted =
                failover_expectations_at(&account, request, &move.to->server)->register_first;
            if (wanted == TRISTATE_NULL || !move.to->transactions ||
                !failover_moved(&account, request, i) ||
                !failover_lists(failover_expectations_at(&account, request, &move.from->server),
                                move.from))
                continue;
            move.expected = wanted == TRISTATE_TRUE;
            if (move.expected)
                judge_demanded(judge, &registered, &move);
            else
                judge_unwanted(judge, &registered, &move);
        }
    }
}

static bool says_when(const struct failover_expectations *failover) {
    return failover->register_first != TRISTATE_NULL;
}

static bool applies(const struct judge *judge) {
    return failover_asked(judge, says_when) && (!judge->view || judge->view->matched);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.sip_server.Y.register_on_enable"},
};

const struct rule rule_failover_register_first = {
    .id = "failover.register-first",
    .title = "Before a request moves to another server the phone registers there, or does not",
    .checks =
        "Each failover of a request other than REGISTER and OPTIONS. Where "
        "failover.register_first is "
        "true the phone must hold a registration at the new server when the request goes there: "
        "one "
        "made just now, or one that still lasts. Where it is false no REGISTER may be put in "
        "between; "
        "one that renews a registration where it stands, or one in the last tenth of its "
        "lifetime, is "
        "not put in between. Null: not judged.",
    .matters =
        "A server that does not share its registrations refuses the calls of a phone that it "
        "does not know; where they are shared, a REGISTER in between only delays the call.",
    .steered_by = "failover.register_first; failover.on, failover.in_dialog, servers, "
                  "outbound_proxies",
    .passes = "register_first true: an INVITE that 192.0.2.1 leaves unanswered, a REGISTER to "
              "192.0.2.2 and its 200, then the INVITE to 192.0.2.2.",
    .fails = "register_first true: the INVITE goes to 192.0.2.2 at once, or after a REGISTER that "
             "was refused there. register_first false: the same INVITE, a REGISTER to 192.0.2.2, "
             "then the INVITE.",
    .departures =
        "No RFC asks for either. Yealink's register_on_enable chooses: 0 (the setting from the "
        "factory) assumes servers that share their registrations, 1 registers first.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a request other than REGISTER, such as a call, that a server fails and that "
             "moves to another",
    .applies = applies,
    .check = check,
};
