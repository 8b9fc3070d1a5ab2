/* Compressed captures: each format, members after one another, cut, broken, wrapped, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "capture_files.h"

/* ---- writers ---- */

static struct bytes gzipped(struct bytes plain) {
    struct bytes out = {0};
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain.data;
    z.avail_in = (uInt)plain.len;
    z.next_out = out.data;
    z.avail_out = sizeof out.data;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = sizeof out.data - z.avail_out;
    deflateEnd(&z);
    return out;
}

static struct bytes xzipped(struct bytes plain) {
    struct bytes out = {0};

    assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, plain.data, plain.len,
                                             out.data, &out.len, sizeof out.data),
                     LZMA_OK);
    return out;
}

static struct bytes zstded(struct bytes plain) {
    struct bytes out = {0};
    ZSTD_CCtx *zstd = ZSTD_createCCtx();

    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    out.len = ZSTD_compress2(zstd, out.data, sizeof out.data, plain.data, plain.len);
    ZSTD_freeCCtx(zstd);
    assert_false(ZSTD_isError(out.len));
    return out;
}

static struct bytes lz4ed(struct bytes plain) {
    const LZ4F_preferences_t checked = {.frameInfo.contentChecksumFlag =
                                            LZ4F_contentChecksumEnabled};
    uint8_t room[80 * 1024];
    struct bytes out = {0};

    size_t len = LZ4F_compressFrame(room, sizeof room, plain.data, plain.len, &checked);
    assert_false(LZ4F_isError(len));
    put(&out, room, len);
    return out;
}

static struct bytes bzipped(struct bytes plain) {
    struct bytes out = {0};
    unsigned len = sizeof out.data;

    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)out.data, &len, (char *)plain.data,
                                              (unsigned)plain.len, 1, 0, 0),
                     BZ_OK);
    out.len = len;
    return out;
}

static const struct {
    const char *name;
    struct bytes (*pack)(struct bytes plain);
    size_t last; /* what damages its check sum: this many bytes from the end */
} formats[] = {
    {"gzip", gzipped, 5}, {"zstd", zstded, 1},   {"xz", xzipped, 41},
    {"lz4", lz4ed, 1},    {"bzip2", bzipped, 2},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* ---- captures ---- */

#define STORY                                                                                      \
    "1 1000000000 1 5 'hello'\n"                                                                   \
    "2 2000000000 1 5 'world'\n"
enum { FIRST_AT = 24, SECOND_AT = 45, PLAIN_LEN = 66 };

static struct bytes plain_capture(void) {
    struct writer w = {0};

    put_pcap_header(&w, 0xa1b2c3d4, 65535, 1);
    put_pcap_packet(&w, 1, 0, 5, "hello");
    put_pcap_packet(&w, 2, 0, 5, "world");
    return w.out;
}

static struct bytes joined(struct bytes a, struct bytes b) {
    put_bytes(&a, b);
    return a;
}

static const char *all_of(struct bytes content) {
    return story_of(&content, content.len);
}

/* ---- tests ---- */

static void test_members(void **state) {
    struct bytes plain = plain_capture(), nothing = {0}, zeros = {.len = 12};
    struct bytes head = slice_bytes(plain, 0, 30), tail = slice_bytes(plain, 30, plain.len);

    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        struct bytes one = formats[i].pack(plain), two = formats[i].pack(head);
        struct bytes rest = formats[i].pack(tail), empty = formats[i].pack(nothing);

        assert_string_equal(all_of(one), STORY);
        assert_string_equal(all_of(joined(two, rest)), STORY);
        assert_string_equal(all_of(joined(joined(joined(empty, two), empty), rest)), STORY);
        assert_string_equal(all_of(joined(joined(two, zeros), joined(rest, zeros))), STORY);
    }
    /* a skippable frame in front, as parallel zstd writes it */
    struct bytes skipped = {0};
    put(&skipped, "\x53\x2a\x4d\x18\x04\0\0\0abcd", 12);
    assert_string_equal(all_of(joined(skipped, zstded(plain))), STORY);
}

/* What follows is neither zeros nor another member. */
static void test_garbage_behind(void **state) {
    struct bytes plain = plain_capture(), garbage = {0};
    char expected[256];

    (void)state;
    put(&garbage, "\0\0garbage", 9);
    for (size_t i = 0; i < FORMATS; i++) {
        struct bytes packed = formats[i].pack(plain);
        snprintf(expected, sizeof expected,
                 STORY "frame 3, byte 66 (uncompressed): cannot read on: the %s data stops at its "
                       "byte %zu: what follows is something else",
                 formats[i].name, packed.len + 2);
        assert_string_equal(all_of(joined(packed, garbage)), expected);
    }
}

/* Cut anywhere: whole packets that came out stand, and it is said where the data ends. */
static void test_cut(void **state) {
    struct bytes plain = plain_capture();
    char where[256];

    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        struct bytes packed = formats[i].pack(plain);
        for (size_t len = 16; len < packed.len; len++) {
            const char *story = story_of(&packed, len);
            snprintf(where, sizeof where, "the %s data stops at its byte %zu: the file ends there",
                     formats[i].name, len);
            const char *found = strstr(story, where);
            assert_non_null(found);
            assert_string_equal(found, where);
        }
    }
    /* as much as came out before the end: zlib gives every byte */
    struct bytes packed = gzipped(plain);
    snprintf(where, sizeof where,
             STORY "frame 3, byte 66 (uncompressed): cannot read on: the gzip data stops at its "
                   "byte %zu: the file ends there",
             packed.len - 8);
    assert_string_equal(story_of(&packed, packed.len - 8), where);
}

