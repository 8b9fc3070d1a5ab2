/* Messages of the last moment, in sets of eight by what they say; the ends are held against each
 * other then. See collect_copies.h. */
#include "phone/collect_copies.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "net/tcp_copies.h"
#include "phone/collect.h"
#include "phone/nat_connections.h"
#include "phone/sent_twice.h"

enum {
    SETS = 128,   /* a power of two */
    WAYS = 8,     /* resolvers ask the same from several ports at once */
    BY_ID = 1024, /* a power of two */
    NOBODY = UINT16_MAX,
    ERRORS = 8,
    DNS_RESPONSE = 0x80, /* in the third byte, RFC 1035 4.1.1 */
    FRONT = 8, /* the sum does not see two words change places; the front has ID or method */
};

/* Copies of mirror ports are some microseconds apart; RFC 3261 17.1.1.1 knows no timer below
 * 500 ms, and what faults send twice takes a turn of the program between. */
#define AT_ONCE_NS ((int64_t)300 * 1000)

struct recent {
    int64_t t_ns;
    int64_t again_ns;         /* when it was there again the same way, but not at once */
    struct endpoint src, dst; /* as the story has them */
    uint32_t frame, again_frame;
    struct mac_addr mac;
    uint16_t ip_id, point;
    uint8_t hops, first_hops;
    enum copied what;
    uint32_t index;
    bool beyond; /* seen on the far side of a NAT first */
    bool bad;    /* its checksum was wrong */
    bool pieced; /* it came in fragments */
};

struct recent_set {
    uint64_t content[WAYS]; /* 0: free */
    struct recent ways[WAYS];
    unsigned next;
};

struct recent_error {
    uint64_t content;
    int64_t t_ns;
    uint16_t ip_id, point;
};

struct copies {
    struct recent_set sets[SETS];
    uint16_t by_id[BY_ID]; /* the newest message with an IP identification; NOBODY: none */
    uint16_t at_hand;      /* the message at hand; NOBODY: it is not kept */
    struct nat_aliases nat;
    struct nat_connections connections;
    struct doubts doubts;
    struct recent_error errors[ERRORS];
    size_t error_next;
    bool points; /* several capture points */
};

struct copies *copies_new(void) {
    struct copies *copies = memory_new_zeroed(1, sizeof *copies);

    memset(copies->by_id, 0xff, sizeof copies->by_id);
    copies->at_hand = NOBODY;
    return copies;
}

void copies_free(struct copies *copies) {
    if (!copies)
        return;
    nat_aliases_fini(&copies->nat);
    sent_twice_fini(&copies->doubts);
    free(copies);
}

static struct recent *recent_at(struct copies *copies, uint16_t at) {
    return &copies->sets[at / WAYS].ways[at % WAYS];
}

/* ---- is it the same? ---- */

struct look {
    const struct message *message;
    const struct packet *packet;
    const struct endpoint *src, *dst; /* as the story has them */
    bool translated;
    bool server; /* by an alias of a server */
};

/* Of SIP or DNS. */
static bool is_response(const struct look *look) {
    const struct message *m = look->message;

    return m->sip ? m->sip->response : m->bytes.ptr[2] & DNS_RESPONSE;
}

static bool in_time(const struct recent *e, const struct packet *p) {
    return copy_in_time(p->t_ns, p->point, e->t_ns, e->point);
}

static bool same_ends(const struct recent *e, const struct look *look) {
    return endpoint_eq(&e->src, look->src) && endpoint_eq(&e->dst, look->dst);
}

static bool same_id(const struct recent *e, const struct packet *p) {
    return e->ip_id && p->has_ip_id && e->ip_id == p->ip_id;
}

/* Another way through the network, which nobody chooses for the same packet again. */
static bool another_way(const struct recent *e, const struct packet *p) {
    return e->point != p->point || e->hops != p->hops ||
           (e->mac.known && p->mac_src.known && !mac_eq(&e->mac, &p->mac_src));
}

/* A request whose bytes are equal, from another address to the same server: nobody else can know
 * its branch. Anything else must have kept its identification. */
