/* What net calls back becomes messages.
 *
 *     datagram --- first bytes ---> SIP, DNS, DHCP; RTP, STUN and the rest go nowhere
 *         what a capture agent reports, and a message over SCTP, come as datagrams as well
 *     piece ------ per direction -> message_stream.c
 *     icmp error - quoted bytes --> SIP, DNS, as `quoted`
 *
 * Most datagrams are RTP: they are turned away on their first bytes.
 */
#include "phone/message.h"

#include <stdlib.h>

#include "phone/message_deliver.h"
#include "phone/message_stream.h"
#include "sip/sip_text.h"

enum {
    PORT_DNS = 53,
    PORT_DHCP_SERVER = 67,
    PORT_DHCP_CLIENT = 68,
    PORT_NETBIOS_NAME = 137,
    PORT_MDNS = 5353,
    PORT_LLMNR = 5355,
    PROTOCOL_UDP = 17,
};

struct message_reader {
    struct message_handler handler;
    struct message_target target;
    struct net *net;
};

/* ---- datagrams ---- */

static bool either_port(const struct packet *packet, uint16_t port) {
    return packet->src.port == port || packet->dst.port == port;
}

/* Multicast DNS, LLMNR and NetBIOS names have DNS's shape but are no lookups of a resolver. */
static bool is_local_naming(const struct packet *packet) {
    return either_port(packet, PORT_MDNS) || either_port(packet, PORT_LLMNR) ||
           either_port(packet, PORT_NETBIOS_NAME);
}

/* RFC 3261 25.1: a method is a token. */
static bool may_be_sip(uint8_t first) {
    return sip_token_chars[first];
}

/* Off port 53: exactly one question (RTP has a time stamp there, STUN its cookie). */
static bool may_be_dns(struct slice bytes) {
    return bytes.len > DNS_HEADER_LEN && bytes.ptr[4] == 0 && bytes.ptr[5] == 1;
}

void message_recognise(struct message_target *target, struct message *message) {
    struct slice bytes = message->bytes;
    bool cut = message->quoted || (message->notes & MESSAGE_CUT_BY_SNAPLEN);

    /* RFC 3261 7.5: line ends before the start line are ignored. */
    while (bytes.len && (bytes.ptr[0] == '\r' || bytes.ptr[0] == '\n'))
        slice_skip(&bytes, 1);
    /* Whole, its start line is judged where it is read; cut, the front of one is enough. */
    if (bytes.len && may_be_sip(bytes.ptr[0]) && (!cut || sip_recognise(bytes, false))) {
        struct slice whole = message->bytes;
        message->bytes = bytes;
        if (message_deliver_sip(target, message, true, NULL))
            return;
        message->bytes = whole;
    }
    if (message->transport == TRANSPORT_SCTP)
        return;
    bytes = message->bytes;
    bool port_53 = either_port(&message->packet, PORT_DNS);
    if ((port_53 || (may_be_dns(bytes) && !is_local_naming(&message->packet))) &&
        dns_recognise(bytes, port_53))
        message_deliver_dns(target, message);
}

static void on_datagram(void *context, const struct datagram *datagram) {
    struct message_reader *reader = context;
    const struct packet *packet = &datagram->packet;
    struct slice bytes = datagram->bytes;

    if (!bytes.len)
        return;
    if (packet->dst.port == PORT_DHCP_SERVER && packet->src.port == PORT_DHCP_CLIENT &&
        datagram->transport == TRANSPORT_UDP) {
        if (reader->handler.dhcp)
            reader->handler.dhcp(reader->handler.context, datagram);
        return;
    }
    if (!may_be_sip(bytes.ptr[0]) && bytes.ptr[0] != '\r' && bytes.ptr[0] != '\n' &&
        !may_be_dns(bytes) && !either_port(packet, PORT_DNS))
        return;

    struct message message = {
        .packet = *packet,
        .transport = datagram->reported ? message_reported_transport(datagram->transport, bytes)
                                        : datagram->transport,
        .frames = datagram->frames,
        .frame_count = datagram->frame_count,
        .notes = bytes.len < datagram->full_len ? MESSAGE_CUT_BY_SNAPLEN : 0u,
        .bytes = bytes,
        .datagram = datagram,
    };
    message_recognise(&reader->target, &message);
}

