/* The walk over TLS records (RFC 8446 5.1; the same in every version since SSL 3):
 *
 *      0        1        2        3        4        5
 *     +--------+--------+--------+--------+--------+-----------------
 *     |  type  | 3      | 0..4   |      length     | length bytes
 *     +--------+--------+--------+--------+--------+-----------------
 *
 * Bodies are passed over. Up to TLS 1.2 each direction goes handshake, ChangeCipherSpec, Finished
 * (a handshake record), application data. In TLS 1.3 the protected part of the handshake is
 * disguised as application data: then the client's first such record is its Finished, and what
 * either side sends afterwards is past the handshake, but for an alert, which protected is 19 bytes
 * long (2 of alert, 1 of type, 16 of authentication tag).
 */
#include "phone/message_tls.h"

enum {
    ALERT_LEN = 2,
    PROTECTED_ALERT_LEN = 24, /* at most, with the explicit nonce of some */
    ALERT_FATAL = 2,
};

static bool header_valid(const uint8_t *head) {
    uint8_t type;
    size_t len;

    return tls_header_read(head, &type, &len);
}

bool tls_recognise(struct slice bytes, bool any) {
    return bytes.len >= TLS_HEADER_LEN && (any || bytes.ptr[0] == TLS_HANDSHAKE) &&
           header_valid(bytes.ptr);
}

/* Is this record past the handshake? */
static bool is_data(struct tls_records *mine, const struct tls_records *peer, enum conn_side side,
                    unsigned len) {
    bool met_midway = !mine->hello;
    if (met_midway || mine->sealed)
        return true;
    if (len <= PROTECTED_ALERT_LEN)
        return false;
    if (side == CONN_SERVER)
        return peer->finished;
    if (mine->finished)
        return true;
    mine->finished = true;
    return false;
}

static unsigned record(struct tls_records *mine, const struct tls_records *peer,
                       enum conn_side side, unsigned type, unsigned len) {
    switch (type) {
    case TLS_CHANGE_CIPHER_SPEC:
        mine->cipher_spec = true;
        break;
    case TLS_HANDSHAKE:
        mine->hello = true;
        if (mine->cipher_spec)
            mine->sealed = mine->finished = true;
        break;
    case TLS_APPLICATION_DATA:
        if (!mine->data && is_data(mine, peer, side, len)) {
            mine->data = true;
            return TLS_DATA;
        }
        break;
    default:
        break;
    }
    return 0;
}

/* Up to TLS 1.2 both Finished were seen; in TLS 1.3 the client's, which comes last. */
static bool completes(struct tls_records *mine, const struct tls_records *peer,
                      enum conn_side side) {
    bool complete = mine->sealed ? peer->sealed : side == CONN_CLIENT && mine->finished;

    if (mine->done || peer->done || !complete)
        return false;
    mine->done = true;
    return true;
}

/* RFC 5246 7.2: a fatal alert ends the handshake. In TLS 1.3 the level says nothing, but what it
 * sends in the clear as a warning is close_notify and user_canceled alone (RFC 8446 6). */
static bool alert_ends(const struct tls_records *mine, const uint8_t *alert) {
    return !mine->data && alert[0] == ALERT_FATAL;
}

unsigned tls_records_feed(struct tls_records *mine, const struct tls_records *peer,
                          enum conn_side side, struct slice bytes) {
    unsigned events = 0;

    if (mine->lost) {
        if (!tls_recognise(bytes, true))
            return 0;
        mine->lost = false;
    }
    while (bytes.len) {
        if (mine->skip) {
            size_t n = mine->skip < bytes.len ? mine->skip : bytes.len;
            slice_skip(&bytes, n);
            mine->skip -= (uint32_t)n;
            continue;
        }
        slice_take_u8(&bytes, &mine->head[mine->have++]);
        if (mine->have < TLS_HEADER_LEN)
            continue;
        unsigned type = mine->head[0];
        unsigned len = (unsigned)mine->head[3] << 8 | mine->head[4];
        if (mine->have == TLS_HEADER_LEN) {
            if (!header_valid(mine->head)) {
                mine->have = 0;
                mine->lost = true;
                return events;
            }
            if (type == TLS_ALERT && len == ALERT_LEN)
                continue; /* its body comes into head, too */
            events |= record(mine, peer, side, type, len);
            if (completes(mine, peer, side))
                events |= TLS_DONE;
            mine->skip = len;
            mine->have = 0;
        } else if (mine->have == TLS_HEADER_LEN + ALERT_LEN) {
            if (alert_ends(mine, mine->head + TLS_HEADER_LEN))
                events |= TLS_ALERTED;
            mine->have = 0;
        }
    }
    return events;
}

void tls_records_gap(struct tls_records *mine, uint64_t len) {
    if (len <= mine->skip) {
        mine->skip -= (uint32_t)len;
        return;
    }
    mine->skip = 0;
    mine->have = 0;
    mine->lost = true;
}
