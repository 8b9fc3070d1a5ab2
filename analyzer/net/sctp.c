/* SCTP (RFC 9260): the user messages of DATA and I-DATA chunks (RFC 8260), each as one datagram, as
 * SIP sends its messages (RFC 4168).
 *
 *   | source port | destination port | verification tag | checksum | chunk | chunk | …
 *   chunk   | type | flags | length | value | padding to 4 |
 *   DATA    | TSN | stream | SSN | payload protocol | user data |
 *   I-DATA  | TSN | stream | reserved | MID | payload protocol, or FSN where not B | user data |
 *
 * A message comes whole (flags B and E), or in fragments: those of DATA have TSNs one after the
 * other, those of I-DATA numbers of their own, the FSN, in a message with a MID. A flow is one
 * direction of an association: addresses, ports and tag. A chunk that is sent again has its TSN
 * again and is passed over.
 *
 * What an association does besides (INIT, ABORT, HEARTBEAT …) is not looked at, nor is the order of
 * messages in a stream: each is told when it is whole.
 */
#include <stdlib.h>

#include "base/instant.h"
#include "base/intern.h"
#include "net/inner.h"

enum {
    HEADER_LEN = 12,
    CHUNK_HEADER_LEN = 4,
    CHUNK_DATA = 0,
    CHUNK_I_DATA = 64,
    DATA_LEN = 12,   /* in front of the user data */
    I_DATA_LEN = 16, /* the same */
    FLAG_END = 1,
    FLAG_BEGIN = 2,
    FLAG_UNORDERED = 4,

    BUCKETS = 1024,
    FLOWS_MAX = 4096,
    WINDOW = 256,                 /* TSNs below the highest that are remembered one by one */
    PARTS_MAX = 1024,             /* fragments waiting in one flow: 1 MiB of 1 KiB */
    BYTES_MAX = 32 * 1024 * 1024, /* of all of them */
    MESSAGE_MAX = 1024 * 1024 + 64 * 1024,
};

/* A fragment whose message was not completed by then is given up. */
#define AGE_MAX_NS (30LL * NS_PER_S)

/* One DATA or I-DATA chunk. */
struct data {
    uint8_t flags;
    uint32_t tsn;
    uint64_t message; /* I-DATA: stream, order and MID; 0 for DATA */
    uint32_t at;      /* place among the fragments: FSN, or TSN */
    struct slice bytes;
    bool cut; /* its end was not captured */
};

struct part {
    struct data data;
    uint8_t *copy; /* what data.bytes points to */
    uint32_t frame_no;
    int64_t t_ns;
};

struct flow_key {
    struct ip_addr src, dst;
    uint16_t src_port, dst_port;
    uint32_t tag;
};

struct flow {
    struct flow_key key;
    struct flow *chain;          /* same bucket */
    struct flow *older, *newer;  /* by last packet */
    bool met;                    /* top is set */
    uint32_t top;                /* highest TSN so far */
    uint64_t seen[WINDOW / 64];  /* ring by TSN: those of (top - WINDOW, top] */
    ARRAY_OF(struct part) parts; /* by message, then place */
};

struct sctp {
    struct flow *buckets[BUCKETS];
    struct flow *oldest, *newest;
    size_t n, bytes;
    uint8_t *message; /* the one delivered last */
    size_t message_cap;
    ARRAY_OF(uint32_t) frames; /* of it */
};

struct sctp *sctp_new(void) {
    return memory_new_zeroed(1, sizeof(struct sctp));
}

/* ---- flows ---- */

static struct flow **bucket_of(struct sctp *all, const struct flow_key *key) {
    uint64_t hash = hash_bytes(key->src.bytes, key->src.len, key->tag);

    return &all->buckets[hash_bytes(key->dst.bytes, key->dst.len, hash) % BUCKETS];
}

static bool key_eq(const struct flow_key *a, const struct flow_key *b) {
    return a->tag == b->tag && a->src_port == b->src_port && a->dst_port == b->dst_port &&
           ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst);
}

static void drop_parts(struct sctp *all, struct flow *flow, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        all->bytes -= flow->parts.items[i].data.bytes.len;
        free(flow->parts.items[i].copy);
    }
    if (to < flow->parts.n)
        memmove(&flow->parts.items[from], &flow->parts.items[to],
                (flow->parts.n - to) * sizeof *flow->parts.items);
    flow->parts.n -= to - from;
}

