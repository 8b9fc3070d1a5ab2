/* retry.intervals: the gaps between the sends of one transaction (RFC 3261 17.1.1.2, 17.1.2.2).
 *
 *     INVITE     |T1|--2T1--|----4T1----|--------8T1--------|  … until a provisional response
 *     others     |T1|--2T1--|----4T1----|  … up to T2, then every T2; every T2 after a provisional
 *     lost send  |T1|---------6T1-------|  the sum of two scheduled gaps: the capture missed one
 *
 * Over TCP and TLS nothing is repeated, and nothing anywhere after a final response. */
#include <stdlib.h>

#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"

/* A send that left before the response reached the phone may be seen after it. */
#define CROSSING_NS ((int64_t)250000000)
/* What a hypothesis of lost sends must meet, so that a wrong schedule is not taken for a lossy
 * capture: a gap seen whole is held a little closer than without loss (one that repeats every 1.5 s
 * begins as 0.5, 1 and 2 s would without the second send); the sum of two may be off by a sixth, as
 * the longer (two thirds of it) may be by a quarter; that of more must be closer. Where nothing
 * else speaks of loss, such a long row is all that is missing, and that of four gaps and more must
 * be as close as timers are. */
enum {
    JUDGED_SHARE = 4,
    WHOLE_SHARE = 5,
    PAIR_SHARE = 6,
    LOSS_SHARE = 10,
    TIMER_SHARE = 20,
    STARTS_LOST = 2,
    MERGED = 8,
    NO_T1_SHARE = 10 /* of RFC 3261's T1: a gap below that is none, on no network */
};

struct schedule {
    int64_t t1_ns, t2_ns;
    bool invite;
    int64_t provisional_ns; /* the first provisional response; INT64_MAX: none */
};

/* The sends of one transaction. */
struct sends {
    const struct request *request;
    const struct attempt *attempt;
    const struct transaction *transaction;
    const int64_t *times_ns;
    const uint32_t *frames;
    size_t n;
    int64_t provisional_ns, final_ns; /* first of each; INT64_MAX: none */
    uint32_t provisional_frame, final_frame;
};

static bool near(int64_t gap, int64_t scheduled, int64_t share) {
    int64_t off = gap > scheduled ? gap - scheduled : scheduled - gap;

    return off <= scheduled / share;
}

/* The gap after this one: doubled, for all but INVITE up to T2. */
static int64_t longer(const struct schedule *schedule, int64_t gap) {
    if (gap > INT64_MAX / 4)
        return gap;
    if (schedule->invite)
        return gap * 2;
    return gap * 2 < schedule->t2_ns ? gap * 2 : schedule->t2_ns;
}

/* Does the gap from one send to the next fit what is scheduled? RFC 3261 17.1.2.2: a provisional
 * response sets timer E to T2; some stacks do so at once, some when the running timer fires. */
static bool gap_fits(const struct schedule *schedule, int64_t from_ns, int64_t to_ns,
                     int64_t scheduled, int64_t share) {
    if (near(to_ns - from_ns, scheduled, share))
        return true;
    return schedule->provisional_ns > from_ns && schedule->provisional_ns < to_ns &&
           near(to_ns - schedule->provisional_ns, schedule->t2_ns, share);
}

/* The first gap that does not fit, and what was scheduled; sends->n: all fit. */
static size_t first_misfit(const struct sends *sends, const struct schedule *schedule,
                           int64_t *scheduled) {
    int64_t next = schedule->t1_ns;

    for (size_t i = 0; i + 1 < sends->n; i++) {
        if (!schedule->invite && schedule->provisional_ns <= sends->times_ns[i])
            next = schedule->t2_ns;
        *scheduled = next;
        if (!gap_fits(schedule, sends->times_ns[i], sends->times_ns[i + 1], next, JUDGED_SHARE))
            return i;
        next = longer(schedule, next);
    }
    return sends->n;
}

/* How close the sum of so many gaps must be. */
static int64_t sum_share(int gaps, bool signs) {
    if (gaps <= 2)
        return gaps == 1 ? WHOLE_SHARE : PAIR_SHARE;
    return gaps == 3 || signs ? LOSS_SHARE : TIMER_SHARE;
}

