/* What the decompressors have in common: each takes one member (gzip), stream (xz, bzip2) or frame
 * (zstd, lz4) from the front of some bytes, checks its sums, and keeps what came out before an
 * error. A new one is a file codec_NAME.c and a line in unpack.c.
 */
#ifndef CAPTURE_CODEC_H
#define CAPTURE_CODEC_H

#include "base/slice.h"

/* What a codec may hold to decompress: data written with a larger window is refused. The largest
 * windows of `xz -9` and `zstd --ultra -22` lie within it. */
#define CODEC_MEMORY_MAX ((uint64_t)128 * 1024 * 1024)
#define CODEC_TOO_LARGE "more than 128 MiB of memory are needed to go on"

enum codec_status {
    CODEC_GOING,  /* wants more input, or more room */
    CODEC_ENDED,  /* the member is over; what is left of the input belongs to others */
    CODEC_FAILED, /* broken; why is set */
};

struct codec_io {
    struct slice in; /* advanced past what was taken */
    uint8_t *out;    /* advanced past what was written */
    size_t room;     /* from out on */
    const char *why; /* CODEC_FAILED: lives as long as the program */
};

struct codec {
    const char *name; /* as in "compressed with gzip" */
    bool (*begins)(struct slice head);
    /* New state; it is begun before each member. */
    void *(*open)(void);
    void (*begin)(void *state);
    enum codec_status (*run)(void *state, struct codec_io *io);
    void (*close)(void *state);
};

extern const struct codec codec_gzip, codec_xz, codec_zstd, codec_lz4, codec_bzip2;

#endif
