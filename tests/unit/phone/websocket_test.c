/* WebSocket bytes: RFC 6455 4.1, 4.2, 5.2, 5.7 (examples); RFC 7118 4 (handshake), 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "phone/websocket.h"

#define BYTES(literal) literal, sizeof(literal) - 1

/* At the end of an allocation of its size. */
static struct slice exact(const char *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return slice_of(copy, len);
}

static void drop(struct slice bytes) {
    free((void *)(uintptr_t)bytes.ptr);
}

/* ---- frames ---- */

static const struct {
    const char *title, *bytes;
    size_t len;
    enum websocket_status status;
    struct websocket_frame frame;
} frames[] = {
    {"5.7: an unmasked text",
     BYTES("\x81\x05Hello"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_TEXT, .header_len = 2, .payload_len = 5}},
    {"5.7: a masked text",
     BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
     WEBSOCKET_OK,
     {.fin = true,
      .masked = true,
      .mask = {0x37, 0xfa, 0x21, 0x3d},
      .opcode = WEBSOCKET_TEXT,
      .header_len = 6,
      .payload_len = 5}},
    {"5.7: a first fragment",
     BYTES("\x01\x03Hel"),
     WEBSOCKET_OK,
     {.opcode = WEBSOCKET_TEXT, .header_len = 2, .payload_len = 3}},
    {"5.7: a last fragment",
     BYTES("\x80\x02lo"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_CONTINUATION, .header_len = 2, .payload_len = 2}},
    {"5.7: a ping",
     BYTES("\x89\x05Hello"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_PING, .header_len = 2, .payload_len = 5}},
    {"5.7: 256 bytes",
     BYTES("\x82\x7e\x01\x00"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_BINARY, .header_len = 4, .payload_len = 256}},
    {"5.7: 64 KiB",
     BYTES("\x82\x7f\0\0\0\0\0\x01\0\0"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_BINARY, .header_len = 10, .payload_len = 65536}},
    {"compressed (RFC 7692 6)",
     BYTES("\xc1\x01x"),
     WEBSOCKET_OK,
     {.fin = true,
      .compressed = true,
      .opcode = WEBSOCKET_TEXT,
      .header_len = 2,
      .payload_len = 1}},
    {"125 bytes of control",
     BYTES("\x88\x7d"),
     WEBSOCKET_OK,
     {.fin = true, .opcode = WEBSOCKET_CLOSE, .header_len = 2, .payload_len = 125}},
    {"126 bytes of control", BYTES("\x88\x7e\0\x7e"), WEBSOCKET_INVALID, {0}},
    {"control in fragments", BYTES("\x09\x01x"), WEBSOCKET_INVALID, {0}},
    {"control compressed", BYTES("\xc9\x01x"), WEBSOCKET_INVALID, {0}},
    {"a continuation compressed", BYTES("\xc0\x01x"), WEBSOCKET_INVALID, {0}},
    {"a reserved bit", BYTES("\xa1\x01x"), WEBSOCKET_INVALID, {0}},
    {"a reserved opcode", BYTES("\x83\x01x"), WEBSOCKET_INVALID, {0}},
    {"16 bits where 7 do", BYTES("\x81\x7e\0\x7d"), WEBSOCKET_INVALID, {0}},
    {"64 bits where 16 do", BYTES("\x81\x7f\0\0\0\0\0\0\xff\xff"), WEBSOCKET_INVALID, {0}},
    {"the highest of 64 bits", BYTES("\x81\x7f\x80\0\0\0\0\0\0\0"), WEBSOCKET_INVALID, {0}},
};

