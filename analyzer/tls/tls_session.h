/* One TLS connection: its records are opened, as far as the key log has its secrets.
 *
 * Which key a record is under shows when it opens: where the newest key does not fit, the one that
 * would come next is tried, and where records are missing, the next numbers. What no key opens is
 * never given out.
 */
#ifndef TLS_TLS_SESSION_H
#define TLS_TLS_SESSION_H

#include "tls/tls_keylog.h"
#include "tls/tls_record.h"

/* The two ends of a connection, as the caller numbers them; which of them is the TLS client, the
 * ClientHello tells. */
enum { TLS_ENDS = 2 };

struct tls_session;

/* keylog: NULL: none; must live as long as the session. */
struct tls_session *tls_session_new(const struct tls_keylog *keylog);
void tls_session_free(struct tls_session *session); /* NULL: nothing to do */

enum tls_open_status {
    TLS_CLEAR,  /* not protected */
    TLS_OPENED, /* protected, and opened */
    TLS_WAITS,  /* protected under a key that is not there, before one that is */
    TLS_SEALED, /* protected; there is no key for what this end sends */
    TLS_FAILED, /* protected; a key is there, but it does not fit */
};

/* What a record turned out to be. */
struct tls_opened {
    enum tls_open_status status;
    uint8_t type; /* of enum tls_content: the content's own, where it could be opened */
    enum tls_secret_kind secret; /* WAITS, SEALED, FAILED: that should open it, */
    bool has_secret;             /* and it is there; SEALED: its cipher suite is not known here */
    struct slice content;        /* CLEAR, OPENED; valid until the next call */
    const struct tls_client_hello *client_hello; /* it ended one; valid until the next call */
};

enum { TLS_ROOM = TLS_RECORD_MAX };

/* The next record that end `from` sent. room: TLS_ROOM bytes, where content may lie. */
void tls_session_open(struct tls_session *session, unsigned from, const struct tls_record *record,
                      uint8_t *room, struct tls_opened *opened);

/* Records of this end are missing from the capture here. */
void tls_session_gap(struct tls_session *session, unsigned from);

/* Nothing that this connection sends from now on can be opened. */
bool tls_session_hopeless(const struct tls_session *session);

/* So many bytes of handshakes are held. */
size_t tls_session_held(const struct tls_session *session);

/* Are there secrets, or need there be none? */
bool tls_session_has_keys(const struct tls_session *session);

#endif
