/* gzip (RFC 1952), with zlib. */
#define ZLIB_CONST
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"
#include "capture/codec.h"

enum { WINDOW_BITS_GZIP = 15 + 16 }; /* zlib.h: the largest window; the gzip format alone */

static bool gzip_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\x1f\x8b\x08"));
}

static void *gzip_open(void) {
    z_stream *z = memory_new_zeroed(1, sizeof *z);

    if (inflateInit2(z, WINDOW_BITS_GZIP) != Z_OK)
        memory_exhausted();
    return z;
}

static void gzip_begin(void *state) {
    inflateReset(state);
}

static enum codec_status gzip_run(void *state, struct codec_io *io) {
    z_stream *z = state;
    uInt have = io->in.len > UINT_MAX ? UINT_MAX : (uInt)io->in.len;
    uInt room = io->room > UINT_MAX ? UINT_MAX : (uInt)io->room;

    z->next_in = io->in.ptr;
    z->avail_in = have;
    z->next_out = io->out;
    z->avail_out = room;
    int result = inflate(z, Z_NO_FLUSH);
    slice_skip(&io->in, have - z->avail_in);
    io->out += room - z->avail_out;
    io->room -= room - z->avail_out;
    if (result == Z_STREAM_END)
        return CODEC_ENDED;
    if (result == Z_OK || result == Z_BUF_ERROR)
        return CODEC_GOING;
    io->why = z->msg ? z->msg : zError(result);
    return CODEC_FAILED;
}

static void gzip_close(void *state) {
    inflateEnd(state);
    free(state);
}

const struct codec codec_gzip = {
    .name = "gzip",
    .begins = gzip_begins,
    .open = gzip_open,
    .begin = gzip_begin,
    .run = gzip_run,
    .close = gzip_close,
};
