/* Zstandard (RFC 8878), with libzstd. */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "capture/codec.h"

enum { WINDOW_LOG_MAX = 27 };

/* A frame, or a skippable one (RFC 8878, 3.1.2), as parallel writers put in front of each. */
static bool zstd_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\x28\xb5\x2f\xfd")) ||
           (head.len >= 4 && (head.ptr[0] & 0xf0) == 0x50 &&
            slice_eq(slice_between(head, 1, 4), SLICE_LITERAL("\x2a\x4d\x18")));
}

static void *zstd_open(void) {
    ZSTD_DCtx *zstd = ZSTD_createDCtx();

    _Static_assert((uint64_t)1 << WINDOW_LOG_MAX == CODEC_MEMORY_MAX, "the bound on windows");
    if (!zstd)
        memory_exhausted();
    ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return zstd;
}

static void zstd_begin(void *state) {
    ZSTD_DCtx_reset(state, ZSTD_reset_session_only);
}

static enum codec_status zstd_run(void *state, struct codec_io *io) {
    ZSTD_inBuffer in = {io->in.ptr, io->in.len, 0};
    ZSTD_outBuffer out = {io->out, io->room, 0};
    size_t result = ZSTD_decompressStream(state, &out, &in);

    slice_skip(&io->in, in.pos);
    io->out += out.pos;
    io->room -= out.pos;
    if (!ZSTD_isError(result))
        return result == 0 ? CODEC_ENDED : CODEC_GOING;
    io->why = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                  ? CODEC_TOO_LARGE
                  : ZSTD_getErrorName(result);
    return CODEC_FAILED;
}

static void zstd_close(void *state) {
    ZSTD_freeDCtx(state);
}

const struct codec codec_zstd = {
    .name = "zstd",
    .begins = zstd_begins,
    .open = zstd_open,
    .begin = zstd_begin,
    .run = zstd_run,
    .close = zstd_close,
};
