/* Does what runs over WebSocket (RFC 6455, RFC 7118) become the messages that it carries? */
#include "stream_line.h"

#include <zlib.h>

#define REQUEST                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
#define CONSENT                                                                                    \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: "           \
    "sip\r\n\r\n"

enum { FIN = 0x80, RSV1 = 0x40, TEXT = 1, BINARY = 2, PING = 9, CLOSE = 8 };

/* Bytes of one direction, as they are built. */
struct text {
    uint8_t bytes[128 * 1024];
    size_t len;
};

static void add(struct text *text, const void *bytes, size_t len) {
    assert_true(text->len + len <= sizeof text->bytes);
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void add_frame(struct text *text, unsigned first, bool masked, const void *payload,
                      size_t len) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[14] = {(uint8_t)first};
    size_t n = 2;

    if (len > UINT16_MAX) {
        head[1] = 127;
        for (int i = 7; i >= 0; i--)
            head[n++] = (uint8_t)((uint64_t)len >> (8 * i));
    } else if (len > 125) {
        head[1] = 126;
        head[n++] = (uint8_t)(len >> 8);
        head[n++] = (uint8_t)len;
    } else {
        head[1] = (uint8_t)len;
    }
    if (masked) {
        head[1] |= 0x80;
        memcpy(head + n, mask, 4);
        n += 4;
    }
    add(text, head, n);
    add(text, payload, len);
    for (size_t i = 0; masked && i < len; i++)
        text->bytes[text->len - len + i] ^= mask[i % 4];
}

static void add_text(struct text *text, unsigned first, bool masked, const char *payload) {
    add_frame(text, first, masked, payload, strlen(payload));
}

static void send_text(struct line *line, enum conn_side side, const struct text *text, size_t from,
                      size_t to) {
    line_send(line, side, text->bytes + from, to - from, 0, false);
}

static void send_all(struct line *line, enum conn_side side, const struct text *text) {
    send_text(line, side, text, 0, text->len);
}

/* A connection whose handshake is done: frames 1 and 2. */
static void open_websocket(struct line *line) {
    line_open(line, 80, true);
    line_text(line, REQUEST);
    line_send(line, CONN_SERVER, CONSENT, sizeof CONSENT - 1, 0, false);
}

static void messages_are_found_wherever_frames_are_split(void **state) {
    static struct text up, options;
    struct line line;

    (void)state;
    up.len = options.len = 0;
    add(&up, REQUEST, sizeof REQUEST - 1);
    add_text(&options, FIN | TEXT, true, OPTIONS("a"));
    add(&up, options.bytes, options.len);
    add_text(&up, TEXT, true, "MESSAGE sip:example.com SIP/2.0\r\nVia: SIP/2.0/WS x;branch=1\r\n");
    add_text(&up, FIN | PING, true, "still there?");
    add_text(&up, 0, true, "From: <sip:x>;tag=1\r\nTo: <sip:y>\r\nCall-ID: b\r\n");
    add_text(&up, FIN, true, "CSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi");
    add_text(&up, FIN | BINARY, true, OPTIONS("c"));
    for (size_t cut = 1; cut < up.len; cut++) {
        line_open(&line, 80, true);
        send_text(&line, CONN_CLIENT, &up, 0, cut);
        send_text(&line, CONN_CLIENT, &up, cut, up.len);
        line_close(&line);
        const char *at = strstr(told, "ws OPTIONS a "), *b = strstr(told, "\nws MESSAGE b ");
        if (at != told || !b || !strstr(b, "\nws OPTIONS c ") || strstr(told, "malformed"))
            fail_msg("cut at %zu: %s", cut, told);
    }
    line_open(&line, 80, true);
    for (size_t i = 0; i < up.len; i++)
        send_text(&line, CONN_CLIENT, &up, i, i + 1);
    line_close(&line);
    /* All frames that carried it, its header's first two bytes included. */
    char frames[64];
    snprintf(frames, sizeof frames, "ws OPTIONS a %zu[%zu,%zu,", sizeof REQUEST - 1 + options.len,
             sizeof REQUEST, sizeof REQUEST + 1);
    assert_int_equal(strncmp(told, frames, strlen(frames)), 0);
}

