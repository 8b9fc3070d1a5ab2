/* Opening a record:
 *
 *     TLS 1.3      AEAD(nonce = iv XOR seq, data = header)               -> content, type, zeros
 *     1.2 AEAD     AEAD(nonce = iv + explicit, or iv XOR seq,
 *                       data = seq + type + version + length)            -> content
 *     CBC          IV + blocks, or (1.0) blocks chained from the record before
 *                  MAC then encrypt: blocks = content + MAC + padding
 *                  encrypt then MAC: blocks = content + padding; MAC over IV + blocks behind them
 *     NULL         content + MAC
 *
 * The MAC is over seq + type + version + length + what it protects. Padding is p bytes of value p,
 * and p itself. A record of a capture is no oracle for anybody: nothing here runs in constant time.
 */
#include "tls/tls_cipher.h"

#include <openssl/hmac.h>

#include "tls/tls_hello.h"
#include "tls/tls_kdf.h"

enum { NONCE_LEN = 12, SEQ_LEN = 8, PSEUDO_HEADER_LEN = 13, KEY_BLOCK_MAX = 2 * (48 + 32 + 16) };

static bool is_aead(const struct tls_cipher *cipher) {
    return cipher->kind->mode >= TLS_MODE_GCM;
}

/* ---- keys ---- */

static struct tls_cipher with_suite(const struct tls_suite *suite, uint16_t version) {
    return (struct tls_cipher){
        .kind = suite->kind, .mac = suite->mac ? suite->mac() : NULL, .version = version};
}

bool tls_cipher_from_secret(struct tls_cipher *cipher, const struct tls_suite *suite,
                            struct slice secret) {
    *cipher = with_suite(suite, TLS_1_3);
    return is_aead(cipher) &&
           tls_expand_label(suite->hash(), secret, "key", cipher->key, cipher->kind->key_len) &&
           tls_expand_label(suite->hash(), secret, "iv", cipher->iv, NONCE_LEN);
}

bool tls_ciphers_from_master(struct tls_cipher *client, struct tls_cipher *server,
                             const struct tls_suite *suite, uint16_t version, bool encrypt_then_mac,
                             struct slice master, const uint8_t *client_random,
                             const uint8_t *server_random) {
    struct tls_cipher *both[] = {client, server};
    uint8_t seed[2 * TLS_RANDOM_LEN], block[KEY_BLOCK_MAX];
    size_t mac_len = suite->mac ? (size_t)EVP_MD_get_size(suite->mac()) : 0;
    size_t key_len = suite->kind->key_len, iv_len = suite->kind->fixed_iv_len;

    *client = *server = with_suite(suite, version);
    if (!is_aead(client) && !client->mac)
        return false;
    if (suite->kind->mode == TLS_MODE_CBC && version > TLS_1_0)
        iv_len = 0; /* each record brings its own */
    memcpy(seed, server_random, TLS_RANDOM_LEN);
    memcpy(seed + TLS_RANDOM_LEN, client_random, TLS_RANDOM_LEN);
    if (!tls_prf(version >= TLS_1_2 ? suite->hash() : NULL, master, "key expansion",
                 slice_of(seed, sizeof seed), block, 2 * (mac_len + key_len + iv_len)))
        return false;
    for (size_t i = 0; i < 2; i++) {
        memcpy(both[i]->mac_key, block + i * mac_len, mac_len);
        memcpy(both[i]->key, block + 2 * mac_len + i * key_len, key_len);
        memcpy(both[i]->iv, block + 2 * (mac_len + key_len) + i * iv_len, iv_len);
        both[i]->has_mac_key = true;
        both[i]->iv_known = true;
        both[i]->encrypt_then_mac = encrypt_then_mac && suite->kind->mode == TLS_MODE_CBC;
    }
    return true;
}

void tls_cipher_without_keys(struct tls_cipher *cipher, const struct tls_suite *suite,
                             uint16_t version) {
    *cipher = with_suite(suite, version);
}

void tls_cipher_move(struct tls_cipher *to, struct tls_cipher *from) {
    tls_cipher_fini(to);
    *to = *from;
    *from = (struct tls_cipher){0};
}

void tls_cipher_fini(struct tls_cipher *cipher) {
    EVP_CIPHER_CTX_free(cipher->context);
    *cipher = (struct tls_cipher){0};
}

/* ---- opening ---- */

static void put_u64be(uint8_t *out, uint64_t v) {
    for (size_t i = 0; i < SEQ_LEN; i++)
        out[i] = (uint8_t)(v >> (8 * (SEQ_LEN - 1 - i)));
}