static void unlink_age(struct sctp *all, struct flow *flow) {
    *(flow->older ? &flow->older->newer : &all->oldest) = flow->newer;
    *(flow->newer ? &flow->newer->older : &all->newest) = flow->older;
}

static void link_newest(struct sctp *all, struct flow *flow) {
    flow->newer = NULL;
    flow->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = flow;
    all->newest = flow;
}

static void drop_flow(struct sctp *all, struct flow *flow) {
    struct flow **at = bucket_of(all, &flow->key);

    while (*at != flow)
        at = &(*at)->chain;
    *at = flow->chain;
    unlink_age(all, flow);
    drop_parts(all, flow, 0, flow->parts.n);
    ARRAY_FINI(&flow->parts);
    free(flow);
    all->n--;
}

static struct flow *find_flow(struct net *net, const struct flow_key *key) {
    struct sctp *all = net->sctp;
    struct flow **bucket = bucket_of(all, key), *flow = *bucket;

    while (flow && !key_eq(&flow->key, key))
        flow = flow->chain;
    if (flow) {
        unlink_age(all, flow);
        link_newest(all, flow);
        return flow;
    }
    if (all->n == FLOWS_MAX) {
        if (all->oldest->parts.n)
            net_note(net, NET_LIMIT_SCTP, net->frame_no, 1);
        drop_flow(all, all->oldest);
    }
    bucket = bucket_of(all, key);
    flow = memory_new_zeroed(1, sizeof *flow);
    flow->key = *key;
    flow->chain = *bucket;
    *bucket = flow;
    link_newest(all, flow);
    all->n++;
    return flow;
}

/* ---- TSNs ---- */

/* Was this TSN seen before? If not, it is now. What lies farther back than the window counts as
 * seen; a jump by more than half of all numbers cannot be told from a step back. */
static bool is_repeated(struct flow *flow, uint32_t tsn) {
    int32_t ahead = (int32_t)(tsn - flow->top);

    if (!flow->met || ahead > 0) {
        uint32_t clear = !flow->met || ahead > WINDOW ? WINDOW : (uint32_t)ahead;
        for (uint32_t i = 0; i < clear; i++) {
            uint32_t at = (tsn - i) % WINDOW;
            flow->seen[at / 64] &= ~(UINT64_C(1) << at % 64);
        }
        flow->met = true;
        flow->top = tsn;
    } else if (ahead <= -WINDOW) {
        return true;
    }
    uint64_t bit = UINT64_C(1) << tsn % WINDOW % 64, *word = &flow->seen[tsn % WINDOW / 64];
    bool repeated = *word & bit;
    *word |= bit;
    return repeated;
}

/* ---- fragments ---- */

static int part_order(const struct data *a, const struct data *b) {
    if (a->message != b->message)
        return a->message < b->message ? -1 : 1;
    int32_t step = (int32_t)(a->at - b->at);
    return step < 0 ? -1 : step > 0;
}

/* Those that wait in vain, or for which there is no room, go. */
static void make_room(struct net *net, struct flow *flow, size_t len) {
    struct sctp *all = net->sctp;

    for (size_t i = flow->parts.n; i-- > 0;)
        if (net->t_ns - flow->parts.items[i].t_ns > AGE_MAX_NS)
            drop_parts(all, flow, i, i + 1);
    if (flow->parts.n == PARTS_MAX) {
        net_note(net, NET_LIMIT_SCTP, net->frame_no, 1);
        drop_parts(all, flow, 0, flow->parts.n);
    }
    while (all->bytes + len > BYTES_MAX && all->oldest != flow) {
        if (all->oldest->parts.n)
            net_note(net, NET_LIMIT_SCTP, net->frame_no, 1);
        drop_flow(all, all->oldest);
    }
    if (all->bytes + len > BYTES_MAX) {
        net_note(net, NET_LIMIT_SCTP, net->frame_no, 1);
        drop_parts(all, flow, 0, flow->parts.n);
    }
}

