/* Requests that came again at once, and whose IP identification says nothing: did the phone send
 * them twice, or does the capture hold its packets twice? That shows when all has been seen: where
 * a mirror port, or a file that overlaps another, gives packets twice, it gives all of them twice
 * for a while, also those of others; a phone sends some of its own twice.
 *
 *     request, request, 200            DNS, DNS, request, request, 200, 200
 *     sent twice                       a copy
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
    ARRAY_OF(uint32_t) copied; /* first frames of messages, once for each copy */
    ARRAY_OF(uint32_t) late;   /* the same, for each that did not come at once */
    ARRAY_OF(uint32_t) joined; /* frames of such late ones, once for each copy right after them */
    ARRAY_OF(uint32_t) unsaid; /* frames of which copies would not have been noted */
};

/* The table is bounded: what is beyond stays a copy. */
void sent_twice_note(struct doubts *doubts, const struct doubt *doubt);
/* A message first seen in frame `first` was there once more the same way, doubted or not: not at
 * once (`after` is 0), or right after it was in frame `after`. */
static inline void sent_twice_copied(struct doubts *doubts, uint32_t first, uint32_t after) {
    *ARRAY_ADD(&doubts->copied) = first;
    if (!after)
        *ARRAY_ADD(&doubts->late) = first;
    else if (after != first)
        *ARRAY_ADD(&doubts->joined) = after;
}
/* That would not be known of this one: it came in fragments. */
static inline void sent_twice_unsaid(struct doubts *doubts, uint32_t frame) {
    *ARRAY_ADD(&doubts->unsaid) = frame;
}
/* All is there: those that are no copies become sends. */
void sent_twice_settle(struct collection *c, struct doubts *doubts);
void sent_twice_fini(struct doubts *doubts);

#endif
