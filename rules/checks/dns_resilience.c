/* dns.resilience: a lookup that fails is tried again (RFC 1035 4.2.1, 7.2; RFC 7766 5).
 *
 *     question   ── silence ──────────────┬─ the same again, by whatever ID      holds
 *                ── SERVFAIL ─────────────┤─ another resolver is asked           holds
 *                ── ICMP unreachable ─────┘─ nothing within 30 s                 a fault
 *                ── truncated ────────────┬─ over TCP, or with more EDNS room    holds
 *                                         └─ anything else within 30 s           a fault
 *
 * The questions for one name and type that follow each other within 30 s, up to an answer that can
 * be used, are one series, and one occurrence. */
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "rules/account_walks.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/server_entries.h"
#include "rules/standing.h"

#define REPEAT_WITHIN_NS ((int64_t)30 * NS_PER_S)
/* No resolver is given up sooner: who goes on before that had an answer, or did not need one. */
#define GIVEN_UP_NS ((int64_t)1 * NS_PER_S)

enum { RCODE_SERVFAIL = 2, UDP_SIZE = 512, QUERIES_SEEN = 256 };

enum trouble { TROUBLE_NONE, TROUBLE_SILENCE, TROUBLE_SERVFAIL, TROUBLE_TRUNCATED };

/* A series of questions: items[first, end) of the account's, sorted by name, type and time. */
struct series {
    struct query *const *items;
    size_t n;
    enum trouble trouble;         /* the one that decides */
    const struct query *troubled; /* the question that had it */
    size_t sends;
    bool repaired;     /* truncated, and asked again in a way that can help */
    bool side_by_side; /* another resolver, asked at the same time, answered */
    int64_t over_ns;   /* until when a repeat would have come */
};

struct resilience {
    struct judge *judge;
    const struct standing *standing;
    const struct loss_index *losses; /* NULL: not needed so far */
    const struct query **others; /* asked for other accounts, by place; NULL: not needed so far */
    size_t other_count;
    int64_t within_ns; /* 30 s, with tolerance */
};

static bool applies(const struct judge *judge) {
    return judge->view->matched && server_entries_ask(judge, RANK_ADDRESS);
}

/* ---- what became of a question ---- */

static int64_t last_send(const struct query *query) {
    return query->send_count ? query->times_ns[query->send_count - 1] : query->t_ns;
}

/* When the question was as good as lost: at the bad answer, else at its last send. */
static int64_t lost_ns(const struct query *query) {
    int64_t sent_ns = last_send(query);

    return query->answer_frame && query->answer_t_ns > sent_ns ? query->answer_t_ns : sent_ns;
}

static enum trouble trouble_of(const struct resilience *check, const struct query *query) {
    if (!query->answer_frame)
        return TROUBLE_SILENCE;
    if (query->rcode == RCODE_SERVFAIL)
        return TROUBLE_SERVFAIL;
    if (query->truncated && query->transport == TRANSPORT_UDP)
        return TROUBLE_TRUNCATED;
    if (query->send_count > 1 || query->answer_t_ns - query->t_ns > check->within_ns)
        return TROUBLE_SILENCE; /* answered in the end */
    return TROUBLE_NONE;
}

/* Does this answer, or silence, leave the phone without what it asked for? */
static bool is_open(const struct query *query) {
    return !query->answer_frame || query->rcode == RCODE_SERVFAIL ||
           (query->truncated && query->transport == TRANSPORT_UDP);
}

/* ---- series ---- */

