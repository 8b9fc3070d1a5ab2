/* The rules, one `const struct rule` a file (retry_count.c holds four that differ in the method).
 */
#ifndef RULES_CHECKS_CHECKS_H
#define RULES_CHECKS_CHECKS_H

#include "rules/rule.h"

extern const struct rule rule_dns_chain, rule_dns_naptr, rule_dns_ttl, rule_dns_resilience;
extern const struct rule rule_order_priority, rule_order_weight, rule_order_transport;
extern const struct rule rule_retry_register, rule_retry_invite, rule_retry_bye, rule_retry_other;
extern const struct rule rule_retry_intervals;
extern const struct rule rule_failover_trigger, rule_failover_completes;
extern const struct rule rule_failover_retry_after, rule_failover_binding;
extern const struct rule rule_failover_time, rule_failover_register_first;
extern const struct rule rule_failover_only_registered, rule_failover_resubscribe;
extern const struct rule rule_failback_mode, rule_failback_idle, rule_failback_flapping;
extern const struct rule rule_fallback_registration, rule_fallback_probe;
extern const struct rule rule_register_challenge, rule_register_refresh;
extern const struct rule rule_zone_records, rule_zone_targets;

#endif
