/* The server list of one host as the phone could know it at a time: ranked from the answers that it
 * got by then, dns.static and dns.known.
 *
 * A list stays in force until a newer answer for one of its names comes: it is worked out once for
 * all requests in between. */
#ifndef RULES_DATED_LISTS_H
#define RULES_DATED_LISTS_H

#include "rules/record_index.h"
#include "rules/rule.h"

struct dated_list;

struct dated_lists {
    struct record_index *records;
    const struct expectations *expect;
    struct arena *arena;
    bool supported[TRANSPORT_COUNT]; /* by the phone */
    enum transport usual;            /* where neither records nor configuration say it */
    struct dated_list *items;        /* a ring */
    size_t count, next;
};

/* What stands before `items` is filled in. */
void dated_lists_init(struct dated_lists *lists, size_t entry_count);

/* The list of a host (and the entry that configures it; NULL: none) for a request: one that is
 * still in force, or a new one. Valid until the next call. */
const struct server_list *dated_lists_of(struct dated_lists *lists, const char *host,
                                         const struct server_expectation *entry,
                                         const struct request *request);

/* Did the phone ever ask for more than the host's addresses, so that no port can have been
 * configured? */
bool dated_lists_chain(const struct dated_lists *lists, const char *host);

#endif
