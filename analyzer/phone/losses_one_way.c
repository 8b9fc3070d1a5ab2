/* What a phone does that only an answer permits, where the capture has no answer: one direction is
 * missing, of a server as a whole or for a time.
 *
 *     phone      INVITE      ACK    REGISTER          REGISTER          REGISTER
 *     server  180      200 ·     ·           200 ·               ·                  the last heard
 *                                                 |──── as often as while answered: unseen ──────▶
 *
 * An act is such a send, and the send before it that must have been answered:
 *     ACK of an INVITE, or a request in its dialog ── nobody answered the INVITE in the capture
 *     credentials ── with a nonce that nobody gave, after others or after the same without
 *     a refresh instead of a repetition ── the request before it was sent once, and not answered;
 *                                          it comes when the next one came after an answer
 * Of a server that is never heard, one act suffices; of others, two without a packet of theirs in
 * between: then nothing is known from the last packet before to the first one after. A refresh is
 * no more than a habit: losses_refuted.c tells what speaks against it.
 */
#include "base/instant.h"
#include "phone/tell.h"

#include <stdlib.h>

/* Sooner after one another they may be the tries of one request. */
#define APART_NS ((int64_t)20 * 1000000000)
/* Sooner, they are one request and its repetition with credentials. */
#define TOGETHER_NS ((int64_t)5 * 1000000000)

enum { ACTS_FOR_STRETCH = 2 };

struct flow {
    struct ip_addr server;
    bool heard;        /* a packet of the server is in the capture */
    uint32_t acted;    /* frame where the phone acts upon an answer; 0: nowhere */
    const char *nonce; /* of the newest credentials sent there */
    const char *bare;  /* Call-ID of the newest request there without credentials, */
    int64_t bare_ns;   /* and when it was sent last */
    int64_t sent_ns;   /* the newest request there */
    size_t acts;
    /* Is everything that goes there over UDP sent once, far apart, and left at that? */
    bool not_lone;
    size_t lone;     /* so many, */
    int64_t lone_ns; /* the first, */
    uint32_t second; /* and the frame of one that is apart from it; 0: none */
};

/* The phone goes on at t_ns as only an answer to what it sent at since_ns permits. */
struct act {
    uint32_t flow, frame;
    int64_t since_ns, t_ns;
    bool refresh;
};

/* Requests of one method and Call-ID to one server, one after the other. */
struct series {
    int64_t last_ns;     /* the newest */
    int64_t usual_ns;    /* from one that was answered to the next; 0: not known */
    int64_t expires_ns;  /* that the newest answer granted; 0: none */
    bool lone, answered; /* the newest */
};

struct flows {
    struct index_map of_server;
    ARRAY_OF(struct flow) all;
    uint32_t last; /* that was looked for: mostly it is the next one, too */
    /* Keys of Call-IDs: an INVITE, one that opens a dialog, one with an answer; of the first two,
     * which of the phone's transactions. */
    struct index_map invited, opened, answered;
    struct index_map given;  /* keys of nonces that answers hold */
    struct index_map called; /* keys of Call-IDs: the newest transaction */
    struct index_map series_of;
    ARRAY_OF(struct series) series;
    ARRAY_OF(struct act) acts;
    bool lone; /* something was sent once, and not answered */
};

static void add_sign(struct phone_draft *phone, struct loss_sign sign) {
    *ARRAY_PUSH(&phone->losses) = sign;
}

static uint32_t flow_at(struct flows *flows, const struct ip_addr *server) {
    if (flows->last < flows->all.n && ip_eq(&flows->all.items[flows->last].server, server))
        return flows->last;
    uint64_t key = index_key(server, sizeof *server, 22);
    uint32_t at = index_get(&flows->of_server, key);
    if (at == NONE) {
        at = (uint32_t)flows->all.n;
        index_put(&flows->of_server, key, at);
        ARRAY_PUSH(&flows->all)->server = *server;
    }
    flows->last = at;
    return at;
}

static struct flow *flow_of(struct flows *flows, const struct ip_addr *server) {
    uint32_t at = flow_at(flows, server); /* which may move them */

    return &flows->all.items[at];
}

static uint64_t text_key(const char *text) {
    return index_key(text, strlen(text), 23);
}

static bool is_request(const struct tx *tx) {
    return tx->method != SIP_ACK && tx->method != SIP_CANCEL && tx->sends.count;
}

static void gather_answers(const struct telling *telling, const struct phone_draft *phone,
                           struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (tx->method == SIP_INVITE && tx->told.call_id) {
            uint64_t key = text_key(tx->told.call_id);
            index_put(tx->response_count ? &flows->answered : &flows->invited, key, (uint32_t)i);
            if (!tx->response_count && !tx->told.to_tag)
                index_put(&flows->opened, key, (uint32_t)i);
        }
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            if (c->responses.items[at].told.nonce)
                index_put(&flows->given, text_key(c->responses.items[at].told.nonce), 0);
    }
}

