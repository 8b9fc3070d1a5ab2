/* fallback.probe: while a phone is on the fallback server, how often does it try the working server
 * (Server Redundancy on Yealink IP Phones, account.X.fallback.timeout and
 * account.X.outbound_proxy_fallback_interval)?
 *
 *     working    R x            R x       R x       R ok
 *     fallback       R ok
 *                      |── probe ─|─ probe ─|─ probe ─|
 *                     takeover
 *
 * An interval runs from the takeover, the 200 of the fallback server, then from try to try: from
 * the first or the last send of the one before, as the phone sets its timer when it begins or when
 * it has given up. */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/fallback_rounds.h"
#include "rules/loss_index.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

struct watch {
    struct judge *judge;
    const struct fallback_rounds *rounds;
    int64_t probe_ns, tolerance_ns;
    bool failing; /* the newest answer at the working server, or the lack of one, was a failure */
    bool seen;    /* the working server was tried, or the start of the account seen */
    bool midway;  /* on the fallback server since before the capture */
    const struct fallback_round *from; /* the takeover, or the last try; NULL: at the working server
                                        */
    int64_t since_ns;                  /* loss from here on may hide where the interval begins */
    const struct loss_index *losses;   /* of a whole try; NULL: not needed so far */
};

static struct ns_value interval_of(const struct judge *judge) {
    return fallback_uses_proxies(judge) ? judge->expect->fallback.proxy_probe
                                        : judge->expect->fallback.probe;
}

/* The redundancy type is not for outbound proxies: they are never registered at concurrently. */
static bool applies(const struct judge *judge) {
    return interval_of(judge).set && fallback_configured(judge) &&
           (fallback_uses_proxies(judge) ||
            judge->expect->fallback.registration != FALLBACK_CONCURRENT);
}

/* Where an interval begins: at the earliest, and at the latest. */
static int64_t first_of(const struct fallback_round *from) {
    return from->side == FALLBACK_SERVER ? from->end_ns : from->t_ns;
}
static int64_t last_of(const struct fallback_round *from) {
    return from->end_ns > from->last_ns ? from->end_ns : from->last_ns;
}

static void describe(struct watch *watch, struct occurrence *occurrence, int64_t interval_ns,
                     const struct fallback_round *next) {
    struct judge *judge = watch->judge;

    judge_expect(judge, occurrence, value_seconds("probe_s", watch->probe_ns));
    judge_expect(judge, occurrence, value_seconds("tolerance_s", watch->tolerance_ns));
    judge_observe(judge, occurrence,
                  next ? value_seconds("interval_s", interval_ns)
                       : (struct value){.key = "interval_s", .kind = VALUE_NULL});
    judge_observe(judge, occurrence,
                  value_text("since", watch->from->side == FALLBACK_SERVER ? "takeover" : "try"));
    fallback_round_frames(watch->rounds, judge, occurrence, watch->from);
    if (next)
        fallback_round_frames(watch->rounds, judge, occurrence, next);
}

static const char *since_words(const struct watch *watch) {
    return watch->from->side == FALLBACK_SERVER ? "the fallback server took over"
                                                : "the try before";
}

/* Can all of a try be what this sign says is missing, or the answer that ended the need for one?
 * Not where it tells of a lookup, or of a packet between others of a try that is there. */
static bool may_be_try(enum loss_kind kind) {
    return kind != LOSS_ANSWER_ONLY && kind != LOSS_ANSWER_USED && kind != LOSS_ACK_ONLY &&
           kind != LOSS_GAP_SUMS && kind != LOSS_EARLY_MOVE;
}

/* May the capture lack a try at the working server between two points in time? */
static bool try_is_missing(struct watch *watch, int64_t from_ns, int64_t to_ns,
                           const struct server *server) {
    if (!watch->losses)
        watch->losses = loss_index_likely(watch->judge->phone, watch->judge->arena, may_be_try);
    return judge_loss_of(watch->judge, watch->losses, from_ns, to_ns, server ? &server->ip : NULL);
}

/* Tried again, sooner or later.
 *
 *     from    x x (x)               (x) x x    next      what is seen, and what may be missing
 *             |-- longest ---------------|
 *             |-- least ---------------|                 too early?
 *                  |-- shortest ---------|               too late?
 */
static void judge_interval(struct watch *watch, const struct fallback_round *next) {
    struct judge *judge = watch->judge;
    const struct fallback_round *from = watch->from;
    int64_t before = fallback_round_unseen_ns(watch->rounds, from);
    int64_t after = fallback_round_unseen_ns(watch->rounds, next);
    int64_t low = watch->probe_ns - watch->tolerance_ns,
            high = watch->probe_ns + watch->tolerance_ns;
    int64_t longest = next->t_ns - first_of(from), shortest = next->t_ns - last_of(from);
    bool early = longest - after<low, late = shortest> high;
    struct occurrence *occurrence;
    char took[SECONDS_TEXT_LEN], expected[SECONDS_TEXT_LEN];

    /* A 200 that the capture lost would put the takeover too late. */
    bool unsure = from->side == FALLBACK_SERVER &&
                  judge_loss(judge, watch->since_ns, from->t_ns, &from->server.ip);

    if (!early && !late && !unsure) {
        describe(watch, judge_add(judge, VERDICT_PASS, first_of(from)), longest, next);
        return;
    }
    early = longest + before < low && !unsure;
    late = shortest - before - after > high &&
           !try_is_missing(watch, from->t_ns, next->t_ns,
                           from->side == FALLBACK_SERVER ? NULL : &from->server);
    if (early || late)
        occurrence = judge_add(judge, VERDICT_FAIL, first_of(from));
    else
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, first_of(from), NEEDS_NO_LOSS);
    describe(watch, occurrence, longest, next);
    judge_say(judge, occurrence, "%s was tried %s s after %s; expected %s s",
              server_words(judge, &next->server), seconds_text(longest, took), since_words(watch),
              seconds_text(watch->probe_ns, expected));
}

