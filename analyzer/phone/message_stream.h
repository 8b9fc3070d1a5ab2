/* One direction of a TCP connection becomes messages: SIP (RFC 3261 18.3), DNS (RFC 1035 4.2.2), or
 * the fact that it is TLS. What is neither is left alone after its first bytes. */
#ifndef PHONE_MESSAGE_STREAM_H
#define PHONE_MESSAGE_STREAM_H

#include "phone/message_deliver.h"
#include "phone/message_tls.h"

enum stream_kind {
    STREAM_UNDECIDED,
    STREAM_SIP,
    STREAM_DNS,
    STREAM_TLS,
    STREAM_OTHER,
};

/* Bytes up to offset `end` (from where the part before it ends) came in this frame. */
struct stream_part {
    size_t end;
    uint32_t frame_no;
    int64_t t_ns;
};

/* conn->user[side]. Zero-initialised: nothing was seen yet. */
struct message_stream {
    enum stream_kind kind;
    bool adrift;     /* not at a known start of a message */
    bool after_gap;  /* bytes were missing just before the next message */
    uint64_t passed; /* bytes passed over since it was last in step */
    uint64_t skip;   /* bytes still to come of a message that is told already */
    uint8_t *held;   /* the beginning of a message whose rest is to come */
    size_t held_len, held_cap;
    ARRAY_OF(struct stream_part) parts; /* of held */
    size_t scanned;                     /* held is known not to end its SIP head before this */
    size_t need;        /* held must be so long before it is worth another look; 0: not known */
    struct packet last; /* of the newest piece */
    struct tls_records tls;
};

void message_stream_feed(struct message_target *target, struct conn *conn, enum conn_side side,
                         const struct stream_piece *piece);

/* No more will come: tell what is held, and free the state. */
void message_stream_end(struct message_target *target, struct conn *conn, enum conn_side side);

#endif