/* ---- ICMP ---- */

static void on_icmp(void *context, const struct icmp_error *error) {
    struct message_reader *reader = context;

    if (reader->handler.icmp)
        reader->handler.icmp(reader->handler.context, error);
    if (error->protocol != PROTOCOL_UDP || !error->payload.len)
        return;
    /* The error came back the way on which the quoted packet went out. */
    struct message message = {
        .packet = error->packet,
        .transport = TRANSPORT_UDP,
        .frames = &error->packet.frame_no,
        .frame_count = 1,
        .quoted = true,
        .bytes = error->payload,
    };
    message.packet.src = error->src;
    message.packet.dst = error->dst;
    message.packet.mac_src = error->packet.mac_dst;
    message.packet.mac_dst = error->packet.mac_src;
    message_recognise(&reader->target, &message);
}

/* ---- connections ---- */

static void on_conn(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                    const struct packet *packet) {
    struct message_reader *reader = context;

    if (fact == CONN_CLOSED) {
        message_stream_end(&reader->target, conn, CONN_CLIENT);
        message_stream_end(&reader->target, conn, CONN_SERVER);
    }
    if (reader->handler.conn)
        reader->handler.conn(reader->handler.context, conn, fact, side, packet);
}

static void on_piece(void *context, struct conn *conn, enum conn_side side,
                     const struct stream_piece *piece) {
    struct message_reader *reader = context;

    if (piece->gap_bytes && reader->handler.gap)
        reader->handler.gap(reader->handler.context, conn, side, piece);
    if (!conn->ignore_data)
        message_stream_feed(&reader->target, conn, side, piece);
}

/* ---- the rest is passed on ---- */

static void on_neighbour(void *context, const struct neighbour *neighbour) {
    struct message_reader *reader = context;

    if (reader->handler.neighbour)
        reader->handler.neighbour(reader->handler.context, neighbour);
}

static void on_hole(void *context, const struct packet_hole *hole) {
    struct message_reader *reader = context;

    if (reader->handler.hole)
        reader->handler.hole(reader->handler.context, hole);
}

static void on_reported(void *context, int64_t t_ns) {
    struct message_reader *reader = context;

    if (reader->handler.reported)
        reader->handler.reported(reader->handler.context, t_ns);
}

static void on_note(void *context, enum net_note note, uint32_t frame_no, int64_t value) {
    struct message_reader *reader = context;

    if (reader->handler.note)
        reader->handler.note(reader->handler.context, note, frame_no, value);
}

struct message_reader *message_reader_new(const struct message_handler *handler) {
    struct message_reader *reader = memory_new_zeroed(1, sizeof *reader);
    struct net_handler net_handler = {
        .context = reader,
        .datagram = on_datagram,
        .conn = on_conn,
        .piece = on_piece,
        .icmp = on_icmp,
        .neighbour = on_neighbour,
        .hole = on_hole,
        .reported = on_reported,
        .note = on_note,
    };

    reader->handler = *handler;
    reader->target.handler = &reader->handler;
    reader->net = net_new(&net_handler);
    reader->target.net = reader->net;
    return reader;
}

void message_reader_secrets(struct message_reader *reader, const struct tls_keylog *keylog) {
    reader->target.keylog = keylog;
}

const struct tls_tally *message_reader_tls(const struct message_reader *reader) {
    return &reader->target.tls;
}

void message_reader_feed(struct message_reader *reader, const struct frame *frame) {
    net_feed(reader->net, frame);
}

void message_reader_end(struct message_reader *reader) {
    net_end(reader->net);
    reader->target.tls.holds = tls_keylog_holds(reader->target.keylog);
}

void message_reader_free(struct message_reader *reader) {
    net_free(reader->net);
    ARRAY_FINI(&reader->target.frames);
    free(reader->target.hep_room.bytes);
    free(reader);
}
