/* Runs rules over accounts: one rule over one account (rule_run), all over all (judge_story), and
 * the small functions with which a check says what it saw. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/basis.h"
#include "rules/busy_times.h"
#include "rules/encrypted.h"
#include "rules/loss_index.h"
#include "rules/loss_scatter.h"
#include "rules/rule.h"
#include "rules/server_view.h"
#include "rules/standing.h"
#include "rules/standpoint.h"

/* What an undecided result says where its check says nothing of its own. */
static const char *const REASON_TEXTS[REASON_COUNT] = {
    [REASON_CAPTURE_LOSS] = "the capture shows that packets are missing",
    [REASON_ENCRYPTED] = "what would decide it is encrypted",
    [REASON_STARTS_MIDWAY] = "what went before is not in the capture",
    [REASON_ENDS_TOO_EARLY] = "the capture ends before it could be seen",
    [REASON_NO_SERVER_LIST] = "neither lookups nor expectations give the order of the servers",
    [REASON_PRIMARY_NOT_BACK] = "the primary was never seen alive again",
    [REASON_NOWHERE_TO_GO] = "no other server was allowed or left",
    [REASON_TOO_FEW_CHOICES] = "too few choices for a judgement",
    [REASON_NOT_EXERCISED] = "nothing in the capture exercised it",
};

/* ---- what a check saw ---- */

struct occurrence *judge_add(struct judge *judge, enum verdict verdict, int64_t t_ns) {
    struct occurrence *occurrence;

    if (verdict == VERDICT_PASS) {
        judge->passed++;
        if (!judge->details) {
            judge->scratch = (struct occurrence){.verdict = verdict, .t_ns = t_ns};
            return &judge->scratch;
        }
    }
    occurrence = ARRAY_PUSH(&judge->occurrences);
    occurrence->verdict = verdict;
    occurrence->t_ns = t_ns;
    return occurrence;
}

#define NEEDS_TIMES "keeps the times of its packets"

/* What would decide a no-server-list of a phone that was given an address: no lookup can. */
#define NEEDS_SERVERS                                                                              \
    "is judged with `servers` in the expectations: where a phone is given an address, no lookup "  \
    "names other servers"

static bool has_numeric_host(const struct judge *judge) {
    struct ip_addr ip;

    return judge->account->host && ip_parse(slice_of_text(judge->account->host), &ip);
}

static const char *needs_secrets(const struct judge *judge) {
    return judge->story && judge->story->tls.holds != TLS_KEYLOG_NOT_GIVEN ? NEEDS_OTHER_SECRETS
                                                                           : NEEDS_SECRETS;
}

struct occurrence *judge_undecided(struct judge *judge, enum reason reason, int64_t t_ns,
                                   const char *needs) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_INCONCLUSIVE, t_ns);
    bool hidden = reason == REASON_CAPTURE_LOSS && judge->hidden && judge->hidden->told;

    occurrence->reason = hidden ? REASON_ENCRYPTED : reason;
    if (occurrence->reason == REASON_ENCRYPTED)
        occurrence->needs = needs_secrets(judge);
    else
        occurrence->needs =
            reason == REASON_NO_SERVER_LIST && has_numeric_host(judge) ? NEEDS_SERVERS : needs;
    return occurrence;
}

bool judge_unheard(const struct judge *judge, const struct occurrence *occurrence) {
    return occurrence == &judge->scratch;
}

/* Make room for one more item in an array of n that grows by doubling in the arena. */
static void *room_in_arena(struct arena *arena, const void *items, size_t n, size_t size) {
    void *grown;

    if (n & (n - 1) || n == 1)
        return NULL; /* there is room: capacities are 2, 4, 8 … */
    grown = arena_new(arena, (n ? n * 2 : 2) * size);
    if (n)
        memcpy(grown, items, n * size);
    return grown;
}

void judge_frame(struct judge *judge, struct occurrence *occurrence, uint32_t frame) {
    uint32_t *frames;

    if (!frame || judge_unheard(judge, occurrence))
        return;
    if (occurrence->frame_count && occurrence->frames[occurrence->frame_count - 1] == frame)
        return;
    frames = room_in_arena(judge->arena, occurrence->frames, occurrence->frame_count, sizeof frame);
    if (frames)
        occurrence->frames = frames;
    memcpy((uint8_t *)(uintptr_t)(occurrence->frames + occurrence->frame_count), &frame,
           sizeof frame);
    occurrence->frame_count++;
}

