/* Several captures read as one: frames in order of time.
 *
 * A set is a rotated ring of files, or what several capture points recorded of the same traffic,
 * or both. Each file's clock may be put right (the correction is found elsewhere: see
 * net/clock_offset.h); then the frames of all files go up in order of their corrected times. In
 * one file the order stays as it is, even where its clock steps back. Frames of the same instant
 * go by file: the one that begins earlier, then the one named earlier.
 *
 * A file is opened when its first frame is due and closed with its last: a ring of a thousand files
 * needs one or two descriptors.
 */
#ifndef CAPTURE_MERGE_H
#define CAPTURE_MERGE_H

#include "capture/capture.h"
#include "capture/frame_map.h"

/* How a file's clock is put right: t becomes t + offset_ns + (t - drift_from_ns) * drift_ppb /
 * 10^9.
 */
struct clock_correction {
    int64_t offset_ns;
    int64_t drift_from_ns;
    int32_t drift_ppb; /* 0: the clocks run alike */
};

/* Within 0 and CAPTURE_TIME_MAX_NS. */
int64_t clock_corrected(const struct clock_correction *correction, int64_t t_ns);

/* A clock that was set while a file was made is put right piece by piece: from this frame on. */
struct clock_piece {
    uint32_t from_no;
    struct clock_correction correction;
};

/* One file of a set. */
struct merge_file {
    const char *path;                   /* borrowed */
    const char *label;                  /* how messages name it; borrowed */
    struct clock_correction correction; /* of its beginning, */
    const struct clock_piece *pieces;   /* and of what comes after; by frame; borrowed */
    size_t piece_count;
    uint16_t point;   /* which capture point it is of: 0, 1, 2 … */
    int64_t first_ns; /* its first time stamp, not corrected; INT64_MIN: it has no frame */
    /* What the correction rests on, for those who tell of it: */
    uint32_t reference;    /* the file whose clock it was held against; its own index: none */
    uint32_t common;       /* packets that were seen in both */
    bool stepped;          /* the clocks differ by more than an offset and a drift explain */
    bool doubted;          /* it shares packets with another file, and nobody can tell how their */
    uint32_t doubted_with; /* clocks differ: that file */
};

struct merge;

/* files is copied; the array of them is the numbering of merge_place. */
struct merge *merge_new(const struct merge_file *files, size_t count);

/* The next frame: its number is its place in the whole (1, 2, 3 …), its time is corrected, its
 * point and before_ns are set. false: there are no more. */
bool merge_next(struct merge *merge, struct frame *frame);

/* Where the no-th frame of the whole comes from. */
struct frame_place merge_place(const struct merge *merge, uint32_t no);

size_t merge_file_count(const struct merge *merge);
/* Are there two files between which no time can be told? */
bool merge_clocks_doubted(const struct merge *merge);
const struct merge_file *merge_file(const struct merge *merge, size_t index);

/* How far the reading of a file came: status CAPTURE_END where it was read to its end. */
const struct capture_error *merge_end(const struct merge *merge, size_t index);

/* As capture_take_secrets, of whatever files were read since the last call; valid until the next
 * call of merge_next. */
struct slice merge_take_secrets(struct merge *merge);
/* Blocks of secrets that were left out; final after the last frame. */
uint64_t merge_secrets_left_out(const struct merge *merge);

/* Sum over the files; final after the last frame. */
uint64_t merge_dropped(const struct merge *merge);

void merge_free(struct merge *merge);

#endif
