/* On what a judgement rests: the standard as the rule names it, or before that the vendor's guide
 * or the user's own file where they ask for something else (contract section 3, sources[].basis).
 */
#ifndef RULES_BASIS_H
#define RULES_BASIS_H

#include "rules/rule.h"

struct basis_table;

/* The guides of the built-in profiles, as sources name them. */
#define GUIDE_YEALINK "Server Redundancy on Yealink IP Phones"
#define GUIDE_YEALINK_T2XP "Using DNS SRV Feature on Yealink SIP-T2XP Phones"
#define GUIDE_GRANDSTREAM "Grandstream GRP26xx DNS SRV Guide"
#define GUIDE_GENESYS "Genesys SIP Cluster Solution Guide"

/* Compare the expectations with rfc3263 and with the built-in profiles that they were made from.
 * All is worked out here, for every rule of the catalogue; it lives in the arena. */
struct basis_table *basis_new(const struct expectations *expect, struct arena *arena);

/* The sources of a result of this rule: first what its expectations rest on where they depart from
 * the standard, then the rule's own, without the guides of other vendors than the profile's; of a
 * rule that is not in the catalogue, or where basis is NULL, the rule's own. */
const struct source *basis_sources(const struct basis_table *basis, const struct rule *rule,
                                   size_t *count);

#endif