void judge_attempt_frames(struct judge *judge, struct occurrence *occurrence,
                          const struct attempt *attempt) {
    if (judge_unheard(judge, occurrence))
        return;
    for (size_t i = 0; i < attempt->send_count; i++)
        judge_frame(judge, occurrence, attempt->send_list[i].frame);
    for (size_t i = 0; i < attempt->response_count; i++)
        judge_frame(judge, occurrence, attempt->responses[i].frame);
    for (size_t i = 0; i < attempt->icmp_count; i++)
        judge_frame(judge, occurrence, attempt->icmp_frames[i]);
    for (size_t i = 0; i < attempt->error_count; i++)
        judge_frame(judge, occurrence, attempt->error_frames[i]);
}

static void add_value(struct judge *judge, const struct value **values, size_t *n,
                      struct value value) {
    struct value *grown = room_in_arena(judge->arena, *values, *n, sizeof value);

    if (grown)
        *values = grown;
    memcpy((uint8_t *)(uintptr_t)(*values + *n), &value, sizeof value);
    ++*n;
}

void judge_expect(struct judge *judge, struct occurrence *occurrence, struct value value) {
    if (!judge_unheard(judge, occurrence))
        add_value(judge, &occurrence->expected, &occurrence->expected_count, value);
}

void judge_observe(struct judge *judge, struct occurrence *occurrence, struct value value) {
    if (!judge_unheard(judge, occurrence))
        add_value(judge, &occurrence->observed, &occurrence->observed_count, value);
}

void judge_say(struct judge *judge, struct occurrence *occurrence, const char *format, ...) {
    va_list args, again;

    if (judge_unheard(judge, occurrence))
        return;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_new(judge->arena, len < 0 ? 1 : (size_t)len + 1);
    if (len >= 0)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    occurrence->message = text;
}

static const struct loss_sign *lost_sign(const struct judge *judge, int64_t from_ns, int64_t to_ns,
                                         const struct ip_addr *server) {
    const struct phone *phone = judge->phone;

    if (judge->losses)
        return loss_index_find(judge->losses, from_ns, to_ns, server);
    for (size_t i = 0; i < phone->loss_count; i++) {
        const struct loss_sign *sign = &phone->losses[i];
        bool here = !server || !sign->server.len || ip_eq(&sign->server, server);
        if (here && sign->from_ns <= to_ns && sign->to_ns >= from_ns)
            return sign;
    }
    return NULL;
}

/* A sign, or else what unread TLS may hide there. */
static const struct loss_sign *or_hidden(const struct judge *judge, const struct loss_sign *sign,
                                         int64_t from_ns, int64_t to_ns,
                                         const struct ip_addr *server) {
    if (!judge->hidden || !judge->hidden->count)
        return sign;
    judge->hidden->told = false;
    if (!sign) {
        sign = hidden_signs_find(judge->hidden, from_ns, to_ns, server);
        judge->hidden->told = sign;
    }
    return sign;
}

const struct loss_sign *judge_loss(const struct judge *judge, int64_t from_ns, int64_t to_ns,
                                   const struct ip_addr *server) {
    return or_hidden(judge, lost_sign(judge, from_ns, to_ns, server), from_ns, to_ns, server);
}

const struct loss_sign *judge_loss_of(const struct judge *judge, const struct loss_index *losses,
                                      int64_t from_ns, int64_t to_ns,
                                      const struct ip_addr *server) {
    return or_hidden(judge, loss_index_find(losses, from_ns, to_ns, server), from_ns, to_ns,
                     server);
}

/* ---- one rule, one account ---- */

