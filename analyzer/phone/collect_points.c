/* Answers that the far one of two capture points alone saw: did they come to the phone, and only
 * the capture at its side lacks them, or did the network lose them? The phone's behaviour tells.
 *
 *     sent again later, or gone elsewhere after a success ──▶ it had no answer: left out
 *     acknowledged; not sent again, though it would be    ──▶ it had it
 *     gone elsewhere, or neither acknowledged             ──▶ as if it had it, and a sign of loss
 *
 * What is left out is a sign of loss, too: a phone that repeats what was answered is not told from
 * one that was not answered.
 */
#include "phone/collect.h"

/* A repetition that crosses the answer on its way says nothing of it (net/tcp_copies.h: so long may
 * the way between two points be). */
#define WAY_NS ((int64_t)400 * 1000000)
/* Nobody goes elsewhere for want of an answer so soon after one (RFC 3261 17.1: T1). */
#define AT_ONCE_NS STORY_T1_NS

enum verdict { HEARD, UNSURE, UNHEARD };

static uint64_t pair_key(const struct collection *c, const struct tx *tx) {
    struct ip_addr pair[2] = {c->hosts.items[wording_of(c, tx)->host].ip, tx->dst.ip};

    return index_key(pair, sizeof pair, 43);
}

static uint64_t ack_key(const struct collection *c, const struct tx *tx) {
    const char *call_id = wording_of(c, tx)->call_id;

    return call_id ? index_key(call_id, strlen(call_id), 44 + tx->told.cseq) : 1;
}

static bool is_at_home(const struct seen_response *response) {
    return response->point == response->asked_at;
}

/* What is known of all transactions: which servers the near point hears, what was acknowledged,
 * which hosts repeat over UDP what is not answered. */
struct known {
    struct index_map heard, acked, repeating;
};

static uint64_t host_key(const struct wording *wording) {
    return index_key(&wording->host, sizeof wording->host, 46);
}

/* When the request's next transaction, of any outside a dialog, began, if that was at another
 * server and after t; INT64_MAX: none was. */
static int64_t moved_ns(const struct collection *c, size_t of, int64_t t_ns) {
    enum { LOOK_AHEAD = 256 };
    const struct tx *tx = &c->txs.items[of];
    const struct wording *wording = wording_of(c, tx);

    for (size_t i = of + 1; wording->call_id && i < c->txs.n && i - of <= LOOK_AHEAD; i++) {
        const struct tx *next = &c->txs.items[i];
        const struct wording *other = wording_of(c, next);
        if (other->host != wording->host || next->method != tx->method || next->told.to_tag ||
            !next->sends.count || !other->call_id || strcmp(other->call_id, wording->call_id) != 0)
            continue;
        int64_t after_ns = c->seen.items[next->sends.first].t_ns - t_ns;
        bool moved = !ip_eq(&next->dst.ip, &tx->dst.ip) && after_ns > 0;
        return moved && after_ns <= STORY_64T1_NS ? t_ns + after_ns : INT64_MAX;
    }
    return INT64_MAX;
}

/* Does the server give a final answer once more, as it does until an INVITE's is acknowledged? */
static bool is_given_again(const struct collection *c, const struct response *told, uint32_t next) {
    for (; next != NONE; next = c->responses.items[next].next)
        if (c->responses.items[next].told.status >= 200 &&
            c->responses.items[next].told.t_ns - told->t_ns >= STORY_T1_NS / 2)
            return true;
    return false;
}

static enum verdict judge(const struct collection *c, const struct known *known, size_t of,
                          const struct seen_response *response) {
    const struct tx *tx = &c->txs.items[of];
    const struct response *told = &response->told;
    bool invite = tx->method == SIP_INVITE, final = told->status >= 200;
    int64_t last_ns = tx->sends.count ? c->seen.items[tx->sends.last].t_ns : told->t_ns;

    if (!final && !invite)
        return HEARD; /* it is sent again all the same (RFC 3261 17.1.2.2) */
    if (last_ns - told->t_ns > WAY_NS)
        return UNHEARD;
    if (!final)
        return HEARD;
    if (invite) {
        if (index_get(&known->acked, ack_key(c, tx)) != NONE)
            return HEARD;
        if (is_given_again(c, told, response->next))
            return UNHEARD;
        return c->end_ns - told->t_ns > WAY_NS ? UNSURE : HEARD;
    }
    int64_t away_ns = moved_ns(c, of, told->t_ns);
    if (away_ns == INT64_MAX)
        return HEARD;
    if (!transport_is_reliable(tx->transport) && tx->sends.count == 1 &&
        away_ns - last_ns > 2 * STORY_T1_NS &&
        index_get(&known->repeating, host_key(wording_of(c, tx))) != NONE)
        return HEARD; /* else it had sent it again by then */
    if (told->status < 300)
        return UNHEARD;
    return away_ns - told->t_ns < AT_ONCE_NS ? HEARD : UNSURE;
}

/* The answers of one transaction, without those that did not come. */
static void settle(struct collection *c, const struct known *known, size_t of) {
    struct tx *tx = &c->txs.items[of];
    uint32_t *link = &tx->first_response, last = NONE;

    for (uint32_t at = *link; at != NONE; at = c->responses.items[at].next) {
        struct seen_response *response = &c->responses.items[at];
        enum verdict verdict = is_at_home(response) ? HEARD : judge(c, known, of, response);
        if (verdict != HEARD)
            collect_loss(c, LOSS_FAR_ONLY, &c->hosts.items[wording_of(c, tx)->host].ip, &tx->dst.ip,
                         response->told.t_ns, response->told.t_ns, response->told.frame);
        if (verdict == UNHEARD) {
            tx->response_count--;
            continue;
        }
        /* It came after the repetition that it crossed. */
        if (!is_at_home(response) && response->told.status >= 200 && tx->sends.count &&
            c->seen.items[tx->sends.last].t_ns >= response->told.t_ns)
            response->told.t_ns = c->seen.items[tx->sends.last].t_ns + 1;
        *link = at;
        link = &response->next;
        last = at;
    }
    *link = NONE;
    tx->last_response = last;
}

void points_end(struct collection *c) {
    struct known known = {0};

    for (size_t i = 0; i < c->txs.n; i++) {
        const struct tx *tx = &c->txs.items[i];
        if (tx->method == SIP_ACK)
            index_put(&known.acked, ack_key(c, tx), 0);
        if (tx->sends.count > 1 && !transport_is_reliable(tx->transport))
            index_put(&known.repeating, host_key(wording_of(c, tx)), 0);
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            if (is_at_home(&c->responses.items[at]))
                index_put(&known.heard, pair_key(c, tx), 0);
    }
    for (size_t i = 0; i < c->txs.n; i++)
        if (c->txs.items[i].first_response != NONE &&
            index_get(&known.heard, pair_key(c, &c->txs.items[i])) != NONE)
            settle(c, &known, i);
    index_fini(&known.heard);
    index_fini(&known.acked);
    index_fini(&known.repeating);
}