/* Where it stands now. */
static size_t keep_part(struct net *net, struct flow *flow, const struct data *data) {
    make_room(net, flow, data->bytes.len);
    size_t at = flow->parts.n;
    ARRAY_PUSH(&flow->parts);
    struct part *items = flow->parts.items;
    for (; at && part_order(&items[at - 1].data, data) > 0; at--)
        items[at] = items[at - 1];
    uint8_t *copy = memory_new(data->bytes.len);
    memcpy(copy, data->bytes.ptr, data->bytes.len);
    items[at] = (struct part){*data, copy, net->frame_no, net->t_ns};
    items[at].data.bytes.ptr = copy;
    net->sctp->bytes += data->bytes.len;
    return at;
}

static bool follows(const struct data *before, const struct data *data) {
    return before->message == data->message && data->at == before->at + 1 &&
           !(before->flags & FLAG_END) && !(data->flags & FLAG_BEGIN);
}

/* ---- messages ---- */

/* bytes; how many of `full_len` it would have been; in which frames it came. */
static void deliver(struct net *net, const struct ip_packet *ip, struct slice bytes,
                    size_t full_len, const uint32_t *frames, size_t frame_count) {
    struct datagram datagram = {
        .packet = ip->packet,
        .frames = frames,
        .frame_count = frame_count,
        .bytes = bytes,
        .full_len = full_len,
        .transport = TRANSPORT_SCTP,
    };

    datagram.packet.cut = bytes.len < full_len;
    if (net->handler.datagram)
        net->handler.datagram(net->handler.context, &datagram);
}

static void add_frame(struct sctp *all, uint32_t no) {
    size_t at = all->frames.n;

    for (size_t i = 0; i < all->frames.n; i++)
        if (all->frames.items[i] == no)
            return;
    ARRAY_PUSH(&all->frames);
    for (; at && all->frames.items[at - 1] > no; at--)
        all->frames.items[at] = all->frames.items[at - 1];
    all->frames.items[at] = no;
}

/* The fragments [from, to) are a message, or, of a cut one, its front. */
static void deliver_parts(struct net *net, const struct ip_packet *ip, struct flow *flow,
                          size_t from, size_t to) {
    struct sctp *all = net->sctp;
    size_t len = 0, at = 0;
    bool cut = false;

    for (size_t i = from; i < to; i++)
        len += flow->parts.items[i].data.bytes.len;
    if (len > all->message_cap) {
        all->message = memory_resize(all->message, len, 1);
        all->message_cap = len;
    }
    all->frames.n = 0;
    for (size_t i = from; i < to; i++) {
        const struct part *part = &flow->parts.items[i];
        memcpy(all->message + at, part->data.bytes.ptr, part->data.bytes.len);
        at += part->data.bytes.len;
        cut = cut || part->data.cut;
        add_frame(all, part->frame_no);
    }
    if (ip->frame_count > 1) /* the last fragment came in a fragmented packet */
        for (size_t i = 0; i < ip->frame_count; i++)
            add_frame(all, ip->frames[i]);
    drop_parts(all, flow, from, to);
    deliver(net, ip, slice_of(all->message, len), len + cut, all->frames.items, all->frames.n);
}

static void data_feed(struct net *net, const struct ip_packet *ip, struct flow *flow,
                      const struct data *data) {
    size_t from, to, len = 0;

    if (is_repeated(flow, data->tsn) || !data->bytes.len)
        return;
    if (data->flags & FLAG_BEGIN && (data->flags & FLAG_END || data->cut)) {
        deliver(net, ip, data->bytes, data->bytes.len + data->cut, ip->frames, ip->frame_count);
        return;
    }
    from = keep_part(net, flow, data);
    to = from + 1;
    const struct part *parts = flow->parts.items;
    while (from && follows(&parts[from - 1].data, &parts[from].data))
        from--;
    while (to < flow->parts.n && !parts[to - 1].data.cut &&
           follows(&parts[to - 1].data, &parts[to].data))
        to++;
    for (size_t i = from; i < to; i++)
        len += parts[i].data.bytes.len;
    const struct data *last = &parts[to - 1].data;
    if (len > MESSAGE_MAX)
        drop_parts(net->sctp, flow, from, to); /* no message of SIP */
    else if (parts[from].data.flags & FLAG_BEGIN && (last->flags & FLAG_END || last->cut))
        deliver_parts(net, ip, flow, from, to);
}

