/* RFC 7692 7.2: each message is a part of one raw DEFLATE stream (RFC 1951), flushed to a byte
 * boundary; the four bytes that end every flush are left off and have to be put back. Where the
 * sender lets each message stand alone the parts refer to nothing, and are read in the same way. */
#define ZLIB_CONST
#include "phone/websocket_inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"
#include "phone/websocket.h"

enum { RAW_WINDOW = -15, FIRST_ROOM = 4096 };

struct websocket_inflate {
    z_stream z;
};

struct websocket_inflate *websocket_inflate_new(void) {
    struct websocket_inflate *inflate = memory_new_zeroed(1, sizeof *inflate);

    if (inflateInit2(&inflate->z, RAW_WINDOW) == Z_OK)
        return inflate;
    free(inflate);
    return NULL;
}

void websocket_inflate_free(struct websocket_inflate *inflate) {
    if (inflate)
        inflateEnd(&inflate->z);
    free(inflate);
}

void websocket_inflate_reset(struct websocket_inflate *inflate) {
    inflateReset(&inflate->z);
}

struct output {
    uint8_t *bytes;
    size_t len, cap;
};

static bool run(z_stream *z, struct slice in, struct output *out) {
    z->next_in = in.ptr;
    z->avail_in = (uInt)in.len;
    for (;;) {
        if (out->len == out->cap) {
            if (out->cap >= WEBSOCKET_MESSAGE_MAX)
                return false;
            out->cap = out->cap ? 2 * out->cap : FIRST_ROOM;
            out->bytes = memory_resize(out->bytes, out->cap, 1);
        }
        size_t room = out->cap - out->len;
        z->next_out = out->bytes + out->len;
        z->avail_out = (uInt)room;
        int result = inflate(z, Z_SYNC_FLUSH);
        out->len += room - z->avail_out;
        /* A final block (RFC 7692 7.2.3.4): the next one begins a stream of its own. */
        if (result == Z_STREAM_END)
            return inflateReset(z) == Z_OK && !z->avail_in;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return false;
        if (z->avail_out)
            return !z->avail_in;
    }
}

bool websocket_inflate_message(struct websocket_inflate *inflate, struct slice payload,
                               uint8_t **out, size_t *len) {
    struct output output = {0};

    if (payload.len <= WEBSOCKET_MESSAGE_MAX && run(&inflate->z, payload, &output) &&
        run(&inflate->z, SLICE_LITERAL("\x00\x00\xff\xff"), &output) &&
        output.len <= WEBSOCKET_MESSAGE_MAX) {
        *out = output.bytes;
        *len = output.len;
        return true;
    }
    free(output.bytes);
    websocket_inflate_reset(inflate);
    return false;
}
