/* What the files of this room share: one frame on its way up through the layers. */
#ifndef NET_INNER_H
#define NET_INNER_H

#include "net/net.h"

enum ether_type {
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_IPV6 = 0x86dd,
};

enum ip_protocol {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58,
};

enum nd_type { ND_SOLICITATION = 135, ND_ADVERTISEMENT = 136 };

/* What a link layer found. */
struct link_packet {
    uint16_t type; /* enum ether_type, or another protocol's number */
    struct slice bytes;
    struct mac_addr src, dst;
};

/* What the IP layer hands to a transport. */
struct ip_packet {
    struct packet packet; /* ports 0 until the transport knows them */
    uint8_t protocol;
    struct slice bytes; /* as far as captured */
    size_t full_len;    /* as the header says */
    const uint32_t *frames;
    size_t frame_count;
    const uint8_t *origin; /* packets that are not reassembled: the frame's first byte; else NULL */
};

struct fragments;
struct conns;

struct net {
    struct net_handler handler;
    const struct frame *frame; /* that is being fed */
    uint32_t frame_no;
    int64_t t_ns;
    bool fed;      /* t_ns is set */
    int link_type; /* of the row below */
    const struct link_row *link;
    struct fragments *fragments;
    struct conns *conns;
};

void net_note(struct net *net, enum net_note note, uint32_t frame_no, int64_t value);
/* A header at `at` contradicts itself. */
void net_malformed(struct net *net, const struct ip_packet *ip, const uint8_t *at);

/* link.c: the row for a LINKTYPE_ value, or NULL. */
struct link_row {
    int link_type;
    bool (*open)(struct slice frame, struct link_packet *out);
};
const struct link_row *link_find(int link_type);

/* ip.c */
void ip_feed(struct net *net, const struct link_packet *link);

struct ip_header {
    uint8_t version, protocol;
    struct ip_addr src, dst;
    struct slice rest;    /* after the header and, in IPv6, its extensions */
    size_t rest_full_len; /* as the header says; SIZE_MAX where it does not */
    bool fragment, more;
    uint32_t id;
    size_t offset; /* of the fragment, bytes */
};

enum ip_result { IP_OK, IP_SHORT, IP_BAD };

/* Read an IP header with its extensions, up to the transport or the fragment header. */
enum ip_result ip_header_take(struct slice in, struct ip_header *out);
/* Pass over IPv6 extension headers from *protocol on. */
enum ip_result ip_extensions_take(struct slice *in, uint8_t *protocol, size_t *full_len,
                                  struct ip_header *fragment);

/* fragment.c: the whole packet, when this fragment completes it: true, and *ip is it (its bytes are
 * valid until the next call). */
struct fragments *fragments_new(void);
bool fragments_feed(struct net *net, const struct ip_header *header, struct ip_packet *ip);
void fragments_end(struct net *net);
void fragments_free(struct fragments *fragments);

/* One file each. */
void icmp_feed(struct net *net, const struct ip_packet *ip);
void icmpv6_feed(struct net *net, const struct ip_packet *ip);
void nd_feed(struct net *net, const struct ip_packet *ip);
void arp_feed(struct net *net, const struct link_packet *link);
void tcp_feed(struct net *net, struct ip_packet *ip);

/* conn_table.c and tcp.c */
struct conns *conns_new(void);
void conns_end(struct net *net);
void conns_free(struct conns *conns);

#endif
