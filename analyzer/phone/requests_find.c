/* Which request a transaction goes on with.
 *
 * Where method and Call-ID are the same, or where, under another Call-ID, the request's last
 * attempt was left without a final response (or with a 503) and this one goes to another server
 * with the same method and Request-URI user. It must follow within 5 s of the final response, or
 * within 37 s of the first send of the transaction before it; what was tried in vain on the way, a
 * connection, counts like a send. After a 2xx nothing goes on.
 */
#include "phone/requests.h"

uint64_t request_key(enum sip_method method, const char *text, bool has_reg_id, uint32_t reg_id,
                     uint64_t basis) {
    struct {
        const char *text;
        uint64_t method, reg_id;
    } key = {text, (uint64_t)method, has_reg_id ? 1 + (uint64_t)reg_id : 0};

    return index_key(&key, sizeof key, basis);
}

uint64_t request_call_id_key(const struct wording *said) {
    return request_key(said->method, said->call_id, said->has_reg_id, said->reg_id, 60);
}

uint64_t request_user_key(const struct wording *said) {
    return request_key(said->method, said->user, said->has_reg_id, said->reg_id, 61);
}

/* For something sent at t, when the phone went on to it at from_ns: with the first of the
 * connections that it tried in vain before. From one of these to the next, and to the send, is no
 * longer than after silence. An answer that came meanwhile ends it. */
static bool goes_on(const struct teller *t, const struct request_draft *request, int64_t from_ns,
                    int64_t at_ns) {
    if (from_ns == at_ns)
        return request_is_open(t, request, at_ns);
    const struct response *final =
        request_attempt_final(t, request_last_attempt(t, request), at_ns);
    return request_is_open(t, request, final && final->t_ns > from_ns ? at_ns : from_ns);
}

/* Under another Call-ID: only away from a server that failed, this one or one that could not be
 * reached meanwhile. Otherwise it is asked in parallel. */
static bool carried_on(const struct teller *t, const struct request_draft *request,
                       const struct tx *tx, int64_t from_ns, int64_t at_ns) {
    struct server to = server_of(tx);
    bool away = !server_eq(&request_last_attempt(t, request)->server, &to);

    for (size_t i = 0; from_ns < at_ns && i < t->pending.n && !away; i++) {
        struct server between = request_connection_server(t, t->pending.items[i]);
        away = !server_eq(&between, &to);
    }
    return away && goes_on(t, request, from_ns, at_ns) && request_left(t, request, from_ns);
}

static bool is_unregister(const struct teller *t, const struct tx *tx) {
    return said_by(t, tx)->method == SIP_REGISTER && tx->told.has_expires && !tx->told.expires_s;
}

/* To register and to un-register are two purposes. */
static bool same_purpose(const struct teller *t, const struct request_draft *request,
                         const struct tx *tx) {
    return request->first_tx == NONE ||
           is_unregister(t, tx_at(t, request->first_tx)) == is_unregister(t, tx);
}

static bool is_at(const struct teller *t, uint32_t request, const struct server *server) {
    return server_eq(&request_last_attempt(t, &t->requests.items[request])->server, server);
}

/* Two registrations under one Call-ID (fallback.registration concurrent): the second leaves long
 * before the first could have been given up, and each is answered where it went. Once that was seen
 * the phone has the habit, and an answer may be missing. */
static bool is_beside(const struct teller *t, uint32_t request, const struct tx *tx,
                      int64_t at_ns) {
    const struct request_draft *first = &t->requests.items[request];
    const struct attempt_draft *attempt = request_last_attempt(t, first);
    struct server to = server_of(tx);

    if (first->method != SIP_REGISTER || is_at(t, request, &to) ||
        request_last_try(t, attempt)->tx == NONE || request_attempt_final(t, attempt, at_ns))
        return false;
    const struct tx *before = tx_at(t, request_last_try(t, attempt)->tx);
    if (at_ns - first_send_ns(t, before) >= STORY_T1_NS / 4 || request_met_error(t, before, at_ns))
        return false;
    if (first->parallel)
        return true;
    /* One that explains the move, and that came out of order, is no answer to a parallel one. */
    const struct response *final = request_tx_final(t, before, INT64_MAX);
    return final && final->status != 503 && final->t_ns - at_ns > STORY_REORDER_NS &&
           request_tx_final(t, tx, INT64_MAX);
}

/* The request that goes on with a transaction of its Call-ID: this one, or its twin; NULL: none. */
static struct request_draft *carries(struct teller *t, uint32_t request, const struct tx *tx,
                                     int64_t from_ns, int64_t at_ns) {
    struct server to = server_of(tx);
    uint32_t twin = t->requests.items[request].twin;

    if (is_beside(t, request, tx, at_ns) && (twin == NONE || !is_at(t, twin, &to)))
        return NULL;
    if (twin != NONE && !is_at(t, request, &to) && is_at(t, twin, &to) &&
        goes_on(t, &t->requests.items[twin], from_ns, at_ns))
        request = twin;
    struct request_draft *found = &t->requests.items[request];
    return same_purpose(t, found, tx) && goes_on(t, found, from_ns, at_ns) ? found : NULL;
}

void request_note_twin(struct teller *t, uint32_t request, uint32_t before, const struct tx *tx,
                       int64_t at_ns) {
    struct request_draft *new = &t->requests.items[request], *old = &t->requests.items[before];

    if (is_beside(t, before, tx, at_ns)) {
        new->twin = before;
        old->twin = request;
        old->parallel = true;
    }
    new->parallel = old->parallel;
}

struct request_draft *request_find(struct teller *t, const struct tx *tx, int64_t from_ns,
                                   int64_t at_ns) {
    const struct wording *said = said_by(t, tx);
    uint32_t at = index_get(&t->by_call_id, request_call_id_key(said));

    if (at != NONE)
        return carries(t, at, tx, from_ns, at_ns);
    at = index_get(&t->by_user, request_user_key(said));
    if (at != NONE && !said->to_tag && same_purpose(t, &t->requests.items[at], tx) &&
        carried_on(t, &t->requests.items[at], tx, from_ns, at_ns))
        return &t->requests.items[at];
    return NULL;
}
