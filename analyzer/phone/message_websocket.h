/* One direction of a WebSocket connection becomes messages: the handshake is read over, the mask
 * taken off, fragments are joined, and control frames between them passed over. */
#ifndef PHONE_MESSAGE_WEBSOCKET_H
#define PHONE_MESSAGE_WEBSOCKET_H

#include "phone/message_hold.h"
#include "phone/websocket.h"
#include "phone/websocket_inflate.h"

/* Zero-initialised: at the front of the handshake, or of a frame. */
struct websocket_reading {
    struct message_hold message; /* the payload so far of the message at hand, readable */
    bool sip;                    /* the subprotocol sip was offered, chosen or met */
    bool role_known, masked;     /* client's frames are masked, server's are not */
    bool in_message;             /* more fragments are to come */
    bool compressed, dropped;    /* the message at hand is; it is too large, or was lost in part */
    bool inflate_lost;           /* a compressed message was missed */
    struct websocket_inflate *inflate;
};

/* What a step along the stream came to. */
struct websocket_step {
    size_t taken;  /* bytes dealt with; 0: wait for more */
    size_t need;   /* then: so many must be there in all; 0: not known */
    uint64_t skip; /* so many bytes behind those taken are of no interest */
    bool message;  /* reading->message is one, as far as it is there: tell it, then drop it */
    bool lost;     /* not at a known place any more */
    bool found;    /* at a known place again */
    bool limit;    /* there was no room: what was held is gone */
};

/* Deal with the front of the view's bytes from `at` on.
 *
 * adrift  not at a known place: a frame that begins with SIP is searched
 * cut     no more bytes follow these: what is there of a message is told */
struct websocket_step websocket_reading_take(struct websocket_reading *reading,
                                             struct message_target *target,
                                             const struct message_view *view, size_t at,
                                             bool adrift, bool cut);

/* Bytes were lost, or the stream ends: is there part of a message to be told? */
bool websocket_reading_cut(struct websocket_reading *reading);

/* The message at hand as it is to be read: inflated, without the line ends before its start line
 * (RFC 3261 7.5; keep-alives, RFC 7118 6). false: it cannot be read, or there is nothing. *made:
 * memory to be freed behind it, or NULL. */
bool websocket_reading_text(struct websocket_reading *reading, struct message_target *target,
                            struct slice *text, uint8_t **made);

void websocket_reading_fini(struct websocket_reading *reading, struct message_target *target);

#endif
