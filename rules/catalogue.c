/* The list of the rules, in the contract's order (section 5). A new rule is a file in checks/, a
 * declaration in checks/checks.h and a line here. */
#include <string.h>

#include "rules/checks/checks.h"

static const struct rule *const RULES[] = {
    &rule_dns_chain,
    &rule_dns_naptr,
    &rule_dns_ttl,
    &rule_dns_resilience,
    &rule_order_priority,
    &rule_order_weight,
    &rule_order_transport,
    &rule_retry_register,
    &rule_retry_invite,
    &rule_retry_bye,
    &rule_retry_other,
    &rule_retry_intervals,
    &rule_failover_trigger,
    &rule_failover_completes,
    &rule_failover_retry_after,
    &rule_failover_binding,
    &rule_failover_time,
    &rule_failover_register_first,
    &rule_failover_only_registered,
    &rule_failover_resubscribe,
    &rule_failback_mode,
    &rule_failback_idle,
    &rule_failback_flapping,
    &rule_fallback_registration,
    &rule_fallback_probe,
    &rule_register_challenge,
    &rule_register_refresh,
    &rule_zone_records,
    &rule_zone_targets,
};

enum { RULE_COUNT = sizeof RULES / sizeof RULES[0] };

const struct rule *const *catalogue(size_t *count) {
    *count = RULE_COUNT;
    return RULES;
}

const struct rule *catalogue_find(const char *id) {
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(RULES[i]->id, id) == 0)
            return RULES[i];
    return NULL;
}

bool rule_matches(const struct rule *rule, const char *pattern) {
    size_t len = strlen(pattern);

    if (len && pattern[len - 1] == '*')
        return strncmp(rule->id, pattern, len - 1) == 0;
    return strcmp(rule->id, pattern) == 0;
}

bool catalogue_has_match(const char *pattern) {
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rule_matches(RULES[i], pattern))
            return true;
    return false;
}
