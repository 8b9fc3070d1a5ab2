/* failover.time: how long is the user without service when a server fails? From the first failed
 * try of a request to its first success at another server, at most failover.max_s.
 *
 *     s1  x . x . . x
 *     s2               401 . 200      REGISTER and others: the 2xx
 *         |----- failover time ----|
 *
 * Of an INVITE any response above 100 is a success: it was reached (RFC 3261 17.1.1.2). A request
 * that goes on from server to server is one failover of several steps, and is measured once. */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_sealed.h"
#include "rules/encrypted.h"

#define NEEDS_END "goes on until the request that moved is answered at the other server"
#define NEEDS_ALIVE "includes a failover to a server that answers with success"
#define NEEDS_NO_LOSS "lost no packets of this phone"

/* One request's way from the first failed attempt to a success elsewhere. */
struct failover_course {
    const struct request *request;
    size_t failed;    /* the first attempt that failed; SIZE_MAX: none yet */
    size_t elsewhere; /* the first attempt at another server after it; SIZE_MAX: none */
    size_t last;      /* its last attempt */
    struct ns_value max;
    const struct server *success_at; /* NULL: no success */
    uint32_t success_frame;
    int64_t success_ns;
};

static void begin(struct failover_course *course, const struct request *request) {
    *course = (struct failover_course){
        .request = request, .failed = SIZE_MAX, .elsewhere = SIZE_MAX, .last = SIZE_MAX};
}

static int64_t began(const struct failover_course *course) {
    return course->request->attempts[course->failed].t_ns;
}

/* The first response of an attempt that says that the server serves; NULL: none. */
static const struct response *success_of(const struct failover_expectations *failover,
                                         const struct request *request,
                                         const struct attempt *attempt) {
    bool invite = request->method == SIP_INVITE;

    if (failover_lists(failover, attempt))
        invite = false; /* it rang, perhaps, and failed after all */
    for (size_t i = 0; i < attempt->response_count; i++) {
        const struct response *response = &attempt->responses[i];
        if (response->late)
            continue;
        if (invite ? response->status > 100 : response->status / 100 == 2)
            return response;
    }
    return NULL;
}

/* ---- what is said ---- */

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct failover_course *course, const char *key, int64_t took_ns) {
    const struct request *request = course->request;

    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_seconds("max_s", course->max.ns));
    if (key)
        judge_observe(judge, occurrence, value_seconds(key, took_ns));
    judge_observe(judge, occurrence,
                  value_server("from", &request->attempts[course->failed].server));
    judge_observe(judge, occurrence,
                  value_server("to", course->success_at
                                         ? course->success_at
                                         : &request->attempts[course->elsewhere].server));
    failover_send_frames(judge, occurrence, &request->attempts[course->failed]);
    for (size_t i = course->elsewhere; i <= course->last; i++)
        failover_send_frames(judge, occurrence, &request->attempts[i]);
    judge_frame(judge, occurrence, course->success_frame);
}

static void undecided(struct judge *judge, const struct failover_course *course, enum reason reason,
                      const char *needs) {
    describe(judge, judge_undecided(judge, reason, began(course), needs), course, NULL, 0);
}

/* ---- judging ---- */

static void judge_success(struct judge *judge, const struct failover_course *course) {
    int64_t took = course->success_ns - began(course);
    const struct loss_sign *sign;
    struct occurrence *occurrence;
    char seen[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];

    if (took <= course->max.ns + STORY_REORDER_NS) {
        describe(judge, judge_add(judge, VERDICT_PASS, began(course)), course, "took_s", took);
        return;
    }
    /* An earlier success may be among what the capture missed. */
    sign = judge_loss(judge, began(course), course->success_ns, &course->success_at->ip);
    occurrence = sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, began(course), NEEDS_NO_LOSS)
                      : judge_add(judge, VERDICT_FAIL, began(course));
    describe(judge, occurrence, course, "took_s", took);
    judge_say(judge, occurrence,
              "%s was %s s without service after the first try at %s failed, until %s answered; "
              "at most %s s were promised%s",
              failover_request_words(course->request), seconds_text(took, seen),
              server_words(judge, &course->request->attempts[course->failed].server),
              server_words(judge, course->success_at), seconds_text(course->max.ns, limit),
              sign ? " (but the capture may have missed packets)" : "");
}

/* No server answered with success: only a move that came too late by itself breaks the promise. */
static void judge_no_success(struct judge *judge, const struct failover_course *course) {
    const struct request *request = course->request;
    const struct attempt *to = &request->attempts[course->elsewhere];
    const struct attempt *last = &request->attempts[course->last];
    int64_t moved = to->t_ns - began(course);
    const struct loss_sign *sign;
    struct occurrence *occurrence;
    char seen[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];

    if (moved > course->max.ns + STORY_REORDER_NS) {
        sign = judge_loss(judge, began(course), to->t_ns, NULL);
        occurrence = sign
                         ? judge_undecided(judge, REASON_CAPTURE_LOSS, began(course), NEEDS_NO_LOSS)
                         : judge_add(judge, VERDICT_FAIL, began(course));
        describe(judge, occurrence, course, "moved_after_s", moved);
        judge_say(judge, occurrence,
                  "%s went to %s only %s s after the first try at %s failed; service was promised "
                  "within %s s%s",
                  failover_request_words(request), server_words(judge, &to->server),
                  seconds_text(moved, seen),
                  server_words(judge, &request->attempts[course->failed].server),
                  seconds_text(course->max.ns, limit),
                  sign ? " (but the capture may have missed packets)" : "");
        return;
    }
    if (last->restarted || failover_cancelled(request, course->last))
        return; /* nobody waited for it any more */
    if (last->outcome == OUTCOME_CUT ||
        (course->last + 1 == request->attempt_count && request->open))
        undecided(judge, course, REASON_ENDS_TOO_EARLY, NEEDS_END);
    else
        undecided(judge, course, REASON_NOWHERE_TO_GO, NEEDS_ALIVE);
}

