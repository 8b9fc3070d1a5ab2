/* Only hellos and the client's keys are kept: certificates and the like run through. */
#include "tls/tls_handshake.h"

#include <stdlib.h>

#include "base/memory.h"

enum { KEPT_MAX = 64 * 1024 };

static bool is_kept(const struct tls_handshake *handshake) {
    return handshake->head[0] == TLS_CLIENT_HELLO || handshake->head[0] == TLS_SERVER_HELLO ||
           handshake->head[0] == TLS_CLIENT_KEY_EXCHANGE;
}

static void keep(struct tls_handshake *handshake, struct slice bytes) {
    size_t len = handshake->len + bytes.len;

    if (len > KEPT_MAX || !bytes.len)
        return;
    if (len > handshake->cap) {
        handshake->cap = len * 2;
        handshake->body = memory_resize(handshake->body, handshake->cap, 1);
    }
    memcpy(handshake->body + handshake->len, bytes.ptr, bytes.len);
    handshake->len = len;
}

uint8_t tls_handshake_read(struct tls_handshake *handshake, struct slice *content,
                           struct slice *body) {
    for (;;) {
        if (handshake->have < sizeof handshake->head) {
            if (!slice_take_u8(content, &handshake->head[handshake->have]))
                return 0;
            if (++handshake->have < sizeof handshake->head)
                continue;
            if (handshake->cap) { /* that of the one before */
                free(handshake->body);
                handshake->body = NULL;
                handshake->cap = 0;
            }
            const uint8_t *head = handshake->head;
            handshake->left = (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
            handshake->len = 0;
        }
        struct slice part;
        slice_take(content, handshake->left < content->len ? handshake->left : content->len, &part);
        handshake->left -= (uint32_t)part.len;
        if (is_kept(handshake))
            keep(handshake, part);
        if (handshake->left)
            return 0;
        handshake->have = 0;
        if (is_kept(handshake)) {
            *body = slice_of(handshake->body, handshake->len);
            return handshake->head[0];
        }
    }
}

void tls_handshake_clear(struct tls_handshake *handshake) {
    free(handshake->body);
    *handshake = (struct tls_handshake){0};
}