static bool is_nat_of_source(const struct recent *e, const struct look *look) {
    return endpoint_eq(&e->dst, &look->packet->dst) && !ip_eq(&e->src.ip, &look->packet->src.ip) &&
           ((!is_response(look) && look->message->sip && look->message->sip->branch.len) ||
            same_id(e, look->packet));
}

/* The same to another address: a NAT in front of a phone, or in front of a server. A phone that
 * fails over with all as it was sends another packet. */
static bool is_nat_of_destination(const struct recent *e, const struct look *look) {
    return endpoint_eq(&e->src, &look->packet->src) && !ip_eq(&e->dst.ip, &look->packet->dst.ip) &&
           e->hops > look->packet->hops &&
           (same_id(e, look->packet) || (is_response(look) && look->message->sip));
}

/* ALG, or a copy that was cut: what it says is not the same, but it is the same packet. */
static bool is_same_packet(const struct collection *c, const struct recent *e,
                           const struct look *look) {
    const struct sip_head *head = look->message->sip;

    if (!head || !same_id(e, look->packet) || !in_time(e, look->packet))
        return false;
    if (is_response(look))
        return e->what == COPIED_RESPONSE && same_ends(e, look) && another_way(e, look->packet) &&
               c->responses.items[e->index].told.status == head->status;
    if (e->what != COPIED_SEND || !endpoint_eq(&e->dst, look->dst))
        return false;
    const struct tx *tx = &c->txs.items[e->index];
    return tx->told.branch && slice_eq(slice_of_text(tx->told.branch), head->branch) &&
           tx->told.cseq == head->cseq && tx->method == head->method;
}

/* ---- what says nothing of itself ---- */

/* Does the host number its packets? Its other messages of the last time tell. */
static bool numbers_packets(struct collection *c, struct seen_host *host, const struct recent *e,
                            uint64_t content) {
    bool same = false;

    if (host->numbers_packets)
        return true;
    for (size_t s = 0; s < SETS; s++)
        for (size_t w = 0; w < WAYS; w++) {
            const struct recent *other = &c->copies->sets[s].ways[w];
            if (!c->copies->sets[s].content[w] || c->copies->sets[s].content[w] == content ||
                !ip_eq(&other->src.ip, &e->src.ip))
                continue;
            if (other->ip_id != e->ip_id)
                return host->numbers_packets = true;
            same = true;
        }
    return !same;
}

/* The frame right after which it came: nobody repeats a request so soon, and a file that overlaps
 * another gives it at the same time. 0: it did not come at once. */
static uint32_t at_once(const struct recent *e, const struct packet *p) {
    if (llabs(p->t_ns - e->t_ns) <= AT_ONCE_NS)
        return e->frame;
    return llabs(p->t_ns - e->again_ns) <= AT_ONCE_NS ? e->again_frame : 0;
}

/* A request with the same ends and bytes as one just before: a copy, or sent twice? false: not
 * decided here; *doubt then. */
static bool is_plain_copy(struct collection *c, const struct recent *e, const struct look *look,
                          uint64_t content, bool *doubt) {
    const struct packet *p = look->packet;

    *doubt = false;
    if (look->translated || e->beyond)
        return true;
    if (p->has_ip_id && e->ip_id != p->ip_id)
        return false;
    if (e->what != COPIED_SEND || another_way(e, p) || at_once(e, p))
        return true;
    struct seen_host *host = &c->hosts.items[wording_of(c, &c->txs.items[e->index])->host];
    if (p->has_ip_id && p->ip_id && numbers_packets(c, host, e, content))
        return true;
    *doubt = true;
    return true;
}

/* ---- what a copy still says ---- */

/* The side of a router on which the phone is has more hops left, and its MAC. */
static void note_way(struct collection *c, struct recent *e, const struct packet *p) {
    struct seen_host *host = NULL;

    if (e->hops == p->hops)
        return;
    if (e->what == COPIED_SEND)
        host = &c->hosts.items[wording_of(c, &c->txs.items[e->index])->host];
    if (p->hops > e->hops && p->mac_src.known) {
        if (host) {
            host->mac = p->mac_src;
            c->txs.items[e->index].point = p->point;
        } else if (e->what == COPIED_QUERY) {
            c->queries.items[e->index].mac = p->mac_src;
        }
        e->mac = p->mac_src;
        e->hops = p->hops;
    }
    if (host && e->hops > host->mac_hops)
        host->mac_hops = e->hops;
}

