/* What carries IP and ARP: the table of all layers below, and the way through them.
 *
 * A new one is a function that takes a header off, and a row here.
 */
#include "net/inner.h"

enum { LAYERS_MAX = 16 }; /* tags, labels and the like, one after another */

static const struct link_row rows[] = {
    /* What most frames begin with. */
    {LAYER_ETHERNET, link_open_ethernet, NULL},

    /* EtherTypes (IEEE; www.iana.org/assignments/ieee-802-numbers) */
    {0x8100, link_open_vlan, NULL}, /* IEEE 802.1Q */
    {0x88a8, link_open_vlan, NULL}, /* service tag */
    {0x9100, link_open_vlan, NULL}, /* before there was one */
    {0x9200, link_open_vlan, NULL},
    {0x9300, link_open_vlan, NULL},
    {ETHER_BRIDGED, link_open_ethernet, NULL},
    {0x8847, link_open_mpls, NULL},
    {0x8848, link_open_mpls, NULL}, /* label assigned upstream */
    {0x8864, link_open_pppoe, NULL},
    {0x880b, link_open_ppp, NULL},
    {0x8870, link_open_llc, NULL}, /* jumbo frames with LLC */
    {0x893f, link_open_etag, NULL},
    {0x8926, link_open_vntag, NULL},
    {0x8909, link_open_metadata, NULL},
    {0x88e5, link_open_macsec, NULL},
    {0x88e7, link_open_itag, NULL},
    {0xdada, link_open_dsa_ether_type, NULL},
    {0x894f, tunnel_open_nsh, NULL},
    {0x883e, tunnel_open_wccp, NULL},
    {0x88be, tunnel_open_erspan_2, NULL},
    {0x22eb, tunnel_open_erspan_3, NULL},
    {0x6559, link_open_frame_relay, NULL}, /* raw frame relay in GRE */
    {0x8881, link_open_ppp, NULL},         /* CDMA2000 byte stream in GRE (3GPP2 A.S0017) */

    /* LINKTYPE_ values */
    {LAYER_LINK(0), link_open_null, NULL},       /* NULL */
    {LAYER_LINK(6), link_open_token_ring, NULL}, /* IEEE802_5 */
    {LAYER_LINK(7), link_open_arcnet, NULL},     /* ARCNET_BSD */
    {LAYER_LINK(8), link_open_slip, NULL},       /* SLIP */
    {LAYER_PPP, link_open_ppp, NULL},
    {LAYER_LINK(10), link_open_fddi, NULL},         /* FDDI */
    {LAYER_LINK(11), link_open_atm_llc, NULL},      /* DLT_ATM_RFC1483, as some programs write it */
    {LAYER_LINK(12), link_open_version, NULL},      /* DLT_RAW, likewise */
    {LAYER_LINK(14), link_open_version, NULL},      /* DLT_RAW of OpenBSD */
    {LAYER_LINK(18), link_open_atm_clip, NULL},     /* DLT_ATM_CLIP of old */
    {LAYER_LINK(19), link_open_atm_clip, NULL},     /* DLT_ATM_CLIP */
    {LAYER_LINK(50), link_open_ppp, NULL},          /* PPP_HDLC */
    {LAYER_LINK(51), link_open_pppoe, NULL},        /* PPP_ETHER */
    {LAYER_LINK(100), link_open_atm_llc, NULL},     /* ATM_RFC1483 */
    {LAYER_VERSION, link_open_version, NULL},       /* RAW */
    {LAYER_CISCO_HDLC, link_open_cisco_hdlc, NULL}, /* C_HDLC */
    {LAYER_WLAN, link_open_wlan, NULL},             /* IEEE802_11 */
    {LAYER_LINK(106), link_open_atm_clip, NULL},    /* ATM_CLIP */
    {LAYER_FRAME_RELAY, link_open_frame_relay, NULL},    /* FRELAY */
    {LAYER_LINK(108), link_open_null, NULL},             /* LOOP */
    {LAYER_LINK(109), link_open_enc, NULL},              /* ENC */
    {LAYER_LINK(113), link_open_sll, NULL},              /* LINUX_SLL */
    {LAYER_LINK(117), link_open_pflog, NULL},            /* PFLOG */
    {LAYER_LINK(119), link_open_prism, NULL},            /* IEEE802_11_PRISM */
    {LAYER_LINK(123), link_open_sunatm, NULL},           /* SUNATM */
    {LAYER_LINK(127), link_open_radiotap, NULL},         /* IEEE802_11_RADIOTAP */
    {LAYER_LINK(129), link_open_arcnet_linux, NULL},     /* ARCNET_LINUX */
    {LAYER_LINK(138), link_open_1394, NULL},             /* APPLE_IP_OVER_IEEE1394 */
    {LAYER_LINK(149), link_open_pktap, link_fits_pktap}, /* USER2, and what macOS wrote there */
    {LAYER_AVS, link_open_avs, NULL},                    /* IEEE802_11_AVS */
    {LAYER_LINK(166), link_open_pppd, NULL},             /* PPP_PPPD */
    {LAYER_LINK(192), link_open_ppi, NULL},              /* PPI */
    {LAYER_LINK(204), link_open_ppp_directed, NULL},     /* PPP_WITH_DIR */
    {LAYER_LINK(219), link_open_mpls, NULL},             /* MPLS */
    {LAYER_LINK(226), link_open_ipnet, NULL},            /* IPNET */
    {LAYER_LINK(228), link_open_version, NULL},          /* IPV4 */
    {LAYER_LINK(229), link_open_version, NULL},          /* IPV6 */
    {LAYER_LINK(239), link_open_nflog, NULL},            /* NFLOG */
    {LAYER_LINK(253), link_open_netlink, NULL},          /* NETLINK */
    {LAYER_LINK(258), link_open_pktap, NULL},            /* PKTAP */
    {LAYER_LINK(274), link_open_ethernet_mpacket, NULL}, /* ETHERNET_MPACKET */
    {LAYER_LINK(276), link_open_sll2, NULL},             /* LINUX_SLL2 */
    {LAYER_LINK(281), link_open_brcm, NULL},             /* DSA_TAG_BRCM */
    {LAYER_LINK(282), link_open_brcm_prepended, NULL},   /* DSA_TAG_BRCM_PREPEND */
    {LAYER_LINK(284), link_open_dsa, NULL},              /* DSA_TAG_DSA */
    {LAYER_LINK(285), link_open_ethernet, NULL},         /* DSA_TAG_EDSA: an EtherType of its own */

    /* Others */
    {LAYER_LLC, link_open_llc, NULL},
    {LAYER_NLPID, link_open_nlpid, NULL},
    {LAYER_MPLS, link_open_mpls, NULL},
    {LAYER_ETHERNET_FCS, link_open_ethernet_fcs, NULL},
    {LAYER_WLAN_PADDED, link_open_wlan_padded, NULL},
    {LAYER_WLAN_SWAPPED, link_open_wlan_swapped, NULL},
    {LAYER_AGGREGATE, link_open_aggregate, NULL},
    {LAYER_PPP_MULTILINK, link_open_ppp_multilink, NULL},
    {LAYER_PPP_BRIDGED, link_open_ppp_bridged, NULL},
    {LAYER_NFLOG_NETLINK, link_open_nflog_netlink, NULL},
    {LAYER_NSH, tunnel_open_nsh, NULL},
    {LAYER_GRE, tunnel_open_gre, NULL},
    {LAYER_ERSPAN_1, tunnel_open_erspan_1, NULL},
    {LAYER_VXLAN, tunnel_open_vxlan, NULL},
    {LAYER_VXLAN_GPE, tunnel_open_vxlan_gpe, NULL},
    {LAYER_GENEVE, tunnel_open_geneve, NULL},
    {LAYER_LISP, tunnel_open_lisp, NULL},
    {LAYER_GTP_U, tunnel_open_gtp_u, NULL},
    {LAYER_L2TP_UDP, tunnel_open_l2tp_udp, NULL},
    {LAYER_L2TP_IP, tunnel_open_l2tp_ip, NULL},
    {LAYER_TZSP, tunnel_open_tzsp, NULL},
    {LAYER_CAPWAP, tunnel_open_capwap, NULL},
    {LAYER_TEREDO, tunnel_open_teredo, NULL},
    {LAYER_AYIYA, tunnel_open_ayiya, NULL},
    {LAYER_ETHERIP, tunnel_open_etherip, NULL},
};

const struct link_row *link_find(uint32_t type) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

bool link_open_all(struct link_packet *packet) {
    for (int i = 0; i < LAYERS_MAX && !link_is_open(packet); i++) {
        const struct link_row *row = link_find(packet->type);
        if (!row || !row->open(packet))
            return false; /* spanning tree, LLDP and others live beside IP */
    }
    return link_is_open(packet);
}

bool link_fits_ethernet(struct slice frame, size_t missing) {
    uint16_t type;

    if (!slice_skip(&frame, 12) || !slice_take_u16be(&frame, &type))
        return false;
    if (type == ETHER_IPV4 || type == ETHER_IPV6)
        return ip_header_fits(frame, missing);
    return type == ETHER_ARP || (type >= ETHER_TYPE_MIN && link_find(type));
}
