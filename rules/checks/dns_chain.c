/* dns.chain: the lookups are the ones that mode, port and transport call for (RFC 3263 4.1, 4.2).
 *
 *     NAPTR host ─┬─ services ─── SRV of a replacement ─┬─ targets ─── A, AAAA of the best target
 *                 │            └─ A of a replacement    └─ none ─┐
 *                 ├─ empty flag ─ NAPTR of the replacement       │
 *                 └─ none ─────── SRV _sip._udp.host … ─┬─ none ─┴─ A, AAAA of host
 *                                                       └─ targets ─ A, AAAA of the best target
 *
 * A walk is judged by what the phone knew when its next request left (or when the walk ended): each
 * step was asked, or an answer of before serves, or the expectations hold the record. More lookups
 * than needed conform, and so do addresses that are asked only when their turn comes. */
#include "rules/checks/dns_chain.h"

#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/server_entries.h"

/* After this a phone that asked nothing more and sent nothing has stopped. */
#define CARRY_ON_NS ((int64_t)5 * 1000000000)

static bool applies(const struct judge *judge) {
    return judge->view->matched && server_entries_ask(judge, RANK_ADDRESS);
}

/* Only addresses of targets that earlier lookups gave: renewed, or asked because their turn came.
 */
static bool is_renewal(const struct resolution *walk) {
    for (size_t i = 0; i < walk->query_count; i++)
        if ((walk->queries[i]->type != DNS_A && walk->queries[i]->type != DNS_AAAA) ||
            strcmp(walk->queries[i]->name, walk->host) == 0)
            return false;
    return true;
}

static enum finding check_chain(struct chain *chain) {
    enum finding finding = chain_check_order(chain);

    return finding != FINDING_PASS || is_renewal(chain->walk) ? finding : chain_check_steps(chain);
}

static const char *query_text(struct judge *judge, const struct query *query) {
    char type[16];

    return arena_printf(judge->arena, "%s %s", dns_type_text(query->type, type), query->name);
}

static void describe(struct chain *chain, struct occurrence *occurrence) {
    struct judge *judge = chain->judge;
    const struct resolution *walk = chain->walk;
    const char **texts = ARENA_ARRAY(judge->arena, const char *, walk->query_count + 1);

    if (chain->due_type)
        judge_expect(judge, occurrence,
                     value_text("query", arena_printf(judge->arena, "%s %s", chain->due_type,
                                                      chain->due_name)));
    for (size_t i = 0; i < walk->query_count; i++) {
        const struct query *query = walk->queries[i];
        texts[i] = query_text(judge, query);
        if (query->send_count)
            judge_frame(judge, occurrence, query->frames[0]);
        judge_frame(judge, occurrence, query->answer_frame);
    }
    judge_observe(judge, occurrence,
                  (struct value){.key = "queries",
                                 .kind = VALUE_TEXTS,
                                 .texts = {.items = texts, .n = walk->query_count}});
    if (chain->request && chain->request->attempt_count && chain->request->attempts[0].send_count &&
        occurrence->verdict != VERDICT_PASS)
        judge_frame(judge, occurrence, chain->request->attempts[0].send_list[0].frame);
}

/* Without an entry, and without a mode that says it: the first step that was seen. */
static enum rank_start observed_start(const struct resolution *walk) {
    if (chain_first_query(walk, DNS_NAPTR, NULL))
        return RANK_NAPTR;
    return chain_first_query(walk, DNS_SRV, NULL) ? RANK_SRV : RANK_ADDRESS;
}

/* A name of which only addresses were asked, that is neither configured nor the account's domain,
 * may be a target of an SRV answer that the capture does not show. */
static bool may_be_target(const struct chain *chain) {
    return !chain->entry && observed_start(chain->walk) == RANK_ADDRESS &&
           !sip_uri_has_host(chain->judge->account->aor, chain->walk->host);
}

static void say_fault(struct chain *chain, enum finding finding) {
    struct judge *judge = chain->judge;
    const struct resolution *walk = chain->walk;
    struct occurrence *occurrence;

    if (judge_loss(judge, walk->t_ns - CARRY_ON_NS, walk->end_ns + CARRY_ON_NS, NULL)) {
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, walk->t_ns,
                                     "shows all lookups, without losing packets");
    } else if (finding == FINDING_STOPPED && judge->story->end_ns - walk->end_ns < CARRY_ON_NS) {
        occurrence = judge_undecided(judge, REASON_ENDS_TOO_EARLY, walk->t_ns,
                                     "goes on until the lookups are done and a request follows");
    } else if (chain->due_type &&
               (may_be_target(chain) ||
                (chain->request && !standing_in_use(chain->standing, chain->request->t_ns) &&
                 standing_midway(chain->standing, chain->request, chain->list)))) {
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, walk->t_ns,
                                     "includes the lookups from the phone's start on");
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, walk->t_ns);
        if (chain->sentence)
            judge_say(judge, occurrence, "%s", chain->sentence);
        else
            judge_say(judge, occurrence, "%s %s was not asked%s%s", chain->due_type,
                      chain->due_name, chain->instead ? " " : ", and nothing else followed",
                      chain->instead ? chain->instead : "");
    }
    describe(chain, occurrence);
}

/* The first new request that rests on the walk; requests stand in order of time. */
static const struct request *request_of(const struct judge *judge, const struct resolution *walk,
                                        size_t *from) {
    const struct account *account = judge->account;

    while (*from < account->request_count && account->requests[*from].t_ns < walk->t_ns)
        ++*from;
    for (size_t i = *from; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (request->resolution != walk) {
            if (request->resolution && request->resolution->t_ns > walk->t_ns)
                break;
            continue;
        }
        if (!request->in_dialog && request->attempt_count)
            return request;
    }
    return NULL;
}

