/* Messages on a stream: RFC 3261 7.5, 18.3, 20.14; RFC 5626 3.5.1 (keep-alives). */
#include "sip_exact.h"

#include "sip/sip_head.h"

#define OPTIONS_LINE "OPTIONS sip:a SIP/2.0\r\n"
#define EMPTY OPTIONS_LINE "Content-Length: 0\r\n\r\n"
#define WITH_BODY OPTIONS_LINE "l: 4\r\n\r\nabcd"

static const struct {
    const char *title, *stream;
    enum sip_frame_status status;
    size_t len;
} cases[] = {
    {"one", EMPTY, SIP_FRAME_OK, sizeof EMPTY - 1},
    {"two in a segment", EMPTY EMPTY, SIP_FRAME_OK, sizeof EMPTY - 1},
    {"body", WITH_BODY "OPT", SIP_FRAME_OK, sizeof WITH_BODY - 1},
    {"body not there yet", OPTIONS_LINE "l: 4\r\n\r\nabc", SIP_FRAME_PARTIAL, sizeof WITH_BODY - 1},
    {"head not whole", OPTIONS_LINE "l: 4\r\n", SIP_FRAME_PARTIAL, 0},
    {"start line not whole", "OPTIONS sip:", SIP_FRAME_PARTIAL, 0},
    {"start line without its end", "OPTIONS sip:a SIP/2.0", SIP_FRAME_PARTIAL, 0},
    {"nothing", "", SIP_FRAME_PARTIAL, 0},
    {"no Content-Length", OPTIONS_LINE "\r\nabcd", SIP_FRAME_OK, sizeof OPTIONS_LINE + 1},
    {"Content-Length that is no number", OPTIONS_LINE "l: x\r\n\r\nabcd", SIP_FRAME_OK,
     sizeof OPTIONS_LINE + 7},
    {"line feeds only", "OPTIONS sip:a SIP/2.0\nl: 1\n\nx", SIP_FRAME_OK, 29},
    {"folded Content-Length", OPTIONS_LINE "l:\r\n 4\r\n\r\nabcd", SIP_FRAME_OK,
     sizeof WITH_BODY - 1 + 2},
    {"keep-alive", "\r\n\r\n" EMPTY, SIP_FRAME_KEEPALIVE, 4},
    {"pong", "\r\n", SIP_FRAME_KEEPALIVE, 2},
    {"garbage, then SIP", "garbage\r\n" EMPTY, SIP_FRAME_INVALID, 9},
    {"binary, then SIP", "\001\002\377" EMPTY, SIP_FRAME_INVALID, 3},
    {"end of a body, then SIP", "=rtpmap:0 PCMU\r\na=x\r\nSIP/2.0 200 OK\r\n", SIP_FRAME_INVALID,
     21},
    {"nothing but garbage", "{garbage}", SIP_FRAME_INVALID, 9},
    {"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", SIP_FRAME_INVALID, 27},
    {"body over 1 MiB", OPTIONS_LINE "l: 1048577\r\n\r\n", SIP_FRAME_TOO_LARGE, 37},
};

static void frames(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice stream = exact(cases[i].stream, strlen(cases[i].stream));
        struct sip_head head;
        size_t len = 999;
        enum sip_frame_status status = sip_frame(stream, &head, &len);
        if (status != cases[i].status || len != cases[i].len)
            fail_msg("%s: %d %zu", cases[i].title, status, len);
        drop(stream);
    }
}

static void zero_bytes_are_keep_alives(void **state) {
    struct sip_head head;
    size_t len;

    (void)state;
    assert_int_equal(sip_frame(SLICE_LITERAL("\0\0\0\0" EMPTY), &head, &len), SIP_FRAME_KEEPALIVE);
    assert_int_equal(len, 4);
}

/* However a stream is cut, the same messages come out, and reading never stands still. */
static void any_segmentation_gives_the_same(void **state) {
    struct sip_head head;
    static const char stream[] = "\r\n\r\n" WITH_BODY EMPTY "\0\0" WITH_BODY "\r\n";

    (void)state;
    for (size_t segment = 1; segment < sizeof stream; segment++) {
        size_t from = 0, to = 0, len, messages = 0, bytes = 0;
        while (to < sizeof stream - 1) {
            to = to + segment < sizeof stream - 1 ? to + segment : sizeof stream - 1;
            for (;;) {
                struct slice rest = exact(stream + from, to - from);
                enum sip_frame_status status = sip_frame(rest, &head, &len);
                drop(rest);
                assert_int_not_equal(status, SIP_FRAME_INVALID);
                if (status == SIP_FRAME_PARTIAL)
                    break;
                assert_true(len > 0 && len <= to - from);
                from += len;
                messages += status == SIP_FRAME_OK;
                bytes += status == SIP_FRAME_OK ? len : 0;
            }
        }
        assert_int_equal(messages, 3);
        assert_int_equal(bytes, 2 * (sizeof WITH_BODY - 1) + sizeof EMPTY - 1);
        assert_int_equal(from, sizeof stream - 1);
    }
}

static void head_without_end_is_given_up(void **state) {
    enum { LEN = 64 * 1024 };
    uint8_t *bytes = malloc(LEN);
    struct sip_head head;
    size_t len;

    (void)state;
    memset(bytes, 'x', LEN);
    memcpy(bytes, OPTIONS_LINE, sizeof OPTIONS_LINE - 1);
    assert_int_equal(sip_frame(slice_of(bytes, LEN - 1), &head, &len), SIP_FRAME_PARTIAL);
    assert_int_equal(sip_frame(slice_of(bytes, LEN), &head, &len), SIP_FRAME_TOO_LARGE);
    assert_int_equal(len, LEN);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(zero_bytes_are_keep_alives),
        cmocka_unit_test(any_segmentation_gives_the_same),
        cmocka_unit_test(head_without_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
