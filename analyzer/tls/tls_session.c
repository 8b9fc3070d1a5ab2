/* Keys in time.
 *
 *     up to 1.2   hellos -> keys of both ends wait -> ChangeCipherSpec: they are in force. A
 *                 renegotiation is the same again under the keys in force.
 *     1.3         each end walks through its secrets: (early data,) handshake, application, and
 *                 then "traffic upd" of the one before. Each begins with record 0.
 */
#include "tls/tls_session.h"

#include <stdlib.h>

#include "base/memory.h"
#include "tls/tls_cipher.h"
#include "tls/tls_handshake.h"
#include "tls/tls_kdf.h"
#include "tls/tls_premaster.h"

enum {
    WINDOW = 256,     /* records that may be missing in one place */
    TRIES_MAX = 8192, /* openings in vain, by one end */
    STAGES = 3,
};

struct end {
    struct tls_handshake handshake;
    struct tls_cipher cipher, pending; /* in force; with the next ChangeCipherSpec */
    bool sealed;                       /* up to 1.2: ChangeCipherSpec was seen */
    bool after_gap, over;
    unsigned stage; /* 1.3: of the secrets; 0: the first is still to be tried */
    struct tls_secret secret;
    uint64_t seq; /* of its next record */
    unsigned tries;
};

struct tls_session {
    const struct tls_keylog *keylog;
    struct tls_client_hello client_hello;
    uint8_t client_random[TLS_RANDOM_LEN];
    bool has_client, has_server; /* its hello was seen */
    unsigned client;             /* the end that is the client */
    bool has_secrets, hopeless;
    bool without_keys; /* the suite does not encrypt */
    struct tls_secrets secrets;
    uint16_t version; /* 0: no ServerHello yet */
    struct tls_suite suite;
    bool has_suite;
    uint8_t server_random[TLS_RANDOM_LEN];
    bool compressed, encrypt_then_mac, extended_master;
    bool wants_premaster; /* RSA key exchange may tell the master secret */
    struct tls_transcript transcript;
    struct end ends[TLS_ENDS];
};

struct tls_session *tls_session_new(const struct tls_keylog *keylog) {
    struct tls_session *session = memory_new_zeroed(1, sizeof *session);

    session->keylog = keylog;
    return session;
}

void tls_session_free(struct tls_session *session) {
    if (!session)
        return;
    for (size_t i = 0; i < TLS_ENDS; i++) {
        tls_handshake_clear(&session->ends[i].handshake);
        tls_cipher_fini(&session->ends[i].cipher);
        tls_cipher_fini(&session->ends[i].pending);
    }
    tls_transcript_clear(&session->transcript, false);
    free(session);
}

/* ---- hellos ---- */

static void hear_client(struct tls_session *session, unsigned from, struct slice body) {
    if (!tls_client_hello_parse(body, &session->client_hello))
        return;
    memcpy(session->client_random, session->client_hello.random.ptr, TLS_RANDOM_LEN);
    session->has_client = true;
    session->client = from;
    const struct tls_secrets *known = tls_keylog_find(session->keylog, session->client_random);
    session->has_secrets = known;
    session->secrets = known ? *known : (struct tls_secrets){0};
}

static void make_pending(struct tls_session *session) {
    struct end *client = &session->ends[session->client],
               *server = &session->ends[!session->client];
    const struct tls_secret *master = &session->secrets.of[TLS_MASTER_SECRET];

    tls_cipher_fini(&client->pending);
    tls_cipher_fini(&server->pending);
    if (!session->has_suite || session->compressed)
        return;
    session->without_keys = session->suite.kind->mode == TLS_MODE_NULL;
    if (session->has_secrets && master->len) {
        if (!tls_ciphers_from_master(&client->pending, &server->pending, &session->suite,
                                     session->version, session->encrypt_then_mac,
                                     slice_of(master->bytes, master->len), session->client_random,
                                     session->server_random))
            client->pending = server->pending = (struct tls_cipher){0};
    } else if (session->without_keys) {
        tls_cipher_without_keys(&client->pending, &session->suite, session->version);
        tls_cipher_without_keys(&server->pending, &session->suite, session->version);
    }
}

static void forget_transcript(struct tls_session *session) {
    session->wants_premaster = false;
    tls_transcript_clear(&session->transcript, false);
}

