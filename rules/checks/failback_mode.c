/* failback.mode: does a phone that is failed over go back to the primary when its mode says so, not
 * before and not later? failback_window.h says when that is.
 *
 *     it goes to         before the window   in the window       after it
 *     the server in use  right, if it ends   right, if it ends   too late, unless a call is up
 *     the primary        too early           right: back, or in vain
 *     another            not there, unless the server in use has failed
 *
 * A server in use that fails releases the phone, and so does a restart. "If it ends": what a stay
 * at the server in use is worth shows when the phone has come back, was released, or was still
 * there in the window; a capture that ends before that decides nothing. */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/busy_times.h"
#include "rules/checks/checks.h"
#include "rules/checks/failback_window.h"
#include "rules/checks/failover_walk.h"
#include "rules/loss_index.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"
#define NEEDS_BEGINNING "begins before the failover, with the lookups and the REGISTER before it"

/* Good answers of servers, by server, then time: was a primary seen alive after a try in vain? */
struct good {
    struct server server;
    int64_t t_ns;
};

struct mode_check {
    struct judge *judge;
    const struct busy_times *busy;
    const struct loss_index *losses; /* NULL: not needed so far */
    struct failback_course course;
    struct good *goods;
    size_t good_count;
    /* for each stay: */
    struct stay_notes {
        bool judged;    /* a step of it said something by itself */
        bool tried;     /* the primary was tried when it was time … */
        bool in_vain;   /* … and has never been seen alive since */
        bool unsure;    /* what a step of it is worth the capture cannot decide */
        bool suspect;   /* …because of loss alone: else it were a fault */
        bool reached;   /* a step at the server in use came when both servers were right */
        bool due;       /* a call alone kept the phone from going back */
        size_t waiting; /* steps at the server in use that are open */
    } * notes;
    bool *waiting; /* for each step: what it is worth shows when its stay is over */
};

static int64_t tolerance(const struct mode_check *c, int64_t span_ns) {
    return expectations_tolerance_ns(c->judge->expect, span_ns);
}

static const char *seconds(const struct mode_check *c, int64_t ns) {
    return seconds_text(ns, arena_new(c->judge->arena, SECONDS_TEXT_LEN));
}

static const char *clock_text(const struct mode_check *c, int64_t t_ns) {
    return seconds(c, story_offset_ns(c->judge->story, t_ns));
}

/* ---- saying it ---- */

static const char *const MODE_NAMES[] = {
    [FAILBACK_NULL] = "null",         [FAILBACK_NEW_REQUESTS] = "new-requests",
    [FAILBACK_DNS_TTL] = "dns-ttl",   [FAILBACK_REGISTRATION] = "registration",
    [FAILBACK_DURATION] = "duration", [FAILBACK_STICKY] = "sticky",
};

static const char *first_words(const struct mode_check *c, const struct failback_step *step) {
    if (step->first)
        return server_words(c->judge, &step->first->server);
    return step->first_name ? step->first_name : "the primary";
}

static void describe(const struct mode_check *c, struct occurrence *occurrence,
                     const struct failback_step *step, const char *expected) {
    struct judge *judge = c->judge;
    const struct failback_stay *stay = &c->course.stays[step->stay];

    if (judge_unheard(judge, occurrence))
        return;
    if (expected)
        judge_expect(judge, occurrence, value_text("server", expected));
    judge_expect(judge, occurrence,
                 value_text("mode", MODE_NAMES[judge_failback(judge, step->list)->mode]));
    judge_observe(judge, occurrence, value_server("server", &step->request->attempts[0].server));
    judge_observe(judge, occurrence, value_server("in_use", &stay->server));
    judge_observe(judge, occurrence,
                  value_seconds("after_failover_s", step->request->t_ns - stay->since_ns));
    judge_frame(judge, occurrence, stay->since_frame);
    if (step->request->attempts[0].send_count)
        judge_frame(judge, occurrence, step->request->attempts[0].send_list[0].frame);
}

static struct occurrence *say_undecided(struct mode_check *c, const struct failback_step *step,
                                        enum reason reason, const char *needs) {
    struct occurrence *occurrence = judge_undecided(c->judge, reason, step->request->t_ns, needs);

    c->notes[step->stay].judged = c->notes[step->stay].unsure = true;
    describe(c, occurrence, step, NULL);
    return occurrence;
}

static void say_pass(struct mode_check *c, const struct failback_step *step) {
    describe(c, judge_add(c->judge, VERDICT_PASS, step->request->t_ns), step,
             server_words(c->judge, &step->request->attempts[0].server));
}

