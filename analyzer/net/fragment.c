/* Fragments of IP packets (RFC 791 3.2, RFC 8200 4.5) put together again.
 *
 * A packet is known by source, destination, identification and (IPv4) protocol. Fragments come in
 * any order, twice, and overlapping: the first copy of a byte wins. What is not whole 30 s after
 * its last fragment, or must give way to newer ones, is lost: the capture lacks what it said.
 *
 * Two linked orders: hash chains to find a packet, and one list by age. A packet that was delivered
 * stays for a moment, without bytes, so that copies of its fragments (mirror ports deliver each
 * frame twice) do not look like a packet that lost its rest.
 */
#include <stdlib.h>

#include "base/instant.h"
#include "base/intern.h"
#include "net/inner.h"

enum {
    BUCKETS = 1024,
    OPEN_MAX = 2048,              /* packets being put together */
    BYTES_MAX = 32 * 1024 * 1024, /* of all of them */
    PACKET_MAX = 65535,
    RANGES_MAX = 128, /* stretches that do not touch, in one packet */
    FRAMES_MAX = 8192,
};

#define AGE_MAX_NS (30LL * NS_PER_S)
#define ECHO_NS                                                                                    \
    (NS_PER_S / 10) /* how long copies of a whole packet's fragments are passed over               \
                     */

struct fragment_key {
    struct ip_addr src, dst;
    uint8_t protocol; /* IPv4 */
    uint8_t version;
    uint32_t id;
};

struct range {
    uint32_t from, to;
};

struct open_packet {
    struct fragment_key key;
    struct open_packet *chain;         /* same bucket */
    struct open_packet *older, *newer; /* by age */
    int64_t first_ns;                  /* of its first fragment to come */
    int64_t t_ns;                      /* of the last fragment that brought something */
    uint32_t first_frame;
    bool whole;
    bool have_end;
    uint32_t end;              /* length of the packet, once its last fragment is there */
    uint32_t usable;           /* bytes from here on were cut by the snapshot length */
    uint8_t protocol;          /* of the first fragment (IPv6: only its header counts) */
    struct open_packet *given; /* the one handed out before it, of the same frame */
    uint8_t *bytes;
    size_t cap;
    ARRAY_OF(struct range) ranges; /* what is there: in order, not touching */
    ARRAY_OF(uint32_t) frames;
};

struct fragments {
    struct open_packet *buckets[BUCKETS];
    struct open_packet *oldest, *newest;
    struct open_packet *given; /* handed out: in use until the next frame (tunnels in tunnels) */
    uint32_t given_frame;
    size_t n, bytes;
};

struct fragments *fragments_new(void) {
    return memory_new_zeroed(1, sizeof(struct fragments));
}

static uint64_t hash_address(const struct ip_addr *ip, uint64_t basis) {
    return hash_bytes(ip->bytes, ip->len, basis);
}

static struct open_packet **bucket_of(struct fragments *all, const struct fragment_key *key) {
    uint64_t hash = hash_address(&key->dst, hash_address(&key->src, key->id));

    return &all->buckets[(hash ^ key->protocol) % BUCKETS];
}

static bool key_eq(const struct fragment_key *a, const struct fragment_key *b) {
    return a->id == b->id && a->version == b->version && a->protocol == b->protocol &&
           ip_eq(&a->src, &b->src) && ip_eq(&a->dst, &b->dst);
}

static void release_bytes(struct fragments *all, struct open_packet *packet) {
    all->bytes -= packet->cap;
    free(packet->bytes);
    packet->bytes = NULL;
    packet->cap = 0;
    ARRAY_FINI(&packet->ranges);
    ARRAY_FINI(&packet->frames);
}

static void unlink_age(struct fragments *all, struct open_packet *packet) {
    *(packet->older ? &packet->older->newer : &all->oldest) = packet->newer;
    *(packet->newer ? &packet->newer->older : &all->newest) = packet->older;
}

static void link_newest(struct fragments *all, struct open_packet *packet) {
    packet->newer = NULL;
    packet->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = packet;
    all->newest = packet;
}

/* What was handed out for an earlier frame is not looked at any more. */
static void take_back(struct fragments *all) {
    while (all->given) {
        release_bytes(all, all->given);
        all->given = all->given->given;
    }
}

static void drop(struct fragments *all, struct open_packet *packet) {
    struct open_packet **at = bucket_of(all, &packet->key);

    while (*at != packet)
        at = &(*at)->chain;
    *at = packet->chain;
    unlink_age(all, packet);
    release_bytes(all, packet);
    for (at = &all->given; *at; at = &(*at)->given)
        if (*at == packet) {
            *at = packet->given;
            break;
        }
    free(packet);
    all->n--;
}

