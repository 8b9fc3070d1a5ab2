/* Files of Network Monitor: both versions, their frame table and what comes without it, trailers,
 * times, and where they are cut or broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include <cmocka.h>

#include "capture_files.h"

enum { FILE_HEADER_LEN = 128, TABLE_AT = 24, TABLE_LEN_AT = 28 };

/* A file in the making. */
struct netmon {
    struct writer w;
    unsigned minor;
    uint32_t table[16];
    uint32_t frames;
};

static void patch32(struct netmon *n, size_t at, uint32_t v) {
    struct writer value = {0};

    put32(&value, v);
    memcpy(n->w.out.data + at, value.out.data, 4);
}

/* From 2023-11-14 22:13:20.250 on. */
static struct netmon netmon_of(unsigned major, unsigned minor, unsigned network) {
    static const unsigned start[] = {2023, 11, 2, 14, 22, 13, 20, 250};
    struct netmon n = {.minor = minor};

    put(&n.w.out, major == 1 ? "RTSS" : "GMBU", 4);
    put_u8(&n.w.out, minor);
    put_u8(&n.w.out, major);
    put16(&n.w, network);
    for (size_t i = 0; i < 8; i++)
        put16(&n.w, start[i]);
    while (n.w.out.len < FILE_HEADER_LEN)
        put_u8(&n.w.out, 0);
    return n;
}

/* network, filetime: of the trailer */
static void put_frame(struct netmon *n, uint64_t us, uint32_t wire_len, const char *text,
                      unsigned network, uint64_t filetime) {
    uint32_t len = (uint32_t)strlen(text);

    n->table[n->frames++] = (uint32_t)n->w.out.len;
    put32(&n->w, (uint32_t)us);
    put32(&n->w, (uint32_t)(us >> 32));
    put32(&n->w, wire_len);
    put32(&n->w, len);
    put(&n->w.out, text, len);
    if (n->minor >= 1)
        put16(&n->w, network);
    if (n->minor >= 2)
        put32(&n->w, 0xffffffff);
    if (n->minor >= 3) {
        put32(&n->w, (uint32_t)filetime);
        put32(&n->w, (uint32_t)(filetime >> 32));
        put_u8(&n->w.out, 0);
    }
}

static void put_table(struct netmon *n) {
    patch32(n, TABLE_AT, (uint32_t)n->w.out.len);
    patch32(n, TABLE_LEN_AT, n->frames * 4);
    for (uint32_t i = 0; i < n->frames; i++)
        put32(&n->w, n->table[i]);
}

static const char *story(const struct netmon *n) {
    return story_of(&n->w.out, n->w.out.len);
}

/* The same compressed, so that it can be read front to back only. */
static const char *packed_story(const struct netmon *n) {
    struct bytes plain = n->w.out, packed = {0};
    z_stream z = {.next_in = plain.data, .avail_in = (uInt)plain.len};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = packed.data;
    z.avail_out = sizeof packed.data;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed.len = z.total_out;
    deflateEnd(&z);
    return story_of(&packed, packed.len);
}

static void test_version_2(void **state) {
    static const char expected[] = "1 1700000000250000000 1 5 'hello'\n"
                                   "2 1700000001373456000 1 60 'cut'\n";
    struct netmon n = netmon_of(2, 0, 1);

    (void)state;
    put_frame(&n, 0, 5, "hello", 0, 0);
    put_frame(&n, 1123456, 60, "cut", 0, 0);
    /* broken off: no table, and no word of one */
    assert_string_equal(story(&n), expected);
    put_table(&n);
    assert_string_equal(story(&n), expected);
    assert_string_equal(packed_story(&n), expected);
}

static void test_version_1(void **state) {
    struct netmon n = netmon_of(1, 1, 2);

    (void)state;
    n.table[n.frames++] = (uint32_t)n.w.out.len;
    put32(&n.w, 2001);
    put16(&n.w, 60);
    put16(&n.w, 3);
    put(&n.w.out, "cut", 3);
    put_table(&n);
    assert_string_equal(story(&n), "1 1700000002251000000 6 60 'cut'\n");
    assert_string_equal(packed_story(&n), "1 1700000002251000000 6 60 'cut'\n");
}

