/* Addresses as the phone got them:
 *
 *     192.0.2.1  sip1.example.com  t=0.2 TTL 30   t=41 TTL 30   …        a group, in order of time
 *     192.0.2.1  pbx.example.net   t=0.7 TTL 3600                        another, of another
 * account 192.0.2.2  sip2.example.com  t=0.3 TTL 30
 *
 * A question is a binary search for the address, then one in each group that counts. */
#include "rules/address_facts.h"

#include <stdlib.h>
#include <string.h>

#include "rules/account_walks.h"

/* One address has few names; a walk has few questions. More than these are not looked at. */
enum { GROUPS_SEEN = 64, QUESTIONS_SEEN = 64, FACTS_SEEN = 64 };

static int compare(const void *a, const void *b) {
    const struct address_fact *x = a, *y = b;
    int order = ip_compare(&x->ip, &y->ip);

    if (!order && x->own != y->own)
        order = x->own ? -1 : 1;
    if (!order && x->name != y->name)
        order = strcmp(x->name, y->name);
    if (!order)
        order = (x->got_ns > y->got_ns) - (x->got_ns < y->got_ns);
    return order;
}

static bool is_group(const struct address_fact *a, const struct address_fact *b) {
    return ip_eq(&a->ip, &b->ip) && a->own == b->own &&
           (a->name == b->name || strcmp(a->name, b->name) == 0);
}

/* Does this record say an address that the phone may use? */
static bool is_usable(const struct judge *judge, const struct query *query,
                      const struct fact_record *record) {
    if (record->type != DNS_A && record->type != DNS_AAAA)
        return false;
    if (record->section == DNS_ANSWER)
        return record->type == query->type;
    return record->section == DNS_ADDITIONAL &&
           judge->expect->dns.additional != DNS_ADDITIONAL_IGNORE;
}

static bool is_answered(const struct query *query) {
    return query->answer_frame && query->rcode == 0 && query->record_count;
}

static size_t count_records(const struct resolution_list *walks) {
    size_t n = 0;

    for (size_t i = 0; i < walks->n; i++)
        for (size_t q = 0; q < walks->items[i]->query_count; q++)
            n += walks->items[i]->queries[q]->record_count;
    return n;
}

static void add_query(const struct judge *judge, struct address_facts *facts,
                      const struct resolution *walk, const struct query *query, bool own) {
    struct address_lookup *lookup = NULL;

    for (size_t i = 0; i < query->record_count; i++) {
        const struct fact_record *record = &query->records[i];
        /* RFC 2181 8: one with the highest bit set is 0. */
        uint32_t ttl_s = record->ttl_s > INT32_MAX ? 0 : record->ttl_s;
        int64_t life_ns = (int64_t)ttl_s * 1000000000;
        if (!is_usable(judge, query, record))
            continue;
        if (!lookup) {
            lookup = arena_new(judge->arena, sizeof *lookup);
            *lookup = (struct address_lookup){.walk = walk, .query = query};
        }
        facts->items[facts->n++] = (struct address_fact){
            .ip = record->address,
            /* An alias's addresses are those of the name that was asked for. */
            .name = record->section == DNS_ANSWER ? query->name : record->name,
            .got_ns = query->answer_t_ns,
            .until_ns =
                query->answer_t_ns + life_ns + expectations_tolerance_ns(judge->expect, life_ns),
            .ttl_s = ttl_s,
            .own = own,
            .lookup = lookup,
        };
    }
}

struct address_facts address_facts(const struct judge *judge) {
    struct resolution_list walks = account_walks_near(judge);
    struct account_hosts hosts = account_hosts(judge);
    struct address_facts facts = {.alone = judge->phone->account_count == 1};

    facts.items = ARENA_ARRAY(judge->arena, struct address_fact, count_records(&walks) + 1);
    for (size_t i = 0; i < walks.n; i++) {
        const struct resolution *walk = walks.items[i];
        bool own = account_hosts_own(&hosts, walk->host);
        for (size_t q = 0; q < walk->query_count; q++)
            if (is_answered(walk->queries[q]))
                add_query(judge, &facts, walk, walk->queries[q], own);
    }
    array_sort(facts.items, facts.n, sizeof *facts.items, compare);
    for (size_t i = 0; i < facts.n; i++) {
        facts.items[i].longest = i;
        if (i && is_group(&facts.items[i - 1], &facts.items[i]) &&
            facts.items[facts.items[i - 1].longest].until_ns > facts.items[i].until_ns)
            facts.items[i].longest = facts.items[i - 1].longest;
    }
    return facts;
}

/* ---- looking up ---- */

