/* The windows of the modes:
 *
 *     new-requests    both ends are now
 *     dns-ttl         the end of the TTL of the address of the server in use: not before the one
 *                     known at the failover, not later than the one known when the request before
 *                     was over
 *     registration    the renewal of the registration there (without one, of the account's own): a
 *                     REGISTER is that renewal, other requests may go back when it has run out
 *     duration        timeout_s after the first success there, or after the newest try in vain
 *     sticky          neither end ever comes; nor with timeout_s 0 */
#include "rules/checks/failback_window.h"

#include "base/instant.h"
#include "rules/record_index.h"

enum { TIMEOUT_LEAST_S = 60 }; /* 1 to 59 act as 60 */

static int64_t tolerance(const struct judge *judge, int64_t span_ns) {
    return expectations_tolerance_ns(judge->expect, span_ns);
}

static struct failback_window duration_window(const struct judge *judge,
                                              const struct failback_step *step,
                                              const struct failback_stay *stay,
                                              const struct failback_expectations *failback) {
    int64_t span = failback->timeout.ns;
    struct failback_window w = {
        .low_ns = FAILBACK_NEVER, .high_ns = FAILBACK_NEVER, .low_known = true, .high_known = true};

    if (!failback->timeout.set || span <= 0)
        return w;
    if (span < (int64_t)TIMEOUT_LEAST_S * NS_PER_S)
        span = (int64_t)TIMEOUT_LEAST_S * NS_PER_S;
    w.promised = w.ripe = true;
    w.span_ns = span;
    w.since_ns = step->base_high_ns;
    w.what = step->anew ? "the newest try to go back" : "the failover";
    w.low_ns = step->base_low_ns + span - tolerance(judge, span);
    w.high_ns = step->base_high_ns + span + tolerance(judge, span);
    /* Begun before the capture, its time may be over sooner. */
    w.low_known = !stay->midway || step->anew;
    return w;
}

/* When the address of a server of the list was got, and for how long, as known at t. */
static bool address_known(const struct judge *judge, const struct ranked_server *entry,
                          int64_t t_ns, int64_t *got_ns, int64_t *ttl_ns) {
    struct record_moment moment = {judge->records, t_ns, t_ns, INT64_MAX};
    struct lookup_answer answer;

    if (!entry->target || !judge->records ||
        !record_lookup(&moment, entry->target, entry->server.ip.len == 4 ? DNS_A : DNS_AAAA,
                       &answer))
        return false;
    for (size_t i = 0; i < answer.count; i++) {
        if (!ip_eq(&answer.records[i]->address, &entry->server.ip))
            continue;
        *got_ns = answer.got_ns;
        *ttl_ns = (int64_t)answer.records[i]->ttl_s * NS_PER_S;
        return true;
    }
    return false;
}

static struct failback_window ttl_window(const struct judge *judge,
                                         const struct failback_step *step,
                                         const struct failback_stay *stay) {
    struct failback_window w = {.low_ns = FAILBACK_NEVER,
                                .promised = true,
                                .ripe = true,
                                .what = "the answer with its address"};
    int64_t got, ttl;
    int64_t failover_ns = step->base_high_ns;

    /* A record that the expectations hold was got nobody knows when, at the failover at last. */
    if (address_known(judge, step->used, failover_ns, &got, &ttl)) {
        w.low_known = got != INT64_MIN && !stay->midway;
        w.low_ns = (got == INT64_MIN ? failover_ns : got) + ttl - tolerance(judge, ttl);
    }
    if (address_known(judge, step->used, step->before_ns, &got, &ttl)) {
        w.high_known = true;
        w.since_ns = got == INT64_MIN ? failover_ns : got;
        w.span_ns = ttl;
        w.high_ns = w.since_ns + ttl + tolerance(judge, ttl);
    }
    return w;
}

/* The registration whose renewal sends the phone back: the one at the server in use; else the
 * account's own. */
static const struct registration *renewed_one(const struct judge *judge,
                                              const struct failback_step *step,
                                              const struct failback_stay *stay, bool *at_new) {
    const struct registration *there =
        failback_registration(judge, &step->used->server, step->request->t_ns);

    *at_new = there && (there->t_ns >= stay->moved_ns || there->until_ns > stay->since_ns);
    return *at_new ? there : failback_registration(judge, NULL, step->request->t_ns);
}

static struct failback_window registration_window(const struct judge *judge,
                                                  const struct failback_step *step,
                                                  const struct failback_stay *stay) {
    int64_t t_ns = step->request->t_ns;
    struct failback_window w = {
        .low_ns = FAILBACK_NEVER, .promised = true, .what = "the registration"};
    bool at_new;
    const struct registration *one = renewed_one(judge, step, stay, &at_new);

    if (!one)
        return w;
    int64_t life = (int64_t)one->expires_s * NS_PER_S;
    int64_t edge = (int64_t)((double)life * judge->expect->registration.refresh_low);
    w.since_ns = one->t_ns;
    w.span_ns = life;
    w.low_known = w.high_known = true;
    if (!at_new && one->t_ns > stay->since_ns) { /* renewed elsewhere since: it is time */
        w.low_ns = FAILBACK_ALWAYS;
        w.high_ns = one->t_ns + tolerance(judge, 0);
        return w;
    }
    if (step->request->method == SIP_REGISTER) {
        /* A REGISTER is the renewal, unless it comes too soon to be one. */
        int64_t soon = tolerance(judge, life);
        w.low_ns = one->t_ns + edge - (edge ? tolerance(judge, edge) : 0);
        w.high_ns = one->t_ns + soon > w.low_ns ? one->t_ns + soon : w.low_ns;
        if (!at_new && w.high_ns < stay->since_ns + STORY_AFTER_SILENCE_NS)
            w.high_ns = stay->since_ns + STORY_AFTER_SILENCE_NS; /* it follows the failover */
        return w;
    }
    w.ripe = true;
    w.low_ns = one->t_ns + life - tolerance(judge, life);
    w.high_ns = one->t_ns + life + tolerance(judge, life);
    /* Another request may run a little ahead of the renewal. */
    if (step->register_ns < FAILBACK_NEVER &&
        step->register_ns - t_ns <= tolerance(judge, step->register_ns - one->t_ns))
        w.low_ns = FAILBACK_ALWAYS;
    return w;
}

bool failback_for_good(const struct failback_expectations *failback) {
    return failback->mode == FAILBACK_STICKY ||
           (failback->mode == FAILBACK_DURATION && failback->timeout.ns <= 0);
}

struct failback_window failback_window_of(const struct judge *judge,
                                          const struct failback_stay *stay,
                                          const struct failback_step *step,
                                          const struct failback_expectations *failback) {
    struct failback_window w = {.low_known = true, .high_known = true};

    switch (failback->mode) {
    case FAILBACK_NULL:
    case FAILBACK_NEW_REQUESTS:
        w.low_ns = w.high_ns = FAILBACK_ALWAYS;
        w.promised = true;
        return w;
    case FAILBACK_DNS_TTL:
        return ttl_window(judge, step, stay);
    case FAILBACK_REGISTRATION:
        return registration_window(judge, step, stay);
    case FAILBACK_DURATION:
        return duration_window(judge, step, stay, failback);
    case FAILBACK_STICKY:
        break;
    }
    w.low_ns = w.high_ns = FAILBACK_NEVER;
    return w;
}