static int compare_frames(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void tidy_frames(struct judge *judge, struct occurrence *occurrence) {
    size_t n = occurrence->frame_count, kept = 0;
    uint32_t *frames;

    if (n < 2)
        return;
    frames = ARENA_ARRAY(judge->arena, uint32_t, n);
    memcpy(frames, occurrence->frames, n * sizeof *frames);
    array_sort(frames, n, sizeof *frames, compare_frames);
    for (size_t i = 0; i < n; i++)
        if (!i || frames[i] != frames[i - 1])
            frames[kept++] = frames[i];
    occurrence->frames = frames;
    occurrence->frame_count = kept;
}

static const struct occurrence *first_of(const struct result *result, enum verdict verdict) {
    for (size_t i = 0; i < result->occurrence_count; i++)
        if (result->occurrences[i].verdict == verdict)
            return &result->occurrences[i];
    return NULL;
}

static int compare_occurrences(const void *a, const void *b) {
    const struct occurrence *x = *(const struct occurrence *const *)a;
    const struct occurrence *y = *(const struct occurrence *const *)b;

    return x->t_ns != y->t_ns ? (x->t_ns < y->t_ns ? -1 : 1) : (x > y) - (x < y);
}

/* A copy in order of time; those of one moment as they were added. */
static struct occurrence *sorted_occurrences(struct judge *judge) {
    size_t n = judge->occurrences.n;
    struct occurrence *sorted = ARENA_ARRAY(judge->arena, struct occurrence, n + 1);
    const struct occurrence **order = memory_new(n * sizeof(struct occurrence *));

    for (size_t i = 0; i < n; i++)
        order[i] = &judge->occurrences.items[i];
    array_sort(order, n, sizeof *order, compare_occurrences);
    for (size_t i = 0; i < n; i++)
        sorted[i] = *order[i];
    free(order);
    return sorted;
}

static const char *times_text(struct arena *arena, size_t n) {
    return n == 1 ? "once" : n == 2 ? "twice" : arena_printf(arena, "%zu times", n);
}

static void sum_up_pass(struct judge *judge, struct result *result, size_t undecided) {
    if (!judge->details)
        return; /* nobody will read it */
    const char *held = times_text(judge->arena, judge->passed);

    result->message = undecided ? arena_printf(judge->arena, "held %s; could not be decided %s",
                                               held, times_text(judge->arena, undecided))
                                : arena_printf(judge->arena, "held %s", held);
}

static void sum_up_undecided(struct judge *judge, struct result *result) {
    const struct occurrence *first = NULL;

    for (size_t i = 0; i < result->occurrence_count; i++) {
        const struct occurrence *one = &result->occurrences[i];
        if (!first || one->reason < first->reason)
            first = one;
    }
    if (!first && judge->hidden && judge->hidden->count && !result->rule->shown_by_connections) {
        result->reason = REASON_ENCRYPTED; /* it may have been exercised there */
        result->needs = needs_secrets(judge);
    } else if (!first) {
        result->reason = REASON_NOT_EXERCISED;
        result->needs =
            judge->not_exercised_needs ? judge->not_exercised_needs : result->rule->needs;
    } else {
        result->reason = first->reason;
        result->needs = first->needs ? first->needs : result->rule->needs;
    }
    result->message = first && first->message ? first->message : REASON_TEXTS[result->reason];
}

/* Did all that could be judged hold, and something could? */
static bool only_passed(const struct judge *judge) {
    size_t n = judge->occurrences.n, passed = 0;

    while (passed < n && judge->occurrences.items[passed].verdict == VERDICT_PASS)
        passed++;
    return judge->passed && passed == n;
}

/* What held where it was read may have been broken where it was not. */
static void leave_hidden_open(const struct rule *rule, struct judge *judge) {
    const struct hidden_signs *hidden = judge->hidden;

    if (!hidden || !hidden->count || rule->shown_by_lookups || !only_passed(judge))
        return;
    struct occurrence *open =
        judge_undecided(judge, REASON_ENCRYPTED, hidden->signs[0].from_ns, NEEDS_SECRETS);
    for (size_t i = 0; i < hidden->count; i++)
        judge_frame(judge, open, hidden->signs[i].frame);
    judge_say(judge, open, "%zu TLS connection%s to servers of this account could not be read",
              hidden->count, hidden->count == 1 ? "" : "s");
}

/* The same of a host that is seen only in TLS, of a rule that connections that stood do not show.
 */
static void leave_sealed_open(const struct rule *rule, struct judge *judge) {
    const struct phone *phone = judge->phone;
    struct occurrence *open = NULL;

    if (judge->account->aor || rule->shown_by_connections || !only_passed(judge))
        return;
    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (!connection_is_opaque(connection))
            continue;
        if (!open)
            open = judge_undecided(judge, REASON_ENCRYPTED, connection->t_ns, NEEDS_SECRETS);
        judge_frame(judge, open, connection->syn_count ? connection->syn_frames[0] : 0);
    }
}

