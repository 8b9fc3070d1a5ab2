/* Signs that the capture does not show all that was on the wire (contract section 6, Loss). */
#include "phone/tell.h"

#include <stdlib.h>

/* A packet that waits for an address behind an unanswered question is gone after this long. */
#define NEIGHBOUR_WAIT_NS ((int64_t)5 * 1000000000)
static void add_sign(struct phone_draft *phone, struct loss_sign sign) {
    *ARRAY_PUSH(&phone->losses) = sign;
}

/* Is this a server that the phone has to do with? */
static bool is_server(const struct telling *telling, const struct phone_draft *phone,
                      const struct ip_addr *ip) {
    enum { LOOK_AT = 64 };
    uint32_t host = index_get(&telling->c->host_of, index_key(ip, sizeof *ip, 1));

    if (host != NONE && telling->c->hosts.items[host].registrar)
        return true;
    for (size_t i = 0; i < phone->phone.resolution_count && i < LOOK_AT; i++) {
        const struct resolution *r = phone->phone.resolutions[i];
        for (size_t s = 0; s < r->server_count; s++)
            if (ip_eq(&r->servers[s].server.ip, ip))
                return true;
    }
    return false;
}

/* Or one that it asks for names? */
static bool is_resolver(const struct phone_draft *phone, const struct ip_addr *ip) {
    enum { LOOK_AT = 64 };

    for (size_t i = 0; i < phone->phone.query_count && i < LOOK_AT; i++)
        if (ip_eq(&phone->phone.queries[i]->resolver.ip, ip))
            return true;
    return false;
}

static void neighbour_signs(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->neighbours.n; i++) {
        const struct seen_neighbour *n = &c->neighbours.items[phone->neighbours.items[i]];
        if (!is_server(telling, phone, &n->target) && !is_resolver(phone, &n->target))
            continue;
        int64_t first = c->seen.items[n->asks.first].t_ns, last = c->seen.items[n->asks.last].t_ns;
        if (n->answered && n->answered_ns <= last + NEIGHBOUR_WAIT_NS && n->asks.count < 3)
            continue;
        struct loss_sign sign = {.kind = LOSS_NEIGHBOUR,
                                 .from_ns = first,
                                 .to_ns = n->answered ? n->answered_ns : last + NEIGHBOUR_WAIT_NS,
                                 .frame = c->seen.items[n->asks.first].frame,
                                 .server = n->target};
        add_sign(phone, sign);
    }
}

/* An error of the network that quotes no branch is laid to the newest request of its flow. Where
 * that was sent long before, it is about a request that the capture lacks. */
static void late_error_signs(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (!tx->icmp.count || !tx->sends.count)
            continue;
        const struct seen *error = &c->seen.items[tx->icmp.last];
        if (error->t_ns - c->seen.items[tx->sends.last].t_ns > ERROR_AFTER_NS)
            add_sign(phone, (struct loss_sign){.kind = LOSS_ERROR_ONLY,
                                               .from_ns = error->t_ns - ERROR_AFTER_NS,
                                               .to_ns = error->t_ns,
                                               .frame = error->frame,
                                               .server = tx->dst.ip});
    }
}

void tell_losses_divide(struct telling *telling) {
    const struct collection *c = telling->c;

    for (uint32_t i = 0; i < c->losses.n; i++) {
        const struct seen_loss *loss = &c->losses.items[i];
        uint32_t p = tell_phone_of(telling, &loss->host);
        if (p == NONE && loss->sign.kind != LOSS_ERROR_ONLY)
            p = tell_phone_of(telling, &loss->peer);
        if (p != NONE)
            *ARRAY_ADD(&telling->phones.items[p].lost) = i;
        for (p = 0; !loss->host.len && !loss->peer.len && p < telling->phones.n; p++)
            *ARRAY_ADD(&telling->phones.items[p].lost) = i;
    }
    for (uint32_t i = 0; i < c->neighbours.n; i++) {
        const struct seen_neighbour *n = &c->neighbours.items[i];
        uint32_t p = tell_phone_of(telling, &n->asker);
        if (p != NONE && n->asks.count)
            *ARRAY_ADD(&telling->phones.items[p].neighbours) = i;
    }
}

