/* dns.ttl: no address is used after its TTL has ended (RFC 1035 3.2.1, RFC 2181 8).
 *
 *     A sip1 TTL 30                                      A sip1 TTL 30
 *     |────────── lives ──────────|-- tolerance --|      |──────────
 *       REGISTER     INVITE                    REGISTER     REGISTER
 *         pass        pass                       fail         pass
 *
 * Looked at: over UDP where a new request goes first; over TCP and TLS each connection that one
 * opens, by what was known when the request began, as the list that it began with serves it to its
 * end. dns.cache none asks for more: each has a lookup of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/instant.h"
#include "rules/account_walks.h"
#include "rules/address_facts.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/server_entries.h"
#include "rules/standing.h"

/* A request leaves this soon after the lookups that were made for it, or after the last of them was
 * given up. */
#define AT_ONCE_NS ((int64_t)1 * NS_PER_S)
#define GIVEN_UP_NS ((int64_t)5 * NS_PER_S)
/* The same where nothing may be kept: what lies longer was kept. */
#define KEPT_NS ((int64_t)5 * NS_PER_S)
#define RESOLVER_PATIENCE_NS ((int64_t)30 * NS_PER_S)
/* An idle connection that was opened longer before belongs to nothing that we know. */
#define OPENED_BEFORE_NS ((int64_t)32 * NS_PER_S)

#define NEEDS_LOOKUPS "includes the DNS traffic before the first REGISTER"

/* A server was gone to: by a new request over UDP, or by a connection that one opened. */
struct use {
    int64_t t_ns;    /* when */
    int64_t told_ns; /* what was known by then counts */
    struct server server;
    uint32_t frame;
    const struct request *request;
    bool connection;
};

struct ttl_check {
    struct judge *judge;
    const struct standing *standing;
    struct address_facts facts;
    const struct loss_index *losses; /* of lookups; NULL: not needed so far */
    const struct loss_index *likely; /* of any packet; the same */
    const struct connection **by_id; /* the phone's connections; NULL: not needed so far */
    uint64_t *seen;                  /* connections that a request used: open addressing */
    size_t seen_mask;
    bool said_unknown;
};

static bool applies(const struct judge *judge) {
    return judge->view->matched && server_entries_ask(judge, RANK_ADDRESS);
}

/* ---- which connections a request opened ---- */

static int compare_ids(const void *a, const void *b) {
    uint64_t x = (*(const struct connection *const *)a)->id;
    uint64_t y = (*(const struct connection *const *)b)->id;

    return (x > y) - (x < y);
}

