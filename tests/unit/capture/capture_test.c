/* Capture files: every flavour of pcap and pcapng, and what is said of those that are none, cut or
 * damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "base/instant.h"
#include "capture/capture.h"
#include "packets.h"

#define PATH_TEMPLATE "/tmp/sipvet-capture-XXXXXX"

struct path {
    char text[sizeof PATH_TEMPLATE];
};

static struct path write_file(const struct bytes *content, size_t len) {
    struct path path = {PATH_TEMPLATE};
    int fd = mkstemp(path.text);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content->data, len), len);
    close(fd);
    return path;
}

/* All that a file says: "no t_ns link wire 'bytes'" a frame, then how it ended. */
static const char *story_of(const struct bytes *content, size_t len) {
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

static void put16(struct writer *w, unsigned v) {
    put_u8(&w->out, w->big ? v >> 8 : v);
    put_u8(&w->out, w->big ? v : v >> 8);
}

static void put32(struct writer *w, uint32_t v) {
    if (w->big)
        put_u32(&w->out, v);
    else
        put_u32le(&w->out, v);
}

static void put_pcap_header(struct writer *w, uint32_t magic, uint32_t snap_len,
                            uint32_t link_type) {
    put32(w, magic);
    put16(w, 2);
    put16(w, 4);
    put32(w, 0);
    put32(w, 0);
    put32(w, snap_len);
    put32(w, link_type);
}

static void put_pcap_packet(struct writer *w, uint32_t s, uint32_t fraction, uint32_t wire_len,
                            const char *text) {
    put32(w, s);
    put32(w, fraction);
    put32(w, (uint32_t)strlen(text));
    put32(w, wire_len);
    put(&w->out, text, strlen(text));
}

static void test_pcap(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer us = {.big = big}, ns = {.big = big};

        put_pcap_header(&us, 0xa1b2c3d4, 65535, 1);
        put_pcap_packet(&us, 1700000000, 123456, 5, "hello");
        put_pcap_packet(&us, 1700000001, 999999, 500, "cut");
        assert_string_equal(story_of(&us.out, us.out.len), "1 1700000000123456000 1 5 'hello'\n"
                                                           "2 1700000001999999000 1 500 'cut'\n");
        put_pcap_header(&ns, 0xa1b23c4d, 65535, 113);
        put_pcap_packet(&ns, 1700000000, 123456789, 5, "hello");
        assert_string_equal(story_of(&ns.out, ns.out.len), "1 1700000000123456789 113 5 'hello'\n");
    }
    /* after 2038; a fraction that is none */
    struct writer late = {0};
    put_pcap_header(&late, 0xa1b2c3d4, 65535, 1);
    put_pcap_packet(&late, 0xffffffff, 5, 1, "a");
    put_pcap_packet(&late, 1, 0xffffffff, 1, "b");
    assert_string_equal(story_of(&late.out, late.out.len), "1 4294967295000005000 1 1 'a'\n"
                                                           "2 1000000000 1 1 'b'\n");
    /* a header alone: a capture without packets */
    struct writer empty = {0};
    put_pcap_header(&empty, 0xa1b2c3d4, 65535, 1);
    assert_string_equal(story_of(&empty.out, empty.out.len), "");
    /* a packet longer than the snapshot length is there, so it is read; LINKTYPE_RAW stays 101 */
    struct writer snap = {0};
    put_pcap_header(&snap, 0xa1b2c3d4, 3, 101);
    put_pcap_packet(&snap, 1, 0, 5, "hello");
    put_pcap_packet(&snap, 2, 0, 5, "world");
    assert_string_equal(story_of(&snap.out, snap.out.len), "1 1000000000 101 5 'hello'\n"
                                                           "2 2000000000 101 5 'world'\n");
}

/* Cut anywhere: what came before stands, and the error says where. */
static void test_pcap_cut(void **state) {
    struct writer w = {0};
    char expected[256];

    (void)state;
    put_pcap_header(&w, 0xa1b2c3d4, 65535, 1);
    put_pcap_packet(&w, 1, 0, 5, "hello");
    put_pcap_packet(&w, 2, 0, 5, "world");
    for (size_t len = 1; len < w.out.len; len++) {
        const char *story = story_of(&w.out, len);
        size_t in_packet = len < 24 ? 0 : (len - 24) % 21;
        if (len < 4)
            continue;
        if (len < 24)
            snprintf(expected, sizeof expected,
                     "byte %zu: the file header ends after %zu of 24 bytes", len, len);
        else if (in_packet == 0)
            expected[0] = '\0';
        else if (in_packet < 16)
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet's header ends after %zu of 16 bytes",
                     (len - 24) / 21 + 1, len - in_packet, in_packet);
        else
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet ends after %zu of 5 bytes",
                     (len - 24) / 21 + 1, len - in_packet, in_packet - 16);
        assert_string_equal(len < 45 ? story : strchr(story, '\n') + 1, expected);
    }
}

/* pcapng: a block of any type; options are given as bytes. */
static size_t block_begin(struct writer *w, uint32_t type) {
    size_t at = w->out.len;

    put32(w, type);
    put32(w, 0);
    return at;
}

