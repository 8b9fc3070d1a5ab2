/* failback.idle: no failback while a call is up (failback.idle_only), or an INVITE pending, on
 * whichever account of the phone.
 *
 *     failed over      call           goes back
 *     |------------[==========]----------|        pass
 *     |------------[==========|==]----------      fail
 *
 * A failback is a new request that goes to a better server than the one in use, and succeeds there;
 * one that fails there is a probe, and one that goes there because the server in use has failed is
 * a failover. The INVITE that is itself the failback does not count as pending. */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/busy_times.h"
#include "rules/checks/checks.h"
#include "rules/checks/failback_course.h"
#include "rules/checks/failover_walk.h"

static bool is_wanted(const struct failback_expectations *failback) {
    return failback->idle_only &&
           (failback->mode == FAILBACK_DNS_TTL || failback->mode == FAILBACK_REGISTRATION ||
            failback->mode == FAILBACK_DURATION);
}

static bool applies(const struct judge *judge) {
    return failback_asked(judge, is_wanted);
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct failback_course *course, const struct failback_step *step,
                     const struct busy_time *call) {
    const struct request *request = step->request;

    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_bool("idle", true));
    judge_observe(judge, occurrence, value_bool("idle", call == NULL));
    judge_observe(judge, occurrence, value_server("from", &course->stays[step->stay].server));
    judge_observe(judge, occurrence, value_server("to", &request->attempts[0].server));
    if (request->attempts[0].send_count)
        judge_frame(judge, occurrence, request->attempts[0].send_list[0].frame);
    for (size_t i = 0; call && i < call->frame_count; i++)
        judge_frame(judge, occurrence, call->frames[i]);
}

static void judge_return(struct judge *judge, const struct failback_course *course,
                         const struct failback_step *step, const struct busy_times *busy) {
    int64_t t_ns = step->request->t_ns;
    const struct busy_time *call = busy_times_at(busy, t_ns);
    struct occurrence *occurrence;
    char began[SECONDS_TEXT_LEN];

    if (!call) {
        describe(judge, judge_add(judge, VERDICT_PASS, t_ns), course, step, NULL);
        return;
    }
    /* The end of the call, or of the server in use, may be among what the capture missed. */
    if (judge_loss(judge, call->from_ns, t_ns, NULL)) {
        describe(judge,
                 judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns, "lost no packets of this phone"),
                 course, step, call);
        return;
    }
    occurrence = judge_add(judge, VERDICT_FAIL, t_ns);
    describe(judge, occurrence, course, step, call);
    judge_say(judge, occurrence, "%s went back from %s to %s during the call of t=%s",
              step->request->method_text, server_words(judge, &course->stays[step->stay].server),
              server_words(judge, &step->request->attempts[0].server),
              seconds_text(story_offset_ns(judge->story, call->from_ns), began));
}

static void check(struct judge *judge) {
    struct failback_course course;
    const struct busy_times *busy;

    failback_course_new(&course, judge);
    if (!course.step_count)
        return;
    busy = busy_times_of(judge);
    for (size_t i = 0; i < course.step_count; i++) {
        const struct failback_step *step = &course.steps[i];
        if (step->back && step->succeeded && !step->released && !step->renewal &&
            is_wanted(judge_failback(judge, step->list)))
            judge_return(judge, &course, step, busy);
    }
}

static const struct source SOURCES[] = {
    {BASIS_VENDOR, GUIDE_YEALINK, "Configuring Server Redundancy"},
};

const struct rule rule_failback_idle = {
    .id = "failback.idle",
    .title = "The phone does not go back to the primary during a call",
    .checks =
        "Each failback: a new request that goes to a better server than the one in use, and "
        "succeeds "
        "there. No call may be up and no INVITE pending then, on any account of the phone; "
        "subscriptions do not count. A try that fails at the better server is no failback, nor is "
        "the way out when the server in use has failed, nor what a phone does after a restart.",
    .matters =
        "A change of server in the middle of a call can cost the call: its BYE, its hold, its "
        "transfer go to a server that knows nothing of it.",
    .steered_by =
        "failback.idle_only, failback.mode; failover.on, servers, outbound_proxies, dns.* "
        "(the list)",
    .passes =
        "Failed over, a call from 20 s to 50 s; the REGISTER at 60 s goes back to the primary.",
    .fails = "The same call, and the REGISTER at 40 s goes back to the primary.",
    .departures =
        "Yealink asks for it in the modes DNSTTL, registration and duration; no RFC does. "
        "In the modes new-requests and sticky the rule is not applicable.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a failover, a call after it, and the return of the phone to the primary",
    .applies = applies,
    .check = check,
};