/* What of the front of the packet is there. */
static struct slice front_of(const struct open_packet *packet) {
    if (!packet->ranges.n || packet->ranges.items[0].from)
        return slice_of(NULL, 0);
    uint32_t len = packet->ranges.items[0].to;
    return slice_of(packet->bytes, len < packet->usable ? len : packet->usable);
}

/* RTP and RTCP by their version (RFC 7983 7); the ID of a DNS message may look so. */
static bool is_media(struct slice udp) {
    enum { PORT_DNS = 53, HEADER_LEN = 8, VERSION_MASK = 0xc0, VERSION_2 = 0x80 };
    struct slice payload = slice_between(udp, HEADER_LEN, udp.len);
    uint16_t src, dst;

    return slice_take_u16be(&udp, &src) && slice_take_u16be(&udp, &dst) && src != PORT_DNS &&
           dst != PORT_DNS && payload.len && (payload.ptr[0] & VERSION_MASK) == VERSION_2;
}

/* May it have carried a message? What is missing from TCP is told by its streams. */
static bool may_matter(const struct open_packet *packet) {
    struct slice front = front_of(packet);
    uint8_t protocol = packet->key.version == 4 ? packet->key.protocol : packet->protocol;

    if (packet->key.version == 6 && !front.len)
        return true;
    return protocol == PROTOCOL_SCTP || (protocol == PROTOCOL_UDP && !is_media(front));
}

/* Give a packet up; one that was never whole is worth a word. */
static void give_up(struct net *net, struct open_packet *packet) {
    if (!packet->whole) {
        net_note(net, NET_FRAGMENT_LOST, packet->first_frame, (int64_t)packet->frames.n);
        if (net->handler.hole && packet->frames.n && may_matter(packet))
            net->handler.hole(net->handler.context,
                              &(struct packet_hole){.kind = HOLE_FRAGMENTS,
                                                    .host = packet->key.src,
                                                    .peer = packet->key.dst,
                                                    .missing = 1,
                                                    .from_ns = packet->first_ns,
                                                    .to_ns = packet->t_ns,
                                                    .frame_no = packet->first_frame});
    }
    drop(net->fragments, packet);
}

static void make_room(struct net *net, size_t bytes, const struct open_packet *keep) {
    struct fragments *all = net->fragments;

    while (all->oldest && all->oldest != keep && net->t_ns - all->oldest->t_ns > AGE_MAX_NS)
        give_up(net, all->oldest);
    while (all->oldest && all->oldest != keep &&
           (all->n > OPEN_MAX || all->bytes + bytes > BYTES_MAX)) {
        if (!all->oldest->whole)
            net_note(net, NET_LIMIT_FRAGMENTS, all->oldest->first_frame, 1);
        give_up(net, all->oldest);
    }
}

static struct open_packet *find(struct net *net, const struct fragment_key *key) {
    struct fragments *all = net->fragments;
    struct open_packet **bucket = bucket_of(all, key), *packet = *bucket;

    while (packet && !key_eq(&packet->key, key))
        packet = packet->chain;
    if (packet && net->t_ns - packet->t_ns > (packet->whole ? ECHO_NS : AGE_MAX_NS)) {
        give_up(net, packet); /* the identification is used again */
        packet = NULL;
    }
    if (packet)
        return packet;
    packet = memory_new_zeroed(1, sizeof *packet);
    packet->key = *key;
    packet->t_ns = packet->first_ns = net->t_ns;
    packet->first_frame = net->frame_no;
    packet->usable = PACKET_MAX + 1;
    packet->chain = *bucket;
    *bucket = packet;
    link_newest(all, packet);
    all->n++;
    make_room(net, 0, packet);
    return packet;
}

static void reserve(struct net *net, struct open_packet *packet, size_t len) {
    size_t cap = packet->cap ? packet->cap : 2048;

    if (len <= packet->cap)
        return;
    while (cap < len)
        cap *= 2;
    make_room(net, cap - packet->cap, packet);
    packet->bytes = memory_resize(packet->bytes, cap, 1);
    net->fragments->bytes += cap - packet->cap;
    packet->cap = cap;
}

/* Put [from, to) into the ranges, and the bytes that were missing into the packet. `bytes` may be
 * shorter than the range: its end was cut. Returns whether anything was new. */
