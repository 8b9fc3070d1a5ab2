/* pcap files of every flavour, cut ones, and what is said of files that are no captures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture_files.h"

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

static void test_no_capture(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        enum capture_status status;
        const char *text;
    } cases[] = {
        {"", 0, CAPTURE_EMPTY, "the file is empty"},
        {"INVITE sip:a@b SIP/2.0\r\n", 24, CAPTURE_UNKNOWN,
         "expected a pcap, pcapng, snoop or Network Monitor file, found text"},
        {"PK\x03\x04", 4, CAPTURE_OTHER,
         "expected a pcap, pcapng, snoop or Network Monitor file, found a zip archive: unpack it"},
        {"TRSNIFF data    \x1a\1", 18, CAPTURE_OTHER,
         "expected a pcap, pcapng, snoop or Network Monitor file, found a Sniffer capture: editcap "
         "makes one"},
        {"\x01\x02\x03\x04\x05", 5, CAPTURE_UNKNOWN,
         "expected a pcap, pcapng, snoop or Network Monitor file, found data that begins with 01 "
         "02 03 04"},
        {"%PDF-1.4", 8, CAPTURE_UNKNOWN,
         "expected a pcap, pcapng, snoop or Network Monitor file, found a PDF document"},
        {"\x01", 1, CAPTURE_UNKNOWN,
         "expected a pcap, pcapng, snoop or Network Monitor file, found a file of 1 byte"},
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
        /* a file header that is cut is one nevertheless */
        assert_int_equal(capture_recognise(path.text, &error),
                         cases[i].status == CAPTURE_DAMAGED ? CAPTURE_OK : cases[i].status);
        assert_null(capture_open(path.text, &error));
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
    assert_int_equal(capture_recognise("/tmp", &error), CAPTURE_OPEN_FAILED);
}

/* Headers that systems of their own wrote: with the mark of Kuznetsov's patch, and without any. */
static void test_odd_packet_headers(void **state) {
    static const struct {
        uint32_t magic;
        size_t extra;
    } cases[] = {
        {0xa1b2cd34, 8}, {0xa1b2cd34, 12}, {0xa1b2c3d4, 8}, {0xa1b2c3d4, 4}, {0xa1b23c4d, 4}};

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        struct writer w = {.big = i % 2};
        bool ns = cases[i / 2].magic == 0xa1b23c4d;
        put_pcap_header(&w, cases[i / 2].magic, 65535, 1);
        char expected[1024] = "";
        size_t at = 0;
        for (uint32_t n = 0; n < 8; n++) {
            put32(&w, 1700000000 + n);
            put32(&w, 1000);
            put32(&w, 40);
            put32(&w, 60);
            for (size_t k = 0; k < cases[i / 2].extra; k++)
                put_u8(&w.out, 0xee);
            put(&w.out, "a packet of forty bytes, of text all of ", 40);
            at += (size_t)snprintf(
                expected + at, sizeof expected - at,
                "%u 170000000%u%s 1 60 'a packet of forty bytes, of text all of '\n", n + 1, n,
                ns ? "000001000" : "001000000");
        }
        assert_string_equal(story_of(&w.out, w.out.len), expected);
    }
    /* what nobody wrote stays as it is: broken in its second packet */
    struct writer broken = {0};
    put_pcap_header(&broken, 0xa1b2c3d4, 65535, 1);
    put_pcap_packet(&broken, 1, 0, 5, "hello");
    for (int k = 0; k < 60; k++)
        put_u8(&broken.out, 0xff);
    assert_string_equal(story_of(&broken.out, broken.out.len),
                        "1 1000000000 1 5 'hello'\n"
                        "frame 2, byte 45: invalid packet capture length 4294967295, bigger than "
                        "maximum of 262144");
}

