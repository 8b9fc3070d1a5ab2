/* IPv6 across networks that have none, over UDP.
 *
 *   Teredo  | 0001 | length of client id, of authentication | … | nonce, 8 bytes | confirmation |
 *           | 0000 | port, address |       either, both or none of them (RFC 4380 5.1.1)
 *           | IPv6
 *   AYIYA   | identity, 2^n bytes | signature, n in 4 bytes | … | opcode | next header | time, 4 |
 *           | identity … | signature … | IPv6          (draft-massar-v6ops-ayiya-02 3)
 */
#include "net/inner.h"

enum {
    INDICATION_ORIGIN = 0x0000,
    INDICATION_ORIGIN_LEN = 8,
    INDICATION_AUTHENTICATION = 0x0001,
    NONCE_LEN = 8 + 1, /* with the confirmation */
    AYIYA_TIME_LEN = 4,
    AYIYA_FORWARD = 1,
    AYIYA_IPV6 = 41,
};

bool tunnel_open_teredo(struct link_packet *p) {
    struct slice in = p->bytes;
    uint16_t kind;
    uint8_t client_len, value_len;

    if (slice_take_u16be(&in, &kind) && kind == INDICATION_AUTHENTICATION) {
        if (!slice_take_u8(&in, &client_len) || !slice_take_u8(&in, &value_len) ||
            !slice_skip(&in, (size_t)client_len + value_len + NONCE_LEN))
            return false;
        p->bytes = in;
    }
    in = p->bytes;
    if (slice_take_u16be(&in, &kind) && kind == INDICATION_ORIGIN &&
        !slice_skip(&p->bytes, INDICATION_ORIGIN_LEN))
        return false;
    p->type = ETHER_IPV6;
    return true;
}

bool tunnel_open_ayiya(struct link_packet *p) {
    uint8_t identity, signature, opcode, next;

    if (!slice_take_u8(&p->bytes, &identity) || !slice_take_u8(&p->bytes, &signature) ||
        !slice_take_u8(&p->bytes, &opcode) || !slice_take_u8(&p->bytes, &next) ||
        (opcode & 0x0f) != AYIYA_FORWARD || next != AYIYA_IPV6)
        return false;
    size_t identity_len = (size_t)1 << (identity >> 4), signature_len = (signature >> 4) * 4u;
    return link_skip(p, AYIYA_TIME_LEN + identity_len + signature_len, ETHER_IPV6);
}
