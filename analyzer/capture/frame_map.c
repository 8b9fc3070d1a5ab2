/* Runs of frames, packed.
 *
 * A run is some frames of one file that follow one another in the file and in the whole. Runs stand
 * in blocks of at most BLOCK_RUNS; a block can be read without those before it. In a block a file
 * is named by the order of its first run there, and only that one says its frame number:
 *
 *   7654 3   210
 *   len  gap which                 one byte
 *
 *   which  0..5: the file of that order; 6: its order follows; 7: a file new to the block: its
 *          index and the frame number of the run follow
 *   gap    frame numbers of the file that are passed over before the run follow
 *   len    1..15 frames; 0: the length less 16 follows
 *
 * What follows are varints (seven bits a byte, low ones first), in the order of this list.
 */
#include "capture/frame_map.h"

#include <stdlib.h>

enum {
    BLOCK_RUNS = 256,
    WHICH_LISTED = 6, /* orders that the first byte has room for; also: the order follows */
    WHICH_NEW = 7,
    GAP = 1 << 3,
    LEN_SHIFT = 4,
    LEN_LONG = 16, /* from here on the length follows */
};

struct frame_map_block {
    uint32_t no; /* the first frame of the whole in it */
    uint64_t at; /* where its runs begin */
};

/* ---- writing ---- */

static void put_byte(struct frame_map *map, uint8_t byte) {
    *ARRAY_ADD(&map->bytes) = byte;
}

static void put_number(struct frame_map *map, uint32_t n) {
    for (; n > 0x7f; n >>= 7)
        put_byte(map, (uint8_t)(n | 0x80));
    put_byte(map, (uint8_t)n);
}

/* The order of a file in the block that is being filled; map->next.n: it is new. */
static size_t order_of(const struct frame_map *map, uint32_t file) {
    size_t order = 0;

    while (order < map->next.n && map->next.items[order].file != file)
        order++;
    return order;
}

/* Pack the run that was being filled. */
static void end_run(struct frame_map *map) {
    const struct frame_place *run = &map->run;
    uint32_t len = map->run_len;

    if (!len)
        return;
    if (map->runs_in_block == BLOCK_RUNS || !map->blocks.n) {
        *ARRAY_PUSH(&map->blocks) =
            (struct frame_map_block){.no = map->count - len + 1, .at = map->bytes.n};
        map->runs_in_block = 0;
        map->next.n = 0;
    }
    map->runs_in_block++;

    size_t order = order_of(map, run->file);
    bool is_new = order == map->next.n;
    uint32_t gap = is_new ? 0 : run->frame - map->next.items[order].frame;
    unsigned which = is_new ? WHICH_NEW : order < WHICH_LISTED ? (unsigned)order : WHICH_LISTED;

    put_byte(map, (uint8_t)((len < LEN_LONG ? len << LEN_SHIFT : 0) | (gap ? GAP : 0) | which));
    if (is_new) {
        ARRAY_PUSH(&map->next)->file = run->file;
        put_number(map, run->file);
        put_number(map, run->frame);
    } else if (which == WHICH_LISTED) {
        put_number(map, (uint32_t)order);
    }
    if (gap)
        put_number(map, gap);
    if (len >= LEN_LONG)
        put_number(map, len - LEN_LONG);
    map->next.items[order].frame = run->frame + len;
    map->run_len = 0;
}

void frame_map_add(struct frame_map *map, uint32_t file, uint32_t frame) {
    if (!map->run_len || map->run.file != file || frame != map->run.frame + map->run_len) {
        end_run(map);
        map->run = (struct frame_place){file, frame};
    }
    map->run_len++;
    map->count++;
}

/* ---- reading ---- */

static uint32_t take_number(struct slice *in) {
    uint32_t n = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; shift < 32 && (byte & 0x80) && slice_take_u8(in, &byte); shift += 7)
        n |= (uint32_t)(byte & 0x7f) << shift;
    return n;
}

/* The last block that begins at frame `no` of the whole, or before it. */
static size_t block_of(const struct frame_map *map, uint32_t no) {
    size_t low = 0, high = map->blocks.n;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (map->blocks.items[middle].no <= no)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct frame_place frame_map_find(const struct frame_map *map, uint32_t no) {
    struct frame_place next[BLOCK_RUNS];
    size_t files = 0;
    uint8_t first;

    if (no == 0 || no > map->count)
        return (struct frame_place){0};
    if (no > map->count - map->run_len)
        return (struct frame_place){map->run.file,
                                    map->run.frame + (no - (map->count - map->run_len) - 1)};

    const struct frame_map_block *block = &map->blocks.items[block_of(map, no)];
    struct slice in = slice_of(map->bytes.items + block->at, map->bytes.n - block->at);
    uint32_t left = no - block->no; /* frames of the whole to pass over */
    while (slice_take_u8(&in, &first)) {
        size_t order = first & WHICH_NEW;
        if (order == WHICH_NEW) {
            order = files++;
            next[order].file = take_number(&in);
            next[order].frame = take_number(&in);
        } else if (order == WHICH_LISTED) {
            order = take_number(&in);
        }
        if (first & GAP)
            next[order].frame += take_number(&in);
        uint32_t len = first >> LEN_SHIFT;
        if (!len)
            len = LEN_LONG + take_number(&in);
        if (left < len)
            return (struct frame_place){next[order].file, next[order].frame + left};
        left -= len;
        next[order].frame += len;
    }
    return (struct frame_place){0};
}

void frame_map_fini(struct frame_map *map) {
    ARRAY_FINI(&map->bytes);
    ARRAY_FINI(&map->blocks);
    ARRAY_FINI(&map->next);
}
