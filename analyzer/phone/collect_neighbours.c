/* Who asks for whose address on the local network, and who has just started (DHCP). */
#include "net/tcp_copies.h"
#include "phone/collect.h"

/* DHCP packets of one MAC within this time belong to one start. */
#define ONE_BOOT_NS ((int64_t)30 * 1000000000)

/* The question before, as a mirror port gave it once more? A host waits a second before it asks
 * again (RFC 1122 2.3.2.1, RFC 4861 10). */
static bool is_copied_question(const struct collection *c, const struct seen_neighbour *known,
                               int64_t t_ns) {
    return known->asks.count && copy_in_time(t_ns, 0, c->seen.items[known->asks.last].t_ns, 0);
}

/* Was the answer to this first question captured before it? */
static void find_heard(const struct collection *c, struct seen_neighbour *asked, uint64_t key,
                       int64_t t_ns) {
    for (size_t i = 0; i < COLLECT_HEARD; i++) {
        const struct heard_neighbour *heard = &c->heard[i];
        if (heard->key != key || heard->t_ns > t_ns + STORY_REORDER_NS ||
            heard->t_ns < t_ns - STORY_REORDER_NS)
            continue;
        asked->answered = true;
        asked->answered_ns = answered_ns(t_ns, heard->t_ns);
    }
}

static bool was_heard(const struct collection *c, uint64_t key, int64_t t_ns) {
    for (size_t i = 0; i < COLLECT_HEARD; i++)
        if (c->heard[i].key == key && copy_in_time(t_ns, 0, c->heard[i].t_ns, 0))
            return true;
    return false;
}

void collect_neighbour(void *context, const struct neighbour *neighbour) {
    struct collection *c = context;
    enum { NEIGHBOURS_MAX = 1 << 16 };
    struct ip_addr pair[2] = {neighbour->packet.src.ip, neighbour->target};

    if (neighbour->answer) {
        /* Every asker hears it. */
        pair[0] = neighbour->packet.dst.ip;
        pair[1] = neighbour->target;
        uint64_t key = index_key(pair, sizeof pair, 4);
        uint32_t at = index_get(&c->neighbour_of, key);
        if (was_heard(c, key, neighbour->packet.t_ns)) {
            c->copy_count++;
            return;
        }
        c->heard[c->heard_next++ % COLLECT_HEARD] =
            (struct heard_neighbour){key, neighbour->packet.t_ns};
        if (at != NONE) {
            c->neighbours.items[at].answered = true;
            c->neighbours.items[at].answered_ns = neighbour->packet.t_ns;
        }
        return;
    }
    if (!neighbour->packet.src.ip.len)
        return; /* a probe of an address by its future owner (RFC 5227, RFC 4862 5.4) */
    uint64_t key = index_key(pair, sizeof pair, 4);
    uint32_t at = index_get(&c->neighbour_of, key);
    if (at != NONE && is_copied_question(c, &c->neighbours.items[at], neighbour->packet.t_ns)) {
        c->copy_count++;
        return;
    }
    if (at != NONE && c->neighbours.items[at].answered) {
        /* A new series of questions after an answer. */
        const struct seen_neighbour *old = &c->neighbours.items[at];
        if (c->seen.items[old->asks.last].t_ns < old->answered_ns)
            at = NONE;
    }
    if (at == NONE) {
        if (c->neighbours.n >= NEIGHBOURS_MAX)
            return;
        at = (uint32_t)c->neighbours.n;
        struct seen_neighbour *made = ARRAY_PUSH(&c->neighbours);
        made->asker = pair[0];
        made->target = pair[1];
        made->mac = neighbour->packet.mac_src;
        find_heard(c, made, key, neighbour->packet.t_ns);
        index_put(&c->neighbour_of, key, at);
    }
    if (c->neighbours.items[at].asks.count < 4096)
        seen_add(c, &c->neighbours.items[at].asks, neighbour->packet.frame_no,
                 neighbour->packet.t_ns);
}

void collect_dhcp(void *context, const struct datagram *datagram) {
    struct collection *c = context;
    enum { BOOTS_MAX = 1 << 16, CIADDR_AT = 12 };
    const struct packet *packet = &datagram->packet;
    struct slice ciaddr = slice_between(datagram->bytes, CIADDR_AT, CIADDR_AT + 4);

    if (copies_datagram(c, datagram))
        return;
    if (c->boots.n >= BOOTS_MAX || !packet->mac_src.known || ciaddr.len < 4)
        return;
    if (ciaddr.ptr[0] || ciaddr.ptr[1] || ciaddr.ptr[2] || ciaddr.ptr[3])
        return; /* it has an address and renews it (RFC 2131 4.4.5) */
    /* DISCOVER and REQUEST of one start. */
    for (size_t i = c->boots.n; i-- > 0 && c->boots.n - i <= 16;)
        if (mac_eq(&c->boots.items[i].mac, &packet->mac_src) &&
            packet->t_ns - c->boots.items[i].t_ns < ONE_BOOT_NS)
            return;
    *ARRAY_ADD(&c->boots) =
        (struct seen_boot){.mac = packet->mac_src, .frame = packet->frame_no, .t_ns = packet->t_ns};
}