/* seq, type, version and length: what RFC 5246 authenticates along with the content. */
static void pseudo_header(uint8_t out[PSEUDO_HEADER_LEN], uint64_t seq,
                          const struct tls_record *record, size_t len) {
    put_u64be(out, seq);
    out[SEQ_LEN] = record->type;
    memcpy(out + SEQ_LEN + 1, record->header.ptr + 1, 2);
    out[SEQ_LEN + 3] = (uint8_t)(len >> 8);
    out[SEQ_LEN + 4] = (uint8_t)len;
}

static bool mac_fits(const struct tls_cipher *cipher, const uint8_t header[PSEUDO_HEADER_LEN],
                     struct slice content, struct slice mac) {
    uint8_t computed[EVP_MAX_MD_SIZE], input[PSEUDO_HEADER_LEN + TLS_RECORD_MAX];
    unsigned len = 0;

    memcpy(input, header, PSEUDO_HEADER_LEN);
    memcpy(input + PSEUDO_HEADER_LEN, content.ptr, content.len);
    return HMAC(cipher->mac, cipher->mac_key, EVP_MD_get_size(cipher->mac), input,
                PSEUDO_HEADER_LEN + content.len, computed, &len) &&
           slice_eq(slice_of(computed, len), mac);
}

static EVP_CIPHER_CTX *context_of(struct tls_cipher *cipher) {
    if (!cipher->context)
        cipher->context = EVP_CIPHER_CTX_new();
    return cipher->context;
}

static void make_nonce(uint8_t nonce[NONCE_LEN], const struct tls_cipher *cipher,
                       struct slice explicit_part, uint64_t seq) {
    uint8_t number[SEQ_LEN];

    memcpy(nonce, cipher->iv, NONCE_LEN);
    if (explicit_part.len) {
        memcpy(nonce + NONCE_LEN - explicit_part.len, explicit_part.ptr, explicit_part.len);
        return;
    }
    put_u64be(number, seq);
    for (size_t i = 0; i < SEQ_LEN; i++)
        nonce[NONCE_LEN - SEQ_LEN + i] ^= number[i];
}

static bool aead_open(struct tls_cipher *cipher, struct slice sealed, struct slice tag,
                      const uint8_t nonce[NONCE_LEN], struct slice data, uint8_t *out) {
    EVP_CIPHER_CTX *context = context_of(cipher);
    uint8_t tag_bytes[EVP_MAX_MD_SIZE];
    bool ccm = cipher->kind->mode == TLS_MODE_CCM;
    int n = 0;

    memcpy(tag_bytes, tag.ptr, tag.len);
    if (!context || !EVP_DecryptInit_ex(context, cipher->kind->cipher(), NULL, NULL, NULL) ||
        !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN, NULL) ||
        (ccm && !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)tag.len, tag_bytes)) ||
        !EVP_DecryptInit_ex(context, NULL, NULL, cipher->key, nonce) ||
        (ccm && !EVP_DecryptUpdate(context, NULL, &n, NULL, (int)sealed.len)) ||
        !EVP_DecryptUpdate(context, NULL, &n, data.ptr, (int)data.len))
        return false;
    if (EVP_DecryptUpdate(context, out, &n, sealed.ptr, (int)sealed.len) <= 0)
        return false;
    return ccm || (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)tag.len, tag_bytes) &&
                   EVP_DecryptFinal_ex(context, out + n, &n) > 0);
}

/* RFC 8446 5.2: content, its type, and zeros as padding. */
static bool take_inner_type(uint8_t *out, size_t *len, uint8_t *type) {
    while (*len && !out[*len - 1])
        --*len;
    if (!*len)
        return false;
    *type = out[--*len];
    return *type >= TLS_CHANGE_CIPHER_SPEC && *type <= TLS_APPLICATION_DATA;
}

static bool open_aead(struct tls_cipher *cipher, const struct tls_record *record, uint64_t seq,
                      uint8_t *out, size_t *out_len, uint8_t *type) {
    bool v13 = cipher->version >= TLS_1_3;
    struct slice body = record->body, explicit_part = {0};
    size_t explicit_len = v13 ? 0 : cipher->kind->explicit_len, tag_len = cipher->kind->tag_len;
    uint8_t nonce[NONCE_LEN], header[PSEUDO_HEADER_LEN];

    if (!slice_take(&body, explicit_len, &explicit_part) || body.len < tag_len)
        return false;
    struct slice sealed = slice_between(body, 0, body.len - tag_len);
    struct slice tag = slice_between(body, sealed.len, body.len);
    make_nonce(nonce, cipher, explicit_part, seq);
    pseudo_header(header, seq, record, sealed.len);
    if (!aead_open(cipher, sealed, tag, nonce,
                   v13 ? record->header : slice_of(header, sizeof header), out))
        return false;
    *out_len = sealed.len;
    *type = record->type;
    return !v13 || take_inner_type(out, out_len, type);
}

