"""Which generator makes the phones of which rule."""

import rules_dns
import rules_failback
import rules_failover
import rules_fallback
import rules_order
import rules_register
import rules_retry
import rules_zone

GENERATORS = {}
for module in (rules_dns, rules_order, rules_retry, rules_failover, rules_failback, rules_fallback,
               rules_register, rules_zone):
    GENERATORS.update(module.GENERATORS)
