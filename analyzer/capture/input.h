/* The bytes of a capture file, front to back, looked at before they are taken. */
#ifndef CAPTURE_INPUT_H
#define CAPTURE_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

struct input {
    int fd;
    uint8_t *buffer;
    size_t cap;      /* size of the buffer */
    size_t from, to; /* what is read and not yet taken */
    uint64_t offset; /* of buffer[from] in the file */
    int error;       /* errno of a failed read; 0: none so far */
};

/* Open path, "-" being standard input. 0, or errno (EISDIR for a folder). */
int input_open(struct input *in, const char *path);

/* The next n bytes without taking them; fewer where the file ends. Valid until the next call of any
 * input function. */
struct slice input_peek(struct input *in, size_t n);

/* Take n bytes unseen, at most what is there. Returns how many were taken. */
uint64_t input_skip(struct input *in, uint64_t n);

void input_close(struct input *in);

#endif