/* Bytes of a stream that the snapshot length cut take the messages behind them along. */
static void cut_signs(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;

    phone->phone.cut_ns = 0;
    for (size_t i = 0; i < phone->hosts.n; i++) {
        const struct seen_host *host = &c->hosts.items[phone->hosts.items[i]];
        if (host->cut_ns && (!phone->phone.cut_ns || host->cut_ns < phone->phone.cut_ns))
            phone->phone.cut_ns = host->cut_ns;
        if (host->cut_stream_ns)
            add_sign(phone, (struct loss_sign){.kind = LOSS_SNAPLEN,
                                               .from_ns = host->cut_stream_ns,
                                               .to_ns = c->end_ns});
    }
}

/* Is what a hole in the identifications tells of known otherwise: questions of the phone that the
 * capture lacks, and of which it has the answers? */
static bool is_explained(const struct telling *telling, const struct phone_draft *phone,
                         const struct seen_loss *hole) {
    const struct collection *c = telling->c;
    unsigned known = 0;

    for (size_t i = 0; i < phone->lost.n && known < hole->missing; i++) {
        const struct seen_loss *loss = &c->losses.items[phone->lost.items[i]];
        bool question =
            loss->sign.kind == LOSS_RESPONSE_ONLY || loss->sign.kind == LOSS_ANSWER_ONLY;
        known += question && ip_eq(&loss->host, &hole->host) &&
                 loss->sign.to_ns >= hole->sign.from_ns &&
                 loss->sign.to_ns <= hole->sign.to_ns + STORY_64T1_NS;
    }
    return known == hole->missing;
}

void tell_losses(struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->lost.n; i++) {
        const struct seen_loss *loss = &c->losses.items[phone->lost.items[i]];
        uint32_t host = tell_phone_of(telling, &loss->host);
        struct loss_sign sign = loss->sign;
        if (sign.kind == LOSS_ERROR_ONLY && !is_server(telling, phone, &loss->peer))
            continue; /* of something else than SIP */
        if (sign.kind == LOSS_HOLE && is_explained(telling, phone, loss))
            continue;
        sign.server =
            host != NONE && &telling->phones.items[host] == phone ? loss->peer : loss->host;
        add_sign(phone, sign);
    }
    neighbour_signs(telling, phone);
    late_error_signs(telling, phone);
    tell_unseen_losses(telling, phone);
    tell_one_way_losses(telling, phone);
    tell_unheard_losses(telling, phone);
    tell_unconnected_losses(telling, phone);
    cut_signs(telling, phone);
    if (telling->story->dropped_packets)
        add_sign(phone, (struct loss_sign){
                            .kind = LOSS_DROP_COUNTER, .from_ns = c->start_ns, .to_ns = c->end_ns});
}

/* ---- what a request's own sends say ---- */

static bool near(int64_t gap_ns, int64_t expected_ns) {
    int64_t off = gap_ns > expected_ns ? gap_ns - expected_ns : expected_ns - gap_ns;

    return off <= expected_ns / 10;
}

/* No gap is longer than the transaction; clocks that step back give none. */
static int64_t next_gap(int64_t gap_ns, bool invite) {
    int64_t next = gap_ns < 0 ? 0 : gap_ns > STORY_64T1_NS ? STORY_64T1_NS : gap_ns * 2;

    return !invite && next > 8 * STORY_T1_NS ? 8 * STORY_T1_NS : next;
}

/* Timers do not drift: a twentieth is enough. */
static bool exactly(int64_t gap_ns, int64_t expected_ns) {
    int64_t off = gap_ns > expected_ns ? gap_ns - expected_ns : expected_ns - gap_ns;

    return off <= expected_ns / 20;
}

/* Gaps in a row that one may be the sum of. A first gap may be many things, and one sum after the
 * other a schedule of its own: of them, less. */
enum { SUM_MAX = 8, FIRST_SUM_MAX = 3, SUM_MAX_AGAIN = 3 };

/* Is this gap the sum of two to `most` that the timers would give, beginning with `expected`? The
 * more there are, the closer it must be. */
static bool is_sum(int64_t gap_ns, int64_t expected_ns, bool invite, int most) {
    int64_t sum = expected_ns, part = expected_ns;

    for (int n = 2; n <= most; n++) {
        part = next_gap(part, invite);
        sum += part;
        if (n <= 3 ? near(gap_ns, sum) : exactly(gap_ns, sum))
            return true;
    }
    return false;
}

