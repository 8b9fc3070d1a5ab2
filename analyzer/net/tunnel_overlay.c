/* Overlays of data centres: Ethernet or IP behind a short header.
 *
 *   VXLAN      | 08 | 0, 3 bytes | network | 0 |                                    RFC 7348 5
 *   VXLAN-GPE  | 08, 04: next protocol | 0, 2 bytes | next protocol | network | 0 |
 *   GENEVE     | version, options in 4 bytes | flags | EtherType | network | 0 | … RFC 8926 3.4
 *   LISP       | flags | nonce, 3 bytes | instance, locators |                      RFC 9300 5.1
 *   NSH        | version, length in 4 bytes | type | next protocol | path | …      RFC 8300 2.2
 *   EtherIP    | 3 | 0 |                                                            RFC 3378 3
 */
#include "net/inner.h"

enum {
    HEADER_LEN = 8,
    VXLAN_NETWORK = 0x08, /* I: there is a network number */
    VXLAN_NEXT = 0x04,    /* P: there is a next protocol; in VXLAN itself reserved */
    VXLAN_VERSION = 0x30, /* of GPE */
    GENEVE_VERSION = 0xc0,
    GENEVE_CONTROL = 0x80,
    GENEVE_WORDS = 0x3f,
    NSH_VERSION = 0xc0,
    NSH_WORDS = 0x3f,
    NSH_MIN = 8,
    ETHERIP = 0x3000,
};

/* The next protocols of VXLAN-GPE and NSH. */
static uint32_t next_type(uint8_t protocol) {
    static const uint32_t types[] = {
        [1] = ETHER_IPV4, [2] = ETHER_IPV6, [3] = LAYER_ETHERNET, [4] = LAYER_NSH, [5] = LAYER_MPLS,
    };

    return protocol < sizeof types / sizeof *types ? types[protocol] : LAYER_NONE;
}

bool tunnel_open_vxlan(struct link_packet *p) {
    return p->bytes.len && (p->bytes.ptr[0] & (VXLAN_NETWORK | VXLAN_NEXT)) == VXLAN_NETWORK &&
           link_skip(p, HEADER_LEN, LAYER_ETHERNET);
}

bool tunnel_open_vxlan_gpe(struct link_packet *p) {
    struct slice header;

    if (!slice_take(&p->bytes, HEADER_LEN, &header) || header.ptr[0] & VXLAN_VERSION)
        return false;
    p->type = header.ptr[0] & VXLAN_NEXT ? next_type(header.ptr[3]) : LAYER_ETHERNET;
    return p->type != LAYER_NONE;
}

bool tunnel_open_geneve(struct link_packet *p) {
    struct slice header;
    uint16_t type = 0;

    if (!slice_take(&p->bytes, HEADER_LEN, &header) || header.ptr[0] & GENEVE_VERSION ||
        header.ptr[1] & GENEVE_CONTROL)
        return false;
    size_t options = (header.ptr[0] & GENEVE_WORDS) * 4u;
    slice_skip(&header, 2);
    slice_take_u16be(&header, &type);
    return link_skip(p, options, type);
}

bool tunnel_open_lisp(struct link_packet *p) {
    return link_skip(p, HEADER_LEN, LAYER_VERSION);
}

bool tunnel_open_nsh(struct link_packet *p) {
    struct slice in = p->bytes;
    uint8_t first, second, md_type, next;

    if (!slice_take_u8(&in, &first) || !slice_take_u8(&in, &second) ||
        !slice_take_u8(&in, &md_type) || !slice_take_u8(&in, &next) || first & NSH_VERSION)
        return false;
    size_t len = (second & NSH_WORDS) * 4u;
    p->type = next_type(next);
    return len >= NSH_MIN && p->type != LAYER_NONE && slice_skip(&p->bytes, len);
}

bool tunnel_open_etherip(struct link_packet *p) {
    uint16_t header;

    p->type = LAYER_ETHERNET;
    return slice_take_u16be(&p->bytes, &header) && header == ETHERIP;
}