/* Of connections alone: a success does not show; that there was none does while nothing stood. */
static bool is_hidden(const struct judge *judge, const struct failover_course *course) {
    const struct server_list *list = server_view_list(judge, course->request);
    int64_t moved_ns = course->request->attempts[course->elsewhere].t_ns;

    return failover_is_sealed(judge) &&
           (moved_ns <= began(course) + course->max.ns + STORY_REORDER_NS || !list ||
            list->joined || list->other || failover_sealed_stood(judge, moved_ns - 1));
}

static void judge_course(struct judge *judge, const struct failover_course *course) {
    if (course->elsewhere == SIZE_MAX || !course->max.set)
        return;
    if (is_hidden(judge, course))
        undecided(judge, course, REASON_ENCRYPTED, NEEDS_SECRETS);
    else if (course->success_at)
        judge_success(judge, course);
    else
        judge_no_success(judge, course);
}

/* What attempt i adds to the course. */
static void go_on(struct failover_course *course, const struct failover_account *account,
                  size_t i) {
    const struct request *request = course->request;
    const struct attempt *attempt = &request->attempts[i];
    const struct failover_expectations *failover =
        failover_expectations_at(account, request, &attempt->server);
    const struct response *success;

    if (course->success_at)
        return;
    if (course->failed != SIZE_MAX &&
        !server_eq(&attempt->server, &request->attempts[course->failed].server)) {
        course->last = i;
        success = success_of(failover, request, attempt);
        if (success) {
            course->success_at = &attempt->server;
            course->success_frame = success->frame;
            course->success_ns = success->t_ns;
            return;
        }
    }
    if (!failover_lists(failover, attempt) || !failover_moved(account, request, i))
        return;
    if (course->failed == SIZE_MAX) {
        course->failed = i;
        course->max = failover->max;
    }
    if (course->elsewhere == SIZE_MAX)
        course->elsewhere = i + 1;
}

static bool is_judged(const struct failover_account *account, const struct request *request) {
    if (request->method == SIP_OPTIONS || request->attempt_count < 2)
        return false;
    return !request->in_dialog ||
           failover_expectations_at(account, request, &request->attempts[0].server)->in_dialog;
}

static void check(struct judge *judge) {
    struct failover_account account;

    failover_account_init(&account, judge);
    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        struct failover_course course;
        if (!is_judged(&account, request))
            continue;
        begin(&course, request);
        for (size_t i = 0; i < request->attempt_count; i++) {
            go_on(&course, &account, i);
            if (i + 1 == request->attempt_count || failover_changes_list(&account, request, i)) {
                judge_course(judge, &course);
                begin(&course, request);
            }
        }
    }
}

static bool limits_time(const struct failover_expectations *failover) {
    return failover->max.set;
}

static bool applies(const struct judge *judge) {
    return failover_asked(judge, limits_time) && (!judge->view || judge->view->matched);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_RFC, "RFC 3261", "17.1.1.2"},
    {BASIS_RFC, "RFC 3261", "17.1.2.2"},
};

const struct rule rule_failover_time = {
    .id = "failover.time",
    .title = "A failover takes no longer than promised",
    .checks =
        "Each request that moves to another server after a failure that failover.on lists: from "
        "the "
        "first try that failed to the first success elsewhere, which is a 2xx, of an INVITE any "
        "response above 100. failover.max_s is a limit without tolerance (5 ms aside, by which a "
        "capture may be off). A request that several "
        "servers fail is measured once, from the first. Where no server answers with success only "
        "a "
        "move that comes after the limit breaks it; so it is with TLS that cannot be read.",
    .matters = "This is the time for which a user is cut off: the figure in the service level, "
               "whatever tries and timers it is made of.",
    .steered_by = "failover.max_s; failover.on, failover.in_dialog, servers, outbound_proxies",
    .passes = "With failover.max_s 5: a REGISTER that 192.0.2.1 leaves unanswered from t=50 on is "
              "answered with 200 by 192.0.2.2 at t=53.6.",
    .fails = "With failover.max_s 5: the same REGISTER stays at 192.0.2.1 for 32 s, and the 200 of "
             "192.0.2.2 comes at t=82.1.",
    .departures = "The RFCs give the timers of one transaction (64*T1), no limit for a failover as "
                  "a whole.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a request that fails at one server and moves to another",
    .applies = applies,
    .check = check,
    .shown_by_failures = true,
};
