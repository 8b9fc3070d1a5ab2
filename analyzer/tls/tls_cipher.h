/* The protection of one direction's records: keys, and the opening of a record with them (RFC 5246
 * 6.2.3, RFC 7366, RFC 8446 5.2). */
#ifndef TLS_TLS_CIPHER_H
#define TLS_TLS_CIPHER_H

#include "tls/tls_record.h"
#include "tls/tls_suite.h"

enum {
    TLS_KEY_MAX = 32,
    TLS_IV_MAX = 16,
    TLS_MAC_MAX = 48,
    TLS_PLAIN_MAX = TLS_RECORD_MAX, /* what opening a record gives, at most */
};

/* Zero-initialised: no keys. */
struct tls_cipher {
    const struct tls_cipher_kind *kind; /* NULL: no keys */
    const EVP_MD *mac;                  /* of CBC and NULL */
    EVP_CIPHER_CTX *context;
    uint16_t version;
    bool encrypt_then_mac;
    bool has_mac_key; /* false, for NULL alone: the MAC is passed over */
    bool iv_known;    /* TLS 1.0 CBC: the last block of the record before */
    uint8_t key[TLS_KEY_MAX], iv[TLS_IV_MAX], mac_key[TLS_MAC_MAX];
};

/* Keys of TLS 1.3 from a traffic secret. False: the library refused. */
bool tls_cipher_from_secret(struct tls_cipher *cipher, const struct tls_suite *suite,
                            struct slice secret);

/* Keys of both directions up to TLS 1.2, from the master secret and both randoms (RFC 5246 6.3). */
bool tls_ciphers_from_master(struct tls_cipher *client, struct tls_cipher *server,
                             const struct tls_suite *suite, uint16_t version, bool encrypt_then_mac,
                             struct slice master, const uint8_t *client_random,
                             const uint8_t *server_random);

/* A suite that does not encrypt can be read without keys. */
void tls_cipher_without_keys(struct tls_cipher *cipher, const struct tls_suite *suite,
                             uint16_t version);

/* Open a record as the one of this sequence number.
 *
 * out       room for TLS_PLAIN_MAX bytes
 * out_len   so many were written
 * type      the content's own: of TLS 1.3 from inside, else the record's
 *
 * False: it was not protected with these keys under this number; nothing in out is of use. */
bool tls_cipher_open(struct tls_cipher *cipher, const struct tls_record *record, uint64_t seq,
                     uint8_t *out, size_t *out_len, uint8_t *type);

/* This record is past, opened or not: TLS 1.0 CBC chains from it. */
void tls_cipher_pass(struct tls_cipher *cipher, const struct tls_record *record);

/* `from` becomes `to`, which is freed before; from has no keys then. */
void tls_cipher_move(struct tls_cipher *to, struct tls_cipher *from);
void tls_cipher_fini(struct tls_cipher *cipher);

#endif
