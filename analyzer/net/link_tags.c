/* What switches put into Ethernet frames beside VLAN tags: each is passed over.
 *
 *   | destination | source | EtherType of the tag | tag | EtherType | payload
 */
#include "net/inner.h"

enum {
    ETAG_LEN = 6,     /* IEEE 802.1BR 7.5 */
    VNTAG_LEN = 4,    /* Cisco VN-Tag */
    METADATA_LEN = 6, /* Cisco metadata: version, length, option type, security group tag */
    ITAG_LEN = 4,     /* IEEE 802.1Q 9.7: priority and flags, service; then the customer's frame */
    DSA_LEN = 4,      /* Marvell distributed switch architecture */
    BRCM_LEN = 4,     /* Broadcom */
};

/* MACsec's TCI (IEEE 802.1AE 9.5). */
enum macsec {
    MACSEC_CHANGED = 0x04,   /* C: the text is not as it was */
    MACSEC_ENCRYPTED = 0x08, /* E */
    MACSEC_SCI = 0x20,       /* SC: a channel identifier of eight bytes */
    MACSEC_ICV_LEN = 16,
};

static bool skip_tag(struct link_packet *p, size_t len) {
    return slice_skip(&p->bytes, len) && link_take_ether_type(p);
}

bool link_open_etag(struct link_packet *p) {
    return skip_tag(p, ETAG_LEN);
}

bool link_open_vntag(struct link_packet *p) {
    return skip_tag(p, VNTAG_LEN);
}

/* Version 1 and length 1, or, in GRE, the type before them: no type begins so. */
bool link_open_metadata(struct link_packet *p) {
    static const uint8_t begin[] = {1, 1};

    if (slice_starts(p->bytes, slice_of(begin, sizeof begin)))
        return skip_tag(p, METADATA_LEN);
    return link_take_ether_type(p) && slice_skip(&p->bytes, METADATA_LEN);
}

bool link_open_itag(struct link_packet *p) {
    return link_skip(p, ITAG_LEN, LAYER_ETHERNET);
}

/* | TCI | short length | packet number, 4 bytes | SCI, 8 bytes if SC | EtherType … | ICV | */
bool link_open_macsec(struct link_packet *p) {
    uint8_t tci;

    if (!slice_take_u8(&p->bytes, &tci))
        return false;
    p->hidden = tci & (MACSEC_ENCRYPTED | MACSEC_CHANGED);
    if (p->hidden)
        return false;
    link_drop_end(p, MACSEC_ICV_LEN);
    return skip_tag(p, tci & MACSEC_SCI ? 5 + 8 : 5);
}

/* EtherType 0xdada: two reserved bytes and the tag. */
bool link_open_dsa_ether_type(struct link_packet *p) {
    return skip_tag(p, 2 + DSA_LEN);
}

static bool take_macs(struct link_packet *p) {
    return link_take_mac(&p->bytes, &p->dst) && link_take_mac(&p->bytes, &p->src);
}

/* The tag stands in the place of a VLAN tag, without an EtherType of its own. */
bool link_open_dsa(struct link_packet *p) {
    return take_macs(p) && skip_tag(p, DSA_LEN);
}

bool link_open_brcm(struct link_packet *p) {
    return take_macs(p) && skip_tag(p, BRCM_LEN);
}

bool link_open_brcm_prepended(struct link_packet *p) {
    return link_skip(p, BRCM_LEN, LAYER_ETHERNET);
}
