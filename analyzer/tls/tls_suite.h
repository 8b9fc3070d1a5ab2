/* Cipher suites (IANA TLS Cipher Suites): how their records are protected. How keys are agreed upon
 * does not matter here, as the key log tells the outcome. */
#ifndef TLS_TLS_SUITE_H
#define TLS_TLS_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

enum tls_mode {
    TLS_MODE_NULL,              /* not encrypted, only authenticated */
    TLS_MODE_CBC,               /* RFC 5246 6.2.3.2, RFC 7366 */
    TLS_MODE_GCM,               /* RFC 5288 */
    TLS_MODE_CCM,               /* RFC 6655 */
    TLS_MODE_CHACHA20_POLY1305, /* RFC 7905 */
};

struct tls_cipher_kind {
    enum tls_mode mode;
    const EVP_CIPHER *(*cipher)(void); /* NULL: none */
    uint8_t key_len;
    uint8_t fixed_iv_len; /* of the key block, up to TLS 1.2 */
    uint8_t explicit_len; /* of the nonce that each record carries, up to TLS 1.2 */
    uint8_t tag_len;      /* AEAD */
    uint8_t block_len;    /* CBC */
};

struct tls_suite {
    const struct tls_cipher_kind *kind;
    const EVP_MD *(*mac)(void);  /* of CBC and NULL suites; NULL: AEAD */
    const EVP_MD *(*hash)(void); /* of the PRF since TLS 1.2, and of HKDF */
};

/* The suite of this number; false: not known here, or its cipher is not in the library. */
bool tls_suite_find(uint16_t number, struct tls_suite *out);

/* The suites of TLS 1.3, one after the other: 0x1301 and the following. */
enum { TLS_1_3_SUITE_FIRST = 0x1301, TLS_1_3_SUITE_LAST = 0x1305 };

#endif