static void a_message_names_the_frames_of_its_fragments(void **state) {
    static struct text first, ping, rest;
    struct line line;

    (void)state;
    first.len = ping.len = rest.len = 0;
    const char *text = OPTIONS("a");
    add_frame(&first, TEXT, true, text, 40);
    add_text(&ping, FIN | PING, true, "");
    add_frame(&rest, FIN, true, text + 40, strlen(text) - 40);
    open_websocket(&line);
    send_all(&line, CONN_CLIENT, &first);              /* 3 */
    send_all(&line, CONN_CLIENT, &ping);               /* 4 */
    send_text(&line, CONN_CLIENT, &rest, 0, 3);        /* 5: within the header */
    send_text(&line, CONN_CLIENT, &rest, 3, rest.len); /* 6 */
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 6[3,5,6]\n");
}

static void both_sides_are_read(void **state) {
    static struct text up, down;
    struct line line;

    (void)state;
    up.len = down.len = 0;
    add_text(&up, FIN | TEXT, true, OPTIONS("a"));
    add_text(&down, FIN | TEXT, false, "\r\n\r\n"); /* a keep-alive */
    add_text(&down, FIN | TEXT, false, "\r\n" OK_200("a"));
    add_text(&down, FIN | CLOSE, false, "\x03\xe8");
    open_websocket(&line);
    send_all(&line, CONN_CLIENT, &up);
    send_all(&line, CONN_SERVER, &down);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3]\nws 200 a 4[4]\n");
}

static void what_was_lost_is_noted(void **state) {
    static struct text up;
    struct line line;
    size_t bounds[4];

    (void)state;
    up.len = 0;
    for (size_t i = 0; i < 3; i++) {
        bounds[i] = up.len;
        add_text(&up, FIN | TEXT, true,
                 i == 0   ? MESSAGE("a", "12", "hello, world")
                 : i == 1 ? MESSAGE("b", "12", "hello, world")
                          : OPTIONS("c"));
    }
    /* In the body: the frame's end is known. */
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, bounds[1] - 10);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[1] - 4, up.len - bounds[1] + 4, 6, false);
    line_close(&line);
    assert_string_equal(told, "ws MESSAGE a 3[3] by-gap\nws MESSAGE b 4[4] after-gap\n"
                              "ws OPTIONS c 4[4]\n");
    /* Over the end of a frame: the next that begins with SIP. */
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, bounds[1] - 10);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[1] + 10, up.len - bounds[1] - 10, 20, false);
    line_close(&line);
    assert_string_equal(told, "ws MESSAGE a 3[3] by-gap\nws OPTIONS c 4[4] after-gap\n");
    /* A whole frame. */
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, bounds[1]);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[2], up.len - bounds[2], bounds[2] - bounds[1],
              false);
    line_close(&line);
    assert_string_equal(told, "ws MESSAGE a 3[3]\nws OPTIONS c 4[4] after-gap\n");
    /* A segment cut by the snapshot length, and the end of the capture. */
    open_websocket(&line);
    line_send(&line, CONN_CLIENT, up.bytes, bounds[1] - 40, 0, true);
    send_text(&line, CONN_SERVER, &up, 0, 0);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[1], bounds[2] - bounds[1] - 3, 40, false);
    line_close(&line);
    assert_string_equal(told, "ws MESSAGE a 3[3] snaplen\nws MESSAGE b 5[5] after-gap by-end\n");
    /* In the handshake: the other side's says what this is. */
    line_open(&line, 80, true);
    line_send(&line, CONN_SERVER, CONSENT, sizeof CONSENT - 1, 0, false);
    line_send(&line, CONN_CLIENT, up.bytes, up.len, 100, false);
    line_close(&line);
    assert_string_equal(told,
                        "ws MESSAGE a 2[2] after-gap\nws MESSAGE b 2[2]\nws OPTIONS c 2[2]\n");
}

static void fragments_that_end_early_are_told(void **state) {
    static struct text up;
    struct line line;

    (void)state;
    up.len = 0;
    add_text(&up, TEXT, true, OPTIONS("a"));
    size_t first = up.len;
    add_text(&up, FIN, true, "never seen");
    size_t both = up.len;
    add_text(&up, FIN | TEXT, true, OPTIONS("b"));
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, first);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3] by-end\n");
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, first);
    line_send(&line, CONN_CLIENT, up.bytes + both, up.len - both, both - first, false);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3] by-gap\nws OPTIONS b 4[4] after-gap\n");
}

