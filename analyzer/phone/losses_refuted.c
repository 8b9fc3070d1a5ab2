/* What shows, while a server is not heard, that it did not speak: the capture lacks no answers.
 *
 *     an INVITE that nobody gave up ── a phone that is answered sends ACK, or CANCEL (RFC 3261
 *                                      17.1.1.3, 13.2.2.4, 9.1), and what it sends is there
 *     a request that was repeated ── twice or more: what is answered is not
 *     others were heard ── what comes to the phone is in the capture; no proof where the phone is
 *                          known to repeat what nobody answers
 */
#include "base/instant.h"
#include "phone/tell.h"

/* Nobody lets a phone ring longer (RFC 3261 16.6, timer C). */
#define RINGING_NS ((int64_t)180 * NS_PER_S)

enum {
    REPEATED = 3,      /* sends: one repetition may have crossed its answer */
    LOOK_AHEAD = 4096, /* transactions: what ends an INVITE may be further on */
};

static bool is_within(int64_t t_ns, int64_t from_ns, int64_t to_ns) {
    return t_ns > from_ns && t_ns < to_ns;
}

/* Does the phone end this INVITE somehow: by an ACK, or by a CANCEL? */
static bool is_ended(const struct collection *c, const struct phone_draft *phone, size_t at) {
    const struct tx *invite = &c->txs.items[phone->txs.items[at]];

    for (size_t i = at + 1; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (i - at > LOOK_AHEAD)
            return true;
        if ((tx->method == SIP_ACK || tx->method == SIP_CANCEL) &&
            tx->told.call_id == invite->told.call_id)
            return true;
    }
    return false;
}

bool tell_is_unanswered(const struct telling *telling, const struct phone_draft *phone, size_t at) {
    const struct collection *c = telling->c;
    const struct tx *tx = &c->txs.items[phone->txs.items[at]];

    if (tx->transport != TRANSPORT_UDP || tx->method == SIP_ACK || !tx->sends.count ||
        tx->response_count)
        return false;
    if (tx->sends.count >= REPEATED)
        return true;
    return tx->method == SIP_INVITE && tx->told.call_id &&
           c->end_ns - c->seen.items[tx->sends.last].t_ns > RINGING_NS && !is_ended(c, phone, at);
}

static bool others_heard(const struct telling *telling, const struct phone_draft *phone,
                         const struct ip_addr *server, int64_t from_ns, int64_t to_ns) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            if (!ip_eq(&tx->dst.ip, server) &&
                is_within(c->responses.items[at].told.t_ns, from_ns, to_ns))
                return true;
    }
    for (size_t i = 0; i < phone->incoming.n; i++) {
        const struct tx *tx = &c->txs.items[phone->incoming.items[i]];
        if (tx->sends.count && !ip_eq(&tx->told.source.ip, server) &&
            is_within(c->seen.items[tx->sends.first].t_ns, from_ns, to_ns))
            return true;
    }
    for (size_t i = 0; i < phone->queries.n; i++) {
        const struct query *query = c->queries.items[phone->queries.items[i]].query;
        if (query->answer_frame && is_within(query->answer_t_ns, from_ns, to_ns))
            return true;
    }
    return false;
}

bool tell_silence_is_true(const struct telling *telling, const struct phone_draft *phone,
                          const struct ip_addr *server, int64_t from_ns, int64_t to_ns) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (ip_eq(&tx->dst.ip, server) && tx->sends.count &&
            is_within(c->seen.items[tx->sends.first].t_ns, from_ns, to_ns) &&
            tell_is_unanswered(telling, phone, i))
            return true;
    }
    return !phone->repeats && others_heard(telling, phone, server, from_ns, to_ns);
}
