/* failover.completes: does a request whose attempt failed go on through the list until it is
 * answered, or until every server has been tried (RFC 3263 4.3)?
 *
 *     s1 x  s2 x  s3 200     pass: answered
 *     s1 x  s2 x  s3 x       pass: every server tried
 *     s1 x  s2 x  .          fail: s3 is left
 *     s1 x  (list: s1)       nowhere to go */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_sealed.h"
#include "rules/encrypted.h"

#define NEEDS_END "goes on at least 37 s after the attempt that failed"
#define NEEDS_NO_LOSS "lost no packets of this phone"

enum { TRIED_MAX = 16 }; /* servers named in an observation */

/* How a request went, looked at from its end. */
struct course {
    const struct request *request;
    const struct attempt *last;
    size_t first_index, last_index; /* of its attempts; a REGISTER that changes to the other
                                     * configured server is two courses */
    bool failed;                    /* an attempt failed as failover.on says */
    bool stayed;    /* after one, the last attempts were at the same server, and another was left */
    size_t overdue; /* attempt at which it stayed past 64×T1; SIZE_MAX: none */
    size_t moves;
    bool open;                /* the capture ends before one could know that the phone gave up */
    const char *overdue_next; /* the server that it should have gone to, and */
    const struct loss_sign *overdue_sign; /* why that is not certain; NULL: it is */
};

static int64_t began(const struct course *course) {
    return course->request->attempts[course->first_index].t_ns;
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct course *course) {
    const struct request *request = course->request;
    const char **tried = ARENA_ARRAY(judge->arena, const char *, TRIED_MAX);
    bool stood = failover_is_sealed(judge) && course->last->outcome == OUTCOME_ANSWERED;
    size_t n = 0;

    if (occurrence->verdict == VERDICT_PASS && !judge->details)
        return;
    for (size_t i = course->first_index; i <= course->last_index; i++) {
        bool again = i > course->first_index &&
                     server_eq(&request->attempts[i].server, &request->attempts[i - 1].server);
        judge_attempt_frames(judge, occurrence, &request->attempts[i]);
        if (!again && n < TRIED_MAX)
            tried[n++] = server_words(judge, &request->attempts[i].server);
    }
    judge_observe(judge, occurrence,
                  (struct value){.key = "tried", .kind = VALUE_TEXTS, .texts = {tried, n}});
    judge_observe(
        judge, occurrence,
        value_text("outcome", stood ? "established" : outcome_name(course->last->outcome)));
}

static void undecided(struct judge *judge, const struct course *course, enum reason reason,
                      const char *needs) {
    describe(judge, judge_undecided(judge, reason, began(course), needs), course);
}

static void pass(struct judge *judge, const struct course *course) {
    describe(judge, judge_add(judge, VERDICT_PASS, began(course)), course);
}

/* Signs of what the capture may have missed: the rest of the way, or its beginning, at the server
 * that seems to be left. */
static const struct loss_sign *lost(const struct judge *judge, const struct course *course,
                                    const struct failover_walk *walk) {
    const struct loss_sign *sign =
        judge_loss(judge, began(course), course->last->end_ns + STORY_AFTER_SILENCE_NS, NULL);

    return sign ? sign : failover_lost_before(walk, began(course));
}

/* A fault, unless what the capture missed could have been the rest of the way. */
static void fail(struct judge *judge, const struct course *course,
                 const struct failover_walk *walk) {
    const struct request *request = course->request;
    const struct loss_sign *sign = lost(judge, course, walk);
    struct occurrence *occurrence =
        sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, began(course), NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, began(course));

    judge_expect(judge, occurrence, value_text("next", failover_walk_next_text(walk)));
    describe(judge, occurrence, course);
    judge_say(judge, occurrence, "%s went no further than %s (%s); %s was left to try%s%s%s",
              failover_request_words(request), server_words(judge, &course->last->server),
              failover_cause(judge, course->last), failover_walk_next_text(walk),
              sign ? " (but the capture shows loss: " : "", sign ? loss_kind_text(sign->kind) : "",
              sign ? ")" : "");
}

