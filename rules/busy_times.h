/* When a phone was not idle (contract section 1, idle): a call up, or an INVITE pending, of
 * whichever account. */
#ifndef RULES_BUSY_TIMES_H
#define RULES_BUSY_TIMES_H

#include "rules/rule.h"

struct busy_times;

/* One call, or one INVITE until it was answered. */
struct busy_time {
    int64_t from_ns, to_ns; /* to_ns INT64_MAX: no end was seen */
    const uint32_t *frames; /* of the answer and the BYE, as far as seen; of the INVITE */
    size_t frame_count;
};

/* Of all accounts of a phone; lives in the arena. */
struct busy_times *busy_times_new(const struct phone *phone, struct arena *arena);

/* The same for the phone that is judged, worked out once for all its accounts and rules. */
struct busy_cache {
    struct arena *arena; /* lives as long as the phone is judged */
    const struct busy_times *times;
};
const struct busy_times *busy_times_of(const struct judge *judge);

/* What was up or pending just before t_ns (what begins at t_ns does not count); NULL: the phone was
 * idle. Of several, the one that lasts longest. */
const struct busy_time *busy_times_at(const struct busy_times *busy, int64_t t_ns);

/* Since when was a phone idle that is idle at t_ns? INT64_MIN: it never was busy before. */
int64_t busy_times_idle_since(const struct busy_times *busy, int64_t t_ns);

#endif
