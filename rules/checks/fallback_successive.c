/* fallback.registration, successive: registered at one server at a time.
 *
 *     working    R ok ───── R x  R x …  (after_expiry: until what was granted runs out)
 *     fallback                        R ok ─── …     not before that, and not much later
 *
 *                    granted                 failed
 *         (start) ──▶ working ──▶ failing ──────────▶ a REGISTER at the fallback server is right
 *                        ▲           │ granted        and due
 *                        └───────────┘
 */
#include "base/instant.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/fallback_modes.h"

/* What is known of the working server. */
struct working {
    const struct fallback_round *last;    /* the newest REGISTER there */
    const struct fallback_round *up;      /* the last that was granted */
    int64_t until_ns;                     /* when that runs out */
    const struct fallback_round *failing; /* the first that failed since */
};

struct course {
    struct judge *judge;
    const struct fallback_rounds *rounds;
    const struct server_health *health;
    bool started;                         /* the start of the account is in the capture */
    bool moved;                           /* the move that `failing` calls for was judged */
    bool said_both, said_midway;          /* once is enough */
    bool lost;                            /* what went on at the working server is lost in part */
    const struct fallback_round **starts; /* that began right; judged when all has been seen */
    size_t start_count;
    struct working now, before; /* after the newest REGISTER there, and before it */
};

static bool waits(const struct course *course) {
    return course->judge->expect->fallback.after_expiry && !course->rounds->proxies;
}

/* Has this REGISTER at the working server not come to its end by then? */
static bool is_pending(const struct fallback_round *round, int64_t t_ns) {
    return round && (round->status ? round->end_ns : round->last_ns) > t_ns;
}

static int64_t lifetime_of(const struct course *course, const struct working *working) {
    if (working->up)
        return (int64_t)working->up->granted_s * NS_PER_S;
    return fallback_lifetime_ns(course->rounds, working->failing, FALLBACK_WORKING);
}

/* When the registration at the working server has run out at the latest; INT64_MIN: it is of no
 * matter, or there was none. */
static int64_t expiry_of(const struct course *course, const struct working *working) {
    if (!waits(course))
        return INT64_MIN;
    if (working->up)
        return working->until_ns;
    return course->started || !working->failing
               ? INT64_MIN
               : working->failing->t_ns + lifetime_of(course, working);
}

/* ---- the move to the fallback server ---- */

static void describe(struct course *course, struct occurrence *occurrence,
                     const struct working *working, const struct fallback_round *round) {
    struct judge *judge = course->judge;
    const struct fallback_round *failing = working->failing ? working->failing : working->last;

    judge_expect(judge, occurrence, value_text("registration", "successive"));
    if (waits(course) && working->up && failing)
        judge_expect(judge, occurrence,
                     value_seconds("not_before_s", working->until_ns > failing->t_ns
                                                       ? working->until_ns - failing->t_ns
                                                       : 0));
    if (working->up)
        fallback_round_frames(course->rounds, judge, occurrence, working->up);
    if (failing) {
        judge_observe(judge, occurrence, value_server("from", &failing->server));
        fallback_round_frames(course->rounds, judge, occurrence, failing);
    }
    if (round) {
        judge_observe(judge, occurrence, value_server("to", &round->server));
        if (failing)
            judge_observe(judge, occurrence, value_seconds("after_s", round->t_ns - failing->t_ns));
        fallback_round_frames(course->rounds, judge, occurrence, round);
    }
}

/* The latest time for the move: after the failure, and after the registration where it has to run
 * out; a REGISTER that is under way at the working server may still come to its end. */
static int64_t deadline_of(const struct course *course, const struct working *working) {
    int64_t patience = fallback_patience_ns(course->judge);
    int64_t expiry = expiry_of(course, working);
    int64_t limit = working->failing->last_ns + patience, late = limit;

    if (expiry != INT64_MIN) {
        expiry += expectations_tolerance_ns(course->judge->expect, lifetime_of(course, working)) +
                  patience;
        if (expiry > limit)
            limit = late = expiry;
    }
    for (const struct fallback_round *round = working->failing;
         round < course->rounds->items + course->rounds->n && round->t_ns <= limit; round++)
        if (round->side == FALLBACK_WORKING && round->last_ns + patience > late)
            late = round->last_ns + patience;
    return late;
}