/* Which of the phone's transactions must have been answered for it to send this one? NONE: none
 * that the capture shows as unanswered. */
static uint32_t acts_upon_dialog(const struct flows *flows, const struct tx *tx) {
    bool ack = tx->method == SIP_ACK;

    if (!tx->told.call_id || (!ack && (!tx->told.to_tag || tx->method == SIP_CANCEL)))
        return NONE;
    uint64_t key = text_key(tx->told.call_id);
    uint32_t invite = index_get(ack ? &flows->invited : &flows->opened, key);
    return invite != NONE && index_get(&flows->answered, key) == NONE ? invite : NONE;
}

/* Credentials with a nonce that nobody gave, after others, or after the same request without: a
 * phone that knew the nonce would have used it at once. */
static bool acts_upon_challenge(const struct flows *flows, const struct flow *flow,
                                const struct tx *tx) {
    if (tx->method == SIP_ACK || !tx->told.nonce)
        return false;
    bool other = flow->nonce ? strcmp(tx->told.nonce, flow->nonce) != 0
                             : tx->told.call_id && tx->told.call_id == flow->bare;
    return other && index_get(&flows->given, text_key(tx->told.nonce)) == NONE;
}

static void note_act(struct flows *flows, uint32_t flow, int64_t since_ns, const struct seen *send,
                     bool refresh) {
    if (since_ns > send->t_ns)
        return;
    *ARRAY_PUSH(&flows->acts) = (struct act){flow, send->frame, since_ns, send->t_ns, refresh};
    flows->all.items[flow].acts++;
}

static bool is_lone(const struct tx *tx) {
    return tx->transport == TRANSPORT_UDP && tx->sends.count == 1 && !tx->response_count &&
           !tx->icmp.count;
}

static void follow_requests(const struct telling *telling, struct phone_draft *phone,
                            struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        uint32_t at = flow_at(flows, &tx->dst.ip);
        struct flow *flow = &flows->all.items[at];
        flow->heard |= tx->response_count || tx->icmp.count;
        if (!tx->sends.count)
            continue;
        const struct seen *first = &c->seen.items[tx->sends.first];
        uint32_t upon = acts_upon_dialog(flows, tx);
        bool challenge = acts_upon_challenge(flows, flow, tx);
        if (upon != NONE) {
            const struct tx *invite = &c->txs.items[phone->txs.items[upon]];
            note_act(flows, at, c->seen.items[invite->sends.first].t_ns, first, false);
        } else if (challenge) {
            note_act(flows, at, flow->sent_ns, first, false);
        }
        if (!flow->acted && ((upon != NONE && tx->method == SIP_ACK) || challenge))
            flow->acted = first->frame;
        if (challenge && !flow->nonce && flow->bare)
            add_sign(phone, (struct loss_sign){.kind = LOSS_CHALLENGE,
                                               .from_ns = flow->bare_ns,
                                               .to_ns = first->t_ns,
                                               .frame = first->frame,
                                               .server = flow->server});
        if (tx->told.nonce)
            flow->nonce = tx->told.nonce;
        if (!is_request(tx))
            continue;
        flow->sent_ns = c->seen.items[tx->sends.last].t_ns;
        bool lone = is_lone(tx);
        flows->lone |= lone;
        flow->not_lone |= !lone;
        if (!tx->told.nonce) {
            flow->bare = tx->told.call_id;
            flow->bare_ns = flow->sent_ns;
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

/* Nothing else is known of its answers, and everything that goes there goes once. */
static bool is_lone_so_far(const struct flow *flow) {
    return !flow->heard && !flow->acted && !flow->not_lone;
}

/* A server of which nothing is heard, and everything that goes there over UDP goes once, time after
 * time, and nowhere else after that: what nobody answers is repeated (RFC 3261 17.1), and then sent
 * elsewhere. */
static void follow_lone(const struct telling *telling, const struct phone_draft *phone,
                        struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (!is_request(tx))
            continue;
        const struct seen *send = &c->seen.items[tx->sends.first];
        struct flow *flow = flow_of(flows, &tx->dst.ip);
        flow->not_lone |= is_lone_so_far(flow) && tell_is_unanswered(telling, phone, i);
        uint64_t key = tx->told.call_id ? text_key(tx->told.call_id) : 0;
        uint32_t before = key ? index_get(&flows->called, key) : NONE;
        if (before != NONE) {
            const struct tx *other = &c->txs.items[phone->txs.items[before]];
            int64_t later_ns = send->t_ns - c->seen.items[other->sends.first].t_ns;
            bool here = ip_eq(&other->dst.ip, &tx->dst.ip);
            if (later_ns < (here ? APART_NS : STORY_AFTER_SILENCE_NS))
                flow_of(flows, &other->dst.ip)->not_lone = true;
        }
        if (key)
            index_put(&flows->called, key, (uint32_t)i);
        if (!flow->lone++)
            flow->lone_ns = send->t_ns;
        else if (!flow->second && send->t_ns - flow->lone_ns >= APART_NS)
            flow->second = send->frame;
    }
    for (size_t i = 0; i < flows->all.n; i++) {
        struct flow *flow = &flows->all.items[i];
        if (is_lone_so_far(flow))
            flow->acted = flow->second;
    }
}

/* ---- refreshes at their usual time ---- */

static bool is_near(int64_t gap_ns, int64_t usual_ns) {
    int64_t off = gap_ns > usual_ns ? gap_ns - usual_ns : usual_ns - gap_ns;

    return off <= usual_ns / 10;
}

/* Is this when a phone whose last request was answered would send the next: as long after it as
 * before, or in the second half of the lifetime that it was granted? */
static bool is_usual(const struct series *series, int64_t gap_ns) {
    return (series->usual_ns && is_near(gap_ns, series->usual_ns)) ||
           (series->expires_ns && gap_ns >= series->expires_ns / 2 - series->expires_ns / 20 &&
            gap_ns <= series->expires_ns + series->expires_ns / 20);
}

static void note_answers(const struct collection *c, struct series *series, const struct tx *tx) {
    series->answered = false;
    for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next) {
        const struct response *response = &c->responses.items[at].told;
        if (response->status < 200 || response->status > 299)
            continue;
        series->answered = true;
        if (response->has_expires)
            series->expires_ns = (int64_t)response->expires_s * NS_PER_S;
    }
    series->lone = is_lone(tx);
}

