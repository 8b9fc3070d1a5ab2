/* Member after member through a codec; broken data stops it for good. */
#include "capture/unpack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/input.h"

enum { HEAD_LEN = 16 };

struct unpacker {
    struct input packed;
    const struct codec *codec;
    void *state;
    bool in_member;
    char why[INPUT_WHY_LEN]; /* not empty: broken */
};

static const struct codec *const codecs[] = {&codec_gzip, &codec_zstd, &codec_xz, &codec_lz4,
                                             &codec_bzip2};

const struct codec *unpack_codec_of(struct slice head) {
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        if (codecs[i]->begins(head))
            return codecs[i];
    return NULL;
}

struct unpacker *unpacker_new(struct input *packed, const struct codec *codec) {
    struct unpacker *unpacker = memory_new_zeroed(1, sizeof *unpacker);

    unpacker->packed = *packed;
    unpacker->codec = codec;
    unpacker->state = codec->open();
    *packed = (struct input){.fd = -1};
    return unpacker;
}

const struct codec *unpacker_codec(const struct unpacker *unpacker) {
    return unpacker->codec;
}

const struct input *unpacker_packed(const struct unpacker *unpacker) {
    return &unpacker->packed;
}

static void stop(struct unpacker *unpacker, const char *why) {
    snprintf(unpacker->why, sizeof unpacker->why, "the %s data stops at its byte %llu: %s",
             unpacker->codec->name, (unsigned long long)unpacker->packed.offset, why);
}

/* The packed bytes end: because they could not be read, or too early. */
static void stop_short(struct unpacker *unpacker) {
    if (unpacker->packed.why[0])
        snprintf(unpacker->why, sizeof unpacker->why, "%s", unpacker->packed.why);
    else
        stop(unpacker, "the file ends there");
}

/* Begin the member that follows; false where none does, or (why is set) something else. */
static bool next_member(struct unpacker *unpacker) {
    struct input *packed = &unpacker->packed;

    /* Zeros fill up a block of a medium, and are allowed between the streams of xz. */
    while (packed->offset && input_window(packed).len && input_window(packed).ptr[0] == 0)
        input_skip(packed, 1);
    if (!input_window(packed).len) {
        if (packed->why[0])
            stop_short(unpacker);
        return false;
    }
    if (!unpacker->codec->begins(input_peek(packed, HEAD_LEN))) {
        stop(unpacker, "what follows is something else");
        return false;
    }
    unpacker->codec->begin(unpacker->state);
    unpacker->in_member = true;
    return true;
}

ssize_t unpacker_read(struct unpacker *unpacker, uint8_t *to, size_t n) {
    size_t made = 0;

    while (!made && !unpacker->why[0] && (unpacker->in_member || next_member(unpacker))) {
        struct slice have = input_window(&unpacker->packed);
        struct codec_io io = {.in = have, .out = to, .room = n};
        enum codec_status status = unpacker->codec->run(unpacker->state, &io);

        made = n - io.room;
        input_skip(&unpacker->packed, have.len - io.in.len);
        if (status == CODEC_ENDED)
            unpacker->in_member = false;
        else if (status == CODEC_FAILED)
            stop(unpacker, io.why);
        else if (!made && !have.len)
            stop_short(unpacker);
        else if (!made && io.in.len == have.len)
            stop(unpacker, "no progress is possible");
    }
    return made ? (ssize_t)made : unpacker->why[0] ? -1 : 0;
}

const char *unpacker_why(const struct unpacker *unpacker) {
    return unpacker->why;
}

void unpacker_free(struct unpacker *unpacker) {
    if (!unpacker)
        return;
    unpacker->codec->close(unpacker->state);
    input_close(&unpacker->packed);
    free(unpacker);
}