/* Network, process and time of each frame. */
static void test_trailers(void **state) {
    const uint64_t filetime = 116444736000000000 + 17000000100000007;

    (void)state;
    for (unsigned minor = 1; minor <= 4; minor++) {
        struct netmon n = netmon_of(2, minor, 1);
        put_frame(&n, 0, 5, "hello", 1, filetime);
        put_frame(&n, 1, 5, "world", 9, 0);
        put_table(&n);
        const char *expected = minor < 3 ? "1 1700000000250000000 1 5 'hello'\n"
                                           "2 1700000000250001000 101 5 'world'\n"
                                         : "1 1700000010000000700 1 5 'hello'\n"
                                           "2 1700000000250001000 101 5 'world'\n";
        assert_string_equal(story(&n), expected);
        assert_string_equal(packed_story(&n), expected);
    }
}

static void test_networks(void **state) {
    static const struct {
        unsigned network;
        int link_type; /* -1: no frame of a network */
    } cases[] = {
        {0, 1},        {1, 1},       {2, 6},        {3, 10},          {4, 0xffff},
        {5, 0xffff},   {7, 101},     {8, 101},      {9, 101},         {10, 0xffff},
        {0xe071, 113}, {0xe001, 1},  {0xe080, 105}, {0xe081, 0xffff}, {0xe08a, 0xffff},
        {0xe114, 276}, {0xffe0, -1}, {0xfffb, -1},  {0xffff, -1},     {0x1234, 0xffff},
    };
    char expected[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct netmon n = netmon_of(2, 1, 1);
        put_frame(&n, 0, 1, "a", cases[i].network, 0);
        put_frame(&n, 0, 1, "b", 1, 0);
        put_table(&n);
        int len = cases[i].link_type < 0
                      ? 0
                      : snprintf(expected, sizeof expected, "1 1700000000250000000 %d 1 'a'\n",
                                 cases[i].link_type);
        snprintf(expected + len, sizeof expected - (size_t)len, "2 1700000000250000000 1 1 'b'\n");
        assert_string_equal(story(&n), expected);
    }
    /* what Wireshark does not count */
    for (unsigned network = 0xfffc; network <= 0xfffe; network++) {
        struct netmon n = netmon_of(2, 1, 1);
        put_frame(&n, 0, 1, "a", network, 0);
        put_frame(&n, 0, 1, "b", 1, 0);
        put_table(&n);
        assert_string_equal(story(&n), "1 1700000000250000000 1 1 'b'\n");
    }
}

/* What stands before 802.11 frames goes; where its length cannot be, it stays. */
static void test_wifi(void **state) {
    char text[48];
    struct netmon n = netmon_of(2, 1, 1);

    (void)state;
    memset(text, 'm', sizeof text);
    memcpy(text, "\2\x20\1", 3); /* a length of 288: too long */
    memcpy(text + 32, "frame", 6);
    put_frame(&n, 0, 99, text, 6, 0);
    struct netmon good = n;
    good.w.out.data[FILE_HEADER_LEN + 16 + 2] = 0;
    assert_string_equal(story(&good), "1 1700000000250000000 105 67 'frame'\n");
    good.w.out.data[FILE_HEADER_LEN + 16 + 1] = 31;
    assert_non_null(strstr(story(&good), " 105 99 '"));
    assert_non_null(strstr(story(&n), " 105 99 '"));
}

static void test_times(void **state) {
    /* times ten, a signed number of 100 ns */
    static const struct {
        uint64_t us;
        const char *t_ns;
    } cases[] = {
        {UINT64_C(1844674407370955162), "1700000000250000400"},
        {UINT64_C(1844674407370955161), "1700000000249999400"},
        {UINT64_C(1844674407369955162), "1699999999250000400"}, /* a second before */
        {UINT64_C(1842674407370955161), "0"},                   /* many years before */
        {UINT64_C(1) << 62, "0"},
        {UINT64_C(250000000000000000), "4294967296000000000"},
    };
    char expected[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct netmon n = netmon_of(2, 0, 1);
        put_frame(&n, cases[i].us, 1, "a", 0, 0);
        snprintf(expected, sizeof expected, "1 %s 1 1 'a'\n", cases[i].t_ns);
        assert_string_equal(story(&n), expected);
    }
    /* starts that no clock shows */
    for (unsigned year = 0; year < 65536; year += 65535) {
        struct netmon n = netmon_of(2, 0, 1);
        n.w.out.data[8] = (uint8_t)year;
        n.w.out.data[9] = (uint8_t)(year >> 8);
        put_frame(&n, 5, 1, "a", 0, 0);
        assert_string_equal(story(&n),
                            year ? "1 4294967296000000000 1 1 'a'\n" : "1 5000 1 1 'a'\n");
    }
}

