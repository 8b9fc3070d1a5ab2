/* A phone's signs of loss, sorted so that `is there one between these two points in time` costs a
 * binary search: a capture with many signs must not cost each request a walk over all of them. */
#ifndef RULES_LOSS_INDEX_H
#define RULES_LOSS_INDEX_H

#include "phone/story.h"

struct loss_index;

struct loss_index *loss_index_new(const struct phone *phone, struct arena *arena);

/* The same with each sign at the time at which its packet is likely to be missing: a lone response
 * is about a request of the T1 before it, as one that takes longer is sent again (RFC 3261 17.1),
 * and all its sends would be missing. Of the kinds that are wanted; NULL: of all. */
struct loss_index *loss_index_likely(const struct phone *phone, struct arena *arena,
                                     bool (*wanted)(enum loss_kind kind));

/* A sign that overlaps [from, to]; of those tied to a server, only this one's (NULL: all). */
const struct loss_sign *loss_index_find(const struct loss_index *index, int64_t from_ns,
                                        int64_t to_ns, const struct ip_addr *server);

#endif