/* The ClientKeyExchange: its premaster secret may be known. */
static void hear_client_keys(struct tls_session *session, unsigned from, struct slice body) {
    const struct tls_agreed agreed = {&session->suite, session->version, session->client_random,
                                      session->server_random, session->extended_master};
    struct tls_secret *master = &session->secrets.of[TLS_MASTER_SECRET];
    const struct tls_secret *premaster;
    struct slice encrypted;

    if (session->wants_premaster && session->has_server && from == session->client &&
        session->has_suite && session->version < TLS_1_3 &&
        tls_premaster_encrypted(body, &encrypted) &&
        (premaster = tls_keylog_find_premaster(session->keylog, encrypted)) &&
        tls_master_from_premaster(master, premaster, &agreed, &session->transcript)) {
        session->has_secrets = true;
        make_pending(session);
    }
    forget_transcript(session);
}

/* Up to 1.2: the key log may have the master secret by the ID of the session. */
static void take_session_master(struct tls_session *session, struct slice session_id) {
    struct tls_secret *master = &session->secrets.of[TLS_MASTER_SECRET];
    const struct tls_secret *known = tls_keylog_find_session(session->keylog, session_id);

    if (master->len || !known)
        return;
    *master = *known;
    session->has_secrets = true;
}

static void hear_server(struct tls_session *session, unsigned from, struct slice body) {
    struct tls_server_hello hello;

    if (!session->has_client || from == session->client || !tls_server_hello_parse(body, &hello))
        return;
    session->version = hello.version;
    if (hello.retry)
        return;
    session->has_server = true;
    session->has_suite = tls_suite_find(hello.suite, &session->suite);
    memcpy(session->server_random, hello.random.ptr, TLS_RANDOM_LEN);
    session->compressed = hello.compression;
    session->encrypt_then_mac = hello.encrypt_then_mac;
    session->extended_master = hello.extended_master;
    if (session->version < TLS_1_3) {
        take_session_master(session, hello.session_id);
        make_pending(session);
    } else {
        forget_transcript(session);
    }
}

/* With a whole ClientHello, where its connection's secrets are not known by its random. */
static void begin_transcript(struct tls_session *session, const struct tls_handshake *hello) {
    forget_transcript(session);
    session->wants_premaster = session->has_client && !session->secrets.of[TLS_MASTER_SECRET].len &&
                               tls_keylog_has_premasters(session->keylog);
    if (!session->wants_premaster)
        return;
    tls_transcript_add(&session->transcript, slice_of(hello->head, sizeof hello->head));
    tls_transcript_add(&session->transcript, slice_of(hello->body, hello->len));
}

static void hear(struct tls_session *session, unsigned from, struct tls_opened *opened) {
    struct slice content = opened->content, body;
    uint8_t type;

    for (;;) {
        struct slice rest = content;
        type = tls_handshake_read(&session->ends[from].handshake, &content, &body);
        if (session->wants_premaster)
            tls_transcript_add(&session->transcript,
                               slice_between(rest, 0, rest.len - content.len));
        if (!type)
            return;
        if (type == TLS_CLIENT_HELLO) {
            session->has_client = false;
            hear_client(session, from, body);
            if (session->has_client)
                opened->client_hello = &session->client_hello;
            begin_transcript(session, &session->ends[from].handshake);
        } else if (type == TLS_SERVER_HELLO) {
            hear_server(session, from, body);
        } else {
            hear_client_keys(session, from, body);
        }
    }
}

/* ---- opening ---- */

/* A record that is to be opened, and where to. */
struct attempt {
    const struct tls_record *record;
    uint8_t *room;
    struct tls_opened *opened;
};

static bool open_at(struct end *end, struct tls_cipher *cipher, uint64_t seq,
                    const struct attempt *attempt) {
    size_t len = 0;

    if (!tls_cipher_open(cipher, attempt->record, seq, attempt->room, &len,
                         &attempt->opened->type)) {
        end->tries++;
        return false;
    }
    attempt->opened->content = slice_of(attempt->room, len);
    end->seq = seq + 1;
    return true;
}

/* With this key, as record `seq`, or, where records are missing, as a later one. */
static bool open_from(struct end *end, struct tls_cipher *cipher, uint64_t seq,
                      const struct attempt *attempt) {
    uint64_t last = seq + (end->after_gap ? WINDOW : 0);

    for (; seq <= last && end->tries < TRIES_MAX; seq++)
        if (open_at(end, cipher, seq, attempt))
            return true;
    return false;
}

