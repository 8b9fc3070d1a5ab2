/* ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1): what keys and names hang on. */
#ifndef TLS_TLS_HELLO_H
#define TLS_TLS_HELLO_H

#include "base/slice.h"

enum {
    TLS_RANDOM_LEN = 32,
    TLS_1_0 = 0x0301,
    TLS_1_1 = 0x0302,
    TLS_1_2 = 0x0303,
    TLS_1_3 = 0x0304
};

/* Slices into the message; empty where it does not say. */
struct tls_client_hello {
    uint16_t version; /* the highest that it offers */
    struct slice random, session_id;
    struct slice server_name; /* RFC 6066 3: the host_name */
    struct slice protocol;    /* RFC 7301: the first that it offers */
    bool early_data;          /* RFC 8446 4.2.10: data under the early key may follow */
};

struct tls_server_hello {
    uint16_t version; /* the one that is spoken: supported_versions wins (RFC 8446 4.2.1) */
    struct slice random, session_id;
    uint16_t suite;
    uint8_t compression;
    bool retry;            /* a HelloRetryRequest (RFC 8446 4.1.3) */
    bool encrypt_then_mac; /* RFC 7366 */
    bool extended_master;  /* RFC 7627 */
};

/* The body of a handshake message. False: it is cut, or contradicts itself. */
bool tls_client_hello_parse(struct slice body, struct tls_client_hello *out);
bool tls_server_hello_parse(struct slice body, struct tls_server_hello *out);

#endif
