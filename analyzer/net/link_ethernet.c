/* Ethernet (IEEE 802.3), and the two ways to say what it carries: a type, or a length with logical
 * link control behind it (IEEE 802.2).
 *
 *   | destination | source | type  | payload … |
 *   | destination | source | length | DSAP | SSAP | control | payload … |
 *                                    aa     aa     03       organisation, 3 bytes | type |  (SNAP)
 *                                    fe     fe     03       NLPID
 */
#include "net/inner.h"

enum {
    FCS_LEN = 4,
    ISL_LEN = 26, /* Cisco inter-switch link, before the frame */
    UNNUMBERED = 0x03,
    SMD_EXPRESS = 0xd5, /* IEEE 802.3br 99.3.3 */
    PREAMBLE = 0x55,
};

enum sap { SAP_IP = 0x06, SAP_SNAP = 0xaa, SAP_ISO = 0xfe };

enum organisation {
    ORGANISATION_ETHER_TYPE = 0x000000, /* RFC 1042 */
    ORGANISATION_TUNNEL = 0x0000f8,     /* the same (IEEE 802.1H) */
    ORGANISATION_BRIDGED = 0x0080c2,    /* IEEE 802.1: types are those of RFC 2427 and 2684 */
};

enum nlpid {
    NLPID_SNAP = 0x80,
    NLPID_IPV6 = 0x8e,
    NLPID_IPV4 = 0xcc,
    NLPID_PPP = 0xcf,
};

bool link_open_ethernet(struct link_packet *p) {
    static const uint8_t isl[] = {0x01, 0x00, 0x0c, 0x00, 0x00};

    if (!link_take_mac(&p->bytes, &p->dst) || !link_take_mac(&p->bytes, &p->src))
        return false;
    if (p->bytes.len >= 2 && p->bytes.ptr[0] < ETHER_TYPE_MIN >> 8 &&
        memcmp(p->dst.bytes, isl, sizeof isl) == 0)
        return link_skip(p, ISL_LEN - 12, LAYER_ETHERNET_FCS);
    return link_take_ether_type(p);
}

bool link_open_ethernet_fcs(struct link_packet *p) {
    link_drop_end(p, FCS_LEN);
    return link_open_ethernet(p);
}

/* A frame as it is on the medium: preamble, delimiter, frame, check sequence. Those that may be
 * interrupted by others come in pieces, and are no phone's. */
bool link_open_ethernet_mpacket(struct link_packet *p) {
    uint8_t delimiter = PREAMBLE;

    while (delimiter == PREAMBLE)
        if (!slice_take_u8(&p->bytes, &delimiter))
            return false;
    return delimiter == SMD_EXPRESS && link_open_ethernet_fcs(p);
}

bool link_open_vlan(struct link_packet *p) {
    return slice_skip(&p->bytes, 2) && link_take_ether_type(p);
}

static bool take_snap(struct link_packet *p) {
    uint8_t high;
    uint16_t low, type;

    if (!slice_take_u8(&p->bytes, &high) || !slice_take_u16be(&p->bytes, &low) ||
        !slice_take_u16be(&p->bytes, &type))
        return false;
    switch ((uint32_t)high << 16 | low) {
    case ORGANISATION_ETHER_TYPE:
    case ORGANISATION_TUNNEL:
        p->type = type;
        return type >= ETHER_TYPE_MIN;
    case ORGANISATION_BRIDGED: /* 802.3 with and without its check sequence */
        p->type = type == 1 ? LAYER_ETHERNET_FCS : LAYER_ETHERNET;
        return type == 1 || type == 7;
    default:
        return false;
    }
}

bool link_open_llc(struct link_packet *p) {
    uint8_t dsap, ssap, control;

    if (!slice_take_u8(&p->bytes, &dsap) || !slice_take_u8(&p->bytes, &ssap) ||
        !slice_take_u8(&p->bytes, &control) || dsap != ssap || control != UNNUMBERED)
        return false;
    switch (dsap) {
    case SAP_SNAP:
        return take_snap(p);
    case SAP_IP:
        p->type = ETHER_IPV4;
        return true;
    case SAP_ISO:
        p->type = LAYER_NLPID;
        return true;
    default:
        return false;
    }
}

bool link_open_nlpid(struct link_packet *p) {
    uint8_t nlpid;

    if (!slice_take_u8(&p->bytes, &nlpid))
        return false;
    switch (nlpid) {
    case NLPID_IPV4:
        p->type = ETHER_IPV4;
        return true;
    case NLPID_IPV6:
        p->type = ETHER_IPV6;
        return true;
    case NLPID_PPP: /* RFC 1973, RFC 2364 */
        p->type = LAYER_PPP;
        return true;
    case NLPID_SNAP:
        return take_snap(p);
    default:
        return false;
    }
}
