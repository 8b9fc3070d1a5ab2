/* What the times of a silent attempt's sends say of sends that the capture lacks. */
#ifndef RULES_CHECKS_RETRY_LOSSES_H
#define RULES_CHECKS_RETRY_LOSSES_H

#include "rules/rule.h"

/* Are the sends of an attempt, counted back from the move that ended it (part_ns, whole_ns), among
 * those of another?
 *
 *     whole   |----|---------|-------------------> move
 *     part         |----------------------------->
 */
bool retry_is_part_of(const struct attempt *part, int64_t part_ns, const struct attempt *whole,
                      int64_t whole_ns);

/* Is the first gap of an attempt over UDP twice T1, as if the first send were missing, while no
 * other attempt of the account begins so? A phone whose T1 is twice as long begins so each time.
 *
 *     (lost)  |----------|--------------------|
 */
bool retry_begins_late(const struct account *account, const struct attempt *attempt, int64_t t1_ns);

#endif
