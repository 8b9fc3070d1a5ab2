/* The rules, one `const struct rule` a file (retry_count.c holds four that differ in the method).
 */
#ifndef RULES_CHECKS_CHECKS_H
#define RULES_CHECKS_CHECKS_H

#include "rules/rule.h"

extern const struct rule rule_dns_chain, rule_dns_naptr;
extern const struct rule rule_order_priority, rule_order_weight, rule_order_transport;
extern const struct rule rule_retry_register, rule_retry_invite, rule_retry_bye, rule_retry_other;
extern const struct rule rule_retry_intervals;
extern const struct rule rule_failover_trigger, rule_failover_completes;
extern const struct rule rule_failover_retry_after, rule_failover_binding;
extern const struct rule rule_register_challenge;

#endif