/* Gaps of one transaction against the timers of RFC 3261 17.1.1.2 and 17.1.2.2. The first gap is
 * T1: the phone's elsewhere, unless the second gap says that it was another. */
static void gap_signs(struct phone_draft *phone, const struct attempt *attempt, bool invite,
                      size_t transaction, int64_t t1_ns) {
    int64_t last_ns = 0, last_gap = 0;
    uint32_t last_frame = 0;
    size_t gaps = 0, sums = 0;
    const struct loss_sign model = {.kind = LOSS_GAP_SUMS, .server = attempt->server.ip};

    for (size_t i = 0; i < attempt->send_count; i++) {
        const struct send *send = &attempt->send_list[i];
        if (send->connect || send->transaction != transaction)
            continue;
        int64_t gap = last_frame ? send->t_ns - last_ns : 0;
        bool sum = false;
        if (last_frame && gaps == 0) {
            int64_t following = 0;
            for (size_t n = i + 1; n < attempt->send_count && !following; n++)
                if (!attempt->send_list[n].connect &&
                    attempt->send_list[n].transaction == transaction)
                    following = attempt->send_list[n].t_ns - send->t_ns;
            /* A lone gap is its own T1: it is held against the usual one, too. */
            sum = (is_sum(gap, t1_ns, invite, FIRST_SUM_MAX) ||
                   is_sum(gap, STORY_T1_NS, invite, FIRST_SUM_MAX)) &&
                  (!following || !near(following, next_gap(gap, invite)));
        } else if (last_frame) {
            sum = !near(gap, next_gap(last_gap, invite)) &&
                  is_sum(gap, next_gap(last_gap, invite), invite, sums ? SUM_MAX_AGAIN : SUM_MAX);
        }
        if (sum) {
            sums++;
            struct loss_sign sign = model;
            sign.from_ns = last_ns;
            sign.to_ns = send->t_ns;
            sign.frame = send->frame;
            add_sign(phone, sign);
            /* Go on with the last of the gaps that it was made of. */
            int64_t part = gaps ? next_gap(last_gap, invite) : t1_ns;
            while (gap > part + part / 4) {
                gap -= part;
                part = next_gap(part, invite);
            }
        }
        if (last_frame)
            gaps++;
        last_gap = gap;
        last_ns = send->t_ns;
        last_frame = send->frame;
    }
}

/* The T1 of a phone: the shortest first gap of what it repeated (0: it repeated nothing). */
static int64_t t1_of(const struct account *account) {
    int64_t t1 = 0;

    for (size_t r = 0; r < account->request_count; r++)
        for (size_t a = 0; a < account->requests[r].attempt_count; a++) {
            const struct attempt *attempt = &account->requests[r].attempts[a];
            const struct send *sends = attempt->send_list;
            if (transport_is_reliable(attempt->server.transport) || attempt->send_count < 2 ||
                sends[0].connect || sends[1].transaction != sends[0].transaction)
                continue;
            int64_t gap = sends[1].t_ns - sends[0].t_ns;
            if (gap >= STORY_T1_NS / 5 && (!t1 || gap < t1))
                t1 = gap;
        }
    return t1;
}

/* An attempt that lost its first or its last send has no odd gap between its sends.
 *
 *     (lost)  |----------|--------------------|          the first gap is twice the phone's T1
 *     |-----|----------|   (lost)               -> move    the wait before the move is two gaps
 */
