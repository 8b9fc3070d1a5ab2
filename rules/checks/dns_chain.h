/* What the parts of dns.chain share: one walk under judgement, and what was found of it. */
#ifndef RULES_CHECKS_DNS_CHAIN_H
#define RULES_CHECKS_DNS_CHAIN_H

#include "phone/rank.h"
#include "rules/rule.h"
#include "rules/standing.h"

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

/* dns_chain_order.c: is nothing asked that the configuration or the answers leave out, and nothing
 * before its turn? */
enum finding chain_check_order(struct chain *chain);

/* dns_chain_steps.c: was every step asked that the ones before it call for? */
enum finding chain_check_steps(struct chain *chain);

/* This step should have been asked. instead: what the phone did in its place; NULL: nothing. */
enum finding chain_due(struct chain *chain, const char *type, const char *name,
                       const char *instead);
/* Something was asked or used that should not have been. */
enum finding chain_misused(struct chain *chain, const char *sentence);

/* The walk's first lookup of a type, and of a name (NULL: of any); NULL: none. */
const struct query *chain_first_query(const struct resolution *walk, uint16_t type,
                                      const char *name);
/* The same of addresses, of either family. */
const struct query *chain_first_address_query(const struct resolution *walk, const char *name);

#endif
