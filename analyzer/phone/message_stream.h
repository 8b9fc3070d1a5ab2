/* One direction of a TCP connection becomes messages: SIP (RFC 3261 18.3), by itself or over
 * WebSocket (RFC 7118), DNS (RFC 1035 4.2.2), or the fact that it is TLS. What is neither is left
 * alone after its first bytes. */
#ifndef PHONE_MESSAGE_STREAM_H
#define PHONE_MESSAGE_STREAM_H

#include "phone/message_hep.h"
#include "phone/message_hold.h"
#include "phone/message_tls.h"
#include "phone/message_websocket.h"

struct message_decrypt;

enum stream_kind {
    STREAM_UNDECIDED,
    STREAM_SIP,
    STREAM_DNS,
    STREAM_TLS,
    STREAM_WEBSOCKET,
    STREAM_HEP,
    STREAM_OTHER,
};

/* Bytes of one direction, in order, with the frames that carried them. */
struct stream_bytes {
    struct packet packet; /* the frame that made them available; src, dst: of this direction */
    struct slice bytes;   /* may be empty where only a gap is reported */
    const struct stream_part *parts; /* ascending; the last one's end is bytes.len */
    size_t part_count;
    uint64_t gap_bytes; /* so many are missing before them, at least; 0: none */
};

/* conn->user[side]. Zero-initialised: nothing was seen yet. */
struct message_stream {
    enum stream_kind kind;
    bool secure;                  /* its bytes came out of TLS */
    struct message_stream *inner; /* STREAM_TLS: what it carries, as far as it is decrypted */
    bool adrift;                  /* not at a known start of a message */
    bool after_gap;               /* bytes were missing just before the next message */
    uint64_t passed;              /* bytes passed over since it was last in step */
    uint64_t skip;                /* bytes still to come of a message that is told already */
    struct message_hold held;     /* the beginning of a message whose rest is to come */
    size_t scanned;               /* held is known not to end its SIP head before this */
    size_t need;        /* held must be so long before it is worth another look; 0: not known */
    struct packet last; /* of the newest piece */
    struct tls_records tls;
    struct websocket_reading websocket;
    struct hep_stream hep;
    struct message_decrypt *decrypt; /* STREAM_TLS: both directions' one; message_decrypt.h */
};

void message_stream_feed(struct message_target *target, struct conn *conn, enum conn_side side,
                         const struct stream_piece *piece);

/* The plaintext of TLS, once the stream is STREAM_TLS: it goes through the same framing. */
void message_stream_feed_inner(struct message_target *target, struct conn *conn,
                               enum conn_side side, const struct stream_bytes *in);

/* No more will come: tell what is held, and free the state. */
void message_stream_end(struct message_target *target, struct conn *conn, enum conn_side side);

#endif
