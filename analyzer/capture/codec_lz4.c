/* LZ4 frames (lz4_Frame_format.md), with liblz4. The older format without frames is not read. */
#include <lz4frame.h>

#include "base/memory.h"
#include "capture/codec.h"

static bool lz4_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\x04\x22\x4d\x18"));
}

static void *lz4_open(void) {
    LZ4F_dctx *lz4 = NULL;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&lz4, LZ4F_VERSION)))
        memory_exhausted();
    return lz4;
}

static void lz4_begin(void *state) {
    LZ4F_resetDecompressionContext(state);
}

static enum codec_status lz4_run(void *state, struct codec_io *io) {
    size_t taken = io->in.len, made = io->room;
    size_t result = LZ4F_decompress(state, io->out, &made, io->in.ptr, &taken, NULL);

    if (LZ4F_isError(result)) {
        io->why = LZ4F_getErrorName(result);
        return CODEC_FAILED;
    }
    slice_skip(&io->in, taken);
    io->out += made;
    io->room -= made;
    return result == 0 ? CODEC_ENDED : CODEC_GOING;
}

static void lz4_close(void *state) {
    LZ4F_freeDecompressionContext(state);
}

const struct codec codec_lz4 = {
    .name = "lz4",
    .begins = lz4_begins,
    .open = lz4_open,
    .begin = lz4_begin,
    .run = lz4_run,
    .close = lz4_close,
};
