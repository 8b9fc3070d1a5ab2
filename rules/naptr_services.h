/* What a phone could read from the DNS at a moment: the state of a lookup, and the services that a
 * host's NAPTR answers offer (RFC 3263 4.1, RFC 3403 4.1). */
#ifndef RULES_NAPTR_SERVICES_H
#define RULES_NAPTR_SERVICES_H

#include "rules/record_index.h"

enum lookup_state {
    LOOKUP_UNKNOWN, /* neither asked nor held */
    LOOKUP_FAILED,  /* asked, without an answer that says something */
    LOOKUP_EMPTY,   /* no such name, or no such record */
    LOOKUP_POSITIVE,
};

/* The state by t_ns; *answer, where not NULL, is written where LOOKUP_POSITIVE. */
enum lookup_state lookup_state(struct record_index *index, const char *name, uint16_t type,
                               int64_t t_ns, struct lookup_answer *answer);
/* The better one of A and AAAA. */
enum lookup_state lookup_addresses(struct record_index *index, const char *name, int64_t t_ns);

enum { NAPTR_SERVICES_MAX = 32 };

struct naptr_service {
    enum transport transport;
    bool terminal_a; /* flag "a": the target's addresses; else flag "s": its SRV records */
    const char *target;
    uint16_t order, preference;
};

struct naptr_services {
    struct naptr_service items[NAPTR_SERVICES_MAX]; /* supported ones, best first */
    size_t n;
    size_t passed_over;     /* services that are not supported, or not SIP's */
    const char *unfollowed; /* an empty flag's replacement that was not asked by NAPTR; or NULL */
};

/* Of the NAPTR answer of a host, with those that empty flags lead to. */
void naptr_services(struct record_index *index, const char *host, int64_t t_ns,
                    const bool supported[TRANSPORT_COUNT], struct naptr_services *services);

/* Do two services stand in no order? */
bool naptr_service_equal(const struct naptr_service *a, const struct naptr_service *b);

#endif
