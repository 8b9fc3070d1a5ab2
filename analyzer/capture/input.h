/* The bytes of a capture file, front to back, looked at before they are taken; where the file is
 * compressed, the bytes that it unpacks to. */
#ifndef CAPTURE_INPUT_H
#define CAPTURE_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

struct codec;
struct unpacker;

enum { INPUT_WHY_LEN = 128 };

struct input {
    int fd;                    /* -1 where there is an unpacker */
    struct unpacker *unpacker; /* NULL: the bytes are those of the file */
    uint8_t *buffer;
    size_t cap;              /* size of the buffer */
    size_t from, to;         /* what is read and not yet taken */
    uint64_t offset;         /* of buffer[from] in the (uncompressed) file */
    char why[INPUT_WHY_LEN]; /* why a read failed; empty: none has so far */
};

/* Open path, "-" being standard input. 0, or errno (EISDIR for a folder). */
int input_open(struct input *in, const char *path);

/* From here on the bytes that those of *in unpack to; may be done again to what comes out. */
void input_unpack(struct input *in, const struct codec *codec);

/* input_peek, where fewer than n bytes are there to be looked at. */
struct slice input_fill(struct input *in, size_t n);

/* The next n bytes without taking them; fewer where the file ends, or (then why is set) cannot be
 * read on. Valid until the next call of any input function. */
static inline struct slice input_peek(struct input *in, size_t n) {
    return in->to - in->from < n ? input_fill(in, n) : slice_of(in->buffer + in->from, n);
}

/* All that was read and not taken; at least one byte where there is one. Valid as above. */
static inline struct slice input_window(struct input *in) {
    if (in->from == in->to)
        input_peek(in, 1);
    return slice_of(in->buffer + in->from, in->to - in->from);
}

/* Take n bytes unseen, at most what is there. Returns how many were taken. */
uint64_t input_skip(struct input *in, uint64_t n);

/* Read up to n bytes from anywhere in the file, without moving. How many were read; 0 also where
 * that cannot be done: standard input, a pipe, a compressed file. */
size_t input_read_at(const struct input *in, uint64_t offset, uint8_t *to, size_t n);

void input_close(struct input *in);

#endif
