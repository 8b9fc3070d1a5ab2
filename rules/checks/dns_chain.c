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
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/naptr_services.h"
#include "rules/server_view.h"
#include "rules/standing.h"

/* After this a phone that asked nothing more and sent nothing has stopped. */
#define CARRY_ON_NS ((int64_t)5 * 1000000000)
/* A question answered this long before another is not part of what follows. */
#define TOGETHER_NS ((int64_t)2 * 1000000000)

enum finding {
    FINDING_NONE, /* right so far, but where it leads to was not answered: no occurrence */
    FINDING_PASS,
    FINDING_FAIL,
    FINDING_STOPPED, /* a step is due, and nothing more came: a fault unless the capture ends */
};

/* One walk under judgement. */
struct chain {
    struct judge *judge;
    const struct standing *standing;
    const struct resolution *walk;
    const struct server_expectation *entry;
    const struct request *request; /* the first that rests on it; NULL: none */
    const struct server_list *list;
    int64_t t_ns; /* what was known by then */
    enum rank_start start;
    bool goes_on;                    /* for a request in progress, or the server in use */
    const char *due_type, *due_name; /* what should have been asked */
    const char *instead;             /* the rest of that sentence; NULL: nothing was */
    const char *sentence;            /* of what was wrong, where nothing was due */
};

static bool applies(const struct judge *judge) {
    return judge->view->matched && server_view_asks(judge, RANK_ADDRESS);
}

/* ---- what was asked ---- */

static const struct query *first_query(const struct resolution *walk, uint16_t type,
                                       const char *name) {
    for (size_t i = 0; i < walk->query_count; i++)
        if (walk->queries[i]->type == type && (!name || strcmp(walk->queries[i]->name, name) == 0))
            return walk->queries[i];
    return NULL;
}

static const struct query *first_address_query(const struct resolution *walk, const char *name) {
    const struct query *a = first_query(walk, DNS_A, name);
    const struct query *aaaa = first_query(walk, DNS_AAAA, name);

    return !a || (aaaa && aaaa->t_ns < a->t_ns) ? aaaa : a;
}

static enum lookup_state address_state(const struct chain *chain, const char *name) {
    const struct dns_expectations *dns = &chain->judge->expect->dns;
    enum lookup_state a = LOOKUP_UNKNOWN, aaaa = LOOKUP_UNKNOWN;
    struct ip_addr ip;

    if (ip_parse(slice_of_text(name), &ip))
        return LOOKUP_POSITIVE;
    if (dns->family_a)
        a = lookup_state(chain->judge->records, name, DNS_A, chain->t_ns, NULL);
    if (dns->family_aaaa)
        aaaa = lookup_state(chain->judge->records, name, DNS_AAAA, chain->t_ns, NULL);
    return a > aaaa ? a : aaaa;
}

/* A record of dns.static that comes after the server's (prefer false): it serves once those were
 * asked for in vain. */
static bool held_back(const struct judge *judge, enum lookup_state state,
                      const struct lookup_answer *answer) {
    const struct dns_expectations *dns = &judge->expect->dns;

    return state == LOOKUP_POSITIVE && answer->got_ns == INT64_MIN && !dns->static_prefer &&
           !dns->known_records.n;
}

/* The state of a step. An answer from before the walk serves as long as its records live; the list
 * that a request in progress began with serves it to its end, and that of the server in use serves
 * while only its address is renewed (contract section 6). */
static enum lookup_state step_state(const struct chain *chain, const char *name, uint16_t type,
                                    struct lookup_answer *answer) {
    struct judge *judge = chain->judge;
    enum lookup_state state = lookup_state(judge->records, name, type, chain->t_ns, answer);
    uint32_t ttl_s = UINT32_MAX;

    if (held_back(judge, state, answer) &&
        record_index_asked(judge->records, name, type) > chain->t_ns)
        return LOOKUP_UNKNOWN;
    if (state != LOOKUP_POSITIVE || answer->got_ns >= chain->walk->t_ns ||
        answer->got_ns == INT64_MIN || chain->goes_on)
        return state;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i]->ttl_s < ttl_s)
            ttl_s = answer->records[i]->ttl_s;
    int64_t life_ns = (int64_t)ttl_s * 1000000000;
    life_ns += expectations_tolerance_ns(judge->expect, life_ns);
    if (answer->got_ns + life_ns >= chain->walk->t_ns)
        return LOOKUP_POSITIVE;
    return first_query(chain->walk, type, name) ? LOOKUP_FAILED : LOOKUP_UNKNOWN;
}

