/* zone.targets: where SRV records point there is something (RFC 2782, "Target").
 *
 *     SRV … sip1      A sip1 192.0.2.1                      resolves
 *     SRV … sip2      A sip2 NXDOMAIN, or no address        a fault of the zone
 *     SRV … sip3      sip3 CNAME pbx                        a fault: a target must not be an alias
 *     SRV … .         alone                                 no such service: nothing to resolve
 *     SRV … .         beside others                         a fault: it contradicts them
 *
 * The server's side is judged by the lookups that the phone made. A target whose turn never came
 * was not asked, and nobody knows. */
#include <stdlib.h>
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/zone_answers.h"

enum { RCODE_NXDOMAIN = 3, LOOKUPS_SEEN = 64, FRAMES_SEEN = 8 };
/* Addresses may be asked together with the SRV records: so long before counts as after. */
#define TOGETHER_NS ((int64_t)5 * 1000000000)
/* More than this is not looked through, for accounts in great number on one phone. */
#define WORK_MAX ((size_t)50 * 1000 * 1000)

/* What lookups said of one target's addresses of one family. */
struct family {
    bool asked, positive, negative;
};

struct target {
    const char *name;
    struct family a, aaaa;
    size_t sends; /* of questions without an answer */
    bool nxdomain;
    const char *alias; /* what it is an alias of; NULL: none */
    uint32_t frames[FRAMES_SEEN];
    size_t frame_count;
};

struct target_check {
    struct judge *judge;
    const struct query **lookups; /* the phone's A and AAAA questions, by name and time */
    size_t n;
};

static bool applies(const struct judge *judge) {
    return judge->expect->zone.set && judge->view->matched;
}

/* ---- the lookups of a target ---- */