static int compare(const void *a, const void *b) {
    const struct query *x = *(const struct query *const *)a, *y = *(const struct query *const *)b;
    int order = x->name == y->name ? 0 : strcmp(x->name, y->name);

    if (!order)
        order = (x->type > y->type) - (x->type < y->type);
    if (!order)
        order = (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
    return order;
}

static size_t room(const struct query *query) {
    return query->udp_size > UDP_SIZE ? query->udp_size : UDP_SIZE;
}

/* A connection to the resolver: it did go to TCP, though the capture may not show its question, or
 * the resolver refused it. */
static const struct dns_connect *tried_tcp(const struct resilience *check,
                                           const struct query *query) {
    const struct phone *phone = check->judge->phone;

    for (size_t i = 0; i < phone->dns_connect_count; i++) {
        const struct dns_connect *tried = &phone->dns_connects[i];
        if (tried->t_ns > query->answer_t_ns + check->within_ns)
            break;
        if (tried->t_ns >= query->answer_t_ns && ip_eq(&tried->resolver.ip, &query->resolver.ip))
            return tried;
    }
    return NULL;
}

/* Was a truncated answer followed by a question that has room for it? */
static bool is_repaired(const struct resilience *check, const struct series *series, size_t at) {
    const struct query *query = series->items[at];

    for (size_t i = at + 1; i < series->n; i++) {
        const struct query *next = series->items[i];
        if (next->t_ns - query->answer_t_ns > check->within_ns)
            break;
        if (next->transport != TRANSPORT_UDP || room(next) > room(query))
            return true;
    }
    return tried_tcp(check, query) != NULL;
}

/* The series that begins with the troubled items[0]; at most n questions are of its name and type.
 */
static struct series series_of(const struct resilience *check, struct query *const *items,
                               size_t n) {
    struct series series = {.items = items};
    int64_t until_ns = INT64_MIN;

    for (size_t i = 0; i < n; i++) {
        const struct query *query = items[i];
        if (i && (query->t_ns > until_ns ||
                  failover_restarted(check->judge, lost_ns(items[i - 1]), query->t_ns)))
            break; /* asked for another reason */
        series.n++;
        series.sends += query->send_count ? query->send_count : 1;
        if (lost_ns(query) + check->within_ns > until_ns)
            until_ns = lost_ns(query) + check->within_ns;
        if (!is_open(query))
            break;
    }
    series.over_ns = until_ns;
    for (size_t i = 0; i < series.n; i++) {
        enum trouble trouble = trouble_of(check, items[i]);
        bool repaired = trouble == TROUBLE_TRUNCATED && is_repaired(check, &series, i);
        /* A truncated answer that was left at that outweighs what was repeated. */
        if (trouble == TROUBLE_NONE || (series.troubled && trouble != TROUBLE_TRUNCATED) ||
            (series.trouble == TROUBLE_TRUNCATED && !series.repaired))
            continue;
        series.trouble = trouble;
        series.troubled = items[i];
        series.repaired = repaired;
    }
    return series;
}

/* Was the same question sent again while it was open, or soon enough? A repeat that comes too late
 * is none. */
static bool is_repeated(const struct resilience *check, const struct series *series) {
    const struct query *first = series->items[0];

    if (series->trouble == TROUBLE_TRUNCATED)
        return series->repaired;
    if (series->side_by_side)
        return true;
    if (first->send_count > 1)
        return first->times_ns[1] - first->times_ns[0] <= check->within_ns;
    return series->sends > 1;
}

/* ---- judging ---- */

static const char *question_text(struct judge *judge, const struct query *query) {
    char type[16];

    return arena_printf(judge->arena, "%s %s", dns_type_text(query->type, type), query->name);
}

static const char *const TROUBLE_WORDS[] = {
    [TROUBLE_NONE] = "",
    [TROUBLE_SILENCE] = "no answer",
    [TROUBLE_SERVFAIL] = "SERVFAIL",
    [TROUBLE_TRUNCATED] = "truncated",
};

static void describe(const struct resilience *check, struct occurrence *occurrence,
                     const struct series *series) {
    struct judge *judge = check->judge;
    const struct dns_connect *tried = NULL;

    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence,
                 value_text("repeat", series->trouble == TROUBLE_TRUNCATED ? "over TCP" : "asked"));
    judge_observe(judge, occurrence, value_text("query", question_text(judge, series->troubled)));
    judge_observe(judge, occurrence, value_text("outcome", TROUBLE_WORDS[series->trouble]));
    judge_observe(judge, occurrence, value_int("queries", (int64_t)series->sends));
    for (size_t i = 0; i < series->n; i++) {
        for (size_t s = 0; s < series->items[i]->send_count; s++)
            judge_frame(judge, occurrence, series->items[i]->frames[s]);
        judge_frame(judge, occurrence, series->items[i]->answer_frame);
        judge_frame(judge, occurrence, series->items[i]->icmp_frame);
    }
    if (series->trouble == TROUBLE_TRUNCATED)
        tried = tried_tcp(check, series->troubled);
    if (tried)
        judge_frame(judge, occurrence, tried->frame);
}

