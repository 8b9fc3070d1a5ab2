/* The record layer's frame (RFC 8446 5.1; the same in every version since SSL 3):
 *
 *      0        1        2        3        4        5
 *     +--------+--------+--------+--------+--------+-----------------
 *     |  type  | 3      | 0..4   |      length     | length bytes
 *     +--------+--------+--------+--------+--------+-----------------
 */
#ifndef TLS_TLS_RECORD_H
#define TLS_TLS_RECORD_H

#include "base/slice.h"

enum tls_content {
    TLS_CHANGE_CIPHER_SPEC = 20,
    TLS_ALERT = 21,
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
};

enum {
    TLS_HEADER_LEN = 5,
    TLS_RECORD_MAX = 16384 + 2048, /* RFC 5246 6.2.3: the length of a protected record */
};

struct tls_record {
    uint8_t type;
    uint16_t version;    /* as the header says it: 0x0301 … */
    struct slice header; /* its five bytes */
    struct slice body;
};

/* The length that a record's header tells; false: these five bytes are no header. */
bool tls_header_read(const uint8_t head[TLS_HEADER_LEN], uint8_t *type, size_t *len);

enum tls_take { TLS_TAKE_OK, TLS_TAKE_PARTIAL, TLS_TAKE_INVALID };

/* Take one record from the front of a stream.
 *
 * in    advanced past the record on TLS_TAKE_OK, else untouched
 * out   slices into in's bytes; written on TLS_TAKE_OK only
 */
enum tls_take tls_record_take(struct slice *in, struct tls_record *out);

#endif