static enum finding due(struct chain *chain, const char *type, const char *name,
                        const char *instead) {
    chain->due_type = type;
    chain->due_name = name;
    chain->instead = instead;
    return instead ? FINDING_FAIL : FINDING_STOPPED;
}

/* Something was asked or used that should not have been. */
static enum finding misused(struct chain *chain, const char *sentence) {
    chain->sentence = sentence;
    return FINDING_FAIL;
}

/* What the phone did in place of a step that is due; NULL: nothing. */
static const char *sent_instead(const struct chain *chain) {
    return chain->request ? "before the request was sent" : NULL;
}

/* ---- the steps, last one first ---- */

static enum finding check_host_addresses(struct chain *chain) {
    const char *host = chain->walk->host;

    switch (address_state(chain, host)) {
    case LOOKUP_UNKNOWN:
        return due(chain, chain->judge->expect->dns.family_a ? "A" : "AAAA", host,
                   sent_instead(chain));
    case LOOKUP_FAILED:
        return FINDING_NONE;
    case LOOKUP_EMPTY:
    case LOOKUP_POSITIVE:
        break;
    }
    return FINDING_PASS;
}

/* Did the request go to an address of the host itself? */
static bool uses_host_address(const struct chain *chain) {
    static const uint16_t types[] = {DNS_A, DNS_AAAA};
    struct lookup_answer answer;

    if (!chain->request || !chain->request->attempt_count)
        return false;
    const struct ip_addr *used = &chain->request->attempts[0].server.ip;
    for (size_t t = 0; t < 2; t++) {
        if (lookup_state(chain->judge->records, chain->walk->host, types[t], chain->t_ns,
                         &answer) != LOOKUP_POSITIVE)
            continue;
        for (size_t i = 0; i < answer.count; i++)
            if (ip_eq(&answer.records[i]->address, used))
                return true;
    }
    return false;
}

/* The targets of an SRV answer: an address of the best priority must be known, or have been asked.
 */
static enum finding check_targets(struct chain *chain, const struct lookup_answer *answer) {
    const struct fact_record *best = NULL;
    bool other_asked = false;

    for (size_t i = 0; i < answer->count; i++) {
        const struct fact_record *record = answer->records[i];
        if (strcmp(record->target, ".") != 0 && (!best || record->priority < best->priority))
            best = record;
    }
    if (!best) /* "decidedly not available": nothing is due, and nothing may be sent */
        return uses_host_address(chain)
                   ? misused(chain,
                             "the host's own address was used, though its SRV answer says that "
                             "there is no such service")
                   : FINDING_PASS;
    if (uses_host_address(chain) && chain->list &&
        !server_list_find_near(chain->list, &chain->request->attempts[0].server))
        return misused(chain,
                       arena_printf(chain->judge->arena,
                                    "%s went to the host's own address, though the SRV answer "
                                    "lists %s",
                                    chain->request->method_text, best->target));
    for (size_t i = 0; i < answer->count; i++) {
        const struct fact_record *record = answer->records[i];
        bool asked = strcmp(record->target, ".") != 0 &&
                     address_state(chain, record->target) != LOOKUP_UNKNOWN;
        if (asked && record->priority == best->priority)
            return FINDING_PASS;
        other_asked = other_asked || asked;
    }
    return due(chain, chain->judge->expect->dns.family_a ? "A" : "AAAA", best->target,
               other_asked ? "but a target of worse priority was" : sent_instead(chain));
}

/* SRV of the host's own names: where NAPTR gave nothing, or the chain begins there. */
static enum finding check_host_srv(struct chain *chain) {
    const struct dns_expectations *dns = &chain->judge->expect->dns;
    const bool *wanted = chain->start == RANK_NAPTR ? dns->srv_without_naptr : dns->transports;
    struct intern *names = record_index_names(chain->judge->records);
    const char *first_wanted = NULL, *skipped = NULL;
    bool failed = false, begun = false;
    struct lookup_answer answer;

