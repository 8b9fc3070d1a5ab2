/* WebSocket (RFC 6455) as bytes: the opening handshake and the frames, as far as SIP rides on them
 * (RFC 7118). No packets and no state here. */
#ifndef PHONE_WEBSOCKET_H
#define PHONE_WEBSOCKET_H

#include "base/slice.h"

/* What one message may hold: a SIP head of 64 KiB and a body of 1 MiB. */
enum { WEBSOCKET_MESSAGE_MAX = (64 + 1024) * 1024 };

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

/* The header of a frame (RFC 6455 5.2). */
struct websocket_frame {
    bool fin;
    bool compressed; /* RSV1: the message that it begins is (RFC 7692 6) */
    bool masked;     /* as all that clients send, and nothing that servers send (5.1) */
    uint8_t mask[4];
    enum websocket_opcode opcode;
    size_t header_len;
    uint64_t payload_len;
};

enum websocket_status {
    WEBSOCKET_OK,
    WEBSOCKET_PARTIAL, /* the bytes end before it does */
    WEBSOCKET_INVALID,
};

/* Read the header of the frame at the front; the payload need not be there. */
enum websocket_status websocket_frame_read(struct slice bytes, struct websocket_frame *frame);

static inline bool websocket_is_control(const struct websocket_frame *frame) {
    return frame->opcode >= WEBSOCKET_CLOSE;
}

/* Take the mask off (or put it on) the first len bytes of a frame's payload (RFC 6455 5.3). */
void websocket_unmask(const struct websocket_frame *frame, uint8_t *payload, size_t len);

/* A connection met in the middle: is there a frame at the front that begins a SIP message? Strict,
 * as these may be the bytes of any protocol: what it carries must begin with a whole start line;
 * cut: the front of one is enough, as no more will come. PARTIAL: it may become one. */
enum websocket_status websocket_begins_sip(struct slice bytes, bool cut);

/* The offset of the first such frame, and of which kind it is; bytes.len, INVALID: there is none.
 */
size_t websocket_find_sip(struct slice bytes, bool cut, enum websocket_status *status);

/* An HTTP/1.x head: a request to switch to WebSocket, or any response. */
struct websocket_handshake {
    bool request;
    unsigned status;         /* of a response */
    bool upgrade;            /* "Upgrade: websocket": a request for it; with 101 the consent */
    bool sip;                /* the subprotocol sip is offered, or chosen (RFC 7118 3) */
    uint64_t content_length; /* of what follows the head; 0: not given */
    size_t head_len;
};

/* Read the head at the front. PARTIAL: it may become one; a head over 16 KiB is INVALID. */
enum websocket_status websocket_handshake_read(struct slice bytes,
                                               struct websocket_handshake *handshake);

/* No frame begins as these bytes do: the opcodes of 'G' and 'H' are reserved, or need FIN. */
static inline bool websocket_begins_handshake(struct slice bytes) {
    return bytes.len && (bytes.ptr[0] == 'G' || bytes.ptr[0] == 'H');
}

/* Is this the front of a WebSocket direction: a request to switch, the consent, or a frame that
 * begins with SIP? peer_is: the other direction is one, and any HTTP answers or asks it. */
enum websocket_status websocket_recognise(struct slice bytes, bool peer_is, bool cut);

#endif
