/* fallback.registration, concurrent: registered at both servers from the start, and refreshed.
 *
 *                start                 due                       due
 *     working    R ok ─────────────────|R ok ────────────────────|
 *     fallback    R ok ─────────────────|R ok …
 *
 * `due`: by when the next REGISTER at that side must begin: when what was granted runs out; after
 * a REGISTER that failed, one lifetime later (a server that is tried no more is never found alive
 * again). Both with tolerance. */
#include "base/instant.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/fallback_modes.h"

/* What is known of one of the two servers. */
struct side {
    bool on; /* it was registered to */
    const struct fallback_round *last;
    const struct fallback_round *failing; /* the first that failed since it answered */
    int64_t due_ns;                       /* INT64_MAX: nothing is owed */
};

struct course {
    struct judge *judge;
    const struct fallback_rounds *rounds;
    struct side sides[FALLBACK_SIDES];
};

static const char *const SIDE_WORDS[] = {"the working server", "the fallback server"};

static const char *side_words(const struct course *course, unsigned side) {
    const struct side *one = &course->sides[side];

    if (!one->last)
        return arena_printf(course->judge->arena, "%s %s", SIDE_WORDS[side],
                            course->rounds->entries[side].host);
    return arena_printf(course->judge->arena, "%s %s", SIDE_WORDS[side],
                        server_words(course->judge, &one->last->server));
}

/* ---- start ---- */

static void judge_start(struct course *course, const struct fallback_round *round) {
    struct judge *judge = course->judge;
    const struct fallback_round *other =
        round->other == SIZE_MAX ? NULL : &course->rounds->items[round->other];
    const struct side *side = &course->sides[1 - round->side];
    int64_t patience = fallback_patience_ns(judge);
    int64_t limit = round->t_ns + patience;
    struct occurrence *occurrence;
    char within[SECONDS_TEXT_LEN], later[SECONDS_TEXT_LEN];

    if (side->on && side->due_ns != INT64_MAX && side->due_ns > limit)
        limit = side->due_ns; /* it is registered there still */
    seconds_text(patience, within);
    if (other && other->t_ns <= limit) {
        occurrence = judge_add(judge, VERDICT_PASS, round->t_ns);
    } else if (fallback_booted(course->rounds, round->t_ns, limit)) {
        return;
    } else if (judge->story->end_ns < limit) {
        occurrence = judge_undecided(
            judge, REASON_ENDS_TOO_EARLY, round->t_ns,
            arena_printf(judge->arena, "goes on at least %s s after the first REGISTER", within));
    } else if (judge_loss(judge, round->t_ns - patience, limit, NULL)) {
        occurrence =
            judge_undecided(judge, REASON_CAPTURE_LOSS, round->t_ns, FALLBACK_NEEDS_NO_LOSS);
    } else if (!other && course->rounds->strangers) {
        occurrence = judge_undecided(judge, REASON_NO_SERVER_LIST, round->t_ns, NEEDS_SERVER_LIST);
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, round->t_ns);
        if (other)
            judge_say(judge, occurrence,
                      "the account started at %s alone; %s was registered to %s s later only",
                      SIDE_WORDS[round->side], SIDE_WORDS[1 - round->side],
                      seconds_text(other->t_ns - round->t_ns, later));
        else
            judge_say(judge, occurrence,
                      "the account started at %s alone; no REGISTER went to %s within %s s",
                      SIDE_WORDS[round->side], side_words(course, 1 - round->side), within);
    }
    judge_expect(judge, occurrence, value_text("registration", "concurrent"));
    judge_expect(judge, occurrence, value_seconds("within_s", patience));
    judge_observe(judge, occurrence, value_server("server", &round->server));
    fallback_round_frames(course->rounds, judge, occurrence, round);
    if (other) {
        judge_observe(judge, occurrence, value_server("other", &other->server));
        judge_observe(judge, occurrence, value_seconds("after_s", other->t_ns - round->t_ns));
        fallback_round_frames(course->rounds, judge, occurrence, other);
    }
}

/* ---- refreshed, and tried again ---- */

