/* Was a silent server tried as often, and as long, as is expected? */
#include "rules/checks/retry_silence.h"

#include "base/instant.h"
#include "rules/checks/retry_losses.h"

enum { NEXT_REQUESTS_SEEN = 32 };

int64_t retry_next_of_kind(const struct judge *judge, const struct request *request) {
    const struct account *account = judge->account;
    size_t at = (size_t)(request - account->requests) + 1;

    for (size_t seen = 0; at < account->request_count && seen < NEXT_REQUESTS_SEEN; at++, seen++)
        if (account->requests[at].method == request->method)
            return account->requests[at].t_ns;
    return judge->story->end_ns;
}

static const char *times_words(struct judge *judge, unsigned n, bool transactions) {
    if (transactions)
        return arena_printf(judge->arena, "in %u transaction%s", n, n == 1 ? "" : "s");
    return n == 1 ? "once" : arena_printf(judge->arena, "%u times", n);
}

static const char *range_words(struct judge *judge, const struct int_range *range) {
    return range->low == range->high
               ? arena_printf(judge->arena, "%d", range->low)
               : arena_printf(judge->arena, "%d to %d", range->low, range->high);
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct silence *silence) {
    const char *unit = silence->retry->unit == RETRY_UNIT_TRY ? "tries" : "transactions";
    const struct ns_range *give_up = &silence->asked->give_up;

    if (silence->range.set)
        judge_expect(judge, occurrence, value_range(unit, silence->range.low, silence->range.high));
    if (give_up->set)
        judge_expect(judge, occurrence,
                     (struct value){.key = "give_up_s",
                                    .kind = VALUE_SECONDS_RANGE,
                                    .range = {give_up->low_ns, give_up->high_ns}});
    judge_observe(judge, occurrence, value_int(unit, silence->tries));
    if (give_up->set)
        judge_observe(judge, occurrence, value_seconds("give_up_s", silence->lasted_ns));
    judge_observe(judge, occurrence, value_server("server", &silence->attempt->server));
    failover_send_frames(judge, occurrence, silence->attempt);
}

static const char *const STAY_WORDS[] = {
    [STAY_MOVED] = "before moving on",
    [STAY_GAVE_UP] = "before giving up",
    [STAY_GOES_ON] = "without moving on",
};

static void say_tries(struct judge *judge, struct occurrence *occurrence,
                      const struct silence *silence) {
    judge_say(judge, occurrence, "%s was tried %s at %s %s; expected %s",
              failover_request_words(silence->request),
              times_words(judge, silence->tries, silence->retry->unit != RETRY_UNIT_TRY),
              server_words(judge, &silence->attempt->server), STAY_WORDS[silence->stay],
              range_words(judge, &silence->range));
}

static void say_time(struct judge *judge, struct occurrence *occurrence,
                     const struct silence *silence) {
    const struct ns_range *give_up = &silence->asked->give_up;
    char lasted[SECONDS_TEXT_LEN], low[SECONDS_TEXT_LEN], high[SECONDS_TEXT_LEN];
    const char *asked =
        give_up->low_ns == give_up->high_ns
            ? seconds_text(give_up->low_ns, low)
            : arena_printf(judge->arena, "%s to %s", seconds_text(give_up->low_ns, low),
                           seconds_text(give_up->high_ns, high));

    judge_say(judge, occurrence, "%s was tried at %s for %s s %s; expected %s s",
              failover_request_words(silence->request),
              server_words(judge, &silence->attempt->server),
              seconds_text(silence->lasted_ns, lasted), STAY_WORDS[silence->stay], asked);
}

/* Packets that the capture missed could explain what looks like a fault. */
static bool lost(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    int64_t until = attempt->t_ns + silence->lasted_ns;
    const struct loss_sign *sign;
    struct occurrence *occurrence;

    if (silence->stay != STAY_MOVED) { /* what it sent later may have died before the wire */
        int64_t next = retry_next_of_kind(judge, silence->request);
        until = next < until + STORY_64T1_NS ? next : until + STORY_64T1_NS;
    }
    sign = judge_loss(judge, attempt->t_ns, until, &attempt->server.ip);
    if (!sign)
        return false;
    occurrence =
        judge_undecided(judge, REASON_CAPTURE_LOSS, attempt->t_ns, "lost no packets of this phone");
    describe(judge, occurrence, silence);
    judge_frame(judge, occurrence, sign->frame);
    judge_say(judge, occurrence, "%s was seen %s at %s, but the capture may have missed some: %s",
              failover_request_words(silence->request),
              times_words(judge, silence->tries, silence->retry->unit != RETRY_UNIT_TRY),
              server_words(judge, &attempt->server), loss_kind_text(sign->kind));
    return true;
}

