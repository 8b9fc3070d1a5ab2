/* The merge: a heap of the files that are open, by the time of the frame that each has ready.
 *
 *   waiting   a b c d e f ...      by first time stamp; opened when the heap has nothing earlier
 *   open      heap of heads        the earliest goes up, and the next frame of its file takes its
 *                                  place when the one above has been used
 */
#include "capture/merge.h"

#include <stdlib.h>

#include "base/instant.h"
#include "capture/secrets.h"

struct source {
    struct merge_file file;
    struct capture *capture; /* NULL: not open */
    struct frame head;
    int64_t t_ns;      /* of head, corrected, */
    int64_t before_ns; /* and of the one before it; of the first: its own */
    bool running;      /* it gave a frame */
    size_t piece;      /* so many pieces of its clock have begun */
    size_t rank;       /* among frames of one instant */
    struct capture_error end;
};

struct merge {
    struct source *sources;
    size_t count;
    size_t *waiting; /* indices, by first time stamp */
    size_t opened;   /* so many of them were opened */
    struct source **heap;
    size_t open;
    struct source *given; /* whose frame was given last; NULL: none */
    uint64_t dropped;
    struct frame_map map;
    struct secrets secrets;
    uint64_t secrets_left_out; /* of files that are read */
};

int64_t clock_corrected(const struct clock_correction *correction, int64_t t_ns) {
    if (!correction->offset_ns && !correction->drift_ppb)
        return t_ns;
    double drift_ns = (double)(t_ns - correction->drift_from_ns) * correction->drift_ppb / NS_PER_S;
    int64_t corrected = t_ns + correction->offset_ns + (int64_t)drift_ns;

    return corrected < 0 ? 0 : corrected > CAPTURE_TIME_MAX_NS ? CAPTURE_TIME_MAX_NS : corrected;
}

/* ---- the heap ---- */

static bool before(const struct source *a, const struct source *b) {
    return a->t_ns != b->t_ns ? a->t_ns < b->t_ns : a->rank < b->rank;
}

