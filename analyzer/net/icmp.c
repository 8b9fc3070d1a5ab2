/* ICMP errors (RFC 792) and ICMPv6 errors (RFC 4443), with the packet that they quote.
 *
 *   | type | code | checksum | by type, 4 bytes | the packet's IP header and its first bytes …
 */
#include "net/checksum.h"

enum {
    HEADER_LEN = 8,
    ICMP_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4, /* a code of the above: path MTU discovery (RFC 1191) */
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_ERRORS_END = 5,
};

/* The ICMP types that quote a packet: unreachable, source quench, redirect, time exceeded,
 * parameter problem. */
static bool is_error(bool v6, uint8_t type) {
    static const bool v4[] = {[3] = true, [4] = true, [5] = true, [11] = true, [12] = true};

    if (v6)
        return type >= ICMPV6_UNREACHABLE && type < ICMPV6_ERRORS_END;
    return type < sizeof v4 / sizeof *v4 && v4[type];
}

/* The length of the quoted packet where extensions follow it (RFC 4884 section 4); 0: not said. */
static size_t quote_len(bool v6, struct slice icmp) {
    return v6 ? icmp.ptr[4] * 8u : icmp.ptr[5] * 4u;
}

/* Ports, and what was sent over UDP. */
static bool take_quote(struct slice quote, struct icmp_error *error) {
    struct ip_header header;
    uint16_t len;

    if (ip_header_take(quote, &header) != IP_OK)
        return false;
    error->protocol = header.protocol;
    error->src.ip = header.src;
    error->dst.ip = header.dst;
    if (header.fragment && header.offset)
        return true; /* the ports are in another fragment */
    if (header.protocol != PROTOCOL_UDP && header.protocol != PROTOCOL_TCP)
        return true;
    struct slice in = header.rest;
    if (!slice_take_u16be(&in, &error->src.port) || !slice_take_u16be(&in, &error->dst.port))
        return false;
    if (header.protocol == PROTOCOL_UDP && slice_take_u16be(&in, &len) && slice_skip(&in, 2))
        error->payload = len >= HEADER_LEN ? slice_between(in, 0, len - 8u) : in;
    return true;
}

/* Did the host that it is for get it? */
static bool was_received(struct net *net, const struct ip_packet *ip, bool v6) {
    enum checksum header = checksum_ip(ip->header), own = CHECKSUM_UNKNOWN;

    if (!ip->packet.cut && ip->bytes.len == ip->full_len && ip->bytes.len >= HEADER_LEN)
        own = checksum_transport(&ip->packet, v6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP,
                                 checksum_sum(ip->bytes), 0, ip->full_len,
                                 (uint16_t)(ip->bytes.ptr[2] << 8 | ip->bytes.ptr[3]));
    return checksum_holds(net, &ip->packet, header, CHECKSUM_ICMP, own);
}

static void error_feed(struct net *net, const struct ip_packet *ip, bool v6) {
    struct icmp_error error = {.packet = ip->packet, .v6 = v6};
    struct slice in = ip->bytes;

    if (in.len < 2)
        return;
    error.type = in.ptr[0];
    error.code = in.ptr[1];
    if (!is_error(v6, error.type) || !net->handler.icmp || !was_received(net, ip, v6))
        return;
    error.unreachable =
        v6 ? error.type == ICMPV6_UNREACHABLE
           : error.type == ICMP_UNREACHABLE && error.code != ICMP_FRAGMENTATION_NEEDED;
    if (in.len >= HEADER_LEN) {
        size_t len = quote_len(v6, in);
        struct slice quote = slice_between(in, HEADER_LEN, len ? HEADER_LEN + len : in.len);
        if (take_quote(quote, &error)) {
            net->handler.icmp(net->handler.context, &error);
            return;
        }
    }
    if (!ip->packet.cut)
        net_malformed(net, ip, in.ptr);
}

void icmp_feed(struct net *net, const struct ip_packet *ip) {
    error_feed(net, ip, false);
}

void icmpv6_feed(struct net *net, const struct ip_packet *ip) {
    if (ip->bytes.len &&
        (ip->bytes.ptr[0] == ND_SOLICITATION || ip->bytes.ptr[0] == ND_ADVERTISEMENT))
        nd_feed(net, ip);
    else
        error_feed(net, ip, true);
}
