/* A connection opened record by record: the trace of RFC 8448, whole, with holes and with secrets
 * missing; and records sealed here for what that trace does not show. */
#include "rfc8448.h"
#include "tls/tls_kdf.h"
#include "tls/tls_session.h"

#include <stdlib.h>

enum { CLIENT, SERVER };

struct line {
    unsigned from;
    const char *record;
    enum tls_open_status status;
    uint8_t type;
    size_t len; /* of the content; OPENED */
};

static const struct line trace[] = {
    {CLIENT, RFC8448_CLIENT_HELLO, TLS_CLEAR, TLS_HANDSHAKE, 196},
    {SERVER, RFC8448_SERVER_HELLO, TLS_CLEAR, TLS_HANDSHAKE, 90},
    {SERVER, RFC8448_SERVER_FLIGHT, TLS_OPENED, TLS_HANDSHAKE, 657},
    {CLIENT, RFC8448_CLIENT_FINISHED, TLS_OPENED, TLS_HANDSHAKE, 36},
    {SERVER, RFC8448_TICKET, TLS_OPENED, TLS_HANDSHAKE, 205},
    {CLIENT, RFC8448_CLIENT_DATA, TLS_OPENED, TLS_APPLICATION_DATA, 50},
    {SERVER, RFC8448_SERVER_DATA, TLS_OPENED, TLS_APPLICATION_DATA, 50},
    {CLIENT, RFC8448_CLIENT_ALERT, TLS_OPENED, TLS_ALERT, 2},
    {SERVER, RFC8448_SERVER_ALERT, TLS_OPENED, TLS_ALERT, 2},
};
enum { LINES = sizeof trace / sizeof *trace };

static uint8_t room[TLS_ROOM];

static struct tls_keylog *keylog_of(const char *text) {
    struct tls_keylog *keylog = tls_keylog_new(NULL);

    tls_keylog_read(keylog, slice_of_text(text));
    return keylog;
}

static struct tls_opened open_bytes(struct tls_session *session, unsigned from,
                                    struct slice bytes) {
    struct tls_record record;
    struct tls_opened opened;

    assert_int_equal(tls_record_take(&bytes, &record), TLS_TAKE_OK);
    tls_session_open(session, from, &record, room, &opened);
    return opened;
}

static struct tls_opened open_line(struct tls_session *session, const struct line *line) {
    uint8_t bytes[1024];

    return open_bytes(session, line->from, from_hex(line->record, bytes));
}

static void expect(struct tls_session *session, const struct line *line) {
    struct tls_opened opened = open_line(session, line);

    assert_int_equal(opened.status, line->status);
    assert_int_equal(opened.type, line->type);
    assert_int_equal(opened.content.len, line->len);
    if (line->type == TLS_APPLICATION_DATA)
        for (size_t i = 0; i < opened.content.len; i++)
            assert_int_equal(opened.content.ptr[i], i);
}

static void test_whole(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);
    struct tls_session *session = tls_session_new(keylog);

    (void)state;
    for (size_t i = 0; i < LINES; i++)
        expect(session, &trace[i]);
    assert_true(tls_session_has_keys(session));
    assert_false(tls_session_hopeless(session));
    tls_session_free(session);
    tls_keylog_free(keylog);
}

/* Any one record but the ClientHello may be missing. */
static void test_holes(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);

    (void)state;
    for (size_t hole = 1; hole < LINES; hole++) {
        struct tls_session *session = tls_session_new(keylog);
        for (size_t i = 0; i < LINES; i++)
            if (i == hole)
                tls_session_gap(session, trace[i].from);
            else
                expect(session, &trace[i]);
        tls_session_free(session);
    }
    tls_keylog_free(keylog);
}

/* Without a note that something is missing, a record that does not fit ends its direction; the
 * other goes on. */
static void test_not_the_next(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);
    struct tls_session *session = tls_session_new(keylog);

    (void)state;
    for (size_t i = 0; i < 5; i++)
        expect(session, &trace[i]);
    struct tls_opened opened = open_line(session, &trace[8]);
    assert_int_equal(opened.status, TLS_FAILED);
    assert_int_equal(opened.content.len, 0);
    assert_int_equal(open_line(session, &trace[6]).status, TLS_FAILED);
    assert_false(tls_session_hopeless(session));
    expect(session, &trace[5]);
    tls_session_free(session);
    tls_keylog_free(keylog);
}

