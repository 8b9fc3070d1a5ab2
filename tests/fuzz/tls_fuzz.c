/* A key log and the records of both ends of a connection. The input:
 *
 *     two bytes of length, a key log
 *     then blocks: one byte (1: the other end, 2: a gap before), two of length, bytes: fed as
 * records
 *
 * The seeds (tests/support/tls_seeds.py) are whole sessions with their secrets, so that what is
 * done to them meets keys. */
#include <stdlib.h>

#include "base/memory.h"
#include "tls/tls_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct tls_session *session, unsigned from, struct slice bytes, uint8_t *room) {
    struct tls_record record;
    struct tls_opened opened;

    while (tls_record_take(&bytes, &record) == TLS_TAKE_OK) {
        tls_session_open(session, from, &record, room, &opened);
        bool readable = opened.status == TLS_CLEAR || opened.status == TLS_OPENED;
        if ((!readable && opened.content.len) || opened.content.len > TLS_ROOM)
            abort();
        if (opened.status == TLS_OPENED && opened.content.len && opened.content.ptr != room)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice in = slice_of(data, size), bytes;
    struct tls_keylog *keylog = tls_keylog_new(NULL);
    uint8_t *room = memory_new(TLS_ROOM), head;
    uint16_t len;

    if (slice_take_u16be(&in, &len) && slice_take(&in, len < in.len ? len : in.len, &bytes))
        tls_keylog_read(keylog, bytes);
    struct tls_session *session = tls_session_new(keylog);
    while (slice_take_u8(&in, &head) && slice_take_u16be(&in, &len)) {
        slice_take(&in, len < in.len ? len : in.len, &bytes);
        if (head & 2)
            tls_session_gap(session, head & 1);
        feed(session, head & 1, bytes, room);
    }
    tls_session_free(session);
    tls_keylog_free(keylog);
    free(room);
    return 0;
}