/* Too few, and the move came when it would have with all: another attempt of the phone, at the same
 * times with as many tries as are asked for, shows that sends of this one are missing. */
static bool lost_as_another_shows(struct judge *judge, const struct silence *silence) {
    enum { REQUESTS_SEEN = 512 };
    const struct account *account = judge->account;
    const struct attempt *attempt = silence->attempt;

    if (silence->stay != STAY_MOVED || retry_over_stream(attempt) ||
        silence->retry->unit != RETRY_UNIT_TRY)
        return false;
    for (size_t r = 0; r < account->request_count && r < REQUESTS_SEEN; r++) {
        const struct request *request = &account->requests[r];
        for (size_t a = 0;
             request->method == silence->request->method && a + 1 < request->attempt_count; a++) {
            const struct attempt *other = &request->attempts[a];
            const struct attempt *next = other + 1;
            if (other->outcome != OUTCOME_SILENT || server_eq(&other->server, &next->server) ||
                other->tries < (unsigned)silence->range.low ||
                other->tries > (unsigned)silence->range.high ||
                !retry_is_part_of(attempt, attempt->t_ns + silence->lasted_ns, other, next->t_ns))
                continue;
            struct occurrence *occurrence = judge_undecided(
                judge, REASON_CAPTURE_LOSS, attempt->t_ns, "lost no packets of this phone");
            describe(judge, occurrence, silence);
            judge_say(judge, occurrence,
                      "%s was seen %s at %s, but moved on as after %u tries: the capture may have "
                      "missed some",
                      failover_request_words(silence->request),
                      times_words(judge, silence->tries, false),
                      server_words(judge, &attempt->server), other->tries);
            return true;
        }
    }
    return false;
}

/* One too few, as if the first send were missing. */
static bool lost_first(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    int64_t t1_ns = silence->retry->t1.set ? silence->retry->t1.ns : STORY_T1_NS;
    struct occurrence *occurrence;

    if (retry_over_stream(attempt) || silence->retry->unit != RETRY_UNIT_TRY ||
        silence->tries + 1 != (unsigned)silence->range.low ||
        !retry_begins_late(judge->account, attempt, t1_ns))
        return false;
    occurrence =
        judge_undecided(judge, REASON_CAPTURE_LOSS, attempt->t_ns, "lost no packets of this phone");
    describe(judge, occurrence, silence);
    judge_say(judge, occurrence,
              "%s was seen %s at %s, but begins with the second gap: the capture may have missed "
              "its first send",
              failover_request_words(silence->request), times_words(judge, silence->tries, false),
              server_words(judge, &attempt->server));
    return true;
}

/* As many as allowed, but a gap says that there was one more. */
static bool lost_inside(struct judge *judge, const struct silence *silence) {
    const struct attempt *attempt = silence->attempt;
    const struct loss_sign *sign =
        judge_loss(judge, attempt->t_ns, attempt->t_ns + silence->lasted_ns, &attempt->server.ip);

    return sign && sign->kind == LOSS_GAP_SUMS && lost(judge, silence);
}

static void undecided(struct judge *judge, const struct silence *silence, enum reason reason,
                      const char *needs) {
    describe(judge, judge_undecided(judge, reason, silence->attempt->t_ns, needs), silence);
}

static void fail_tries(struct judge *judge, const struct silence *silence) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, silence->attempt->t_ns);

    describe(judge, occurrence, silence);
    say_tries(judge, occurrence, silence);
}

