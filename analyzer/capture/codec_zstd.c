/* Zstandard (RFC 8878), with libzstd. */
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "capture/codec.h"

enum {
    WINDOW_LOG_MAX = 27,
    FRAME_HEADER_LEN_MIN = 5, /* with its magic number (3.1.1.1) */
};

/* A frame, or a skippable one (RFC 8878, 3.1.2), as parallel writers put in front of each. */
static bool zstd_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\x28\xb5\x2f\xfd")) ||
           (head.len >= 4 && (head.ptr[0] & 0xf0) == 0x50 &&
            slice_eq(slice_between(head, 1, 4), SLICE_LITERAL("\x2a\x4d\x18")));
}

struct zstd {
    ZSTD_DCtx *context;
    size_t wanted; /* what it asks for next: a header, or a block and the header behind it */
};

static void *zstd_open(void) {
    struct zstd *zstd = memory_new_zeroed(1, sizeof *zstd);

    _Static_assert((uint64_t)1 << WINDOW_LOG_MAX == CODEC_MEMORY_MAX, "the bound on windows");
    zstd->context = ZSTD_createDCtx();
    if (!zstd->context)
        memory_exhausted();
    ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return zstd;
}

static void zstd_begin(void *state) {
    struct zstd *zstd = state;

    ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only);
    zstd->wanted = FRAME_HEADER_LEN_MIN;
}

/* It does not say where in its input an error stands: it gets no more than the piece that it asks
 * for, so that the error is told by the byte at which that begins. */
static enum codec_status zstd_run(void *state, struct codec_io *io) {
    struct zstd *zstd = state;
    ZSTD_inBuffer in = {io->in.ptr, io->in.len < zstd->wanted ? io->in.len : zstd->wanted, 0};
    ZSTD_outBuffer out = {io->out, io->room, 0};
    size_t result = ZSTD_decompressStream(zstd->context, &out, &in);

    slice_skip(&io->in, in.pos);
    io->out += out.pos;
    io->room -= out.pos;
    if (!ZSTD_isError(result)) {
        zstd->wanted = result;
        return result == 0 ? CODEC_ENDED : CODEC_GOING;
    }
    io->why = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                  ? CODEC_TOO_LARGE
                  : ZSTD_getErrorName(result);
    return CODEC_FAILED;
}

static void zstd_close(void *state) {
    struct zstd *zstd = state;

    ZSTD_freeDCtx(zstd->context);
    free(zstd);
}

const struct codec codec_zstd = {
    .name = "zstd",
    .begins = zstd_begins,
    .open = zstd_open,
    .begin = zstd_begin,
    .run = zstd_run,
    .close = zstd_close,
};
