/* The way in: a frame goes to its link layer, and from there to IP or ARP. */
#include "net/net.h"

#include <stdlib.h>

#include "net/inner.h"

struct net *net_new(const struct net_handler *handler) {
    struct net *net = memory_new_zeroed(1, sizeof *net);

    net->handler = *handler;
    net->fragments = fragments_new();
    net->conns = conns_new();
    return net;
}

void net_note(struct net *net, enum net_note note, uint32_t frame_no, int64_t value) {
    if (net->handler.note)
        net->handler.note(net->handler.context, note, frame_no, value);
}

void net_malformed(struct net *net, const struct ip_packet *ip, const uint8_t *at) {
    const uint8_t *origin = ip ? ip->origin : net->frame->bytes.ptr;

    net_note(net, NET_MALFORMED, net->frame_no, origin ? at - origin : 0);
}

void net_feed(struct net *net, const struct frame *frame) {
    struct link_packet link = {0};
    bool cut = frame->wire_len > frame->bytes.len;

    net->frame = frame;
    net->frame_no = frame->no;
    if (net->fed && frame->t_ns < net->t_ns)
        net_note(net, NET_CLOCK_BACKWARDS, frame->no, net->t_ns - frame->t_ns);
    net->t_ns = frame->t_ns;
    net->fed = true;
    if (cut)
        net_note(net, NET_CUT, frame->no, frame->wire_len - (int64_t)frame->bytes.len);

    if (!net->link || net->link_type != frame->link_type) {
        net->link = link_find(frame->link_type);
        net->link_type = frame->link_type;
    }
    if (!net->link) {
        net_note(net, NET_LINK_TYPE_UNKNOWN, frame->no, frame->link_type);
        return;
    }
    if (!net->link->open(frame->bytes, &link))
        return; /* not IP: spanning tree, LLDP and others live beside it */
    if (link.type == ETHER_IPV4 || link.type == ETHER_IPV6)
        ip_feed(net, &link);
    else if (link.type == ETHER_ARP)
        arp_feed(net, &link);
}

void net_end(struct net *net) {
    fragments_end(net);
    conns_end(net);
}

void net_free(struct net *net) {
    if (!net)
        return;
    fragments_free(net->fragments);
    conns_free(net->conns);
    free(net);
}
