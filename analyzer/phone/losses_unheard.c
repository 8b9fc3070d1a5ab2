/* A phone to which not one packet is in the capture, though it speaks to several hosts.
 *
 *     phone      SRV ·   A sip1 ·   REGISTER ·              REGISTER REGISTER  REGISTER
 *     resolver       ·          ·
 *     sip1                                   ·                  ·        ·         ·
 *
 * Servers may be dead, and a resolver with them; what is dead is asked again (RFC 1035 4.2.1, RFC
 * 3261 17.1), and left for another. Where some host of several is asked once at a time, as one is
 * that answers, the direction to the phone is missing. One host alone proves nothing here.
 */
#include "base/instant.h"
#include "phone/tell.h"

#include <string.h>

/* Who waits for an answer has asked again by then. */
#define PATIENCE_NS ((int64_t)10 * NS_PER_S)

enum { PEERS_MAX = 16, LOOK_BACK = 16, REPEATED = 3 };

struct peer {
    struct ip_addr ip;
    uint32_t frame; /* of what it was asked once, and could have been asked again; 0: nothing */
    bool silent;    /* something was repeated to it, or it was left for another */
};

struct peers {
    struct peer items[PEERS_MAX + 1]; /* the last: all that are too many */
    size_t n;
};

static struct peer *peer_of(struct peers *peers, const struct ip_addr *ip) {
    size_t i = 0;

    while (i < peers->n && !ip_eq(&peers->items[i].ip, ip))
        i++;
    if (i == peers->n && i < PEERS_MAX)
        peers->items[peers->n++].ip = *ip;
    return &peers->items[i];
}

/* ---- is anything there that was sent to the phone? ---- */

static bool is_packet_for(enum loss_kind kind) {
    return kind == LOSS_RESPONSE_ONLY || kind == LOSS_ANSWER_ONLY || kind == LOSS_ERROR_ONLY;
}

static bool is_heard(const struct telling *telling, const struct phone_draft *phone) {
    const struct collection *c = telling->c;

    if (phone->incoming.n)
        return true;
    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (tx->response_count || tx->icmp.count)
            return true;
    }
    for (size_t i = 0; i < phone->queries.n; i++) {
        const struct query *query = c->queries.items[phone->queries.items[i]].query;
        if (query->answer_frame || query->refused)
            return true;
    }
    for (size_t i = 0; i < phone->connections.n; i++)
        if (c->connections.items[phone->connections.items[i]].connection.heard)
            return true;
    for (size_t i = 0; i < phone->neighbours.n; i++)
        if (c->neighbours.items[phone->neighbours.items[i]].answered)
            return true;
    for (size_t i = 0; i < phone->lost.n; i++)
        if (is_packet_for(c->losses.items[phone->lost.items[i]].sign.kind))
            return true;
    return false;
}

/* ---- what it did ---- */

/* Sent so often, the last time so long before the capture's end. */
static void note(const struct collection *c, struct peer *peer, bool repeated, int64_t last_ns,
                 uint32_t frame) {
    peer->silent |= repeated;
    if (!repeated && !peer->frame && c->end_ns - last_ns >= PATIENCE_NS)
        peer->frame = frame;
}

static bool is_same_question(const struct query *a, const struct query *b) {
    return a->type == b->type && strcmp(a->name, b->name) == 0 && a->t_ns - b->t_ns <= PATIENCE_NS;
}

static void look_at_questions(const struct telling *telling, const struct phone_draft *phone,
                              struct peers *peers) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->queries.n; i++) {
        const struct query *query = c->queries.items[phone->queries.items[i]].query;
        struct peer *peer = peer_of(peers, &query->resolver.ip);
        bool repeated = query->send_count > 1;
        for (size_t k = i; k-- > 0 && i - k <= LOOK_BACK && !repeated;)
            repeated = is_same_question(query, c->queries.items[phone->queries.items[k]].query);
        note(c, peer, repeated, query->t_ns, query->send_count ? query->frames[0] : 0);
    }
}

static void look_at_requests(const struct telling *telling, const struct phone_draft *phone,
                             struct peers *peers) {
    const struct collection *c = telling->c;
    const struct tx *before = NULL;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (!tx->sends.count || tx->method == SIP_ACK || tx->transport != TRANSPORT_UDP)
            continue;
        const struct seen *first = &c->seen.items[tx->sends.first];
        int64_t last_ns = c->seen.items[tx->sends.last].t_ns;
        if (before && before->told.call_id == tx->told.call_id &&
            !ip_eq(&before->dst.ip, &tx->dst.ip) &&
            first->t_ns - c->seen.items[before->sends.last].t_ns < STORY_AFTER_SILENCE_NS)
            peer_of(peers, &before->dst.ip)->silent = true;
        note(c, peer_of(peers, &tx->dst.ip), tx->sends.count >= REPEATED, last_ns, first->frame);
        before = tx;
    }
}

/* What sends on without an answer to its SYN got one. */
static void look_at_connections(const struct telling *telling, const struct phone_draft *phone,
                                struct peers *peers) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[phone->connections.items[i]];
        struct peer *peer = peer_of(peers, &seen->connection.server.ip);
        if (seen->connection.bytes[0] && !peer->frame)
            peer->frame = seen->syn_frame;
        else if (!seen->connection.bytes[0])
            peer->silent = true;
    }
}

void tell_unheard_losses(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;
    struct peers peers = {.n = 0};
    uint32_t frame = 0;

    if (is_heard(telling, phone))
        return;
    look_at_questions(telling, phone, &peers);
    look_at_requests(telling, phone, &peers);
    look_at_connections(telling, phone, &peers);
    for (size_t i = 0; i < peers.n && !frame; i++)
        if (!peers.items[i].silent)
            frame = peers.items[i].frame;
    if (peers.n > 1 && frame)
        *ARRAY_PUSH(&phone->losses) = (struct loss_sign){
            .kind = LOSS_ONE_WAY, .from_ns = c->start_ns, .to_ns = c->end_ns, .frame = frame};
}