/* With the keys of a secret of TLS 1.3, for this suite. */
static bool open_with_secret(struct end *end, const struct tls_suite *suite,
                             const struct tls_secret *secret, const struct attempt *attempt) {
    struct tls_cipher cipher = {0};

    if ((size_t)EVP_MD_get_size(suite->hash()) != secret->len)
        return false;
    bool fits = tls_cipher_from_secret(&cipher, suite, slice_of(secret->bytes, secret->len)) &&
                open_from(end, &cipher, 0, attempt);
    if (fits) {
        end->secret = *secret;
        tls_cipher_move(&end->cipher, &cipher);
    }
    tls_cipher_fini(&cipher);
    return fits;
}

/* The suite that was agreed upon, or, where that is not known yet or was not captured, any. */
static bool open_with_any_suite(struct tls_session *session, struct end *end,
                                const struct tls_secret *secret, const struct attempt *attempt) {
    struct tls_suite suite;

    if (session->has_suite)
        return open_with_secret(end, &session->suite, secret, attempt);
    for (uint16_t n = TLS_1_3_SUITE_FIRST; n <= TLS_1_3_SUITE_LAST; n++)
        if (tls_suite_find(n, &suite) && open_with_secret(end, &suite, secret, attempt)) {
            if (session->has_server || secret != &session->secrets.of[TLS_CLIENT_EARLY_SECRET]) {
                session->suite = suite;
                session->has_suite = true;
            }
            return true;
        }
    return false;
}

/* RFC 8446 7.2 */
static bool open_updated(struct tls_session *session, struct end *end,
                         const struct attempt *attempt) {
    struct tls_secret updated = {.len = end->secret.len};

    return session->has_suite && end->secret.len &&
           (size_t)EVP_MD_get_size(session->suite.hash()) == updated.len &&
           tls_expand_label(session->suite.hash(), slice_of(end->secret.bytes, end->secret.len),
                            "traffic upd", updated.bytes, updated.len) &&
           open_with_secret(end, &session->suite, &updated, attempt);
}

static bool open_1_3(struct tls_session *session, unsigned from, const struct attempt *attempt) {
    static const enum tls_secret_kind client[STAGES] = {
        TLS_CLIENT_EARLY_SECRET, TLS_CLIENT_HANDSHAKE_SECRET, TLS_CLIENT_TRAFFIC_SECRET};
    static const enum tls_secret_kind server[STAGES] = {
        TLS_SERVER_HANDSHAKE_SECRET, TLS_SERVER_HANDSHAKE_SECRET, TLS_SERVER_TRAFFIC_SECRET};
    const enum tls_secret_kind *kinds = from == session->client ? client : server;
    struct end *end = &session->ends[from];

    if (end->cipher.kind && open_from(end, &end->cipher, end->seq, attempt))
        return true;
    for (unsigned stage = end->stage; stage < STAGES; stage++) {
        const struct tls_secret *secret = &session->secrets.of[kinds[stage]];
        if (secret->len && open_with_any_suite(session, end, secret, attempt)) {
            end->stage = stage + 1;
            return true;
        }
    }
    return end->stage == STAGES && open_updated(session, end, attempt);
}

static void change_cipher_spec(struct tls_session *session, struct end *end) {
    if (!session->version || session->version >= TLS_1_3)
        return; /* RFC 8446 D.4: it means nothing; up to 1.2 none comes before the ServerHello */
    end->sealed = true;
    end->seq = 0;
    tls_cipher_move(&end->cipher, &end->pending);
}

static bool is_protected(const struct tls_session *session, const struct end *end,
                         const struct tls_record *record) {
    if (session->version >= TLS_1_3)
        return record->type == TLS_APPLICATION_DATA;
    return end->sealed || record->type == TLS_APPLICATION_DATA;
}

/* Is there a key that may fit what this end sends? */
static bool may_open(const struct tls_session *session, unsigned from) {
    const struct end *end = &session->ends[from];
    bool client = from == session->client;

    if (end->over)
        return false;
    if (end->cipher.kind || end->pending.kind)
        return true;
    if (!session->has_secrets || (session->version && session->version < TLS_1_3))
        return false;
    for (enum tls_secret_kind kind = TLS_CLIENT_EARLY_SECRET; kind < TLS_SECRET_KINDS; kind++)
        if (session->secrets.of[kind].len &&
            client == (kind != TLS_SERVER_HANDSHAKE_SECRET && kind != TLS_SERVER_TRAFFIC_SECRET))
            return true;
    return false;
}

/* TLS 1.3: the records at hand may be under a secret that the key log lacks, while it has the one
 * that comes next. */