static void block_end(struct writer *w, size_t at) {
    while (w->out.len % 4)
        put_u8(&w->out, 0);
    size_t end = w->out.len, len = end + 4 - at;
    put32(w, (uint32_t)len);
    memcpy(w->out.data + at + 4, w->out.data + end, 4);
}

static void put_shb(struct writer *w) {
    size_t at = block_begin(w, 0x0a0d0d0a);

    put32(w, 0x1a2b3c4d);
    put16(w, 1);
    put16(w, 0);
    put32(w, 0xffffffff);
    put32(w, 0xffffffff);
    block_end(w, at);
}

/* resolution, offset_s: 0 where the option is to be left out */
static void put_idb(struct writer *w, unsigned link_type, uint32_t snap_len, unsigned resolution,
                    uint32_t offset_s) {
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

static size_t epb_begin(struct writer *w, uint32_t interface, uint64_t ticks, uint32_t cap_len,
                        uint32_t wire_len, const char *text) {
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

static void put_epb(struct writer *w, uint32_t interface, uint64_t ticks, const char *text) {
    uint32_t len = (uint32_t)strlen(text);

    block_end(w, epb_begin(w, interface, ticks, len, len, text));
}

static void test_pcapng(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer w = {.big = big};
        size_t at;

        put_shb(&w);
        put_idb(&w, 1, 0, 0, 0);          /* microseconds */
        put_idb(&w, 113, 0, 9, 0);        /* nanoseconds */
        put_idb(&w, 101, 4, 0x80 | 1, 7); /* halves of seconds, from the seventh on */
        put_idb(&w, 276, 0, 12, 0);       /* picoseconds */
        put_epb(&w, 0, 1700000000123456, "one");
        put_epb(&w, 1, 1700000000123456789, "two");
        put_epb(&w, 2, 3, "three");
        put_epb(&w, 3, 1234567, "four");
        at = block_begin(&w, 2); /* obsolete packet: interface 1, two drops */
        put16(&w, 1);
        put16(&w, 2);
        put32(&w, 0);
        put32(&w, 5);
        put32(&w, 4);
        put32(&w, 40);
        put(&w.out, "five", 4);
        block_end(&w, at);
        at = block_begin(&w, 0x0bad); /* custom: a frame for Wireshark, nothing for us */
        put32(&w, 32473);
        block_end(&w, at);
        at = block_begin(&w, 4); /* names: passed over */
        put32(&w, 0);
        block_end(&w, at);
        at = epb_begin(&w, 0, 6, 3, 3, "six"); /* four packets dropped before it */
        put16(&w, 4);
        put16(&w, 8);
        put32(&w, big ? 0 : 4);
        put32(&w, big ? 4 : 0);
        put32(&w, 0);
        block_end(&w, at);
        at = block_begin(&w, 5); /* statistics of interface 0: 9 dropped in all */
        put32(&w, 0);
        put32(&w, 0);
        put32(&w, 0);
        put16(&w, 5);
        put16(&w, 8);
        put32(&w, big ? 0 : 9);
        put32(&w, big ? 9 : 0);
        put32(&w, 0);
        block_end(&w, at);
        w.big = !big; /* a section of the other order, its interfaces its own */
        put_shb(&w);
        put_idb(&w, 229, 3, 0, 0);
        at = block_begin(&w, 3); /* simple: cut to the snapshot length, no time */
        put32(&w, 10);
        put(&w.out, "sev", 3);
        block_end(&w, at);
        assert_string_equal(story_of(&w.out, w.out.len), "1 1700000000123456000 1 3 'one'\n"
                                                         "2 1700000000123456789 113 3 'two'\n"
                                                         "3 8500000000 101 5 'three'\n"
                                                         "4 1234 276 4 'four'\n"
                                                         "5 5 113 40 'five'\n"
                                                         "7 6000 1 3 'six'\n"
                                                         "8 6000 229 10 'sev'\n"
                                                         "dropped 11\n");
    }
}

static void test_pcapng_cut(void **state) {
    struct writer w = {0};

    (void)state;
    put_shb(&w);
    put_idb(&w, 1, 0, 0, 0);
    size_t first = w.out.len;
    put_epb(&w, 0, 1, "hello");
    for (size_t len = 4; len < w.out.len; len++) {
        const char *story = story_of(&w.out, len);
        if (len < 28)
            assert_int_equal(strncmp(story, "byte 0: ", 8), 0);
        else if (len == 28 || len == first)
            assert_string_equal(story, "");
        else if (len < first)
            assert_int_equal(strncmp(story, "frame 1, byte 28: the block", 27), 0);
        else if (len >= first + 12) {
            char expected[128];
            snprintf(expected, sizeof expected,
                     "frame 1, byte %zu: the packet's block ends after %zu of 40 bytes", first,
                     len - first);
            assert_string_equal(story, expected);
        }
    }
}

static void test_pcapng_damaged(void **state) {
    struct writer base = {0}, w;
    size_t at;

    (void)state;
    put_shb(&base);
    put_idb(&base, 1, 0, 0, 0);
    put_epb(&base, 0, 1, "hello");
    at = base.out.len;
#define FIRST "1 1000 1 5 'hello'\n"
    char place[32];
    snprintf(place, sizeof place, "frame 2, byte %zu: ", at);

    const char *const what[] = {
        "the packet names interface 7, and the section describes 1",
        "the block has room for 8 of the packet's 500 bytes",
        "a block of type 0x00000006 says that it has 10 bytes",
        "a block of type 0x00000006 says that it has 4294967292 bytes",
        "the block says 40 bytes in front and 44 at its end",
        "the section's byte order mark is broken",
    };
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        char expected[256];
        w = base;
        if (i == 0)
            put_epb(&w, 7, 1, "hello");
        else if (i == 1)
            block_end(&w, epb_begin(&w, 0, 1, 500, 500, "hello"));
        else
            put_epb(&w, 0, 1, "hello");
        struct bytes *b = &w.out;
        if (i == 2)
            b->data[at + 4] = 10;
        if (i == 3)
            memcpy(b->data + at + 4, "\xfc\xff\xff\xff", 4);
        if (i == 4)
            b->data[at + 36] = 44;
        if (i == 5)
            memcpy(b->data + at, "\x0a\x0d\x0d\x0a", 4);
        snprintf(expected, sizeof expected, FIRST "%s%s", place, what[i]);
        assert_string_equal(story_of(b, b->len), expected);
    }
}

