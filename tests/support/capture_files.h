/* Capture files made by hand, in either byte order, and all that a file says as one text. */
#ifndef SUPPORT_CAPTURE_FILES_H
#define SUPPORT_CAPTURE_FILES_H

#include <stdio.h>
#include <unistd.h>

#include "base/instant.h"
#include "capture/capture.h"
#include "packets.h"

#define PATH_TEMPLATE "/tmp/sipvet-capture-XXXXXX"

struct path {
    char text[sizeof PATH_TEMPLATE];
};

static inline struct path write_file(const struct bytes *content, size_t len) {
    struct path path = {PATH_TEMPLATE};
    int fd = mkstemp(path.text);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content->data, len), len);
    close(fd);
    return path;
}

/* All that a file says: "no t_ns link wire 'bytes'" a frame, then how it ended. */
static inline const char *story_of(const struct bytes *content, size_t len) {
    static char text[4096];
    struct path path = write_file(content, len);
    struct capture_error error = {0};
    struct capture *capture = capture_open(path.text, &error);
    struct frame frame;
    size_t at = 0;

    unlink(path.text);
    text[0] = '\0';
    if (capture) {
        while (capture_next(capture, &frame, &error) == CAPTURE_OK)
            at += (size_t)snprintf(text + at, sizeof text - at, "%u %lld %d %u '%.*s'\n", frame.no,
                                   (long long)frame.t_ns, frame.link_type, frame.wire_len,
                                   (int)frame.bytes.len, (const char *)frame.bytes.ptr);
        assert_int_equal(capture_next(capture, &frame, &error),
                         error.status == CAPTURE_DAMAGED ? CAPTURE_DAMAGED : CAPTURE_END);
        if (capture_dropped(capture))
            at += (size_t)snprintf(text + at, sizeof text - at, "dropped %llu\n",
                                   (unsigned long long)capture_dropped(capture));
    }
    capture_close(capture);
    snprintf(text + at, sizeof text - at, "%s", error.text);
    return text;
}

/* Integers of the file in its byte order. */
struct writer {
    struct bytes out;
    bool big;
};

static inline void put16(struct writer *w, unsigned v) {
    put_u8(&w->out, w->big ? v >> 8 : v);
    put_u8(&w->out, w->big ? v : v >> 8);
}

static inline void put32(struct writer *w, uint32_t v) {
    if (w->big)
        put_u32(&w->out, v);
    else
        put_u32le(&w->out, v);
}

static inline void put_pcap_file_header(struct writer *w, uint32_t magic, unsigned major,
                                        unsigned minor, uint32_t snap_len, uint32_t link_type) {
    put32(w, magic);
    put16(w, major);
    put16(w, minor);
    put32(w, 0);
    put32(w, 0);
    put32(w, snap_len);
    put32(w, link_type);
}

static inline void put_pcap_header(struct writer *w, uint32_t magic, uint32_t snap_len,
                                   uint32_t link_type) {
    put_pcap_file_header(w, magic, 2, 4, snap_len, link_type);
}

static inline void put_pcap_packet(struct writer *w, uint32_t s, uint32_t fraction,
                                   uint32_t wire_len, const char *text) {
    put32(w, s);
    put32(w, fraction);
    put32(w, (uint32_t)strlen(text));
    put32(w, wire_len);
    put(&w->out, text, strlen(text));
}

/* pcapng: a block of any type; options are given as bytes. */
static inline size_t block_begin(struct writer *w, uint32_t type) {
    size_t at = w->out.len;

    put32(w, type);
    put32(w, 0);
    return at;
}

static inline void block_end(struct writer *w, size_t at) {
    while (w->out.len % 4)
        put_u8(&w->out, 0);
    size_t end = w->out.len, len = end + 4 - at;
    put32(w, (uint32_t)len);
    memcpy(w->out.data + at + 4, w->out.data + end, 4);
}

static inline void put_shb(struct writer *w) {
    size_t at = block_begin(w, 0x0a0d0d0a);

    put32(w, 0x1a2b3c4d);
    put16(w, 1);
    put16(w, 0);
    put32(w, 0xffffffff);
    put32(w, 0xffffffff);
    block_end(w, at);
}

/* resolution, offset_s: 0 where the option is to be left out */
static inline void put_idb(struct writer *w, unsigned link_type, uint32_t snap_len,
                           unsigned resolution, uint32_t offset_s) {
    size_t at = block_begin(w, 1);

    put16(w, link_type);
    put16(w, 0);
    put32(w, snap_len);
    if (resolution) {
        put16(w, 9);
        put16(w, 1);
        put_u32(&w->out, resolution << 24);
    }
    if (offset_s) {
        put16(w, 14);
        put16(w, 8);
        put32(w, w->big ? 0 : offset_s);
        put32(w, w->big ? offset_s : 0);
    }
    put32(w, 0);
    block_end(w, at);
}

static inline size_t epb_begin(struct writer *w, uint32_t interface, uint64_t ticks,
                               uint32_t cap_len, uint32_t wire_len, const char *text) {
    size_t at = block_begin(w, 6);

    put32(w, interface);
    put32(w, (uint32_t)(ticks >> 32));
    put32(w, (uint32_t)ticks);
    put32(w, cap_len);
    put32(w, wire_len);
    put(&w->out, text, strlen(text));
    while (w->out.len % 4)
        put_u8(&w->out, 0);
    return at;
}

static inline void put_epb(struct writer *w, uint32_t interface, uint64_t ticks, const char *text) {
    uint32_t len = (uint32_t)strlen(text);

    block_end(w, epb_begin(w, interface, ticks, len, len, text));
}

#endif
