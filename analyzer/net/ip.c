/* IPv4 (RFC 791 3.1) and IPv6 (RFC 8200), up to the transport.
 *
 *   | 4 | ihl | tos | total length |   | 6 | class, flow label          |
 *   | id            | df mf offset |   | length     | next  | hops      |
 *   | ttl | proto   | checksum     |   | source, 16 bytes               |
 *   | source, destination, options |   | destination, 16 bytes          |
 */
#include "net/checksum.h"

enum {
    IPV4_MIN = 20,
    IPV6_LEN = 40,
    EXTENSIONS_MAX = 16,
};

enum extension {
    EXTENSION_HOP_BY_HOP = 0,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_AUTHENTICATION = 51,
    EXTENSION_DESTINATION = 60,
    EXTENSION_MOBILITY = 135,
};

enum ip_result ip_extensions_take(struct slice *in, uint8_t *protocol, size_t *full_len,
                                  struct ip_header *fragment) {
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint16_t bits;
        size_t len;

        switch (*protocol) {
        case EXTENSION_HOP_BY_HOP:
        case EXTENSION_ROUTING:
        case EXTENSION_DESTINATION:
        case EXTENSION_MOBILITY:
            if (in->len < 2)
                return IP_SHORT;
            len = ((size_t)in->ptr[1] + 1) * 8;
            break;
        case EXTENSION_AUTHENTICATION: /* counts in 4 bytes, minus 2 (RFC 4302 2.2) */
            if (in->len < 2)
                return IP_SHORT;
            len = ((size_t)in->ptr[1] + 2) * 4;
            break;
        case EXTENSION_FRAGMENT:
            len = 8;
            break;
        default:
            return IP_OK;
        }
        struct slice header;
        uint8_t this = *protocol;
        if (*full_len != SIZE_MAX) {
            if (len > *full_len)
                return IP_BAD;
            *full_len -= len;
        }
        if (!slice_take(in, len, &header))
            return IP_SHORT;
        slice_take_u8(&header, protocol);
        if (this == EXTENSION_FRAGMENT) { /* reserved, offset and M, identification */
            slice_skip(&header, 1);
            slice_take_u16be(&header, &bits);
            slice_take_u32be(&header, &fragment->id);
            fragment->offset = bits & 0xfff8;
            fragment->more = bits & 1;
            fragment->fragment = fragment->offset || fragment->more; /* else atomic, RFC 6946 */
            if (fragment->fragment)
                return IP_OK;
        }
    }
    return IP_BAD;
}

static enum ip_result ipv4_take(struct slice in, struct ip_header *out) {
    struct slice whole = in, src, dst;
    uint8_t first;
    uint16_t total, id, bits;

    if (in.len < IPV4_MIN)
        return IP_SHORT;
    slice_take_u8(&in, &first);
    slice_skip(&in, 1);
    slice_take_u16be(&in, &total);
    slice_take_u16be(&in, &id);
    slice_take_u16be(&in, &bits);
    slice_take_u8(&in, &out->hops);
    slice_take_u8(&in, &out->protocol);
    slice_skip(&in, 2);
    slice_take(&in, 4, &src);
    slice_take(&in, 4, &dst);
    /* As ip_of_bytes, of a constant length: this is done for every frame. */
    out->src = (struct ip_addr){.len = 4};
    memcpy(out->src.bytes, src.ptr, 4);
    out->dst = (struct ip_addr){.len = 4};
    memcpy(out->dst.bytes, dst.ptr, 4);

    size_t header_len = (first & 0xfu) * 4u;
    if (header_len < IPV4_MIN || (total && total < header_len))
        return IP_BAD;
    if (whole.len < header_len)
        return IP_SHORT;
    out->id = id;
    out->offset = (bits & 0x1fffu) * 8u;
    out->more = bits & 0x2000;
    out->fragment = out->offset || out->more;
    /* 0: the network card fills it in when it splits the packet (TSO). */
    out->rest_full_len = total ? total - header_len : SIZE_MAX;
    out->rest = slice_between(whole, header_len, total ? total : whole.len);
    if (out->protocol == EXTENSION_AUTHENTICATION && !out->fragment)
        return ip_extensions_take(&out->rest, &out->protocol, &out->rest_full_len, out);
    return IP_OK;
}