static bool decrypt_blocks(struct tls_cipher *cipher, struct slice iv, struct slice blocks,
                           uint8_t *out) {
    EVP_CIPHER_CTX *context = context_of(cipher);
    int n = 0;

    return context && iv.len == cipher->kind->block_len &&
           EVP_DecryptInit_ex(context, cipher->kind->cipher(), NULL, cipher->key, iv.ptr) &&
           EVP_CIPHER_CTX_set_padding(context, 0) &&
           EVP_DecryptUpdate(context, out, &n, blocks.ptr, (int)blocks.len) &&
           (size_t)n == blocks.len;
}

/* RFC 5246 6.2.3.2: every byte of the padding says its length. */
static bool take_padding(const uint8_t *bytes, size_t *len) {
    size_t padding = *len ? bytes[*len - 1] : 0;

    if (padding + 1 > *len)
        return false;
    for (size_t i = 0; i < padding; i++)
        if (bytes[*len - 2 - i] != padding)
            return false;
    *len -= padding + 1;
    return true;
}

static bool open_cbc(struct tls_cipher *cipher, const struct tls_record *record, uint64_t seq,
                     uint8_t *out, size_t *out_len) {
    size_t block_len = cipher->kind->block_len, mac_len = (size_t)EVP_MD_get_size(cipher->mac);
    struct slice body = record->body, iv = slice_of(cipher->iv, block_len), mac;
    uint8_t header[PSEUDO_HEADER_LEN];

    if (cipher->encrypt_then_mac) {
        if (body.len < mac_len)
            return false;
        mac = slice_between(body, body.len - mac_len, body.len);
        body = slice_between(body, 0, body.len - mac_len);
        pseudo_header(header, seq, record, body.len);
        if (!mac_fits(cipher, header, body, mac))
            return false;
    }
    if (cipher->version > TLS_1_0 ? !slice_take(&body, block_len, &iv) : !cipher->iv_known)
        return false;
    if (!body.len || body.len % block_len || !decrypt_blocks(cipher, iv, body, out))
        return false;
    *out_len = body.len;
    if (!take_padding(out, out_len))
        return false;
    if (cipher->encrypt_then_mac)
        return true;
    if (*out_len < mac_len)
        return false;
    *out_len -= mac_len;
    pseudo_header(header, seq, record, *out_len);
    return mac_fits(cipher, header, slice_of(out, *out_len), slice_of(out + *out_len, mac_len));
}

static bool open_null(const struct tls_cipher *cipher, const struct tls_record *record,
                      uint64_t seq, uint8_t *out, size_t *out_len) {
    size_t mac_len = (size_t)EVP_MD_get_size(cipher->mac);
    struct slice body = record->body;
    uint8_t header[PSEUDO_HEADER_LEN];

    if (body.len < mac_len)
        return false;
    struct slice content = slice_between(body, 0, body.len - mac_len);
    pseudo_header(header, seq, record, content.len);
    if (cipher->has_mac_key &&
        !mac_fits(cipher, header, content, slice_between(body, content.len, body.len)))
        return false;
    if (content.len)
        memcpy(out, content.ptr, content.len);
    *out_len = content.len;
    return true;
}

bool tls_cipher_open(struct tls_cipher *cipher, const struct tls_record *record, uint64_t seq,
                     uint8_t *out, size_t *out_len, uint8_t *type) {
    if (!cipher->kind || (!is_aead(cipher) && !cipher->mac))
        return false;
    *type = record->type;
    if (is_aead(cipher))
        return open_aead(cipher, record, seq, out, out_len, type);
    return cipher->kind->mode == TLS_MODE_CBC ? open_cbc(cipher, record, seq, out, out_len)
                                              : open_null(cipher, record, seq, out, out_len);
}

void tls_cipher_pass(struct tls_cipher *cipher, const struct tls_record *record) {
    if (!cipher->kind || cipher->kind->mode != TLS_MODE_CBC || cipher->version > TLS_1_0)
        return;
    size_t block_len = cipher->kind->block_len, end = record->body.len;
    if (cipher->encrypt_then_mac) /* the MAC is behind the blocks */
        end -=
            end > (size_t)EVP_MD_get_size(cipher->mac) ? (size_t)EVP_MD_get_size(cipher->mac) : 0;
    cipher->iv_known = end >= block_len;
    if (cipher->iv_known)
        memcpy(cipher->iv, record->body.ptr + end - block_len, block_len);
}
