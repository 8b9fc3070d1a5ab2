/* What the expectations configure as servers: the entries of outbound_proxies[], else servers[],
 * and with which lookup a phone that is configured so begins. */
#ifndef RULES_SERVER_ENTRIES_H
#define RULES_SERVER_ENTRIES_H

#include "phone/rank.h"
#include "rules/rule.h"

/* The entries in force, *count of them: proxies before servers. */
const struct server_expectation *server_entries_of(const struct expectations *expect,
                                                   size_t *count);

/* Are there any at all? */
bool server_entries_given(const struct expectations *expect);

/* The one that configures this host; NULL: none. */
const struct server_expectation *server_entry_of(const struct expectations *expect,
                                                 const char *host);

/* The transport that `servers[].transport` fixes; false: none, NAPTR or SRV records give it. */
bool server_entry_transport(enum server_transport from, enum transport *transport);

/* With which lookup a host begins (contract section 4, dns.mode); entry NULL: as if neither port
 * nor transport were set. A numeric host has none, whatever this says. */
enum rank_start server_entry_start(const struct expectations *expect,
                                   const struct server_expectation *entry);

/* Does any host that the account may have begin with this lookup, or go on to it? False where all
 * are numeric, or dns.mode is configured. */
bool server_entries_ask(const struct judge *judge, enum rank_start start);

#endif