static struct series *series_of(struct flows *flows, const struct tx *tx) {
    const uint64_t names[] = {(uintptr_t)tx->told.call_id, tx->method,
                              index_key(&tx->dst.ip, sizeof tx->dst.ip, 22)};
    uint64_t key = index_key(names, sizeof names, 24);
    uint32_t at = index_get(&flows->series_of, key);

    if (at == NONE) {
        at = (uint32_t)flows->series.n;
        index_put(&flows->series_of, key, at);
        ARRAY_PUSH(&flows->series)->last_ns = INT64_MIN;
    }
    return &flows->series.items[at];
}

/* Registrations and subscriptions that are renewed as if nothing had happened, though what renewed
 * them before was sent once and not answered. */
static void follow_refreshes(const struct telling *telling, const struct phone_draft *phone,
                             struct flows *flows) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if ((tx->method != SIP_REGISTER && tx->method != SIP_SUBSCRIBE) || !tx->told.call_id ||
            !tx->sends.count)
            continue;
        const struct seen *send = &c->seen.items[tx->sends.first];
        struct series *series = series_of(flows, tx);
        bool first = series->last_ns == INT64_MIN;
        if (first || send->t_ns - series->last_ns > TOGETHER_NS) {
            int64_t gap_ns = first ? 0 : send->t_ns - series->last_ns;
            if (!first && series->answered)
                series->usual_ns = gap_ns;
            else if (!first && series->lone && is_usual(series, gap_ns))
                note_act(flows, flow_at(flows, &tx->dst.ip), series->last_ns, send, true);
        }
        series->last_ns = send->t_ns;
        note_answers(c, series, tx);
    }
}

/* ---- signs ---- */

/* The last time that a server was heard before an act, and the first after it. */
struct silence {
    int64_t from_ns, to_ns;
    bool broken; /* it was heard while it acted, too */
};

static void hear(struct silence *silence, const struct act *act, int64_t t_ns) {
    if (t_ns <= act->since_ns)
        silence->from_ns = t_ns > silence->from_ns ? t_ns : silence->from_ns;
    else if (t_ns > act->t_ns)
        silence->to_ns = t_ns < silence->to_ns ? t_ns : silence->to_ns;
    else
        silence->broken = true;
}