static int step_of(uint16_t type) {
    return type == DNS_NAPTR ? 0 : type == DNS_SRV ? 1 : 2;
}

static int by_place(const void *a, const void *b) {
    const struct query *const *x = a, *const *y = b;

    return ((uintptr_t)*x > (uintptr_t)*y) - ((uintptr_t)*x < (uintptr_t)*y);
}

/* Does it walk for a host of its own? */
static bool is_other(const struct judge *judge, const struct account_hosts *hosts,
                     const struct account *account) {
    return account != judge->account && account->host && !account_hosts_own(hosts, account->host);
}

/* The questions in the walks of other accounts' hosts. */
static void gather_others(struct resilience *check) {
    const struct judge *judge = check->judge;
    struct account_hosts hosts = account_hosts(judge);
    ARRAY_OF(const struct query *) list = {0};

    for (size_t a = 0; a < judge->phone->account_count; a++) {
        const struct account *account = &judge->phone->accounts[a];
        if (!is_other(judge, &hosts, account))
            continue;
        for (size_t i = 0; i < account->resolution_count; i++) {
            const struct resolution *walk = account->resolutions[i];
            for (size_t q = 0; walk->host == account->host && q < walk->query_count; q++)
                *ARRAY_ADD(&list) = walk->queries[q];
        }
    }
    check->others = ARENA_ARRAY(judge->arena, const struct query *, list.n + 1);
    check->other_count = list.n;
    if (list.n)
        memcpy(check->others, list.items, list.n * sizeof *list.items);
    array_sort(check->others, list.n, sizeof *check->others, by_place);
    ARRAY_FINI(&list);
}

/* Did the phone ask it for another account, whose lookups go on whatever this one's do? */
static bool asked_by_another(struct resilience *check, const struct query *query) {
    if (!check->others)
        gather_others(check);
    return check->other_count &&
           bsearch(&query, check->others, check->other_count, sizeof *check->others, by_place);
}