static enum ip_result ipv6_take(struct slice in, struct ip_header *out) {
    struct slice src, dst;
    uint16_t len;

    if (in.len < IPV6_LEN)
        return IP_SHORT;
    slice_skip(&in, 4);
    slice_take_u16be(&in, &len);
    slice_take_u8(&in, &out->protocol);
    slice_take_u8(&in, &out->hops);
    slice_take(&in, 16, &src);
    slice_take(&in, 16, &dst);
    out->src = ip_of_bytes(src.ptr, 16);
    out->dst = ip_of_bytes(dst.ptr, 16);
    /* 0: a jumbogram (RFC 2675), or TSO as above. */
    out->rest_full_len = len ? len : SIZE_MAX;
    out->rest = slice_between(in, 0, len ? len : in.len);
    return ip_extensions_take(&out->rest, &out->protocol, &out->rest_full_len, out);
}

enum ip_result ip_header_take(struct slice in, struct ip_header *out) {
    if (!in.len)
        return IP_SHORT;
    out->version = in.ptr[0] >> 4;
    out->fragment = false;
    return out->version == 4 ? ipv4_take(in, out) : out->version == 6 ? ipv6_take(in, out) : IP_BAD;
}

/* The header of most packets: IPv4 without options, no fragment, with its length, and all of the
 * packet captured. false: it is none of these, and ip_header_take tells what it is. */
static inline bool plain_header_take(struct slice in, struct ip_header *out) {
    const uint8_t *p = in.ptr;

    if (in.len < IPV4_MIN || p[0] != 0x45)
        return false;
    size_t total = (size_t)p[2] << 8 | p[3];
    if (total < IPV4_MIN || total > in.len || (p[6] & 0x3f) || p[7] ||
        p[9] == EXTENSION_AUTHENTICATION)
        return false;
    out->version = 4;
    out->hops = p[8];
    out->protocol = p[9];
    out->src = (struct ip_addr){.len = 4};
    memcpy(out->src.bytes, p + 12, 4);
    out->dst = (struct ip_addr){.len = 4};
    memcpy(out->dst.bytes, p + 16, 4);
    out->id = (uint32_t)p[4] << 8 | p[5];
    out->rest_full_len = total - IPV4_MIN;
    out->rest = slice_of(p + IPV4_MIN, total - IPV4_MIN);
    return true;
}

bool ip_header_fits(struct slice in, size_t missing) {
    struct ip_header header;

    return ip_header_take(in, &header) == IP_OK &&
           (header.rest_full_len == SIZE_MAX || header.rest_full_len <= header.rest.len + missing);
}

/* UDP (RFC 768): ports, length, checksum. */
static bool udp_feed(struct net *net, struct ip_packet *ip, struct link_packet *link) {
    struct datagram datagram;
    struct slice in = ip->bytes;
    uint16_t len = 0, checksum = 0;

    if (!slice_take_u16be(&in, &ip->packet.src.port) ||
        !slice_take_u16be(&in, &ip->packet.dst.port) || !slice_take_u16be(&in, &len) ||
        !slice_take_u16be(&in, &checksum)) {
        if (!ip->packet.cut)
            net_malformed(net, ip, ip->bytes.ptr);
        return false;
    }
    if (len && (len < 8 || len > ip->full_len)) {
        net_malformed(net, ip, ip->bytes.ptr);
        if (len < 8)
            return false;
    }
    /* 0: as in IP, of a packet that the network card is to split. */
    datagram.full_len = len ? len - 8u : ip->full_len - 8;
    datagram.bytes = slice_between(in, 0, datagram.full_len);
    datagram.packet = ip->packet;
    datagram.packet.cut = datagram.bytes.len < datagram.full_len;
    datagram.frames = ip->frames;
    datagram.frame_count = ip->frame_count;
    datagram.checksum = len ? checksum : 0;
    datagram.ip_header = ip->header;
    datagram.transport = TRANSPORT_UDP;
    datagram.reported = false;
    if (hep_recognise(datagram.bytes)) {
        hep_feed(net, ip, &datagram);
        return false;
    }
    if (tunnel_may_be(net->ports, &datagram.packet)) {
        if (sctp_over_udp_feed(net, ip, &datagram))
            return false;
        if (tunnel_of_datagram(&datagram, ip, link))
            return true;
    }
    if (net->handler.datagram)
        net->handler.datagram(net->handler.context, &datagram);
    return false;
}

