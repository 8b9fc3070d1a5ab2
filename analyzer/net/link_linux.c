/* What the Linux kernel hands out instead of a link layer's own header.
 *
 *   cooked    | packet type | ARPHRD | address length | address, 8 bytes | protocol |
 *   cooked 2  | protocol | 0 | interface | ARPHRD | packet type | address length | address, 8 bytes
 * | NFLOG     | family | version | resource | attribute: length, type, value, filled up to 4 bytes
 * …
 *
 * LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_NFLOG, LINKTYPE_NETLINK; linux/if_arp.h,
 * linux/netlink.h, linux/netfilter/nfnetlink_log.h. NFLOG is in the byte order of its host, which
 * is not said: that in which the attributes fill the packet.
 */
#include "net/inner.h"

/* linux/if_arp.h: what the protocol field means depends on the device. */
enum arphrd {
    ARPHRD_PPP = 512,
    ARPHRD_FRAD = 770,
    ARPHRD_IEEE80211 = 801,
    ARPHRD_IEEE80211_PRISM = 802,
    ARPHRD_IEEE80211_RADIOTAP = 803,
    ARPHRD_NETLINK = 824,
};

enum {
    SLL_LEN = 16,
    NETLINK_NETFILTER = 12,
    NETLINK_HEADER_LEN = 16,
    NETLINK_LOGGED_PACKET = 0x0400, /* NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET */
    NFLOG_HEADER_LEN = 4,
    ATTRIBUTE_LEN = 4,
    ATTRIBUTE_TYPE_MASK = 0x3fff, /* without the flags: nested, byte order */
    ATTRIBUTE_HARDWARE_ADDRESS = 8,
    ATTRIBUTE_PAYLOAD = 9,
};

/* Protocols that are no EtherTypes (linux/if_ether.h). */
static const struct {
    uint16_t protocol;
    uint32_t type;
} protocols[] = {
    {0x0003, LAYER_ETHERNET}, /* ETH_P_ALL: a whole frame */
    {0x0004, LAYER_LLC},      /* ETH_P_802_2 */
    {0x0007, LAYER_PPP},      /* ETH_P_WAN_PPP */
    {0x0009, LAYER_PPP},      /* ETH_P_PPPTALK, written so for PPP in HDLC */
};

static const struct {
    uint16_t device;
    uint32_t type;
} devices[] = {
    {ARPHRD_FRAD, LAYER_FRAME_RELAY},
    {ARPHRD_IEEE80211, LAYER_WLAN},
    {ARPHRD_IEEE80211_PRISM, LAYER_LINK(119)},
    {ARPHRD_IEEE80211_RADIOTAP, LAYER_LINK(127)},
    {ARPHRD_NETLINK, LAYER_NONE},
};

static uint32_t type_of(uint16_t device, uint16_t protocol) {
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (devices[i].device == device)
            return devices[i].type;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].protocol == protocol)
            return protocols[i].type;
    return protocol;
}

/* The sender's address: eight bytes, of which len count. */
static bool take_address(struct link_packet *p, size_t len) {
    struct slice field;

    if (!slice_take(&p->bytes, 8, &field))
        return false;
    return len != sizeof p->src.bytes || link_take_mac(&field, &p->src);
}

bool link_open_sll(struct link_packet *p) {
    uint16_t device, len, protocol;

    if (!slice_skip(&p->bytes, 2) || !slice_take_u16be(&p->bytes, &device) ||
        !slice_take_u16be(&p->bytes, &len) || !take_address(p, len) ||
        !slice_take_u16be(&p->bytes, &protocol))
        return false;
    p->type = type_of(device, protocol);
    return true;
}

bool link_open_sll2(struct link_packet *p) {
    uint16_t device, protocol;
    uint8_t len;

    if (!slice_take_u16be(&p->bytes, &protocol) || !slice_skip(&p->bytes, 6) ||
        !slice_take_u16be(&p->bytes, &device) || !slice_skip(&p->bytes, 1) ||
        !slice_take_u8(&p->bytes, &len) || !take_address(p, len))
        return false;
    p->type = type_of(device, protocol);
    return true;
}

static bool take_u16(struct slice *in, bool big, uint16_t *v) {
    return big ? slice_take_u16be(in, v) : slice_take_u16le(in, v);
}

/* One attribute, and the bytes that fill it up. */
static bool take_attribute(struct slice *in, bool big, uint16_t *type, struct slice *value) {
    struct slice rest = *in;
    uint16_t len;

    if (!take_u16(&rest, big, &len) || !take_u16(&rest, big, type) || len < ATTRIBUTE_LEN)
        return false;
    *type &= ATTRIBUTE_TYPE_MASK;
    *value = slice_between(*in, ATTRIBUTE_LEN, len);
    *in = slice_between(*in, (len + 3u) & ~3u, in->len);
    return (size_t)(len - ATTRIBUTE_LEN) == value->len || *type == ATTRIBUTE_PAYLOAD;
}

/* Is there a payload among the attributes, read in this order of bytes? */
static bool open_attributes(struct link_packet *p, bool big) {
    struct slice in = p->bytes, value;
    uint16_t type, full_len;

    while (in.len) {
        struct slice attribute = in;
        if (!take_attribute(&in, big, &type, &value))
            return false;
        if (type == ATTRIBUTE_HARDWARE_ADDRESS && value.len >= 10 && value.ptr[0] == 0 &&
            value.ptr[1] == sizeof p->src.bytes) {
            struct slice address = slice_between(value, 4, value.len);
            link_take_mac(&address, &p->src);
        }
        if (type != ATTRIBUTE_PAYLOAD)
            continue;
        take_u16(&attribute, big, &full_len);
        slice_skip(&p->bytes, (size_t)(value.ptr - p->bytes.ptr));
        link_limit(p, full_len - (size_t)ATTRIBUTE_LEN);
        p->type = LAYER_VERSION;
        return true;
    }
    return false;
}

bool link_open_nflog(struct link_packet *p) {
    return slice_skip(&p->bytes, NFLOG_HEADER_LEN) &&
           (open_attributes(p, false) || open_attributes(p, true));
}

/* A cooked header, in which the protocol is the netlink family. */
bool link_open_netlink(struct link_packet *p) {
    uint16_t family;

    p->type = LAYER_NFLOG_NETLINK;
    return slice_skip(&p->bytes, SLL_LEN - 2) && slice_take_u16be(&p->bytes, &family) &&
           family == NETLINK_NETFILTER;
}

/* | length, 4 bytes | type | flags | sequence | port | NFLOG …, one message after another */
bool link_open_nflog_netlink(struct link_packet *p) {
    struct slice in = p->bytes, little = p->bytes, big = p->bytes;
    uint32_t len_little, len_big, len;
    uint16_t type;

    if (!slice_take_u32le(&little, &len_little) || !slice_take_u32be(&big, &len_big))
        return false;
    bool is_big = len_little > in.len + p->missing;
    len = is_big ? len_big : len_little;
    if (len < NETLINK_HEADER_LEN || len > in.len + p->missing)
        return false;
    little = slice_between(in, 4, in.len);
    if (!take_u16(&little, is_big, &type))
        return false;
    if ((len + 3u) / 4 * 4 < in.len)
        link_put_aside(p, slice_between(in, (len + 3u) / 4 * 4, in.len), LAYER_NFLOG_NETLINK);
    link_limit(p, len);
    return type == NETLINK_LOGGED_PACKET && link_skip(p, NETLINK_HEADER_LEN, LAYER_LINK(239));
}
