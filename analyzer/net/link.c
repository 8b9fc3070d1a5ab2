/* Link layers: what carries IP and ARP, by the LINKTYPE_ values of www.tcpdump.org/linktypes.html.
 *
 * A new one is a function that finds protocol and payload, and a row at the end of this file.
 */
#include "net/inner.h"

enum {
    TAGS_MAX = 8,      /* VLAN tags, MPLS labels and the like in one frame */
    LENGTH_MAX = 1500, /* a larger EtherType is a type, not a length (IEEE 802.3 3.2.6) */
};

enum tag_type {
    TAG_VLAN = 0x8100,
    TAG_VLAN_SERVICE = 0x88a8,
    TAG_VLAN_OLD = 0x9100,
    TAG_VLAN_OLDER = 0x9200,
    TAG_MPLS = 0x8847,
    TAG_MPLS_MULTICAST = 0x8848,
    TAG_PPPOE = 0x8864,
};

static bool take_mac(struct slice *in, struct mac_addr *mac) {
    struct slice bytes;

    if (!slice_take(in, sizeof mac->bytes, &bytes))
        return false;
    mac->known = true;
    memcpy(mac->bytes, bytes.ptr, sizeof mac->bytes);
    return true;
}

/* IPv4 or IPv6, by the version in the first byte. */
static bool take_version(struct slice in, uint16_t *type) {
    if (!in.len)
        return false;
    *type = in.ptr[0] >> 4 == 4 ? ETHER_IPV4 : in.ptr[0] >> 4 == 6 ? ETHER_IPV6 : 0;
    return *type != 0;
}

/* PPP's protocol field (RFC 1661 section 2; 2.2 of RFC 2153 keeps it at two bytes here). */
static bool take_ppp(struct slice *in, uint16_t *type) {
    uint16_t protocol;

    if (in->len >= 2 && in->ptr[0] == 0xff && in->ptr[1] == 0x03)
        slice_skip(in, 2); /* address and control (RFC 1662 section 3.1) */
    if (!slice_take_u16be(in, &protocol))
        return false;
    *type = protocol == 0x0021 ? ETHER_IPV4 : protocol == 0x0057 ? ETHER_IPV6 : 0;
    return *type != 0;
}

static bool take_mpls(struct slice *in, uint16_t *type) {
    uint32_t label = 0;

    for (int i = 0; i < TAGS_MAX; i++) {
        if (!slice_take_u32be(in, &label))
            return false;
        if (label & 0x100) /* bottom of the stack (RFC 3032 2.1) */
            return take_version(*in, type);
    }
    return false;
}

/* PPPoE session (RFC 2516 section 4): version and type, code, session, length. */
static bool take_pppoe(struct slice *in, uint16_t *type) {
    uint16_t len;

    if (!slice_skip(in, 4) || !slice_take_u16be(in, &len))
        return false;
    *in = slice_between(*in, 0, len);
    return take_ppp(in, type);
}

/* IEEE 802.2 with SNAP: aa aa 03, organisation 0, EtherType (RFC 1042). */
static bool take_snap(struct slice *in, uint16_t *type) {
    static const uint8_t snap[] = {0xaa, 0xaa, 0x03, 0, 0, 0};

    return in->len >= sizeof snap && memcmp(in->ptr, snap, sizeof snap) == 0 &&
           slice_skip(in, sizeof snap) && slice_take_u16be(in, type);
}

/* Everything that may stand between an EtherType and IP or ARP. */
static bool open_ether_type(struct link_packet *out) {
    for (int i = 0; i < TAGS_MAX; i++) {
        switch (out->type) {
        case TAG_VLAN:
        case TAG_VLAN_SERVICE:
        case TAG_VLAN_OLD:
        case TAG_VLAN_OLDER:
            if (!slice_skip(&out->bytes, 2) || !slice_take_u16be(&out->bytes, &out->type))
                return false;
            break;
        case TAG_MPLS:
        case TAG_MPLS_MULTICAST:
            return take_mpls(&out->bytes, &out->type);
        case TAG_PPPOE:
            return take_pppoe(&out->bytes, &out->type);
        default:
            if (out->type > LENGTH_MAX)
                return true;
            out->bytes = slice_between(out->bytes, 0, out->type);
            if (!take_snap(&out->bytes, &out->type))
                return false;
        }
    }
    return false;
}

