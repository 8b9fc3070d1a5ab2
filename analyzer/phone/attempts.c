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

/* What fills an attempt: how much there is of it, and how much of it is in place. */
struct filling {
    size_t transactions, sends, responses, icmp;
};

static struct filling count_of(const struct teller *t, const struct attempt_draft *draft) {
    struct filling count = {0};

    for (uint32_t n = 0, at = draft->tries.first; n < draft->tries.count;
         n++, at = t->tries.items[at].next) {
        if (t->tries.items[at].tx == NONE) {
            count.sends++;
            continue;
        }
        const struct tx *tx = tx_at(t, t->tries.items[at].tx);
        count.transactions++;
        count.sends += tx->sends.count;
        count.responses += tx->response_count;
        count.icmp += tx->icmp.count;
    }
    return count;
}

/* Several are copied side by side; one serves where it lies: the story keeps the collection's. */
static struct transaction *room_for_transactions(const struct teller *t, size_t count) {
    return count == 1 ? NULL : ARENA_ARRAY(t->telling->arena, struct transaction, count);
}

static struct response *room_for_responses(const struct teller *t, size_t count) {
    return count == 1 ? NULL : ARENA_ARRAY(t->telling->arena, struct response, count);
}

static void fill_sends(const struct teller *t, struct attempt *out,
                       const struct attempt_draft *draft) {
    struct collection *c = t->telling->c;
    struct arena *arena = t->telling->arena;
    struct filling count = count_of(t, draft), done = {0};
    struct transaction *transactions = room_for_transactions(t, count.transactions);
    struct response *responses = room_for_responses(t, count.responses);
    struct send *sends = ARENA_ARRAY(arena, struct send, count.sends);
    uint32_t *icmp_frames = ARENA_ARRAY(arena, uint32_t, count.icmp);

    out->icmp_prohibited = count.icmp > 0;
    for (uint32_t i = 0, place = draft->tries.first; i < draft->tries.count; i++) {
        const struct try_draft *try = &t->tries.items[place];
        place = try->next;
        if (try->tx == NONE) {
            const struct seen_connection *seen = &c->connections.items[try->connection];
            sends[done.sends++] = (struct send){.frame = seen->syn_frame,
                                                .t_ns = try->t_ns,
                                                .connect = true,
                                                .transaction = SIZE_MAX};
            out->connects++;
            continue;
        }
        struct tx *tx = &c->txs.items[try->tx];
        tx->told.first_send = done.sends;
        tx->told.send_count = tx->sends.count;
        uint32_t at = tx->sends.first;
        for (uint32_t n = 0; n < tx->sends.count; n++, at = c->seen.items[at].next)
            sends[done.sends++] = (struct send){.frame = c->seen.items[at].frame,
                                                .t_ns = c->seen.items[at].t_ns,
                                                .transaction = done.transactions};
        at = tx->icmp.first;
        for (uint32_t n = 0; n < tx->icmp.count; n++, at = c->seen.items[at].next)
            icmp_frames[done.icmp++] = c->seen.items[at].frame;
        if (tx->icmp.count && !tx->icmp_prohibited)
            out->icmp_prohibited = false;
        unsigned status_before = 0;
        for (at = tx->first_response; at != NONE; at = c->responses.items[at].next) {
            struct response *told = &c->responses.items[at].told;
            told->late = told->status >= 200 && told->t_ns > draft->moved_ns;
            told->repeated = told->status == status_before;
            told->transaction = done.transactions;
            status_before = told->status;
            if (count.responses == 1)
                responses = told;
            else
                responses[done.responses++] = *told;
        }
        out->sends += tx->sends.count;
        if (count.transactions == 1)
            transactions = &tx->told;
        else
            transactions[done.transactions++] = tx->told;
    }
    /* Sends of several transactions may interleave: in order of time, the transactions' first sends
     * found again. */
    if (count.transactions > 1 || out->connects) {
        array_sort(sends, count.sends, sizeof *sends, by_send_time);
        for (size_t i = count.sends; i-- > 0;)
            if (!sends[i].connect)
                transactions[sends[i].transaction].first_send = i;
        if (count.responses > 1)
            array_sort(responses, count.responses, sizeof *responses, by_response_time);
    }
    out->transaction_list = transactions;
    out->transactions = (unsigned)count.transactions;
    out->send_list = sends;
    out->send_count = count.sends;
    out->responses = responses;
    out->response_count = count.responses;
    out->icmp_frames = icmp_frames;
    out->icmp_count = count.icmp;
    out->retransmissions = out->sends - out->transactions;
    out->tries = transport_is_reliable(draft->server.transport) ? out->transactions + out->connects
                                                                : out->sends;
    out->call_id = count.transactions ? transactions[0].call_id : NULL;
    out->t_ns = count.sends ? sends[0].t_ns : 0;
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

    for (uint32_t i = 0, place = draft->tries.first; i < draft->tries.count; i++) {
        const struct try_draft *try = &t->tries.items[place];
        const struct seen_connection *seen = NULL;
        place = try->next;
        if (try->tx != NONE) {
            const struct tx *tx = tx_at(t, try->tx);
            uint32_t at = tx->icmp.first;
            for (uint32_t n = 0; n < tx->icmp.count; n++, at = c->seen.items[at].next) {
                if (c->seen.items[at].t_ns < first_error)
                    first_error = c->seen.items[at].t_ns;
                if (c->seen.items[at].t_ns > end)
                    end = c->seen.items[at].t_ns;
            }
            if (tx->told.conn_id)
                seen = collect_connection(t->telling->c, tx->told.conn_id);
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
    if (count) {
        uint32_t *kept = ARENA_ARRAY(t->telling->arena, uint32_t, count);
        memcpy(kept, frames, count * sizeof *kept);
        out->error_frames = kept;
        out->error_count = count;
    }
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
    if (transport_is_reliable(a->server.transport))
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
                                enum sip_method method, int64_t at_ns) {
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < request->attempt_count; i++) {
        const struct attempt *a = &request->attempts[i];
        for (size_t x = 0; x < a->transactions; x++) {
            const struct transaction *transaction = &a->transaction_list[x];
            if (text_eq(transaction->branch, follow->told.branch) &&
                (a->transactions > 1 || request->attempt_count == 1 ||
                 ip_eq(&a->server.ip, &follow->dst.ip)))
                return i;
            if (transaction->cseq != follow->told.cseq || a->t_ns > at_ns)
                continue;
            if (method == SIP_CANCEL || (a->final_status && a->final_ns <= at_ns) ||
                best == SIZE_MAX)
                best = i;
        }
    }
    return best;
}

static void fill_follows(const struct teller *t, struct request *out,
                         const struct request_draft *draft) {
    struct follow *follows = ARENA_ARRAY(t->telling->arena, struct follow, draft->follows.count);
    uint32_t place = draft->follows.first;

    for (size_t i = 0; i < draft->follows.count; i++, place = t->follows.items[place].next) {
        const struct tx *tx = tx_at(t, t->follows.items[place].tx);
        const struct seen *seen = &t->telling->c->seen.items[tx->sends.first];
        enum sip_method method = said_by(t, tx)->method;
        struct follow *follow = &follows[i];
        *follow = (struct follow){.method = method,
                                  .frame = seen->frame,
                                  .t_ns = seen->t_ns,
                                  .server = server_of(tx),
                                  .branch = tx->told.branch};
        follow->attempt = attempt_of_follow(out, tx, method, seen->t_ns);
        if (method == SIP_ACK && follow->attempt != SIZE_MAX)
            follow->of_non_2xx = out->attempts[follow->attempt].final_status >= 300;
    }
    out->follows = follows;
    out->follow_count = draft->follows.count;
}

/* The gap before a repetition that is followed by this one: half of it, at T2 as long. */
static int64_t gap_before(int64_t gap_ns, enum sip_method method) {
    return method != SIP_INVITE && gap_ns > 7 * STORY_T1_NS ? gap_ns : gap_ns / 2;
}

/* Did the phone boot between the beginning of the capture and this? */
static bool booted_before(const struct teller *t, int64_t t_ns) {
    for (size_t i = 0; i < t->phone->boots.n; i++)
        if (t->phone->boots.items[i].t_ns <= t_ns)
            return true;
    return false;
}

/* Did it begin before the capture did? There are no lookups, and no boot, before it; its first send
 * that was seen is followed by a gap that the timers give to a repetition (RFC
 * 3261 17.1.1.2, 17.1.2.2), or, sent once and in a row of other requests, by a move after such a
 * gap; and the send before would lie before the capture. */
static bool began_before(const struct teller *t, enum sip_method method, const struct attempt *a,
                         const struct attempt *next) {
    if (a->send_list[0].connect || t->phone->phone.query_count || booted_before(t, a->t_ns))
        return false;
    for (size_t i = 0; i < a->response_count; i++)
        if (!a->responses[i].late)
            return false;
    const struct transaction *first = &a->transaction_list[a->send_list[0].transaction];
    if (transport_is_reliable(
            a->server.transport)) { /* TCP itself repeats: its first segment is seen? */
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
    const struct wording *said = first ? said_by(t, first) : NULL;
    size_t attempt_count = draft->attempts.count;
    struct attempt *attempts = ARENA_ARRAY(t->telling->arena, struct attempt, attempt_count);

    *out = (struct request){.method = draft->method,
                            .method_text = said ? said->method_text : NULL,
                            .call_id = said ? said->call_id : NULL,
                            .uri = said ? said->uri : NULL,
                            .to_uri = said ? said->to_uri : NULL,
                            .contact_uri = said ? said->contact_uri : NULL,
                            .attempts = attempts,
                            .attempt_count = attempt_count,
                            .has_reg_id = draft->has_reg_id,
                            .reg_id = draft->reg_id};
    uint32_t place = draft->attempts.first;
    for (size_t i = 0; i < attempt_count; i++) {
        const struct attempt_draft *a = &t->attempts.items[place];
        place = a->next;
        attempts[i].server = a->server;
        attempts[i].after_challenge = a->after_challenge;
        attempts[i].after_redirect = a->after_redirect;
        fill_sends(t, &attempts[i], a);
        judge_outcome(t, &attempts[i], a, draft->method, i + 1 == attempt_count);
        if (attempts[i].final_status)
            out->status = attempts[i].final_status;
    }
    const struct attempt *last = &attempts[attempt_count - 1];
    out->t_ns = attempts[0].t_ns;
    out->end_ns = last->end_ns;
    if (first) {
        out->in_dialog = said->to_tag != NULL;
        out->unregister =
            said->method == SIP_REGISTER && first->told.has_expires && !first->told.expires_s;
        out->event = said->event;
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
        began_before(t, draft->method, &attempts[0], attempt_count > 1 ? &attempts[1] : NULL);
    if (out->starts_midway && attempts[0].outcome == OUTCOME_SILENT)
        attempts[0].outcome = OUTCOME_CUT;
    out->outcome = last->outcome;
    fill_follows(t, out, draft);
}
