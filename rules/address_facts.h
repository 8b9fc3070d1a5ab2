/* When a phone was told an address, and for how long it may use it: every A and AAAA record that it
 * got, by address, name and time. */
#ifndef RULES_ADDRESS_FACTS_H
#define RULES_ADDRESS_FACTS_H

#include "rules/rule.h"

/* One answer with addresses. */
struct address_lookup {
    const struct resolution *walk;
    const struct query *query;
    bool spent; /* dns.cache none: a request was sent by it */
};

struct address_fact {
    struct ip_addr ip;
    const char *name; /* whose address it is */
    int64_t got_ns;
    int64_t until_ns; /* its TTL ends, with tolerance */
    uint32_t ttl_s;
    bool own; /* a lookup of the account's own host */
    struct address_lookup *lookup;
    size_t longest; /* of the same address and name, up to here: the one that lives longest */
};

struct address_facts {
    struct address_fact *items; /* by address, then own, then name, then time */
    size_t n;
    bool alone; /* the phone has one account: what else it asks can only be for that one */
};

struct address_facts address_facts(const struct judge *judge);

/* What the phone knew of an address at t_ns: of its own host, or by the name that its list says; of
 * a phone with one account, failing that, by any name. */
struct address_knowledge {
    const struct address_fact *newest;  /* NULL: it had not been told, by then */
    const struct address_fact *longest; /* the one that lives longest; NULL together with newest */
    bool later;                         /* it was told afterwards */
};

struct address_knowledge address_facts_find(const struct address_facts *facts,
                                            const struct ip_addr *ip,
                                            const struct server_list *list, int64_t t_ns);

/* Was the walk of this fact still under way, or just done, at t_ns? What it brought then serves the
 * request that it was made for, however short its TTL (RFC 1035 3.2.1: a TTL of 0 serves the
 * transaction in progress). `patience`: after its last packet; `waiting`: where a question of the
 * walk is still open. */
bool address_fact_fresh(const struct address_fact *fact, int64_t t_ns, int64_t patience_ns,
                        int64_t waiting_ns);

/* For dns.cache none: the oldest answer with this address that no request was sent by yet and that
 * is fresh; it is spent from now on. NULL: none. */
const struct address_fact *address_facts_spend(const struct address_facts *facts,
                                               const struct ip_addr *ip,
                                               const struct server_list *list, int64_t t_ns,
                                               int64_t patience_ns, int64_t waiting_ns);

#endif