/* The place of the first of the phone's questions that comes later. */
static size_t first_after(const struct phone *phone, int64_t t_ns) {
    size_t low = 0, high = phone->query_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (phone->queries[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Did the phone go on sooner than it could have given up: to a later step of the lookups, or to a
 * request? */
static bool went_on(struct resilience *check, const struct query *query) {
    const struct judge *judge = check->judge;
    const struct phone *phone = judge->phone;
    const struct account *account = judge->account;
    int64_t from_ns = last_send(query), to_ns = from_ns + GIVEN_UP_NS;
    size_t low = first_after(phone, from_ns);

    for (size_t i = low;
         i < phone->query_count && i - low < QUERIES_SEEN && phone->queries[i]->t_ns <= to_ns; i++)
        if (step_of(phone->queries[i]->type) > step_of(query->type) &&
            !asked_by_another(check, phone->queries[i]))
            return true;
    low = account_requests_before(account, from_ns);
    return low < account->request_count && account->requests[low].t_ns <= to_ns;
}

/* Was the name asked for in the other family, too, of the same resolver at the same time, and were
 * there addresses? Then the resolver was well, and the phone lacked nothing. */
static bool has_other_family(const struct judge *judge, const struct query *query) {
    const struct phone *phone = judge->phone;
    uint16_t other = query->type == DNS_A ? DNS_AAAA : DNS_A;

    if (query->type != DNS_A && query->type != DNS_AAAA)
        return false;
    for (size_t i = first_after(phone, query->t_ns - GIVEN_UP_NS), seen = 0;
         i < phone->query_count && seen < QUERIES_SEEN; i++, seen++) {
        const struct query *one = phone->queries[i];
        if (one->t_ns > query->t_ns + GIVEN_UP_NS)
            break;
        if (one->type == other && one->answer_frame && one->answer_count && !one->rcode &&
            ip_eq(&one->resolver.ip, &query->resolver.ip) && strcmp(one->name, query->name) == 0)
            return true;
    }
    return false;
}

/* Could the capture have missed the repeat, or the answer? */
static bool may_be_lost(struct resilience *check, const struct series *series, int64_t due_ns) {
    const struct judge *judge = check->judge;
    const struct query *query = series->troubled;

    if (!check->losses)
        check->losses = account_lookup_losses(judge);
    if (loss_index_find(check->losses, query->t_ns, due_ns, &query->resolver.ip))
        return true;
    if (series->trouble != TROUBLE_SILENCE || query->refused)
        return false;
    /* What it went on with may be missing, too. */
    return went_on(check, query) || has_other_family(judge, query) ||
           judge_loss(judge, last_send(query), last_send(query) + GIVEN_UP_NS, NULL);
}

/* Was the phone at work before the capture, so that this may be the last of several questions? */
static bool began_before(const struct resilience *check, const struct query *query) {
    const struct account *account = check->judge->account;
    const struct request *first = account->request_count ? &account->requests[0] : NULL;

    return first && query->t_ns - check->judge->story->start_ns < check->within_ns &&
           standing_midway(check->standing, first, server_view_list(check->judge, first)) &&
           (first->t_ns <= query->t_ns || first->starts_midway);
}

static const char *fault_text(const struct resilience *check, const struct series *series) {
    struct judge *judge = check->judge;
    const char *question = question_text(judge, series->troubled);
    char within[SECONDS_TEXT_LEN];

    seconds_text(REPEAT_WITHIN_NS, within);
    switch (series->trouble) {
    case TROUBLE_TRUNCATED:
        return arena_printf(judge->arena,
                            "the answer to %s was truncated, and it was not asked again over TCP "
                            "or with a larger EDNS size within %s s",
                            question, within);
    case TROUBLE_SERVFAIL:
        return arena_printf(judge->arena,
                            "%s was answered SERVFAIL, and not asked again within %s s", question,
                            within);
    case TROUBLE_SILENCE:
    case TROUBLE_NONE:
        break;
    }
    return arena_printf(judge->arena, "%s was not answered%s, and not asked again within %s s",
                        question, series->troubled->refused ? " (ICMP unreachable)" : "", within);
}

static void judge_series(struct resilience *check, const struct series *series) {
    struct judge *judge = check->judge;
    const struct query *query = series->troubled;
    int64_t from_ns = query->t_ns, due_ns = lost_ns(query) + check->within_ns;
    struct occurrence *occurrence;
    char after[SECONDS_TEXT_LEN], t[SECONDS_TEXT_LEN];

    if (is_repeated(check, series)) {
        describe(check, judge_add(judge, VERDICT_PASS, query->t_ns), series);
        return;
    }
    if (failover_restarted(judge, from_ns, due_ns))
        return; /* it does not know any more what it asked */
    if (may_be_lost(check, series, due_ns)) {
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, query->t_ns,
                                     "shows all lookups, without losing packets");
    } else if (series->trouble == TROUBLE_SILENCE && began_before(check, query)) {
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, query->t_ns,
                                     "includes the lookups from the phone's start on");
    } else if (judge->story->end_ns < due_ns) {
        occurrence = judge_undecided(
            judge, REASON_ENDS_TOO_EARLY, query->t_ns,
            arena_printf(judge->arena, "goes on at least %s s after the question at t=%s",
                         seconds_text(check->within_ns, after),
                         seconds_text(story_offset_ns(judge->story, query->t_ns), t)));
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, query->t_ns);
        judge_say(judge, occurrence, "%s", fault_text(check, series));
    }
    describe(check, occurrence, series);
}

