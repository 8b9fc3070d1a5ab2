/* Requests that came again at once, and whose IP identification says nothing: did the phone send
 * them twice, or does the capture hold its packets twice? That shows when all has been seen: a
 * mirror port gives every packet of a host again, so many times; a phone sends some of them twice.
 */
#ifndef PHONE_SENT_TWICE_H
#define PHONE_SENT_TWICE_H

#include "phone/collect.h"

/* A sighting that was taken for a copy at first. */
struct doubt {
    uint32_t tx, frame;
    uint32_t of; /* the frame in which the send was seen first */
    int64_t t_ns;
};

/* Zero-initialised is valid and empty. */
struct doubts {
    ARRAY_OF(struct doubt) list;
};

/* The table is bounded: what is beyond stays a copy. */
void sent_twice_note(struct doubts *doubts, const struct doubt *doubt);
/* All is there: those that are no copies become sends. */
void sent_twice_settle(struct collection *c, struct doubts *doubts);

#endif