/* Whatever bit is wrong: nothing is given out. */
static void test_bits(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);

    (void)state;
    for (size_t at = 0; at < 72 * 8; at += 3) {
        struct tls_session *session = tls_session_new(keylog);
        uint8_t bytes[1024];
        struct slice record = from_hex(RFC8448_CLIENT_DATA, bytes);
        for (size_t i = 0; i < 5; i++)
            expect(session, &trace[i]);
        bytes[at / 8] ^= (uint8_t)(1 << at % 8);
        struct tls_record taken;
        struct tls_opened opened = {.status = TLS_FAILED};
        if (tls_record_take(&record, &taken) == TLS_TAKE_OK)
            tls_session_open(session, CLIENT, &taken, room, &opened);
        assert_true(opened.status == TLS_FAILED ||
                    (opened.status == TLS_CLEAR && opened.type != TLS_APPLICATION_DATA));
        tls_session_free(session);
    }
    tls_keylog_free(keylog);
}

/* Secrets of one direction, or of one stage, open what they fit. */
static void test_partial_secrets(void **state) {
    static const struct {
        const char *keys;
        unsigned opens; /* a bit for each line */
    } cases[] = {
        {"CLIENT_TRAFFIC_SECRET_0 " RFC8448_RANDOM " " RFC8448_CLIENT_TRAFFIC "\n",
         1 << 5 | 1 << 7},
        {"SERVER_TRAFFIC_SECRET_0 " RFC8448_RANDOM " " RFC8448_SERVER_TRAFFIC "\n",
         1 << 4 | 1 << 6 | 1 << 8},
        {"SERVER_HANDSHAKE_TRAFFIC_SECRET " RFC8448_RANDOM " " RFC8448_SERVER_HANDSHAKE "\n",
         1 << 2},
        {"", 0},
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tls_keylog *keylog = keylog_of(cases[c].keys);
        struct tls_session *session = tls_session_new(keylog);
        for (unsigned i = 2; i < LINES; i++) {
            if (i == 2) {
                expect(session, &trace[0]);
                expect(session, &trace[1]);
            }
            struct tls_opened opened = open_line(session, &trace[i]);
            assert_int_equal(opened.status == TLS_OPENED, cases[c].opens >> i & 1);
            if (opened.status != TLS_OPENED)
                assert_int_equal(opened.content.len, 0);
        }
        if (!cases[c].opens)
            assert_true(tls_session_hopeless(session));
        tls_session_free(session);
        tls_keylog_free(keylog);
    }
}

/* Why a record stays closed, and which secret would open it. */
static void test_closed(void **state) {
#define RANDOM_OF(label) label " " RFC8448_RANDOM " "
    static const struct {
        const char *keys;
        size_t line;
        enum tls_open_status status;
        enum tls_secret_kind secret;
        bool has_secret;
    } cases[] = {
        /* The server's secrets are missing; the client's data alone is readable. */
        {RANDOM_OF("CLIENT_TRAFFIC_SECRET_0") RFC8448_CLIENT_TRAFFIC "\n", 6, TLS_SEALED,
         TLS_SERVER_TRAFFIC_SECRET, false},
        {RANDOM_OF("CLIENT_TRAFFIC_SECRET_0") RFC8448_CLIENT_TRAFFIC "\n", 3, TLS_WAITS,
         TLS_CLIENT_TRAFFIC_SECRET, true},
        /* Those of the handshake alone. */
        {RANDOM_OF("SERVER_HANDSHAKE_TRAFFIC_SECRET") RFC8448_SERVER_HANDSHAKE "\n", 6, TLS_SEALED,
         TLS_SERVER_TRAFFIC_SECRET, false},
        /* Wrong ones. */
        {RANDOM_OF("SERVER_HANDSHAKE_TRAFFIC_SECRET") RFC8448_CLIENT_HANDSHAKE "\n", 6, TLS_FAILED,
         TLS_SERVER_HANDSHAKE_SECRET, true},
        {RANDOM_OF("SERVER_HANDSHAKE_TRAFFIC_SECRET") RFC8448_SERVER_HANDSHAKE
         "\n" RANDOM_OF("SERVER_TRAFFIC_SECRET_0") RFC8448_CLIENT_TRAFFIC "\n",
         6, TLS_FAILED, TLS_SERVER_TRAFFIC_SECRET, true},
        /* A secret of TLS 1.2 for a connection of 1.3. */
        {RANDOM_OF("CLIENT_RANDOM") RFC8448_RANDOM "00112233445566778899aabbccddeeff\n", 6,
         TLS_SEALED, TLS_SERVER_TRAFFIC_SECRET, false},
    };
#undef RANDOM_OF

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tls_keylog *keylog = keylog_of(cases[c].keys);
        struct tls_session *session = tls_session_new(keylog);
        struct tls_opened opened = {0};
        for (size_t i = 0; i <= cases[c].line; i++)
            opened = open_line(session, &trace[i]);
        assert_int_equal(opened.status, cases[c].status);
        assert_int_equal(opened.secret, cases[c].secret);
        assert_int_equal(opened.has_secret, cases[c].has_secret);
        tls_session_free(session);
        tls_keylog_free(keylog);
    }
}

