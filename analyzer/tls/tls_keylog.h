/* TLS secrets as clients and servers log them (SSLKEYLOGFILE; draft-ietf-tls-keylogfile; NSS Key
 * Log Format):
 *
 *     CLIENT_RANDOM <client random> <master secret>                   up to TLS 1.2
 *     RSA <front of the encrypted premaster secret> <the secret>      up to TLS 1.2
 *     RSA Session-ID:<session ID> Master-Key:<master secret>          up to TLS 1.2, as Wireshark
 *                                                                     reads it, too
 *     CLIENT_HANDSHAKE_TRAFFIC_SECRET <client random> <secret>        TLS 1.3
 *     …
 *
 * One line each, in hexadecimal digits. Labels that say nothing of records, comments and empty
 * lines are passed over; what is no line of that kind is counted.
 */
#ifndef TLS_TLS_KEYLOG_H
#define TLS_TLS_KEYLOG_H

#include "tls/tls_hello.h"

enum tls_secret_kind {
    TLS_MASTER_SECRET,
    TLS_CLIENT_EARLY_SECRET,
    TLS_CLIENT_HANDSHAKE_SECRET,
    TLS_SERVER_HANDSHAKE_SECRET,
    TLS_CLIENT_TRAFFIC_SECRET,
    TLS_SERVER_TRAFFIC_SECRET,
    TLS_PREMASTER_SECRET,      /* of RSA key exchange */
    TLS_SESSION_MASTER_SECRET, /* the master secret, by session ID */
    TLS_SECRET_KINDS,
};

enum {
    TLS_SECRET_MAX = 64,        /* the longest hash that any suite might have */
    TLS_MASTER_SECRET_LEN = 48, /* and of the premaster secret of RSA (RFC 5246 7.4.7.1) */
    TLS_PREMASTER_ID_LEN = 8,   /* that much of the encrypted one is logged */
};

struct tls_secret {
    uint8_t len; /* 0: not known */
    uint8_t bytes[TLS_SECRET_MAX];
    uint32_t line; /* of the text that it was read from, the first is 1 */
};

/* What is known of one connection, by the random of its ClientHello. A premaster secret is by
 * itself, by the front of what it is encrypted to, and zeros; so is what is known by a session ID.
 */
struct tls_secrets {
    uint8_t client_random[TLS_RANDOM_LEN];
    struct tls_secret of[TLS_SECRET_KINDS];
};

struct tls_keylog;

/* An empty one, which looks in `also`, too (NULL: in none), and does not own it. */
struct tls_keylog *tls_keylog_new(const struct tls_keylog *also);
void tls_keylog_free(struct tls_keylog *keylog); /* NULL: nothing to do */

struct tls_keylog_lines {
    size_t used;    /* secrets taken */
    size_t passed;  /* labels that are of no use here */
    size_t skipped; /* no line of a key log; secrets of a wrong length; beyond the bound */
};

/* Take the lines of a key log. A secret that is known already is replaced. At most 1 Mi connections
 * are kept. */
struct tls_keylog_lines tls_keylog_read(struct tls_keylog *keylog, struct slice text);

/* "CLIENT_RANDOM": as a key log names it. */
const char *tls_secret_label(enum tls_secret_kind kind);

/* Are there premaster secrets? */
bool tls_keylog_has_premasters(const struct tls_keylog *keylog);

/* What was given to read with, over all logs that are looked in. */
enum tls_keylog_holds {
    TLS_KEYLOG_NOT_GIVEN,       /* nothing */
    TLS_KEYLOG_EMPTY,           /* a log without secrets */
    TLS_KEYLOG_PREMASTERS_ONLY, /* nothing but premaster secrets, which open RSA key exchange alone
                                 */
    TLS_KEYLOG_SECRETS,
};

enum tls_keylog_holds tls_keylog_holds(const struct tls_keylog *keylog);

/* The premaster secret that this is the encryption of; NULL: it is not there. Valid as below.
 *
 * encrypted  TLS_PREMASTER_ID_LEN bytes at least */
const struct tls_secret *tls_keylog_find_premaster(const struct tls_keylog *keylog,
                                                   struct slice encrypted);

/* The master secret of the session with this ID; NULL: it is not there. Valid as below. */
const struct tls_secret *tls_keylog_find_session(const struct tls_keylog *keylog,
                                                 struct slice session_id);

/* NULL: nothing is known of this connection, or there is no key log (NULL). Valid until the next
 * tls_keylog_read. */
const struct tls_secrets *tls_keylog_find(const struct tls_keylog *keylog,
                                          const uint8_t client_random[TLS_RANDOM_LEN]);

#endif
