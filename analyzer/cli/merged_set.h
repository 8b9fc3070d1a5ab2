/* --merge: the captures of a command line as one timeline. */
#ifndef CLI_MERGED_SET_H
#define CLI_MERGED_SET_H

#include "base/memory.h"
#include "capture/merge.h"

struct merged_set;

/* Read all files once, to learn when each begins, which saw the same packets and how their clocks
 * differ; then they are ready to be read as one. What is no ordinary file can be read only once: it
 * goes to a temporary file first. A file that cannot be read to its end gives what it has;
 * merge_end tells.
 *
 * paths  borrowed */
struct merged_set *merged_set_new(char *const *paths, size_t count);

struct merge *merged_set_merge(const struct merged_set *set);

void merged_set_free(struct merged_set *set);

#endif