/* The questions of the account's walks. */
static struct query **gather(const struct judge *judge, size_t *n) {
    struct resolution_list walks = account_walks(judge);
    size_t all = 0;

    for (size_t i = 0; i < walks.n; i++)
        all += walks.items[i]->query_count;
    struct query **queries = ARENA_ARRAY(judge->arena, struct query *, all + 1);
    *n = 0;
    for (size_t i = 0; i < walks.n; i++)
        for (size_t q = 0; q < walks.items[i]->query_count; q++)
            queries[(*n)++] = walks.items[i]->queries[q];
    return queries;
}

static bool is_same_question(const struct query *a, const struct query *b) {
    return a->type == b->type && (a->name == b->name || strcmp(a->name, b->name) == 0);
}

static void check(struct judge *judge) {
    struct resilience check = {
        .judge = judge,
        .standing = standing_of(judge),
        .within_ns = REPEAT_WITHIN_NS + expectations_tolerance_ns(judge->expect, REPEAT_WITHIN_NS)};
    size_t n, first = 0, end = 0; /* of the questions for one name and type */
    bool troubled = false;
    struct query **queries = gather(judge, &n);

    for (size_t i = 0; i < n && !troubled; i++)
        troubled = trouble_of(&check, queries[i]) != TROUBLE_NONE;
    if (!troubled)
        return; /* as nearly always */
    array_sort(queries, n, sizeof(struct query *), compare);

    for (size_t i = 0; i < n;) {
        if (i == end)
            first = i;
        while (end < n && (end <= i || is_same_question(queries[i], queries[end])))
            end++;
        if (trouble_of(&check, queries[i]) == TROUBLE_NONE) {
            i++;
            continue;
        }
        struct series series = series_of(&check, &queries[i], end - i);
        series.side_by_side = i > first && !is_open(queries[i - 1]) &&
                              queries[i]->t_ns - queries[i - 1]->t_ns <= GIVEN_UP_NS;
        judge_series(&check, &series);
        i += series.n;
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 1035", "4.2.1"},
    {BASIS_RFC, "RFC 1035", "7.2"},
    {BASIS_RFC, "RFC 7766", "5"},
    {BASIS_RFC, "RFC 6891", "6.2.2"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Server Domain Name Resolution"},
};

const struct rule rule_dns_resilience = {
    .id = "dns.resilience",
    .title = "A lookup that fails is tried again",
    .checks =
        "Each series of questions for one name and type in the lookups of the account's host that "
        "brought no answer, SERVFAIL or a truncated answer. Silence, an ICMP error and SERVFAIL "
        "need the question again within 30 s, from the same or from another resolver; a truncated "
        "answer needs it over TCP, or over UDP with a larger EDNS size. A phone that was restarted "
        "in between is not judged.",
    .matters = "One lost packet, or one dead resolver of two, must not cost a phone its service "
               "until the next refresh. A long SRV answer that is cut lists fewer servers than "
               "there are.",
    .steered_by = "; tolerance, servers, outbound_proxies, dns.mode",
    .passes = "SRV _sip._udp.example.com is not answered by the first resolver; 5 s later the "
              "second is asked. Or: the answer is truncated, and asked again over TCP.",
    .fails = "The same question is answered SERVFAIL, and the phone asks nothing more for it; or "
             "the answer is truncated, and its records are used as they are.",
    .departures = "None known. Yealink's guide adds that records held by the phone serve where a "
                  "lookup brings nothing; the question is owed again all the same.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a lookup of the host that is not answered, answered SERVFAIL or truncated, "
             "and goes on 30 s after it",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
    .shown_by_lookups = true,
};
