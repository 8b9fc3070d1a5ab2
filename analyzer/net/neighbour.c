/* Who has this address? ARP (RFC 826) over Ethernet and IPv4, neighbour discovery (RFC 4861 4.3,
 * 4.4) over IPv6.
 *
 *   ARP   | hardware | protocol | 6 | 4 | operation | sender MAC, IP | target MAC, IP |
 *   ND    | type | code | checksum | flags | target, 16 bytes | options: type, length in 8 bytes …
 */
#include "net/inner.h"

enum {
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
    ND_OPTION_TARGET_MAC = 2,
};

static void deliver(struct net *net, const struct neighbour *neighbour) {
    if (net->handler.neighbour)
        net->handler.neighbour(net->handler.context, neighbour);
}

static struct mac_addr mac_of(struct slice bytes) {
    struct mac_addr mac = {.known = bytes.len == sizeof mac.bytes};

    if (mac.known)
        memcpy(mac.bytes, bytes.ptr, sizeof mac.bytes);
    return mac;
}

void arp_feed(struct net *net, const struct link_packet *link) {
    struct slice in = link->bytes, sender_mac, sender_ip, target_mac, target_ip;
    uint16_t hardware, protocol, sizes, operation;

    if (!slice_take_u16be(&in, &hardware) || !slice_take_u16be(&in, &protocol) ||
        !slice_take_u16be(&in, &sizes) || !slice_take_u16be(&in, &operation) ||
        protocol != ETHER_IPV4 || sizes != 0x0604 || !slice_take(&in, 6, &sender_mac) ||
        !slice_take(&in, 4, &sender_ip) || !slice_take(&in, 6, &target_mac) ||
        !slice_take(&in, 4, &target_ip))
        return; /* of another network, or cut */
    if (operation != ARP_REQUEST && operation != ARP_REPLY)
        return;

    struct neighbour neighbour = {
        .packet =
            {
                .frame_no = net->frame_no,
                .t_ns = net->t_ns,
                .src = {.ip = ip_of_bytes(sender_ip.ptr, 4)},
                .dst = {.ip = ip_of_bytes(target_ip.ptr, 4)},
                .mac_src = link->src,
                .mac_dst = link->dst,
            },
    };
    /* A request for one's own address asks nobody: it announces (RFC 5227 section 3). */
    neighbour.answer = operation == ARP_REPLY || slice_eq(sender_ip, target_ip);
    neighbour.target = ip_of_bytes(neighbour.answer ? sender_ip.ptr : target_ip.ptr, 4);
    if (neighbour.answer)
        neighbour.mac = mac_of(sender_mac);
    deliver(net, &neighbour);
}

void nd_feed(struct net *net, const struct ip_packet *ip) {
    struct slice in = ip->bytes, target, option;
    uint8_t type = 0;

    if (!slice_take_u8(&in, &type) || !slice_skip(&in, 7) || !slice_take(&in, 16, &target)) {
        if (!ip->packet.cut)
            net_malformed(net, ip, ip->bytes.ptr);
        return;
    }
    struct neighbour neighbour = {
        .packet = ip->packet,
        .answer = type == ND_ADVERTISEMENT,
        .target = ip_of_bytes(target.ptr, 16),
    };
    if (neighbour.answer)
        neighbour.mac = ip->packet.mac_src;
    while (in.len >= 2 && slice_take(&in, in.ptr[1] * 8u, &option) && option.len)
        if (neighbour.answer && option.ptr[0] == ND_OPTION_TARGET_MAC && option.len == 8)
            neighbour.mac = mac_of(slice_between(option, 2, 8));
    deliver(net, &neighbour);
}
