/* One server that left a request unanswered, as retry.* judges it. */
#ifndef RULES_CHECKS_RETRY_SILENCE_H
#define RULES_CHECKS_RETRY_SILENCE_H

#include "rules/checks/failover_walk.h"
#include "rules/rule.h"

enum stay { STAY_MOVED, STAY_GAVE_UP, STAY_GOES_ON };

/* One silent attempt. */
struct silence {
    const struct request *request;
    const struct attempt *attempt;
    const struct retry_expectations *retry;
    const struct retry_expectation *asked;
    enum stay stay;
    unsigned tries;    /* before the first response, in the unit that is counted */
    int64_t lasted_ns; /* first try to the move, or to the last that was seen */
    bool full_timer;   /* TCP, TLS: it lasted, or may have lasted, as long as the RFC's timer */
    struct int_range range; /* not set: the number is not judged here */
    bool unsure;            /* nobody knows whether this was the last server of the list */
};

static inline bool retry_over_stream(const struct attempt *attempt) {
    return transport_is_reliable(attempt->server.transport);
}

/* When the phone next sent a request of the same kind, else the end of the capture. */
int64_t retry_next_of_kind(const struct judge *judge, const struct request *request);

/* Adds the occurrence of one silent attempt, the index-th of its request, if there is something to
 * judge. */
void retry_judge_silence(struct judge *judge, const struct silence *silence,
                         const struct failover_walk *walk, size_t index);

#endif