static bool insert(struct open_packet *packet, uint32_t from, uint32_t to, struct slice bytes) {
    size_t first = 0;
    uint32_t at = from, new_from = from, new_to = to;
    bool brought = false;

    while (first < packet->ranges.n && packet->ranges.items[first].to < from)
        first++;
    size_t last = first;
    for (; last <= packet->ranges.n && at < to; last++) {
        bool end = last == packet->ranges.n || packet->ranges.items[last].from > to;
        uint32_t hole_end = end ? to : packet->ranges.items[last].from;
        if (hole_end > at) {
            struct slice part = slice_between(bytes, at - from, hole_end - from);
            if (part.len)
                memcpy(packet->bytes + at, part.ptr, part.len);
            brought = true;
        }
        if (end)
            break;
        if (packet->ranges.items[last].from < new_from)
            new_from = packet->ranges.items[last].from;
        if (packet->ranges.items[last].to > new_to)
            new_to = packet->ranges.items[last].to;
        if (packet->ranges.items[last].to > at)
            at = packet->ranges.items[last].to;
    }
    if (!brought)
        return false;
    /* [first, last) become one. A neighbour that only touches may stay apart until it is met. */
    if (first == last) {
        ARRAY_PUSH(&packet->ranges);
        memmove(&packet->ranges.items[first + 1], &packet->ranges.items[first],
                (packet->ranges.n - 1 - first) * sizeof *packet->ranges.items);
    } else if (last - first > 1) {
        memmove(&packet->ranges.items[first + 1], &packet->ranges.items[last],
                (packet->ranges.n - last) * sizeof *packet->ranges.items);
        packet->ranges.n -= last - first - 1;
    }
    packet->ranges.items[first] = (struct range){new_from, new_to};
    return true;
}

static bool is_whole(const struct open_packet *packet) {
    return packet->have_end && packet->ranges.n && packet->ranges.items[0].from == 0 &&
           packet->ranges.items[0].to >= packet->end;
}

bool fragments_feed(struct net *net, const struct ip_header *header, struct ip_packet *ip) {
    struct fragments *all = net->fragments;
    struct fragment_key key = {
        .src = header->src,
        .dst = header->dst,
        .protocol = header->version == 4 ? header->protocol : 0,
        .version = header->version,
        .id = header->id,
    };
    size_t end = header->offset + ip->full_len;

    if (all->given_frame != net->frame_no)
        take_back(all);
    /* Every fragment but the last is a multiple of 8 bytes; none reaches beyond the longest packet.
     */
    if (end > PACKET_MAX || !ip->full_len || (header->more && ip->full_len % 8)) {
        net_malformed(net, NULL, header->rest.ptr);
        return false;
    }
    make_room(net, 0, NULL);
    struct open_packet *packet = find(net, &key);
    if (packet->whole) {
        if (packet->have_end) /* else its first fragment was cut, and this is the rest */
            net_note(net, NET_COPY, net->frame_no, 0);
        return false;
    }

    uint32_t from = (uint32_t)header->offset, to = (uint32_t)end;
    reserve(net, packet, to);
    if (!insert(packet, from, to, ip->bytes)) {
        net_note(net, NET_COPY, net->frame_no, 0);
        return false;
    }
    if (packet->ranges.n > RANGES_MAX || packet->frames.n >= FRAMES_MAX) {
        net_note(net, NET_LIMIT_FRAGMENTS, net->frame_no, 1);
        give_up(net, packet);
        return false;
    }
    for (size_t i = 0; i < ip->frame_count; i++)
        *ARRAY_PUSH(&packet->frames) = ip->frames[i];
    packet->t_ns = net->t_ns;
    unlink_age(all, packet);
    link_newest(all, packet);
    if (ip->packet.cut && from + ip->bytes.len < packet->usable)
        packet->usable = from + (uint32_t)ip->bytes.len;
    if (!header->offset)
        packet->protocol = header->protocol;
    if (!header->more && !packet->have_end) {
        packet->have_end = true;
        packet->end = to;
    }
    /* Cut in its first fragment, it will never have more usable bytes than it has now. */
    bool cut_at_front = !header->offset && ip->packet.cut && ip->bytes.len;
    if (!is_whole(packet) && !cut_at_front)
        return false;

    packet->whole = true;
    if (!packet->have_end)
        packet->end = PACKET_MAX;
    packet->given = all->given;
    all->given = packet;
    all->given_frame = net->frame_no;
    ip->protocol = packet->protocol;
    ip->full_len = packet->end;
    ip->packet.cut = packet->usable < packet->end;
    ip->bytes = slice_of(packet->bytes, ip->packet.cut ? packet->usable : packet->end);
    ip->frames = packet->frames.items;
    ip->frame_count = packet->frames.n;
    ip->origin = NULL;
    return true;
}

void fragments_end(struct net *net) {
    while (net->fragments->oldest)
        give_up(net, net->fragments->oldest);
}

void fragments_free(struct fragments *fragments) {
    while (fragments->oldest)
        drop(fragments, fragments->oldest);
    free(fragments);
}
