/* The timeline of an account: lookups, attempts and events in one order of time, with what repeats
 * itself marked so that it can be folded.
 */
#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

#include "base/memory.h"
#include "phone/story.h"

enum moment_kind { MOMENT_LOOKUP, MOMENT_ATTEMPT, MOMENT_EVENT, MOMENT_CONNECTION };

struct moment {
    enum moment_kind kind;
    int64_t t_ns;
    uint32_t frame;    /* 0: none */
    uint64_t sameness; /* equal where two moments differ in nothing but time and frames */
    const struct resolution *lookup;
    const struct request *request; /* with attempt: its index */
    size_t attempt;
    const struct event *event;
    const struct connection *connection; /* that no attempt tells of */
    size_t order;                        /* as it was added; keeps the sorting stable */
};

struct timeline {
    ARRAY_OF(struct moment) moments;
};

/* With the phone's connections that could not be read where they can be of no other account; all of
 * them, where nothing of the phone could be read. */
void timeline_build(struct timeline *timeline, const struct phone *phone,
                    const struct account *account);
void timeline_fini(struct timeline *timeline);

/* Does what begins at `at` repeat itself: `*period` moments, `copies` times in all (2 or more)?
 * Returns copies, or 1 where nothing does. */
size_t timeline_repeats(const struct timeline *timeline, size_t at, size_t *period);

#endif
