/* Lines of a key log, in a hash table by client random: open addressing, at most three quarters
 * full. */
#include "tls/tls_keylog.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/memory.h"

enum { CONNECTIONS_MAX = 1 << 20, FIRST_CAP = 16 };

struct tls_keylog {
    const struct tls_keylog *also;
    ARRAY_OF(struct tls_secrets) connections;
    bool has_premasters, has_others;
    uint32_t *slots; /* index into connections, plus one; 0: free */
    size_t cap;
};

static const struct {
    const char *label;
    bool used;
    enum tls_secret_kind kind;
} labels[] = {
    {"CLIENT_RANDOM", true, TLS_MASTER_SECRET},
    {"CLIENT_EARLY_TRAFFIC_SECRET", true, TLS_CLIENT_EARLY_SECRET},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", true, TLS_CLIENT_HANDSHAKE_SECRET},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", true, TLS_SERVER_HANDSHAKE_SECRET},
    {"CLIENT_TRAFFIC_SECRET_0", true, TLS_CLIENT_TRAFFIC_SECRET},
    {"SERVER_TRAFFIC_SECRET_0", true, TLS_SERVER_TRAFFIC_SECRET},
    {"EXPORTER_SECRET", false, 0},
    {"EARLY_EXPORTER_SECRET", false, 0},
    {"EARLY_EXPORTER_MASTER_SECRET", false, 0},
    {"ECH_SECRET", false, 0},
    {"ECH_CONFIG", false, 0},
    {"RSA", true, TLS_PREMASTER_SECRET},
    {"RSA Session-ID", true, TLS_SESSION_MASTER_SECRET},
    {"PMS_CLIENT_RANDOM", false, 0},
};

const char *tls_secret_label(enum tls_secret_kind kind) {
    size_t i = 0;

    while (!labels[i].used || labels[i].kind != kind)
        i++;
    return labels[i].label;
}

struct tls_keylog *tls_keylog_new(const struct tls_keylog *also) {
    struct tls_keylog *keylog = memory_new_zeroed(1, sizeof *keylog);

    keylog->also = also;
    return keylog;
}

void tls_keylog_free(struct tls_keylog *keylog) {
    if (!keylog)
        return;
    ARRAY_FINI(&keylog->connections);
    free(keylog->slots);
    free(keylog);
}

/* The slot of a random: of its connection, or a free one. */
static size_t slot_of(const struct tls_keylog *keylog, const uint8_t *random) {
    size_t at = hash_bytes(random, TLS_RANDOM_LEN, 0) & (keylog->cap - 1);

    while (keylog->slots[at] &&
           memcmp(keylog->connections.items[keylog->slots[at] - 1].client_random, random,
                  TLS_RANDOM_LEN) != 0)
        at = (at + 1) & (keylog->cap - 1);
    return at;
}

static void grow(struct tls_keylog *keylog) {
    keylog->cap = keylog->cap ? keylog->cap * 2 : FIRST_CAP;
    free(keylog->slots);
    keylog->slots = memory_new_zeroed(keylog->cap, sizeof *keylog->slots);
    for (size_t i = 0; i < keylog->connections.n; i++)
        keylog->slots[slot_of(keylog, keylog->connections.items[i].client_random)] =
            (uint32_t)i + 1;
}

/* What is kept of a connection, new or known; NULL: there is no room. */
static struct tls_secrets *secrets_of(struct tls_keylog *keylog, const uint8_t *random) {
    if (keylog->connections.n * 4 >= keylog->cap * 3)
        grow(keylog);
    size_t at = slot_of(keylog, random);
    if (!keylog->slots[at]) {
        if (keylog->connections.n >= CONNECTIONS_MAX)
            return NULL;
        memcpy(ARRAY_PUSH(&keylog->connections)->client_random, random, TLS_RANDOM_LEN);
        keylog->slots[at] = (uint32_t)keylog->connections.n;
    }
    return &keylog->connections.items[keylog->slots[at] - 1];
}

