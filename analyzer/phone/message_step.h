/* A step along a TCP stream: what the parts of the framing share (message_stream.c). */
#ifndef PHONE_MESSAGE_STEP_H
#define PHONE_MESSAGE_STEP_H

#include "phone/message_stream.h"

enum { DNS_LENGTH_LEN = 2 }; /* stands before a DNS message on a stream */

struct stream_step {
    struct message_target *target;
    struct conn *conn;
    enum conn_side side;
    struct message_stream *stream;
    const struct message_stream *peer; /* the other direction's; NULL: nothing of it was seen */
    struct message_view view;
    unsigned cut; /* why no more bytes follow these (MESSAGE_CUT_BY_…); 0: more may follow */
};

static inline bool step_either_port(const struct conn *conn, uint16_t port) {
    return conn->client.port == port || conn->server.port == port;
}

/* ---- message_step.c ---- */

/* There was no room for a message: the stream is adrift. */
void step_note_limit(const struct stream_step *step, enum net_note note);

/* Tell the message of `len` bytes at `at`; whether it was one. head: as for message_deliver_sip. */
bool step_tell(struct stream_step *step, enum message_kind kind, size_t at, size_t len,
               unsigned cut, const struct sip_head *head);

/* ---- one message of a known kind ----
 *
 * `rest`: the view's bytes from `at` on. Each returns how many bytes of the front are dealt with;
 * 0: wait for more, or the stream has become of another kind. */

/* message_step_sip.c */
size_t step_sip(struct stream_step *step, size_t at, struct slice rest);
/* message_step_dns.c */
size_t step_dns(struct stream_step *step, size_t at, struct slice rest);
/* message_step_websocket.c */
size_t step_websocket(struct stream_step *step, size_t at, struct slice rest);
/* Bytes of a WebSocket message that was begun do not come any more. */
void step_cut_websocket(struct stream_step *step);

/* message_step_tls.c: the view's bytes from `at` on are TLS records. first: of this stream. */
void step_tls(struct stream_step *step, size_t at, bool first);

/* ---- what is it? ---- */

enum likeness { LIKENESS_NO, LIKENESS_YES, LIKENESS_LATER };

/* message_step_dns.c */
enum likeness step_looks_like_dns(const struct stream_step *step, struct slice rest);
/* message_step_websocket.c: a handshake, a frame that begins with SIP, or the other side of a
 * connection that had either. */
enum likeness step_looks_like_websocket(const struct stream_step *step, struct slice rest);
/* message_step_kind.c: of a stream whose kind is not known yet. */
size_t step_undecided(struct stream_step *step, size_t at, struct slice rest);

#endif