/* True: a tunnel, see ip_feed. */
static bool transport_feed(struct net *net, struct ip_packet *ip, struct link_packet *link) {
    switch (ip->protocol) {
    case PROTOCOL_UDP:
        return udp_feed(net, ip, link);
    case PROTOCOL_TCP:
        tcp_feed(net, ip);
        return false;
    case PROTOCOL_SCTP:
        sctp_feed(net, ip);
        return false;
    case PROTOCOL_ICMP:
        icmp_feed(net, ip);
        return false;
    case PROTOCOL_ICMPV6:
        icmpv6_feed(net, ip);
        return false;
    default:
        return tunnel_of_protocol(ip, link);
    }
}

/* A fragment with a wrong header checksum goes no further; the packet that it is of can only be
 * looked at when it is whole, by the checksum of what it carries. */
static bool fragment_holds(struct net *net, struct ip_packet *ip) {
    enum checksum sum = checksum_ip(ip->header);

    ip->header.len = 0;
    return checksum_holds(net, &ip->packet, sum, CHECKSUM_IPV4, CHECKSUM_UNKNOWN);
}

/* A header of any kind: with options or extensions, of a fragment, cut, of IPv6. false: none. */
static bool header_take(struct net *net, const struct link_packet *link, struct ip_header *out) {
    enum ip_result result = ip_header_take(link->bytes, out);

    if (result == IP_OK && out->version != (link->type == ETHER_IPV4 ? 4 : 6))
        result = IP_BAD;
    if (result == IP_BAD || (result == IP_SHORT && !link->missing))
        net_malformed(net, NULL, link->bytes.ptr);
    if (result == IP_OK && out->rest_full_len == SIZE_MAX) /* TSO leaves the length to the frame */
        out->rest_full_len = out->rest.len + link->missing;
    return result == IP_OK;
}

/* true: *ip is the whole packet. */
static bool fragment_feed(struct net *net, const struct ip_header *header, struct ip_packet *ip) {
    struct ip_header ignored = {0};

    if (!fragment_holds(net, ip) || !fragments_feed(net, header, ip))
        return false;
    /* Extension headers may stand behind the fragment header as well. */
    if (header->version == 6 &&
        (ip_extensions_take(&ip->bytes, &ip->protocol, &ip->full_len, &ignored) != IP_OK ||
         ignored.fragment)) {
        net_malformed(net, ip, ip->bytes.ptr);
        return false;
    }
    return true;
}

bool ip_feed(struct net *net, struct link_packet *link) {
    struct ip_header header;
    bool plain = link->type == ETHER_IPV4 && plain_header_take(link->bytes, &header);

    net->origin = link->origin;
    if (!plain && !header_take(net, link, &header))
        return false;
    if (header.version == 4)
        ip_ids_feed(net, &header.src, (uint16_t)header.id);
    bool cut = header.rest.len < header.rest_full_len;
    if (cut && !link->missing) /* promises more than its frame had room for */
        net_malformed(net, NULL, link->bytes.ptr);
    struct ip_packet ip = {
        .packet =
            {
                .frame_no = net->frame_no,
                .t_ns = net->t_ns,
                .src = {.ip = header.src},
                .dst = {.ip = header.dst},
                .mac_src = link->src,
                .mac_dst = link->dst,
                .cut = cut,
                .has_ip_id = header.version == 4,
                .ip_id = header.version == 4 ? (uint16_t)header.id : 0,
                .hops = header.hops,
                .point = net->frame->point,
            },
        .protocol = header.protocol,
        .header = slice_of(link->bytes.ptr, (size_t)(header.rest.ptr - link->bytes.ptr)),
        .bytes = header.rest,
        .full_len = header.rest_full_len,
        .frames = link->frames,
        .frame_count = link->frame_count,
        .origin = link->origin,
    };
    if (!plain && header.fragment && !fragment_feed(net, &header, &ip))
        return false;
    return transport_feed(net, &ip, link);
}
