/* Frames become datagrams, ordered streams and the network's own messages.
 *
 *   frame -> link type (a table) -> IP, fragments -> UDP: datagram
 *                                                      HEP: the datagram that an agent reports
 *                                                 -> TCP: connections, bytes in order, gaps
 *                                                 -> SCTP: a user message, as a datagram
 *                                                 -> ICMP, ICMPv6: errors with the flow they quote
 *                                -> ARP, ND: who was asked for, and did anybody answer
 *
 * A net is fed frames and calls its handler back. Nothing is kept but open fragments and live
 * connections, both bounded; when a bound is reached the oldest goes, and a note says so.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/address.h"
#include "base/memory.h"
#include "base/slice.h"
#include "capture/capture.h"

struct net;

/* Where and when something was on the wire. */
struct packet {
    uint32_t frame_no; /* the frame that completed it */
    int64_t t_ns;
    struct endpoint src, dst;
    struct mac_addr mac_src, mac_dst; /* known: false where the link layer has none */
    bool cut;                         /* its end lies beyond the snapshot length */
    bool has_ip_id;
    uint16_t ip_id; /* IPv4 identification (RFC 6864) */
    uint16_t point; /* which capture point saw it (struct frame) */
    uint8_t hops;   /* TTL or hop limit: what is left of it */
};

struct datagram {
    struct packet packet;
    const uint32_t *frames; /* all that carried it: several where it came in fragments */
    size_t frame_count;
    struct slice bytes; /* the payload, as far as it was captured */
    size_t full_len;    /* as the header says */
    /* UDP; SCTP: a user message; others: `reported`, a message out of a stream that was not seen */
    enum transport transport;
    bool reported; /* by a capture agent (HEP): addresses, transport and time are what it says */
    uint16_t checksum;      /* of UDP, as its header has it; 0: none */
    struct slice ip_header; /* as captured; empty where it came in fragments, or is not known */
};

/* One TCP connection, or what the capture shows of it. `client` is the side that sent the SYN (or,
 * met in the middle, the first packet's source). Valid until its CONN_CLOSED has been delivered. */
struct conn {
    struct endpoint client, server;
    struct mac_addr mac_client, mac_server;
    bool from_start;  /* its SYN was seen */
    bool established; /* SYN+ACK seen, or data in a connection met in the middle */
    uint64_t id;      /* 1, 2, 3 … in the order of first sight */
    uint32_t isn;     /* from_start: the sequence number of its SYN */
    uint32_t packets; /* so far, copies with them */
    bool heard;       /* a packet of the server was seen */
    bool carried;     /* bytes of either side were seen */
    /* By side: how long its stream is, as far as the capture shows; and how much of that the
     * capture lacks, which is not looked for where ignore_data is set. */
    uint64_t bytes[2], missing[2];
    bool ignore_data; /* set by the handler: its bytes are of no interest; facts still come */
    void *user[2];    /* the handler's, per direction: [0] client's bytes, [1] server's */
    uint32_t noted;   /* the handler's: what it keeps of the connection; 0 at first */
};

enum conn_side { CONN_CLIENT, CONN_SERVER };

enum conn_fact {
    CONN_SYN,      /* by the client: the first, and each repetition */
    CONN_ACCEPTED, /* SYN+ACK */
    CONN_REFUSED,  /* RST in answer to a SYN */
    CONN_RESET,    /* RST later; side: who sent it */
    CONN_FIN,      /* side: who closed */
    CONN_REPEATED, /* a segment with data was sent again (TCP retransmission) */
    CONN_COPY,     /* a packet that the capture holds once more; no other fact comes of it */
    CONN_CLOSED,   /* the last call: closed on both sides, replaced by a new SYN, aged or end */
};

/* In-order bytes of one direction. Bytes that arrived out of order come when the hole before them
 * is filled; each piece names the frame that carried it, `packet` the frame that made it available.
 */
struct stream_piece {
    struct packet packet; /* src, dst: of this direction */
    uint32_t frame_no;    /* the frame that carried these bytes */
    int64_t t_ns;         /* when that frame was captured */
    struct slice bytes;   /* may be empty where only a gap is reported */
    uint64_t gap_bytes;   /* this many bytes before it are missing from the capture; 0: none */
    int64_t before_ns;    /* when the bytes before these, or the gap, were captured; 0: none */
};

