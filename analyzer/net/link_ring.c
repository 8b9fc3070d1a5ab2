/* Local networks that were not Ethernet. Their addresses are kept unknown: on rings they are
 * written bit by bit the other way round, on ARCNET they are bytes.
 *
 *   token ring  | access | frame control | destination | source | routing … | LLC    IEEE 802.5
 *   FDDI        | frame control | destination | source | LLC                          ANSI X3.139
 *   ARCNET      | source | destination | type | flag | sequence, 2 bytes | …          RFC 1201
 *               (Linux: two bytes of offset before the type; RFC 1051: nothing behind it)
 */
#include "net/inner.h"

enum {
    MACS_LEN = 12,
    SOURCE_ROUTED = 0x80, /* first byte of the source */
    ROUTING_LEN = 0x1f,
    RING_TYPE = 0xc0,
    RING_LLC = 0x40,
    FDDI_TYPE = 0xf0,
    FDDI_LLC = 0x50, /* asynchronous */
    ARCNET_FLAGS_LEN = 3,
};

bool link_open_token_ring(struct link_packet *p) {
    struct slice macs;
    uint8_t control;

    if (!slice_skip(&p->bytes, 1) || !slice_take_u8(&p->bytes, &control) ||
        (control & RING_TYPE) != RING_LLC || !slice_take(&p->bytes, MACS_LEN, &macs))
        return false;
    p->type = LAYER_LLC;
    if (!(macs.ptr[MACS_LEN / 2] & SOURCE_ROUTED))
        return true;
    return p->bytes.len && slice_skip(&p->bytes, p->bytes.ptr[0] & ROUTING_LEN);
}

bool link_open_fddi(struct link_packet *p) {
    uint8_t control;

    return slice_take_u8(&p->bytes, &control) && (control & FDDI_TYPE) == FDDI_LLC &&
           link_skip(p, MACS_LEN, LAYER_LLC);
}

/* Fragments of the medium have been put together by the host. */
static bool open_arcnet_type(struct link_packet *p) {
    static const struct {
        uint8_t type;
        uint32_t ether_type;
        size_t header_len;
    } types[] = {
        {0xd4, ETHER_IPV4, ARCNET_FLAGS_LEN}, /* RFC 1201 */
        {0xd5, ETHER_ARP, ARCNET_FLAGS_LEN},
        {0xc4, ETHER_IPV6, ARCNET_FLAGS_LEN}, /* RFC 2497 */
        {0xf0, ETHER_IPV4, 0},                /* RFC 1051 */
        {0xf1, ETHER_ARP, 0},
    };
    uint8_t type;

    if (!slice_take_u8(&p->bytes, &type))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return link_skip(p, types[i].header_len, types[i].ether_type);
    return false;
}

bool link_open_arcnet(struct link_packet *p) {
    return slice_skip(&p->bytes, 2) && open_arcnet_type(p);
}

bool link_open_arcnet_linux(struct link_packet *p) {
    return slice_skip(&p->bytes, 4) && open_arcnet_type(p);
}