static void frames_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        for (size_t len = 0; len <= frames[i].len; len++) {
            struct slice bytes = exact(frames[i].bytes, len);
            struct websocket_frame frame = {0};
            enum websocket_status status = websocket_frame_read(bytes, &frame);
            bool whole = len >= frames[i].frame.header_len && frames[i].status == WEBSOCKET_OK;
            if (whole ? status != WEBSOCKET_OK
                      : status != WEBSOCKET_PARTIAL && status != frames[i].status)
                fail_msg("%s, %zu bytes: %d", frames[i].title, len, status);
            if (len == frames[i].len && status != frames[i].status)
                fail_msg("%s: %d", frames[i].title, status);
            if (whole &&
                (frame.header_len != frames[i].frame.header_len ||
                 frame.payload_len != frames[i].frame.payload_len ||
                 frame.opcode != frames[i].frame.opcode || frame.fin != frames[i].frame.fin ||
                 frame.masked != frames[i].frame.masked ||
                 frame.compressed != frames[i].frame.compressed ||
                 memcmp(frame.mask, frames[i].frame.mask, 4) != 0))
                fail_msg("%s: read otherwise", frames[i].title);
            drop(bytes);
        }
    }
}

static void the_mask_comes_off(void **state) {
    struct websocket_frame frame;
    uint8_t payload[] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};

    (void)state;
    assert_int_equal(websocket_frame_read(slice_of(frames[1].bytes, frames[1].len), &frame),
                     WEBSOCKET_OK);
    websocket_unmask(&frame, payload, sizeof payload);
    assert_memory_equal(payload, "Hello", 5);
}

/* ---- in the middle ---- */

#define START "SIP/2.0 200 OK\r\n"

