/* pcapng files: sections of both byte orders, every kind of block, damage, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_files.h"

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

static void put_option(struct writer *w, unsigned code, const void *value, unsigned len) {
    put16(w, code);
    put16(w, len);
    put(&w->out, value, len);
    while (w->out.len % 4)
        put_u8(&w->out, 0);
}

/* A length that leaves out the padding, as some writers have it. */
static void test_lengths_without_padding(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer w = {.big = big};
        put_shb(&w);
        put_idb(&w, 1, 0, 0, 0);
        size_t at = w.out.len;
        put_epb(&w, 0, 1, "hello"); /* 40 bytes, 3 of them padding */
        w.out.data[at + (big ? 7 : 4)] = 37;
        w.out.data[at + (big ? 39 : 36)] = 37;
        put_epb(&w, 0, 2, "world");
        assert_string_equal(story_of(&w.out, w.out.len), "1 1000 1 5 'hello'\n"
                                                         "2 2000 1 5 'world'\n");
    }
}

/* The frame check sequence: for all packets of an interface in bits or bytes, for one in its flags.
 */
static void test_fcs(void **state) {
    static const struct {
        uint8_t if_fcslen, flags;
        const char *packet;
    } cases[] = {
        {0, 0, "hello1234"},  {32, 0, "hello"},        {16, 0, "hello12"},  {4, 0, "hello"},
        {0, 4 << 5, "hello"}, {32, 2 << 5, "hello12"}, {0, 3, "hello1234"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        struct writer w = {.big = i % 2}, flags = {.big = i % 2};
        size_t at;
        char expected[64];
        put_shb(&w);
        at = block_begin(&w, 1);
        put16(&w, 1);
        put16(&w, 0);
        put32(&w, 0);
        if (cases[i / 2].if_fcslen)
            put_option(&w, 13, &cases[i / 2].if_fcslen, 1);
        block_end(&w, at);
        at = epb_begin(&w, 0, 1, 9, 9, "hello1234");
        put32(&flags, cases[i / 2].flags);
        if (cases[i / 2].flags)
            put_option(&w, 2, flags.out.data, 4);
        block_end(&w, at);
        snprintf(expected, sizeof expected, "1 1000 1 %zu '%s'\n", strlen(cases[i / 2].packet),
                 cases[i / 2].packet);
        assert_string_equal(story_of(&w.out, w.out.len), expected);
    }
}

/* Options that run beyond their block: of an interface the end, of others as if they were not. */
static void test_options_overrun(void **state) {
    struct writer base = {0}, w;

    (void)state;
    put_shb(&base);
    w = base;
    size_t at = block_begin(&w, 1);
    put16(&w, 1);
    put16(&w, 0);
    put32(&w, 0);
    put16(&w, 9);
    put16(&w, 400);
    put32(&w, 9);
    block_end(&w, at);
    put_epb(&w, 0, 1, "hello");
    assert_string_equal(
        story_of(&w.out, w.out.len),
        "frame 1, byte 28: an option of the interface description runs beyond its block");

    w = base;
    put_idb(&w, 1, 0, 0, 0);
    at = epb_begin(&w, 0, 1, 5, 5, "hello");
    put16(&w, 4);
    put16(&w, 400);
    put32(&w, 9);
    block_end(&w, at);
    at = block_begin(&w, 5);
    for (int i = 0; i < 3; i++)
        put32(&w, 0);
    put16(&w, 5);
    put16(&w, 8);
    put32(&w, 9);
    block_end(&w, at);
    put_epb(&w, 0, 2, "world");
    assert_string_equal(story_of(&w.out, w.out.len), "1 1000 1 5 'hello'\n"
                                                     "2 2000 1 5 'world'\n");
}

/* What Wireshark numbers as a frame counts, what it does not, does not. */
static void test_frame_numbers(void **state) {
    static const struct {
        uint32_t type;
        bool numbered;
    } cases[] = {
        {4, false},     {5, false},         {7, false},          {8, false},          {9, true},
        {11, false},    {0x204, true},      {0x208, false},      {0x216, true},       {0x221, true},
        {0x0bad, true}, {0x40000bad, true}, {0x7fffffff, false}, {0x80000001, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer w = {0};
        put_shb(&w);
        put_idb(&w, 1, 0, 0, 0);
        size_t at = block_begin(&w, cases[i].type);
        for (int n = 0; n < 5; n++)
            put32(&w, 0);
        block_end(&w, at);
        put_epb(&w, 0, 1, "hello");
        assert_string_equal(story_of(&w.out, w.out.len),
                            cases[i].numbered ? "2 1000 1 5 'hello'\n" : "1 1000 1 5 'hello'\n");
    }
}

static void test_interfaces(void **state) {
    struct writer w = {0};
    struct capture_error error;
    struct frame frame;
    static const uint32_t expected[] = {0, 1, 0, 1, 0};

    (void)state;
    put_shb(&w);
    put_idb(&w, 1, 0, 0, 0);
    put_idb(&w, 113, 0, 0, 0);
    put_epb(&w, 0, 5, "a");
    put_epb(&w, 1, 4, "b"); /* in the order of the file, not of time */
    put_epb(&w, 0, 6, "c");
    put_epb(&w, 1, 7, "d");
    put_shb(&w);
    put_idb(&w, 1, 0, 0, 0);
    put_epb(&w, 0, 8, "e");
    struct path path = write_file(&w.out, w.out.len);
    struct capture *capture = capture_open(path.text, &error);
    unlink(path.text);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(capture_next(capture, &frame, &error), CAPTURE_OK);
        assert_int_equal(frame.interface, expected[i]);
        assert_int_equal(frame.bytes.ptr[0], 'a' + i);
    }
    capture_close(capture);
}

static void put_dsb(struct writer *w, uint32_t type, const char *text) {
    size_t at = block_begin(w, 10);

    put32(w, type);
    put32(w, (uint32_t)strlen(text));
    put(&w->out, text, strlen(text));
    block_end(w, at);
}

#define TLS_KEY_LOG 0x544c534b

static void test_secrets(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer w = {.big = big};
        struct capture_error error;
        struct frame frame;
        put_shb(&w);
        put_idb(&w, 1, 0, 0, 0);
        put_dsb(&w, TLS_KEY_LOG, "CLIENT_RANDOM aa bb\n");
        put_dsb(&w, 0x57474b4c, "LOCAL_STATIC_PRIVATE_KEY = x\n"); /* WireGuard's */
        put_dsb(&w, TLS_KEY_LOG, "CLIENT_RANDOM cc dd");           /* no line end */
        put_dsb(&w, TLS_KEY_LOG, "");
        put_epb(&w, 0, 1, "one");
        put_epb(&w, 0, 2, "two");
        put_dsb(&w, TLS_KEY_LOG, "CLIENT_RANDOM ee ff\n");
        struct path path = write_file(&w.out, w.out.len);
        struct capture *capture = capture_open(path.text, &error);
        unlink(path.text);
        assert_int_equal(capture_take_secrets(capture).len, 0);
        assert_int_equal(capture_next(capture, &frame, &error), CAPTURE_OK);
        struct slice text = capture_take_secrets(capture);
        assert_true(slice_eq(text, SLICE_LITERAL("CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n")));
        assert_int_equal(capture_take_secrets(capture).len, 0);
        assert_int_equal(capture_next(capture, &frame, &error), CAPTURE_OK);
        assert_int_equal(capture_take_secrets(capture).len, 0);
        assert_int_equal(capture_next(capture, &frame, &error), CAPTURE_END);
        assert_true(
            slice_eq(capture_take_secrets(capture), SLICE_LITERAL("CLIENT_RANDOM ee ff\n")));
        capture_close(capture);
    }

    struct writer broken = {0};
    put_shb(&broken);
    put_dsb(&broken, TLS_KEY_LOG, "CLIENT_RANDOM aa bb\n");
    broken.out.data[28 + 12] = 21;
    assert_string_equal(story_of(&broken.out, broken.out.len),
                        "frame 1, byte 28: the secrets run beyond their block");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcapng),
        cmocka_unit_test(test_pcapng_cut),
        cmocka_unit_test(test_pcapng_damaged),
        cmocka_unit_test(test_lengths_without_padding),
        cmocka_unit_test(test_fcs),
        cmocka_unit_test(test_options_overrun),
        cmocka_unit_test(test_frame_numbers),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_absurd_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
