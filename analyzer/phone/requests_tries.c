/* Tries of a draft request: transactions and connections as its attempts, how the last one stands,
 * and where a redirection sends the next. */
#include "phone/requests.h"

const struct response *request_tx_final(const struct teller *t, const struct tx *tx,
                                        int64_t until_ns) {
    const struct collection *c = t->telling->c;

    for (uint32_t i = tx->first_response; i != NONE; i = c->responses.items[i].next)
        if (c->responses.items[i].told.status >= 200 && c->responses.items[i].told.t_ns <= until_ns)
            return &c->responses.items[i].told;
    return NULL;
}

const struct response *request_attempt_final(const struct teller *t,
                                             const struct attempt_draft *attempt,
                                             int64_t until_ns) {
    for (uint32_t i = attempt->tries.first, n = 0; n < attempt->tries.count;
         i = t->tries.items[i].next, n++) {
        if (t->tries.items[i].tx == NONE)
            continue;
        const struct response *final =
            request_tx_final(t, tx_at(t, t->tries.items[i].tx), until_ns);
        if (final)
            return final;
    }
    return NULL;
}

bool request_is_open(const struct teller *t, const struct request_draft *request, int64_t at_ns) {
    const struct attempt_draft *attempt = request_last_attempt(t, request);
    const struct response *final = request_attempt_final(t, attempt, at_ns);

    if (final && final->status < 300)
        return false;
    if (final)
        return at_ns - final->t_ns <= STORY_AFTER_FINAL_NS;
    return at_ns - request_last_try(t, attempt)->t_ns <= STORY_AFTER_SILENCE_NS;
}

bool request_met_error(const struct teller *t, const struct tx *tx, int64_t at_ns) {
    const struct seen_connection *on =
        tx->told.conn_id ? collect_connection(t->telling->c, tx->told.conn_id) : NULL;

    return tx->icmp.count ||
           (on && on->connection.error_frame && on->connection.error_ns <= at_ns &&
            on->connection.error_ns >= last_send_ns(t, tx));
}

bool request_left(const struct teller *t, const struct request_draft *request, int64_t at_ns) {
    const struct attempt_draft *attempt = request_last_attempt(t, request);
    const struct try_draft *last = request_last_try(t, attempt);
    const struct response *final = request_attempt_final(t, attempt, at_ns);

    if (!request_is_open(t, request, at_ns))
        return false;
    if (final)
        return final->status == 503;
    if (last->tx == NONE)
        return true;
    const struct tx *before = tx_at(t, last->tx);
    if (last_send_ns(t, before) > at_ns)
        return false;
    if (request_met_error(t, before, at_ns))
        return true;
    return at_ns - first_send_ns(t, before) >= STORY_T1_NS;
}

/* Does a transaction go where a redirection pointed: with its Contact as Request-URI (RFC 3261
 * 8.1.3.4), or to its address (21.3.4)? */
static bool goes_to_contact(const struct teller *t, const struct response *final,
                            const struct tx *tx) {
    struct sip_uri contact, uri;
    struct ip_addr ip;

    if (final->status / 100 != 3 || !final->contact_uri ||
        !sip_uri_parse(slice_of_text(final->contact_uri), &contact))
        return false;
    if (ip_parse(contact.host, &ip) ? ip_eq(&ip, &tx->dst.ip) : final->status == 305)
        return true;
    const char *target = said_by(t, tx)->uri;
    return target && sip_uri_parse(slice_of_text(target), &uri) &&
           slice_eq(uri.user, contact.user) && slice_eq_nocase(uri.host, contact.host);
}

bool request_follows_redirection(const struct teller *t, const struct tx *tx, int64_t at_ns) {
    enum { LOOK_BACK = 8 };

    for (size_t i = t->requests.n; i-- > 0 && t->requests.n - i <= LOOK_BACK;) {
        const struct request_draft *request = &t->requests.items[i];
        if (request->method != said_by(t, tx)->method || !request->attempts.count)
            continue;
        const struct response *final =
            request_attempt_final(t, request_last_attempt(t, request), at_ns);
        if (final && at_ns - final->t_ns <= STORY_AFTER_FINAL_NS && goes_to_contact(t, final, tx))
            return true;
    }
    return false;
}

static struct attempt_draft *add_attempt(struct teller *t, struct request_draft *request,
                                         const struct server *server, uint32_t tx, int64_t at_ns) {
    bool challenged = false, redirected = false;

    if (request->attempts.count) {
        struct attempt_draft *before = request_last_attempt(t, request);
        const struct response *final = request_attempt_final(t, before, at_ns);
        before->moved_ns = at_ns;
        if (final) {
            challenged = final->status == 401 || final->status == 407 || final->status == 423;
            redirected = tx != NONE && goes_to_contact(t, final, tx_at(t, tx));
        }
    }
    uint32_t at = (uint32_t)t->attempts.n;
    struct attempt_draft *attempt = ARRAY_ADD(&t->attempts);
    *attempt = (struct attempt_draft){.server = *server,
                                      .moved_ns = INT64_MAX,
                                      .after_challenge = challenged,
                                      .after_redirect = redirected};
    if (request->attempts.count++)
        t->attempts.items[request->attempts.last].next = at;
    else
        request->attempts.first = at;
    request->attempts.last = at;
    return attempt;
}

void request_add_try(struct teller *t, struct request_draft *request, const struct server *server,
                     struct try_draft try) {
    struct attempt_draft *attempt =
        request->attempts.count ? request_last_attempt(t, request) : NULL;

    if (!attempt || !server_eq(&attempt->server, server) ||
        request_attempt_final(t, attempt, try.t_ns))
        attempt = add_attempt(t, request, server, try.tx, try.t_ns);
    uint32_t at = (uint32_t)t->tries.n;
    *ARRAY_ADD(&t->tries) = try;
    if (attempt->tries.count++)
        t->tries.items[attempt->tries.last].next = at;
    else
        attempt->tries.first = at;
    attempt->tries.last = at;
}

struct request_draft *request_new(struct teller *t, enum sip_method method, int64_t at_ns) {
    struct request_draft *request = ARRAY_PUSH(&t->requests);

    request->method = method;
    request->first_tx = request->twin = NONE;
    request->t_ns = at_ns;
    return request;
}
