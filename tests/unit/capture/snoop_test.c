/* snoop files (RFC 1761): link types, drops, filling, and where they are cut or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_files.h"

enum { FILE_HEADER_LEN = 16, PACKET_HEADER_LEN = 24 };

static struct writer snoop_of(uint32_t version, uint32_t network) {
    struct writer w = {.big = true};

    put(&w.out, "snoop\0\0\0", 8);
    put32(&w, version);
    put32(&w, network);
    return w;
}

static void put_packet(struct writer *w, uint32_t wire_len, uint32_t filling, uint32_t dropped,
                       uint32_t us, const char *text) {
    uint32_t len = (uint32_t)strlen(text);

    put32(w, wire_len);
    put32(w, len);
    put32(w, PACKET_HEADER_LEN + len + filling);
    put32(w, dropped);
    put32(w, 1700000000);
    put32(w, us);
    put(&w->out, text, len);
    for (uint32_t i = 0; i < filling; i++)
        put_u8(&w->out, 0xee);
}

static void test_packets(void **state) {
    struct writer w = snoop_of(2, 4);

    (void)state;
    assert_string_equal(story_of(&w.out, w.out.len), "");
    put_packet(&w, 5, 3, 0, 123456, "hello");
    put_packet(&w, 60, 0, 7, 999999, "cut!");
    put_packet(&w, 2, 2, 7, 0xffffffff, "longer");
    assert_string_equal(story_of(&w.out, w.out.len), "1 1700000000123456000 1 5 'hello'\n"
                                                     "2 1700000000999999000 1 60 'cut!'\n"
                                                     "3 1700000000000000000 1 6 'longer'\n"
                                                     "dropped 7\n");
}

static void test_link_types(void **state) {
    static const struct {
        uint32_t network;
        int link_type;
    } cases[] = {
        {0, 1},
        {1, 0xffff},
        {2, 6},
        {3, 0xffff},
        {4, 1},
        {5, 0xffff},
        {8, 10},
        {16, 122},
        {18, 123},
        {22, 1},
        {24, 1},
        {25, 1},
        {0x80000005, 226},
        {9, 0xffff},
        {26, 0xffff},
        {27, 0xffff},
        {0xffffffff, 0xffff},
    };
    char expected[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer w = snoop_of(2, cases[i].network);
        put_packet(&w, 1, 3, 0, 0, "a");
        snprintf(expected, sizeof expected, "1 1700000000000000000 %d 1 'a'\n", cases[i].link_type);
        assert_string_equal(story_of(&w.out, w.out.len), expected);
    }
    assert_string_equal(capture_link_type_name(0xffff), "OTHER");
}

/* Cut anywhere: what came before stands, and the error says where. */
static void test_cut(void **state) {
    struct writer w = snoop_of(2, 4);
    char expected[256];

    (void)state;
    put_packet(&w, 5, 3, 0, 0, "hello");
    put_packet(&w, 5, 3, 0, 0, "world");
    for (size_t len = 8; len < w.out.len; len++) {
        const char *story = story_of(&w.out, len);
        size_t in_packet = len < FILE_HEADER_LEN ? 0 : (len - FILE_HEADER_LEN) % 32;
        size_t no = len < FILE_HEADER_LEN ? 0 : (len - FILE_HEADER_LEN) / 32 + 1;
        if (len < FILE_HEADER_LEN)
            snprintf(expected, sizeof expected,
                     "byte %zu: the file header ends after %zu of 16 bytes", len, len);
        else if (in_packet == 0 || in_packet >= PACKET_HEADER_LEN + 5)
            expected[0] = '\0'; /* nothing of a packet is missing */
        else if (in_packet < PACKET_HEADER_LEN)
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet's header ends after %zu of 24 bytes", no,
                     len - in_packet, in_packet);
        else
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet ends after %zu of 5 bytes", no,
                     len - in_packet, in_packet - PACKET_HEADER_LEN);
        const char *last = strrchr(story, '\n');
        assert_string_equal(last ? last + 1 : story, expected);
        size_t whole = in_packet >= PACKET_HEADER_LEN + 5 ? no : no ? no - 1 : 0;
        for (const char *line = story; whole; whole--, line++)
            assert_non_null(line = strchr(line, '\n'));
    }
}

static void test_broken(void **state) {
    static const struct {
        size_t at;
        uint32_t value;
        const char *expected;
    } cases[] = {
        {8, 1, "byte 8: snoop version 1 is not known"},
        {8, 3, "byte 8: snoop version 3 is not known"},
        {20, 262145,
         "frame 1, byte 16: invalid packet capture length 262145, bigger than maximum of 262144"},
        {24, 28, "frame 1, byte 16: invalid record length 28 for a packet of 5 bytes"},
        {24, 5000, "frame 1, byte 16: invalid record length 5000 for a packet of 5 bytes"},
        {24, 0, "frame 1, byte 16: invalid record length 0 for a packet of 5 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer w = snoop_of(2, 4), value = {.big = true};
        put_packet(&w, 5, 0, 0, 0, "hello");
        put32(&value, cases[i].value);
        memcpy(w.out.data + cases[i].at, value.out.data, 4);
        assert_string_equal(story_of(&w.out, w.out.len), cases[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_link_types),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
