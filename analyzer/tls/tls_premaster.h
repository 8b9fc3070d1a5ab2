/* The master secret where the key log has the premaster secret alone: RSA key exchange up to TLS
 * 1.2, of which NSS and OpenSSL log `RSA <encrypted premaster secret> <premaster secret>` (RFC 5246
 * 7.4.7.1, 8.1; RFC 7627). */
#ifndef TLS_TLS_PREMASTER_H
#define TLS_TLS_PREMASTER_H

#include "tls/tls_keylog.h"
#include "tls/tls_suite.h"

/* The handshake messages of a connection from the ClientHello on, one after the other: what the
 * extended master secret is made from. Zero-initialised: empty. */
struct tls_transcript {
    uint8_t *bytes;
    size_t len, cap;
    bool broken; /* bytes of it are missing, or there are too many */
};

/* Add bytes of a message, as far as there is room: 256 KiB. */
void tls_transcript_add(struct tls_transcript *transcript, struct slice bytes);
/* Empty again, and the memory given back. broken: what would follow is of no use. */
void tls_transcript_clear(struct tls_transcript *transcript, bool broken);

/* What the two hellos agreed upon. */
struct tls_agreed {
    const struct tls_suite *suite;
    uint16_t version;
    const uint8_t *client_random, *server_random;
    bool extended_master; /* RFC 7627 */
};

/* The encrypted premaster secret in the body of a ClientKeyExchange of RSA; false: it is none (it
 * may look like one and be of another key exchange). */
bool tls_premaster_encrypted(struct slice body, struct slice *encrypted);

/* transcript  up to the ClientKeyExchange, with it
 *
 * False: the transcript is broken and needed, or the library refused. */
bool tls_master_from_premaster(struct tls_secret *master, const struct tls_secret *premaster,
                               const struct tls_agreed *agreed,
                               const struct tls_transcript *transcript);

#endif