/* A time that no clock shows must not overflow. */
static void test_absurd_times(void **state) {
    struct writer w = {0};

    (void)state;
    put_shb(&w);
    put_idb(&w, 1, 0, 0, 0);
    put_idb(&w, 1, 0, 0x80 | 127, 0);
    put_idb(&w, 1, 0, 0x80 | 63, 0);
    put_idb(&w, 1, 0, 19, 0);
    put_idb(&w, 1, 0, 0, 0xffffffff);
    for (uint32_t i = 0; i < 5; i++)
        put_epb(&w, i, UINT64_MAX, "");
    assert_string_equal(story_of(&w.out, w.out.len), "1 4294967296000000000 1 0 ''\n"
                                                     "2 0 1 0 ''\n"
                                                     "3 1999999999 1 0 ''\n"
                                                     "4 1844674407 1 0 ''\n"
                                                     "5 4294967296000000000 1 0 ''\n");
}

static void test_no_capture(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        enum capture_status status;
        const char *text;
    } cases[] = {
        {"", 0, CAPTURE_EMPTY, "the file is empty"},
        {"INVITE sip:a@b SIP/2.0\r\n", 24, CAPTURE_UNKNOWN,
         "expected a pcap or pcapng file, found text"},
        {"\x1f\x8b\x08\x00", 4, CAPTURE_UNKNOWN,
         "expected a pcap or pcapng file, found a file compressed with gzip: compressed captures "
         "are not read yet"},
        {"\x01\x02\x03\x04\x05", 5, CAPTURE_UNKNOWN,
         "expected a pcap or pcapng file, found data that begins with 01 02 03 04"},
        {"\x01", 1, CAPTURE_UNKNOWN, "expected a pcap or pcapng file, found a file of 1 byte"},
        {"\xd4\xc3\xb2\xa1\x02\x00", 6, CAPTURE_DAMAGED,
         "byte 6: the file header ends after 6 of 24 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes content = {0};
        struct capture_error error;
        put(&content, cases[i].bytes, cases[i].len);
        struct path path = write_file(&content, content.len);
        assert_null(capture_open(path.text, &error));
        assert_int_equal(capture_recognised(path.text), cases[i].status == CAPTURE_DAMAGED);
        unlink(path.text);
        assert_int_equal(error.status, cases[i].status);
        assert_string_equal(error.text, cases[i].text);
    }
    struct capture_error error;
    assert_null(capture_open("/nonexistent/x.pcap", &error));
    assert_int_equal(error.status, CAPTURE_OPEN_FAILED);
    assert_string_equal(error.text, "cannot open it: No such file or directory");
    assert_null(capture_open("/tmp", &error));
    assert_int_equal(error.status, CAPTURE_OPEN_FAILED);
    assert_string_equal(error.text, "cannot open it: it is a folder");
    assert_false(capture_recognised("/tmp"));
}

static void test_link_type_names(void **state) {
    (void)state;
    assert_string_equal(capture_link_type_name(1), "EN10MB");
    assert_string_equal(capture_link_type_name(101), "RAW");
    assert_string_equal(capture_link_type_name(113), "LINUX_SLL");
    assert_string_equal(capture_link_type_name(276), "LINUX_SLL2");
    assert_null(capture_link_type_name(65000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap),           cmocka_unit_test(test_pcap_cut),
        cmocka_unit_test(test_pcapng),         cmocka_unit_test(test_pcapng_cut),
        cmocka_unit_test(test_pcapng_damaged), cmocka_unit_test(test_absurd_times),
        cmocka_unit_test(test_no_capture),     cmocka_unit_test(test_link_type_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