/* A response that the phone's own point shows came there, and when. */
static void note_point(struct collection *c, struct recent *e, const struct packet *p) {
    if (e->point == p->point)
        return;
    c->copies->points = true;
    if (e->what != COPIED_RESPONSE)
        return;
    struct seen_response *response = &c->responses.items[e->index];
    if (p->point == response->asked_at && response->point != p->point) {
        response->point = p->point;
        response->told.frame = e->frame = p->frame_no;
        response->told.t_ns = answered_ns(response->told.t_ns, p->t_ns);
    }
}

/* Captured in the wrong order: the time of the first on the wire stands. */
static void note_time(struct collection *c, struct recent *e, const struct packet *p) {
    if (p->t_ns >= e->t_ns || p->point != e->point)
        return;
    if (e->what == COPIED_SEND) {
        struct tx *tx = &c->txs.items[e->index];
        if (tx->sends.count && c->seen.items[tx->sends.last].frame == e->frame)
            c->seen.items[tx->sends.last].t_ns = p->t_ns;
    }
    e->t_ns = p->t_ns;
}

static void note_copy(struct collection *c, struct recent *e, const struct look *look) {
    if (same_ends(e, look) && e->point == look->packet->point &&
        e->first_hops == look->packet->hops) {
        uint32_t after = at_once(e, look->packet);
        if (!after) {
            e->again_ns = look->packet->t_ns;
            e->again_frame = look->packet->frame_no;
        }
        sent_twice_copied(&c->copies->doubts, e->frame, after);
    }
    note_way(c, e, look->packet);
    note_point(c, e, look->packet);
    note_time(c, e, look->packet);
    c->copy_count++;
}

/* ---- messages ---- */

static uint64_t content_of(const struct message *m) {
    uint64_t front[2] = {m->sum, 0};

    memcpy(&front[1], m->bytes.ptr, m->bytes.len < FRONT ? m->bytes.len : FRONT);
    return index_key(front, sizeof front, m->bytes.len);
}

/* Keep it as the one at hand. */
static void keep(struct copies *copies, uint64_t content, const struct look *look) {
    size_t set_at = content & (SETS - 1);
    struct recent_set *set = &copies->sets[set_at];
    const struct packet *p = look->packet;
    size_t way = set->next++ % WAYS;

    set->content[way] = content;
    struct recent *kept = &set->ways[way];
    kept->t_ns = kept->again_ns = p->t_ns;
    kept->src = *look->src;
    kept->dst = *look->dst;
    kept->frame = kept->again_frame = p->frame_no;
    kept->mac = p->mac_src;
    kept->ip_id = p->has_ip_id ? p->ip_id : 0;
    kept->point = p->point;
    kept->hops = kept->first_hops = p->hops;
    kept->what = COPIED_NOTHING;
    kept->beyond = look->translated;
    kept->bad = look->message->notes & MESSAGE_BAD_CHECKSUM;
    kept->pieced = look->message->frame_count > 1;
    copies->at_hand = (uint16_t)(set_at * WAYS + way);
    if (p->ip_id)
        copies->by_id[p->ip_id & (BY_ID - 1)] = copies->at_hand;
}

/* A whole packet after one that was damaged on its way to the capture alone. Returns whether the
 * send is counted already. */
static bool mend(struct collection *c, struct recent *e, uint16_t at) {
    e->bad = false;
    if (e->what == COPIED_SEND)
        return true;
    if (e->what == COPIED_WAITING)
        damaged_forget(c, e->index);
    e->what = COPIED_NOTHING;
    c->copies->at_hand = at;
    return false;
}

/* An answer that was seen outside of a NAT before anything told of it. */
static void readdress(struct collection *c, const struct recent *e, const struct endpoint *inner) {
    if (e->what == COPIED_NOTHING)
        orphan_readdress(c, e->frame, inner);
    else if (e->what == COPIED_ANSWER && !c->queries.items[e->index].sends.count)
        collect_dns_readdress(c, e->index, &inner->ip);
}

