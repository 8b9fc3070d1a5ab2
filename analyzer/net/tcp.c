/* TCP segments (RFC 9293 3.1) tell of connections.
 *
 *   | source port   | destination |        SYN          SYN+ACK, or anything that shows it
 *   | sequence number             |   none ───▶ half ──────────────────────────▶ open
 *   | acknowledged number         |    │         │ RST: refused, stays half       │ FIN both ways,
 *   | offset, flags | window      |    │         ▼ (some repeat the SYN)          ▼ RST
 *   | checksum      | urgent      |    │ other  dead ◀────────────────────────────┘
 *                                      └───────────────────────────▶ open, met in the middle
 *
 * A SYN with another sequence number is another connection. What is dead is kept for a while, to
 * know late and doubled packets for what they are.
 */
#include "base/instant.h"
#include "net/checksum.h"
#include "net/conn_table.h"

enum {
    HEADER_MIN = 20,
    CHECKSUM_AT = 16,
    ON_WIRE_MAX = 1500, /* what is longer was put together, or is to be split, by a network card */
    WINDOW_MAX = 1 << 20, /* an acknowledgement this near may be of this connection */
    FAR = 1 << 24,        /* bytes this far away are of another one on the same ports */
};

#define DEAD_MAX_NS (60LL * NS_PER_S)

/* An answer may be captured before its question by so much (several queues, mirror ports). */
#define OVERTAKEN_NS (10LL * NS_PER_S / 1000)

