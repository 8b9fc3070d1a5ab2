/* zone.records: the SRV answers are what the site's plan says (contract section 4, `zone`).
 *
 *     _sip._udp.spx-srv.example.com  SRV 10  50 5060 dc1-spx1   site dc1: one priority, one weight,
 *                                        10  50 5060 dc1-spx2   all its targets, and no other
 *                                        200 50 5060 dc2-spx1   site dc2: another priority
 *                                        200 50 5060 dc2-spx2
 *                                            ^^ ^^^^            uniform: alike within a priority
 *
 * The server's side is judged by what the phone was told, not by what it did. */
#include <stdlib.h>
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/zone_answers.h"

/* A target's name, and the site that it belongs to. */
struct member {
    const char *name;
    size_t site;
};

struct zone_check {
    struct judge *judge;
    struct member *members; /* by name */
    size_t member_count;
    const struct fact_record **of; /* a record of each site in this answer; NULL: none so far */
    bool *seen;                    /* for each member: is it in this answer? */
};

/* What is wrong with an answer; message NULL: nothing. */
struct fault {
    const char *message;
    struct value expected, observed[2];
    size_t observed_count;
    bool missing; /* something is not there: a partial answer may have it */
};

static bool applies(const struct judge *judge) {
    return judge->expect->zone.set && judge->view->matched;
}