static struct occurrence *undecided(struct course *course, const struct working *working,
                                    const struct fallback_round *round, enum reason reason,
                                    const char *needs) {
    int64_t t_ns = working->failing ? working->failing->t_ns : round->t_ns;
    struct occurrence *occurrence = judge_undecided(course->judge, reason, t_ns, needs);

    course->lost = course->lost || reason == REASON_CAPTURE_LOSS;
    describe(course, occurrence, working, round);
    return occurrence;
}

/* Where the move has to wait until the registration has run out: may one have been granted that the
 * capture does not show, and that ran out later? */
static bool may_be_granted(const struct course *course, const struct working *working) {
    const struct fallback_round *failing = working->failing;
    int64_t from_ns = working->up ? working->up->end_ns : course->judge->story->start_ns;

    return waits(course) && judge_loss(course->judge, from_ns, failing->t_ns, &failing->server.ip);
}

static void judge_too_late(struct course *course, const struct working *working,
                           const struct fallback_round *round, int64_t deadline) {
    struct judge *judge = course->judge;
    const struct fallback_round *failing = working->failing;
    struct occurrence *occurrence;
    char after[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];

    if (course->rounds->strangers && course->rounds->first_stranger_ns <= deadline) {
        undecided(course, working, round, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    if (judge_loss(judge, failing->t_ns, deadline, NULL) || may_be_granted(course, working)) {
        undecided(course, working, round, REASON_CAPTURE_LOSS, FALLBACK_NEEDS_NO_LOSS);
        return;
    }
    occurrence = judge_add(judge, VERDICT_FAIL, failing->t_ns);
    judge_expect(judge, occurrence, value_seconds("within_s", deadline - failing->t_ns));
    describe(course, occurrence, working, round);
    if (round)
        judge_say(judge, occurrence,
                  "%s failed, and the phone registered at the fallback server %s s later only; "
                  "expected within %s s",
                  server_words(judge, &failing->server),
                  seconds_text(round->t_ns - failing->t_ns, after),
                  seconds_text(deadline - failing->t_ns, limit));
    else
        judge_say(judge, occurrence,
                  "%s failed, and no REGISTER went to the fallback server %s within %s s",
                  server_words(judge, &failing->server), course->rounds->entries[1].host,
                  seconds_text(deadline - failing->t_ns, limit));
}

static void say_too_early(struct course *course, const struct working *working,
                          const struct fallback_round *round) {
    struct judge *judge = course->judge;
    struct occurrence *occurrence =
        judge_add(judge, VERDICT_FAIL, working->failing ? working->failing->t_ns : round->t_ns);
    char left[SECONDS_TEXT_LEN];

    describe(course, occurrence, working, round);
    judge_say(judge, occurrence,
              "the phone registered at the fallback server %s while its registration at %s had "
              "%s s to live",
              server_words(judge, &round->server), server_words(judge, &working->up->server),
              seconds_text(working->until_ns - round->t_ns, left));
}

static bool is_too_early(const struct course *course, const struct working *working,
                         const struct fallback_round *round) {
    return waits(course) && working->up &&
           round->t_ns <
               working->until_ns -
                   expectations_tolerance_ns(course->judge->expect, lifetime_of(course, working));
}

/* Were packets of the working server lost between two points in time? That the capture's drop
 * counter says so of some packets, of whatever host, makes no move wrong. */
static bool lost_there(const struct course *course, int64_t from_ns, int64_t to_ns,
                       const struct server *server) {
    const struct loss_sign *sign = judge_loss(course->judge, from_ns, to_ns, &server->ip);

    return sign && sign->kind != LOSS_DROP_COUNTER;
}

/* The capture shows loss while the registration stood: it may have been renewed unseen, and would
 * then not have run out yet. */
static bool may_be_renewed(const struct course *course, const struct working *working,
                           const struct fallback_round *round) {
    int64_t lifetime = lifetime_of(course, working);

    return waits(course) && working->up &&
           lost_there(course, working->up->end_ns, working->failing->t_ns, &working->up->server) &&
           round->t_ns < working->failing->t_ns + lifetime -
                             expectations_tolerance_ns(course->judge->expect, lifetime);
}

static void judge_move(struct course *course, const struct working *working,
                       const struct fallback_round *round) {
    int64_t expiry = expiry_of(course, working);
    int64_t deadline = deadline_of(course, working);

    if (is_too_early(course, working, round))
        say_too_early(course, working, round);
    else if (!working->up && expiry != INT64_MIN && round->t_ns < expiry)
        undecided(course, working, round, REASON_STARTS_MIDWAY,
                  "includes the 200 that registered the phone at the working server before it "
                  "failed");
    else if (round->t_ns > deadline)
        judge_too_late(course, working, round, deadline);
    else if (lost_there(course, working->failing->t_ns, round->t_ns, &working->failing->server) ||
             may_be_renewed(course, working, round) ||
             (waits(course) && !working->up &&
              lost_there(course, course->judge->story->start_ns, working->failing->t_ns,
                         &working->failing->server)))
        undecided(course, working, round, REASON_CAPTURE_LOSS, FALLBACK_NEEDS_NO_LOSS);
    else
        describe(course, judge_add(course->judge, VERDICT_PASS, working->failing->t_ns), working,
                 round);
}

/* The working server failed, and the phone did not move: up to t_ns, where that server answered
 * again; INT64_MAX: to the end of what can be seen. */
static void judge_no_move(struct course *course, int64_t t_ns) {
    struct judge *judge = course->judge;
    const struct working *working = &course->now;
    int64_t horizon = judge->story->end_ns;
    char text[SECONDS_TEXT_LEN];
    int64_t deadline;

    if (!working->failing || course->moved)
        return;
    deadline = deadline_of(course, working);
    if (deadline <= t_ns && deadline <= horizon &&
        !fallback_restarted(course->rounds, working->failing->t_ns, deadline))
        judge_too_late(course, working, NULL, deadline);
    else if (t_ns == INT64_MAX &&
             !fallback_restarted(course->rounds, working->failing->t_ns, INT64_MAX))
        undecided(course, working, NULL, REASON_ENDS_TOO_EARLY,
                  arena_printf(judge->arena,
                               "goes on at least %s s after the working server failed at t=%s",
                               seconds_text(deadline - working->failing->t_ns, text),
                               seconds_text(story_offset_ns(judge->story, working->failing->t_ns),
                                            (char[SECONDS_TEXT_LEN]){0})));
}

/* ---- rounds ---- */

/* A REGISTER at the fallback server that nothing called for. */
static void say_uncalled(struct course *course, const struct working *working,
                         const struct fallback_round *round, const char *why) {
    struct judge *judge = course->judge;
    int64_t from = working->last ? working->last->t_ns : judge->story->start_ns;
    struct occurrence *occurrence;

    if (judge_loss(judge, from, round->t_ns, working->last ? &working->last->server.ip : NULL))
        occurrence =
            judge_undecided(judge, REASON_CAPTURE_LOSS, round->t_ns, FALLBACK_NEEDS_NO_LOSS);
    else
        occurrence = judge_add(judge, VERDICT_FAIL, round->t_ns);
    course->lost = course->lost || occurrence->verdict != VERDICT_FAIL;
    judge_expect(judge, occurrence, value_text("registration", "successive"));
    judge_observe(judge, occurrence, value_server("to", &round->server));
    if (working->last)
        fallback_round_frames(course->rounds, judge, occurrence, working->last);
    fallback_round_frames(course->rounds, judge, occurrence, round);
    judge_say(judge, occurrence, "a REGISTER went to the fallback server %s %s",
              server_words(judge, &round->server), why);
}

/* While the working server had not failed as far as REGISTERs tell. */
static void judge_both(struct course *course, const struct working *working,
                       const struct fallback_round *round, bool pending) {
    bool dead = working->up && !pending &&
                server_health_dead(course->health, &working->up->server, round->t_ns);

    if (course->said_both || (!pending && working->last && working->last->end == ROUND_OPEN))
        return;
    if (dead) { /* another request, or the connection, failed there */
        if (is_too_early(course, working, round))
            say_too_early(course, working, round);
    } else if (pending) {
        say_uncalled(course, &course->now, round, "while the working server was still being asked");
    } else {
        say_uncalled(course, working, round,
                     working->last->end == ROUND_REFUSED
                         ? arena_printf(course->judge->arena,
                                        "although the working server answered (%u)",
                                        working->last->status)
                         : "although the working server had not failed");
    }
    course->said_both = true;
}

static void take_fallback(struct course *course, const struct fallback_round *round) {
    bool pending = is_pending(course->now.last, round->t_ns);
    const struct working *working = pending ? &course->before : &course->now;

    if (working->failing) {
        if (!course->moved)
            judge_move(course, working, round);
        course->moved = true;
    } else if (working->up || (course->started && (pending || working->last))) {
        judge_both(course, working, round, pending);
    } else if (course->started) {
        if (!course->said_both)
            say_uncalled(course, working, round, "first, before the working server");
        course->said_both = true;
    } else if (!course->said_midway) {
        course->said_midway = true;
        undecided(course, &(struct working){.last = NULL}, round, REASON_STARTS_MIDWAY,
                  FALLBACK_NEEDS_START);
    }
}

static void take_working(struct course *course, const struct fallback_round *round) {
    struct working next = course->now;

    next.last = round;
    if (round->end == ROUND_GRANTED) {
        judge_no_move(course, round->t_ns);
        next.up = round;
        next.until_ns = round->end_ns + (int64_t)round->granted_s * NS_PER_S;
        course->said_both = course->said_both && !next.failing;
        next.failing = NULL;
        course->moved = course->said_midway = false;
    } else if (round->end == ROUND_FAILED && !next.failing) {
        next.failing = round;
        course->moved = course->said_midway; /* a probe of a phone that had moved before */
    }
    course->before = course->now;
    course->now = next;
}

/* The start of the account: the working server is the first, and alone. (That it is not, is said
 * where it shows.) Where loss hides what became of that, the start says nothing by itself. */
static void judge_starts(struct course *course) {
    struct judge *judge = course->judge;

    for (size_t i = 0; i < course->start_count; i++) {
        const struct fallback_round *round = course->starts[i];
        struct occurrence *occurrence =
            course->lost
                ? judge_undecided(judge, REASON_CAPTURE_LOSS, round->t_ns, FALLBACK_NEEDS_NO_LOSS)
                : judge_add(judge, VERDICT_PASS, round->t_ns);
        judge_expect(judge, occurrence, value_text("registration", "successive"));
        judge_observe(judge, occurrence, value_server("server", &round->server));
        fallback_round_frames(course->rounds, judge, occurrence, round);
    }
}

void fallback_check_successive(struct judge *judge, const struct fallback_rounds *rounds) {
    struct course course = {.judge = judge, .rounds = rounds, .health = judge->health};
    const struct fallback_round *before = NULL;

    if (!course.health)
        course.health = server_health_new(judge->phone, &judge->expect->failover, judge->arena);
    course.starts = ARENA_ARRAY(judge->arena, const struct fallback_round *, rounds->n + 1);
    for (size_t i = 0; i < rounds->n; i++) {
        const struct fallback_round *round = &rounds->items[i];
        if (round->unregister) {
            if (round->side == FALLBACK_WORKING && round->t_ns < course.now.until_ns)
                course.now.until_ns = round->t_ns;
            continue;
        }
        if (before && fallback_restarted(rounds, before->t_ns, round->t_ns)) {
            course.now = course.before = (struct working){.last = NULL};
            course.moved = course.said_both = false;
        }
        if (fallback_starts(rounds, before, round)) {
            course.started = true;
            if (round->side == FALLBACK_WORKING)
                course.starts[course.start_count++] = round;
        }
        if (round->side == FALLBACK_WORKING)
            take_working(&course, round);
        else
            take_fallback(&course, round);
        before = round;
    }
    judge_no_move(&course, INT64_MAX);
    judge_starts(&course);
}