static bool waits_for_key(const struct tls_session *session, unsigned from) {
    const struct end *end = &session->ends[from];
    bool client = from == session->client;

    if ((session->version && session->version < TLS_1_3) || end->stage == STAGES)
        return false;
    bool handshake =
        session->secrets.of[client ? TLS_CLIENT_HANDSHAKE_SECRET : TLS_SERVER_HANDSHAKE_SECRET].len;
    bool traffic =
        session->secrets.of[client ? TLS_CLIENT_TRAFFIC_SECRET : TLS_SERVER_TRAFFIC_SECRET].len;
    if (client && end->stage == 0 && session->client_hello.early_data &&
        !session->secrets.of[TLS_CLIENT_EARLY_SECRET].len)
        return handshake || traffic;
    return !handshake && traffic;
}

/* The secret that what this end sends now should be under. */
static enum tls_secret_kind secret_due(const struct tls_session *session, unsigned from) {
    const struct end *end = &session->ends[from];
    bool client = from == session->client;
    enum tls_secret_kind handshake =
        client ? TLS_CLIENT_HANDSHAKE_SECRET : TLS_SERVER_HANDSHAKE_SECRET;

    if (session->version && session->version < TLS_1_3)
        return TLS_MASTER_SECRET;
    if (end->stage < (client ? STAGES - 1 : 1) && session->secrets.of[handshake].len)
        return handshake;
    return client ? TLS_CLIENT_TRAFFIC_SECRET : TLS_SERVER_TRAFFIC_SECRET;
}

/* What a record is that this end sent, and that did not open. */
static enum tls_open_status closed_status(const struct tls_session *session, unsigned from,
                                          bool tried, const struct tls_opened *opened) {
    if (tried && waits_for_key(session, from))
        return TLS_WAITS;
    /* Up to 1.2 it was tried with the keys that are there, which NULL suites do without secrets. */
    bool keyed = opened->has_secret || opened->secret == TLS_MASTER_SECRET;
    return keyed && (tried || session->ends[from].over) ? TLS_FAILED : TLS_SEALED;
}

static void open_sealed(struct tls_session *session, unsigned from, const struct attempt *attempt) {
    struct end *end = &session->ends[from];
    struct tls_opened *opened = attempt->opened;
    bool before_1_3 = session->version && session->version < TLS_1_3;

    opened->secret = secret_due(session, from);
    opened->has_secret = session->secrets.of[opened->secret].len;
    if (!may_open(session, from)) {
        opened->status = closed_status(session, from, false, opened);
        session->hopeless = session->hopeless || !tls_session_has_keys(session) ||
                            (session->has_server && !may_open(session, !from));
        return;
    }
    if (before_1_3 && !end->sealed)
        change_cipher_spec(session, end); /* it was not captured */
    bool fits = before_1_3 ? open_from(end, &end->cipher, end->seq, attempt)
                           : open_1_3(session, from, attempt);
    tls_cipher_pass(&end->cipher, attempt->record);
    if (fits) {
        opened->status = TLS_OPENED;
        end->after_gap = false;
        return;
    }
    opened->status = closed_status(session, from, true, opened);
    end->seq++;
    end->over = (!end->after_gap && opened->status != TLS_WAITS) || end->tries >= TRIES_MAX;
    session->hopeless = end->over && !may_open(session, !from);
}

void tls_session_open(struct tls_session *session, unsigned from, const struct tls_record *record,
                      uint8_t *room, struct tls_opened *opened) {
    struct end *end = &session->ends[from];
    struct attempt attempt = {record, room, opened};

    *opened =
        (struct tls_opened){.status = TLS_CLEAR, .type = record->type, .content = record->body};
    if (is_protected(session, end, record)) {
        opened->content = (struct slice){0};
        open_sealed(session, from, &attempt);
    }
    if (opened->status != TLS_CLEAR && opened->status != TLS_OPENED)
        return;
    if (opened->type == TLS_CHANGE_CIPHER_SPEC)
        change_cipher_spec(session, end);
    else if (opened->type == TLS_HANDSHAKE)
        hear(session, from, opened);
}

void tls_session_gap(struct tls_session *session, unsigned from) {
    session->ends[from].after_gap = true;
    tls_handshake_clear(&session->ends[from].handshake);
    if (session->wants_premaster)
        tls_transcript_clear(&session->transcript, true);
}

bool tls_session_hopeless(const struct tls_session *session) {
    return session->hopeless;
}

size_t tls_session_held(const struct tls_session *session) {
    return session->ends[0].handshake.cap + session->ends[1].handshake.cap +
           session->transcript.cap;
}

bool tls_session_has_keys(const struct tls_session *session) {
    return session->has_secrets || session->without_keys;
}