/* Do all gaps fit if the capture missed sends? `signs`: something else says so, too. */
static bool fits_with_loss(const struct sends *sends, const struct schedule *schedule, bool signs,
                           bool start_lost) {
    int64_t first = schedule->t1_ns;
    int starts = !start_lost ? 1 : signs ? MERGED : STARTS_LOST;

    for (int lost = 0; lost < starts; lost++, first = longer(schedule, first)) {
        int64_t next = first;
        bool all = true;
        size_t sums = 0, rows = 0; /* gaps that miss a send; more than one */
        for (size_t i = 0; all && i + 1 < sends->n; i++) {
            int64_t sum = 0;
            bool fits = false;
            if (!schedule->invite && schedule->provisional_ns <= sends->times_ns[i])
                next = schedule->t2_ns;
            for (int gaps = 1; gaps <= MERGED && !fits; gaps++, next = longer(schedule, next)) {
                sum += next;
                fits = gap_fits(schedule, sends->times_ns[i], sends->times_ns[i + 1], sum,
                                sum_share(gaps, signs));
                rows += fits && gaps > 2;
                sums += fits && gaps > 1;
            }
            all = fits && (signs || !rows || sums <= 1);
        }
        if (all)
            return true;
    }
    return false;
}

/* Do they fit if the capture missed a provisional response, which makes every gap behind it T2? The
 * gap that it comes in ends T2 after it, or is T2 whole, or as it was. */
static bool fits_with_provisional(const struct sends *sends, const struct schedule *schedule) {
    const int64_t t2_ns = schedule->t2_ns, off_ns = t2_ns / JUDGED_SHARE;
    int64_t next = schedule->t1_ns;

    for (size_t i = 0; i + 1 < sends->n; i++, next = longer(schedule, next)) {
        int64_t gap = sends->times_ns[i + 1] - sends->times_ns[i];
        bool fits = gap >= t2_ns - off_ns && gap <= t2_ns + next + off_ns;
        for (size_t k = i + 1; fits && k + 1 < sends->n; k++)
            fits = near(sends->times_ns[k + 1] - sends->times_ns[k], t2_ns, JUDGED_SHARE);
        if (fits)
            return true;
        if (!near(gap, next, JUDGED_SHARE))
            return false;
    }
    return false;
}

/* Does anything but the gaps themselves say that the capture lost packets? */
static bool other_signs(struct judge *judge, const struct sends *sends) {
    const struct loss_sign *sign = judge_loss(
        judge, sends->times_ns[0], sends->times_ns[sends->n - 1], &sends->attempt->server.ip);

    return sign && (sign->kind != LOSS_GAP_SUMS || judge->story->dropped_packets);
}

/* Does the phone begin with T1 elsewhere, with a request of the same method? Then a transaction
 * that seems to begin with twice that may have lost its first send. */
static bool begins_with_t1(const struct judge *judge, const struct sends *sends, int64_t t1_ns) {
    enum { LOOK_AT = 512 }; /* requests: enough to see a habit, and few enough for each misfit */
    const struct account *account = judge->account;

    for (size_t r = 0; r < account->request_count && r < LOOK_AT; r++) {
        const struct request *request = &account->requests[r];
        for (size_t a = 0; request->method == sends->request->method && a < request->attempt_count;
             a++) {
            const struct attempt *attempt = &request->attempts[a];
            const struct send *list = attempt->send_list;
            if (!transport_is_reliable(attempt->server.transport) && attempt->send_count > 1 &&
                !list[0].connect && list[0].transaction == list[1].transaction &&
                near(list[1].t_ns - list[0].t_ns, t1_ns, JUDGED_SHARE))
                return true;
        }
    }
    return false;
}

/* Could lost sends explain the gaps? With other signs of loss in the capture, any number of them.
 */
static bool explained_by_loss(struct judge *judge, const struct sends *sends,
                              const struct schedule *schedule, bool t1_given) {
    int64_t first_gap = sends->times_ns[1] - sends->times_ns[0];
    int64_t candidates[] = {schedule->t1_ns, STORY_T1_NS, first_gap / 3};
    bool signs = other_signs(judge, sends);
    /* Another request of the phone may show its T1, and so that the first send is missing here. */
    bool start = judge_loss(judge, sends->times_ns[0], sends->times_ns[sends->n - 1],
                            &sends->attempt->server.ip) != NULL ||
                 (t1_given && begins_with_t1(judge, sends, schedule->t1_ns));

    if (signs && !schedule->invite && fits_with_provisional(sends, schedule))
        return true;
    for (size_t i = 0; i < (t1_given ? 1 : sizeof candidates / sizeof candidates[0]); i++) {
        struct schedule guess = *schedule;
        guess.t1_ns = candidates[i];
        if ((t1_given || guess.t1_ns >= STORY_T1_NS / 2) && /* no phone has a T1 that short */
            guess.t1_ns > 0 && fits_with_loss(sends, &guess, signs, start))
            return true;
    }
    return false;
}

