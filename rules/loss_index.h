/* A phone's signs of loss, sorted so that `is there one between these two points in time` costs a
 * binary search: a capture with many signs must not cost each request a walk over all of them. */
#ifndef RULES_LOSS_INDEX_H
#define RULES_LOSS_INDEX_H

#include "phone/story.h"

struct loss_index;

struct loss_index *loss_index_new(const struct phone *phone, struct arena *arena);

/* A sign that overlaps [from, to]; of those tied to a server, only this one's (NULL: all). */
const struct loss_sign *loss_index_find(const struct loss_index *index, int64_t from_ns,
                                        int64_t to_ns, const struct ip_addr *server);

#endif