/* Until version 2.3 the lengths stood the other way round; in 2.3 with some writers. */
static void test_old_versions(void **state) {
    static const struct {
        unsigned major, minor;
        bool swapped;
        const char *error;
    } cases[] = {
        {2, 4, false, NULL},
        {2, 3, false, NULL},
        {2, 3, true, NULL},
        {2, 2, true, NULL},
        {2, 0, true, NULL},
        {543, 0, true, NULL},
        {2, 5, false, "byte 0: unsupported pcap savefile version 2.5"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        bool swapped = cases[i / 2].swapped;
        struct writer w = {.big = i % 2};
        put_pcap_file_header(&w, 0xa1b2c3d4, cases[i / 2].major, cases[i / 2].minor, 65535, 1);
        for (uint32_t n = 1; n <= 4; n++) {
            put32(&w, n);
            put32(&w, 0);
            put32(&w, swapped ? 60 : 5);
            put32(&w, swapped ? 5 : 60);
            put(&w.out, "hello", 5);
        }
        assert_string_equal(story_of(&w.out, w.out.len), cases[i / 2].error
                                                             ? cases[i / 2].error
                                                             : "1 1000000000 1 60 'hello'\n"
                                                               "2 2000000000 1 60 'hello'\n"
                                                               "3 3000000000 1 60 'hello'\n"
                                                               "4 4000000000 1 60 'hello'\n");
    }
}

/* Lengths that contradict each other, nothing at all, and what is no part of the packet. */
static void test_pcap_lengths(void **state) {
    struct writer w = {0};

    (void)state;
    put_pcap_header(&w, 0xa1b2c3d4, 0, 1);
    put_pcap_packet(&w, 1, 0, 0, "");
    put_pcap_packet(&w, 1, 0, 60, "");
    put_pcap_packet(&w, 1, 0, 2, "hello");
    assert_string_equal(story_of(&w.out, w.out.len), "1 1000000000 1 0 ''\n"
                                                     "2 1000000000 1 60 ''\n"
                                                     "3 1000000000 1 5 'hello'\n");
    /* a check sequence of two 16-bit words behind each packet, whole, in part, not captured */
    for (int big = 0; big < 2; big++) {
        struct writer fcs = {.big = big};
        put_pcap_header(&fcs, 0xa1b2c3d4, 0, 0x24000001);
        put_pcap_packet(&fcs, 1, 0, 9, "hello1234");
        put_pcap_packet(&fcs, 1, 0, 9, "hello12");
        put_pcap_packet(&fcs, 1, 0, 9, "hel");
        put_pcap_packet(&fcs, 1, 0, 3, "hel");
        assert_string_equal(story_of(&fcs.out, fcs.out.len), "1 1000000000 1 5 'hello'\n"
                                                             "2 1000000000 1 5 'hello'\n"
                                                             "3 1000000000 1 5 'hel'\n"
                                                             "4 1000000000 1 3 'hel'\n");
        /* the length without the bit that it is known says nothing */
        memcpy(fcs.out.data + 20, big ? "\x20\0\0\1" : "\1\0\0\x20", 4);
        assert_non_null(strstr(story_of(&fcs.out, fcs.out.len), "1 1000000000 1 9 'hello1234'"));
    }
}

/* Larger than a network's packets can be: damage, but for the link types of messages. */
static void test_pcap_largest(void **state) {
    static const struct {
        uint32_t link_type, len;
        enum capture_status status;
    } cases[] = {
        {1, 262144, CAPTURE_OK},
        {1, 262145, CAPTURE_DAMAGED},
        {231, 262145, CAPTURE_OK},
        {231, 128 * 1024 * 1024 + 1, CAPTURE_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer w = {0};
        struct capture_error error;
        struct frame frame;
        put_pcap_header(&w, 0xa1b2c3d4, 0, cases[i].link_type);
        put_pcap_packet(&w, 1, 0, cases[i].len, "");
        memcpy(w.out.data + 32, w.out.data + 36, 4); /* as much was captured: zeros */
        struct path path = write_file(&w.out, w.out.len);
        assert_int_equal(truncate(path.text, (off_t)w.out.len + 300000), 0);
        struct capture *capture = capture_open(path.text, &error);
        unlink(path.text);
        assert_non_null(capture);
        assert_int_equal(capture_next(capture, &frame, &error), cases[i].status);
        if (cases[i].status == CAPTURE_OK)
            assert_int_equal(frame.bytes.len, cases[i].len);
        capture_close(capture);
    }
}

static void test_link_type_names(void **state) {
    (void)state;
    assert_string_equal(capture_link_type_name(1), "EN10MB");
    assert_string_equal(capture_link_type_name(101), "RAW");
    assert_string_equal(capture_link_type_name(113), "LINUX_SLL");
    assert_string_equal(capture_link_type_name(276), "LINUX_SLL2");
    /* those that libpcap has no name for */
    assert_string_equal(capture_link_type_name(147), "USER0");
    assert_string_equal(capture_link_type_name(162), "USER15");
    assert_string_equal(capture_link_type_name(252), "WIRESHARK_UPPER_PDU");
    assert_null(capture_link_type_name(65000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap),
        cmocka_unit_test(test_pcap_cut),
        cmocka_unit_test(test_odd_packet_headers),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_pcap_lengths),
        cmocka_unit_test(test_pcap_largest),
        cmocka_unit_test(test_no_capture),
        cmocka_unit_test(test_link_type_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
