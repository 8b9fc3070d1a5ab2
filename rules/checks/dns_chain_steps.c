/* dns.chain: the steps, each of which calls for the next one (see dns_chain.c). */
#include <string.h>

#include "rules/checks/dns_chain.h"
#include "rules/naptr_services.h"
#include "rules/record_index.h"
#include "rules/server_entries.h"

/* ---- what was asked ---- */

const struct query *chain_first_query(const struct resolution *walk, uint16_t type,
                                      const char *name) {
    for (size_t i = 0; i < walk->query_count; i++)
        if (walk->queries[i]->type == type && (!name || strcmp(walk->queries[i]->name, name) == 0))
            return walk->queries[i];
    return NULL;
}

const struct query *chain_first_address_query(const struct resolution *walk, const char *name) {
    const struct query *a = chain_first_query(walk, DNS_A, name);
    const struct query *aaaa = chain_first_query(walk, DNS_AAAA, name);

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
    return chain_first_query(chain->walk, type, name) ? LOOKUP_FAILED : LOOKUP_UNKNOWN;
}

enum finding chain_due(struct chain *chain, const char *type, const char *name,
                       const char *instead) {
    chain->due_type = type;
    chain->due_name = name;
    chain->instead = instead;
    return instead ? FINDING_FAIL : FINDING_STOPPED;
}

enum finding chain_misused(struct chain *chain, const char *sentence) {
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
        return chain_due(chain, chain->judge->expect->dns.family_a ? "A" : "AAAA", host,
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
                   ? chain_misused(
                         chain, "the host's own address was used, though its SRV answer says that "
                                "there is no such service")
                   : FINDING_PASS;
    if (uses_host_address(chain) && chain->list &&
        !server_list_find_near(chain->list, &chain->request->attempts[0].server))
        return chain_misused(
            chain, arena_printf(chain->judge->arena,
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
    return chain_due(chain, chain->judge->expect->dns.family_a ? "A" : "AAAA", best->target,
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
        bool fixed = chain->entry && server_entry_transport(chain->entry->transport, &configured);
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
        return chain_due(chain, "SRV", skipped,
                         chain_first_address_query(chain->walk, chain->walk->host)
                             ? "before the host's addresses were"
                             : sent_instead(chain));
    if (begun || !first_wanted)
        return check_host_addresses(chain);
    if (chain_first_query(chain->walk, DNS_SRV, NULL))
        return chain_due(chain, "SRV", first_wanted, "but SRV of another name was");
    return chain_due(chain, "SRV", first_wanted,
                     chain_first_address_query(chain->walk, chain->walk->host)
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
    if (chain_first_query(chain->walk, DNS_SRV, NULL))
        instead = "but SRV of another name was";
    else if (chain_first_address_query(chain->walk, chain->walk->host))
        instead = "but the host's addresses were";
    else
        instead = sent_instead(chain);
    if (services.n)
        return chain_due(chain, services.items[0].terminal_a ? "A" : "SRV",
                         services.items[0].target, instead);
    if (services.unfollowed)
        return chain_due(chain, "NAPTR", services.unfollowed, instead);
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
    instead = chain_first_query(walk, DNS_SRV, NULL)        ? "before SRV was"
              : chain_first_address_query(walk, walk->host) ? "before the host's addresses were"
                                                            : sent_instead(chain);
    return chain_due(chain, "NAPTR", walk->host, instead);
}

enum finding chain_check_steps(struct chain *chain) {
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
