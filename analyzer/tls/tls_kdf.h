/* Keys from secrets: the PRF of TLS 1.0 to 1.2 (RFC 2246 5, RFC 5246 5), HKDF-Expand-Label of TLS
 * 1.3 (RFC 8446 7.1, RFC 5869 2.3). */
#ifndef TLS_TLS_KDF_H
#define TLS_TLS_KDF_H

#include <openssl/evp.h>

#include "base/slice.h"

/* PRF(secret, label, seed): out_len bytes. hash: of TLS 1.2; NULL: TLS 1.0 and 1.1, which mix MD5
 * and SHA-1. False: the library refused. */
bool tls_prf(const EVP_MD *hash, struct slice secret, const char *label, struct slice seed,
             uint8_t *out, size_t out_len);

/* HKDF-Expand-Label(secret, label, "", out_len); label without its "tls13 ". out_len: 255 at most.
 * False: the library refused. */
bool tls_expand_label(const EVP_MD *hash, struct slice secret, const char *label, uint8_t *out,
                      size_t out_len);

#endif
