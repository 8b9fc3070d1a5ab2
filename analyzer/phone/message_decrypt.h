/* TLS on a connection, opened as far as the key log has its secrets: records are put together from
 * the pieces of both directions, with the frames that carried them; what was in them goes to the
 * inner streams (message_stream_feed_inner). */
#ifndef PHONE_MESSAGE_DECRYPT_H
#define PHONE_MESSAGE_DECRYPT_H

#include "phone/message_stream.h"

struct message_decrypt; /* one connection's; both of its streams point to it */

/* What was met on the way, besides plaintext. */
struct decrypt_events {
    bool hello;  /* a ClientHello was read */
    bool sealed; /* data of this side could not be read; told once */
    bool read;   /* data of this side was read; told once */
    uint8_t server_name_len;
    uint8_t server_name[UINT8_MAX]; /* of the ClientHello */
};

/* The next bytes of one direction of a connection that carries TLS, in its stream of that kind:
 * those of `in` from there on. Its gap is passed over. */
struct decrypt_events message_decrypt_feed(struct message_target *target, struct conn *conn,
                                           enum conn_side side, const struct stream_bytes *in,
                                           size_t from);

/* So many bytes are missing at this place. */
void message_decrypt_gap(struct message_target *target, struct conn *conn, enum conn_side side,
                         uint64_t gap);

/* Can what comes still be opened? False before anything was fed. */
bool message_decrypt_wants(const struct message_stream *stream);

/* The stream of this direction ends. With the second the connection is counted as unfit, if it is.
 */
void message_decrypt_end(struct message_target *target, struct conn *conn, enum conn_side side);

#endif