static void test_met_midway(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);
    struct tls_session *session = tls_session_new(keylog);

    (void)state;
    assert_int_equal(open_line(session, &trace[5]).status, TLS_SEALED);
    assert_true(tls_session_hopeless(session));
    tls_session_free(session);
    tls_keylog_free(keylog);
}

/* ---- records sealed here ---- */

/* AES-128-GCM as TLS 1.3 has it, from a traffic secret. */
static struct slice seal(struct slice secret, uint64_t seq, struct slice content, uint8_t type,
                         size_t padding, uint8_t *out) {
    uint8_t key[16], nonce[12], inner[2048] = {0};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    size_t len = content.len + 1 + padding;
    int n = 0;

    tls_expand_label(EVP_sha256(), secret, "key", key, sizeof key);
    tls_expand_label(EVP_sha256(), secret, "iv", nonce, sizeof nonce);
    nonce[11] ^= (uint8_t)seq;
    nonce[10] ^= (uint8_t)(seq >> 8);
    memcpy(inner, content.ptr, content.len);
    inner[content.len] = type;
    memcpy(out, (uint8_t[]){23, 3, 3, (uint8_t)((len + 16) >> 8), (uint8_t)(len + 16)}, 5);
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, key, nonce);
    EVP_EncryptUpdate(context, NULL, &n, out, 5);
    EVP_EncryptUpdate(context, out + 5, &n, inner, (int)len);
    EVP_EncryptFinal_ex(context, out + 5 + n, &n);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out + 5 + len);
    EVP_CIPHER_CTX_free(context);
    return slice_of(out, 5 + len + 16);
}

static void expect_text(struct tls_session *session, struct slice record, const char *text) {
    struct tls_opened opened = open_bytes(session, CLIENT, record);

    assert_int_equal(opened.status, TLS_OPENED);
    assert_true(slice_eq(opened.content, slice_of_text(text)));
}

/* RFC 8446 7.2: after a KeyUpdate the next secret is in force; twice; and across a hole. Padding is
 * taken off (5.4). */
static void test_key_update(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);
    struct tls_session *session = tls_session_new(keylog);
    uint8_t secret[1024], next[32], out[2048];
    struct slice now = from_hex(RFC8448_CLIENT_TRAFFIC, secret);
    const struct slice update = SLICE_LITERAL("\x18\0\0\x01\0");

    (void)state;
    for (size_t i = 0; i < 6; i++)
        expect(session, &trace[i]);
    for (unsigned turn = 0; turn < 3; turn++) {
        struct slice record = seal(now, turn ? 2 : 1, update, TLS_HANDSHAKE, 0, out);
        if (turn == 2)
            tls_session_gap(session, CLIENT);
        else
            assert_int_equal(open_bytes(session, CLIENT, record).type, TLS_HANDSHAKE);
        tls_expand_label(EVP_sha256(), now, "traffic upd", next, sizeof next);
        memcpy(secret, next, sizeof next);
        now = slice_of(secret, sizeof next);
        expect_text(session, seal(now, 0, slice_of_text("REGISTER"), 23, turn * 100, out),
                    "REGISTER");
        expect_text(session, seal(now, 1, slice_of_text("again"), 23, 0, out), "again");
    }
    /* 40 records are missing. */
    tls_session_gap(session, CLIENT);
    expect_text(session, seal(now, 42, slice_of_text("later"), 23, 0, out), "later");
    tls_session_free(session);
    tls_keylog_free(keylog);
}

