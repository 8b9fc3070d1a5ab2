/* MPLS labels (RFC 3032 2.1), and what is told only by guess: what stands under the last of them.
 *
 *   | label, 20 bits | class | bottom | TTL | … | IPv4, IPv6                    by its version
 *                                               | 0000 control word | Ethernet  RFC 4385, RFC 4448
 *                                               | Ethernet                      without control
 * word | 0001 associated channel |     RFC 5085: no traffic
 */
#include "net/inner.h"

enum {
    LABELS_MAX = 16,
    BOTTOM = 0x100,
    CONTROL_WORD_LEN = 4,
    NIBBLE_CONTROL = 0,
    NIBBLE_CHANNEL = 1,
};

/* A customer's Ethernet frame; the MAC addresses outside are those of routers. */
static bool open_pseudowire(struct link_packet *p, unsigned nibble) {
    struct slice behind = p->bytes;

    p->type = LAYER_ETHERNET;
    if (nibble != NIBBLE_CONTROL || !slice_skip(&behind, CONTROL_WORD_LEN))
        return true;
    /* An address may begin with a zero as well. */
    if (link_fits_ethernet(behind, p->missing) || !link_fits_ethernet(p->bytes, p->missing))
        p->bytes = behind;
    return true;
}

bool link_open_mpls(struct link_packet *p) {
    uint32_t label = 0;

    for (int i = 0; !(label & BOTTOM); i++)
        if (i == LABELS_MAX || !slice_take_u32be(&p->bytes, &label))
            return false;
    if (!p->bytes.len)
        return false;
    p->src.known = p->dst.known = false;

    unsigned nibble = p->bytes.ptr[0] >> 4;
    bool ip = nibble == 4 || nibble == 6;
    if (nibble == NIBBLE_CHANNEL)
        return false;
    if (!ip || (!ip_header_fits(p->bytes, p->missing) && link_fits_ethernet(p->bytes, p->missing)))
        return open_pseudowire(p, nibble);
    p->type = nibble == 4 ? ETHER_IPV4 : ETHER_IPV6;
    return true;
}