/* ", the failover being 20 s ago and the mode asking for 60 s" */
static const char *window_words(const struct mode_check *c, const struct failback_step *step,
                                const struct failback_window *w,
                                const struct failback_expectations *failback) {
    if (!w->promised)
        return arena_printf(c->judge->arena, "mode %s: as long as the server in use works%s",
                            MODE_NAMES[failback->mode],
                            failback->mode == FAILBACK_DURATION ? " (timeout_s 0)" : "");
    if (!w->span_ns)
        return arena_printf(c->judge->arena, "mode %s", MODE_NAMES[failback->mode]);
    return arena_printf(c->judge->arena, "mode %s: %s s after %s, of which %s s had passed",
                        MODE_NAMES[failback->mode], seconds(c, w->span_ns), w->what,
                        seconds(c, step->request->t_ns - w->since_ns));
}

/* A fault, unless what the capture missed between these points in time could be its reason. */
static void say_fault(struct mode_check *c, const struct failback_step *step, int64_t from_ns,
                      int64_t to_ns, const struct failback_window *w, const char *how,
                      const char *expected) {
    struct judge *judge = c->judge;
    const struct failback_expectations *failback = judge_failback(judge, step->list);
    const struct attempt *first = &step->request->attempts[0];
    const struct loss_sign *sign;
    struct occurrence *occurrence;

    if (!c->losses)
        c->losses = loss_index_likely(judge->phone, judge->arena, NULL);
    sign = judge_loss_of(judge, c->losses, from_ns, to_ns, NULL);
    if (sign) {
        occurrence = say_undecided(c, step, REASON_CAPTURE_LOSS, NEEDS_NO_LOSS);
        c->notes[step->stay].suspect = true;
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, step->request->t_ns);
        c->notes[step->stay].judged = true;
        describe(c, occurrence, step, expected);
    }
    judge_say(judge, occurrence, "%s %s %s; expected %s (%s)%s%s%s", step->request->method_text,
              how, server_words(judge, &first->server), expected,
              window_words(c, step, w, failback), sign ? " (but the capture shows loss: " : "",
              sign ? loss_kind_text(sign->kind) : "", sign ? ")" : "");
}

/* ---- was the primary alive? ---- */

static int by_server(const void *a, const void *b) {
    const struct good *x = a, *y = b;
    int order = ip_compare(&x->server.ip, &y->server.ip);

    if (order)
        return order;
    if (x->server.port != y->server.port)
        return x->server.port < y->server.port ? -1 : 1;
    return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

/* An answer that shows a server at work: not one that calls for a failover. */
static bool is_good(const struct failover_expectations *failover, unsigned status) {
    if (status == 503)
        return false;
    for (size_t i = 0; i < failover->on_status_count; i++)
        if (status >= failover->on_status[i].low && status <= failover->on_status[i].high)
            return false;
    return true;
}

static void gather_good(struct mode_check *c) {
    const struct account *account = c->judge->account;
    size_t n = 0;

    for (size_t i = 0; i < account->request_count; i++)
        for (size_t a = 0; a < account->requests[i].attempt_count; a++)
            n += account->requests[i].attempts[a].response_count;
    c->goods = ARENA_ARRAY(c->judge->arena, struct good, n + 1);
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct failover_expectations *failover =
            judge_failover(c->judge, server_view_list(c->judge, request));
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            for (size_t r = 0; r < attempt->response_count; r++)
                if (is_good(failover, attempt->responses[r].status))
                    c->goods[c->good_count++] =
                        (struct good){attempt->server, attempt->responses[r].t_ns};
        }
    }
    array_sort(c->goods, c->good_count, sizeof *c->goods, by_server);
}

