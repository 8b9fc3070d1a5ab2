/* When a failback mode sends a phone back to the primary (contract sections 4 and 6, Failback):
 *
 *     failover        not before                  not later
 *     |---------------|==== tolerance ====|-------------------
 *      server in use    either                      primary */
#ifndef RULES_CHECKS_FAILBACK_WINDOW_H
#define RULES_CHECKS_FAILBACK_WINDOW_H

#include "rules/checks/failback_course.h"

#define FAILBACK_NEVER INT64_MAX
#define FAILBACK_ALWAYS INT64_MIN

/* The window for one step. */
struct failback_window {
    int64_t low_ns, high_ns; /* not before, not later */
    bool low_known, high_known;
    bool promised; /* the mode has a time at all */
    bool ripe; /* with low_ns that time has come; not where it is a REGISTER that makes it come */
    int64_t span_ns;  /* of the promise, from since_ns; 0: none to tell */
    int64_t since_ns; /* for what is said: the failover, the registration */
    const char *what; /* "the failover", … */
};

/* step     as the course tells it, or one made up to ask what a request at step->request->t_ns has
 *          to do: used, stay, request and the times count
 * stay     that the step is in */
struct failback_window failback_window_of(const struct judge *judge,
                                          const struct failback_stay *stay,
                                          const struct failback_step *step,
                                          const struct failback_expectations *failback);

/* Does the mode keep the phone at the server in use until that fails? */
bool failback_for_good(const struct failback_expectations *failback);

#endif