/* A lone gap is its own T1 where retry.t1_s is null. Where the capture shows loss it may as well be
 * two or three of a schedule taken together, or the second of one: of the T1 that the phone showed
 * elsewhere, or, where more than the gap itself speaks of loss, of RFC 3261's. */
static bool lone_gap_doubtful(struct judge *judge, const struct sends *sends) {
    static const int64_t parts[] = {2, 3, 6, 7};
    int64_t gap = sends->times_ns[sends->n - 1] - sends->times_ns[0];

    if (sends->n != 2 ||
        !judge_loss(judge, sends->times_ns[0], sends->times_ns[1], &sends->attempt->server.ip))
        return false;
    bool signs = other_signs(judge, sends);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if ((signs && near(gap, parts[i] * STORY_T1_NS, LOSS_SHARE)) ||
            begins_with_t1(judge, sends, gap / parts[i]))
            return true;
    return false;
}

/* ---- what is said ---- */

static void evidence(struct judge *judge, struct occurrence *occurrence,
                     const struct sends *sends) {
    for (size_t i = 0; i < sends->n; i++)
        judge_frame(judge, occurrence, sends->frames[i]);
}

static const char *gaps_text(struct judge *judge, const struct sends *sends) {
    const char *text = "";
    char gap[SECONDS_TEXT_LEN];

    for (size_t i = 0; i + 1 < sends->n && i < 16; i++)
        text = arena_printf(
            judge->arena, "%s%s%s", text, i ? ", " : "",
            seconds_text((sends->times_ns[i + 1] - sends->times_ns[i] + 500000) / 1000000 * 1000000,
                         gap));
    return text;
}

static void observe(struct judge *judge, struct occurrence *occurrence, const struct sends *sends) {
    evidence(judge, occurrence, sends);
    if (occurrence->verdict == VERDICT_PASS && !judge->details)
        return;
    judge_observe(judge, occurrence, value_text("gaps_s", gaps_text(judge, sends)));
    judge_observe(judge, occurrence, value_server("server", &sends->attempt->server));
}

/* Did the phone perhaps not get what was sent to it in this time, for its checksum? */
static bool may_be_damaged(const struct judge *judge, int64_t from_ns, int64_t to_ns) {
    for (size_t i = 0; i < judge->phone->loss_count; i++) {
        const struct loss_sign *sign = &judge->phone->losses[i];
        if (sign->kind == LOSS_DAMAGED && sign->from_ns <= to_ns && sign->to_ns >= from_ns)
            return true;
    }
    return false;
}

/* A send that should not be there at all. */
static void fail_repeat(struct judge *judge, const struct sends *sends, size_t at,
                        uint32_t response, const char *why) {
    bool damaged = may_be_damaged(judge, sends->times_ns[0], sends->times_ns[at]);
    struct occurrence *occurrence =
        damaged ? judge_undecided(judge, REASON_CAPTURE_LOSS, sends->times_ns[at],
                                  "holds no damaged packets of this phone")
                : judge_add(judge, VERDICT_FAIL, sends->times_ns[at]);
    char after[SECONDS_TEXT_LEN];

    judge_expect(judge, occurrence, value_bool("repeated", false));
    judge_observe(judge, occurrence, value_bool("repeated", true));
    observe(judge, occurrence, sends);
    judge_frame(judge, occurrence, response);
    judge_say(judge, occurrence, "%s was sent again to %s %s s after its first send, %s",
              failover_request_words(sends->request), server_words(judge, &sends->attempt->server),
              seconds_text(sends->times_ns[at] - sends->times_ns[0], after), why);
}

