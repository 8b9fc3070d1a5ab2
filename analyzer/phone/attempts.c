/* What came of each attempt: its sends, responses and errors, and how it ended (contract section
 * 1).
 *
 *   final response in time ──▶ answered, or unavailable (503)
 *   else an error that no try followed ──▶ refused
 *   else still being tried when the capture ends, or the phone restarts ──▶ cut
 *   else provisional responses ──▶ stalled
 *   else ──▶ silent
 */
#include "phone/requests.h"

#include <stdlib.h>

static void fill_transaction(struct transaction *out, const struct tx *tx, size_t first_send) {
    *out = (struct transaction){
        .branch = tx->branch,
        .call_id = tx->call_id,
        .cseq = tx->cseq,
        .from_tag = tx->from_tag,
        .to_tag = tx->to_tag,
        .source = tx->src,
        .via_ip = tx->via_ip,
        .via_port = tx->via_port,
        .cut = tx->cut,
        .credentials = tx->credentials,
        .nonce = tx->nonce,
        .has_expires = tx->has_expires,
        .expires_s = tx->expires_s,
        .conn_id = tx->conn_id,
        .first_send = first_send,
        .send_count = tx->sends.count,
        .size = tx->size,
    };
}

static int by_send_time(const void *a, const void *b) {
    const struct send *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int by_response_time(const void *a, const void *b) {
    const struct response *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static void fill_sends(const struct teller *t, struct attempt *out,
                       const struct attempt_draft *draft) {
    const struct collection *c = t->telling->c;
    struct arena *arena = &t->telling->story->arena;
    size_t txs = 0, sends = 0, responses = 0, icmp = 0, i, r = 0, m = 0, x = 0, s = 0;

    for (i = 0; i < draft->tries.n; i++) {
        if (draft->tries.items[i].tx == NONE) {
            sends++;
            continue;
        }
        const struct tx *tx = tx_at(t, draft->tries.items[i].tx);
        txs++;
        sends += tx->sends.count;
        responses += tx->response_count;
        icmp += tx->icmp.count;
    }
    struct transaction *transaction_list = ARENA_ARRAY(arena, struct transaction, txs);
    struct send *send_list = ARENA_ARRAY(arena, struct send, sends);
    struct response *response_list = ARENA_ARRAY(arena, struct response, responses);
    uint32_t *icmp_frames = ARENA_ARRAY(arena, uint32_t, icmp);
    out->icmp_prohibited = icmp > 0;
    for (i = 0; i < draft->tries.n; i++) {
        const struct try_draft *try = &draft->tries.items[i];
        if (try->tx == NONE) {
            const struct seen_connection *seen = &c->connections.items[try->connection];
            send_list[s++] = (struct send){seen->syn_frame, try->t_ns, true, SIZE_MAX};
            out->connects++;
            continue;
        }
        const struct tx *tx = tx_at(t, try->tx);
        fill_transaction(&transaction_list[x], tx, s);
        uint32_t at = tx->sends.first;
        for (uint32_t n = 0; n < tx->sends.count; n++, at = c->seen.items[at].next)
            send_list[s++] =
                (struct send){c->seen.items[at].frame, c->seen.items[at].t_ns, false, x};
        at = tx->icmp.first;
        for (uint32_t n = 0; n < tx->icmp.count; n++, at = c->seen.items[at].next)
            icmp_frames[m++] = c->seen.items[at].frame;
        if (tx->icmp.count && !tx->icmp_prohibited)
            out->icmp_prohibited = false;
        unsigned status_before = 0;
        for (at = tx->first_response; at != NONE; at = c->responses.items[at].next) {
            const struct seen_response *seen = &c->responses.items[at];
            response_list[r++] = (struct response){
                .frame = seen->frame,
                .t_ns = seen->t_ns,
                .status = seen->status,
                .late = seen->status >= 200 && seen->t_ns > draft->moved_ns,
                .repeated = seen->status == status_before,
                .transaction = x,
                .has_retry_after = seen->has_retry_after,
                .has_min_expires = seen->has_min_expires,
                .stale = seen->stale,
                .has_expires = seen->has_expires,
                .retry_after_s = seen->retry_after_s,
                .min_expires_s = seen->min_expires_s,
                .expires_s = seen->expires_s,
                .nonce = seen->nonce,
                .contact_uri = seen->contact_uri,
            };
            status_before = seen->status;
        }
        out->sends += tx->sends.count;
        x++;
    }
    /* Sends of several transactions may interleave: in order of time, the transactions' first sends
     * found again. */
    if (txs > 1 || out->connects) {
        array_sort(send_list, sends, sizeof *send_list, by_send_time);
        for (i = sends; i-- > 0;)
            if (!send_list[i].connect)
                transaction_list[send_list[i].transaction].first_send = i;
        array_sort(response_list, responses, sizeof *response_list, by_response_time);
    }
    out->transaction_list = transaction_list;
    out->transactions = (unsigned)txs;
    out->send_list = send_list;
    out->send_count = sends;
    out->responses = response_list;
    out->response_count = responses;
    out->icmp_frames = icmp_frames;
    out->icmp_count = icmp;
    out->retransmissions = out->sends - out->transactions;
    out->tries =
        draft->server.transport == TRANSPORT_UDP ? out->sends : out->transactions + out->connects;
    out->call_id = txs ? transaction_list[0].call_id : NULL;
    out->t_ns = sends ? send_list[0].t_ns : 0;
}

/* An error that ended the attempt: no try at that server followed it (contract section 1). One that
 * a try follows did not stop the phone. */
static bool ended_by_error(const struct teller *t, struct attempt *out,
                           const struct attempt_draft *draft) {
    const struct collection *c = t->telling->c;
    int64_t last_try = out->send_list[out->send_count - 1].t_ns, first_error = INT64_MAX;
    uint32_t frames[64];
    size_t count = 0;
    int64_t end = out->end_ns;

    for (size_t i = 0; i < draft->tries.n; i++) {
        const struct try_draft *try = &draft->tries.items[i];
        const struct seen_connection *seen = NULL;
        if (try->tx != NONE) {
            const struct tx *tx = tx_at(t, try->tx);
            uint32_t at = tx->icmp.first;
            for (uint32_t n = 0; n < tx->icmp.count; n++, at = c->seen.items[at].next) {
                if (c->seen.items[at].t_ns < first_error)
                    first_error = c->seen.items[at].t_ns;
                if (c->seen.items[at].t_ns > end)
                    end = c->seen.items[at].t_ns;
            }
            if (tx->conn_id)
                seen = collect_connection(t->telling->c, tx->conn_id);
        } else {
            seen = &c->connections.items[try->connection];
            if (seen->connection.timed_out)
                out->timed_out_connect = true;
        }
        if (seen && seen->connection.error_frame && seen->connection.error_ns >= try->t_ns &&
            seen->connection.error_ns <= draft->moved_ns) {
            if (seen->connection.error_ns < first_error)
                first_error = seen->connection.error_ns;
            if (seen->connection.error_ns > end)
                end = seen->connection.error_ns;
            if (count < 64)
                frames[count++] = seen->connection.error_frame;
        }
    }
    out->end_ns = end;
    uint32_t *kept = ARENA_ARRAY(&t->telling->story->arena, uint32_t, count);
    if (count)
        memcpy(kept, frames, count * sizeof *kept);
    out->error_frames = kept;
    out->error_count = count;
    return first_error != INT64_MAX && last_try <= first_error;
}

/* Could the phone still be at it when the capture ends? Over UDP the next repetition must not be
 * overdue (a quarter late at most); over TCP a transaction runs for 64×T1 (RFC 3261 17.1.1.2,
 * 17.1.2.2); a ringing INVITE for three minutes (Timer C, 16.6 step 11). */
static bool still_running(const struct teller *t, const struct attempt *a, enum sip_method method) {
    const int64_t s = 1000000000, end = t->telling->c->end_ns;
    const struct send *last = &a->send_list[a->send_count - 1];

    if (a->response_count && method == SIP_INVITE)
        return end - a->responses[a->response_count - 1].t_ns < 180 * s;
    if (last->connect)
        return a->timed_out_connect && end - last->t_ns < STORY_64T1_NS;
    const struct transaction *transaction = &a->transaction_list[last->transaction];
    int64_t first = a->send_list[transaction->first_send].t_ns;
    if (end - first >= STORY_64T1_NS)
        return false;
    if (a->server.transport != TRANSPORT_UDP)
        return true;
    int64_t next = 4 * s;
    for (size_t i = a->send_count - 1; transaction->send_count > 1 && i-- > 0;) {
        if (a->send_list[i].transaction != last->transaction)
            continue;
        next = 2 * (last->t_ns - a->send_list[i].t_ns);
        if (method != SIP_INVITE && next > 4 * s)
            next = 4 * s;
        break;
    }
    return end - last->t_ns <= next + next / 4;
}

static bool restarted_after(const struct teller *t, const struct attempt *a) {
    int64_t last = a->send_list[a->send_count - 1].t_ns;

    for (size_t i = 0; i < t->phone->restarts.n; i++)
        if (t->phone->restarts.items[i] >= last &&
            t->phone->restarts.items[i] - last < STORY_AFTER_SILENCE_NS)
            return true;
    return false;
}

static void judge_outcome(const struct teller *t, struct attempt *out,
                          const struct attempt_draft *draft, enum sip_method method, bool last) {
    bool provisional = false;

    out->end_ns = out->send_list[out->send_count - 1].t_ns;
    for (size_t i = 0; i < out->response_count; i++) {
        const struct response *r = &out->responses[i];
        if (r->late)
            continue;
        if (r->t_ns > out->end_ns)
            out->end_ns = r->t_ns;
        if (r->status < 200) {
            provisional = true;
        } else if (!out->final_status) {
            out->final_status = r->status;
            out->final_frame = r->frame;
            out->final_ns = r->t_ns;
        }
    }
    bool error = ended_by_error(t, out, draft);
    if (out->final_status == 503) {
        out->outcome = OUTCOME_UNAVAILABLE;
    } else if (out->final_status) {
        out->outcome = OUTCOME_ANSWERED;
    } else if (last && restarted_after(t, out)) {
        out->outcome = OUTCOME_CUT;
        out->restarted = true;
    } else if (error && !provisional) {
        out->outcome = OUTCOME_REFUSED;
    } else if (last && draft->moved_ns == INT64_MAX && still_running(t, out, method)) {
        out->outcome = OUTCOME_CUT;
        out->in_progress = true;
    } else {
        out->outcome = provisional ? OUTCOME_STALLED : OUTCOME_SILENT;
    }
}

/* The attempt that an ACK or CANCEL belongs to: that of its branch; else, of its CSeq, the last
 * that had begun (an ACK: that had been answered). */
static size_t attempt_of_follow(const struct request *request, const struct tx *follow,
                                int64_t at_ns) {
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < request->attempt_count; i++) {
        const struct attempt *a = &request->attempts[i];
        for (size_t x = 0; x < a->transactions; x++) {
            const struct transaction *transaction = &a->transaction_list[x];
            if (text_eq(transaction->branch, follow->branch) &&
                (a->transactions > 1 || request->attempt_count == 1 ||
                 ip_eq(&a->server.ip, &follow->dst.ip)))
                return i;
            if (transaction->cseq != follow->cseq || a->t_ns > at_ns)
                continue;
            if (follow->method == SIP_CANCEL || (a->final_status && a->final_ns <= at_ns) ||
                best == SIZE_MAX)
                best = i;
        }
    }
    return best;
}

static void fill_follows(const struct teller *t, struct request *out,
                         const struct request_draft *draft) {
    struct follow *follows =
        ARENA_ARRAY(&t->telling->story->arena, struct follow, draft->follows.n);

    for (size_t i = 0; i < draft->follows.n; i++) {
        const struct tx *tx = tx_at(t, draft->follows.items[i]);
        const struct seen *seen = &t->telling->c->seen.items[tx->sends.first];
        struct follow *follow = &follows[i];
        *follow = (struct follow){.method = tx->method,
                                  .frame = seen->frame,
                                  .t_ns = seen->t_ns,
                                  .server = server_of(tx),
                                  .branch = tx->branch};
        follow->attempt = attempt_of_follow(out, tx, seen->t_ns);
        if (tx->method == SIP_ACK && follow->attempt != SIZE_MAX)
            follow->of_non_2xx = out->attempts[follow->attempt].final_status >= 300;
    }
    out->follows = follows;
    out->follow_count = draft->follows.n;
}

/* The gap before a repetition that is followed by this one: half of it, at T2 as long. */
static int64_t gap_before(int64_t gap_ns, enum sip_method method) {
    return method != SIP_INVITE && gap_ns > 7 * STORY_T1_NS ? gap_ns : gap_ns / 2;
}

/* Did it begin before the capture did? There are no lookups before it; its first send that was seen
 * is followed by a gap that the timers give to a repetition (RFC 3261 17.1.1.2, 17.1.2.2), or, sent
 * once and in a row of other requests, by a move after such a gap; and the send before would lie
 * before the capture. */
static bool began_before(const struct teller *t, enum sip_method method, const struct attempt *a,
                         const struct attempt *next) {
    if (a->send_list[0].connect || t->phone->phone.query_count)
        return false;
    for (size_t i = 0; i < a->response_count; i++)
        if (!a->responses[i].late)
            return false;
    const struct transaction *first = &a->transaction_list[a->send_list[0].transaction];
    if (a->server.transport != TRANSPORT_UDP) { /* TCP itself repeats: its first segment is seen? */
        const struct seen_connection *seen = collect_connection(t->telling->c, first->conn_id);
        return seen && !seen->connection.from_start && a->t_ns == t->telling->c->start_ns;
    }
    bool again = a->send_count > 1 && a->send_list[1].transaction == a->send_list[0].transaction;
    bool later = first->credentials || first->to_tag || first->cseq > 1;
    if (!again && (!next || !later || server_eq(&next->server, &a->server)))
        return false;
    int64_t gap = (again ? a->send_list[1].t_ns : next->t_ns) - a->t_ns;
    return gap > STORY_T1_NS + STORY_T1_NS / 4 && gap < STORY_64T1_NS &&
           a->t_ns - gap_before(gap, method) < t->telling->c->start_ns;
}

void fill_request(const struct teller *t, struct request *out, const struct request_draft *draft) {
    const struct tx *first = draft->first_tx == NONE ? NULL : tx_at(t, draft->first_tx);
    struct attempt *attempts =
        ARENA_ARRAY(&t->telling->story->arena, struct attempt, draft->attempts.n);

    *out = (struct request){.method = draft->method,
                            .method_text = first ? first->method_text : NULL,
                            .call_id = first ? first->call_id : NULL,
                            .uri = first ? first->uri : NULL,
                            .attempts = attempts,
                            .attempt_count = draft->attempts.n,
                            .has_reg_id = draft->has_reg_id,
                            .reg_id = draft->reg_id};
    for (size_t i = 0; i < draft->attempts.n; i++) {
        const struct attempt_draft *a = &draft->attempts.items[i];
        attempts[i].server = a->server;
        attempts[i].after_challenge = a->after_challenge;
        attempts[i].after_redirect = a->after_redirect;
        fill_sends(t, &attempts[i], a);
        judge_outcome(t, &attempts[i], a, draft->method, i + 1 == draft->attempts.n);
        if (attempts[i].final_status)
            out->status = attempts[i].final_status;
    }
    const struct attempt *last = &attempts[draft->attempts.n - 1];
    out->t_ns = attempts[0].t_ns;
    out->end_ns = last->end_ns;
    if (first) {
        out->in_dialog = first->to_tag != NULL;
        out->unregister = first->method == SIP_REGISTER && first->has_expires && !first->expires_s;
        out->event = first->event;
    }
    int64_t end = t->telling->c->end_ns;
    if (last->outcome == OUTCOME_CUT)
        out->open = !last->restarted;
    else if (last->outcome == OUTCOME_ANSWERED)
        out->open = last->final_status >= 300 && end - last->final_ns < STORY_AFTER_FINAL_NS;
    else if (last->outcome == OUTCOME_UNAVAILABLE)
        out->open = end - last->final_ns < STORY_AFTER_FINAL_NS;
    else
        out->open = end - last->send_list[last->send_count - 1].t_ns < STORY_AFTER_SILENCE_NS &&
                    end - last->end_ns < STORY_AFTER_SILENCE_NS;
    out->starts_midway =
        began_before(t, draft->method, &attempts[0], draft->attempts.n > 1 ? &attempts[1] : NULL);
    if (out->starts_midway && attempts[0].outcome == OUTCOME_SILENT)
        attempts[0].outcome = OUTCOME_CUT;
    out->outcome = last->outcome;
    fill_follows(t, out, draft);
}
