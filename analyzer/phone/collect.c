/* The collection as a whole: its beginning and end, what its parts share, and the way in for
 * messages, notes and time. */
#include "phone/collect.h"

#include <stdlib.h>

#include "base/instant.h"
#include "net/tcp_copies.h"

void collection_init(struct collection *c) {
    *c = (struct collection){.copies = copies_new()};
}

void collection_end(struct collection *c) {
    orphans_end(c);
    damaged_end(c);
    copies_end(c);
    collect_dns_end(c);
    connections_end(c);
}

void collection_fini(struct collection *c) {
    ARRAY_FINI(&c->seen);
    ARRAY_FINI(&c->responses);
    ARRAY_FINI(&c->txs);
    ARRAY_FINI(&c->wordings);
    ARRAY_FINI(&c->queries);
    ARRAY_FINI(&c->records);
    ARRAY_FINI(&c->connections);
    ARRAY_FINI(&c->free_connections);
    ARRAY_FINI(&c->icmps);
    ARRAY_FINI(&c->neighbours);
    ARRAY_FINI(&c->losses);
    ARRAY_FINI(&c->hosts);
    ARRAY_FINI(&c->boots);
    ARRAY_FINI(&c->link_types);
    passing_fini(&c->tx_of);
    index_fini(&c->wording_of);
    passing_fini(&c->query_of);
    index_fini(&c->connection_of);
    index_fini(&c->host_of);
    index_fini(&c->neighbour_of);
    for (size_t i = 0; i < COLLECT_DNS; i++)
        free(c->dns_told[i].written);
    for (size_t i = 0; i < COLLECT_ORPHANS; i++)
        free(c->orphans[i].bytes);
    ARRAY_FINI(&c->srv_answers);
    copies_free(c->copies);
    for (size_t i = 0; i < COLLECT_DAMAGED; i++)
        free(c->damaged[i].bytes);
    intern_fini(&c->strings);
    arena_fini(&c->arena);
}

void seen_add(struct collection *c, struct seen_list *list, uint32_t frame, int64_t t_ns) {
    if (c->seen.n >= COLLECT_MAX) {
        c->limit_records++;
        return;
    }
    uint32_t at = (uint32_t)c->seen.n;
    *ARRAY_ADD(&c->seen) = (struct seen){.frame = frame, .next = NONE, .t_ns = t_ns};
    if (list->count++)
        c->seen.items[list->last].next = at;
    else
        list->first = at;
    list->last = at;
}

uint32_t collect_host(struct collection *c, const struct ip_addr *ip, int64_t t_ns) {
    uint64_t key = index_key(ip, sizeof *ip, 1);
    uint32_t at = index_get(&c->host_of, key);

    if (at == NONE) {
        at = (uint32_t)c->hosts.n;
        *ARRAY_ADD(&c->hosts) = (struct seen_host){.ip = *ip, .first_ns = t_ns, .newest_tx = NONE};
        index_put(&c->host_of, key, at);
    }
    c->hosts.items[at].last_ns = t_ns;
    return at;
}

void collect_loss(struct collection *c, enum loss_kind kind, const struct ip_addr *host,
                  const struct ip_addr *peer, int64_t from_ns, int64_t to_ns, uint32_t frame) {
    enum { LOSSES_MAX = 1 << 16 };

    if (c->losses.n >= LOSSES_MAX) {
        c->limit_records++;
        return;
    }
    struct seen_loss *loss = ARRAY_PUSH(&c->losses);
    loss->host = *host;
    loss->peer = *peer;
    loss->sign =
        (struct loss_sign){.kind = kind, .from_ns = from_ns, .to_ns = to_ns, .frame = frame};
}

void collect_time(struct collection *c, int64_t t_ns) {
    if (!c->timed || t_ns < c->start_ns)
        c->start_ns = t_ns;
    if (!c->timed || t_ns > c->end_ns)
        c->end_ns = t_ns;
    c->timed = true;
    if (!c->fractions)
        c->fractions = t_ns % NS_PER_S != 0;
}

/* The clocks of agents may be hours away from that of the capturing host: what they report sets the
 * time then, and frames of other content, of which only the times count, are taken to it. */
void collect_reported(void *context, int64_t t_ns) {
    struct collection *c = context;
    int64_t ahead_ns = t_ns - c->frame_ns;

    if (ahead_ns < NS_PER_S && ahead_ns > -NS_PER_S)
        ahead_ns = 0; /* the same clock, and the way to the collector */
    if (!c->agents && c->timed && !c->txs.n && !c->queries.n) {
        c->start_ns += ahead_ns;
        c->end_ns += ahead_ns;
    }
    c->agents = true;
    c->agent_ahead_ns = ahead_ns;
    c->reported = true;
    collect_time(c, t_ns);
}

void collect_note(void *context, enum net_note note, uint32_t frame_no, int64_t value) {
    struct collection *c = context;

    (void)frame_no;
    c->notes[note]++;
    c->note_value[note] = value;
    if (note == NET_CLOCK_BACKWARDS && value > c->clock_step_ns)
        c->clock_step_ns = value;
}

void collect_message(void *context, const struct message *message) {
    struct collection *c = context;
    struct message room;

    if (message->quoted)
        return; /* what an ICMP error quotes, the icmp callback has */
    message = copies_message(c, message, &room);
    if (!message)
        return;
    if (c->agents)
        collect_time(c, message->packet.t_ns);
    c->sip = c->sip || message->kind == MESSAGE_SIP;
    if (message->notes & MESSAGE_CUT_BY_SNAPLEN)
        collect_cut(c, message);
    if (message->notes & MESSAGE_BAD_CHECKSUM)
        collect_damaged(c, message);
    else if (message->kind == MESSAGE_SIP)
        collect_sip(c, message);
    else
        collect_dns(c, message);
    copies_done(c);
}