/* It was not turned to again when that was due; next NULL: never. */
static void say_lapse(struct course *course, unsigned at, const struct fallback_round *next) {
    struct judge *judge = course->judge;
    const struct side *side = &course->sides[at];
    const struct fallback_round *last = side->last;
    int64_t from = last->end == ROUND_GRANTED ? last->end_ns : last->last_ns;
    struct occurrence *occurrence;
    char lifetime[SECONDS_TEXT_LEN], after[SECONDS_TEXT_LEN];
    int64_t allowed = last->end == ROUND_GRANTED ? (int64_t)last->granted_s * NS_PER_S
                                                 : fallback_lifetime_ns(course->rounds, last, at);

    if (judge_loss(judge, last->t_ns, side->due_ns, &last->server.ip))
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, from, FALLBACK_NEEDS_NO_LOSS);
    else
        occurrence = judge_add(judge, VERDICT_FAIL, from);
    seconds_text(allowed, lifetime);
    judge_expect(judge, occurrence, value_seconds("within_s", allowed));
    judge_observe(judge, occurrence, value_server("server", &last->server));
    judge_observe(judge, occurrence,
                  next ? value_seconds("after_s", next->t_ns - from)
                       : (struct value){.key = "after_s", .kind = VALUE_NULL});
    fallback_round_frames(course->rounds, judge, occurrence, last);
    if (next)
        fallback_round_frames(course->rounds, judge, occurrence, next);
    if (last->end == ROUND_GRANTED)
        judge_say(judge, occurrence, "the registration at %s ran out after %s s and was %s%s%s",
                  side_words(course, at), lifetime, next ? "renewed only after " : "not renewed",
                  next ? seconds_text(next->t_ns - from, after) : "", next ? " s" : "");
    else
        judge_say(judge, occurrence, "%s failed and was %s%s%s; expected within %s s",
                  side_words(course, at), next ? "tried again only after " : "not tried again",
                  next ? seconds_text(next->t_ns - from, after) : "", next ? " s" : "", lifetime);
}

/* The working server failed: it is tried again, the account staying registered at the other. */
static void hold_failure(struct course *course, const struct fallback_round *failing,
                         const struct fallback_round *next) {
    struct judge *judge = course->judge;
    struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, failing->t_ns);

    judge_expect(judge, occurrence, value_text("registration", "concurrent"));
    judge_observe(judge, occurrence, value_server("server", &failing->server));
    judge_observe(judge, occurrence,
                  value_seconds("tried_again_after_s", next->t_ns - failing->last_ns));
    fallback_round_frames(course->rounds, judge, occurrence, failing);
    fallback_round_frames(course->rounds, judge, occurrence, next);
}

static int64_t due_after(const struct course *course, const struct fallback_round *round) {
    int64_t lifetime;

    switch (round->end) {
    case ROUND_GRANTED:
        lifetime = (int64_t)round->granted_s * NS_PER_S;
        return round->end_ns + lifetime +
               expectations_tolerance_ns(course->judge->expect, lifetime);
    case ROUND_FAILED:
        lifetime = fallback_lifetime_ns(course->rounds, round, round->side);
        return round->last_ns + lifetime +
               expectations_tolerance_ns(course->judge->expect, lifetime);
    case ROUND_REFUSED: /* whether to try again is its own choice */
    case ROUND_OPEN:
        break;
    }
    return INT64_MAX;
}

static void take_round(struct course *course, const struct fallback_round *round) {
    struct side *side = &course->sides[round->side];

    if (side->due_ns < round->t_ns)
        say_lapse(course, round->side, round);
    else if (side->failing && round->side == FALLBACK_WORKING && side->last == side->failing)
        hold_failure(course, side->failing, round);
    side->on = true;
    side->last = round;
    side->due_ns = due_after(course, round);
    if (round->end == ROUND_FAILED && !side->failing)
        side->failing = round;
    else if (round->end != ROUND_FAILED)
        side->failing = NULL;
}

/* ---- the end of the capture ---- */

