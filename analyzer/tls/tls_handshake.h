/* Handshake messages from the content of records (RFC 8446 4, 5.1): one may be spread over several
 * records, one record may hold several. */
#ifndef TLS_TLS_HANDSHAKE_H
#define TLS_TLS_HANDSHAKE_H

#include "base/slice.h"

enum tls_handshake_type {
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2,
    TLS_CLIENT_KEY_EXCHANGE = 16, /* up to TLS 1.2 */
};

/* One direction. Zero-initialised: at the front of a message. */
struct tls_handshake {
    uint8_t head[4]; /* type, length */
    uint8_t have;    /* so many bytes of head are there */
    uint32_t left;   /* bytes of the body still to come */
    uint8_t *body;   /* of one that is kept, as far as it came */
    size_t len, cap;
};

/* Read on in the content of a record, up to the end of the next hello or ClientKeyExchange; other
 * messages are passed over, as is what has more than 64 KiB.
 *
 * content   advanced
 * body      the message's, valid until the next call
 *
 * Returns the message's type; 0: the content is used up. */
uint8_t tls_handshake_read(struct tls_handshake *handshake, struct slice *content,
                           struct slice *body);

/* What is there is of no use: a record is missing. The memory is given back. */
void tls_handshake_clear(struct tls_handshake *handshake);

#endif
