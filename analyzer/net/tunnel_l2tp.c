/* L2TP: PPP, Ethernet and others between two ends that have agreed on what it is.
 *
 *   version 2  | T L S O P … 2 | length if L | tunnel | session | Ns, Nr if S | offset, pad if O |
 *   (RFC 2661 3.1)             | PPP
 *   version 3  | T 3 | 0 | session | cookie, 0, 4 or 8 bytes | sublayer, 0 or 4 bytes |   over UDP
 *   (RFC 3931 4.1)       | session | cookie                  | sublayer               |   over IP
 *                        | Ethernet, PPP, HDLC, IP
 *
 * Cookie, sublayer and payload of version 3 are said in the control messages alone, which a capture
 * seldom has: what fits is taken.
 */
#include "net/inner.h"

enum flag {
    FLAG_CONTROL = 0x8000,
    FLAG_LENGTH = 0x4000,
    FLAG_SEQUENCE = 0x0800,
    FLAG_OFFSET = 0x0200,
    VERSION = 0x000f,
};

enum { COOKIE_MAX = 8, SUBLAYER_LEN = 4 };

static bool open_version_2(struct link_packet *p, uint16_t flags) {
    uint16_t len, offset;

    if (flags & FLAG_LENGTH) {
        if (!slice_take_u16be(&p->bytes, &len) || len < 4)
            return false;
        link_limit(p, len - 4u);
    }
    if (!slice_skip(&p->bytes, 4) || (flags & FLAG_SEQUENCE && !slice_skip(&p->bytes, 4)))
        return false;
    if (flags & FLAG_OFFSET &&
        (!slice_take_u16be(&p->bytes, &offset) || !slice_skip(&p->bytes, offset)))
        return false;
    p->type = LAYER_PPP;
    return true;
}

static bool fits_ppp(const struct link_packet *p) {
    struct link_packet inside = *p;

    return link_open_ppp(&inside) && (inside.type == ETHER_IPV4 || inside.type == ETHER_IPV6) &&
           ip_header_fits(inside.bytes, inside.missing);
}

/* The session has been read. */
static bool open_session(struct link_packet *p) {
    for (size_t skip = 0; skip <= COOKIE_MAX + SUBLAYER_LEN; skip += 4) {
        struct link_packet inside = *p;
        if (!slice_skip(&inside.bytes, skip))
            return false;
        if (link_fits_ethernet(inside.bytes, inside.missing))
            inside.type = LAYER_ETHERNET;
        else if (fits_ppp(&inside))
            inside.type = LAYER_PPP;
        else if (!link_open_version(&inside) || !ip_header_fits(inside.bytes, inside.missing))
            continue;
        *p = inside;
        return true;
    }
    return false;
}

bool tunnel_open_l2tp_udp(struct link_packet *p) {
    uint16_t flags;

    if (!slice_take_u16be(&p->bytes, &flags) || flags & FLAG_CONTROL)
        return false;
    if ((flags & VERSION) == 2)
        return open_version_2(p, flags);
    return (flags & VERSION) == 3 && slice_skip(&p->bytes, 2 + 4) && open_session(p);
}

/* Session 0 is that of control messages. */
bool tunnel_open_l2tp_ip(struct link_packet *p) {
    uint32_t session;

    return slice_take_u32be(&p->bytes, &session) && session && open_session(p);
}