static void end_side(struct course *course, unsigned at) {
    struct judge *judge = course->judge;
    const struct side *side = &course->sides[at];
    struct occurrence *occurrence;

    if (!side->on || side->due_ns == INT64_MAX)
        return;
    if (side->due_ns < judge->story->end_ns) {
        say_lapse(course, at, NULL);
    } else if (at == FALLBACK_WORKING && side->failing && side->last == side->failing) {
        char lifetime[SECONDS_TEXT_LEN];
        occurrence = judge_undecided(
            judge, REASON_ENDS_TOO_EARLY, side->failing->t_ns,
            arena_printf(judge->arena, "goes on at least %s s after the working server failed",
                         seconds_text(side->due_ns - side->failing->last_ns, lifetime)));
        judge_observe(judge, occurrence, value_server("server", &side->failing->server));
        fallback_round_frames(course->rounds, judge, occurrence, side->failing);
    }
}

/* A server that no REGISTER went to, though the start was not seen: what was granted there before
 * the capture must have run out by now. */
static void end_unseen(struct course *course, unsigned at) {
    struct judge *judge = course->judge;
    const struct side *seen = &course->sides[1 - at];
    int64_t from = judge->phone->first_ns, lifetime, other;
    struct occurrence *occurrence;
    char text[SECONDS_TEXT_LEN];

    if (course->sides[at].on || !seen->on)
        return;
    lifetime = fallback_lifetime_ns(course->rounds, NULL, at);
    other = seen->last->end == ROUND_GRANTED
                ? (int64_t)seen->last->granted_s * NS_PER_S
                : fallback_lifetime_ns(course->rounds, seen->last, 1 - at);
    if (other > lifetime)
        lifetime = other;
    lifetime += expectations_tolerance_ns(judge->expect, lifetime);
    seconds_text(lifetime, text);
    if (course->rounds->strangers)
        occurrence = judge_undecided(judge, REASON_NO_SERVER_LIST, from, NEEDS_SERVER_LIST);
    else if (from + lifetime >= judge->story->end_ns)
        occurrence = judge_undecided(
            judge, REASON_STARTS_MIDWAY, from,
            arena_printf(judge->arena, "begins when the phone starts, or goes on for %s s", text));
    else if (judge_loss(judge, from, judge->story->end_ns, NULL))
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, from, FALLBACK_NEEDS_NO_LOSS);
    else
        occurrence = judge_add(judge, VERDICT_FAIL, from);
    judge_expect(judge, occurrence, value_text("registration", "concurrent"));
    judge_observe(judge, occurrence, value_server("server", &seen->last->server));
    fallback_round_frames(course->rounds, judge, occurrence, seen->last);
    if (occurrence->verdict == VERDICT_FAIL)
        judge_say(judge, occurrence, "no REGISTER went to %s within %s s, only to %s",
                  side_words(course, at), text, SIDE_WORDS[1 - at]);
}

/* A restart, or an un-register: nothing is owed from before. */
static void forget(struct side *side) {
    *side = (struct side){.due_ns = INT64_MAX};
}

void fallback_check_concurrent(struct judge *judge, const struct fallback_rounds *rounds) {
    struct course course = {.judge = judge, .rounds = rounds};
    const struct fallback_round *before = NULL;
    bool started = false;

    forget(&course.sides[0]);
    forget(&course.sides[1]);
    for (size_t i = 0; i < rounds->n; i++) {
        const struct fallback_round *round = &rounds->items[i];
        struct side *side = &course.sides[round->side];
        if (round->unregister) {
            forget(side);
            continue;
        }
        if (before && fallback_booted(rounds, before->t_ns, round->t_ns)) {
            forget(&course.sides[0]);
            forget(&course.sides[1]);
        }
        if (fallback_starts(rounds, before, round)) {
            started = true;
            judge_start(&course, round);
        }
        take_round(&course, round);
        before = round;
    }
    for (unsigned at = 0; at < FALLBACK_SIDES; at++) {
        if (before && fallback_booted(rounds, before->t_ns, INT64_MAX))
            break;
        end_side(&course, at);
        if (!started)
            end_unseen(&course, at);
    }
}