enum flag { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

struct tcp_segment {
    uint32_t seq, ack;
    uint8_t flags;
    struct slice bytes;
    uint32_t missing; /* cut by the snapshot length */
    const struct packet *packet;
};

static void tell(struct net *net, struct tcp_conn *c, enum conn_fact fact, enum conn_side side,
                 const struct packet *packet) {
    if (net->handler.conn)
        net->handler.conn(net->handler.context, &c->conn, fact, side, packet);
}

void tcp_finish(struct net *net, struct tcp_conn *c, const struct packet *packet) {
    stream_end(net, c, CONN_CLIENT);
    stream_end(net, c, CONN_SERVER);
    tell(net, c, CONN_CLOSED, CONN_CLIENT, packet);
    conns_touch(net, c, STATE_DEAD);
}

static bool is_near(uint32_t seq, uint32_t base) {
    int32_t distance = seq_distance(seq, base);
    return distance >= 0 && distance <= WINDOW_MAX;
}

static void set_start(struct stream *stream, uint32_t isn) {
    stream->syn_known = stream->known = true;
    stream->isn = isn;
    stream->next = isn + 1;
}

/* The connection is over and another one takes its ports. */
static void replace(struct net *net, struct tcp_conn *c, const struct packet *packet) {
    if (c->state != STATE_DEAD)
        tcp_finish(net, c, packet);
    conns_remove(net->conns, c);
}

static void accept_conn(struct net *net, struct tcp_conn *c, const struct packet *packet) {
    c->conn.established = true;
    conns_touch(net, c, STATE_OPEN);
    tell(net, c, CONN_ACCEPTED, CONN_SERVER, packet);
}

/* Is this SYN the one that began the connection, or a repetition of it? */
static bool is_own_syn(const struct tcp_conn *c, enum conn_side side, uint32_t seq) {
    const struct stream *stream = &c->streams[CONN_CLIENT];

    if (c->state == STATE_DEAD || side != CONN_CLIENT)
        return false;
    if (stream->syn_known)
        return stream->isn == seq;
    /* Its answer was captured before it. */
    return stream->known && stream->next == seq + 1;
}

static void keep_reset(struct net *net, const struct tcp_segment *in) {
    struct conns *conns = net->conns;

    if (in->flags & FLAG_ACK)
        conns->resets[conns->next_reset++ % LONE_RESETS] =
            (struct lone_reset){*in->packet, in->ack};
}

/* Was the answer to this first SYN captured before it? */
static void find_reset(struct net *net, struct tcp_conn *c, const struct tcp_segment *in) {
    for (size_t i = 0; i < LONE_RESETS; i++) {
        struct lone_reset *reset = &net->conns->resets[i];
        int64_t after_ns = in->packet->t_ns - reset->packet.t_ns;
        if (!reset->packet.frame_no || reset->ack != in->seq + 1 || after_ns > OVERTAKEN_NS ||
            after_ns < -OVERTAKEN_NS || !endpoint_eq(&reset->packet.src, &c->conn.server) ||
            !endpoint_eq(&reset->packet.dst, &c->conn.client))
            continue;
        tell(net, c, CONN_REFUSED, CONN_SERVER, &reset->packet);
        reset->packet.frame_no = 0;
        return;
    }
}

static struct tcp_conn *feed_syn(struct net *net, struct tcp_conn *c, enum conn_side *side,
                                 const struct tcp_segment *in) {
    if (c && !is_own_syn(c, *side, in->seq)) {
        replace(net, c, in->packet);
        c = NULL;
    }
    bool first = !c;
    if (first)
        c = conns_add(net, in->packet, false, STATE_HALF);
    *side = CONN_CLIENT;
    if (!c->streams[CONN_CLIENT].syn_known) {
        c->conn.from_start = true;
        c->conn.isn = in->seq;
        set_start(&c->streams[CONN_CLIENT], in->seq);
    }
    tell(net, c, CONN_SYN, CONN_CLIENT, in->packet);
    if (first)
        find_reset(net, c, in);
    return c;
}

/* NULL: the segment is of no connection that we know. */
static struct tcp_conn *feed_syn_ack(struct net *net, struct tcp_conn *c, enum conn_side *side,
                                     const struct tcp_segment *in) {
    if (c && c->state == STATE_HALF) {
        if (*side != CONN_SERVER || !is_near(in->ack, c->streams[CONN_CLIENT].isn + 1))
            return NULL; /* an answer to something older (RFC 9293 3.5.1) */
        set_start(&c->streams[CONN_SERVER], in->seq);
        accept_conn(net, c, in->packet);
        return c;
    }
    if (c && *side == CONN_SERVER) {
        struct stream *stream = &c->streams[CONN_SERVER];
        if (stream->syn_known ? stream->isn == in->seq : stream->next == in->seq + 1)
            return c->state == STATE_DEAD ? NULL : c; /* again, or late */
        /* The acceptance was told of before: by what followed it. */
        if (!stream->known && c->state == STATE_OPEN) {
            set_start(stream, in->seq);
            return c;
        }
    }
    if (c)
        replace(net, c, in->packet);
    c = conns_add(net, in->packet, true, STATE_OPEN);
    *side = CONN_SERVER;
    set_start(&c->streams[CONN_SERVER], in->seq);
    c->streams[CONN_CLIENT].known = true;
    c->streams[CONN_CLIENT].next = in->ack;
    accept_conn(net, c, in->packet);
    return c;
}

static void feed_reset(struct net *net, struct tcp_conn *c, enum conn_side side,
                       const struct tcp_segment *in) {
    if (!c || c->state == STATE_DEAD)
        keep_reset(net, in);
    if (!c) {
        c = conns_add(net, in->packet, false, STATE_OPEN);
        side = CONN_CLIENT;
    }
    if (c->state == STATE_DEAD)
        return;
    if (c->state == STATE_HALF) {
        uint32_t isn = c->streams[CONN_CLIENT].isn;
        if (side == CONN_SERVER) {
            if (!(in->flags & FLAG_ACK) || is_near(in->ack, isn + 1))
                tell(net, c, CONN_REFUSED, CONN_SERVER, in->packet);
            return;
        }
        if (!is_near(in->seq, isn))
            return; /* it resets something older (RFC 5961 section 4) */
    }
    stream_end(net, c, CONN_CLIENT);
    stream_end(net, c, CONN_SERVER);
    tell(net, c, CONN_RESET, side, in->packet);
    tcp_finish(net, c, in->packet);
}

/* Anything without SYN and RST: the connection that it is of, open; or NULL. */
static struct tcp_conn *feed_other(struct net *net, struct tcp_conn *c, enum conn_side *side,
                                   const struct tcp_segment *in) {
    if (c && c->state == STATE_DEAD) {
        const struct stream *stream = &c->streams[*side];
        int32_t distance = stream->known ? seq_distance(in->seq, stream->next) : 0;
        if (distance < FAR && distance > -FAR && net->t_ns - c->t_ns <= DEAD_MAX_NS)
            return NULL;
        replace(net, c, in->packet);
        c = NULL;
    }
    if (!c) {
        c = conns_add(net, in->packet, false, STATE_OPEN);
        c->conn.established = true;
        *side = CONN_CLIENT;
    }
    if (c->state == STATE_HALF) {
        uint32_t after_syn = c->streams[CONN_CLIENT].isn + 1;
        bool fits =
            *side == CONN_CLIENT ? is_near(in->seq, after_syn) : is_near(in->ack, after_syn);
        if (!(in->flags & FLAG_ACK) || !fits)
            return NULL;                 /* a challenge to an older connection */
        accept_conn(net, c, in->packet); /* the SYN+ACK is not in the capture */
    }
    return c;
}

/* Acknowledgement, bytes and FIN of an open connection (or bytes that came with a SYN). */
static void feed_stream(struct net *net, struct tcp_conn *c, enum conn_side side,
                        const struct tcp_segment *in) {
    struct stream *stream = &c->streams[side], *back = &c->streams[!side];
    uint32_t seq = in->flags & FLAG_SYN ? in->seq + 1 : in->seq;
    uint32_t len = (uint32_t)in->bytes.len + in->missing;

    c->conn.heard |= side == CONN_SERVER;
    c->conn.carried |= len != 0;
    if (!stream->known) {
        /* Met in the middle: a lone byte is a keep-alive, not the beginning of anything. */
        stream->known = true;
        stream->next = len == 1 ? seq + 1 : seq;
    }
    if (len && stream_feed(net, c, side, seq, in->bytes, in->missing, in->packet))
        tell(net, c, CONN_REPEATED, side, in->packet);
    if (in->flags & FLAG_ACK) {
        if (!back->known) {
            back->known = true;
            back->next = in->ack;
        }
        stream_acked(net, c, (enum conn_side) !side, in->ack);
    }
    if (in->flags & FLAG_FIN && !stream->fin) {
        stream->fin = true;
        stream->fin_seq = seq + len;
        tell(net, c, CONN_FIN, side, in->packet);
    }
}

/* Both sides have closed, and all that they sent was delivered or acknowledged. */
static bool is_done(const struct tcp_conn *c) {
    for (int side = 0; side < 2; side++) {
        const struct stream *stream = &c->streams[side];
        if (!stream->fin)
            return false;
        if (stream->next != stream->fin_seq && !c->conn.ignore_data &&
            !(stream->acked_known && seq_distance(stream->acked, stream->fin_seq) > 0))
            return false;
    }
    return true;
}

/* The header; false: there is nothing to be done with it. */
static bool take_header(struct net *net, struct ip_packet *ip, struct tcp_segment *out) {
    struct slice in = ip->bytes;
    uint8_t offset = 0;
    size_t header_len = 0;

    if (slice_take_u16be(&in, &ip->packet.src.port) &&
        slice_take_u16be(&in, &ip->packet.dst.port) && slice_take_u32be(&in, &out->seq) &&
        slice_take_u32be(&in, &out->ack) && slice_take_u8(&in, &offset) &&
        slice_take_u8(&in, &out->flags)) {
        header_len = (size_t)(offset >> 4) * 4;
        if (header_len >= HEADER_MIN && header_len <= ip->full_len) {
            out->bytes = slice_between(ip->bytes, header_len, ip->bytes.len);
            out->missing = (uint32_t)(ip->full_len - header_len - out->bytes.len);
            out->packet = &ip->packet;
            return true;
        }
    } else if (ip->packet.cut) {
        return false;
    }
    net_malformed(net, ip, ip->bytes.ptr);
    return false;
}

/* Did whom it is for get this segment? */
static bool was_received(struct net *net, const struct ip_packet *ip) {
    enum checksum header = checksum_ip(ip->header), own = CHECKSUM_UNKNOWN;

    if (!ip->packet.cut && ip->bytes.len == ip->full_len && ip->full_len <= ON_WIRE_MAX) {
        const uint8_t *field = ip->bytes.ptr + CHECKSUM_AT;
        own = checksum_transport(&ip->packet, PROTOCOL_TCP, checksum_sum(ip->bytes), 0,
                                 ip->full_len, (uint16_t)(field[0] << 8 | field[1]));
    }
    return checksum_holds(net, &ip->packet, header, CHECKSUM_TCP, own);
}

static struct seen_segment look_of(const struct tcp_segment *in, enum conn_side side) {
    return (struct seen_segment){
        .t_ns = in->packet->t_ns,
        .seq = in->seq,
        .ack = in->ack,
        .len = (uint32_t)in->bytes.len + in->missing,
        .frame_no = in->packet->frame_no,
        .ip_id = in->packet->ip_id,
        .point = in->packet->point,
        .flags = in->flags,
        .from_server = side == CONN_SERVER,
    };
}

/* What brings something new is none. A reset, or an acknowledgement, may be sent twice at once:
 * only an identification tells. */
static bool is_copy(const struct tcp_conn *c, enum conn_side side, const struct tcp_segment *in) {
    const struct stream *stream = &c->streams[side], *back = &c->streams[!side];
    bool data = in->bytes.len + in->missing != 0;

    if (!(in->flags & (FLAG_SYN | FLAG_FIN))) {
        if (data && seq_distance(in->seq, stream->next) >= 0 && !stream->first)
            return false;
        if (!data && !in->packet->ip_id)
            return false;
        if (!data && !(in->flags & FLAG_RST) && (!back->acked_known || back->acked != in->ack))
            return false;
    }
    struct seen_segment look = look_of(in, side);
    return seen_segments_hold(&c->seen, &look);
}

/* A side's link address: by its own packets, and of those by what is nearest to it, where a router
 * is between two sightings. */
static void note_mac(struct tcp_conn *c, enum conn_side side, const struct packet *packet) {
    if (packet->hops <= c->mac_hops[side] || !packet->mac_src.known)
        return;
    *(side == CONN_CLIENT ? &c->conn.mac_client : &c->conn.mac_server) = packet->mac_src;
    c->mac_hops[side] = packet->hops;
}

static void note_look(struct tcp_conn *c, enum conn_side side, const struct tcp_segment *in) {
    struct seen_segment look = look_of(in, side);

    note_mac(c, side, in->packet);
    c->conn.packets++;
    if (!c->conn.ignore_data)
        seen_segments_add(&c->seen, &look);
}

void tcp_feed(struct net *net, struct ip_packet *ip) {
    struct tcp_segment in = {0};
    enum conn_side side = CONN_CLIENT;

    if (!take_header(net, ip, &in))
        return;
    struct tcp_conn *c = conns_find(net->conns, &ip->packet, &side);
    bool ours = !c || !c->conn.ignore_data;
    if (ours && c && is_copy(c, side, &in)) {
        note_mac(c, side, in.packet);
        c->conn.packets++;
        tell(net, c, CONN_COPY, side, in.packet);
        return;
    }
    if (ours && !was_received(net, ip))
        return;
    if (c)
        note_look(c, side, &in);
    uint64_t id = c ? c->conn.id : 0;
    if (in.flags & FLAG_RST) {
        feed_reset(net, c, side, &in);
        return;
    }
    if (!(in.flags & FLAG_SYN))
        c = feed_other(net, c, &side, &in);
    else if (in.flags & FLAG_ACK)
        c = feed_syn_ack(net, c, &side, &in);
    else
        c = feed_syn(net, c, &side, &in);
    if (!c)
        return;
    if (c->conn.id != id)
        note_look(c, side, &in);
    feed_stream(net, c, side, &in);
    if (is_done(c))
        tcp_finish(net, c, in.packet);
    else
        conns_touch(net, c, c->state);
}