/* Does it hold packets against each other by time? */
static bool is_about_time(const struct rule *rule) {
    static const char *const ABOUT[] = {"retry.",
                                        "failback.",
                                        "fallback.",
                                        "dns.ttl",
                                        "dns.resilience",
                                        "failover.time",
                                        "failover.trigger",
                                        "failover.completes",
                                        "failover.retry-after",
                                        "failover.resubscribe",
                                        "register.refresh"};

    for (size_t i = 0; i < sizeof ABOUT / sizeof ABOUT[0]; i++)
        if (strncmp(rule->id, ABOUT[i], strlen(ABOUT[i])) == 0)
            return true;
    return false;
}

/* A host that is seen only in TLS is judged by its connections, where they can show it. */
static void run_check(const struct rule *rule, struct judge *judge) {
    const bool by_connections = rule->shown_by_connections || rule->shown_by_failures;
    struct encrypted saved;

    const char *times_lack = story_times_lack(judge->story);
    if (times_lack && is_about_time(rule)) {
        struct occurrence *open =
            judge_undecided(judge, REASON_CAPTURE_LOSS, judge->story->start_ns, NEEDS_TIMES);
        judge_say(judge, open, "%s", times_lack);
        return;
    }
    if (by_connections)
        encrypted_enter(judge, &saved);
    rule->check(judge);
    leave_hidden_open(rule, judge);
    leave_sealed_open(rule, judge);
    if (by_connections)
        encrypted_leave(judge, &saved);
    if (!judge->account->aor && !rule->shown_by_connections && !judge->occurrences.n &&
        !judge->passed)
        judge_undecided(judge, REASON_ENCRYPTED, judge->phone->first_ns, NEEDS_SECRETS);
}

/* Turn a fault into what cannot be decided. */
static void spare(struct judge *judge, struct occurrence *one, const char *why, const char *needs) {
    one->verdict = VERDICT_INCONCLUSIVE;
    one->reason = REASON_CAPTURE_LOSS;
    one->needs = needs;
    one->message = arena_printf(judge->arena, "%s (but %s)",
                                one->message ? one->message : "not as expected", why);
}

/* What a head lacks that the snapshot length cut is not known: lifetimes, credentials, routes. How
 * often something was sent is. And no time is known across a step of the capture's clock, or
 * between files whose clocks cannot be held against each other. */
static void spare_unknown(struct judge *judge, const struct rule *rule, struct occurrence *one) {
    const int64_t cut_ns = judge->phone->cut_ns;
    const struct loss_scatter *scatter = judge->scatter;

    if (one->verdict != VERDICT_FAIL)
        return;
    if (story_times_lack(judge->story))
        spare(judge, one, story_times_lack(judge->story), NEEDS_TIMES);
    else if (judge->story->clock_stepped)
        spare(judge, one, "the clock of the capture was set meanwhile",
              "was taken by a host whose clock was not set meanwhile");
    else if (judge->story->clocks_doubted)
        spare(judge, one, "how far the clocks of its files are apart is not known",
              "consists of files that have more packets in common, or were taken by one clock");
    else if (cut_ns && cut_ns <= one->t_ns + STORY_64T1_NS &&
             strncmp(rule->id, "retry.", strlen("retry.")) != 0)
        spare(judge, one, "the capture cut messages short",
              "holds the messages whole (tcpdump -s 0)");
    else if (scatter && scatter->found && one->t_ns >= scatter->from_ns - STORY_64T1_NS &&
             one->t_ns <= scatter->to_ns + STORY_64T1_NS)
        spare(judge, one, "packets are missing all over the capture",
              "lost no packets of this phone");
}

struct result rule_run(const struct rule *rule, struct judge *judge) {
    struct result result = {.rule = rule, .verdict = VERDICT_NOT_APPLICABLE};
    size_t count[VERDICT_COUNT] = {0};

    judge->occurrences.n = 0;
    judge->passed = 0;
    judge->not_exercised_needs = NULL;
    result.sources = basis_sources(judge->basis, rule, &result.source_count);
    if (!rule->applies(judge))
        return result;
    run_check(rule, judge);