static void fail_overdue(struct judge *judge, const struct course *course,
                         const struct failover_walk *walk) {
    const struct request *request = course->request;
    const struct loss_sign *sign = course->overdue_sign;
    struct occurrence *occurrence =
        sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, began(course), NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, began(course));
    int64_t silence = failover_silence_ns(walk->account, request, course->overdue);
    char lasted[SECONDS_TEXT_LEN];

    judge_expect(judge, occurrence, value_text("next", course->overdue_next));
    judge_observe(judge, occurrence, value_seconds("silent_s", silence));
    describe(judge, occurrence, course);
    judge_say(judge, occurrence, "%s stayed at the silent %s for %s s; %s was left to try%s%s%s",
              failover_request_words(request),
              server_words(judge, &request->attempts[course->overdue].server),
              seconds_text(silence, lasted), course->overdue_next,
              sign ? " (but the capture shows loss: " : "", sign ? loss_kind_text(sign->kind) : "",
              sign ? ")" : "");
}

/* The last attempt failed (or the phone stayed where it failed): is anything left? */
static void judge_end(struct judge *judge, const struct course *course,
                      const struct failover_walk *walk) {
    const struct request *request = course->request;
    const struct attempt *last = course->last;

    if (failover_cancelled(request, course->last_index) ||
        failover_restarted(judge, last->t_ns, last->end_ns + STORY_AFTER_SILENCE_NS))
        return; /* the user or a restart ended it */
    if (!walk->known) {
        undecided(judge, course, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    if (walk->left) {
        bool gone = request->unregister && failover_phone_gone(judge, last->end_ns);
        if ((course->open || gone) && !course->stayed)
            undecided(judge, course, REASON_ENDS_TOO_EARLY, NEEDS_END);
        else
            fail(judge, course, walk);
        return;
    }
    if (course->moves)
        pass(judge, course); /* every server that it might go to was tried */
    else
        undecided(judge, course, REASON_NOWHERE_TO_GO,
                  walk->unregistered_left ? "includes a registration at another server"
                  : walk->banned_left     ? "includes a failure while no other server is under "
                                            "Retry-After"
                                          : "includes a failure while the list has another server");
}

static void judge_course(struct judge *judge, const struct course *course,
                         const struct failover_walk *walk) {
    const struct attempt *last = course->last;

    if (course->overdue != SIZE_MAX) {
        fail_overdue(judge, course, walk);
        return;
    }
    if (last->restarted)
        return;
    if (last->outcome == OUTCOME_CUT) {
        if (course->failed || (walk->known && walk->left))
            undecided(judge, course, REASON_ENDS_TOO_EARLY, NEEDS_END);
        return;
    }
    if (!course->failed)
        return;
    if (course->stayed || failover_lists(walk->failover, last)) {
        judge_end(judge, course, walk);
        return;
    }
    if (last->outcome != OUTCOME_STALLED) {
        pass(judge, course);
        return;
    }
    for (size_t i = 0; i < last->response_count; i++) /* it rang: somebody took it */
        if (last->responses[i].status > 100) {
            pass(judge, course);
            return;
        }
    if (course->open)
        undecided(judge, course, REASON_ENDS_TOO_EARLY, NEEDS_END);
}

/* What attempt i adds to the course. */
static void go_on(struct course *course, const struct failover_walk *walk, size_t i) {
    const struct attempt *attempt = &course->request->attempts[i];
    bool moved = failover_moved(walk->account, course->request, i);

    course->last = attempt;
    course->last_index = i;
    if (moved) {
        course->moves++;
        course->stayed = false;
    }
    if (course->overdue == SIZE_MAX && walk->known && walk->left &&
        walk->failover->on_no_response && failover_overdue(walk, i)) {
        course->overdue = i;
        course->overdue_next = failover_walk_next_text(walk);
        course->overdue_sign = failover_overdue_sign(walk, i);
    }
    if (!failover_lists(walk->failover, attempt))
        return;
    course->failed = true;
    if (!moved && i + 1 < course->request->attempt_count && walk->known && walk->left)
        course->stayed = !failover_changes_list(walk->account, course->request, i);
}

/* Of connections alone: the walk is at its end. One that stood may have brought anything. */
static void judge_sealed(struct judge *judge, const struct course *course,
                         const struct failover_walk *walk) {
    if (!failover_lists(walk->failover, course->last)) {
        if (course->failed)
            undecided(judge, course, REASON_ENCRYPTED, NEEDS_SECRETS);
        return;
    }
    switch (failover_sealed_course(walk, course->last_index)) {
    case SEALED_STAYED:
        fail(judge, course, walk);
        break;
    case SEALED_NOWHERE:
        judge_end(judge, course, walk);
        break;
    case SEALED_NO_LIST:
        undecided(judge, course, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        break;
    case SEALED_UNTIL_END:
        undecided(judge, course, REASON_ENDS_TOO_EARLY, NEEDS_END);
        break;
    case SEALED_LOST:
        undecided(judge, course, REASON_CAPTURE_LOSS, NEEDS_NO_LOSS);
        break;
    case SEALED_MOVED:
    case SEALED_HIDDEN:
        undecided(judge, course, REASON_ENCRYPTED, NEEDS_SECRETS);
        break;
    }
}

static void check_request(struct judge *judge, const struct failover_account *account,
                          const struct request *request) {
    struct failover_walk walk;
    struct course course = {.request = request, .overdue = SIZE_MAX};

    if (failover_uneventful(request))
        return;
    failover_walk_begin(&walk, account, request);
    if (!failover_judged(&walk))
        return;
    for (size_t i = 0; i < request->attempt_count; i++) {
        failover_walk_step(&walk, i, request->attempts[i].end_ns);
        go_on(&course, &walk, i);
        course.open = request->open && i + 1 == request->attempt_count;
        if (i + 1 == request->attempt_count || failover_changes_list(account, request, i)) {
            (failover_is_sealed(judge) ? judge_sealed : judge_course)(judge, &course, &walk);
            course = (struct course){.request = request, .first_index = i + 1, .overdue = SIZE_MAX};
        }
    }
}

static void check(struct judge *judge) {
    struct failover_account account;

    failover_account_init(&account, judge);
    for (size_t r = 0; r < judge->account->request_count; r++)
        check_request(judge, &account, &judge->account->requests[r]);
}

static bool applies(const struct judge *judge) {
    return !judge->view || judge->view->matched;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_RFC, "RFC 2782", "Usage rules"},
};

const struct rule rule_failover_completes = {
    .id = "failover.completes",
    .title = "A request that fails at one server goes on through the list until it is answered",
    .checks =
        "Each request with an attempt that failed as failover.on says: it must go on to the next "
        "servers of the list until one answers or every one has been tried. Within one NAPTR "
        "service "
        "the list is owed; going on to the next service is allowed. A phone that goes on at one "
        "silent "
        "server for longer than 64*T1 while another is known fails. OPTIONS and PUBLISH are not "
        "judged, "
        "in-dialog requests only where failover.in_dialog is true. Of TLS that cannot be read, "
        "requests whose connections failed at every server, or stayed at the first, are judged.",
    .matters =
        "Redundant servers are worth nothing to a phone that stops after the first, or after "
        "the second of three.",
    .steered_by = "failover.on, failover.in_dialog, failover.only_registered, servers, "
                  "outbound_proxies, dns.* (the list), retry.* (how long it may stay), tolerance",
    .passes = "A REGISTER that 192.0.2.1 and 192.0.2.2 leave unanswered reaches 192.0.2.3 and gets "
              "200.",
    .fails =
        "A REGISTER that 192.0.2.1 leaves unanswered is given up, or only tried there again and "
        "again, although SRV names 192.0.2.2 as well.",
    .departures = "With two configured servers a phone need not carry a REGISTER from server 1 to "
                  "server 2 (Server Redundancy on Yealink IP Phones, Fallback Scenario).",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a server that fails while another one is in the list",
    .applies = applies,
    .check = check,
    .shown_by_failures = true,
};
