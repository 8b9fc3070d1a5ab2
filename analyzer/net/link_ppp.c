/* PPP (RFC 1661), in the framings in which it is found.
 *
 *   | ff 03 | protocol, 2 bytes | payload …          address and control (RFC 1662 3.1), which may
 * be | protocol, 1 byte  | payload …          left off, as may the first byte of a protocol below
 * 0x100 (RFC 1661 6.5 and 6.6) | 7e | ff 03 | protocol | payload | check | 7e   on serial lines,
 * bytes escaped (RFC 1662 4) | 0f or 8f | 00 | EtherType | payload            Cisco HDLC (RFC
 * 1547 4.3.1)
 */
#include "net/inner.h"

enum {
    ADDRESS_ALL = 0xff,
    CONTROL_UI = 0x03,
    FLAG = 0x7e,
    ESCAPE = 0x7d,
    ESCAPE_BIT = 0x20,
    CHECK_LEN = 2,
    CISCO_UNICAST = 0x0f,
    CISCO_MULTICAST = 0x8f,
    PPPOE_LEN = 6,
    PPPOE_VERSION = 0x11, /* version and type */
    MULTILINK_WHOLE = 0xc0,
    BRIDGED_FCS = 0x80,
    BRIDGED_ETHERNET = 1,
};

static const struct {
    uint16_t protocol;
    uint32_t type;
} protocols[] = {
    {0x0021, ETHER_IPV4},          {0x0057, ETHER_IPV6}, /* RFC 5072 */
    {0x0031, LAYER_PPP_BRIDGED},                         /* RFC 3518 */
    {0x003d, LAYER_PPP_MULTILINK},                       /* RFC 1990 */
    {0x0281, LAYER_MPLS},                                /* RFC 3032 4.3 */
    {0x0283, LAYER_MPLS},
};

/* One frame of a serial line, without its escapes; what follows its closing flag is put aside. */
static bool open_serial(struct link_packet *p) {
    uint8_t *plain = p->aside->scratch + p->aside->scratch_used;
    size_t end, len = 0;
    bool escaped = false;

    while (p->bytes.len && p->bytes.ptr[0] == FLAG)
        slice_skip(&p->bytes, 1);
    end = slice_find(p->bytes, FLAG);
    if (end > sizeof p->aside->scratch - p->aside->scratch_used)
        return false;
    for (size_t i = 0; i < end; i++) {
        uint8_t byte = p->bytes.ptr[i];
        if (byte == ESCAPE && !escaped) {
            escaped = true;
            continue;
        }
        plain[len++] = escaped ? byte ^ ESCAPE_BIT : byte;
        escaped = false;
    }
    if (end < p->bytes.len) {
        link_put_aside(p, slice_between(p->bytes, end, p->bytes.len), LAYER_PPP);
        p->missing = 0;
    }
    p->bytes = slice_of(plain, len);
    p->origin = NULL;
    p->aside->scratch_used += len;
    link_drop_end(p, CHECK_LEN);
    return true;
}

bool link_open_ppp(struct link_packet *p) {
    uint8_t byte = 0;
    uint16_t protocol;

    if (p->bytes.len && p->bytes.ptr[0] == FLAG && !open_serial(p))
        return false;
    if (p->bytes.len && (p->bytes.ptr[0] == CISCO_UNICAST || p->bytes.ptr[0] == CISCO_MULTICAST))
        return link_open_cisco_hdlc(p); /* written under PPP's numbers as well */
    if (p->bytes.len >= 2 && p->bytes.ptr[0] == ADDRESS_ALL && p->bytes.ptr[1] == CONTROL_UI)
        slice_skip(&p->bytes, 2);
    if (!slice_take_u8(&p->bytes, &byte))
        return false;
    protocol = byte;
    if (!(byte & 1)) { /* the last byte is odd */
        if (!slice_take_u8(&p->bytes, &byte))
            return false;
        protocol = (uint16_t)(protocol << 8 | byte);
    }
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].protocol == protocol) {
            p->type = protocols[i].type;
            return true;
        }
    return false;
}

/* LINKTYPE_PPP_WITH_DIR: zero, or not: received, or sent. */
bool link_open_ppp_directed(struct link_packet *p) {
    return link_skip(p, 1, LAYER_PPP);
}

/* LINKTYPE_PPP_PPPD: the direction stands in the place of the address. */
bool link_open_pppd(struct link_packet *p) {
    if (!link_skip(p, 1, LAYER_PPP))
        return false;
    if (p->bytes.len && p->bytes.ptr[0] == CONTROL_UI)
        slice_skip(&p->bytes, 1);
    return true;
}

/* A packet in one piece: begins and ends here, with a sequence number of 24 bits. */
bool link_open_ppp_multilink(struct link_packet *p) {
    return p->bytes.len && (p->bytes.ptr[0] & MULTILINK_WHOLE) == MULTILINK_WHOLE &&
           link_skip(p, 4, LAYER_PPP);
}

/* | FCS present, identification, zeros, padding | MAC type | Ethernet frame | */
bool link_open_ppp_bridged(struct link_packet *p) {
    uint8_t flags, mac_type;

    if (!slice_take_u8(&p->bytes, &flags) || !slice_take_u8(&p->bytes, &mac_type) ||
        mac_type != BRIDGED_ETHERNET)
        return false;
    p->type = flags & BRIDGED_FCS ? LAYER_ETHERNET_FCS : LAYER_ETHERNET;
    return true;
}

/* PPPoE session (RFC 2516 section 4): version and type, code 0, session, length. */
bool link_open_pppoe(struct link_packet *p) {
    struct slice header;
    uint16_t len = 0;

    if (!slice_take(&p->bytes, PPPOE_LEN, &header) || header.ptr[0] != PPPOE_VERSION ||
        header.ptr[1])
        return false;
    slice_skip(&header, 4);
    slice_take_u16be(&header, &len);
    link_limit(p, len);
    p->type = LAYER_PPP;
    return true;
}

bool link_open_cisco_hdlc(struct link_packet *p) {
    uint16_t type;

    if (!slice_skip(&p->bytes, 2) || !slice_take_u16be(&p->bytes, &type))
        return false;
    p->type = type;
    return type >= ETHER_TYPE_MIN;
}
