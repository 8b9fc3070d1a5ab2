/* The way in: a frame goes to its link layer, and from there to IP or ARP. */
#include "net/net.h"

#include <stdlib.h>

#include "net/checksum.h"
#include "net/inner.h"

enum { TUNNELS_MAX = 8 }; /* in one another */

struct net *net_new(const struct net_handler *handler) {
    struct net *net = memory_new_zeroed(1, sizeof *net);

    net->handler = *handler;
    net->fragments = fragments_new();
    net->conns = conns_new();
    net->checksums = checksum_sources_new();
    net->ports = tunnel_ports_new();
    net->aside = memory_new_zeroed(1, sizeof *net->aside);
    net->ids = ip_ids_new();
    net->sctp = sctp_new();
    return net;
}

void net_note(struct net *net, enum net_note note, uint32_t frame_no, int64_t value) {
    if (net->handler.note)
        net->handler.note(net->handler.context, note, frame_no, value);
}

void net_malformed(struct net *net, const struct ip_packet *ip, const uint8_t *at) {
    const uint8_t *origin = ip ? ip->origin : net->origin;

    net_note(net, NET_MALFORMED, net->frame_no, origin ? at - origin : 0);
}

/* What stood beside this packet in its frame. */
static struct link_packet next_of(const struct link_packet *link) {
    return (struct link_packet){
        .type = link->aside->more_type,
        .bytes = link->aside->more,
        .missing = link->aside->more_missing,
        .frames = link->frames,
        .frame_count = link->frame_count,
        .origin = link->origin,
        .depth = link->depth,
        .aside = link->aside,
    };
}

/* A packet on its way up: through its headers to IP, and from there again where it is a tunnel's.
 * It comes back with what else its frame held. */
static void layers_feed(struct net *net, struct link_packet *link) {
    struct link_packet waiting[TUNNELS_MAX + 1]; /* one of each depth */
    size_t n = 0;

    for (;;) {
        bool opened = link_is_open(link) || link_open_all(link);
        if (net->aside->more.len && n < sizeof waiting / sizeof *waiting)
            waiting[n++] = next_of(link);
        net->aside->more.len = 0;
        if (!opened && link->hidden)
            net_note(net, NET_HIDDEN, net->frame_no, 1);
        if (opened && link->type == ETHER_ARP) {
            arp_feed(net, link);
        } else if (opened && ip_feed(net, link)) {
            if (link->depth <= TUNNELS_MAX)
                continue;
            net_note(net, NET_LIMIT_TUNNELS, net->frame_no, link->depth);
        }
        if (!n)
            return;
        *link = waiting[--n];
    }
}

/* A clock steps back within one interface: those of a capture with several have buffers of their
 * own, and their packets may be a little out of order among each other. */
static void clock_feed(struct net *net, const struct frame *frame) {
    struct net_clock *clock = &net->clocks[frame->interface % NET_CLOCKS];

    if (frame->t_ns < clock->t_ns && clock->running && clock->interface == frame->interface &&
        clock->point == frame->point)
        net_note(net, NET_CLOCK_BACKWARDS, frame->no, clock->t_ns - frame->t_ns);
    *clock = (struct net_clock){frame->t_ns, frame->interface, frame->point, true};
}

void net_feed(struct net *net, const struct frame *frame) {
    bool cut = frame->wire_len > frame->bytes.len;

    net->frame = frame;
    net->frame_no = frame->no;
    clock_feed(net, frame);
    net->t_ns = frame->t_ns;
    if (cut)
        net_note(net, NET_CUT, frame->no, frame->wire_len - (int64_t)frame->bytes.len);

    if (!net->link || net->link_type != frame->link_type) {
        net->link = frame->link_type >= 0 && frame->link_type <= UINT16_MAX
                        ? link_find(LAYER_LINK(frame->link_type))
                        : NULL;
        net->link_type = frame->link_type;
    }
    if (!net->link || (net->link->fits && !net->link->fits(frame->bytes))) {
        net_note(net, NET_LINK_TYPE_UNKNOWN, frame->no, frame->link_type);
        return;
    }
    net->aside->scratch_used = 0;
    struct link_packet link = {
        .type = net->link->type,
        .bytes = frame->bytes,
        .missing = cut ? frame->wire_len - frame->bytes.len : 0,
        .frames = &net->frame_no,
        .frame_count = 1,
        .origin = frame->bytes.ptr,
        .aside = net->aside,
    };
    if (!net->link->open(&link)) /* the row is known: most frames need no other */
        link.type = LAYER_NONE;
    layers_feed(net, &link);
}

bool net_receives(struct net *net, const struct datagram *datagram, uint64_t *sum) {
    enum { UDP_HEADER_LEN = 8 };
    const struct packet *packet = &datagram->packet;
    size_t len = datagram->full_len + UDP_HEADER_LEN;
    enum checksum ip = checksum_ip(datagram->ip_header), udp = CHECKSUM_UNKNOWN;

    *sum = checksum_sum(datagram->bytes);
    if (datagram->checksum && !packet->cut && !datagram->reported)
        udp = checksum_transport(packet, PROTOCOL_UDP, *sum,
                                 (uint64_t)packet->src.port + packet->dst.port + len +
                                     datagram->checksum,
                                 len, datagram->checksum);
    return checksum_holds(net, packet, ip, CHECKSUM_UDP, udp);
}

void net_end(struct net *net) {
    ip_ids_end(net);
    fragments_end(net);
    conns_end(net);
}

void net_free(struct net *net) {
    if (!net)
        return;
    fragments_free(net->fragments);
    conns_free(net->conns);
    checksum_sources_free(net->checksums);
    tunnel_ports_free(net->ports);
    free(net->aside);
    ip_ids_free(net->ids);
    sctp_free(net->sctp);
    free(net->hep_room.bytes);
    free(net);
}
