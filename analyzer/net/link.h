/* Layers below IP: a link type, a tag or a tunnel's header, each a row of the table in link.c.
 *
 * A layer is a number and the bytes that it is said of. Opening it takes its header off, and leaves
 * the number of what follows: EtherTypes as they are, LINKTYPE_ values
 * (www.tcpdump.org/linktypes.html) above LAYER_LINK_TYPES, what has neither number above
 * LAYER_OTHERS.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "net/net.h"

enum {
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_IPV6 = 0x86dd,
    ETHER_BRIDGED = 0x6558,    /* an Ethernet frame (RFC 1701) */
    ETHER_LENGTH_MAX = 0x05dc, /* larger is a type, not a length (IEEE 802.3 3.2.6) */
    ETHER_TYPE_MIN = 0x0600,
};

#define LAYER_LINK_TYPES 0x10000u
#define LAYER_OTHERS 0x20000u
#define LAYER_LINK(link_type) (LAYER_LINK_TYPES + (uint32_t)(link_type))

enum layer {
    LAYER_NONE = 0,
    LAYER_ETHERNET = LAYER_LINK_TYPES + 1,
    LAYER_PPP = LAYER_LINK_TYPES + 9,
    LAYER_WLAN = LAYER_LINK_TYPES + 105,
    LAYER_FRAME_RELAY = LAYER_LINK_TYPES + 107,
    LAYER_AVS = LAYER_LINK_TYPES + 163,
    LAYER_CISCO_HDLC = LAYER_LINK_TYPES + 104,
    LAYER_VERSION = LAYER_LINK_TYPES + 101, /* IPv4 or IPv6, as the first byte says */
    LAYER_LLC = LAYER_OTHERS,               /* IEEE 802.2 */
    LAYER_NLPID,                            /* ISO/IEC TR 9577, as RFC 2427 uses it */
    LAYER_MPLS,
    LAYER_ETHERNET_FCS,  /* with its frame check sequence */
    LAYER_WLAN_PADDED,   /* header filled up to a multiple of four bytes */
    LAYER_WLAN_SWAPPED,  /* the bytes of the frame control field perhaps in the other order */
    LAYER_AGGREGATE,     /* A-MSDU subframes */
    LAYER_PPP_MULTILINK, /* RFC 1990 */
    LAYER_PPP_BRIDGED,   /* RFC 3518 */
    LAYER_NFLOG_NETLINK, /* a netlink message of the packet logger */
    LAYER_NSH,
    LAYER_GRE,
    LAYER_ERSPAN_1,
    LAYER_VXLAN,
    LAYER_VXLAN_GPE,
    LAYER_GENEVE,
    LAYER_LISP,
    LAYER_GTP_U,
    LAYER_L2TP_UDP,
    LAYER_L2TP_IP,
    LAYER_TZSP,
    LAYER_CAPWAP,
    LAYER_TEREDO,
    LAYER_AYIYA,
    LAYER_ETHERIP,
};

/* One layer of a frame. */
struct link_packet {
    uint32_t type; /* EtherType or enum layer */
    struct slice bytes;
    size_t missing; /* bytes that the wire had behind them and the capture lacks */
    struct mac_addr src, dst;
    bool hidden;            /* why it could not be opened: its payload is encrypted */
    const uint32_t *frames; /* that carried it */
    size_t frame_count;
    const uint8_t *origin; /* the frame's first byte; NULL where bytes do not lie in the frame */
    unsigned depth;        /* tunnels around it */
    struct link_aside *aside;
};

/* What a frame needs beside the packet that is being opened. */
struct link_aside {
    struct slice more; /* what stands beside the packet, of type more_type; empty: nothing */
    size_t more_missing;
    uint32_t more_type;
    size_t scratch_used;
    uint8_t scratch[1 << 16]; /* where bytes are put that do not lie in the frame as they are */
};

/* Take the header off: true, and *packet is what lies under it. */
typedef bool link_opener(struct link_packet *packet);

struct link_row {
    uint32_t type;
    link_opener *open;
    bool (*fits)(struct slice frame); /* for numbers with several meanings; NULL: always */
};

/* The row for a layer, or NULL. */
const struct link_row *link_find(uint32_t type);
/* Take headers off until IPv4, IPv6 or ARP is reached; false: it is none of them. */
bool link_open_all(struct link_packet *packet);
/* Does the packet begin an Ethernet frame with something that can be read in it? A guess, for where
 * nothing else tells. */
bool link_fits_ethernet(struct slice frame, size_t missing);

static inline bool link_is_open(const struct link_packet *packet) {
    return packet->type == ETHER_IPV4 || packet->type == ETHER_IPV6 || packet->type == ETHER_ARP;
}

