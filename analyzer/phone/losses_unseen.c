/* What a phone's own requests say of packets that the capture lacks.
 *
 *     CSeq  3  4  5  7      a phone that counts by one sent something in between (RFC
 * 3261 8.1.1.5); or it tried to: a connection in vain and an address that nobody has take a number,
 * too, and show themselves INVITE, ACK           the phone had an answer, and not one packet of
 * that server is in the capture: it shows one direction only
 */
#include "phone/tell.h"

#include <stdlib.h>

enum {
    STEADY = 3,         /* steps of one before a jump says something */
    JUMP_MAX = 8,       /* a wider one is a phone that counts otherwise */
    STEPS_FOR_JUMP = 8, /* more than one jump must be so rare */
};

#define APART_NS ((int64_t)20 * 1000000000)

static void add_sign(struct phone_draft *phone, struct loss_sign sign) {
    *ARRAY_PUSH(&phone->losses) = sign;
}

/* ---- CSeq ---- */

/* The requests of one Call-ID and From tag. */
struct counter {
    uint32_t cseq, steady;
    int64_t t_ns;
};

/* How a phone counts. One that leaves numbers out again and again has that habit: at each move to
 * another server, or for requests that never leave it. */
struct counting {
    size_t steps, jumps;
    ARRAY_OF(struct loss_sign) signs;
};

/* Did the phone try to connect in vain between these two points in time? */
static bool connected_in_vain(const struct telling *telling, const struct phone_draft *phone,
                              int64_t from_ns, int64_t to_ns) {
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct connection *connection =
            &telling->c->connections.items[phone->connections.items[i]].connection;
        if (!connection->accepted && connection->t_ns >= from_ns && connection->t_ns <= to_ns)
            return true;
    }
    return false;
}

/* Some phones count all their requests together: were the numbers in between given to others? */
static bool counted_elsewhere(const struct telling *telling, const struct phone_draft *phone,
                              const struct counter *counter, size_t at) {
    enum { LOOK_BACK = 256 };
    const struct collection *c = telling->c;
    const struct tx *tx = &c->txs.items[phone->txs.items[at]];

    for (size_t i = at; i-- > 0 && at - i <= LOOK_BACK;) {
        const struct tx *other = &c->txs.items[phone->txs.items[i]];
        if (other->sends.count && c->seen.items[other->sends.last].t_ns < counter->t_ns)
            return false;
        if (other->told.call_id != tx->told.call_id && other->told.cseq > counter->cseq &&
            other->told.cseq < tx->told.cseq)
            return true;
    }
    return false;
}

static void count(const struct telling *telling, const struct phone_draft *phone,
                  struct counting *counting, struct counter *counter, size_t at) {
    const struct tx *tx = &telling->c->txs.items[phone->txs.items[at]];
    const struct seen *first = &telling->c->seen.items[tx->sends.first];
    uint32_t cseq = tx->told.cseq, ahead = cseq - counter->cseq;

    if (ahead == 0)
        return; /* the same at another server, or in another transaction */
    counting->steps += ahead == 1;
    counting->jumps += ahead > 1 && ahead <= JUMP_MAX;
    if (ahead == 1) {
        counter->steady++;
    } else if (ahead <= JUMP_MAX && counter->steady >= STEADY && first->t_ns > counter->t_ns) {
        counter->steady /= 2;
        if (!connected_in_vain(telling, phone, counter->t_ns, first->t_ns) &&
            !counted_elsewhere(telling, phone, counter, at))
            *ARRAY_PUSH(&counting->signs) = (struct loss_sign){.kind = LOSS_CSEQ,
                                                               .from_ns = counter->t_ns + 1,
                                                               .to_ns = first->t_ns,
                                                               .frame = first->frame};
    } else {
        counter->steady = 0;
    }
    counter->cseq = cseq;
    counter->t_ns = telling->c->seen.items[tx->sends.last].t_ns;
}