/* The first fact that is not before this address. */
static size_t first_of(const struct address_facts *facts, const struct ip_addr *ip) {
    size_t low = 0, high = facts->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ip_compare(&facts->items[middle].ip, ip) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The end of the group that begins at `first`: the first index behind it. */
static size_t end_of(const struct address_facts *facts, size_t first) {
    size_t low = first + 1, step = 1, high;

    while (low + step < facts->n && is_group(&facts->items[first], &facts->items[low + step])) {
        low += step;
        step *= 2;
    }
    high = low + step < facts->n ? low + step : facts->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_group(&facts->items[first], &facts->items[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first index in [first, end) that was got after t_ns. */
static size_t after(const struct address_facts *facts, size_t first, size_t end, int64_t t_ns) {
    size_t low = first, high = end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (facts->items[middle].got_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A group counts that is the account's own, or whose name the list gives for the address (targets
 * that two hosts share are asked once for both). */
static bool counts(const struct address_fact *fact, const struct server_list *list) {
    if (fact->own)
        return true;
    for (size_t i = 0; list && i < list->count; i++)
        if (list->servers[i].target && ip_eq(&list->servers[i].server.ip, &fact->ip) &&
            strcmp(list->servers[i].target, fact->name) == 0)
            return true;
    return false;
}

static struct address_knowledge find(const struct address_facts *facts, const struct ip_addr *ip,
                                     const struct server_list *list, int64_t t_ns, bool any) {
    struct address_knowledge known = {.newest = NULL};
    size_t first = first_of(facts, ip), end;

    for (int g = 0; g < GROUPS_SEEN && first < facts->n && ip_eq(&facts->items[first].ip, ip);
         g++, first = end) {
        end = end_of(facts, first);
        if (!any && !counts(&facts->items[first], list))
            continue;
        size_t at = after(facts, first, end, t_ns);
        if (at < end)
            known.later = true;
        if (at == first)
            continue;
        const struct address_fact *newest = &facts->items[at - 1];
        const struct address_fact *longest = &facts->items[newest->longest];
        if (!known.newest || newest->got_ns > known.newest->got_ns)
            known.newest = newest;
        if (!known.longest || longest->until_ns > known.longest->until_ns)
            known.longest = longest;
    }
    return known;
}

struct address_knowledge address_facts_find(const struct address_facts *facts,
                                            const struct ip_addr *ip,
                                            const struct server_list *list, int64_t t_ns) {
    struct address_knowledge known = find(facts, ip, list, t_ns, false);

    if (!known.newest && !known.later && facts->alone)
        known = find(facts, ip, list, t_ns, true);
    return known;
}

bool address_fact_fresh(const struct address_fact *fact, int64_t t_ns, int64_t patience_ns,
                        int64_t waiting_ns) {
    const struct resolution *walk = fact->lookup->walk;
    int64_t last_ns = fact->got_ns;
    bool waiting = false;
    size_t low = 0, high = walk->query_count;

    while (low < high) { /* the first question after t_ns */
        size_t middle = low + (high - low) / 2;
        if (walk->queries[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low && seen < QUESTIONS_SEEN; seen++, low--) {
        const struct query *query = walk->queries[low - 1];
        bool answered = query->answer_frame && query->answer_t_ns <= t_ns;
        int64_t at_ns = answered ? query->answer_t_ns : query->t_ns;
        for (size_t s = query->send_count; s > 0 && !answered; s--)
            if (query->times_ns[s - 1] <= t_ns) {
                at_ns = query->times_ns[s - 1];
                break;
            }
        waiting = waiting || (!answered && t_ns - at_ns <= waiting_ns);
        if (at_ns > last_ns)
            last_ns = at_ns;
    }
    return t_ns - last_ns <= (waiting ? waiting_ns : patience_ns);
}

const struct address_fact *address_facts_spend(const struct address_facts *facts,
                                               const struct ip_addr *ip,
                                               const struct server_list *list, int64_t t_ns,
                                               int64_t patience_ns, int64_t waiting_ns) {
    const struct address_fact *found = NULL;
    size_t first = first_of(facts, ip), end;

    for (int g = 0; g < GROUPS_SEEN && first < facts->n && ip_eq(&facts->items[first].ip, ip);
         g++, first = end) {
        end = end_of(facts, first);
        if (!facts->alone && !counts(&facts->items[first], list))
            continue;
        size_t at = after(facts, first, end, t_ns);
        for (size_t seen = 0; at > first && seen < FACTS_SEEN; seen++, at--) {
            const struct address_fact *fact = &facts->items[at - 1];
            if (fact->lookup->spent || (found && found->got_ns <= fact->got_ns))
                continue;
            if (address_fact_fresh(fact, t_ns, patience_ns, waiting_ns))
                found = fact;
        }
    }
    if (found)
        found->lookup->spent = true;
    return found;
}
