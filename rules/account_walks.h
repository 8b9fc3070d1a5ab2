/* The walks through the DNS that serve an account's own host: what the rules about lookups look at.
 */
#ifndef RULES_ACCOUNT_WALKS_H
#define RULES_ACCOUNT_WALKS_H

#include "rules/loss_index.h"
#include "rules/rule.h"

/* Names that the account resolves: few, its host and domains that it calls. */
struct account_hosts {
    const char *names[16];
    size_t n;
    const struct expectations *configured; /* `servers` or `outbound_proxies` say them; else NULL */
};

struct account_hosts account_hosts(const struct judge *judge);

/* Is it one of them? A numeric host is none. */
bool account_hosts_own(const struct account_hosts *hosts, const char *host);

struct resolution_list {
    struct resolution *const *items; /* in order of time */
    size_t n;
};

/* Every walk that may be of use to the account, those of other accounts' hosts that lead to the
 * same addresses too. */
struct resolution_list account_walks_near(const struct judge *judge);

/* Those of its own hosts. */
struct resolution_list account_walks(const struct judge *judge);

/* The phone's signs of loss that could hide a whole lookup. An answer without its question is none:
 * it shows that single packets are missing, and a lookup that was answered leaves one of two. Ask
 * it for the resolver; in the judge's arena. */
const struct loss_index *account_lookup_losses(const struct judge *judge);

#endif