static void cseq_signs(const struct telling *telling, struct phone_draft *phone) {
    struct index_map counter_of = {0};
    ARRAY_OF(struct counter) counters = {0};
    struct counting counting = {0};
    const char *last[2] = {0}; /* mostly it is the next one's, too */
    uint32_t at = NONE;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &telling->c->txs.items[phone->txs.items[i]];
        const char *names[] = {tx->told.call_id, tx->told.from_tag};
        if (tx->method == SIP_ACK || tx->method == SIP_CANCEL || !tx->told.call_id ||
            !tx->sends.count)
            continue;
        if (names[0] == last[0] && names[1] == last[1]) {
            count(telling, phone, &counting, &counters.items[at], i);
            continue;
        }
        uint64_t key = index_key(names, sizeof names, 21);
        memcpy(last, names, sizeof last);
        at = index_get(&counter_of, key);
        if (at == NONE) {
            at = (uint32_t)counters.n;
            index_put(&counter_of, key, at);
            *ARRAY_PUSH(&counters) = (struct counter){
                .cseq = tx->told.cseq, .t_ns = telling->c->seen.items[tx->sends.last].t_ns};
        } else {
            count(telling, phone, &counting, &counters.items[at], i);
        }
    }
    if (counting.jumps == 1 || counting.jumps * STEPS_FOR_JUMP <= counting.steps)
        for (size_t i = 0; i < counting.signs.n; i++)
            add_sign(phone, counting.signs.items[i]);
    index_fini(&counter_of);
    ARRAY_FINI(&counters);
    ARRAY_FINI(&counting.signs);
}

/* ---- one direction only ---- */

struct flow {
    struct ip_addr server;
    bool heard;        /* a packet of the server is in the capture */
    uint32_t acted;    /* frame where the phone acts upon an answer; 0: nowhere */
    const char *nonce; /* of the newest credentials sent there */
    const char *bare;  /* Call-ID of the newest request there without credentials, */
    int64_t bare_ns;   /* and when it was sent last */
};

struct flows {
    struct index_map of_server;
    ARRAY_OF(struct flow) all;
    uint32_t last;                      /* that was looked for: mostly it is the next one, too */
    struct index_map invited, answered; /* keys of Call-IDs: an INVITE, with an answer */
    struct index_map given;             /* keys of nonces that answers hold */
};

static struct flow *flow_of(struct flows *flows, const struct ip_addr *server) {
    if (flows->last < flows->all.n && ip_eq(&flows->all.items[flows->last].server, server))
        return &flows->all.items[flows->last];
    uint64_t key = index_key(server, sizeof *server, 22);
    uint32_t at = index_get(&flows->of_server, key);
    if (at == NONE) {
        at = (uint32_t)flows->all.n;
        index_put(&flows->of_server, key, at);
        ARRAY_PUSH(&flows->all)->server = *server;
    }
    flows->last = at;
    return &flows->all.items[at];
}

static uint64_t text_key(const char *text) {
    return index_key(text, strlen(text), 23);
}

static void gather_answers(const struct telling *telling, const struct phone_draft *phone,
                           struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (tx->method == SIP_INVITE && tx->told.call_id)
            index_put(tx->response_count ? &flows->answered : &flows->invited,
                      text_key(tx->told.call_id), 0);
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            if (c->responses.items[at].told.nonce)
                index_put(&flows->given, text_key(c->responses.items[at].told.nonce), 0);
    }
}

/* Does it follow from an answer that the capture lacks? The ACK of an INVITE that is there and was
 * not answered; credentials with a nonce that nobody gave, after others, or after the same request
 * without: a phone that knew the nonce would have used it at once. */
static bool acts(const struct flows *flows, const struct flow *flow, const struct tx *tx) {
    if (tx->method == SIP_ACK) {
        uint64_t key = tx->told.call_id ? text_key(tx->told.call_id) : 0;
        return key && index_get(&flows->invited, key) != NONE &&
               index_get(&flows->answered, key) == NONE;
    }
    bool other = flow->nonce ? tx->told.nonce && strcmp(tx->told.nonce, flow->nonce) != 0
                             : tx->told.call_id && tx->told.call_id == flow->bare;
    return tx->told.nonce && other && index_get(&flows->given, text_key(tx->told.nonce)) == NONE;
}