static void fail_gap(struct judge *judge, const struct sends *sends, size_t at, int64_t scheduled) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, sends->times_ns[at + 1]);
    int64_t gap = sends->times_ns[at + 1] - sends->times_ns[at];
    int64_t off = scheduled / JUDGED_SHARE;
    char seen[SECONDS_TEXT_LEN], asked[SECONDS_TEXT_LEN];

    judge_expect(judge, occurrence,
                 (struct value){.key = "gap_s",
                                .kind = VALUE_SECONDS_RANGE,
                                .range = {scheduled - off, scheduled + off}});
    judge_observe(judge, occurrence, value_seconds("gap_s", gap));
    observe(judge, occurrence, sends);
    judge_say(
        judge, occurrence,
        "%s was sent again to %s after %s s; expected %s s, give or take a quarter (gaps: %s)",
        failover_request_words(sends->request), server_words(judge, &sends->attempt->server),
        seconds_text(gap, seen), seconds_text(scheduled, asked), gaps_text(judge, sends));
}

/* ---- judging one transaction ---- */

/* Where none is given, the first gap; but a phone that sends twice within a moment has no T1 as
 * short as that (RFC 3261 17.1.1.1: an estimate of the round trip, 500 ms unless known better). */
static int64_t t1_of(const struct sends *sends, const struct retry_expectations *retry) {
    int64_t first_gap = sends->times_ns[1] - sends->times_ns[0];

    if (retry->t1.set)
        return retry->t1.ns;
    return first_gap < STORY_T1_NS / NO_T1_SHARE ? STORY_T1_NS : first_gap;
}

/* The first send after a response that should have ended them; 0: none. */
static size_t repeat_after(const struct sends *sends, int64_t response_ns) {
    if (response_ns > INT64_MAX - CROSSING_NS)
        return 0;
    for (size_t i = 1; i < sends->n; i++)
        if (sends->times_ns[i] > response_ns + CROSSING_NS)
            return i;
    return 0;
}

static void judge_datagrams(struct judge *judge, const struct sends *sends,
                            const struct retry_expectations *retry) {
    struct schedule schedule = {.t2_ns = retry->t2.set ? retry->t2.ns : 4 * (int64_t)NS_PER_S,
                                .invite = sends->request->method == SIP_INVITE,
                                .provisional_ns = sends->provisional_ns};
    int64_t scheduled = 0;
    struct occurrence *occurrence;
    size_t again = repeat_after(sends, sends->final_ns), misfit;
    bool doubtful;

    if (again) {
        fail_repeat(judge, sends, again, sends->final_frame, "although a final response had come");
        return;
    }
    if (schedule.invite && (again = repeat_after(sends, sends->provisional_ns)) != 0) {
        fail_repeat(judge, sends, again, sends->provisional_frame,
                    "although a provisional response had come");
        return;
    }
    schedule.t1_ns = t1_of(sends, retry);
    misfit = first_misfit(sends, &schedule, &scheduled);
    doubtful = misfit == sends->n && !retry->t1.set && lone_gap_doubtful(judge, sends);
    if (misfit == sends->n && !doubtful) {
        observe(judge, judge_add(judge, VERDICT_PASS, sends->times_ns[0]), sends);
        return;
    }
    if (doubtful || explained_by_loss(judge, sends, &schedule, retry->t1.set)) {
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, sends->times_ns[0],
                                     "lost no packets of this phone");
        observe(judge, occurrence, sends);
        judge_say(judge, occurrence,
                  "the gaps of %s to %s (%s s) look as if the capture had missed a send",
                  failover_request_words(sends->request),
                  server_words(judge, &sends->attempt->server), gaps_text(judge, sends));
        return;
    }
    if (sends->request->starts_midway && sends->attempt == sends->request->attempts) {
        observe(judge,
                judge_undecided(judge, REASON_STARTS_MIDWAY, sends->times_ns[0],
                                "begins before the first send of the request"),
                sends);
        return;
    }
    fail_gap(judge, sends, misfit, scheduled);
}

/* Was a connection to the server opened between two sends? Then the second is no repetition in the
 * same connection, but the request sent again after the first connection was lost. */
static bool reconnected(const struct judge *judge, const struct sends *sends, size_t at) {
    for (size_t i = 0; i < judge->phone->connection_count; i++) {
        const struct connection *connection = &judge->phone->connections[i];
        if (ip_eq(&connection->server.ip, &sends->attempt->server.ip) &&
            connection->server.port == sends->attempt->server.port &&
            connection->t_ns > sends->times_ns[at - 1] && connection->t_ns <= sends->times_ns[at])
            return true;
    }
    return false;
}

