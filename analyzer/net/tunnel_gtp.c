/* GTP-U, the user plane of mobile networks (3GPP TS 29.281 5.1).
 *
 *   | version 1, PT, 0, E, S, PN | message type | length | tunnel |
 *   | sequence number | N-PDU number | next extension |              if any of E, S, PN
 *   | length in 4 bytes | … | next extension |                       until it is 0
 *   | IP packet, or (5G) an Ethernet frame
 */
#include "net/inner.h"

enum {
    VERSION = 0xf0, /* with the protocol type */
    VERSION_1 = 0x30,
    OPTIONS = 0x07,
    EXTENSION = 0x04,
    MESSAGE_PDU = 255,
    EXTENSIONS_MAX = 8,
};

static bool skip_extensions(struct slice *in, uint8_t next) {
    struct slice body;
    uint8_t len;

    for (int i = 0; next; i++) {
        if (i == EXTENSIONS_MAX || !slice_take_u8(in, &len) || !len ||
            !slice_take(in, len * 4u - 1, &body))
            return false;
        next = body.ptr[body.len - 1];
    }
    return true;
}

bool tunnel_open_gtp_u(struct link_packet *p) {
    uint8_t flags, message, next;
    uint16_t len;

    if (!slice_take_u8(&p->bytes, &flags) || !slice_take_u8(&p->bytes, &message) ||
        !slice_take_u16be(&p->bytes, &len) || !slice_skip(&p->bytes, 4) ||
        (flags & VERSION) != VERSION_1 || message != MESSAGE_PDU)
        return false;
    link_limit(p, len);
    if (flags & OPTIONS && (!slice_skip(&p->bytes, 3) || !slice_take_u8(&p->bytes, &next) ||
                            (flags & EXTENSION && !skip_extensions(&p->bytes, next))))
        return false;
    if (link_open_version(p) && ip_header_fits(p->bytes, p->missing))
        return true;
    p->type = LAYER_ETHERNET;
    return link_fits_ethernet(p->bytes, p->missing);
}