static void sift_up(struct merge *merge, size_t at) {
    struct source *moved = merge->heap[at];

    while (at && before(moved, merge->heap[(at - 1) / 2])) {
        merge->heap[at] = merge->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    merge->heap[at] = moved;
}

/* The root's place goes to what is earliest. */
static void sift_down(struct merge *merge, struct source *moved) {
    size_t at = 0;

    for (size_t child = 1; child < merge->open; child = 2 * at + 1) {
        if (child + 1 < merge->open && before(merge->heap[child + 1], merge->heap[child]))
            child++;
        if (!before(merge->heap[child], moved))
            break;
        merge->heap[at] = merge->heap[child];
        at = child;
    }
    merge->heap[at] = moved;
}

/* ---- the files ---- */

/* How the clock is put right where the head is. */
static const struct clock_correction *correction_of(struct source *source) {
    const struct merge_file *file = &source->file;

    while (source->piece < file->piece_count &&
           file->pieces[source->piece].from_no <= source->head.no)
        source->piece++;
    return source->piece ? &file->pieces[source->piece - 1].correction : &file->correction;
}

/* Read the next frame into the head; false: the file is at its end, and closed. */
static bool advance(struct merge *merge, struct source *source) {
    source->end.status = capture_next(source->capture, &source->head, &source->end);
    struct slice secrets = capture_take_secrets(source->capture);
    if (secrets.len)
        secrets_add(&merge->secrets, secrets);
    if (source->end.status == CAPTURE_OK) {
        int64_t before_ns = source->t_ns;
        source->t_ns = clock_corrected(correction_of(source), source->head.t_ns);
        source->before_ns = source->running ? before_ns : source->t_ns;
        source->running = true;
        return true;
    }
    merge->dropped += capture_dropped(source->capture);
    merge->secrets_left_out += capture_secrets_left_out(source->capture);
    capture_close(source->capture);
    source->capture = NULL;
    return false;
}

/* Open what is due: all whose first frame is not later than the earliest that is ready. */
static void open_due(struct merge *merge) {
    while (merge->opened < merge->count) {
        struct source *source = &merge->sources[merge->waiting[merge->opened]];
        bool has_frame = source->file.first_ns != INT64_MIN;
        if (merge->open && has_frame &&
            clock_corrected(&source->file.correction, source->file.first_ns) > merge->heap[0]->t_ns)
            return;
        merge->opened++;
        source->capture = capture_open(source->file.path, &source->end);
        if (source->capture && advance(merge, source)) {
            merge->heap[merge->open++] = source;
            sift_up(merge, merge->open - 1);
        }
    }
}

/* ---- the set ---- */

static int compare_first(const void *one, const void *other, void *context) {
    const struct merge *merge = context;
    size_t a = *(const size_t *)one, b = *(const size_t *)other;
    const struct merge_file *x = &merge->sources[a].file, *y = &merge->sources[b].file;
    int64_t t = x->first_ns == INT64_MIN ? 0 : clock_corrected(&x->correction, x->first_ns);
    int64_t u = y->first_ns == INT64_MIN ? 0 : clock_corrected(&y->correction, y->first_ns);

    if (t != u)
        return t < u ? -1 : 1;
    return a < b ? -1 : a > b;
}

struct merge *merge_new(const struct merge_file *files, size_t count) {
    struct merge *merge = memory_new_zeroed(1, sizeof *merge);

    merge->count = count;
    merge->sources = memory_new_zeroed(count, sizeof *merge->sources);
    merge->waiting = memory_new_zeroed(count, sizeof *merge->waiting);
    merge->heap = memory_new_zeroed(count, sizeof(struct source *));
    for (size_t i = 0; i < count; i++) {
        merge->sources[i].file = files[i];
        merge->waiting[i] = i;
    }
    qsort_r(merge->waiting, count, sizeof *merge->waiting, compare_first, merge);
    for (size_t i = 0; i < count; i++)
        merge->sources[merge->waiting[i]].rank = i;
    return merge;
}

bool merge_next(struct merge *merge, struct frame *frame) {
    if (merge->given && advance(merge, merge->given))
        sift_down(merge, merge->given);
    else if (merge->given && --merge->open)
        sift_down(merge, merge->heap[merge->open]);
    merge->given = NULL;
    open_due(merge);
    if (!merge->open)
        return false;

    const struct source *source = merge->given = merge->heap[0];
    frame_map_add(&merge->map, (uint32_t)(source - merge->sources), source->head.no);
    *frame = source->head;
    frame->no = merge->map.count;
    frame->t_ns = source->t_ns;
    frame->point = source->file.point;
    frame->before_ns = source->before_ns;
    return true;
}

struct frame_place merge_place(const struct merge *merge, uint32_t no) {
    return frame_map_find(&merge->map, no);
}

size_t merge_file_count(const struct merge *merge) {
    return merge->count;
}

bool merge_clocks_doubted(const struct merge *merge) {
    for (size_t i = 0; i < merge->count; i++)
        if (merge->sources[i].file.stepped || merge->sources[i].file.doubted)
            return true;
    return false;
}

const struct merge_file *merge_file(const struct merge *merge, size_t index) {
    return &merge->sources[index].file;
}

const struct capture_error *merge_end(const struct merge *merge, size_t index) {
    return &merge->sources[index].end;
}

struct slice merge_take_secrets(struct merge *merge) {
    return secrets_take(&merge->secrets);
}

uint64_t merge_secrets_left_out(const struct merge *merge) {
    return merge->secrets_left_out + merge->secrets.left_out;
}

uint64_t merge_dropped(const struct merge *merge) {
    return merge->dropped;
}

void merge_free(struct merge *merge) {
    if (!merge)
        return;
    for (size_t i = 0; i < merge->count; i++)
        capture_close(merge->sources[i].capture);
    frame_map_fini(&merge->map);
    secrets_fini(&merge->secrets);
    free(merge->sources);
    free(merge->waiting);
    free(merge->heap);
    free(merge);
}