/* Frames that do not lie one after another. */
static void test_holes(void **state) {
    struct netmon n = netmon_of(2, 0, 1);

    (void)state;
    for (int i = 0; i < 9; i++)
        put_u8(&n.w.out, 0xff);
    put_frame(&n, 0, 5, "hello", 0, 0);
    for (int i = 0; i < 40; i++)
        put_u8(&n.w.out, 0xff);
    put_frame(&n, 1, 5, "world", 0, 0);
    put_table(&n);
    assert_string_equal(story(&n), "1 1700000000250000000 1 5 'hello'\n"
                                   "2 1700000000250001000 1 5 'world'\n");
    assert_string_equal(
        packed_story(&n),
        "frame 1, byte 128 (uncompressed): no frame follows the one before; where they are, the "
        "frame table tells, which can be followed in an uncompressed file only");
    /* before the one that came before it */
    struct netmon back = n;
    patch32(&back, n.w.out.len - 4, n.table[0]);
    assert_string_equal(story(&back), "1 1700000000250000000 1 5 'hello'\n"
                                      "frame 2, byte 137: the frame table names it behind byte "
                                      "158");
    /* outside of the file */
    struct netmon outside = n;
    patch32(&outside, n.w.out.len - 4, 0xfffffff0);
    assert_string_equal(story(&outside), "1 1700000000250000000 1 5 'hello'\n"
                                         "frame 2, byte 4294967280: the file ends before it");
}

/* Cut anywhere: the table is gone, the frames are taken one after another. */
static void test_cut(void **state) {
    struct netmon n = netmon_of(2, 0, 1);
    char expected[256];

    (void)state;
    put_frame(&n, 0, 5, "hello", 0, 0);
    put_frame(&n, 0, 5, "world", 0, 0);
    put_table(&n);
    for (size_t len = 4; len < n.w.out.len; len++) {
        const char *is = story_of(&n.w.out, len);
        const char *last = strrchr(is, '\n');
        size_t no = len < FILE_HEADER_LEN ? 0 : (len - FILE_HEADER_LEN) / 21;
        size_t in_packet = len < FILE_HEADER_LEN ? 0 : (len - FILE_HEADER_LEN) % 21;
        if (len < FILE_HEADER_LEN)
            snprintf(expected, sizeof expected,
                     "byte %zu: the file header ends after %zu of 128 bytes", len, len);
        else if (no == 2)
            expected[0] = '\0';
        else if (in_packet == 0)
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the file ends before its frame table", no + 1, len);
        else if (in_packet < 16)
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet's header ends after %zu of 16 bytes", no + 1,
                     len - in_packet, in_packet);
        else
            snprintf(expected, sizeof expected,
                     "frame %zu, byte %zu: the packet ends after %zu of 5 bytes", no + 1,
                     len - in_packet, in_packet - 16);
        assert_string_equal(last ? last + 1 : is, expected);
    }
}

static void test_broken(void **state) {
    struct netmon n = netmon_of(2, 0, 1);

    (void)state;
    put_frame(&n, 0, 5, "hello", 0, 0);
    put_table(&n);
    struct netmon version = n;
    version.w.out.data[5] = 3;
    assert_string_equal(story(&version), "byte 4: Network Monitor version 3.0 is not known");
    struct netmon large = n;
    patch32(&large, FILE_HEADER_LEN + 12, 262145);
    assert_string_equal(story(&large), "frame 1, byte 128: invalid packet capture length");
    /* a table of more than there is is none */
    struct netmon long_table = n;
    patch32(&long_table, TABLE_LEN_AT, 0xffffffff);
    assert_string_equal(story(&long_table), "1 1700000000250000000 1 5 'hello'\n");
    /* a table within the file header, of a file that can be read front to back only */
    struct netmon early = n;
    patch32(&early, TABLE_AT, 60);
    assert_non_null(strstr(packed_story(&early), "no frame follows the one before"));
    /* a table of nothing */
    struct netmon empty = netmon_of(2, 0, 1);
    patch32(&empty, TABLE_AT, FILE_HEADER_LEN);
    assert_string_equal(story(&empty), "");
    assert_string_equal(packed_story(&empty), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_2), cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_trailers),  cmocka_unit_test(test_networks),
        cmocka_unit_test(test_wifi),      cmocka_unit_test(test_times),
        cmocka_unit_test(test_holes),     cmocka_unit_test(test_cut),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
