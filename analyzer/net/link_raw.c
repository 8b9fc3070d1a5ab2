/* IP behind a few bytes of the capturing host. */
#include "net/inner.h"

enum {
    AF_IPV4 = 2,
    SLIP_LEN = 16,  /* direction, and a copy of the header as it was compressed */
    ENC_LEN = 12,   /* OpenBSD's enc: address family, SPI, flags */
    IPNET_LEN = 24, /* Solaris: version, family, hardware type, length, interfaces, zones */
    FIREWIRE_LEN = 16,
};

/* AF_INET6 on Linux; on NetBSD, OpenBSD, Solaris and others; on FreeBSD; on macOS. */
static bool is_af_ipv6(uint32_t family) {
    return family == 10 || family == 24 || family == 26 || family == 28 || family == 30;
}

bool link_open_version(struct link_packet *p) {
    unsigned version = p->bytes.len ? p->bytes.ptr[0] >> 4 : 0;

    p->type = version == 4 ? ETHER_IPV4 : version == 6 ? ETHER_IPV6 : LAYER_NONE;
    return p->type != LAYER_NONE;
}

/* BSD loopback: an address family in the byte order of the capturing host. */
bool link_open_null(struct link_packet *p) {
    uint32_t family;

    if (!slice_take_u32be(&p->bytes, &family))
        return false;
    if ((family & 0xffff) > ETHER_LENGTH_MAX) { /* some write an EtherType there */
        p->type = family & 0xffff;
        return true;
    }
    if (family > 0xffff)
        family = family >> 24 | (family >> 8 & 0xff00);
    p->type = family == AF_IPV4 ? ETHER_IPV4 : is_af_ipv6(family) ? ETHER_IPV6 : LAYER_NONE;
    return p->type != LAYER_NONE;
}

bool link_open_slip(struct link_packet *p) {
    return link_skip(p, SLIP_LEN, LAYER_VERSION);
}

bool link_open_enc(struct link_packet *p) {
    return link_skip(p, ENC_LEN, LAYER_VERSION);
}

/* The firewall of the BSDs: its header begins with its length, and is filled up to four bytes. */
bool link_open_pflog(struct link_packet *p) {
    return p->bytes.len && link_skip(p, (p->bytes.ptr[0] + 3u) & ~3u, LAYER_VERSION);
}

bool link_open_ipnet(struct link_packet *p) {
    return link_skip(p, IPNET_LEN, LAYER_VERSION);
}

/* IP over IEEE 1394: two addresses of eight bytes, and an EtherType (RFC 2734). */
bool link_open_1394(struct link_packet *p) {
    return slice_skip(&p->bytes, FIREWIRE_LEN) && link_take_ether_type(p);
}
