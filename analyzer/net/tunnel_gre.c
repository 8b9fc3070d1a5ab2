/* Generic routing encapsulation, and the mirror ports that send their copies in it.
 *
 *   | C R K S s … version | protocol type |    version 0: RFC 2784, RFC 2890 (key, sequence),
 *   | checksum, offset if C or R          |               RFC 1701 (source routes)
 *   | key if K                            |    version 1: RFC 2637 (PPTP): the key's first half is
 *   | sequence number if S                |               the payload's length, and
 *   | routes if R                         |               | acknowledgment if A |
 *
 *   ERSPAN (draft-foschiano-erspan-03), by protocol type 88be or 22eb
 *   I    without sequence number: nothing before the frame
 *   II   | 1 | VLAN … 8 bytes |
 *   III  | 2 | VLAN … 12 bytes, in the last two frame type and O | platform, 8 bytes if O |
 */
#include "net/inner.h"

enum flag {
    FLAG_CHECKSUM = 0x8000,
    FLAG_ROUTES = 0x4000,
    FLAG_KEY = 0x2000,
    FLAG_SEQUENCE = 0x1000,
    FLAG_ACKNOWLEDGMENT = 0x0080,
    VERSION = 0x0007,
};

enum {
    VERSION_PPTP = 1,
    TYPE_EOIP = 0x6400, /* MikroTik: Ethernet, in PPTP's header without sequence number */
    TYPE_ERSPAN = 0x88be,
    ERSPAN_2_LEN = 8,
    ERSPAN_3_LEN = 12,
    ERSPAN_PLATFORM = 0x0001,
    ERSPAN_PLATFORM_LEN = 8,
    ERSPAN_FRAME_TYPE = 0x1f, /* above HwID, D, Gra, O */
    ERSPAN_FRAME_TYPE_SHIFT = 10,
    ERSPAN_ETHERNET = 0,
    ERSPAN_IP = 2,
    ROUTES_MAX = 16,
    WCCP_LEN = 4,
};

/* | address family | offset | length | …, until one of no length */
static bool skip_routes(struct slice *in) {
    uint16_t family;
    uint8_t offset, len = 1;

    for (int i = 0; len; i++)
        if (i == ROUTES_MAX || !slice_take_u16be(in, &family) || !slice_take_u8(in, &offset) ||
            !slice_take_u8(in, &len) || !slice_skip(in, len))
            return false;
    return true;
}

static bool open_pptp(struct link_packet *p, uint16_t flags) {
    uint16_t len;

    if (!(flags & FLAG_KEY) || !slice_take_u16be(&p->bytes, &len) || !slice_skip(&p->bytes, 2) ||
        (flags & FLAG_SEQUENCE && !slice_skip(&p->bytes, 4)) ||
        (flags & FLAG_ACKNOWLEDGMENT && !slice_skip(&p->bytes, 4)))
        return false;
    link_limit(p, len);
    if (p->type == TYPE_EOIP)
        p->type = LAYER_ETHERNET;
    return true;
}

bool tunnel_open_gre(struct link_packet *p) {
    uint16_t flags, type;

    if (!slice_take_u16be(&p->bytes, &flags) || !slice_take_u16be(&p->bytes, &type))
        return false;
    p->type = type;
    if ((flags & VERSION) == VERSION_PPTP)
        return open_pptp(p, flags);
    if (flags & VERSION || (flags & (FLAG_CHECKSUM | FLAG_ROUTES) && !slice_skip(&p->bytes, 4)) ||
        (flags & FLAG_KEY && !slice_skip(&p->bytes, 4)) ||
        (flags & FLAG_SEQUENCE && !slice_skip(&p->bytes, 4)) ||
        (flags & FLAG_ROUTES && !skip_routes(&p->bytes)))
        return false;
    if (type == TYPE_ERSPAN && !(flags & FLAG_SEQUENCE))
        p->type = LAYER_ERSPAN_1;
    return true;
}

bool tunnel_open_erspan_1(struct link_packet *p) {
    p->type = LAYER_ETHERNET;
    return true;
}

bool tunnel_open_erspan_2(struct link_packet *p) {
    return p->bytes.len && p->bytes.ptr[0] >> 4 == 1 && link_skip(p, ERSPAN_2_LEN, LAYER_ETHERNET);
}

bool tunnel_open_erspan_3(struct link_packet *p) {
    uint16_t last;

    if (!p->bytes.len || p->bytes.ptr[0] >> 4 != 2 || !slice_skip(&p->bytes, ERSPAN_3_LEN - 2) ||
        !slice_take_u16be(&p->bytes, &last))
        return false;
    unsigned frame_type = last >> ERSPAN_FRAME_TYPE_SHIFT & ERSPAN_FRAME_TYPE;
    p->type = frame_type == ERSPAN_IP ? LAYER_VERSION : LAYER_ETHERNET;
    return (frame_type == ERSPAN_IP || frame_type == ERSPAN_ETHERNET) &&
           (!(last & ERSPAN_PLATFORM) || slice_skip(&p->bytes, ERSPAN_PLATFORM_LEN));
}

/* Web cache redirection (draft-mclaggan-wccp-v2rev1 5.7): version 2 puts four bytes before IPv4. */
bool tunnel_open_wccp(struct link_packet *p) {
    bool redirect = p->bytes.len && p->bytes.ptr[0] >> 4 != 4;

    return link_skip(p, redirect ? WCCP_LEN : 0, ETHER_IPV4);
}
