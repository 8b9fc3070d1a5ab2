/* What rules/rule.h leaves out of the server lists: building them for many accounts of a phone, and
 * finding servers less strictly. */
#ifndef RULES_SERVER_VIEW_H
#define RULES_SERVER_VIEW_H

#include "rules/record_index.h"
#include "rules/rule.h"

/* server_view_build with an index of the phone's records that is made once for all its accounts. */
void server_view_build_with(struct server_view *view, struct record_index *records,
                            const struct story *story, const struct phone *phone,
                            const struct account *account, const struct expectations *expect,
                            struct arena *arena);

/* Does the account go to the servers or proxies that the expectations name (view.matched)? */
bool server_view_fits(struct record_index *records, const struct story *story,
                      const struct account *account, const struct expectations *expect,
                      struct arena *arena);

/* The entry of outbound_proxies[], else servers[], that configures this host; NULL: none. */
const struct server_expectation *server_view_entry(const struct expectations *expect,
                                                   const char *host);
/* Are there such entries at all? */
bool server_view_has_entries(const struct expectations *expect);

/* The transport that `servers[].transport` fixes; false: none, NAPTR or SRV records give it. */
bool server_view_transport(enum server_transport from, enum transport *transport);

/* With which lookup a host begins (contract section 4, dns.mode); entry NULL: as if neither port
 * nor transport were set. A numeric host has none, whatever this says. */
enum rank_start server_view_start(const struct expectations *expect,
                                  const struct server_expectation *entry);

/* Does any host that the account may have begin with this lookup, or go on to it? False where all
 * are numeric, or dns.mode is configured. */
bool server_view_asks(const struct judge *judge, enum rank_start start);

#endif