/* Does the walk serve a request that is under way, or only the server in use? `from`: the first
 * request after the walk began. */
static bool goes_on(const struct chain *chain, size_t from) {
    const struct account *account = chain->judge->account;
    const struct server *in_use = standing_in_use(chain->standing, chain->t_ns);

    if (!chain->request)
        return from > 0 && account->requests[from - 1].end_ns >= chain->walk->t_ns;
    return in_use && server_eq(in_use, &chain->request->attempts[0].server);
}

static void judge_walk(struct judge *judge, const struct standing *standing,
                       const struct resolution *walk, const struct server_expectation *entry,
                       size_t *from) {
    struct chain chain = {.judge = judge, .standing = standing, .walk = walk, .entry = entry};
    enum finding finding;

    chain.request = request_of(judge, walk, from);
    chain.list = chain.request ? server_view_list(judge, chain.request) : NULL;
    chain.t_ns = chain.request ? chain.request->t_ns : walk->end_ns + CARRY_ON_NS;
    chain.start = !entry && judge->expect->dns.mode == DNS_MODE_AUTO
                      ? observed_start(walk)
                      : server_entry_start(judge->expect, entry);
    chain.goes_on = goes_on(&chain, *from);
    finding = check_chain(&chain);
    if (finding == FINDING_FAIL || finding == FINDING_STOPPED) {
        if (walk->outcome == RESOLUTION_CUT && finding == FINDING_STOPPED)
            describe(&chain, judge_undecided(judge, REASON_ENDS_TOO_EARLY, walk->t_ns,
                                             "goes on until the last lookup is answered"));
        else
            say_fault(&chain, finding);
    } else if (finding == FINDING_PASS &&
               (walk->outcome == RESOLUTION_RESOLVED || walk->outcome == RESOLUTION_NEGATIVE)) {
        struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, walk->t_ns);
        if (judge->details)
            describe(&chain, occurrence);
    } else if (walk->outcome == RESOLUTION_CUT) {
        describe(&chain, judge_undecided(judge, REASON_ENDS_TOO_EARLY, walk->t_ns,
                                         "goes on until the last lookup is answered"));
    }
}

/* The walks of the account. A phone that goes astray in the middle of one is tied to what it found
 * instead: those for the configured host are its all the same. */
static size_t walks_of(const struct judge *judge, bool configured,
                       struct resolution *const **walks) {
    const struct account *account = judge->account;
    const struct phone *phone = judge->phone;

    *walks = account->resolutions;
    for (size_t i = 0; configured && i < account->resolution_count; i++)
        if (server_entry_of(judge->expect, account->resolutions[i]->host))
            return account->resolution_count;
    if (!configured || phone->account_count != 1)
        return account->resolution_count;
    *walks = phone->resolutions;
    return phone->resolution_count;
}

static void check(struct judge *judge) {
    const struct standing *standing = standing_of(judge);
    bool configured = server_entries_given(judge->expect);
    struct resolution *const *walks;
    size_t n = walks_of(judge, configured, &walks), from = 0;

    for (size_t i = 0; i < n; i++) {
        const struct resolution *walk = walks[i];
        const struct server_expectation *entry = server_entry_of(judge->expect, walk->host);
        struct ip_addr ip;
        if ((!configured || entry) && !ip_parse(slice_of_text(walk->host), &ip))
            judge_walk(judge, standing, walk, entry, &from);
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.1"},
    {BASIS_RFC, "RFC 3263", "4.2"},
    {BASIS_RFC, "RFC 2782", "Usage rules"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Server Domain Name Resolution"},
    {BASIS_VENDOR, GUIDE_YEALINK_T2XP, "DNS-SRV Process"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS-SRV Lookup"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS NAPTR/SRV Lookup"},
};

const struct rule rule_dns_chain = {
    .id = "dns.chain",
    .title = "The lookups are the ones that mode, port and transport call for",
    .checks =
        "Each walk through the lookups of a configured host: NAPTR, SRV and addresses in this "
        "order, each name taken from the answer before; nothing skipped unless a cached record "
        "serves; an empty or negative answer leads to the next step, an empty NAPTR flag to "
        "another NAPTR lookup. With a port only addresses are asked, with a transport SRV comes "
        "first. Where `servers` does not say how the host is configured, a chain once begun must "
        "be carried on rightly. More lookups than needed conform, and so do addresses that are "
        "asked only when their turn comes.",
    .matters =
        "A phone that skips SRV does not know the backup, and one that guesses names goes where "
        "nobody planned.",
    .steered_by = "dns.mode, dns.transports, dns.srv_without_naptr, dns.additional, dns.families, "
                  "dns.static, dns.known, servers, outbound_proxies",
    .passes =
        "NAPTR example.com leads to _sip._udp.example.com; its SRV answer lists sip1 and sip2; A "
        "of sip1 is asked before the REGISTER, A of sip2 when sip1 fails.",
    .fails =
        "NAPTR leads to _sip._tcp.example.com, and A example.com is asked; or the SRV answer lists "
        "sip1 before sip2, and only sip2 is looked up.",
    .departures =
        "RFC 3263 4.1 asks SRV for every supported transport where there is no NAPTR record. "
        "Yealink asks for UDP alone unless naptr_build is 1 (dns.srv_without_naptr). Its T2xP "
        "looks up every NAPTR record's targets before the first REGISTER, which is more than "
        "needed and conforms.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes the DNS traffic before the first REGISTER",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
    .shown_by_lookups = true,
};
