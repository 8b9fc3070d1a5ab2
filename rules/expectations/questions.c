/* What rules ask of expectations. */
#include "base/instant.h"
#include "rules/expectations/expectations.h"

int64_t expectations_tolerance_ns(const struct expectations *expectations, int64_t t_ns) {
    double part = expectations->tolerance.ratio * (double)(t_ns < 0 ? -t_ns : t_ns);
    int64_t part_ns = part < (double)INT64_MAX / 2 ? (int64_t)(part + 0.5) : INT64_MAX / 2;

    return part_ns > expectations->tolerance.floor_ns ? part_ns : expectations->tolerance.floor_ns;
}

static bool lists_status(const struct failover_expectations *failover, unsigned status) {
    for (size_t i = 0; i < failover->on_status_count; i++)
        if (status >= failover->on_status[i].low && status <= failover->on_status[i].high)
            return true;
    return false;
}

bool failover_lists(const struct failover_expectations *failover, const struct attempt *attempt) {
    switch (attempt->outcome) {
    case OUTCOME_SILENT:
        return failover->on_no_response;
    case OUTCOME_REFUSED:
        return failover->on_transport_error;
    case OUTCOME_UNAVAILABLE:
        return lists_status(failover, 503);
    case OUTCOME_ANSWERED:
        return lists_status(failover, attempt->final_status);
    case OUTCOME_STALLED: /* moving on is neither demanded nor forbidden */
    case OUTCOME_CUT:
    case OUTCOME_COUNT:
        break;
    }
    return false;
}
