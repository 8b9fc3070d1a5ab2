/* The table of suites. Neighbours of one kind that differ in the key exchange alone share a row.
 *
 * RC4, DES, export and SEED suites are left out: the library keeps them out of reach, and servers
 * have long refused them. */
#include "tls/tls_suite.h"

#define AEAD_KIND(mode_, function, key, fixed, explicit_, tag)                                     \
    {                                                                                              \
        .mode = (mode_), .cipher = (function), .key_len = (key), .fixed_iv_len = (fixed),          \
        .explicit_len = (explicit_), .tag_len = (tag)                                              \
    }
#define CBC_KIND(function, key, block)                                                             \
    {                                                                                              \
        .mode = TLS_MODE_CBC, .cipher = (function), .key_len = (key), .fixed_iv_len = (block),     \
        .explicit_len = (block), .block_len = (block)                                              \
    }

enum kind {
    KIND_NULL,
    AES_128_GCM,
    AES_256_GCM,
    AES_128_CCM,
    AES_256_CCM,
    AES_128_CCM_8,
    AES_256_CCM_8,
    CHACHA20,
    ARIA_128_GCM,
    ARIA_256_GCM,
    AES_128_CBC,
    AES_256_CBC,
    DES_EDE_CBC,
    CAMELLIA_128_CBC,
    CAMELLIA_256_CBC,
};

static const struct tls_cipher_kind kinds[] = {
    [KIND_NULL] = {.mode = TLS_MODE_NULL},
    [AES_128_GCM] = AEAD_KIND(TLS_MODE_GCM, EVP_aes_128_gcm, 16, 4, 8, 16),
    [AES_256_GCM] = AEAD_KIND(TLS_MODE_GCM, EVP_aes_256_gcm, 32, 4, 8, 16),
    [AES_128_CCM] = AEAD_KIND(TLS_MODE_CCM, EVP_aes_128_ccm, 16, 4, 8, 16),
    [AES_256_CCM] = AEAD_KIND(TLS_MODE_CCM, EVP_aes_256_ccm, 32, 4, 8, 16),
    [AES_128_CCM_8] = AEAD_KIND(TLS_MODE_CCM, EVP_aes_128_ccm, 16, 4, 8, 8),
    [AES_256_CCM_8] = AEAD_KIND(TLS_MODE_CCM, EVP_aes_256_ccm, 32, 4, 8, 8),
    [CHACHA20] = AEAD_KIND(TLS_MODE_CHACHA20_POLY1305, EVP_chacha20_poly1305, 32, 12, 0, 16),
    [ARIA_128_GCM] = AEAD_KIND(TLS_MODE_GCM, EVP_aria_128_gcm, 16, 4, 8, 16),
    [ARIA_256_GCM] = AEAD_KIND(TLS_MODE_GCM, EVP_aria_256_gcm, 32, 4, 8, 16),
    [AES_128_CBC] = CBC_KIND(EVP_aes_128_cbc, 16, 16),
    [AES_256_CBC] = CBC_KIND(EVP_aes_256_cbc, 32, 16),
    [DES_EDE_CBC] = CBC_KIND(EVP_des_ede3_cbc, 24, 8),
    [CAMELLIA_128_CBC] = CBC_KIND(EVP_camellia_128_cbc, 16, 16),
    [CAMELLIA_256_CBC] = CBC_KIND(EVP_camellia_256_cbc, 32, 16),
};

enum hash { NO_MAC, MD5, SHA1, SHA256, SHA384 };

static const EVP_MD *(*const hashes[])(void) = {
    [NO_MAC] = NULL,       [MD5] = EVP_md5,       [SHA1] = EVP_sha1,
    [SHA256] = EVP_sha256, [SHA384] = EVP_sha384,
};

struct row {
    uint16_t first, last, step; /* the numbers first, first + step … up to last */
    enum kind kind;
    enum hash mac;
    enum hash hash; /* SHA-1 and MD5 suites have the PRF of SHA-256 (RFC 5246 5) */
};

