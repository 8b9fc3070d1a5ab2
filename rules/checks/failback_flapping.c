/* failback.flapping: failback.min_dwell_s between two changes of server.
 *
 *     s1     s2                 s1            s2
 *     ------>|----- dwell ----->|--- dwell -->|      from the first success at a new server to the
 *                                                    first success at the next
 *
 * A try that fails is no change, one change alone is no occurrence. A phone that had to leave two
 * servers because both failed had no choice: that is not decided here. To come back by one's own
 * will to a server that fails soon after is flapping. */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failback_course.h"
#include "rules/checks/failover_walk.h"
#include "rules/loss_index.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

/* A change of server, from the first packet to the success: through all tries at the old one. */
#define CHANGING_NS STORY_AFTER_SILENCE_NS

static bool is_wanted(const struct failback_expectations *failback) {
    return failback->min_dwell.set;
}

static bool applies(const struct judge *judge) {
    return failback_asked(judge, is_wanted);
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct failback_change *before, const struct failback_change *change,
                     int64_t least_ns) {
    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_seconds("min_dwell_s", least_ns));
    judge_observe(judge, occurrence, value_seconds("dwell_s", change->t_ns - before->t_ns));
    judge_observe(judge, occurrence, value_server("server", &before->to));
    judge_observe(judge, occurrence, value_server("to", &change->to));
    judge_frame(judge, occurrence, before->frame);
    judge_frame(judge, occurrence, change->frame);
}

/* May the phone have come to the server before sooner than the capture shows, or left it because it
 * failed; or come to the next one later, the answer that counts being lost? */
static bool may_be_slower(const struct judge *judge, const struct loss_index *losses,
                          const struct failback_change *before,
                          const struct failback_change *change) {
    return judge_loss_of(judge, losses, before->left_ns, change->t_ns, &before->to.ip) ||
           judge_loss_of(judge, losses, change->t_ns, change->t_ns, &change->to.ip);
}

/* May the phone have gone to the next server and come back in between, of which the capture lacks a
 * part? What is missing just before the change belongs to the change itself; that packets were
 * dropped somewhere makes no dwell shorter. */
static bool may_have_been_there(const struct judge *judge, const struct loss_index *losses,
                                const struct failback_change *before,
                                const struct failback_change *change) {
    const struct loss_sign *sign;

    if (change->t_ns - before->t_ns <= CHANGING_NS)
        return false;
    sign = judge_loss_of(judge, losses, before->t_ns, change->t_ns - CHANGING_NS, &change->to.ip);
    return sign && sign->kind != LOSS_DROP_COUNTER;
}

static void judge_change(struct judge *judge, const struct loss_index *losses,
                         const struct failback_change *before,
                         const struct failback_change *change) {
    int64_t least = judge_failback(judge, change->list)->min_dwell.ns;
    int64_t dwell = change->t_ns - before->t_ns;
    struct occurrence *occurrence;
    char seen[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];

    if (dwell >= least - expectations_tolerance_ns(judge->expect, least)) {
        if (may_have_been_there(judge, losses, before, change))
            occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, change->t_ns, NEEDS_NO_LOSS);
        else
            occurrence = judge_add(judge, VERDICT_PASS, change->t_ns);
        describe(judge, occurrence, before, change, least);
    } else if (change->forced && before->forced) {
        occurrence = judge_undecided(
            judge, REASON_NOWHERE_TO_GO, change->t_ns,
            "includes a change of server that the phone makes while the server in use answers");
        describe(judge, occurrence, before, change, least);
        judge_say(judge, occurrence, "the phone left %s after %s s, because it failed",
                  server_words(judge, &before->to), seconds_text(dwell, seen));
    } else if (may_be_slower(judge, losses, before, change)) {
        describe(judge, judge_undecided(judge, REASON_CAPTURE_LOSS, change->t_ns, NEEDS_NO_LOSS),
                 before, change, least);
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, change->t_ns);
        describe(judge, occurrence, before, change, least);
        judge_say(judge, occurrence, "the phone changed from %s to %s after %s s; expected %s s",
                  server_words(judge, &before->to), server_words(judge, &change->to),
                  seconds_text(dwell, seen), seconds_text(least, limit));
    }
}

static void check(struct judge *judge) {
    struct failback_course course;
    const struct loss_index *losses = loss_index_likely(judge->phone, judge->arena, NULL);

    failback_course_new(&course, judge);
    for (size_t i = 1; i < course.change_count; i++)
        if (!course.changes[i].restarted &&
            is_wanted(judge_failback(judge, course.changes[i].list)))
            judge_change(judge, losses, &course.changes[i - 1], &course.changes[i]);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
};

const struct rule rule_failback_flapping = {
    .id = "failback.flapping",
    .title = "The phone does not change servers to and fro",
    .checks =
        "Each change of the server in use after the first one: failback.min_dwell_s must lie "
        "between "
        "the first success at a new server and the first success at the next. A try that fails is "
        "no "
        "change. Nor are the renewal of a binding where it is while only a call went elsewhere, or "
        "the choice among servers of one rank. A change that a failed server forces too soon is "
        "not "
        "decided; a restart begins anew.",
    .matters = "Each change costs a registration and, for a moment, the phone's reachability; a "
               "primary that is half dead makes phones go to and fro by the thousand.",
    .steered_by = "failback.min_dwell_s, tolerance; failover.on",
    .passes = "min_dwell_s 60: failed over to 192.0.2.2 at 10 s, back at 192.0.2.1 at 80 s.",
    .fails = "The same, but back at 192.0.2.1 at 30 s.",
    .departures = "No RFC and no guide names a time: min_dwell_s is the site's own.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes two changes of server",
    .applies = applies,
    .check = check,
};