    for (int t = 0; t < TRANSPORT_COUNT; t++) {
        enum transport configured;
        bool fixed = chain->entry && server_view_transport(chain->entry->transport, &configured);
        const char *name = rank_srv_name(names, (enum transport)t, chain->walk->host);
        if (fixed ? configured != (enum transport)t : !wanted[t] || !dns->transports[t])
            continue;
        if (!first_wanted)
            first_wanted = name;
        switch (step_state(chain, name, DNS_SRV, &answer)) {
        case LOOKUP_POSITIVE:
            return check_targets(chain, &answer);
        case LOOKUP_FAILED:
            failed = begun = true;
            break;
        case LOOKUP_EMPTY:
            begun = true;
            break;
        case LOOKUP_UNKNOWN:
            skipped = skipped ? skipped : name;
            break;
        }
    }
    if (failed)
        return FINDING_NONE;
    /* What a phone supports is known where its configuration is. */
    if (begun && skipped && chain->entry)
        return due(chain, "SRV", skipped,
                   first_address_query(chain->walk, chain->walk->host)
                       ? "before the host's addresses were"
                       : sent_instead(chain));
    if (begun || !first_wanted)
        return check_host_addresses(chain);
    if (first_query(chain->walk, DNS_SRV, NULL))
        return due(chain, "SRV", first_wanted, "but SRV of another name was");
    return due(chain, "SRV", first_wanted,
               first_address_query(chain->walk, chain->walk->host)
                   ? "before the host's addresses were"
                   : sent_instead(chain));
}

static enum finding check_service(struct chain *chain, const struct naptr_service *service,
                                  bool *begun) {
    struct lookup_answer answer;

    if (service->terminal_a) {
        enum lookup_state state = address_state(chain, service->target);
        *begun = state != LOOKUP_UNKNOWN;
        return state == LOOKUP_POSITIVE ? FINDING_PASS : FINDING_NONE;
    }
    enum lookup_state state = step_state(chain, service->target, DNS_SRV, &answer);
    *begun = state != LOOKUP_UNKNOWN;
    return state == LOOKUP_POSITIVE ? check_targets(chain, &answer) : FINDING_NONE;
}

static enum finding check_services(struct chain *chain) {
    struct naptr_services services;
    const char *instead = NULL;
    bool any = false;

    naptr_services(chain->judge->records, chain->walk->host, chain->t_ns,
                   chain->judge->view->supported, &services);
    for (size_t i = 0; i < services.n; i++) {
        bool begun;
        enum finding finding = check_service(chain, &services.items[i], &begun);
        if (finding != FINDING_NONE)
            return finding;
        any = any || begun;
    }
    if (any)
        return FINDING_NONE; /* the services that were tried lead nowhere, or were not answered */
    if (first_query(chain->walk, DNS_SRV, NULL))
        instead = "but SRV of another name was";
    else if (first_address_query(chain->walk, chain->walk->host))
        instead = "but the host's addresses were";
    else
        instead = sent_instead(chain);
    if (services.n)
        return due(chain, services.items[0].terminal_a ? "A" : "SRV", services.items[0].target,
                   instead);
    if (services.unfollowed)
        return due(chain, "NAPTR", services.unfollowed, instead);
    return FINDING_NONE; /* no service that the phone supports */
}

static enum finding check_naptr(struct chain *chain) {
    struct lookup_answer answer;
    const struct resolution *walk = chain->walk;
    const char *instead;

    switch (step_state(chain, walk->host, DNS_NAPTR, &answer)) {
    case LOOKUP_POSITIVE:
        return check_services(chain);
    case LOOKUP_EMPTY:
        return check_host_srv(chain);
    case LOOKUP_FAILED:
        return FINDING_NONE;
    case LOOKUP_UNKNOWN:
        break;
    }
    instead = first_query(walk, DNS_SRV, NULL)        ? "before SRV was"
              : first_address_query(walk, walk->host) ? "before the host's addresses were"
                                                      : sent_instead(chain);
    return due(chain, "NAPTR", walk->host, instead);
}

/* ---- what should not have been asked, or not yet ---- */

/* A lookup of a step before the first one: NAPTR where the chain begins with SRV or with A. */
static enum finding check_uncalled(struct chain *chain) {
    const struct resolution *walk = chain->walk;

