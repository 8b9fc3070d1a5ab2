/* The SRV answers that the zone rules look at: what the server's side said about the account's
 * host, as the phone got it. */
#ifndef RULES_CHECKS_ZONE_ANSWERS_H
#define RULES_CHECKS_ZONE_ANSWERS_H

#include "rules/rule.h"

struct zone_answer {
    const struct query *query;
    const struct fact_record *const *records; /* SRV records of the answer section */
    size_t n;
    bool no_service;  /* one record, with the root as target (RFC 2782) */
    bool partial;     /* truncated, or cut by the snapshot length: there may be more records */
    bool owed;        /* a NAPTR answer names it, or it had records at another time */
    int64_t until_ns; /* when the next answer for the same name came; INT64_MAX: none did */
};

struct zone_answers {
    const struct zone_answer *items; /* in order of time */
    size_t n;
};

struct zone_answers zone_answers(const struct judge *judge);

/* Question and answer as evidence. */
void zone_answer_frames(struct judge *judge, struct occurrence *occurrence,
                        const struct zone_answer *answer);

#endif