static const struct connection *connection_of(struct ttl_check *check, uint64_t id) {
    const struct phone *phone = check->judge->phone;
    size_t low = 0, high = phone->connection_count;

    if (!check->by_id) {
        check->by_id = ARENA_ARRAY(check->judge->arena, const struct connection *, high + 1);
        for (size_t i = 0; i < high; i++)
            check->by_id[i] = &phone->connections[i];
        array_sort(check->by_id, high, sizeof *check->by_id, compare_ids);
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (check->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < phone->connection_count && check->by_id[low]->id == id ? check->by_id[low] : NULL;
}

/* Room for every connection that the account's requests name. */
static void init_seen(struct ttl_check *check) {
    const struct account *account = check->judge->account;
    size_t n = 0, size = 16;

    for (size_t i = 0; i < account->request_count; i++)
        for (size_t a = 0; a < account->requests[i].attempt_count; a++)
            if (transport_is_reliable(account->requests[i].attempts[a].server.transport))
                n += account->requests[i].attempts[a].transactions;
    while (size < 2 * n)
        size *= 2;
    check->seen = ARENA_ARRAY(check->judge->arena, uint64_t, size);
    check->seen_mask = size - 1;
}

/* Is it the first request that uses this connection? */
static bool is_first_on(struct ttl_check *check, uint64_t id) {
    size_t slot = (size_t)hash_bytes(&id, sizeof id, 0) & check->seen_mask;

    while (check->seen[slot] && check->seen[slot] != id)
        slot = (slot + 1) & check->seen_mask;
    if (check->seen[slot] == id)
        return false;
    check->seen[slot] = id;
    return true;
}

/* ---- judging one ---- */

static const char *words(const struct use *use) {
    const char *method = failover_request_words(use->request);

    return use->connection && method == use->request->method_text ? "a connection" : method;
}

static struct occurrence *describe(struct ttl_check *check, struct occurrence *occurrence,
                                   const struct use *use, const struct address_fact *fact) {
    struct judge *judge = check->judge;

    if (judge_unheard(judge, occurrence))
        return occurrence;
    if (judge->expect->dns.cache == DNS_CACHE_NONE)
        judge_expect(judge, occurrence, value_text("cache", "none"));
    else if (fact)
        judge_expect(judge, occurrence, value_int("ttl_s", fact->ttl_s));
    if (fact)
        judge_observe(judge, occurrence, value_seconds("age_s", use->t_ns - fact->got_ns));
    judge_observe(judge, occurrence, value_server("server", &use->server));
    if (fact)
        judge_frame(judge, occurrence, fact->lookup->query->answer_frame);
    judge_frame(judge, occurrence, use->frame);
    return occurrence;
}

/* Does the phone hold this address itself? What it holds has no end. */
static bool is_static(const struct ttl_check *check, const struct use *use) {
    const struct record_list *held = &check->judge->expect->dns.static_records;

    for (size_t i = 0; i < held->n; i++)
        if ((held->items[i].type == DNS_A || held->items[i].type == DNS_AAAA) &&
            ip_eq(&held->items[i].address, &use->server.ip))
            return true;
    return false;
}

/* Could the answer to this question have given the address anew? `fact` NULL: any could. */
static bool could_renew(const struct ttl_check *check, const struct query *query,
                        const struct address_fact *fact) {
    if (!fact)
        return true;
    if (query->type == DNS_SRV || query->type == DNS_NAPTR)
        return check->judge->expect->dns.additional != DNS_ADDITIONAL_IGNORE &&
               fact->lookup->query->type == query->type;
    return query->type == (fact->ip.len == 4 ? DNS_A : DNS_AAAA) &&
           strcmp(query->name, fact->name) == 0;
}

static bool is_new(const struct request *request) {
    return !request->in_dialog && !request->unregister && request->attempt_count &&
           request->attempts[0].send_count;
}

static int64_t last_asked(const struct query *query) {
    return query->send_count ? query->times_ns[query->send_count - 1] : query->t_ns;
}

/* Was a question that is answered nowhere in the capture acted upon at once? No resolver
 * is given up so soon: the answer was there. */
static bool was_answered(const struct ttl_check *check, const struct query *query, int64_t by_ns) {
    enum { REQUESTS_SEEN = 16 };
    const struct account *account = check->judge->account;
    int64_t asked_ns = last_asked(query);
    size_t low = account_requests_before(account, asked_ns);
    for (size_t seen = 0; low < account->request_count && seen < REQUESTS_SEEN; seen++, low++) {
        int64_t t_ns = account->requests[low].t_ns;
        if (t_ns > by_ns || t_ns - asked_ns > AT_ONCE_NS)
            break;
        if (is_new(&account->requests[low]))
            return true;
    }
    return by_ns >= asked_ns && by_ns - asked_ns <= AT_ONCE_NS;
}

/* Is an answer missing that would have given the address anew, and could live still? */
static bool answer_is_missing(const struct ttl_check *check, int64_t t_ns,
                              const struct address_fact *fact) {
    enum { QUERIES_SEEN = 64 };
    const struct phone *phone = check->judge->phone;
    int64_t lives_ns = AT_ONCE_NS;
    size_t low = 0, high = phone->query_count;

    if (fact && check->judge->expect->dns.cache != DNS_CACHE_NONE &&
        (int64_t)fact->ttl_s * NS_PER_S > lives_ns)
        lives_ns = (int64_t)fact->ttl_s * NS_PER_S;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (phone->queries[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low && seen < QUERIES_SEEN; seen++, low--) {
        const struct query *query = phone->queries[low - 1];
        if (query->t_ns < t_ns - lives_ns - GIVEN_UP_NS)
            break;
        if (last_asked(query) >= t_ns - lives_ns && !query->answer_frame && !query->refused &&
            could_renew(check, query, fact) && was_answered(check, query, t_ns))
            return true;
    }
    return false;
}

/* Is a packet missing just before? Where one is, a whole lookup may be. */
static bool lost_just_before(struct ttl_check *check, int64_t t_ns) {
    const struct judge *judge = check->judge;

    if (!check->likely)
        check->likely = loss_index_likely(judge->phone, judge->arena, NULL);
    return loss_index_find(check->likely, t_ns - AT_ONCE_NS, t_ns, NULL);
}

/* Could the capture have missed the lookup that makes it right? Any sign of loss just before, or
 * one about the resolver at a time when its answer would still live. */
static bool may_be_lost(struct ttl_check *check, const struct use *use,
                        const struct address_fact *fact) {
    const struct judge *judge = check->judge;
    int64_t since_ns = use->told_ns - (int64_t)fact->ttl_s * NS_PER_S;

    if (answer_is_missing(check, use->told_ns, fact) || lost_just_before(check, use->told_ns))
        return true;
    if (judge->expect->dns.cache == DNS_CACHE_NONE)
        since_ns = use->told_ns - KEPT_NS;
    if (since_ns < fact->got_ns)
        since_ns = fact->got_ns;
    if (!check->losses)
        check->losses = account_lookup_losses(judge);
    return loss_index_find(check->losses, since_ns, use->told_ns,
                           &fact->lookup->query->resolver.ip);
}

static void say_undecided(struct ttl_check *check, const struct use *use, enum reason reason,
                          const char *needs) {
    describe(check, judge_undecided(check->judge, reason, use->t_ns, needs), use, NULL);
}

/* No answer by then gave the address. */
static void judge_untold(struct ttl_check *check, const struct use *use,
                         const struct server_list *list, bool later) {
    struct judge *judge = check->judge;
    const struct ranked_server *entry = list ? server_list_find_near(list, &use->server) : NULL;
    struct ip_addr ip;

    if (is_static(check, use)) {
        describe(check, judge_add(judge, VERDICT_PASS, use->t_ns), use, NULL);
        return;
    }
    if (entry && (!entry->target || ip_parse(slice_of_text(entry->target), &ip)))
        return; /* a numeric host, or a numeric target: no address record */
    if (check->said_unknown || (list && !entry && list->looked_up && !later))
        return; /* once is enough; and what no lookup leads to is order.priority's business */
    check->said_unknown = true;
    if (answer_is_missing(check, use->told_ns, NULL) || lost_just_before(check, use->told_ns))
        say_undecided(check, use, REASON_CAPTURE_LOSS, "shows all lookups, without losing packets");
    else if (list || later || standing_midway(check->standing, use->request, list))
        say_undecided(check, use, REASON_STARTS_MIDWAY, NEEDS_LOOKUPS);
    else
        say_undecided(check, use, REASON_NO_SERVER_LIST, NEEDS_LOOKUPS);
}

static void say_stale(struct ttl_check *check, const struct use *use,
                      const struct address_fact *fact) {
    struct judge *judge = check->judge;
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, use->t_ns);
    char age[SECONDS_TEXT_LEN], ttl[SECONDS_TEXT_LEN];

    describe(check, occurrence, use, fact);
    seconds_text(use->t_ns - fact->got_ns, age);
    seconds_text((int64_t)fact->ttl_s * NS_PER_S, ttl);
    if (judge->expect->dns.cache == DNS_CACHE_NONE)
        judge_say(judge, occurrence,
                  "%s went to %s without a lookup made for it; the address of %s was %s s old",
                  words(use), server_words(judge, &use->server), fact->name, age);
    else
        judge_say(judge, occurrence,
                  "%s went to %s %s s after the answer that gave the address of %s; its TTL was "
                  "%s s",
                  words(use), server_words(judge, &use->server), age, fact->name, ttl);
}

static void judge_use(struct ttl_check *check, const struct use *use, int64_t before_ns) {
    struct judge *judge = check->judge;
    const struct server_list *list = server_view_list(judge, use->request);
    struct address_knowledge known =
        address_facts_find(&check->facts, &use->server.ip, list, use->told_ns);
    const struct address_fact *live = NULL;

    if (judge->expect->dns.cache == DNS_CACHE_NONE)
        live = address_facts_spend(&check->facts, &use->server.ip, list, use->told_ns, KEPT_NS,
                                   RESOLVER_PATIENCE_NS);
    else if (known.longest && known.longest->until_ns >= use->told_ns)
        live = known.longest;
    else if (known.newest && known.newest->got_ns > before_ns &&
             address_fact_fresh(known.newest, use->told_ns, AT_ONCE_NS, GIVEN_UP_NS))
        live = known.newest;
    if (live) {
        describe(check, judge_add(judge, VERDICT_PASS, use->t_ns), use, live);
    } else if (!known.newest) {
        judge_untold(check, use, list, known.later);
    } else if (is_static(check, use)) {
        describe(check, judge_add(judge, VERDICT_PASS, use->t_ns), use, NULL);
    } else if (may_be_lost(check, use, known.newest)) {
        describe(check,
                 judge_undecided(judge, REASON_CAPTURE_LOSS, use->t_ns,
                                 "shows all lookups, without losing packets"),
                 use, known.newest);
    } else {
        say_stale(check, use, known.newest);
    }
}

/* ---- going through the requests ---- */

/* The connections that an attempt opened. `first`: the request has opened none so far. */
static void judge_connections(struct ttl_check *check, const struct request *request,
                              const struct attempt *attempt, bool *first, int64_t before_ns) {
    bool once = check->judge->expect->dns.cache == DNS_CACHE_NONE;
    struct use use = {.server = attempt->server, .request = request, .connection = true};

    for (size_t i = 0; i < attempt->send_count; i++) {
        const struct send *send = &attempt->send_list[i];
        const struct connection *opened = NULL;
        uint64_t id = 0;
        if (!send->connect) {
            id = attempt->transaction_list[send->transaction].conn_id;
            if (!id || !is_first_on(check, id))
                continue;
            opened = connection_of(check, id);
            if (!opened || !opened->from_start || request->t_ns - opened->t_ns > OPENED_BEFORE_NS)
                continue;
        }
        use.t_ns = opened ? opened->t_ns : send->t_ns;
        use.told_ns = use.t_ns < request->t_ns ? use.t_ns : request->t_ns;
        use.frame = opened && opened->syn_count ? opened->syn_frames[0] : send->frame;
        if (is_new(request) && !attempt->after_redirect && (*first || !once))
            judge_use(check, &use, before_ns);
        *first = false;
    }
}

static void check(struct judge *judge) {
    struct ttl_check check = {
        .judge = judge, .standing = standing_of(judge), .facts = address_facts(judge)};
    const struct account *account = judge->account;
    int64_t before_ns = INT64_MIN; /* the new request before; two at once share their lookups */
    size_t next = 0;

    init_seen(&check);
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        bool first = true;
        for (; next < i && account->requests[next].t_ns < request->t_ns - AT_ONCE_NS; next++)
            if (is_new(&account->requests[next]))
                before_ns = account->requests[next].t_ns;
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            if (transport_is_reliable(attempt->server.transport))
                judge_connections(&check, request, attempt, &first, before_ns);
            else if (!a && is_new(request) && !attempt->after_redirect)
                judge_use(&check,
                          &(struct use){attempt->t_ns, attempt->t_ns, attempt->server,
                                        attempt->send_list[0].frame, request, false},
                          before_ns);
        }
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 1035", "3.2.1"},
    {BASIS_RFC, "RFC 2181", "8"},
    {BASIS_RFC, "RFC 3263", "4"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Appendix B: Static DNS Cache"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS-SRV Format"},
};

const struct rule rule_dns_ttl = {
    .id = "dns.ttl",
    .title = "No address is used after its TTL has ended",
    .checks =
        "Each new request outside a dialog over UDP, and each connection that one opens over TCP "
        "or TLS, to an address that the phone was told by DNS: an answer that gave it had not "
        "ended, with tolerance. The address record counts, not the SRV or NAPTR record that led to "
        "it; addresses of additional sections count where dns.additional lets them. What was "
        "looked up for a request serves it to its end, with a TTL of 0 too. With dns.cache none "
        "each needs a lookup made for it. Records that the phone holds itself (dns.static) have no "
        "end. An un-register is exempt.",
    .matters = "Administrators move servers by changing records. A phone that keeps an address "
               "goes on calling a server that is no longer there, and nobody sees why.",
    .steered_by = "dns.cache; tolerance, dns.additional, dns.static, servers",
    .passes = "A sip1.example.com at 0 s with TTL 300: REGISTER at 0.1 s and at 290 s; the lookup "
              "is made again before the REGISTER at 580 s.",
    .fails = "The same answer, and no lookup before the REGISTER at 580 s. With dns.cache none: "
             "the INVITE at 20 s without a lookup.",
    .departures =
        "With Yealink's dns_cache_type 0 nothing is kept (dns.cache none); its static records are "
        "used before or after the server's answers (static_cache_pri).",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes the DNS traffic, and new requests after it",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
};