static void edge_signs(struct phone_draft *phone, const struct request *request, size_t at,
                       int64_t t1_ns) {
    const struct attempt *attempt = &request->attempts[at];
    const struct attempt *next = at + 1 < request->attempt_count ? attempt + 1 : NULL;
    const struct send *sends = attempt->send_list, *last;
    bool invite = request->method == SIP_INVITE, silent = attempt->outcome == OUTCOME_SILENT;
    int64_t due = t1_ns ? t1_ns : STORY_T1_NS, until_ns;
    bool first = false, final = false;

    if (attempt->transactions != 1 || !attempt->send_count || sends[0].connect)
        return;
    last = &sends[attempt->send_count - 1];
    if (!silent || (next && server_eq(&attempt->server, &next->server)))
        next = NULL;
    until_ns = next ? next->t_ns : last->t_ns;
    if (t1_ns && (next || attempt->send_count > 1))
        first = exactly((attempt->send_count > 1 ? sends[1].t_ns : until_ns) - sends[0].t_ns,
                        2 * t1_ns);
    if (attempt->send_count > 1)
        due = next_gap(last->t_ns - last[-1].t_ns, invite);
    if (next)
        final = exactly(until_ns - last->t_ns, due + next_gap(due, invite));
    if (first || final)
        add_sign(phone, (struct loss_sign){.kind = LOSS_GAP_SUMS,
                                           .from_ns = attempt->t_ns,
                                           .to_ns = until_ns,
                                           .frame = last->frame,
                                           .server = attempt->server.ip});
}

bool tell_repeats(const struct telling *telling, const struct phone_draft *phone) {
    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &telling->c->txs.items[phone->txs.items[i]];
        if (!transport_is_reliable(tx->transport) && tx->sends.count > 1 && !tx->icmp.count)
            return true;
    }
    return false;
}

/* Sent once over UDP, and no answer. */
static bool is_lone(const struct attempt *attempt) {
    return attempt->outcome == OUTCOME_SILENT &&
           !transport_is_reliable(attempt->server.transport) && attempt->sends == 1 &&
           !attempt->icmp_count;
}

static const struct attempt *moved_to(const struct request *request, size_t at) {
    return at + 1 < request->attempt_count &&
                   !server_eq(&request->attempts[at + 1].server, &request->attempts[at].server)
               ? &request->attempts[at + 1]
               : NULL;
}

/* Does a phone that repeats nothing in the capture try once only, by its timers? One that is set
 * up so leaves a silent server after a single send; but not after 3×T1, when a third would be due,
 * and the second may be missing. */
static bool tries_once(const struct account *account) {
    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        for (size_t a = 0; a + 1 < request->attempt_count; a++) {
            const struct attempt *next = moved_to(request, a);
            int64_t waited = next ? next->t_ns - request->attempts[a].t_ns : 0;
            if (waited > STORY_T1_NS && !near(waited, 3 * STORY_T1_NS) &&
                is_lone(&request->attempts[a]))
                return true;
        }
    }
    return false;
}

/* How the account's next attempt at this server went, or (step -1) the one before, and the next
 * with the same method: did the server answer, or was it sent once in vain and left at that, too?
 */
static void look_beside(const struct account *account, size_t r, size_t at, int step,
                        bool *answered, bool *lone) {
    enum { LOOK_AT = 32 };
    const struct request *own = &account->requests[r];
    const struct server *server = &own->attempts[at].server;
    bool first = true;

    for (size_t seen = 0; seen < LOOK_AT; seen++) {
        const struct request *request;
        at += (size_t)step;
        while (at >= account->requests[r].attempt_count) { /* SIZE_MAX: before the first, too */
            r += (size_t)step;
            if (r >= account->request_count)
                return;
            at = step > 0 ? 0 : account->requests[r].attempt_count - 1;
        }
        request = &account->requests[r];
        if (!server_eq(&request->attempts[at].server, server) ||
            (!first && request->method != own->method))
            continue;
        if (first)
            *answered |= request->attempts[at].response_count != 0;
        *lone |= is_lone(&request->attempts[at]) && !moved_to(request, at);
        first = false;
        if (request->method == own->method)
            return;
    }
}

/* Does the server answer the phone, as far as its requests before and after this one tell? A phone
 * that sends once each time, to a server that is dead or that ignores the method, is no sign of
 * loss. */
static bool answers_beside(const struct account *account, size_t r, size_t at) {
    bool answered = false, lone = false;

    look_beside(account, r, at, -1, &answered, &lone);
    look_beside(account, r, at, 1, &answered, &lone);
    return answered && !lone;
}

/* Sent once, not answered, not repeated, and nothing was done about it, though RFC 3261 17.1 has
 * every phone repeat what goes over UDP: more likely the capture missed the answer than the phone
 * lost its timers. Where the phone repeats nothing else in the capture, it might be one that is set
 * up to try once: then the server must be seen to answer, and the phone to do nothing at all. */