static void only_sip_is_met_in_the_middle(void **state) {
    static const struct {
        const char *title, *bytes;
        size_t len;
        enum websocket_status whole, cut;
    } cases[] = {
        {"SIP", BYTES("\x81\x10" START), WEBSOCKET_OK, WEBSOCKET_OK},
        {"binary", BYTES("\x02\x10" START), WEBSOCKET_OK, WEBSOCKET_OK},
        {"masked",
         BYTES("\x81\x90\x01\x02\x03\x04"
               "RKS+3,3$323$NI\016\016"),
         WEBSOCKET_OK, WEBSOCKET_OK},
        {"a start line that goes on", BYTES("\x81\x7e\x01\x00OPTIONS sip:example.com"),
         WEBSOCKET_PARTIAL, WEBSOCKET_OK},
        {"too little of one", BYTES("\x81\x7e\x01\x00OPTIONS sip"), WEBSOCKET_PARTIAL,
         WEBSOCKET_INVALID},
        {"a header alone", BYTES("\x81\x7e\x01"), WEBSOCKET_PARTIAL, WEBSOCKET_INVALID},
        {"no line end in it", BYTES("\x81\x10SIP/2.0 200 OKOK"), WEBSOCKET_INVALID, WEBSOCKET_OK},
        {"JSON", BYTES("\x81\x10{\"jsonrpc\":\"2.0\"}"), WEBSOCKET_INVALID, WEBSOCKET_INVALID},
        {"a continuation", BYTES("\x80\x10" START), WEBSOCKET_INVALID, WEBSOCKET_INVALID},
        {"a ping", BYTES("\x89\x10" START), WEBSOCKET_INVALID, WEBSOCKET_INVALID},
        {"compressed", BYTES("\xc1\x10" START), WEBSOCKET_INVALID, WEBSOCKET_INVALID},
        {"too short for SIP", BYTES("\x81\x0fSIP/2.0 200 O\r\n"), WEBSOCKET_INVALID,
         WEBSOCKET_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice bytes = exact(cases[i].bytes, cases[i].len);
        enum websocket_status whole = websocket_begins_sip(bytes, false);
        enum websocket_status cut = websocket_begins_sip(bytes, true);
        if (whole != cases[i].whole || cut != cases[i].cut)
            fail_msg("%s: %d %d", cases[i].title, whole, cut);
        drop(bytes);
    }
}

static void a_frame_is_found_behind_others(void **state) {
    enum websocket_status status;

    (void)state;
    struct slice bytes = SLICE_LITERAL("\x89\x01x\x81\x10" START);
    assert_int_equal(websocket_find_sip(bytes, false, &status), 3);
    assert_int_equal(status, WEBSOCKET_OK);
    bytes = SLICE_LITERAL("nothing\x81");
    assert_int_equal(websocket_find_sip(bytes, false, &status), 7);
    assert_int_equal(status, WEBSOCKET_PARTIAL);
    assert_int_equal(websocket_find_sip(bytes, true, &status), 8);
    assert_int_equal(status, WEBSOCKET_INVALID);
}

/* ---- the handshake ---- */

#define REQUEST                                                                                    \
    "GET / HTTP/1.1\r\nHost: sip-ws.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://www.example.com\r\n"            \
    "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define CONSENT                                                                                    \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n"

static void handshakes_are_read(void **state) {
    static const struct {
        const char *text;
        bool peer_is;
        enum websocket_status recognised;
        struct websocket_handshake handshake;
    } cases[] = {
        {REQUEST, false, WEBSOCKET_OK, {.request = true, .upgrade = true, .sip = true}},
        {CONSENT, false, WEBSOCKET_OK, {.status = 101, .upgrade = true, .sip = true}},
        {"GET /ws HTTP/1.1\nUPGRADE:  h2c, WebSocket \nsec-websocket-protocol: msrp ,SIP\n\n",
         false,
         WEBSOCKET_OK,
         {.request = true, .upgrade = true, .sip = true}},
        {"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat, "
         "sipster\r\n\r\n",
         false,
         WEBSOCKET_OK,
         {.request = true, .upgrade = true}},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, WEBSOCKET_INVALID, {.request = true}},
        {"HTTP/1.1 503 No\r\nContent-Length: 12\r\n\r\n",
         true,
         WEBSOCKET_OK,
         {.status = 503, .content_length = 12}},
        {"HTTP/1.1 101 Yes\r\nUpgrade: h2c\r\n\r\n", false, WEBSOCKET_INVALID, {.status = 101}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t whole = strlen(cases[i].text);
        for (size_t len = 0; len <= whole; len++) {
            struct slice bytes = exact(cases[i].text, len);
            struct websocket_handshake handshake;
            enum websocket_status status = websocket_handshake_read(bytes, &handshake);
            enum websocket_status recognised = websocket_recognise(bytes, cases[i].peer_is, false);
            if (status != (len < whole ? WEBSOCKET_PARTIAL : WEBSOCKET_OK))
                fail_msg("%s: %zu bytes: %d", cases[i].text, len, status);
            if (len == whole) {
                assert_int_equal(recognised, cases[i].recognised);
                assert_int_equal(handshake.request, cases[i].handshake.request);
                assert_int_equal(handshake.status, cases[i].handshake.status);
                assert_int_equal(handshake.upgrade, cases[i].handshake.upgrade);
                assert_int_equal(handshake.sip, cases[i].handshake.sip);
                assert_int_equal(handshake.content_length, cases[i].handshake.content_length);
                assert_int_equal(handshake.head_len, whole);
            }
            drop(bytes);
        }
    }
}

static void what_is_no_handshake_is_refused(void **state) {
    static const char *const texts[] = {"POST / HTTP/1.1\r\n", "HTTP/1.1 1x1 Yes\r\n",
                                        "HTTP/2 200\r\n", "GETS"};
    struct websocket_handshake handshake;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(websocket_handshake_read(slice_of_text(texts[i]), &handshake),
                         WEBSOCKET_INVALID);
    /* An answer to something else is known by its status line. */
    assert_int_equal(websocket_recognise(SLICE_LITERAL("HTTP/1.1 200 OK\r\n"), false, false),
                     WEBSOCKET_INVALID);
    char *endless = calloc(1, 20001);
    assert_non_null(endless);
    memset(endless, 'a', 20000);
    memcpy(endless, "GET ", 4);
    assert_int_equal(websocket_handshake_read(slice_of_text(endless), &handshake),
                     WEBSOCKET_INVALID);
    free(endless);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_read),
        cmocka_unit_test(the_mask_comes_off),
        cmocka_unit_test(only_sip_is_met_in_the_middle),
        cmocka_unit_test(a_frame_is_found_behind_others),
        cmocka_unit_test(handshakes_are_read),
        cmocka_unit_test(what_is_no_handshake_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