/* An ICMP or ICMPv6 error, tied to the flow that it quotes. */
struct icmp_error {
    struct packet packet; /* of the error itself; ports 0 */
    bool v6;
    uint8_t type, code;
    bool unreachable;         /* type 3 (but for code 4: too big, RFC 1191) or ICMPv6 type 1 */
    uint8_t protocol;         /* quoted: IPPROTO_UDP, IPPROTO_TCP … */
    struct endpoint src, dst; /* quoted: the packet that could not be delivered */
    struct slice payload;     /* quoted bytes after the UDP header (UDP only), as far as quoted */
};

/* ARP request or neighbour solicitation (asks), reply or advertisement (answers). */
struct neighbour {
    struct packet packet; /* ports 0; src.ip: the sender's protocol address */
    bool answer;
    struct ip_addr target; /* whom it is about */
    struct mac_addr mac;   /* answer: the target's */
};

enum packet_hole_kind {
    HOLE_COUNTED,   /* packets that a host sent, as its IPv4 identifications tell */
    HOLE_DAMAGED,   /* a packet for the host that it may not have received: its checksum is wrong */
    HOLE_FRAGMENTS, /* an IP packet from the host to its peer of which fragments are missing */
    HOLE_REPORTED,  /* packets of any host, in what a capture agent reports; no host */
};

/* Packets that the capture lacks. */
struct packet_hole {
    enum packet_hole_kind kind;
    struct ip_addr host;
    struct ip_addr peer; /* HOLE_FRAGMENTS */
    unsigned missing;
    int64_t from_ns, to_ns; /* between these packets of the host */
    uint32_t frame_no;      /* the first behind the hole */
};

enum net_note {
    NET_CUT,               /* packet cut by the snapshot length */
    NET_LINK_TYPE_UNKNOWN, /* link type that is not in the table; value: the link type */
    NET_MALFORMED,         /* a header that contradicts itself */
    NET_TCP_GAP,
    NET_CLOCK_BACKWARDS,   /* time stamp before that of the last frame of its interface */
    NET_LIMIT_FRAGMENTS,   /* the oldest open datagram was given up for room */
    NET_LIMIT_CONNECTIONS, /* the oldest connection was given up for room */
    NET_LIMIT_STREAMS,     /* bytes that waited for a hole to be filled did not get it */
    NET_LIMIT_SCTP,        /* the oldest fragments of SCTP messages were given up for room */
    NET_LIMIT_MESSAGE,   /* a message on a stream, larger than any is taken for, was passed over */
    NET_LIMIT_MESSAGES,  /* a message that was begun on a stream was given up for room */
    NET_LIMIT_WEBSOCKET, /* a compressed WebSocket message was passed over for room */
    NET_FRAGMENT_LOST,   /* fragments of a datagram that never became whole */
    NET_LIMIT_TUNNELS,   /* tunnels in tunnels, deeper than is followed */
    NET_HIDDEN,          /* frame that is encrypted at the link layer (802.11, MACsec) */
    NET_COPY,            /* a fragment that the capture holds once more */
    NET_BAD_CHECKSUM, /* a packet that nobody received; of UDP, only what net_receives is asked */
    NET_NOTE_COUNT,
};

/* Any of them may be NULL. */
struct net_handler {
    void *context;
    void (*datagram)(void *context, const struct datagram *datagram);
    void (*conn)(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                 const struct packet *packet);
    void (*piece)(void *context, struct conn *conn, enum conn_side side,
                  const struct stream_piece *piece);
    void (*icmp)(void *context, const struct icmp_error *error);
    void (*neighbour)(void *context, const struct neighbour *neighbour);
    void (*hole)(void *context, const struct packet_hole *hole);
    /* What the frame carries was on the wire at this time, as a capture agent says whose clock it
     * is; comes before the datagram. */
    void (*reported)(void *context, int64_t t_ns);
    void (*note)(void *context, enum net_note note, uint32_t frame_no, int64_t value);
};

struct net *net_new(const struct net_handler *handler);
void net_feed(struct net *net, const struct frame *frame);
/* Was the datagram received, by its checksums (net/checksum.h)? *sum gets the sum of its bytes, by
 * which equal ones may be known. To be asked of each datagram that matters, once. */
bool net_receives(struct net *net, const struct datagram *datagram, uint64_t *sum);
/* The capture is over: what is still buffered is delivered (holes as gaps), connections are closed.
 */
void net_end(struct net *net);
void net_free(struct net *net);

#endif