static bool alive_after(const struct mode_check *c, const struct server *server, int64_t t_ns) {
    const struct good wanted = {*server, t_ns};
    size_t low = 0, high = c->good_count;

    while (low < high) { /* the first good answer not before t */
        size_t middle = low + (high - low) / 2;
        if (by_server(&c->goods[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->good_count && ip_eq(&c->goods[low].server.ip, &server->ip) &&
           c->goods[low].server.port == server->port;
}

/* ---- judging ---- */

/* It went to the primary, and it was time. */
static void judge_back(struct mode_check *c, const struct failback_step *step) {
    const struct request *request = step->request;
    const struct attempt *first = &request->attempts[0];
    struct stay_notes *notes = &c->notes[step->stay];
    struct occurrence *occurrence;

    notes->tried = notes->judged = true;
    if (notes->suspect)
        return; /* what it did before may be a fault: this does not make it good */
    if (alive_after(c, &first->server, first->t_ns)) {
        say_pass(c, step);
    } else if (request->attempt_count == 1 && (first->outcome == OUTCOME_CUT || request->open)) {
        say_undecided(c, step, REASON_ENDS_TOO_EARLY,
                      arena_printf(c->judge->arena, "goes on until the %s at t=%s is over",
                                   request->method_text, clock_text(c, request->t_ns)));
    } else {
        notes->in_vain = true;
        occurrence =
            say_undecided(c, step, REASON_PRIMARY_NOT_BACK,
                          arena_printf(c->judge->arena,
                                       "goes on until %s answers again, and a new request after it",
                                       server_words(c->judge, &first->server)));
        judge_attempt_frames(c->judge, occurrence, first);
    }
}

/* Since when what the capture missed may have made it time: in the modes that count from the
 * failover since the success before that, which may have come sooner than it shows. */
static int64_t early_from(const struct mode_check *c, const struct failback_step *step) {
    enum failback_mode mode = judge_failback(c->judge, step->list)->mode;

    return mode == FAILBACK_DURATION || mode == FAILBACK_DNS_TTL
               ? c->course.stays[step->stay].left_ns
               : step->success_ns;
}

/* A phone that goes back too soon may have seen the server in use fail, or have renewed there, in
 * what the capture missed since that server's last success. */
static void judge_early(struct mode_check *c, const struct failback_step *step,
                        const struct failback_window *w) {
    const struct failback_stay *stay = &c->course.stays[step->stay];

    if (!w->low_known) {
        say_undecided(c, step, REASON_STARTS_MIDWAY, NEEDS_BEGINNING);
        return;
    }
    say_fault(c, step, early_from(c, step), step->request->t_ns, w, "went back too early to",
              server_words(c->judge, &stay->server));
}

static void judge_late(struct mode_check *c, const struct failback_step *step,
                       const struct failback_window *w) {
    const struct failback_stay *stay = &c->course.stays[step->stay];
    const struct request *request = step->request;
    bool now = w->low_ns == FAILBACK_ALWAYS && w->high_ns == FAILBACK_ALWAYS;
    /* In mode new-requests a try at the primary just before would do. */
    int64_t from =
        now && request > c->judge->account->requests ? (request - 1)->t_ns : stay->since_ns;

    say_fault(c, step, from, request->attempts[0].end_ns, w,
              now ? "did not go to the primary first, but to" : "still went to",
              first_words(c, step));
}

static void wait(struct mode_check *c, const struct failback_step *step) {
    c->waiting[step - c->course.steps] = true;
    c->notes[step->stay].waiting++;
}

/* It went to the server in use, or to an equal of it. */
static void judge_stay(struct mode_check *c, const struct failback_step *step,
                       const struct failback_window *w, bool idle_only) {
    int64_t t_ns = step->request->t_ns;

    if (w->promised && !w->high_known) {
        say_undecided(c, step, REASON_STARTS_MIDWAY, NEEDS_BEGINNING);
        return;
    }
    if (t_ns <= w->high_ns || step->connected ||
        (step->state == FAILBACK_PROBING && w->high_ns != FAILBACK_ALWAYS)) {
        wait(c, step);
        c->notes[step->stay].reached |= w->low_known && t_ns >= w->low_ns && w->ripe;
        return;
    }
    if (idle_only && w->high_ns != FAILBACK_ALWAYS &&
        (busy_times_at(c->busy, t_ns) ||
         (busy_times_idle_since(c->busy, t_ns) != INT64_MIN &&
          t_ns - busy_times_idle_since(c->busy, t_ns) <= tolerance(c, 0)))) {
        c->notes[step->stay].due = true;
        wait(c, step);
        return;
    }
    judge_late(c, step, w);
}

static bool is_judged(const struct failback_expectations *failback) {
    return failback->mode == FAILBACK_DURATION ? failback->timeout.set
                                               : failback->mode != FAILBACK_NULL;
}

/* What a failover brings with it goes where the phone has moved: a REGISTER there (the business of
 * failover.register-first), and the subscriptions anew (failover.resubscribe). */
static bool follows(const struct mode_check *c, const struct failback_step *step) {
    const struct request *request = step->request;
    const struct failback_stay *stay = &c->course.stays[step->stay];

    if (step->back || step->astray)
        return false;
    if (request->method == SIP_REGISTER)
        return request->t_ns - stay->since_ns <= STORY_AFTER_FINAL_NS &&
               !failback_registration(c->judge, &stay->server, request->t_ns);
    return request->method == SIP_SUBSCRIBE && judge_failover(c->judge, step->list)->resubscribe &&
           request->t_ns - step->success_ns <= STORY_AFTER_FINAL_NS + tolerance(c, 0);
}

static void judge_step(struct mode_check *c, const struct failback_step *step) {
    const struct failback_expectations *failback = judge_failback(c->judge, step->list);
    struct stay_notes *notes = &c->notes[step->stay];
    bool now = failback->mode == FAILBACK_NEW_REQUESTS;
    struct failback_window w;

    if (!is_judged(failback) || (!now && (step->released || step->renewal)) || follows(c, step))
        return;
    w = failback_window_of(c->judge, &c->course.stays[step->stay], step, failback);
    if (step->loosened || notes->due)
        w.low_ns = FAILBACK_ALWAYS;
    if (step->back) {
        bool probing = step->state == FAILBACK_PROBING && !now;
        if (!probing && step->request->t_ns < w.low_ns)
            judge_early(c, step, &w);
        else if (step->to_primary)
            judge_back(c, step);
        else if (!probing)
            say_fault(c, step, step->success_ns, step->request->t_ns, &w, "went back, but to",
                      first_words(c, step));
    } else if (step->astray && !now) {
        say_fault(c, step, step->success_ns, step->request->t_ns, &w, "left the server in use for",
                  server_words(c->judge, &c->course.stays[step->stay].server));
    } else {
        judge_stay(c, step, &w, failback->idle_only && !now);
    }
}

/* ---- stays ---- */

/* What would show whether the phone goes back. */
static const char *stay_needs(const struct mode_check *c, const struct failback_stay *stay,
                              const struct failback_step *last,
                              const struct failback_expectations *failback) {
    struct failback_step now = {.stay = (size_t)(stay - c->course.stays),
                                .used = stay->entry,
                                .base_low_ns = last ? last->base_low_ns : stay->since_ns,
                                .base_high_ns = last ? last->base_high_ns : stay->since_ns,
                                .before_ns = stay->since_ns,
                                .register_ns = FAILBACK_NEVER};
    struct request any = {.method = SIP_MESSAGE, .t_ns = c->judge->story->end_ns};
    struct arena *arena = c->judge->arena;
    const char *idle = failback->idle_only ? ", phone idle" : "";
    const char *at = clock_text(c, stay->since_ns);
    struct failback_window w;

    now.request = &any;
    if (failback->mode == FAILBACK_NEW_REQUESTS)
        return arena_printf(arena, "goes on until the next new request after the failover at t=%s",
                            at);
    w = failback_window_of(c->judge, stay, &now, failback);
    if (!w.promised)
        return arena_printf(arena, "goes on until a new request after the failover at t=%s", at);
    if (!w.span_ns)
        return NEEDS_BEGINNING;
    if (failback->mode == FAILBACK_DURATION)
        return arena_printf(arena, "goes on at least %s s after %s at t=%s%s, with a new request",
                            seconds(c, w.span_ns), w.what, clock_text(c, w.since_ns), idle);
    if (failback->mode == FAILBACK_DNS_TTL)
        return arena_printf(arena,
                            "goes on until a new request after the TTL of %s has ended, at t=%s "
                            "unless it is looked up again%s",
                            server_words(c->judge, &stay->server),
                            clock_text(c, w.since_ns + w.span_ns), idle);
    return arena_printf(arena,
                        "goes on until the registration of t=%s comes up for renewal, at most %s s "
                        "later%s",
                        clock_text(c, w.since_ns), seconds(c, w.span_ns), idle);
}

/* Nothing decides it yet: the capture ends before it. */
static void leave_open(const struct mode_check *c, const struct failback_stay *stay,
                       const struct failback_step *last,
                       const struct failback_expectations *failback) {
    struct occurrence *occurrence = judge_undecided(c->judge, REASON_ENDS_TOO_EARLY, stay->since_ns,
                                                    stay_needs(c, stay, last, failback));

    judge_expect(c->judge, occurrence, value_text("mode", MODE_NAMES[failback->mode]));
    judge_observe(c->judge, occurrence, value_server("in_use", &stay->server));
    judge_frame(c->judge, occurrence, stay->since_frame);
}

/* What is still to be said of a stay and its steps (`from` to `until`), now that its end is known.
 * Where the mode keeps the phone there for good, to stay is all that it asks. */
static void close_stay(struct mode_check *c, size_t index, size_t from, size_t until,
                       const struct failback_expectations *failback) {
    const struct failback_stay *stay = &c->course.stays[index];
    const struct stay_notes *notes = &c->notes[index];
    bool for_good = failback_for_good(failback);
    bool open = (stay->end == FAILBACK_OPEN || notes->unsure) && !(for_good && notes->waiting) &&
                !notes->reached && !(notes->tried && !notes->in_vain);

    if (notes->suspect)
        return;
    if (open) {
        if (!notes->judged)
            leave_open(c, stay, until > from ? &c->course.steps[until - 1] : NULL, failback);
        return;
    }
    for (size_t i = from; i < until; i++)
        if (c->waiting[i])
            say_pass(c, &c->course.steps[i]);
}

/* The setting for a stay: that of its steps, else of the request that began it. */
static const struct failback_expectations *stay_failback(const struct mode_check *c, size_t index,
                                                         size_t from, size_t until) {
    return judge_failback(c->judge,
                          until > from ? c->course.steps[from].list : c->course.stays[index].list);
}

static void say_no_list(struct judge *judge, const struct request *request) {
    struct occurrence *occurrence =
        judge_undecided(judge, REASON_NO_SERVER_LIST, request->t_ns, NEEDS_SERVER_LIST);

    judge_observe(judge, occurrence, value_server("server", &request->attempts[0].server));
    if (request->attempts[0].send_count)
        judge_frame(judge, occurrence, request->attempts[0].send_list[0].frame);
}

static void check(struct judge *judge) {
    struct mode_check c = {.judge = judge};
    size_t from = 0;

    failback_course_new(&c.course, judge);
    if (!c.course.stay_count) {
        if (c.course.unlisted)
            say_no_list(judge, c.course.unlisted);
        return;
    }
    c.busy = busy_times_of(judge);
    gather_good(&c);
    c.notes = ARENA_ARRAY(judge->arena, struct stay_notes, c.course.stay_count);
    c.waiting = ARENA_ARRAY(judge->arena, bool, c.course.step_count + 1);
    for (size_t i = 0; i < c.course.step_count; i++)
        judge_step(&c, &c.course.steps[i]);
    for (size_t i = 0; i < c.course.stay_count; i++) {
        const struct failback_expectations *failback;
        size_t until = from;
        while (until < c.course.step_count && c.course.steps[until].stay == i)
            until++;
        failback = stay_failback(&c, i, from, until);
        if (is_judged(failback))
            close_stay(&c, i, from, until, failback);
        from = until;
    }
}

static bool applies(const struct judge *judge) {
    return failback_asked(judge, is_judged);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Configuring Server Redundancy"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Failover Scenario"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS SRV Fail-over Mode"},
    {BASIS_VENDOR, GUIDE_GENESYS, "SIP registration in failover scenarios based on SRV records"},
};

const struct rule rule_failback_mode = {
    .id = "failback.mode",
    .title = "After a failover the phone goes back to the primary when its mode says so",
    .checks =
        "Each new request (outside a dialog; no OPTIONS, no un-register) while the account is "
        "failed "
        "over, that is while the server of its last success is not rank 1. Mode new-requests: it "
        "goes to the primary first. dns-ttl, registration, duration: to the server in use until "
        "the "
        "TTL of that server's address, its registration, or timeout_s is over (0: never; 1 to 59 "
        "count as 60), then to the primary. sticky: to the server in use until that fails. A "
        "server "
        "in use that fails releases the phone; so does a restart. A call that is up puts the "
        "return "
        "off, with idle_only. What a phone did at the server in use counts once the phone has come "
        "back or was released; until then the rule is open.",
    .matters =
        "A phone that goes back too early is thrown from one server to the other while the "
        "primary recovers; one that never goes back loads the backup, and has no backup left.",
    .steered_by = "failback.mode, failback.timeout_s, failback.idle_only, registration.refresh, "
                  "tolerance; failover.on, failover.only_registered, servers, outbound_proxies, "
                  "dns.* (the list)",
    .passes =
        "duration, timeout_s 60: failed over to 192.0.2.2 at 10 s; the REGISTER at 40 s goes to "
        "192.0.2.2, the one at 72 s to 192.0.2.1, and is answered there.",
    .fails = "The same, but the REGISTER at 40 s goes to 192.0.2.1 (too early), or the one at 90 s "
             "still to 192.0.2.2 (too late).",
    .departures =
        "RFC 3263 says where a request goes on, not when the next one comes back: the "
        "modes are the vendors'. Yealink has four of them, Grandstream calls registration "
        "'Default' and sticky 'Saved one until no responses', Genesys asks phones to stay.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs =
        "includes a server that fails, requests of the phone at the next one, and the time when "
        "the phone has to go back",
    .applies = applies,
    .check = check,
};
