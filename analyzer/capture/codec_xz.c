/* xz, with liblzma. */
#include <lzma.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/codec.h"

static bool xz_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("\xfd"
                                            "7zXZ\0"));
}

static void *xz_open(void) {
    lzma_stream *xz = memory_new(sizeof *xz);

    *xz = (lzma_stream)LZMA_STREAM_INIT;
    return xz;
}

static void xz_begin(void *state) {
    /* The dictionary, and a little for the rest. */
    if (lzma_stream_decoder(state, CODEC_MEMORY_MAX + CODEC_MEMORY_MAX / 32, 0) != LZMA_OK)
        memory_exhausted();
}

static const char *why_of(lzma_ret result) {
    static const struct {
        lzma_ret result;
        const char *why;
    } table[] = {
        {LZMA_MEM_ERROR, "out of memory"},
        {LZMA_MEMLIMIT_ERROR, CODEC_TOO_LARGE},
        {LZMA_FORMAT_ERROR, "the header is broken"},
        {LZMA_OPTIONS_ERROR, "options that are not known"},
        {LZMA_DATA_ERROR, "broken data, or a wrong check sum"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].result == result)
            return table[i].why;
    return "liblzma cannot go on";
}

static enum codec_status xz_run(void *state, struct codec_io *io) {
    lzma_stream *xz = state;

    xz->next_in = io->in.ptr;
    xz->avail_in = io->in.len;
    xz->next_out = io->out;
    xz->avail_out = io->room;
    lzma_ret result = lzma_code(xz, LZMA_RUN);
    slice_skip(&io->in, io->in.len - xz->avail_in);
    io->out += io->room - xz->avail_out;
    io->room = xz->avail_out;
    if (result == LZMA_STREAM_END)
        return CODEC_ENDED;
    if (result == LZMA_OK || result == LZMA_BUF_ERROR)
        return CODEC_GOING;
    io->why = why_of(result);
    return CODEC_FAILED;
}

static void xz_close(void *state) {
    lzma_end(state);
    free(state);
}

const struct codec codec_xz = {
    .name = "xz",
    .begins = xz_begins,
    .open = xz_open,
    .begin = xz_begin,
    .run = xz_run,
    .close = xz_close,
};
