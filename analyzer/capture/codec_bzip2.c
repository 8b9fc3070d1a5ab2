/* bzip2, with libbz2. */
#include <bzlib.h>
#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/codec.h"

struct bzip2 {
    bz_stream stream;
    bool begun;
};

static bool bzip2_begins(struct slice head) {
    return slice_starts(head, SLICE_LITERAL("BZh")) && head.len > 3 && head.ptr[3] >= '1' &&
           head.ptr[3] <= '9';
}

static void *bzip2_open(void) {
    return memory_new_zeroed(1, sizeof(struct bzip2));
}

static void bzip2_begin(void *state) {
    struct bzip2 *bzip2 = state;

    if (bzip2->begun)
        BZ2_bzDecompressEnd(&bzip2->stream);
    bzip2->stream = (bz_stream){0};
    if (BZ2_bzDecompressInit(&bzip2->stream, 0, 0) != BZ_OK)
        memory_exhausted();
    bzip2->begun = true;
}

static enum codec_status bzip2_run(void *state, struct codec_io *io) {
    bz_stream *bz = &((struct bzip2 *)state)->stream;
    unsigned have = io->in.len > UINT_MAX ? UINT_MAX : (unsigned)io->in.len;
    unsigned room = io->room > UINT_MAX ? UINT_MAX : (unsigned)io->room;

    /* The library does not write to its input, but takes a plain pointer. */
    bz->next_in = (char *)(uintptr_t)io->in.ptr;
    bz->avail_in = have;
    bz->next_out = (char *)io->out;
    bz->avail_out = room;
    int result = BZ2_bzDecompress(bz);
    slice_skip(&io->in, have - bz->avail_in);
    io->out += room - bz->avail_out;
    io->room -= room - bz->avail_out;
    if (result == BZ_STREAM_END)
        return CODEC_ENDED;
    if (result == BZ_OK)
        return CODEC_GOING;
    io->why = result == BZ_MEM_ERROR ? "out of memory" : "broken data, or a wrong check sum";
    return CODEC_FAILED;
}

static void bzip2_close(void *state) {
    struct bzip2 *bzip2 = state;

    if (bzip2->begun)
        BZ2_bzDecompressEnd(&bzip2->stream);
    free(bzip2);
}

const struct codec codec_bzip2 = {
    .name = "bzip2",
    .begins = bzip2_begins,
    .open = bzip2_open,
    .begin = bzip2_begin,
    .run = bzip2_run,
    .close = bzip2_close,
};
