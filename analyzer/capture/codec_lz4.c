/* LZ4 frames (lz4_Frame_format.md), with liblz4. The older format without frames is not read. */
#include <lz4frame.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/codec.h"

static bool lz4_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\x04\x22\x4d\x18"));
}

struct lz4 {
    LZ4F_dctx *context;
    size_t wanted; /* what it asks for next: a header, or a block and the header behind it */
};

static void *lz4_open(void) {
    struct lz4 *lz4 = memory_new_zeroed(1, sizeof *lz4);

    if (LZ4F_isError(LZ4F_createDecompressionContext(&lz4->context, LZ4F_VERSION)))
        memory_exhausted();
    return lz4;
}

static void lz4_begin(void *state) {
    struct lz4 *lz4 = state;

    LZ4F_resetDecompressionContext(lz4->context);
    lz4->wanted = LZ4F_HEADER_SIZE_MIN;
}

/* It does not say where in its input an error stands: it gets no more than the piece that it asks
 * for, so that the error is told by the byte at which that begins. */
static enum codec_status lz4_run(void *state, struct codec_io *io) {
    struct lz4 *lz4 = state;
    size_t taken = io->in.len < lz4->wanted ? io->in.len : lz4->wanted, made = io->room;
    size_t result = LZ4F_decompress(lz4->context, io->out, &made, io->in.ptr, &taken, NULL);

    if (LZ4F_isError(result)) {
        io->why = LZ4F_getErrorName(result);
        return CODEC_FAILED;
    }
    slice_skip(&io->in, taken);
    io->out += made;
    io->room -= made;
    lz4->wanted = result;
    return result == 0 ? CODEC_ENDED : CODEC_GOING;
}

static void lz4_close(void *state) {
    struct lz4 *lz4 = state;

    LZ4F_freeDecompressionContext(lz4->context);
    free(lz4);
}

const struct codec codec_lz4 = {
    .name = "lz4",
    .begins = lz4_begins,
    .open = lz4_open,
    .begin = lz4_begin,
    .run = lz4_run,
    .close = lz4_close,
};