static const struct row rows[] = {
    /* RFC 8446 B.4 */
    {0x1301, 0x1301, 1, AES_128_GCM, NO_MAC, SHA256},
    {0x1302, 0x1302, 1, AES_256_GCM, NO_MAC, SHA384},
    {0x1303, 0x1303, 1, CHACHA20, NO_MAC, SHA256},
    {0x1304, 0x1304, 1, AES_128_CCM, NO_MAC, SHA256},
    {0x1305, 0x1305, 1, AES_128_CCM_8, NO_MAC, SHA256},
    /* RFC 5288, 5487, 5289, 8442 */
    {0x009C, 0x00AC, 2, AES_128_GCM, NO_MAC, SHA256},
    {0x009D, 0x00AD, 2, AES_256_GCM, NO_MAC, SHA384},
    {0xC02B, 0xC031, 2, AES_128_GCM, NO_MAC, SHA256},
    {0xC02C, 0xC032, 2, AES_256_GCM, NO_MAC, SHA384},
    {0xD001, 0xD001, 1, AES_128_GCM, NO_MAC, SHA256},
    {0xD002, 0xD002, 1, AES_256_GCM, NO_MAC, SHA384},
    /* RFC 6655, 7251, 8442 */
    {0xC09C, 0xC09E, 2, AES_128_CCM, NO_MAC, SHA256},
    {0xC09D, 0xC09F, 2, AES_256_CCM, NO_MAC, SHA256},
    {0xC0A0, 0xC0A2, 2, AES_128_CCM_8, NO_MAC, SHA256},
    {0xC0A1, 0xC0A3, 2, AES_256_CCM_8, NO_MAC, SHA256},
    {0xC0A4, 0xC0A6, 2, AES_128_CCM, NO_MAC, SHA256},
    {0xC0A5, 0xC0A7, 2, AES_256_CCM, NO_MAC, SHA256},
    {0xC0A8, 0xC0AA, 2, AES_128_CCM_8, NO_MAC, SHA256},
    {0xC0A9, 0xC0AB, 2, AES_256_CCM_8, NO_MAC, SHA256},
    {0xC0AC, 0xC0AC, 1, AES_128_CCM, NO_MAC, SHA256},
    {0xC0AD, 0xC0AD, 1, AES_256_CCM, NO_MAC, SHA256},
    {0xC0AE, 0xC0AE, 1, AES_128_CCM_8, NO_MAC, SHA256},
    {0xC0AF, 0xC0AF, 1, AES_256_CCM_8, NO_MAC, SHA256},
    {0xD003, 0xD003, 1, AES_128_CCM_8, NO_MAC, SHA256},
    {0xD005, 0xD005, 1, AES_128_CCM, NO_MAC, SHA256},
    /* RFC 7905 */
    {0xCCA8, 0xCCAE, 1, CHACHA20, NO_MAC, SHA256},
    /* RFC 6209 */
    {0xC050, 0xC062, 2, ARIA_128_GCM, NO_MAC, SHA256},
    {0xC051, 0xC063, 2, ARIA_256_GCM, NO_MAC, SHA384},
    {0xC06A, 0xC06E, 2, ARIA_128_GCM, NO_MAC, SHA256},
    {0xC06B, 0xC06F, 2, ARIA_256_GCM, NO_MAC, SHA384},
    /* RFC 5246 A.5, 4279, 8422, 5489: AES-CBC with HMAC-SHA1 */
    {0x002F, 0x0034, 1, AES_128_CBC, SHA1, SHA256},
    {0x0035, 0x003A, 1, AES_256_CBC, SHA1, SHA256},
    {0x008C, 0x0094, 4, AES_128_CBC, SHA1, SHA256},
    {0x008D, 0x0095, 4, AES_256_CBC, SHA1, SHA256},
    {0xC004, 0xC018, 5, AES_128_CBC, SHA1, SHA256},
    {0xC005, 0xC019, 5, AES_256_CBC, SHA1, SHA256},
    {0xC035, 0xC035, 1, AES_128_CBC, SHA1, SHA256},
    {0xC036, 0xC036, 1, AES_256_CBC, SHA1, SHA256},
    /* … with HMAC-SHA256 and SHA384 (RFC 5246 A.5, 5487, 5289, 5489) */
    {0x003C, 0x003C, 1, AES_128_CBC, SHA256, SHA256},
    {0x003D, 0x003D, 1, AES_256_CBC, SHA256, SHA256},
    {0x003E, 0x0040, 1, AES_128_CBC, SHA256, SHA256},
    {0x0067, 0x0067, 1, AES_128_CBC, SHA256, SHA256},
    {0x0068, 0x006B, 1, AES_256_CBC, SHA256, SHA256},
    {0x006C, 0x006C, 1, AES_128_CBC, SHA256, SHA256},
    {0x006D, 0x006D, 1, AES_256_CBC, SHA256, SHA256},
    {0x00AE, 0x00B6, 4, AES_128_CBC, SHA256, SHA256},
    {0x00AF, 0x00B7, 4, AES_256_CBC, SHA384, SHA384},
    {0xC023, 0xC029, 2, AES_128_CBC, SHA256, SHA256},
    {0xC024, 0xC02A, 2, AES_256_CBC, SHA384, SHA384},
    {0xC037, 0xC037, 1, AES_128_CBC, SHA256, SHA256},
    {0xC038, 0xC038, 1, AES_256_CBC, SHA384, SHA384},
    /* 3DES (RFC 5246 A.5, 4279, 8422, 5489) */
    {0x000A, 0x000A, 1, DES_EDE_CBC, SHA1, SHA256},
    {0x000D, 0x0016, 3, DES_EDE_CBC, SHA1, SHA256},
    {0x001B, 0x001B, 1, DES_EDE_CBC, SHA1, SHA256},
    {0x008B, 0x0093, 4, DES_EDE_CBC, SHA1, SHA256},
    {0xC003, 0xC017, 5, DES_EDE_CBC, SHA1, SHA256},
    {0xC034, 0xC034, 1, DES_EDE_CBC, SHA1, SHA256},
    /* RFC 5932, 6367 */
    {0x0041, 0x0046, 1, CAMELLIA_128_CBC, SHA1, SHA256},
    {0x0084, 0x0089, 1, CAMELLIA_256_CBC, SHA1, SHA256},
    {0x00BA, 0x00BF, 1, CAMELLIA_128_CBC, SHA256, SHA256},
    {0x00C0, 0x00C5, 1, CAMELLIA_256_CBC, SHA256, SHA256},
    {0xC072, 0xC078, 2, CAMELLIA_128_CBC, SHA256, SHA256},
    {0xC073, 0xC079, 2, CAMELLIA_256_CBC, SHA384, SHA384},
    /* Not encrypted (RFC 5246 A.5, 4785, 5487, 8422, 5489) */
    {0x0001, 0x0001, 1, KIND_NULL, MD5, SHA256},
    {0x0002, 0x0002, 1, KIND_NULL, SHA1, SHA256},
    {0x002C, 0x002E, 1, KIND_NULL, SHA1, SHA256},
    {0x003B, 0x003B, 1, KIND_NULL, SHA256, SHA256},
    {0x00B0, 0x00B8, 4, KIND_NULL, SHA256, SHA256},
    {0x00B1, 0x00B9, 4, KIND_NULL, SHA384, SHA384},
    {0xC001, 0xC015, 5, KIND_NULL, SHA1, SHA256},
    {0xC039, 0xC039, 1, KIND_NULL, SHA1, SHA256},
    {0xC03A, 0xC03A, 1, KIND_NULL, SHA256, SHA256},
    {0xC03B, 0xC03B, 1, KIND_NULL, SHA384, SHA384},
};

bool tls_suite_find(uint16_t number, struct tls_suite *out) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        if (number < row->first || number > row->last || (number - row->first) % row->step)
            continue;
        *out = (struct tls_suite){&kinds[row->kind], hashes[row->mac], hashes[row->hash]};
        return true;
    }
    return false;
}