static int compare_members(const void *a, const void *b) {
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static void init_members(struct zone_check *check) {
    const struct expectations *expect = check->judge->expect;
    size_t n = 0;

    for (size_t s = 0; s < expect->zone.site_count; s++)
        n += expect->zone.sites[s].target_count;
    check->members = ARENA_ARRAY(check->judge->arena, struct member, n + 1);
    check->seen = ARENA_ARRAY(check->judge->arena, bool, n + 1);
    check->of =
        ARENA_ARRAY(check->judge->arena, const struct fact_record *, expect->zone.site_count + 1);
    for (size_t s = 0; s < expect->zone.site_count; s++)
        for (size_t t = 0; t < expect->zone.sites[s].target_count; t++)
            check->members[check->member_count++] =
                (struct member){expect->zone.sites[s].targets[t], s};
    qsort(check->members, n, sizeof *check->members, compare_members);
}

static struct fault fault_of(const struct fact_record *record, struct value expected,
                             struct value observed, const char *message) {
    struct fault fault = {.message = message, .expected = expected};

    if (record)
        fault.observed[fault.observed_count++] = value_text("target", record->target);
    fault.observed[fault.observed_count++] = observed;
    return fault;
}

/* ---- the sites ---- */

static struct fault check_priority(struct zone_check *check, const struct zone_site *site,
                                   const struct fact_record *record,
                                   const struct fact_record *sibling) {
    struct arena *arena = check->judge->arena;

    if (site->has_priority && record->priority != site->priority)
        return fault_of(record, value_int("priority", site->priority),
                        value_int("priority", record->priority),
                        arena_printf(arena, "%s has priority %u; site %s has %u", record->target,
                                     record->priority, site->name, site->priority));
    if (sibling && record->priority != sibling->priority)
        return fault_of(record, value_int("priority", sibling->priority),
                        value_int("priority", record->priority),
                        arena_printf(arena, "%s has priority %u, and %s of the same site %s has %u",
                                     record->target, record->priority, sibling->target, site->name,
                                     sibling->priority));
    return (struct fault){.message = NULL};
}

static struct fault check_site_record(struct zone_check *check, const struct fact_record *record) {
    struct arena *arena = check->judge->arena;
    const struct zone_site *sites = check->judge->expect->zone.sites;
    const struct member key = {.name = record->target};
    struct member *member = check->member_count ? bsearch(&key, check->members, check->member_count,
                                                          sizeof *check->members, compare_members)
                                                : NULL;

    if (!member)
        return fault_of(
            NULL,
            (struct value){.key = "targets",
                           .kind = VALUE_TEXTS,
                           .texts = {sites[0].targets, sites[0].target_count}},
            value_text("target", record->target),
            arena_printf(arena, "%s is a target of no site that the zone expects", record->target));
    const struct zone_site *site = &sites[member->site];
    struct fault fault = check_priority(check, site, record, check->of[member->site]);
    if (fault.message)
        return fault;
    if (site->has_weight && record->weight != site->weight)
        return fault_of(record, value_int("weight", site->weight),
                        value_int("weight", record->weight),
                        arena_printf(arena, "%s has weight %u; site %s has %u", record->target,
                                     record->weight, site->name, site->weight));
    check->of[member->site] = record;
    check->seen[member - check->members] = true;
    return fault;
}

/* Sites with one priority are one to the phones: where neither is given, they must differ. */
static struct fault check_distinct(const struct zone_check *check) {
    const struct expectations *expect = check->judge->expect;
    const struct zone_site *sites = expect->zone.sites;

    for (size_t a = 0; a < expect->zone.site_count; a++)
        for (size_t b = a + 1; b < expect->zone.site_count; b++) {
            const struct fact_record *x = check->of[a], *y = check->of[b];
            if (!x || !y || x->priority != y->priority ||
                (sites[a].has_priority && sites[b].has_priority))
                continue;
            return fault_of(
                y, value_text("priority", "one for each site"), value_int("priority", y->priority),
                arena_printf(check->judge->arena, "sites %s and %s have the same priority %u",
                             sites[a].name, sites[b].name, y->priority));
        }
    return (struct fault){.message = NULL};
}

static struct fault check_complete(const struct zone_check *check,
                                   const struct zone_answer *answer) {
    struct arena *arena = check->judge->arena;

    for (size_t i = 0; i < check->member_count; i++) {
        if (check->seen[i])
            continue;
        const char **names = ARENA_ARRAY(arena, const char *, answer->n + 1);
        for (size_t r = 0; r < answer->n; r++)
            names[r] = answer->records[r]->target;
        struct fault fault = fault_of(
            NULL, value_text("target", check->members[i].name),
            (struct value){.key = "targets", .kind = VALUE_TEXTS, .texts = {names, answer->n}},
            arena_printf(arena, "%s of site %s is not in the answer", check->members[i].name,
                         check->judge->expect->zone.sites[check->members[i].site].name));
        fault.missing = true;
        return fault;
    }
    return (struct fault){.message = NULL};
}

static struct fault check_sites(struct zone_check *check, const struct zone_answer *answer) {
    size_t site_count = check->judge->expect->zone.site_count;
    struct fault fault;

    memset(check->of, 0, site_count * sizeof *check->of);
    memset(check->seen, 0, check->member_count * sizeof *check->seen);
    for (size_t i = 0; i < answer->n; i++) {
        fault = check_site_record(check, answer->records[i]);
        if (fault.message)
            return fault;
    }
    fault = check_distinct(check);
    return fault.message ? fault : check_complete(check, answer);
}

/* ---- port, and what is uniform ---- */

static int compare_records(const void *a, const void *b) {
    const struct fact_record *x = *(const struct fact_record *const *)a;
    const struct fact_record *y = *(const struct fact_record *const *)b;

    return x->priority != y->priority ? (x->priority < y->priority ? -1 : 1) : (x > y) - (x < y);
}

static struct fault check_uniform(struct zone_check *check, const struct zone_answer *answer) {
    struct arena *arena = check->judge->arena;
    const struct fact_record **sorted = ARENA_ARRAY(arena, const struct fact_record *, answer->n);

    memcpy(sorted, answer->records, answer->n * sizeof *sorted);
    qsort(sorted, answer->n, sizeof *sorted, compare_records);
    for (size_t i = 1; i < answer->n; i++) {
        const struct fact_record *a = sorted[i - 1], *b = sorted[i];
        if (a->priority != b->priority)
            continue;
        if (a->weight != b->weight)
            return fault_of(b, value_int("weight", a->weight), value_int("weight", b->weight),
                            arena_printf(arena,
                                         "weights within priority %u differ: %s has %u, %s has %u",
                                         a->priority, a->target, a->weight, b->target, b->weight));
        if (a->port != b->port)
            return fault_of(b, value_int("port", a->port), value_int("port", b->port),
                            arena_printf(arena,
                                         "ports within priority %u differ: %s has %u, %s has %u",
                                         a->priority, a->target, a->port, b->target, b->port));
    }
    return (struct fault){.message = NULL};
}

static struct fault check_port(struct zone_check *check, const struct zone_answer *answer) {
    uint16_t port = check->judge->expect->zone.port;

    for (size_t i = 0; i < answer->n; i++)
        if (answer->records[i]->port != port)
            return fault_of(answer->records[i], value_int("port", port),
                            value_int("port", answer->records[i]->port),
                            arena_printf(check->judge->arena, "%s has port %u; the zone's is %u",
                                         answer->records[i]->target, answer->records[i]->port,
                                         port));
    return (struct fault){.message = NULL};
}

static struct fault check_answer(struct zone_check *check, const struct zone_answer *answer) {
    const struct expectations *expect = check->judge->expect;
    struct fault fault = {.message = NULL};

    if (expect->zone.has_port)
        fault = check_port(check, answer);
    if (!fault.message && expect->zone.uniform == TRISTATE_TRUE)
        fault = check_uniform(check, answer);
    if (!fault.message && expect->zone.site_count)
        fault = check_sites(check, answer);
    return fault;
}

/* ---- judging ---- */

static struct occurrence *describe(struct judge *judge, struct occurrence *occurrence,
                                   const struct zone_answer *answer) {
    judge_observe(judge, occurrence, value_text("name", answer->query->name));
    zone_answer_frames(judge, occurrence, answer);
    return occurrence;
}

/* No records where the sites should be. A name that nobody promised may be empty: phones ask for
 * transports that a zone does not offer. */
static void judge_empty(struct zone_check *check, const struct zone_answer *answer) {
    struct judge *judge = check->judge;

    if (!answer->owed || !judge->expect->zone.site_count || answer->partial)
        return;
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, answer->query->answer_t_ns);
    judge_expect(judge, occurrence, value_int("records", (int64_t)check->member_count));
    judge_observe(judge, occurrence, value_int("records", 0));
    describe(judge, occurrence, answer);
    judge_say(judge, occurrence, "%s has no %s; site %s should be there", answer->query->name,
              answer->no_service ? "service" : "SRV record", judge->expect->zone.sites[0].name);
}