/* Nothing behind the first len bytes belongs to the packet. */
static inline void link_limit(struct link_packet *p, size_t len) {
    if (len <= p->bytes.len) {
        p->bytes.len = len;
        p->missing = 0;
    } else if (p->missing > len - p->bytes.len) {
        p->missing = len - p->bytes.len;
    }
}

/* The last n bytes are no payload. */
static inline void link_drop_end(struct link_packet *p, size_t n) {
    size_t captured = n > p->missing ? n - p->missing : 0;

    p->missing -= n - captured;
    p->bytes.len -= captured < p->bytes.len ? captured : p->bytes.len;
}

/* Something of this type stands beside the packet (the rest of what the capture has of it). */
static inline void link_put_aside(struct link_packet *p, struct slice more, uint32_t type) {
    if (p->aside->more.len)
        return; /* aggregates in aggregates are not sent */
    p->aside->more = more;
    p->aside->more_missing = p->missing;
    p->aside->more_type = type;
}

static inline bool link_skip(struct link_packet *p, size_t n, uint32_t type) {
    p->type = type;
    return slice_skip(&p->bytes, n);
}

/* All zeros is no host's address: a loopback has it. */
static inline bool link_take_mac(struct slice *in, struct mac_addr *mac) {
    static const uint8_t none[sizeof mac->bytes];
    struct slice bytes;

    if (!slice_take(in, sizeof mac->bytes, &bytes))
        return false;
    memcpy(mac->bytes, bytes.ptr, sizeof mac->bytes);
    mac->known = memcmp(mac->bytes, none, sizeof none) != 0;
    return true;
}

/* A type, or a length with IEEE 802.2 behind it. */
static inline bool link_take_ether_type(struct link_packet *p) {
    uint16_t type;

    if (!slice_take_u16be(&p->bytes, &type))
        return false;
    p->type = type;
    if (type <= ETHER_LENGTH_MAX) {
        link_limit(p, type);
        p->type = LAYER_LLC;
    }
    return true;
}

/* link_ethernet.c */
link_opener link_open_ethernet, link_open_ethernet_fcs, link_open_ethernet_mpacket, link_open_vlan,
    link_open_llc, link_open_nlpid;
/* link_tags.c: what switches put into Ethernet frames */
link_opener link_open_etag, link_open_vntag, link_open_metadata, link_open_macsec, link_open_itag,
    link_open_dsa, link_open_dsa_ether_type, link_open_brcm, link_open_brcm_prepended;
/* link_mpls.c */
link_opener link_open_mpls;
/* link_ppp.c */
link_opener link_open_ppp, link_open_ppp_directed, link_open_pppd, link_open_ppp_multilink,
    link_open_ppp_bridged, link_open_pppoe, link_open_cisco_hdlc;
/* link_raw.c: a few bytes of the host's before IP */
link_opener link_open_version, link_open_null, link_open_slip, link_open_enc, link_open_pflog,
    link_open_ipnet, link_open_1394;
/* link_linux.c: what Linux hands out: cooked captures, NFLOG */
link_opener link_open_sll, link_open_sll2, link_open_nflog, link_open_nflog_netlink,
    link_open_netlink;
/* link_pktap.c */
link_opener link_open_pktap;
bool link_fits_pktap(struct slice frame);
/* link_wlan.c */
link_opener link_open_wlan, link_open_wlan_padded, link_open_wlan_swapped, link_open_aggregate;
/* link_monitor.c: what monitors put before 802.11 frames */
link_opener link_open_radiotap, link_open_prism, link_open_avs, link_open_ppi;
/* link_wide.c: wide area networks */
link_opener link_open_frame_relay, link_open_atm_llc, link_open_atm_clip, link_open_sunatm;
/* link_ring.c: local networks of old */
link_opener link_open_token_ring, link_open_fddi, link_open_arcnet, link_open_arcnet_linux;

/* tunnel_gre.c */
link_opener tunnel_open_gre, tunnel_open_erspan_1, tunnel_open_erspan_2, tunnel_open_erspan_3,
    tunnel_open_wccp;
/* tunnel_overlay.c */
link_opener tunnel_open_vxlan, tunnel_open_vxlan_gpe, tunnel_open_geneve, tunnel_open_lisp,
    tunnel_open_nsh, tunnel_open_etherip;
/* tunnel_gtp.c */
link_opener tunnel_open_gtp_u;
/* tunnel_l2tp.c */
link_opener tunnel_open_l2tp_udp, tunnel_open_l2tp_ip;
/* tunnel_wlan.c: what access points send */
link_opener tunnel_open_tzsp, tunnel_open_capwap;
/* tunnel_ipv6.c: IPv6 over UDP */
link_opener tunnel_open_teredo, tunnel_open_ayiya;

#endif