/* ---- lines ---- */

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A label that is not known here, of later drafts or of one program. */
static bool looks_like_label(struct slice word) {
    for (size_t i = 0; i < word.len; i++)
        if (!(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z') && word.ptr[i] != '_' &&
            !(word.ptr[i] >= '0' && word.ptr[i] <= '9'))
            return false;
    return word.len > 0;
}

/* The bytes that these digits spell: `max` at most; 0: they spell none. */
static size_t from_hex(struct slice digits, uint8_t *out, size_t max) {
    if (digits.len % 2 || digits.len / 2 > max)
        return 0;
    for (size_t i = 0; i < digits.len; i += 2) {
        int high = hex_digit(digits.ptr[i]), low = hex_digit(digits.ptr[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return digits.len / 2;
}

static struct slice take_word(struct slice *line) {
    size_t len = slice_find(*line, ' ');
    struct slice word = slice_between(*line, 0, len);

    *line = slice_trim(slice_between(*line, len, line->len));
    return word;
}

static bool length_fits(enum tls_secret_kind kind, size_t len) {
    return kind == TLS_MASTER_SECRET || kind == TLS_PREMASTER_SECRET ||
                   kind == TLS_SESSION_MASTER_SECRET
               ? len == TLS_MASTER_SECRET_LEN
               : len == 32 || len == 48 || len == 64;
}

static bool skip_prefix(struct slice *text, const char *prefix) {
    struct slice wanted = slice_of_text(prefix);

    return slice_starts(*text, wanted) && slice_skip(text, wanted.len);
}

/* Do these digits name what a secret of this kind belongs to? id: of TLS_RANDOM_LEN bytes. */
static bool read_id(enum tls_secret_kind kind, struct slice digits, uint8_t *id) {
    size_t owed = kind == TLS_PREMASTER_SECRET ? TLS_PREMASTER_ID_LEN : TLS_RANDOM_LEN;

    memset(id, 0, TLS_RANDOM_LEN);
    size_t len = from_hex(digits, id, owed);
    return kind == TLS_SESSION_MASTER_SECRET ? len > 0 : len == owed;
}

static void read_line(struct tls_keylog *keylog, struct slice line, uint32_t number,
                      struct tls_keylog_lines *lines) {
    struct slice label = take_word(&line), random_digits = take_word(&line);
    uint8_t random[TLS_RANDOM_LEN];
    struct tls_secret secret = {.line = number};
    size_t i = 0;

    while (i < sizeof labels / sizeof *labels && !slice_eq(label, slice_of_text(labels[i].label)))
        i++;
    bool known_label = i < sizeof labels / sizeof *labels;
    if (!known_label && !(looks_like_label(label) &&
                          from_hex(random_digits, random, sizeof random) == sizeof random)) {
        lines->skipped++;
        return;
    }
    if (!known_label || !labels[i].used) {
        lines->passed++;
        return;
    }
    enum tls_secret_kind kind = labels[i].kind;
    if (kind == TLS_PREMASTER_SECRET && skip_prefix(&random_digits, "Session-ID:") &&
        skip_prefix(&line, "Master-Key:"))
        kind = TLS_SESSION_MASTER_SECRET;
    secret.len = (uint8_t)from_hex(line, secret.bytes, TLS_SECRET_MAX);
    struct tls_secrets *known =
        read_id(kind, random_digits, random) && length_fits(kind, secret.len)
            ? secrets_of(keylog, random)
            : NULL;
    if (!known) {
        lines->skipped++;
        return;
    }
    known->of[kind] = secret;
    if (kind == TLS_PREMASTER_SECRET)
        keylog->has_premasters = true;
    else
        keylog->has_others = true;
    lines->used++;
}

struct tls_keylog_lines tls_keylog_read(struct tls_keylog *keylog, struct slice text) {
    struct tls_keylog_lines lines = {0};

    for (uint32_t number = 1; text.len; number++) {
        size_t end = slice_find(text, '\n');
        struct slice line = slice_trim(slice_between(text, 0, end));
        text = slice_between(text, end + 1, text.len);
        if (line.len && line.ptr[0] != '#')
            read_line(keylog, line, number, &lines);
    }
    return lines;
}

const struct tls_secrets *tls_keylog_find(const struct tls_keylog *keylog,
                                          const uint8_t client_random[TLS_RANDOM_LEN]) {
    for (; keylog; keylog = keylog->also) {
        uint32_t at = keylog->cap ? keylog->slots[slot_of(keylog, client_random)] : 0;
        if (at)
            return &keylog->connections.items[at - 1];
    }
    return NULL;
}

bool tls_keylog_has_premasters(const struct tls_keylog *keylog) {
    for (; keylog; keylog = keylog->also)
        if (keylog->has_premasters)
            return true;
    return false;
}

enum tls_keylog_holds tls_keylog_holds(const struct tls_keylog *keylog) {
    enum tls_keylog_holds holds = TLS_KEYLOG_NOT_GIVEN;

    for (; keylog; keylog = keylog->also) {
        enum tls_keylog_holds here = keylog->has_others       ? TLS_KEYLOG_SECRETS
                                     : keylog->has_premasters ? TLS_KEYLOG_PREMASTERS_ONLY
                                     : keylog->also           ? TLS_KEYLOG_EMPTY
                                                              : TLS_KEYLOG_NOT_GIVEN;
        holds = here > holds ? here : holds;
    }
    return holds;
}

const struct tls_secret *tls_keylog_find_session(const struct tls_keylog *keylog,
                                                 struct slice session_id) {
    uint8_t id[TLS_RANDOM_LEN] = {0};

    if (!session_id.len || session_id.len > sizeof id)
        return NULL;
    memcpy(id, session_id.ptr, session_id.len);
    const struct tls_secrets *found = tls_keylog_find(keylog, id);
    return found && found->of[TLS_SESSION_MASTER_SECRET].len ? &found->of[TLS_SESSION_MASTER_SECRET]
                                                             : NULL;
}

const struct tls_secret *tls_keylog_find_premaster(const struct tls_keylog *keylog,
                                                   struct slice encrypted) {
    uint8_t id[TLS_RANDOM_LEN] = {0};

    memcpy(id, encrypted.ptr, TLS_PREMASTER_ID_LEN);
    const struct tls_secrets *found = tls_keylog_find(keylog, id);
    return found && found->of[TLS_PREMASTER_SECRET].len ? &found->of[TLS_PREMASTER_SECRET] : NULL;
}
