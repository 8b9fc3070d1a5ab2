/* Where the frames of a merged set come from: the n-th frame of the whole is frame m of file f.
 *
 * Filled front to back, asked in any order. Files that follow one another (a ring) cost a few bytes
 * each; where files interleave, a run of frames of one file costs one byte, as a rule.
 */
#ifndef CAPTURE_FRAME_MAP_H
#define CAPTURE_FRAME_MAP_H

#include "base/memory.h"

struct frame_place {
    uint32_t file;  /* index, from 0 */
    uint32_t frame; /* Wireshark's number in that file */
};

struct frame_map_block;

/* Zero-initialised is valid and empty. */
struct frame_map {
    ARRAY_OF(uint8_t) bytes; /* runs, see frame_map.c */
    ARRAY_OF(struct frame_map_block) blocks;
    uint32_t count; /* frames in it */
    /* The run that is being filled, not yet among the bytes. */
    struct frame_place run;
    uint32_t run_len;
    /* The block that is being filled: how many runs, and for each file met in it the frame after
     * its last. */
    uint32_t runs_in_block;
    ARRAY_OF(struct frame_place) next;
};

/* The next frame of the whole is frame `frame` of file `file`. In one file they ascend, holes
 * allowed (Wireshark counts records that are no packets). */
void frame_map_add(struct frame_map *map, uint32_t file, uint32_t frame);

/* Where the no-th frame (from 1) comes from; {0, 0} where there is none. */
struct frame_place frame_map_find(const struct frame_map *map, uint32_t no);

void frame_map_fini(struct frame_map *map);

#endif