static bool open_ethernet(struct slice frame, struct link_packet *out) {
    if (!take_mac(&frame, &out->dst) || !take_mac(&frame, &out->src) ||
        !slice_take_u16be(&frame, &out->type))
        return false;
    out->bytes = frame;
    return open_ether_type(out);
}

/* The sender's address in Linux cooked captures: eight bytes, of which len count. */
static bool take_sll_address(struct slice *in, size_t len, struct mac_addr *mac) {
    struct slice field;

    if (!slice_take(in, 8, &field))
        return false;
    return len != sizeof mac->bytes || take_mac(&field, mac);
}

/* Packet type, ARPHRD, address length, address, protocol. */
static bool open_sll(struct slice frame, struct link_packet *out) {
    uint16_t len;

    if (!slice_skip(&frame, 4) || !slice_take_u16be(&frame, &len) ||
        !take_sll_address(&frame, len, &out->src) || !slice_take_u16be(&frame, &out->type))
        return false;
    out->bytes = frame;
    return open_ether_type(out);
}

/* Protocol, reserved, interface, ARPHRD, packet type, address length, address. */
static bool open_sll2(struct slice frame, struct link_packet *out) {
    uint8_t len;

    if (!slice_take_u16be(&frame, &out->type) || !slice_skip(&frame, 9) ||
        !slice_take_u8(&frame, &len) || !take_sll_address(&frame, len, &out->src))
        return false;
    out->bytes = frame;
    return open_ether_type(out);
}

static bool open_raw(struct slice frame, struct link_packet *out) {
    out->bytes = frame;
    return take_version(frame, &out->type);
}

/* BSD loopback: an address family in the byte order of the capturing host. AF_INET6 is 10 on Linux,
 * 24, 28 and 30 on the BSDs and macOS. */
static bool open_null(struct slice frame, struct link_packet *out) {
    uint32_t family;

    if (!slice_take_u32be(&frame, &family))
        return false;
    if ((family & 0xffff) > LENGTH_MAX) { /* some write an Ethernet type there */
        out->type = (uint16_t)family;
        out->bytes = frame;
        return true;
    }
    if (family > 0xffff)
        family = family >> 24 | (family >> 8 & 0xff00);
    switch (family) {
    case 2:
        out->type = ETHER_IPV4;
        break;
    case 10:
    case 24:
    case 28:
    case 30:
        out->type = ETHER_IPV6;
        break;
    default:
        return false;
    }
    out->bytes = frame;
    return true;
}

/* Cisco HDLC: address, control, EtherType. */
static bool open_chdlc(struct slice frame, struct link_packet *out) {
    if (!slice_skip(&frame, 2) || !slice_take_u16be(&frame, &out->type))
        return false;
    out->bytes = frame;
    return out->type > LENGTH_MAX;
}

static bool open_ppp(struct slice frame, struct link_packet *out) {
    out->bytes = frame;
    return take_ppp(&out->bytes, &out->type);
}

/* Some programs write Cisco HDLC under the same number: its address is never 0xff. */
static bool open_ppp_hdlc(struct slice frame, struct link_packet *out) {
    bool cisco = frame.len && (frame.ptr[0] == 0x0f || frame.ptr[0] == 0x8f);

    return cisco ? open_chdlc(frame, out) : open_ppp(frame, out);
}

static const struct link_row rows[] = {
    {0, open_null},      /* NULL */
    {1, open_ethernet},  /* ETHERNET */
    {9, open_ppp},       /* PPP */
    {12, open_raw},      /* DLT_RAW, written as it is by some programs */
    {14, open_raw},      /* the same, of OpenBSD */
    {50, open_ppp_hdlc}, /* PPP_HDLC */
    {101, open_raw},     /* RAW */
    {104, open_chdlc},   /* C_HDLC */
    {108, open_null},    /* LOOP */
    {113, open_sll},     /* LINUX_SLL */
    {228, open_raw},     /* IPV4 */
    {229, open_raw},     /* IPV6 */
    {276, open_sll2},    /* LINUX_SLL2 */
};

const struct link_row *link_find(int link_type) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].link_type == link_type)
            return &rows[i];
    return NULL;
}