static void judge_stream(struct judge *judge, const struct sends *sends) {
    for (size_t i = 1; i < sends->n; i++) {
        if (reconnected(judge, sends, i))
            continue;
        fail_repeat(judge, sends, i, 0, "over a reliable transport, where nothing is repeated");
        return;
    }
}

static void judge_transaction(struct judge *judge, const struct request *request,
                              const struct attempt *attempt, size_t index,
                              const struct retry_expectations *retry) {
    const struct transaction *transaction = &attempt->transaction_list[index];
    int64_t *times = ARENA_ARRAY(judge->arena, int64_t, transaction->send_count);
    uint32_t *frames = ARENA_ARRAY(judge->arena, uint32_t, transaction->send_count);
    struct sends sends = {.request = request,
                          .attempt = attempt,
                          .transaction = transaction,
                          .times_ns = times,
                          .frames = frames,
                          .provisional_ns = INT64_MAX,
                          .final_ns = INT64_MAX};

    for (size_t i = transaction->first_send;
         i < attempt->send_count && sends.n < transaction->send_count; i++) {
        if (attempt->send_list[i].transaction != index)
            continue;
        times[sends.n] = attempt->send_list[i].t_ns;
        frames[sends.n++] = attempt->send_list[i].frame;
    }
    if (sends.n < 2)
        return;
    for (size_t i = 0; i < attempt->response_count; i++) {
        const struct response *response = &attempt->responses[i];
        if (response->transaction != index)
            continue;
        if (response->status >= 200 && response->t_ns < sends.final_ns) {
            sends.final_ns = response->t_ns;
            sends.final_frame = response->frame;
        } else if (response->status < 200 && response->t_ns < sends.provisional_ns) {
            sends.provisional_ns = response->t_ns;
            sends.provisional_frame = response->frame;
        }
    }
    if (transport_is_reliable(attempt->server.transport))
        judge_stream(judge, &sends);
    else
        judge_datagrams(judge, &sends, retry);
}

static void check(struct judge *judge) {
    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        const struct retry_expectations *retry = NULL;
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            if (!attempt->retransmissions)
                continue;
            if (!retry)
                retry = judge_retry(judge, server_view_list(judge, request));
            if (retry->intervals == RETRY_INTERVALS_ANY)
                break;
            for (size_t t = 0; t < attempt->transactions; t++)
                if (attempt->transaction_list[t].send_count > 1)
                    judge_transaction(judge, request, attempt, t, retry);
        }
    }
}

static bool applies(const struct judge *judge) {
    const struct expectations *expect = judge->expect;

    if (expect->retry.intervals != RETRY_INTERVALS_ANY)
        return true;
    for (size_t i = 0; i < expect->server_count; i++)
        if (expect->servers[i].retry.intervals != RETRY_INTERVALS_ANY)
            return true;
    for (size_t i = 0; i < expect->outbound_proxy_count; i++)
        if (expect->outbound_proxies[i].retry.intervals != RETRY_INTERVALS_ANY)
            return true;
    return false;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3261", "17.1.1.2"},
    {BASIS_RFC, "RFC 3261", "17.1.2.2"},
};

const struct rule rule_retry_intervals = {
    .id = "retry.intervals",
    .title = "Retransmissions come at the times that RFC 3261 gives them",
    .checks =
        "Each transaction sent more than once. Over UDP the gaps double from T1 (an INVITE without "
        "limit and until a provisional response, any other request up to T2, and every T2 after a "
        "provisional response), each within a quarter. Over TCP and TLS nothing is repeated, and "
        "nothing after a final response.",
    .matters =
        "Repeating too fast floods a server that is struggling, repeating too slowly makes a "
        "single lost packet cost seconds; repeating what was answered confuses both.",
    .steered_by = "retry.intervals (rfc3261 or any), retry.t1_s (null: the first gap is T1, "
                  "unless it is shorter than 0.05 s: then 0.5 s is), retry.t2_s",
    .passes = "A REGISTER to a silent server at 0, 0.5, 1.5, 3.5, 7.5, 11.5 s.",
    .fails = "A REGISTER to a silent server at 0, 0.5, 1.0, 1.5 s: the second gap should be 1 s.",
    .departures = "None known: Grandstream's figure shows T1 = 0.5 s, doubling (GRP26xx DNS SRV "
                  "Guide, Registration Process).",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a request that is sent more than once over UDP",
    .applies = applies,
    .check = check,
};