/* Names are interned: equal names are one pointer. The order of pointers never shows. */
static int compare(const void *a, const void *b) {
    const struct query *x = *(const struct query *const *)a, *y = *(const struct query *const *)b;

    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static void init_lookups(struct target_check *check) {
    const struct phone *phone = check->judge->phone;

    if (phone->query_count > WORK_MAX / (phone->account_count + 1))
        return;
    check->lookups = ARENA_ARRAY(check->judge->arena, const struct query *, phone->query_count + 1);
    for (size_t i = 0; i < phone->query_count; i++)
        if (phone->queries[i]->type == DNS_A || phone->queries[i]->type == DNS_AAAA)
            check->lookups[check->n++] = phone->queries[i];
    array_sort(check->lookups, check->n, sizeof *check->lookups, compare);
}

/* The first lookup of a name at or after t_ns. */
static size_t first_from(const struct target_check *check, const char *name, int64_t t_ns) {
    size_t low = 0, high = check->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct query *query = check->lookups[middle];
        if (query->name < name || (query->name == name && query->t_ns < t_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void keep_frame(struct target *target, uint32_t frame) {
    if (frame && target->frame_count < FRAMES_SEEN)
        target->frames[target->frame_count++] = frame;
}

static void note(struct target *target, const struct query *query) {
    struct family *family = query->type == DNS_A ? &target->a : &target->aaaa;
    bool found = false;

    family->asked = true;
    if (!query->answer_frame)
        target->sends += query->send_count;
    if (!query->answer_frame || (query->rcode != 0 && query->rcode != RCODE_NXDOMAIN))
        return;
    for (size_t i = 0; i < query->record_count; i++) {
        const struct fact_record *record = &query->records[i];
        if (record->section != DNS_ANSWER)
            continue;
        found = found || record->type == query->type;
        if (record->type == DNS_CNAME && record->name == target->name)
            target->alias = record->target;
    }
    if (found)
        family->positive = true;
    else if (!query->truncated && !query->cut)
        family->negative = true;
    target->nxdomain = target->nxdomain || (!found && query->rcode == RCODE_NXDOMAIN);
    keep_frame(target, query->answer_frame);
}

static void note_additional(struct target *target, const struct query *srv) {
    for (size_t i = 0; i < srv->record_count; i++) {
        const struct fact_record *record = &srv->records[i];
        if (record->section != DNS_ADDITIONAL || record->name != target->name)
            continue;
        if (record->type == DNS_A)
            target->a.asked = target->a.positive = true;
        else if (record->type == DNS_AAAA)
            target->aaaa.asked = target->aaaa.positive = true;
        else if (record->type == DNS_CNAME)
            target->alias = record->target;
    }
}

static bool is_known(const struct target_check *check, const char *name) {
    const struct record_list *known = &check->judge->expect->dns.known_records;

    for (size_t i = 0; i < known->n; i++)
        if ((known->items[i].type == DNS_A || known->items[i].type == DNS_AAAA) &&
            strcmp(known->items[i].name, name) == 0)
            return true;
    return false;
}

/* Everything that was said of a target while this SRV answer stood; else what was said before. */
static struct target look_up(const struct target_check *check, const struct zone_answer *answer,
                             const char *name) {
    struct target target = {.name = name};
    struct ip_addr ip;
    size_t first = first_from(check, name, answer->query->t_ns - TOGETHER_NS);

    if (ip_parse(slice_of_text(name), &ip)) {
        target.a.positive = true; /* an address in a name's place needs no lookup */
        return target;
    }
    for (size_t i = first;
         i < check->n && i - first < LOOKUPS_SEEN && check->lookups[i]->name == name &&
         check->lookups[i]->t_ns < answer->until_ns;
         i++)
        note(&target, check->lookups[i]);
    for (size_t i = first, seen = 0;
         i-- > 0 && seen < LOOKUPS_SEEN && check->lookups[i]->name == name;
         seen++) { /* the newest before it, of a family that was not asked since */
        const struct family *family = check->lookups[i]->type == DNS_A ? &target.a : &target.aaaa;
        if (!family->asked)
            note(&target, check->lookups[i]);
    }
    note_additional(&target, answer->query);
    if (!target.a.asked && !target.aaaa.asked && is_known(check, name))
        target.a.positive = true;
    return target;
}

/* ---- judging ---- */

/* Is it certain that there is no address for the phone? One of the other family is one, too. */
static bool is_dead(const struct target *target) {
    if (target->a.negative && !target->aaaa.positive &&
        (target->aaaa.negative || !target->aaaa.asked))
        return true;
    return target->aaaa.negative && !target->a.positive && (target->a.negative || !target->a.asked);
}

static struct occurrence *describe(struct judge *judge, struct occurrence *occurrence,
                                   const struct zone_answer *answer, const struct target *target) {
    judge_observe(judge, occurrence, value_text("name", answer->query->name));
    if (target)
        judge_observe(judge, occurrence, value_text("target", target->name));
    zone_answer_frames(judge, occurrence, answer);
    for (size_t i = 0; target && i < target->frame_count; i++)
        judge_frame(judge, occurrence, target->frames[i]);
    return occurrence;
}

static void say_fault(struct judge *judge, const struct zone_answer *answer,
                      const struct target *target, const char *expected, const char *message) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, answer->query->answer_t_ns);

    judge_expect(judge, occurrence, value_text("target", expected));
    describe(judge, occurrence, answer, target);
    judge_say(judge, occurrence, "%s: %s", answer->query->name, message);
}

/* Say so if something is wrong with the target. */
static bool is_faulty(struct target_check *check, const struct zone_answer *answer,
                      const struct target *target) {
    struct judge *judge = check->judge;

    if (strcmp(target->name, ".") == 0)
        say_fault(judge, answer, target, "no other target",
                  "the root target, which says that there is no such service, stands beside "
                  "others");
    else if (target->alias)
        say_fault(
            judge, answer, target, "no alias",
            arena_printf(judge->arena, "target %s is an alias of %s", target->name, target->alias));
    else if (is_dead(target))
        say_fault(judge, answer, target, "resolves",
                  arena_printf(judge->arena, "target %s %s", target->name,
                               target->nxdomain ? "does not exist" : "has no address"));
    else
        return false;
    return true;
}

static void say_unknown(struct target_check *check, const struct zone_answer *answer,
                        const struct target *target) {
    struct judge *judge = check->judge;
    bool asked = target->a.asked || target->aaaa.asked;
    int64_t from_ns = answer->query->t_ns, until_ns = answer->until_ns;
    /* Asked once and never again: the answer was there, or dns.resilience has more to say. */
    bool lost = asked && (target->sends == 1 || judge_loss(judge, from_ns, until_ns, NULL));
    struct occurrence *occurrence = judge_undecided(
        judge, lost ? REASON_CAPTURE_LOSS : REASON_NOT_EXERCISED, answer->query->answer_t_ns,
        arena_printf(judge->arena, "includes %s of the addresses of %s",
                     asked ? "an answer to the lookup" : "a lookup", target->name));

    judge_expect(judge, occurrence, value_text("target", "resolves"));
    describe(judge, occurrence, answer, target);
    judge_say(judge, occurrence, "%s: the addresses of target %s were %s", answer->query->name,
              target->name, asked ? "not answered" : "never asked");
}

static void judge_answer(struct target_check *check, const struct zone_answer *answer) {
    struct judge *judge = check->judge;
    struct target unknown = {.name = NULL};

    for (size_t i = 0; i < answer->n && !answer->no_service; i++) {
        struct target target = look_up(check, answer, answer->records[i]->target);
        if (is_faulty(check, answer, &target))
            return;
        if (!unknown.name && !target.a.positive && !target.aaaa.positive)
            unknown = target;
    }
    if (answer->partial)
        return; /* there may be more targets */
    if (unknown.name) {
        say_unknown(check, answer, &unknown);
        return;
    }
    struct occurrence *passed = judge_add(judge, VERDICT_PASS, answer->query->answer_t_ns);
    judge_observe(judge, passed, value_int("targets", answer->no_service ? 0 : (int64_t)answer->n));
    describe(judge, passed, answer, NULL);
}

static void check(struct judge *judge) {
    struct target_check check = {.judge = judge};
    struct zone_answers answers = zone_answers(judge);

    if (answers.n)
        init_lookups(&check);
    for (size_t i = 0; i < answers.n; i++)
        if (answers.items[i].n)
            judge_answer(&check, &answers.items[i]);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 2782", "The format of the SRV RR"},
    {BASIS_VENDOR, GUIDE_GENESYS, "Required Provisioning"},
    {BASIS_VENDOR, GUIDE_GENESYS, "IP address and SRV records example"},
};

const struct rule rule_zone_targets = {
    .id = "zone.targets",
    .title = "The targets of the SRV records have addresses of their own",
    .checks =
        "Each SRV answer for the account's host, by the lookups that the phone made: every target "
        "has an A or AAAA record, asked for or in the additional section, or held in dns.known; "
        "none is an alias (CNAME); the root target stands alone, and then there is no such "
        "service and nothing to resolve. A target that was never asked is inconclusive.",
    .matters = "A target without an address is a server that the phone loses a turn on, or never "
               "reaches: the redundancy is on paper only, and shows the day it is needed.",
    .steered_by = "zone; servers, dns.known",
    .passes = "SRV lists sip1 and sip2; A sip1 and A sip2 are answered with an address each.",
    .fails = "A sip2 is answered NXDOMAIN; or sip2 is a CNAME of pbx.example.net.",
    .departures = NULL,
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes the SRV lookups of the host, and those of the addresses of all targets",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
    .shown_by_lookups = true,
};