/* Is it, by its bytes, a copy of this one? */
static bool is_copy_of(struct collection *c, struct recent *e, struct look *look,
                       uint64_t content) {
    const struct packet *p = look->packet;
    bool doubt;

    if (!in_time(e, p))
        return false;
    if (same_ends(e, look)) {
        if (!is_plain_copy(c, e, look, content, &doubt))
            return false;
        if (doubt)
            sent_twice_note(&c->copies->doubts,
                            &(struct doubt){e->index, p->frame_no, e->frame, p->t_ns});
        return true;
    }
    if (is_nat_of_source(e, look)) {
        nat_aliases_learn(&c->copies->nat, &p->src, &e->src, &e->dst, TRANSPORT_UDP, p->t_ns,
                          false);
        return true;
    }
    if (is_nat_of_destination(e, look)) {
        uint32_t host = index_get(&c->host_of, index_key(&p->src.ip, sizeof p->src.ip, 1));
        bool registrar = host != NONE && c->hosts.items[host].registrar;
        if (is_response(look) || registrar) {
            if (is_response(look))
                readdress(c, e, &p->dst);
            nat_aliases_learn(&c->copies->nat, &e->dst, &p->dst, &p->src, TRANSPORT_UDP, p->t_ns,
                              false);
            e->dst = p->dst;
        } else {
            nat_aliases_learn(&c->copies->nat, &p->dst, &e->dst, &p->src, TRANSPORT_UDP, p->t_ns,
                              true);
        }
        return true;
    }
    return false;
}

/* Of the two sides of a NAT the near one is told. */
static const struct message *as_told(const struct look *look, struct message *room) {
    if (!look->translated || (look->server && !is_response(look)))
        return look->message;
    *room = *look->message;
    room->packet.src = *look->src;
    room->packet.dst = *look->dst;
    room->packet.mac_src.known = false; /* it may be the NAT's */
    return room;
}

static void ignore(struct conn *conn) {
    conn->noted = UINT32_MAX;
    conn->ignore_data = true;
}

/* The stream has each message once; but its connection may be there twice. */
static const struct message *stream_message(struct collection *c, const struct message *m,
                                            struct message *room) {
    struct copies *copies = c->copies;
    bool server;

    if (!m->conn || m->conn->from_start)
        return m;
    if (copies_has(m->conn))
        return NULL;
    if (!m->conn->noted && nat_connection_met(c, &copies->connections, &copies->nat, m)) {
        ignore(m->conn);
        return NULL;
    }
    if (copies->connections.renamed) {
        *room = *m;
        if (nat_aliases_translate(&copies->nat, &room->packet.src, &room->packet.dst, TRANSPORT_TCP,
                                  &server))
            return room;
    }
    return m;
}

const struct message *copies_message(struct collection *c, const struct message *m,
                                     struct message *room) {
    struct copies *copies = c->copies;
    struct look look = {
        .message = m, .packet = &m->packet, .src = &m->packet.src, .dst = &m->packet.dst};
    struct endpoint ends[2];

    if (!m->datagram)
        return stream_message(c, m, room);
    if (copies->nat.list.n) {
        ends[0] = m->packet.src;
        ends[1] = m->packet.dst;
        look.translated =
            nat_aliases_translate(&copies->nat, &ends[0], &ends[1], m->transport, &look.server);
        look.src = &ends[0];
        look.dst = &ends[1];
    }
    uint64_t content = content_of(m);
    size_t set_at = content & (SETS - 1);
    struct recent_set *set = &copies->sets[set_at];
    for (size_t way = 0; way < WAYS; way++) {
        if (set->content[way] != content)
            continue;
        struct recent *e = &set->ways[way];
        if (!is_copy_of(c, e, &look, content))
            continue;
        note_copy(c, e, &look);
        if (e->bad && !(m->notes & MESSAGE_BAD_CHECKSUM) &&
            !mend(c, e, (uint16_t)(set_at * WAYS + way)))
            return as_told(&look, room);
        return NULL;
    }
    uint16_t other = m->packet.ip_id ? copies->by_id[m->packet.ip_id & (BY_ID - 1)] : NOBODY;
    if (other != NOBODY && is_same_packet(c, recent_at(copies, other), &look)) {
        struct recent *e = recent_at(copies, other);
        if (!is_response(&look) && !ip_eq(&e->src.ip, &look.src->ip))
            nat_aliases_learn(&c->copies->nat, &m->packet.src, &e->src, &e->dst, TRANSPORT_UDP,
                              m->packet.t_ns, false);
        note_copy(c, e, &look);
        return NULL;
    }
    keep(copies, content, &look);
    return as_told(&look, room);
}