static void unrepeated_sign(struct phone_draft *phone, const struct account *account, size_t r,
                            size_t at, bool once) {
    const struct request *request = &account->requests[r];
    const struct attempt *attempt = &request->attempts[at];
    const struct attempt *next = moved_to(request, at);

    if (!is_lone(attempt))
        return;
    /* Gone to another server before a second repetition was due: it did do something about it. */
    if (next && (!phone->repeats || next->t_ns - attempt->t_ns <= 8 * STORY_T1_NS))
        return;
    if (!phone->repeats && (once || !answers_beside(account, r, at)))
        return;
    for (size_t i = 0; i < request->follow_count; i++)
        if (request->follows[i].method == SIP_CANCEL)
            return;
    add_sign(phone, (struct loss_sign){.kind = LOSS_UNREPEATED,
                                       .from_ns = attempt->t_ns,
                                       .to_ns = attempt->t_ns + STORY_T1_NS,
                                       .frame = attempt->send_list[0].frame,
                                       .server = attempt->server.ip});
}

/* The first answer comes long after a repetition was due, and the phone, which repeats other
 * requests, sent once: the repetition is missing, or a provisional response. */
static void late_sign(struct phone_draft *phone, const struct attempt *attempt, int64_t t1_ns) {
    if (attempt->sends != 1 || !attempt->response_count || attempt->responses[0].late ||
        attempt->responses[0].t_ns - attempt->t_ns <= 2 * t1_ns)
        return;
    add_sign(phone, (struct loss_sign){.kind = LOSS_UNREPEATED,
                                       .from_ns = attempt->t_ns,
                                       .to_ns = attempt->responses[0].t_ns,
                                       .frame = attempt->send_list[0].frame,
                                       .server = attempt->server.ip});
}

/* A final response, in time or late. */
static bool has_final(const struct attempt *attempt) {
    for (size_t i = 0; i < attempt->response_count; i++)
        if (attempt->responses[i].status >= 200)
            return true;
    return false;
}

void tell_request_losses(struct telling *telling, struct phone_draft *phone,
                         const struct account_draft *draft) {
    const int64_t t1_ns = t1_of(&draft->account);
    const bool once = !phone->repeats && tries_once(&draft->account);

    tell_answer_losses(telling, phone, &draft->account);
    for (size_t i = 0; i < draft->account.request_count; i++) {
        const struct request *request = &draft->account.requests[i];
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            if (attempt->outcome == OUTCOME_SILENT && attempt->tries == 1 &&
                a + 1 < request->attempt_count &&
                request->attempts[a + 1].t_ns - attempt->t_ns < STORY_T1_NS)
                add_sign(phone,
                         (struct loss_sign){.kind = LOSS_EARLY_MOVE,
                                            .from_ns = attempt->t_ns,
                                            .to_ns = request->attempts[a + 1].t_ns,
                                            .frame = request->attempts[a + 1].send_list[0].frame,
                                            .server = attempt->server.ip});
            if (transport_is_reliable(attempt->server.transport))
                continue;
            unrepeated_sign(phone, &draft->account, i, a, once);
            if (phone->repeats)
                late_sign(phone, attempt, t1_ns ? t1_ns : STORY_T1_NS);
            edge_signs(phone, request, a, t1_ns);
            for (size_t x = 0; x < attempt->transactions; x++)
                if (attempt->transaction_list[x].send_count > 1 && !attempt->response_count)
                    gap_signs(phone, attempt, request->method == SIP_INVITE, x,
                              t1_ns ? t1_ns : STORY_T1_NS);
        }
        for (size_t f = 0; f < request->follow_count; f++) {
            const struct follow *follow = &request->follows[f];
            if (follow->method != SIP_ACK || follow->attempt == SIZE_MAX)
                continue;
            const struct attempt *attempt = &request->attempts[follow->attempt];
            if (!has_final(attempt))
                add_sign(phone, (struct loss_sign){.kind = LOSS_ACK_ONLY,
                                                   .from_ns = attempt->t_ns,
                                                   .to_ns = follow->t_ns,
                                                   .frame = follow->frame,
                                                   .server = attempt->server.ip});
        }
    }
}