static struct silence silence_around(const struct telling *telling, const struct phone_draft *phone,
                                     const struct ip_addr *server, const struct act *act) {
    const struct collection *c = telling->c;
    struct silence silence = {.from_ns = c->start_ns, .to_ns = c->end_ns};

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (!ip_eq(&tx->dst.ip, server))
            continue;
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            hear(&silence, act, c->responses.items[at].told.t_ns);
        if (tx->icmp.count) {
            hear(&silence, act, c->seen.items[tx->icmp.first].t_ns);
            hear(&silence, act, c->seen.items[tx->icmp.last].t_ns);
        }
    }
    for (size_t i = 0; i < phone->incoming.n; i++) {
        const struct tx *tx = &c->txs.items[phone->incoming.items[i]];
        if (ip_eq(&tx->told.source.ip, server) && tx->sends.count)
            hear(&silence, act, c->seen.items[tx->sends.first].t_ns);
    }
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct connection *connection =
            &c->connections.items[phone->connections.items[i]].connection;
        if (connection->heard && ip_eq(&connection->server.ip, server)) {
            hear(&silence, act, connection->t_ns);
            hear(&silence, act, connection->end_ns);
        }
    }
    return silence;
}

/* Acts of one flow in one silence. */
struct stretch {
    struct silence silence;
    const struct act *first, *second, *last;
    size_t acts;
    bool refreshes; /* none is more than that */
};

static bool lasts_to(const struct stretch *stretch, const struct act *act) {
    return stretch->acts && act->since_ns >= stretch->silence.from_ns &&
           act->t_ns < stretch->silence.to_ns;
}

static void extend(struct stretch *stretch, const struct act *act) {
    if (++stretch->acts == 2)
        stretch->second = act;
    stretch->last = act;
    stretch->refreshes &= act->refresh;
}

static void end_stretch(const struct telling *telling, struct phone_draft *phone,
                        const struct ip_addr *server, const struct stretch *stretch) {
    if (stretch->acts < ACTS_FOR_STRETCH ||
        (stretch->refreshes &&
         tell_silence_is_true(telling, phone, server, stretch->first->since_ns,
                              stretch->last->since_ns)))
        return;
    add_sign(phone, (struct loss_sign){.kind = LOSS_ONE_WAY,
                                       .from_ns = stretch->silence.from_ns + 1,
                                       .to_ns = stretch->silence.to_ns,
                                       .frame = stretch->second->frame,
                                       .server = *server});
}

/* Of a server that is heard: from the last packet of it before two acts to the first one after. */
static void stretch_signs(const struct telling *telling, struct phone_draft *phone,
                          const struct flows *flows) {
    enum { LOOKS_MAX = 64 }; /* each costs a walk over what the phone sent */
    size_t looks = 0;

    for (size_t f = 0; f < flows->all.n; f++) {
        const struct flow *flow = &flows->all.items[f];
        struct stretch stretch = {.acts = 0};
        if (!flow->heard || flow->acts < ACTS_FOR_STRETCH)
            continue;
        for (size_t i = 0; i < flows->acts.n && looks < LOOKS_MAX; i++) {
            const struct act *act = &flows->acts.items[i];
            if (act->flow != f)
                continue;
            if (lasts_to(&stretch, act)) {
                extend(&stretch, act);
                continue;
            }
            end_stretch(telling, phone, &flow->server, &stretch);
            looks++;
            stretch =
                (struct stretch){.silence = silence_around(telling, phone, &flow->server, act),
                                 .first = act,
                                 .last = act,
                                 .refreshes = act->refresh};
            stretch.acts = !stretch.silence.broken;
        }
        end_stretch(telling, phone, &flow->server, &stretch);
    }
}

void tell_one_way_losses(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;
    struct flows flows = {0};
    bool unheard = false;

    gather_answers(telling, phone, &flows);
    follow_requests(telling, phone, &flows);
    follow_connections(telling, phone, &flows);
    for (size_t i = 0; i < phone->incoming.n; i++)
        flow_of(&flows, &c->txs.items[phone->incoming.items[i]].told.source.ip)->heard = true;
    for (size_t i = 0; i < flows.all.n; i++)
        unheard |= is_lone_so_far(&flows.all.items[i]);
    if (unheard)
        follow_lone(telling, phone, &flows);
    if (flows.lone)
        follow_refreshes(telling, phone, &flows);
    for (size_t i = 0; i < flows.all.n; i++) {
        const struct flow *flow = &flows.all.items[i];
        if (!flow->heard && flow->acted)
            add_sign(phone, (struct loss_sign){.kind = LOSS_ONE_WAY,
                                               .from_ns = c->start_ns,
                                               .to_ns = c->end_ns,
                                               .frame = flow->acted,
                                               .server = flow->server});
    }
    stretch_signs(telling, phone, &flows);
    index_fini(&flows.of_server);
    index_fini(&flows.invited);
    index_fini(&flows.opened);
    index_fini(&flows.answered);
    index_fini(&flows.given);
    index_fini(&flows.called);
    index_fini(&flows.series_of);
    ARRAY_FINI(&flows.all);
    ARRAY_FINI(&flows.series);
    ARRAY_FINI(&flows.acts);
}