static void a_connection_met_midway_is_recognised(void **state) {
    static struct text up, down;
    struct line line;

    (void)state;
    up.len = down.len = 0;
    add_text(&down, FIN | PING, false, "x");
    add_text(&down, FIN | TEXT, false, OK_200("a"));
    add_text(&up, FIN | TEXT, true, OPTIONS("b"));
    for (int server_first = 0; server_first < 2; server_first++) {
        line_open(&line, 8080, false);
        if (server_first)
            send_all(&line, CONN_SERVER, &down);
        send_all(&line, CONN_CLIENT, &up);
        if (!server_first)
            send_all(&line, CONN_SERVER, &down);
        send_all(&line, CONN_SERVER, &down);
        line_close(&line);
        assert_string_equal(told, server_first
                                      ? "ws 200 a 1[1]\nws OPTIONS b 2[2]\nws 200 a 3[3]\n"
                                      : "ws OPTIONS b 1[1]\nws 200 a 2[2]\nws 200 a 3[3]\n");
    }
    /* A server that said nothing but a ping before the phone spoke. */
    line_open(&line, 8080, false);
    send_text(&line, CONN_SERVER, &down, 0, 3);
    send_all(&line, CONN_CLIENT, &up);
    send_text(&line, CONN_SERVER, &down, 3, down.len);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS b 2[2]\nws 200 a 3[3]\n");
}

static void a_refused_upgrade_may_be_followed_by_another(void **state) {
    static const char refusal[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nno\r\n.";
    static struct text up;
    struct line line;

    (void)state;
    up.len = 0;
    add(&up, REQUEST, sizeof REQUEST - 1);
    add_text(&up, FIN | TEXT, true, OPTIONS("a"));
    line_open(&line, 80, true);
    line_text(&line, REQUEST);
    line_send(&line, CONN_SERVER, refusal, sizeof refusal - 1, 0, false);
    assert_string_equal(told, "");
    send_all(&line, CONN_CLIENT, &up);
    line_send(&line, CONN_SERVER, CONSENT, sizeof CONSENT - 1, 0, false);
    send_all(&line, CONN_CLIENT, &up);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3]\nws OPTIONS a 5[5]\n");
}

static void another_subprotocol_is_left_alone(void **state) {
    static const char request[] =
        "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    static const char consent[] = "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n";
    static struct text up, down;
    struct line line;

    (void)state;
    up.len = down.len = 0;
    add_text(&up, FIN | TEXT, true, "{\"hello\":1}");
    add_text(&down, FIN | TEXT, false, "{\"hello\":2}");
    line_open(&line, 80, true);
    line_text(&line, request);
    line_send(&line, CONN_SERVER, consent, sizeof consent - 1, 0, false);
    send_all(&line, CONN_CLIENT, &up);
    assert_false(line.conn.ignore_data);
    send_all(&line, CONN_SERVER, &down);
    assert_true(line.conn.ignore_data);
    line_close(&line);
    assert_string_equal(told, "");
}

static void what_is_too_large_is_passed_over(void **state) {
    static const uint8_t header[] = {FIN | TEXT, 127, 0, 0, 0, 0, 0, 0x20, 0, 0};
    static struct text down;
    struct line line;

    (void)state;
    down.len = 0;
    add_text(&down, FIN | TEXT, false, OK_200("a"));
    open_websocket(&line);
    line_send(&line, CONN_SERVER, header, sizeof header, 0, false);
    assert_int_equal(line.target.buffered, 0);
    uint8_t *body = calloc(1, 0x200000);
    assert_non_null(body);
    line_send(&line, CONN_SERVER, body, 0x200000, 0, false);
    free(body);
    send_all(&line, CONN_SERVER, &down);
    line_close(&line);
    assert_string_equal(told, "ws 200 a 5[5]\n");
    /* In fragments, each of which is none. */
    down.len = 0;
    static char part[64 * 1024];
    memset(part, 'a', sizeof part);
    add_frame(&down, TEXT, false, part, sizeof part);
    open_websocket(&line);
    for (int i = 0; i < 20; i++) {
        send_all(&line, CONN_SERVER, &down);
        down.bytes[0] = 0;
    }
    assert_int_equal(line.target.buffered, 0);
    down.len = 0;
    add_text(&down, FIN, false, "");
    add_text(&down, FIN | TEXT, false, OK_200("b"));
    send_all(&line, CONN_SERVER, &down);
    line_close(&line);
    assert_string_equal(told, "ws 200 b 23[23]\n");
}

/* ---- permessage-deflate (RFC 7692) ---- */

