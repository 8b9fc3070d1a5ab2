/* A stream fed piece by piece, and what the message reader tells of it, as text: one line a
 * message, so that a test compares with what it expects in one assertion. */
#ifndef SUPPORT_STREAM_LINE_H
#define SUPPORT_STREAM_LINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "phone/message_stream.h"

/* ---- what was told, as text ---- */

static char told[32768];

static inline void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void put(const char *format, ...) {
    size_t len = strlen(told);
    va_list args;

    va_start(args, format);
    vsnprintf(told + len, sizeof told - len, format, args);
    va_end(args);
}

/* "REGISTER a@b 7[6,7] cut-by-gap" */
static inline void on_message(void *context, const struct message *message) {
    static const char *const notes[] = {"snaplen", "malformed", "after-gap", "by-gap", "by-end"};

    (void)context;
    if (message->transport == TRANSPORT_WS || message->transport == TRANSPORT_WSS)
        put("%s ", transport_name(message->transport));
    if (message->kind == MESSAGE_SIP && message->sip->response)
        put("%u ", message->sip->status);
    else if (message->kind == MESSAGE_SIP)
        put("%.*s ", (int)message->sip->method_text.len, message->sip->method_text.ptr);
    if (message->kind == MESSAGE_SIP)
        put("%.*s", (int)message->sip->call_id.len, message->sip->call_id.ptr);
    else
        put("dns %u", message->dns->id);
    put(" %u[", message->packet.frame_no);
    for (size_t i = 0; i < message->frame_count; i++)
        put(i ? ",%u" : "%u", message->frames[i]);
    put("]");
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (message->notes & 1u << i)
            put(" %s", notes[i]);
    if (message->quoted)
        put(" quoted from %u", message->packet.src.port);
    put("\n");
}

static inline void on_tls(void *context, const struct tls_seen *seen) {
    (void)context;
    put("tls %s%s%s%s%s\n", seen->side == CONN_CLIENT ? "client" : "server",
        seen->hello ? " hello" : "", seen->done ? " done" : "", seen->alert ? " alert" : "",
        seen->application_data ? " data" : "");
}

static inline void on_dhcp(void *context, const struct datagram *datagram) {
    (void)context;
    put("dhcp %u\n", datagram->packet.frame_no);
}

static inline void on_icmp(void *context, const struct icmp_error *error) {
    (void)context;
    put("icmp %u\n", error->packet.frame_no);
}

static const struct message_handler handler = {
    .details = true, .message = on_message, .tls = on_tls, .dhcp = on_dhcp, .icmp = on_icmp};

/* ---- streams ---- */

struct line {
    struct message_target target;
    struct conn conn;
    uint32_t frame_no;
};

static inline void line_open(struct line *line, uint16_t port, bool from_start) {
    memset(line, 0, sizeof *line);
    line->target.handler = &handler;
    line->conn.client.port = 40000;
    line->conn.server.port = port;
    line->conn.from_start = from_start;
    told[0] = '\0';
}

/* The next frame with these bytes, at the end of an allocation of their size that is gone after. */
static inline void line_send(struct line *line, enum conn_side side, const void *bytes, size_t len,
                             uint64_t gap, bool cut) {
    uint8_t *copy = malloc(len ? len : 1);
    struct stream_piece piece = {.frame_no = ++line->frame_no, .gap_bytes = gap};

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    piece.bytes = slice_of(copy, len);
    piece.t_ns = line->frame_no;
    piece.packet.frame_no = line->frame_no;
    piece.packet.cut = cut;
    if (!line->conn.ignore_data)
        message_stream_feed(&line->target, &line->conn, side, &piece);
    free(copy);
}

static inline void line_text(struct line *line, const char *text) {
    line_send(line, CONN_CLIENT, text, strlen(text), 0, false);
}

static inline void line_close(struct line *line) {
    message_stream_end(&line->target, &line->conn, CONN_CLIENT);
    message_stream_end(&line->target, &line->conn, CONN_SERVER);
    ARRAY_FINI(&line->target.frames);
    assert_int_equal(line->target.buffered, 0);
}

#define SIP_TEXT(start, method, call_id, length)                                                   \
    start "\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:x>;tag=1\r\nTo: "          \
          "<sip:y>\r\nCall-ID: " call_id "\r\nCSeq: 1 " method "\r\nContent-Length: " length       \
          "\r\n\r\n"
#define OPTIONS(call_id) SIP_TEXT("OPTIONS sip:example.com SIP/2.0", "OPTIONS", call_id, "0")
#define MESSAGE(call_id, length, body)                                                             \
    SIP_TEXT("MESSAGE sip:example.com SIP/2.0", "MESSAGE", call_id, length) body
#define OK_200(call_id) SIP_TEXT("SIP/2.0 200 OK", "OPTIONS", call_id, "0")

#endif