    if (chain->start != RANK_NAPTR && first_query(walk, DNS_NAPTR, NULL))
        return misused(chain, "NAPTR was asked, though port, transport or mode leave it out");
    if (chain->start == RANK_ADDRESS && first_query(walk, DNS_SRV, NULL))
        return misused(chain, "SRV was asked, though port or mode leave it out");
    return FINDING_PASS;
}

/* Was `late` asked only after `early`, a later step of the chain, had its answer? */
static bool is_reversed(const struct query *late, const struct query *early) {
    return late && early && early->answer_frame && early->answer_t_ns < late->t_ns &&
           late->t_ns - early->answer_t_ns < TOGETHER_NS;
}

static enum finding check_sequence(struct chain *chain) {
    const struct resolution *walk = chain->walk;
    const struct query *naptr = first_query(walk, DNS_NAPTR, walk->host);
    const struct query *srv = first_query(walk, DNS_SRV, NULL);
    const struct query *address = first_address_query(walk, walk->host);

    if (is_reversed(naptr, srv))
        return due(chain, "NAPTR", walk->host, "before SRV was");
    if (is_reversed(naptr, address))
        return due(chain, "NAPTR", walk->host, "before the host's addresses were");
    if (is_reversed(srv, address))
        return due(chain, "SRV", srv->name, "before the host's addresses were");
    return FINDING_PASS;
}

/* dns.additional `use`: an address that came along with the SRV answer needs no lookup. */
static enum finding check_additional(struct chain *chain) {
    const struct resolution *walk = chain->walk;

    if (chain->judge->expect->dns.additional != DNS_ADDITIONAL_USE)
        return FINDING_PASS;
    for (size_t i = 0; i < walk->query_count; i++) {
        const struct query *srv = walk->queries[i];
        for (size_t r = 0; r < srv->record_count; r++) {
            const struct fact_record *record = &srv->records[r];
            const struct query *asked;
            if (record->section != DNS_ADDITIONAL)
                continue;
            asked = first_query(walk, record->type, record->name);
            if (asked && asked->t_ns >= srv->answer_t_ns)
                return misused(
                    chain, arena_printf(chain->judge->arena,
                                        "%s was asked, though its address stood in the additional "
                                        "section",
                                        record->name));
        }
    }
    return FINDING_PASS;
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
    enum finding finding = check_uncalled(chain);

    if (finding == FINDING_PASS)
        finding = check_sequence(chain);
    if (finding == FINDING_PASS)
        finding = check_additional(chain);
    if (finding != FINDING_PASS || is_renewal(chain->walk))
        return finding;
    switch (chain->start) {
    case RANK_NAPTR:
        return check_naptr(chain);
    case RANK_SRV:
        return check_host_srv(chain);
    case RANK_ADDRESS:
        break;
    }
    return check_host_addresses(chain);
}

/* ---- judging ---- */

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
    if (first_query(walk, DNS_NAPTR, NULL))
        return RANK_NAPTR;
    return first_query(walk, DNS_SRV, NULL) ? RANK_SRV : RANK_ADDRESS;
}

/* A name of which only addresses were asked, that is neither configured nor the account's domain,
 * may be a target of an SRV answer that the capture does not show. */
static bool may_be_target(const struct chain *chain) {
    const char *aor = chain->judge->account->aor;
    struct sip_uri uri;

    if (chain->entry || observed_start(chain->walk) != RANK_ADDRESS)
        return false;
    return !aor || !sip_uri_parse(slice_of_text(aor), &uri) ||
           !slice_eq_nocase(uri.host, slice_of_text(chain->walk->host));
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
                      : server_view_start(judge->expect, entry);
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
        if (server_view_entry(judge->expect, account->resolutions[i]->host))
            return account->resolution_count;
    if (!configured || phone->account_count != 1)
        return account->resolution_count;
    *walks = phone->resolutions;
    return phone->resolution_count;
}

static void check(struct judge *judge) {
    const struct standing *standing = standing_of(judge);
    bool configured = server_view_has_entries(judge->expect);
    struct resolution *const *walks;
    size_t n = walks_of(judge, configured, &walks), from = 0;

    for (size_t i = 0; i < n; i++) {
        const struct resolution *walk = walks[i];
        const struct server_expectation *entry = server_view_entry(judge->expect, walk->host);
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