static void add_deflated(z_stream *z, struct text *text, const char *payload) {
    uint8_t out[4096];

    z->next_in = (Bytef *)(uintptr_t)payload;
    z->avail_in = (uInt)strlen(payload);
    z->next_out = out;
    z->avail_out = sizeof out;
    assert_int_equal(deflate(z, Z_SYNC_FLUSH), Z_OK);
    size_t len = sizeof out - z->avail_out;
    assert_memory_equal(out + len - 4, "\x00\x00\xff\xff", 4);
    add_frame(text, FIN | RSV1 | TEXT, true, out, len - 4);
}

static void compressed_messages_are_inflated(void **state) {
    static struct text up;
    size_t bounds[4];
    z_stream z = {0};
    struct line line;

    (void)state;
    up.len = 0;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    bounds[0] = up.len;
    add_deflated(&z, &up, OPTIONS("a"));
    bounds[1] = up.len;
    add_deflated(&z, &up, OPTIONS("b")); /* refers to the first */
    bounds[2] = up.len;
    add_deflated(&z, &up, OPTIONS("c"));
    assert_true(bounds[2] - bounds[1] < 40);
    deflateReset(&z); /* no_context_takeover */
    bounds[3] = up.len;
    add_deflated(&z, &up, OPTIONS("d"));
    deflateEnd(&z);
    open_websocket(&line);
    for (size_t i = 0; i < up.len; i++)
        send_text(&line, CONN_CLIENT, &up, i, i + 1);
    assert_int_equal(line.target.inflates, 1);
    line_close(&line);
    assert_int_equal(line.target.inflates, 0);
    const char *at = told;
    for (const char *id = "abcd"; *id; id++) {
        char wanted[] = "ws OPTIONS ? ";
        wanted[11] = *id;
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    /* What refers to a lost message cannot be read; what does not can. */
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, bounds[1]);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[2] - 3, up.len - bounds[2] + 3, 3, false);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3]\n"); /* the frame header was lost, too */
    open_websocket(&line);
    send_text(&line, CONN_CLIENT, &up, 0, bounds[2] - 6);
    line_send(&line, CONN_CLIENT, up.bytes + bounds[2] - 3, up.len - bounds[2] + 3, 3, false);
    line_close(&line);
    assert_string_equal(told, "ws OPTIONS a 3[3]\nws OPTIONS d 4[4] after-gap\n");
}

/* ---- inside TLS ---- */

static void over_tls_it_is_wss(void **state) {
    static struct text up;
    struct line line;

    (void)state;
    up.len = 0;
    add(&up, REQUEST, sizeof REQUEST - 1);
    add_text(&up, FIN | TEXT, true, OPTIONS("a"));
    line_open(&line, 443, true);
    line_send(&line, CONN_CLIENT, "\x16\x03\x01\x00\x01\x01", 6, 0, false);
    /* Two records: one of frames 2 and 3, one of frame 4. */
    const struct stream_part first[] = {{100, 2, 2}, {100, 3, 3}},
                             second[] = {{up.len - 100, 4, 4}};
    struct stream_bytes in = {
        .bytes = slice_of(up.bytes, 100), .parts = first, .part_count = 2, .packet.frame_no = 3};
    message_stream_feed_inner(&line.target, &line.conn, CONN_CLIENT, &in);
    in = (struct stream_bytes){.bytes = slice_of(up.bytes + 100, up.len - 100),
                               .parts = second,
                               .part_count = 1,
                               .packet.frame_no = 4};
    message_stream_feed_inner(&line.target, &line.conn, CONN_CLIENT, &in);
    line_close(&line);
    assert_string_equal(told, "tls client\nwss OPTIONS a 4[2,3,4]\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_wherever_frames_are_split),
        cmocka_unit_test(a_message_names_the_frames_of_its_fragments),
        cmocka_unit_test(both_sides_are_read),
        cmocka_unit_test(what_was_lost_is_noted),
        cmocka_unit_test(fragments_that_end_early_are_told),
        cmocka_unit_test(a_connection_met_midway_is_recognised),
        cmocka_unit_test(a_refused_upgrade_may_be_followed_by_another),
        cmocka_unit_test(another_subprotocol_is_left_alone),
        cmocka_unit_test(what_is_too_large_is_passed_over),
        cmocka_unit_test(compressed_messages_are_inflated),
        cmocka_unit_test(over_tls_it_is_wss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