/* Zeros alone are no content (RFC 8446 5.4), nor is a type that there is not. */
static void test_inner_type(void **state) {
    struct tls_keylog *keylog = keylog_of(RFC8448_KEYLOG);
    uint8_t secret[1024], out[2048];
    struct slice now = from_hex(RFC8448_CLIENT_TRAFFIC, secret);
    static const uint8_t types[] = {0, 1, 19, 24, 255};

    (void)state;
    for (size_t i = 0; i < sizeof types; i++) {
        struct tls_session *session = tls_session_new(keylog);
        for (size_t n = 0; n < 5; n++)
            expect(session, &trace[n]);
        struct slice record = seal(now, 0, SLICE_LITERAL("\0\0"), types[i], 3, out);
        assert_int_equal(open_bytes(session, CLIENT, record).status, TLS_FAILED);
        tls_session_free(session);
    }
    tls_keylog_free(keylog);
}

/* RFC 8446 4.2.10: data under the early secret, before the ServerHello tells the suite. */
static void test_early_data(void **state) {
    struct tls_keylog *keylog = keylog_of(
        RFC8448_KEYLOG "CLIENT_EARLY_TRAFFIC_SECRET " RFC8448_RANDOM " " RFC8448_RANDOM "\n");
    struct tls_session *session = tls_session_new(keylog);
    uint8_t secret[1024], out[2048];
    struct slice early = from_hex(RFC8448_RANDOM, secret);

    (void)state;
    expect(session, &trace[0]);
    expect_text(session, seal(early, 0, slice_of_text("REGISTER"), 23, 0, out), "REGISTER");
    expect_text(session, seal(early, 1, slice_of_text("more"), 23, 0, out), "more");
    expect(session, &trace[1]);
    expect(session, &trace[2]);
    struct slice end = seal(early, 2, SLICE_LITERAL("\x05\0\0\0"), TLS_HANDSHAKE, 0, out);
    assert_int_equal(open_bytes(session, CLIENT, end).type, TLS_HANDSHAKE);
    for (size_t i = 3; i < LINES; i++)
        expect(session, &trace[i]);
    tls_session_free(session);
    tls_keylog_free(keylog);
}

/* A suite without encryption needs no secrets (RFC 5246 A.5). */
static void test_null_suite(void **state) {
    struct tls_session *session = tls_session_new(NULL);
    uint8_t bytes[1024];
    static const char server_hello[] = "160303002a020000260303" RFC8448_RANDOM "00003b00";

    (void)state;
    expect(session, &trace[0]);
    assert_int_equal(open_bytes(session, SERVER, from_hex(server_hello, bytes)).status, TLS_CLEAR);
    assert_int_equal(open_bytes(session, CLIENT, from_hex("140303000101", bytes)).status,
                     TLS_CLEAR);
    /* "SIP" and a MAC of 32 bytes */
    struct tls_opened opened =
        open_bytes(session, CLIENT, from_hex("1703030023534950" RFC8448_RANDOM, bytes));
    assert_int_equal(opened.status, TLS_OPENED);
    assert_true(slice_eq(opened.content, slice_of_text("SIP")));
    opened = open_bytes(session, CLIENT, from_hex("17030300020000", bytes));
    assert_int_equal(opened.status, TLS_FAILED);
    tls_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),           cmocka_unit_test(test_holes),
        cmocka_unit_test(test_not_the_next),    cmocka_unit_test(test_bits),
        cmocka_unit_test(test_partial_secrets), cmocka_unit_test(test_met_midway),
        cmocka_unit_test(test_key_update),      cmocka_unit_test(test_inner_type),
        cmocka_unit_test(test_closed),          cmocka_unit_test(test_early_data),
        cmocka_unit_test(test_null_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