static void follow_requests(const struct telling *telling, struct phone_draft *phone,
                            struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        struct flow *flow = flow_of(flows, &tx->dst.ip);
        flow->heard |= tx->response_count || tx->icmp.count;
        if (tx->sends.count && acts(flows, flow, tx)) {
            const struct seen *first = &c->seen.items[tx->sends.first];
            if (!flow->acted)
                flow->acted = first->frame;
            if (!flow->nonce && flow->bare)
                add_sign(phone, (struct loss_sign){.kind = LOSS_CHALLENGE,
                                                   .from_ns = flow->bare_ns,
                                                   .to_ns = first->t_ns,
                                                   .frame = first->frame,
                                                   .server = flow->server});
        }
        if (tx->told.nonce)
            flow->nonce = tx->told.nonce;
        if (!tx->told.nonce && tx->method != SIP_ACK && tx->method != SIP_CANCEL &&
            tx->sends.count) {
            flow->bare = tx->told.call_id;
            flow->bare_ns = c->seen.items[tx->sends.last].t_ns;
        }
    }
}

static void follow_connections(const struct telling *telling, const struct phone_draft *phone,
                               struct flows *flows) {
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct seen_connection *seen =
            &telling->c->connections.items[phone->connections.items[i]];
        struct flow *flow = flow_of(flows, &seen->connection.server.ip);
        flow->heard |= seen->connection.heard;
        /* Without an answer to its SYN it could not send on. */
        if (!flow->acted && seen->connection.sip)
            flow->acted = seen->syn_frame;
    }
}

/* One server alone, of which nothing is heard, and everything that goes there over UDP goes once,
 * time after time: what nobody answers is repeated (RFC 3261 17.1), and then sent elsewhere. Sooner
 * after one another they may be the tries of one request. */
static void follow_lone(const struct telling *telling, const struct phone_draft *phone,
                        struct flows *flows) {
    const struct collection *c = telling->c;
    const struct seen *before = NULL, *second = NULL;

    if (flows->all.n != 1 || flows->all.items[0].heard)
        return;
    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        const struct seen *send = &c->seen.items[tx->sends.first];
        if (tx->method == SIP_ACK || tx->method == SIP_CANCEL || !tx->sends.count)
            continue;
        if (tx->transport != TRANSPORT_UDP || tx->sends.count > 1 ||
            (before && send->t_ns - before->t_ns < APART_NS))
            return;
        if (before && !second)
            second = send;
        before = send;
    }
    if (second && !flows->all.items[0].acted)
        flows->all.items[0].acted = second->frame;
}

static void one_way_signs(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;
    struct flows flows = {0};

    gather_answers(telling, phone, &flows);
    follow_requests(telling, phone, &flows);
    follow_connections(telling, phone, &flows);
    for (size_t i = 0; i < phone->incoming.n; i++)
        flow_of(&flows, &c->txs.items[phone->incoming.items[i]].told.source.ip)->heard = true;
    follow_lone(telling, phone, &flows);
    for (size_t i = 0; i < flows.all.n; i++) {
        const struct flow *flow = &flows.all.items[i];
        if (!flow->heard && flow->acted)
            add_sign(phone, (struct loss_sign){.kind = LOSS_ONE_WAY,
                                               .from_ns = c->start_ns,
                                               .to_ns = c->end_ns,
                                               .frame = flow->acted,
                                               .server = flow->server});
    }
    index_fini(&flows.of_server);
    index_fini(&flows.invited);
    index_fini(&flows.answered);
    index_fini(&flows.given);
    ARRAY_FINI(&flows.all);
}

void tell_unseen_losses(const struct telling *telling, struct phone_draft *phone) {
    cseq_signs(telling, phone);
    one_way_signs(telling, phone);
}