/* Not tried again up to the end of what can be seen, or up to a restart. */
static void judge_silence(struct watch *watch, int64_t until_ns, bool restarted) {
    struct judge *judge = watch->judge;
    int64_t due = last_of(watch->from) + watch->probe_ns + watch->tolerance_ns;
    struct occurrence *occurrence;
    char quiet[SECONDS_TEXT_LEN], expected[SECONDS_TEXT_LEN];

    seconds_text(watch->probe_ns, expected);
    if (until_ns <= due) {
        if (restarted)
            return;
        occurrence = judge_undecided(
            judge, REASON_ENDS_TOO_EARLY, first_of(watch->from),
            arena_printf(judge->arena, "goes on, with SIP of the phone, at least %s s after t=%s",
                         seconds_text(watch->probe_ns + watch->tolerance_ns, expected),
                         seconds_text(story_offset_ns(judge->story, last_of(watch->from)), quiet)));
        describe(watch, occurrence, 0, NULL);
        return;
    }
    if (try_is_missing(watch, watch->since_ns, due, NULL))
        occurrence =
            judge_undecided(judge, REASON_CAPTURE_LOSS, first_of(watch->from), NEEDS_NO_LOSS);
    else
        occurrence = judge_add(judge, VERDICT_FAIL, first_of(watch->from));
    describe(watch, occurrence, 0, NULL);
    judge_say(judge, occurrence,
              "the working server was not tried in %s s after %s; expected every %s s",
              seconds_text(until_ns - last_of(watch->from), quiet), since_words(watch), expected);
}

static void take_working(struct watch *watch, const struct fallback_round *round) {
    if (watch->from)
        judge_interval(watch, round);
    watch->from = round->end != ROUND_GRANTED && (watch->from || watch->midway) ? round : NULL;
    watch->midway = watch->midway && round->end != ROUND_GRANTED;
    if (watch->from || !watch->failing)
        watch->since_ns = round->t_ns;
    watch->seen = true;
    watch->failing = round->end == ROUND_FAILED || (watch->failing && round->end != ROUND_GRANTED);
}

/* Granted at the fallback server after the working server failed: the takeover. */
static void take_fallback(struct watch *watch, const struct fallback_round *round) {
    if (watch->from || round->end != ROUND_GRANTED)
        return;
    if (watch->failing)
        watch->from = round;
    else if (!watch->seen)
        watch->midway = true;
}

static void check(struct judge *judge) {
    const struct fallback_rounds *rounds = fallback_rounds_new(judge);
    struct watch watch = {.judge = judge, .rounds = rounds, .probe_ns = interval_of(judge).ns};
    const struct fallback_round *before = NULL;

    watch.tolerance_ns = expectations_tolerance_ns(judge->expect, watch.probe_ns);
    for (size_t i = 0; i < rounds->n; i++) {
        const struct fallback_round *round = &rounds->items[i];
        if (round->unregister)
            continue;
        if (before && fallback_restarted(rounds, before->t_ns, round->t_ns)) {
            if (watch.from)
                judge_silence(&watch, before->t_ns, true);
            watch.from = NULL;
            watch.failing = watch.midway = false;
        }
        watch.seen = watch.seen || fallback_starts(rounds, before, round);
        if (round->side == FALLBACK_WORKING)
            take_working(&watch, round);
        else
            take_fallback(&watch, round);
        before = round;
    }
    if (watch.from)
        judge_silence(&watch, judge->story->end_ns,
                      fallback_restarted(rounds, before->t_ns, INT64_MAX));
}

static const struct source SOURCES[] = {
    {BASIS_VENDOR, GUIDE_YEALINK, "Fallback Scenario"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.fallback.timeout"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.outbound_proxy_fallback_interval"},
};

const struct rule rule_fallback_probe = {
    .id = "fallback.probe",
    .title = "A phone on the fallback server tries the working server at the agreed interval",
    .checks =
        "While the account is registered at the fallback server after the working server failed: "
        "each interval between tries (REGISTERs, with their repetitions) at the working server "
        "must be within tolerance of fallback.probe_s, of fallback.proxy_probe_s with outbound "
        "proxies. The first runs from the 200 of the fallback server. A phone that tries no more "
        "for longer than the interval and its tolerance fails. Not applicable to concurrent "
        "registration at two servers.",
    .matters = "A phone that does not probe stays with the server that offers less, long after the "
               "other is back; one that probes all the time keeps it from coming back.",
    .steered_by = "fallback.probe_s, fallback.proxy_probe_s; fallback.registration, servers, "
                  "outbound_proxies, failover.on, tolerance",
    .passes = "fallback.probe_s 120: 192.0.2.2 answers at 64 s; 192.0.2.1 is tried at 184 s, at "
              "304 s and so on until it answers.",
    .fails = "The same, but 192.0.2.1 is tried every 30 s, or not at all.",
    .departures = "RFC 3263 leaves it to the client when to try a failed server again; the "
                  "interval is the vendor's.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a failure of the working server, the takeover by the fallback server, and "
             "the time of one interval after it",
    .applies = applies,
    .check = check,
};
