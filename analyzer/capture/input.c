/* A window over a file descriptor or an unpacker: peeked bytes are contiguous, so that readers need
 * no copy. */
#include "capture/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "capture/unpack.h"

enum { BUFFER_LEN = 64 * 1024 };

int input_open(struct input *in, const char *path) {
    struct stat about;

    *in = (struct input){.fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                                      : open(path, O_RDONLY | O_CLOEXEC)};
    if (in->fd < 0)
        return errno;
    if (fstat(in->fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        input_close(in);
        return EISDIR;
    }
    in->buffer = memory_new(BUFFER_LEN);
    in->cap = BUFFER_LEN;
    return 0;
}

void input_unpack(struct input *in, const struct codec *codec) {
    struct unpacker *unpacker = unpacker_new(in, codec);

    *in = (struct input){.fd = -1, .unpacker = unpacker, .buffer = memory_new(BUFFER_LEN)};
    in->cap = BUFFER_LEN;
}

static ssize_t read_some(struct input *in, uint8_t *to, size_t n) {
    ssize_t got;

    if (in->unpacker) {
        got = unpacker_read(in->unpacker, to, n);
        if (got < 0)
            snprintf(in->why, sizeof in->why, "%s", unpacker_why(in->unpacker));
        return got;
    }
    do
        got = read(in->fd, to, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        snprintf(in->why, sizeof in->why, "%s", strerror(errno));
    return got;
}

struct slice input_fill(struct input *in, size_t n) {
    memmove(in->buffer, in->buffer + in->from, in->to - in->from);
    in->to -= in->from;
    in->from = 0;
    if (in->cap < n) {
        in->buffer = memory_resize(in->buffer, n, 1);
        in->cap = n;
    }
    while (in->to < n) {
        ssize_t got = read_some(in, in->buffer + in->to, in->cap - in->to);
        if (got <= 0)
            break;
        in->to += (size_t)got;
    }
    return slice_of(in->buffer, in->to < n ? in->to : n);
}

uint64_t input_skip(struct input *in, uint64_t n) {
    uint64_t left = n;

    for (;;) {
        size_t have = in->to - in->from;
        size_t step = left < have ? (size_t)left : have;
        in->from += step;
        in->offset += step;
        left -= step;
        if (!left || !input_peek(in, 1).len)
            return n - left;
    }
}

size_t input_read_at(const struct input *in, uint64_t offset, uint8_t *to, size_t n) {
    size_t done = 0;

    if (in->fd <= STDIN_FILENO || offset > INT64_MAX - n)
        return 0;
    while (done < n) {
        ssize_t got = pread(in->fd, to + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

void input_close(struct input *in) {
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    unpacker_free(in->unpacker);
    free(in->buffer);
    *in = (struct input){.fd = -1};
}
