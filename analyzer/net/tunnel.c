/* Packets in packets: which IP protocols and UDP ports carry others.
 *
 * An IP protocol is what its number says. A UDP port is not: a tunnel is opened only where its
 * header is one and leads to IP or ARP, so that SIP or RTP on such a port stays what it is.
 *
 * The MAC addresses outside a tunnel are those of routers, and say nothing of who sends what is in
 * it: they are forgotten. Those of an Ethernet frame in the tunnel take their place.
 */
#include <stdlib.h>

#include "net/inner.h"

static const struct {
    uint8_t protocol;
    uint32_t type;
} protocols[] = {
    {4, ETHER_IPV4},      /* RFC 2003 */
    {41, ETHER_IPV6},     /* RFC 4213 */
    {47, LAYER_GRE},      /* RFC 2784 */
    {94, ETHER_IPV4},     /* IPIP of old */
    {97, LAYER_ETHERIP},  /* RFC 3378 */
    {115, LAYER_L2TP_IP}, /* RFC 3931 4.1.1 */
    {137, LAYER_MPLS},    /* RFC 4023 */
};

static const struct {
    uint16_t port;
    bool either; /* as source too, not as destination alone */
    uint32_t type;
} udp_ports[] = {
    {1701, true, LAYER_L2TP_UDP},   /* RFC 2661 */
    {2152, true, LAYER_GTP_U},      /* 3GPP TS 29.281 4.4.2.3 */
    {3544, true, LAYER_TEREDO},     /* RFC 4380 */
    {4341, false, LAYER_LISP},      /* RFC 9300 */
    {4754, false, LAYER_GRE},       /* RFC 8086 */
    {4789, false, LAYER_VXLAN},     /* RFC 7348 */
    {4790, false, LAYER_VXLAN_GPE}, /* draft-ietf-nvo3-vxlan-gpe */
    {5072, true, LAYER_AYIYA},      /* draft-massar-v6ops-ayiya */
    {5247, true, LAYER_CAPWAP},     /* RFC 5415 */
    {6081, false, LAYER_GENEVE},    /* RFC 8926 */
    {6635, false, LAYER_MPLS},      /* RFC 7510 */
    {8472, false, LAYER_VXLAN},     /* Linux before the port was assigned */
    {37008, false, LAYER_TZSP},
};

static void add_port(struct tunnel_ports *ports, uint16_t port) {
    ports->bits[port / 64] |= UINT64_C(1) << port % 64;
}

struct tunnel_ports *tunnel_ports_new(void) {
    struct tunnel_ports *ports = memory_new_zeroed(1, sizeof *ports);

    for (size_t i = 0; i < sizeof udp_ports / sizeof *udp_ports; i++)
        add_port(ports, udp_ports[i].port);
    add_port(ports, SCTP_UDP_PORT);
    return ports;
}

void tunnel_ports_free(struct tunnel_ports *ports) {
    free(ports);
}

/* What stands inside, of a packet that came in *outer. */
static struct link_packet inside_of(const struct link_packet *outer, const struct ip_packet *ip,
                                    uint32_t type, struct slice bytes, size_t missing) {
    struct link_packet inside = *outer;

    inside.type = type;
    inside.bytes = bytes;
    inside.missing = missing;
    inside.src = inside.dst = (struct mac_addr){0};
    inside.hidden = false;
    inside.frames = ip->frames;
    inside.frame_count = ip->frame_count;
    inside.origin = ip->origin;
    inside.depth++;
    return inside;
}

bool tunnel_of_protocol(const struct ip_packet *ip, struct link_packet *link) {
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].protocol == ip->protocol) {
            *link = inside_of(link, ip, protocols[i].type, ip->bytes, ip->full_len - ip->bytes.len);
            return true;
        }
    return false;
}

/* IP with a header that fits, or ARP. */
static bool is_sensible(struct link_packet *inside) {
    if (!link_open_all(inside))
        return false;
    if (inside->type == ETHER_ARP)
        return inside->bytes.len >= 4 && inside->bytes.ptr[2] == ETHER_IPV4 >> 8 &&
               inside->bytes.ptr[3] == (ETHER_IPV4 & 0xff);
    return inside->bytes.len && inside->bytes.ptr[0] >> 4 == (inside->type == ETHER_IPV4 ? 4 : 6) &&
           ip_header_fits(inside->bytes, inside->missing);
}

bool tunnel_of_datagram(const struct datagram *datagram, const struct ip_packet *ip,
                        struct link_packet *link) {
    uint16_t src = datagram->packet.src.port, dst = datagram->packet.dst.port;

    for (size_t i = 0; i < sizeof udp_ports / sizeof *udp_ports; i++) {
        if (udp_ports[i].port != dst && !(udp_ports[i].either && udp_ports[i].port == src))
            continue;
        struct link_packet inside = inside_of(link, ip, udp_ports[i].type, datagram->bytes,
                                              datagram->full_len - datagram->bytes.len);
        if (is_sensible(&inside)) {
            *link = inside;
            return true;
        }
        link->aside->more.len = 0;
    }
    return false;
}