/* The time, where give_up_s asks for one: seen only where the phone moved, or went on too long. */
static bool time_held(struct judge *judge, const struct silence *silence,
                      const struct failover_walk *walk) {
    const struct ns_range *give_up = &silence->asked->give_up;
    int64_t low, high;
    bool early, late;
    struct occurrence *occurrence;

    if (!give_up->set || (!walk->left_in_round && silence->stay != STAY_MOVED))
        return true;
    low = give_up->low_ns - expectations_tolerance_ns(judge->expect, give_up->low_ns);
    high = give_up->high_ns + expectations_tolerance_ns(judge->expect, give_up->high_ns);
    early = silence->stay == STAY_MOVED && silence->lasted_ns < low;
    late = silence->lasted_ns > high;
    if (!early && !late)
        return true;
    if (lost(judge, silence))
        return false;
    occurrence = judge_add(judge, VERDICT_FAIL, silence->attempt->t_ns);
    describe(judge, occurrence, silence);
    say_time(judge, occurrence, silence);
    return false;
}

#define NEEDS_START "begins before the first try of the request"

#define NEEDS_END "goes on until the phone moves on or gives up"

/* What decides, in this order: too many tries are a fault as soon as they are seen, whatever comes
 * after; else the attempt must be whole; then too few. */
void retry_judge_silence(struct judge *judge, const struct silence *silence,
                         const struct failover_walk *walk, size_t index) {
    const struct attempt *attempt = silence->attempt;
    const struct int_range *range = &silence->range;
    bool silent = attempt->outcome == OUTCOME_SILENT;
    bool many = range->set && silence->tries > (unsigned)range->high;
    bool few = range->set && silence->tries < (unsigned)range->low;

    if (many && retry_over_stream(attempt) && silence->full_timer)
        many = false;
    else if (many && retry_over_stream(attempt) && silence->stay == STAY_GOES_ON) {
        undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        return;
    }
    if (many && silence->unsure) {
        undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    /* What ended the first of several transactions may be missing: an answer, or a move. */
    if (many && attempt->transactions > 1 && !retry_over_stream(attempt) &&
        judge_loss(judge, attempt->t_ns, attempt->t_ns + silence->lasted_ns, NULL)) {
        undecided(judge, silence, REASON_CAPTURE_LOSS, "lost no packets of this phone");
        return;
    }
    if (many) {
        if (silent || attempt->outcome == OUTCOME_CUT || walk->left_in_round)
            fail_tries(judge, silence);
        return;
    }
    if (!silent && (attempt->outcome != OUTCOME_CUT || attempt->response_count))
        return; /* answered within its tries, or provisionally: no silence to judge */
    if (attempt->restarted || (!range->set && !silence->asked->give_up.set))
        return;
    if (silence->request->starts_midway && index == 0) {
        undecided(judge, silence, REASON_STARTS_MIDWAY, NEEDS_START);
        return;
    }
    if (!time_held(judge, silence, walk))
        return;
    if (silence->stay == STAY_GOES_ON) {
        if (range->set)
            undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        return;
    }
    if (failover_cancelled(silence->request, index))
        return; /* the user ended it, not the phone */
    if (few && !(retry_over_stream(attempt) && silence->full_timer)) {
        if (lost(judge, silence) || lost_as_another_shows(judge, silence) ||
            lost_first(judge, silence))
            return;
        if (silence->unsure)
            undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        else if (silence->request->unregister && silence->stay == STAY_GAVE_UP &&
                 failover_phone_gone(judge, attempt->end_ns))
            undecided(judge, silence, REASON_ENDS_TOO_EARLY, NEEDS_END);
        else
            fail_tries(judge, silence);
        return;
    }
    if (silence->unsure && silence->stay == STAY_GAVE_UP && silence->asked->last_tries.set &&
        (silence->tries < (unsigned)silence->asked->last_tries.low ||
         silence->tries > (unsigned)silence->asked->last_tries.high)) {
        undecided(judge, silence, REASON_NO_SERVER_LIST, NEEDS_SERVER_LIST);
        return;
    }
    if (range->set && !retry_over_stream(attempt) && silence->retry->unit == RETRY_UNIT_TRY &&
        silence->tries == (unsigned)range->high && lost_inside(judge, silence))
        return; /* one more was sent, and is not in the capture */
    if (!range->set && silence->stay != STAY_MOVED)
        return; /* a time alone is asked for, and when it ended cannot be seen */
    describe(judge, judge_add(judge, VERDICT_PASS, attempt->t_ns), silence);
}
