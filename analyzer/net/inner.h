/* What the files of this room share: one frame on its way up through the layers. */
#ifndef NET_INNER_H
#define NET_INNER_H

#include "net/hep.h"
#include "net/link.h"
#include "net/net.h"

enum ip_protocol {
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_SCTP = 132,
};

enum nd_type { ND_SOLICITATION = 135, ND_ADVERTISEMENT = 136 };

/* What the IP layer hands to a transport. */
struct ip_packet {
    struct packet packet; /* ports 0 until the transport knows them */
    uint8_t protocol;
    struct slice bytes; /* as far as captured */
    size_t full_len;    /* as the header says */
    const uint32_t *frames;
    size_t frame_count;
    struct slice header;   /* IP's, with options or extensions; empty where it came in fragments */
    const uint8_t *origin; /* packets that are not reassembled: the frame's first byte; else NULL */
};

struct fragments;
struct conns;
struct checksum_sources;
struct ip_ids;
struct sctp;

/* The last time stamp of a capturing interface; those of many interfaces share places. */
enum { NET_CLOCKS = 16 };
struct net_clock {
    int64_t t_ns;
    uint32_t interface;
    uint16_t point;
    bool running;
};

struct net {
    struct net_handler handler;
    const struct frame *frame; /* that is being fed */
    uint32_t frame_no;
    int64_t t_ns;
    struct net_clock clocks[NET_CLOCKS];
    int link_type; /* of the row below */
    const struct link_row *link;
    const uint8_t *origin;      /* that positions in notes are counted from; NULL: they are not */
    struct tunnel_ports *ports; /* of UDP tunnels */
    struct link_aside *aside;   /* of the frame */
    struct fragments *fragments;
    struct conns *conns;
    struct checksum_sources *checksums;
    struct ip_ids *ids;
    struct sctp *sctp;
    struct hep_room hep_room;
};

void net_note(struct net *net, enum net_note note, uint32_t frame_no, int64_t value);
/* A header at `at` contradicts itself. */
void net_malformed(struct net *net, const struct ip_packet *ip, const uint8_t *at);

/* ip.c: true: the packet is a tunnel's, and *link what it carries, to be opened in its turn. */
bool ip_feed(struct net *net, struct link_packet *link);

struct ip_header {
    uint8_t version, protocol;
    uint8_t hops; /* TTL or hop limit */
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
/* Does a whole IP header stand there, with a length that fits what there is? */
bool ip_header_fits(struct slice in, size_t missing);
/* Pass over IPv6 extension headers from *protocol on. */
enum ip_result ip_extensions_take(struct slice *in, uint8_t *protocol, size_t *full_len,
                                  struct ip_header *fragment);

/* A bit for each UDP port on which datagrams carry other packets: most are sent away by a glance.
 */
struct tunnel_ports {
    uint64_t bits[(UINT16_MAX + 1) / 64];
};

static inline bool tunnel_has_port(const struct tunnel_ports *ports, uint16_t port) {
    return ports->bits[port / 64] >> port % 64 & 1;
}

/* May a datagram between these ports carry a packet: in a tunnel, or of SCTP? */
static inline bool tunnel_may_be(const struct tunnel_ports *ports, const struct packet *packet) {
    return tunnel_has_port(ports, packet->dst.port) || tunnel_has_port(ports, packet->src.port);
}

/* tunnel.c: does this packet carry others? true: *link is what it carries. A UDP tunnel is opened
 * only where what it carries is IP or ARP. */
struct tunnel_ports *tunnel_ports_new(void);
void tunnel_ports_free(struct tunnel_ports *ports);
bool tunnel_of_protocol(const struct ip_packet *ip, struct link_packet *link);
bool tunnel_of_datagram(const struct datagram *datagram, const struct ip_packet *ip,
                        struct link_packet *link);

/* fragment.c: the whole packet, when this fragment completes it: true, and *ip is it (its bytes are
 * valid until the next frame). */
struct fragments *fragments_new(void);
bool fragments_feed(struct net *net, const struct ip_header *header, struct ip_packet *ip);
void fragments_end(struct net *net);
void fragments_free(struct fragments *fragments);

/* ip_ids.c: the host sent an IPv4 packet with this identification. */
struct ip_ids *ip_ids_new(void);
void ip_ids_feed(struct net *net, const struct ip_addr *host, uint16_t id);
void ip_ids_end(struct net *net);
void ip_ids_free(struct ip_ids *ids);

/* One file each. */
void icmp_feed(struct net *net, const struct ip_packet *ip);
void icmpv6_feed(struct net *net, const struct ip_packet *ip);
void nd_feed(struct net *net, const struct ip_packet *ip);
void arp_feed(struct net *net, const struct link_packet *link);
void tcp_feed(struct net *net, struct ip_packet *ip);

/* hep.c: the datagram is a HEP packet. */
void hep_feed(struct net *net, const struct ip_packet *ip, struct datagram *datagram);

/* sctp.c */
struct sctp *sctp_new(void);
void sctp_feed(struct net *net, struct ip_packet *ip);
void sctp_free(struct sctp *sctp);
enum { SCTP_UDP_PORT = 9899 }; /* RFC 6951 5.1 */
/* Does the datagram carry an SCTP packet (RFC 6951)? Then it is fed. */
bool sctp_over_udp_feed(struct net *net, struct ip_packet *ip, const struct datagram *datagram);

/* conn_table.c and tcp.c */
struct conns *conns_new(void);
void conns_end(struct net *net);
void conns_free(struct conns *conns);

#endif
