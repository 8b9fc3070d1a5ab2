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
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/refresh_find.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

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
    const struct registration *elsewhere = refresh_superseding(refresher, index, life);

    if (elsewhere) {
        if (judge->story->end_ns >= life->end_ns)
            pass_elsewhere(judge, life, elsewhere);
    } else if (life->begun_ns < life->earliest_ns) {
        /* Another Contact is another binding: the phone learnt its own address, perhaps. */
        if (life->refresh->contact_uri == life->request->contact_uri)
            fail_early(judge, life);
    } else if (life->begun_ns > life->latest_ns &&
               refresh_held_up(refresher, life, life->latest_ns)) {
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
    const struct registration *beside = refresh_live_beside(refresher, index, life->end_ns);
    const struct request *elsewhere;

    if (beside) {
        pass_elsewhere(judge, life, beside);
        return;
    }
    elsewhere = refresh_register_between(refresher, life, life->earliest_ns, life->end_ns);
    if (elsewhere && elsewhere->t_ns <= life->latest_ns)
        pass(judge, life, elsewhere->t_ns, elsewhere);
    else if (refresh_held_up(refresher, life, life->latest_ns))
        undecided_held_up(judge, life);
    else if (elsewhere)
        fail_late(refresher, life, elsewhere->t_ns, elsewhere);
    else if (!refresh_booted_after(refresher, life))
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
    refresh_find(refresher, &life);
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
    refresh_gather(&refresher);
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