    size_t n = judge->occurrences.n;
    struct occurrence *occurrences = sorted_occurrences(judge);
    for (size_t i = 0; i < n; i++) {
        tidy_frames(judge, &occurrences[i]);
        spare_unknown(judge, rule, &occurrences[i]);
        count[occurrences[i].verdict]++;
    }
    result.occurrences = occurrences;
    result.occurrence_count = n;
    const struct occurrence *failed = first_of(&result, VERDICT_FAIL);
    if (failed) {
        result.verdict = VERDICT_FAIL;
        result.message = failed->message;
    } else if (judge->passed) {
        result.verdict = VERDICT_PASS;
        sum_up_pass(judge, &result, count[VERDICT_INCONCLUSIVE]);
    } else {
        result.verdict = VERDICT_INCONCLUSIVE;
        sum_up_undecided(judge, &result);
    }
    return result;
}

/* ---- all rules, all accounts ---- */

static bool matches_any(const struct rule *rule, const char *const *patterns, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (rule_matches(rule, patterns[i]))
            return true;
    return false;
}

static size_t select_rules(const struct judge_options *options, const struct rule **selected) {
    size_t all, n = 0;
    const struct rule *const *rules = catalogue(&all);

    for (size_t i = 0; i < all; i++) {
        if (options->only_count && !matches_any(rules[i], options->only, options->only_count))
            continue;
        if (!matches_any(rules[i], options->skip, options->skip_count))
            selected[n++] = rules[i];
    }
    return n;
}

static void judge_account(struct judge *judge, const struct rule *const *rules, size_t rule_count,
                          struct judgement *judgement) {
    struct server_view view;
    struct hidden_signs hidden;
    struct result *results = ARENA_ARRAY(judge->arena, struct result, rule_count ? rule_count : 1);

    *judge->standing = (struct standing_cache){0};
    hidden_signs_init(&hidden, judge);
    judge->hidden = &hidden;
    server_view_build_with(&view, judge->records, judge->account, judge->expect, judge->arena);
    judge->view = &view;
    judgement->verdict = VERDICT_NOT_APPLICABLE;
    for (size_t i = 0; i < rule_count; i++) {
        results[i] = rule_run(rules[i], judge);
        judgement->verdict = verdict_join(judgement->verdict, results[i].verdict);
    }
    judge->view = NULL;
    judge->hidden = NULL;
    judgement->results = results;
    judgement->result_count = rule_count;
    judgement->account = judge->account;
    judgement->expect = judge->expect;
}

/* The account is judged by the expectations that fit it, and by what was built from them. */
static void take_standpoint(struct judge *judge, const struct standpoint *standpoint) {
    judge->expect = standpoint->expect;
    judge->basis = standpoint->basis;
    judge->pools = standpoint->pools;
    judge->health = standpoint->health;
    judge->records = standpoint->records;
}

void judge_story(const struct story *story, const struct expectations *expect,
                 const struct judge_options *options,
                 void (*take)(void *context, const struct judgement *judgement), void *context) {
    struct arena whole = {0}, of_phone = {0}, of_account = {0};
    struct busy_cache busy = {0};
    struct standing_cache standing = {0};
    struct loss_scatter scatter = {0};
    struct judge judge = {.story = story,
                          .arena = &of_account,
                          .details = options->details,
                          .busy = &busy,
                          .scatter = &scatter,
                          .standing = &standing};
    struct standpoints *standpoints = standpoints_new(story, expect, &whole);
    size_t all;

    catalogue(&all);
    const struct rule **rules = ARENA_ARRAY(&whole, const struct rule *, all);
    size_t rule_count = select_rules(options, rules);
    for (size_t p = 0; p < story->phone_count; p++) {
        story_enter_phone(story, p);
        judge.phone = &story->phones[p];
        judge.losses = loss_index_new(judge.phone, &of_phone);
        scatter = loss_scatter_of(judge.phone);
        busy = (struct busy_cache){.arena = &of_phone};
        standpoints_enter(standpoints, judge.phone, &of_phone);
        for (size_t a = 0; a < judge.phone->account_count; a++) {
            struct judgement judgement = {.story = story, .phone = judge.phone};
            judge.account = &judge.phone->accounts[a];
            take_standpoint(&judge, standpoints_for(standpoints, judge.account, &of_account));
            judge_account(&judge, rules, rule_count, &judgement);
            take(context, &judgement);
            arena_clear(&of_account);
        }
        standpoints_leave(standpoints);
        arena_clear(&of_phone);
        story_leave_phone(story);
    }
    ARRAY_FINI(&judge.occurrences);
    arena_fini(&of_account);
    arena_fini(&of_phone);
    arena_fini(&whole);
}