static void test_check_sums(void **state) {
    struct bytes plain = plain_capture();

    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        struct bytes packed = formats[i].pack(plain);
        packed.data[packed.len - formats[i].last] ^= 0x10;
        const char *story = all_of(packed);
        char expected[64];
        snprintf(expected, sizeof expected, "the %s data stops at its byte ", formats[i].name);
        const char *where = strstr(story, expected);
        assert_non_null(where);
        /* near the end, where it is */
        size_t at = strtoul(where + strlen(expected), NULL, 10);
        if (at < packed.len / 2 || at > packed.len)
            fail_msg("%s of %zu bytes: %s", formats[i].name, packed.len, where);
        assert_null(strstr(story, "the file ends there"));
        assert_null(strstr(story, "something else"));
    }
    /* the data before a wrong sum is there */
    struct bytes packed = gzipped(plain);
    packed.data[packed.len - 5] ^= 1;
    assert_int_equal(strncmp(all_of(packed), STORY, strlen(STORY)), 0);
}

/* Every byte changed in turn: no crash, and an answer. */
static void test_broken_anywhere(void **state) {
    struct bytes plain = plain_capture();

    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        struct bytes packed = formats[i].pack(plain);
        for (size_t at = 0; at < packed.len; at++) {
            packed.data[at] ^= 0xff;
            all_of(packed);
            packed.data[at] ^= 0xff;
        }
    }
}

static void test_wrapped(void **state) {
    struct bytes plain = plain_capture(), wrapped = plain, text = {0}, tar = {.len = 512};

    (void)state;
    for (size_t depth = 0; depth < CAPTURE_COMPRESSION_MAX; depth++) {
        wrapped = formats[depth % FORMATS].pack(wrapped);
        assert_string_equal(all_of(wrapped), STORY);
    }
    assert_string_equal(all_of(gzipped(wrapped)), "it is compressed more than 4 times over");
    /* where data that is wrapped ends, it is said of which */
    struct bytes inner = gzipped(plain), cut = slice_bytes(inner, 0, inner.len - 8);
    const char *end = strstr(all_of(xzipped(cut)), "the gzip data stops at its byte ");
    assert_non_null(end);
    assert_non_null(strstr(end, ": the file ends there"));

    put(&text, "hello", 5);
    assert_string_equal(
        all_of(gzipped(text)),
        "expected a pcap, pcapng, snoop or Network Monitor file, found text compressed with gzip");
    assert_string_equal(all_of(zstded(gzipped(text))),
                        "expected a pcap, pcapng, snoop or Network Monitor file, found text "
                        "compressed with gzip and zstd");
    memcpy(tar.data + 257, "ustar", 5);
    assert_string_equal(all_of(gzipped(tar)),
                        "expected a pcap, pcapng, snoop or Network Monitor file, found a tar "
                        "archive compressed with gzip: unpack it");
    assert_string_equal(all_of(gzipped((struct bytes){0})),
                        "it holds a file of no bytes compressed with gzip");
}

/* Windows beyond the bound are refused before anything of that size is asked for. */
static void test_memory_bound(void **state) {
    /* RFC 8878, 3.1.1.1.2: a window of 2^28 bytes; one raw block of nothing */
    static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0, (28 - 10) << 3, 1, 0, 0};
    struct bytes large = {0}, xz = xzipped(plain_capture());

    (void)state;
    put(&large, zstd, sizeof zstd);
    assert_string_equal(all_of(large), "cannot read it: the zstd data stops at its byte 5: more "
                                       "than 128 MiB of memory are needed to go on");
    /* the block header of xz: size, flags, filter 0x21 with one byte of properties, which is the
     * dictionary's size: 28: 64 MiB, 30: 128 MiB, 32: 256 MiB; then padding and check sum */
    for (uint8_t size = 28; size <= 32; size = (uint8_t)(size + 2)) {
        uint8_t *header = xz.data + 12;
        size_t len = ((size_t)header[0] + 1) * 4;
        size_t at = (header[1] & 0x40 ? 4 : 2);
        while (header[at] != 0x21)
            at++;
        header[at + 2] = size;
        uint32_t sum = lzma_crc32(header, len - 4, 0);
        for (int i = 0; i < 4; i++)
            header[len - 4 + (size_t)i] = (uint8_t)(sum >> (8 * i));
        if (size < 32)
            assert_non_null(strstr(all_of(xz), STORY));
        else
            assert_non_null(strstr(all_of(xz), "more than 128 MiB of memory are needed"));
    }
}

static void test_recognised(void **state) {
    struct bytes plain = plain_capture(), text = {0};
    struct capture_error error;
    const struct {
        struct bytes content;
        size_t len;
        enum capture_status status;
    } cases[] = {
        {gzipped(plain), 0, CAPTURE_OK},       {zstded(lz4ed(plain)), 0, CAPTURE_OK},
        {gzipped(text), 0, CAPTURE_EMPTY},     {gzipped(plain), 40, CAPTURE_OK},
        {gzipped(plain), 12, CAPTURE_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct path path =
            write_file(&cases[i].content, cases[i].len ? cases[i].len : cases[i].content.len);
        assert_int_equal(capture_recognise(path.text, &error), cases[i].status);
        unlink(path.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_garbage_behind),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_check_sums),
        cmocka_unit_test(test_broken_anywhere),
        cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_memory_bound),
        cmocka_unit_test(test_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
