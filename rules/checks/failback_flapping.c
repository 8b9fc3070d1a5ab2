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

static void judge_change(struct judge *judge, const struct failback_change *before,
                         const struct failback_change *change) {
    int64_t least = judge_failback(judge, change->list)->min_dwell.ns;
    int64_t dwell = change->t_ns - before->t_ns;
    struct occurrence *occurrence;
    char seen[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];

    if (dwell >= least - expectations_tolerance_ns(judge->expect, least)) {
        describe(judge, judge_add(judge, VERDICT_PASS, change->t_ns), before, change, least);
    } else if (change->forced && before->forced) {
        occurrence = judge_undecided(
            judge, REASON_NOWHERE_TO_GO, change->t_ns,
            "includes a change of server that the phone makes while the server in use answers");
        describe(judge, occurrence, before, change, least);
        judge_say(judge, occurrence, "the phone left %s after %s s, because it failed",
                  server_words(judge, &before->to), seconds_text(dwell, seen));
    } else if (judge_loss(judge, before->left_ns, change->t_ns, NULL)) {
        /* It may have come sooner than the capture shows, or left because of a failure. */
        describe(judge,
                 judge_undecided(judge, REASON_CAPTURE_LOSS, change->t_ns,
                                 "comes from a capture that lost no packets of this phone"),
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

    failback_course_new(&course, judge);
    for (size_t i = 1; i < course.change_count; i++)
        if (!course.changes[i].restarted &&
            is_wanted(judge_failback(judge, course.changes[i].list)))
            judge_change(judge, &course.changes[i - 1], &course.changes[i]);
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