/* Read a DATA or I-DATA chunk's value; false: it ends before its user data. */
static bool data_take(uint8_t type, struct slice in, struct data *data) {
    uint16_t stream, ignored;
    uint32_t mid, number;

    if (in.len < (type == CHUNK_DATA ? DATA_LEN : I_DATA_LEN))
        return false;
    slice_take_u32be(&in, &data->tsn);
    slice_take_u16be(&in, &stream);
    slice_take_u16be(&in, &ignored);
    data->at = data->tsn;
    if (type == CHUNK_I_DATA) {
        slice_take_u32be(&in, &mid);
        data->message = UINT64_C(1) << 63 | (uint64_t) !!(data->flags & FLAG_UNORDERED) << 48 |
                        (uint64_t)stream << 32 | mid;
    }
    slice_take_u32be(&in, &number); /* whose payload it is: the content tells */
    if (type == CHUNK_I_DATA)
        data->at = data->flags & FLAG_BEGIN ? 0 : number;
    data->bytes = in;
    return true;
}

/* The packet behind its common header. */
static void chunks_feed(struct net *net, const struct ip_packet *ip, struct flow *flow,
                        struct slice in) {
    while (in.len >= CHUNK_HEADER_LEN) {
        struct slice start = in;
        struct data data = {0};
        uint8_t type = 0;
        uint16_t len = 0;

        slice_take_u8(&in, &type);
        slice_take_u8(&in, &data.flags);
        slice_take_u16be(&in, &len);
        if (len < CHUNK_HEADER_LEN) {
            net_malformed(net, ip, start.ptr);
            return;
        }
        data.cut = start.len < len;
        if (data.cut && !ip->packet.cut) {
            net_malformed(net, ip, start.ptr);
            return;
        }
        if ((type == CHUNK_DATA || type == CHUNK_I_DATA) &&
            data_take(type, slice_between(start, CHUNK_HEADER_LEN, len), &data))
            data_feed(net, ip, flow, &data);
        in = slice_between(start, (len + 3u) & ~3u, start.len);
    }
}

void sctp_feed(struct net *net, struct ip_packet *ip) {
    struct slice in = ip->bytes;
    struct flow_key key = {.src = ip->packet.src.ip, .dst = ip->packet.dst.ip};

    if (in.len < HEADER_LEN) {
        if (!ip->packet.cut)
            net_malformed(net, ip, in.ptr);
        return;
    }
    slice_take_u16be(&in, &key.src_port);
    slice_take_u16be(&in, &key.dst_port);
    slice_take_u32be(&in, &key.tag);
    slice_skip(&in, 4);
    ip->packet.src.port = key.src_port;
    ip->packet.dst.port = key.dst_port;
    chunks_feed(net, ip, find_flow(net, &key), in);
}

/* A packet, all of whose chunks have a length that fits. */
static bool is_packet(struct slice in, bool cut) {
    if (!slice_skip(&in, HEADER_LEN) || !in.len)
        return false;
    while (in.len >= CHUNK_HEADER_LEN) {
        size_t len = (size_t)in.ptr[2] << 8 | in.ptr[3];
        if (len < CHUNK_HEADER_LEN || (len > in.len && !cut))
            return false;
        in = slice_between(in, (len + 3) & ~(size_t)3, in.len);
    }
    return !in.len || cut;
}

bool sctp_over_udp_feed(struct net *net, struct ip_packet *ip, const struct datagram *datagram) {
    const struct packet *packet = &datagram->packet;

    if ((packet->src.port != SCTP_UDP_PORT && packet->dst.port != SCTP_UDP_PORT) ||
        !is_packet(datagram->bytes, packet->cut))
        return false;
    struct ip_packet inside = *ip;
    inside.packet = *packet;
    inside.bytes = datagram->bytes;
    inside.full_len = datagram->full_len;
    sctp_feed(net, &inside);
    return true;
}

void sctp_free(struct sctp *sctp) {
    if (!sctp)
        return;
    while (sctp->oldest)
        drop_flow(sctp, sctp->oldest);
    free(sctp->message);
    ARRAY_FINI(&sctp->frames);
    free(sctp);
}
