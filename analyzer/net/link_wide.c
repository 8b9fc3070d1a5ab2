/* Frame relay and ATM.
 *
 *   frame relay  | address, 2 to 4 bytes | 03 | 00 to fill up | NLPID …        RFC 2427
 *                | address, 2 bytes      | EtherType | …                       Cisco
 *   AAL5         | LLC …                                                      RFC 2684 5
 *   SunATM       | flags | VPI | VCI, 2 bytes | LLC, or a LANE frame …        LINKTYPE_SUNATM
 */
#include "net/inner.h"

enum {
    ADDRESS_LAST = 0x01, /* Q.922: the last byte of the address */
    ADDRESS_MAX = 4,
    CONTROL_UI = 0x03,
    SUNATM_TYPE = 0x0f,
    SUNATM_LANE = 1,
    SUNATM_LLC = 2,
    LANE_LEN = 2, /* the sender's LANE client */
    BRIDGED_PAD = 2,
};

bool link_open_frame_relay(struct link_packet *p) {
    uint8_t byte = 0;
    uint16_t type;

    for (int i = 0; !(byte & ADDRESS_LAST); i++)
        if (i == ADDRESS_MAX || !slice_take_u8(&p->bytes, &byte))
            return false;
    if (!p->bytes.len)
        return false;
    if (p->bytes.ptr[0] != CONTROL_UI) {
        if (!slice_take_u16be(&p->bytes, &type))
            return false;
        p->type = type;
        return type >= ETHER_TYPE_MIN;
    }
    slice_skip(&p->bytes, 1);
    if (p->bytes.len && p->bytes.ptr[0] == 0)
        slice_skip(&p->bytes, 1);
    p->type = LAYER_NLPID;
    return true;
}

/* As LLC elsewhere, but that bridged Ethernet frames stand behind two bytes (RFC 2684 5.2). */
bool link_open_atm_llc(struct link_packet *p) {
    if (!link_open_llc(p))
        return false;
    return (p->type != LAYER_ETHERNET && p->type != LAYER_ETHERNET_FCS) ||
           slice_skip(&p->bytes, BRIDGED_PAD);
}

/* Classical IP over ATM (RFC 2225), with LLC or without. */
bool link_open_atm_clip(struct link_packet *p) {
    return p->bytes.len && p->bytes.ptr[0] == 0xaa ? link_open_atm_llc(p) : link_open_version(p);
}

bool link_open_sunatm(struct link_packet *p) {
    uint8_t flags;

    if (!slice_take_u8(&p->bytes, &flags) || !slice_skip(&p->bytes, 3))
        return false;
    if ((flags & SUNATM_TYPE) == SUNATM_LANE)
        return link_skip(p, LANE_LEN, LAYER_ETHERNET);
    return (flags & SUNATM_TYPE) == SUNATM_LLC && link_open_atm_llc(p);
}