void copies_became(struct collection *c, enum copied what, uint32_t index) {
    if (c->copies->at_hand == NOBODY)
        return;
    struct recent *e = recent_at(c->copies, c->copies->at_hand);
    e->what = what;
    e->index = index;
    if (e->pieced) /* copies are known fragment by fragment */
        sent_twice_unsaid(&c->copies->doubts, e->frame);
}

void copies_done(struct collection *c) {
    c->copies->at_hand = NOBODY;
}

bool copies_datagram(struct collection *c, const struct datagram *datagram) {
    const struct packet *p = &datagram->packet;
    const struct message message = {.packet = *p, .bytes = datagram->bytes};
    struct look look = {.message = &message, .packet = p, .src = &p->src, .dst = &p->dst};
    uint64_t content = index_key(datagram->bytes.ptr, datagram->bytes.len, 41);
    struct recent_set *set = &c->copies->sets[content & (SETS - 1)];

    for (size_t way = 0; way < WAYS; way++)
        if (set->content[way] == content && same_ends(&set->ways[way], &look) &&
            set->ways[way].ip_id == p->ip_id && in_time(&set->ways[way], p)) {
            c->copy_count++;
            return true;
        }
    keep(c->copies, content, &look);
    copies_done(c);
    return false;
}

/* ---- errors ---- */

bool copies_error(struct collection *c, struct icmp_error *error) {
    struct copies *copies = c->copies;
    const struct packet *p = &error->packet;
    enum transport transport = error->protocol == IPPROTO_TCP ? TRANSPORT_TCP : TRANSPORT_UDP;
    bool server;
    struct {
        struct ip_addr src, dst, by;
        uint16_t src_port, dst_port, type, code;
        uint32_t len;
    } key;

    if (copies->nat.list.n)
        nat_aliases_translate(&copies->nat, &error->src, &error->dst, transport, &server);
    memset(&key, 0, sizeof key);
    key.src = error->src.ip;
    key.dst = error->dst.ip;
    key.by = p->src.ip;
    key.src_port = error->src.port;
    key.dst_port = error->dst.port;
    key.type = error->type;
    key.code = error->code;
    key.len = (uint32_t)error->payload.len;
    uint64_t content = index_key(&key, sizeof key, 42);
    for (size_t i = 0; i < ERRORS; i++) {
        const struct recent_error *e = &copies->errors[i];
        if (e->content == content && copy_in_time(p->t_ns, p->point, e->t_ns, e->point) &&
            (!e->ip_id || !p->ip_id || e->ip_id == p->ip_id)) {
            c->copy_count++;
            return false;
        }
    }
    copies->errors[copies->error_next++ % ERRORS] =
        (struct recent_error){content, p->t_ns, p->ip_id, p->point};
    return true;
}

/* ---- connections ---- */

bool copies_connection(struct collection *c, struct conn *conn, const struct packet *syn) {
    struct copies *copies = c->copies;

    if (!nat_connection_begun(&copies->connections, &copies->nat, conn, syn))
        return false;
    ignore(conn);
    return true;
}

/* ---- the end ---- */

void copies_end(struct collection *c) {
    bool server;

    sent_twice_settle(c, &c->copies->doubts);
    if (c->copies->points)
        points_end(c);
    /* What came in from beyond a NAT before it was known. */
    for (size_t i = 0; i < c->txs.n && c->copies->nat.list.n; i++) {
        struct tx *tx = &c->txs.items[i];
        struct endpoint src = tx->told.source, dst = tx->dst;
        if (nat_aliases_translate(&c->copies->nat, &src, &dst, tx->transport, &server) && !server)
            tx->dst = dst;
    }
}