static void judge_answer(struct zone_check *check, const struct zone_answer *answer) {
    struct judge *judge = check->judge;
    int64_t t_ns = answer->query->answer_t_ns;

    if (!answer->n || answer->no_service) {
        judge_empty(check, answer);
        return;
    }
    struct fault fault = check_answer(check, answer);
    if (answer->partial && (!fault.message || fault.missing)) {
        if (!answer->query->truncated) /* else it is asked for again in full */
            describe(judge,
                     judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns,
                                     "shows the SRV answers whole, not cut to a snapshot length"),
                     answer);
        return;
    }
    if (!fault.message) {
        struct occurrence *passed = judge_add(judge, VERDICT_PASS, t_ns);
        judge_observe(judge, passed, value_int("records", (int64_t)answer->n));
        describe(judge, passed, answer);
        return;
    }
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, t_ns);
    judge_expect(judge, occurrence, fault.expected);
    for (size_t i = 0; i < fault.observed_count; i++)
        judge_observe(judge, occurrence, fault.observed[i]);
    describe(judge, occurrence, answer);
    judge_say(judge, occurrence, "%s: %s", answer->query->name, fault.message);
}

static void check(struct judge *judge) {
    struct zone_check check = {.judge = judge};
    struct zone_answers answers = zone_answers(judge);

    init_members(&check);
    for (size_t i = 0; i < answers.n; i++)
        judge_answer(&check, &answers.items[i]);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 2782", "The format of the SRV RR"},
    {BASIS_VENDOR, GUIDE_GENESYS, "SRV records for SIP Cluster"},
    {BASIS_VENDOR, GUIDE_GENESYS, "SIP registration in failover scenarios based on SRV records"},
};

const struct rule rule_zone_records = {
    .id = "zone.records",
    .title = "The SRV records are as the site's plan says",
    .checks =
        "Each SRV answer for the account's host, whatever the phone made of it: every target "
        "belongs to a site of `zone.sites` and every target of a site is there, with the site's "
        "priority and weight; a site whose priority is null has one for all its targets, and "
        "another than the other sites; all records have `zone.port`; with `zone.uniform` records "
        "of one priority have equal weights and ports. What `zone` leaves out is not judged. An "
        "empty answer is a fault where a NAPTR answer names it, or where it had records before.",
    .matters = "A phone can only keep what the zone promises. A record that was left out, or a "
               "priority that was swapped, sends all phones of a site to the wrong data centre.",
    .steered_by = "zone; servers",
    .passes = "dc1-spx1 and dc1-spx2 with 10 50 5060, dc2-spx1 and dc2-spx2 with 200 50 5060; for "
              "the other data centre with the priorities swapped, where `priority` is null.",
    .fails = "dc1-spx2 has weight 60, or is not there; or all four have priority 10.",
    .departures = "RFC 2782 leaves priorities, weights and ports to the zone's owner; it is the "
                  "Genesys guide that asks for one port, and for equal weights in a data centre.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes the SRV lookups of the host",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
    .shown_by_lookups = true,
};
