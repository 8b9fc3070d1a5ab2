/* Records from a stream of bytes (RFC 8446 5.1, RFC 5246 6.2.1). */
#include "tls/tls_record.h"

bool tls_header_read(const uint8_t head[TLS_HEADER_LEN], uint8_t *type, size_t *len) {
    *type = head[0];
    *len = (size_t)(head[3] << 8 | head[4]);
    return head[0] >= TLS_CHANGE_CIPHER_SPEC && head[0] <= TLS_APPLICATION_DATA && head[1] == 3 &&
           head[2] <= 4 && *len <= TLS_RECORD_MAX;
}

enum tls_take tls_record_take(struct slice *in, struct tls_record *out) {
    struct slice rest = *in;
    struct tls_record record = {0};
    size_t len = 0;

    if (!slice_take(&rest, TLS_HEADER_LEN, &record.header))
        return TLS_TAKE_PARTIAL;
    if (!tls_header_read(record.header.ptr, &record.type, &len))
        return TLS_TAKE_INVALID;
    record.version = (uint16_t)(record.header.ptr[1] << 8 | record.header.ptr[2]);
    if (!slice_take(&rest, len, &record.body))
        return TLS_TAKE_PARTIAL;
    *out = record;
    *in = rest;
    return TLS_TAKE_OK;
}
