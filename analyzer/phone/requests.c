/* An account's transactions as requests, each with its attempts (contract sections 1 and 6).
 *
 *   request ─┬ attempt at server 1 ─┬ transaction ─ sends, responses
 *            │                      └ connection that failed (TCP, TLS)
 *            └ attempt at server 2 …
 *
 * A transaction goes on with a request where method and Call-ID are the same, or where, under
 * another Call-ID, the request's last attempt was left without a final response (or with a 503) and
 * this one goes to another server with the same method and Request-URI user. It must follow within
 * 5 s of the final response, or within 37 s of the first send of the transaction before it; what
 * was tried in vain on the way, a connection, counts like a send. After a 2xx nothing goes on.
 */
#include "phone/requests.h"

#include <stdlib.h>

/* The first final response of a transaction up to a time; NULL: none. */
static const struct response *final_of(const struct teller *t, const struct tx *tx,
                                       int64_t until_ns) {
    const struct collection *c = t->telling->c;

    for (uint32_t i = tx->first_response; i != NONE; i = c->responses.items[i].next)
        if (c->responses.items[i].told.status >= 200 && c->responses.items[i].told.t_ns <= until_ns)
            return &c->responses.items[i].told;
    return NULL;
}

static const struct response *attempt_final(const struct teller *t,
                                            const struct attempt_draft *attempt, int64_t until_ns) {
    for (uint32_t i = attempt->tries.first, n = 0; n < attempt->tries.count;
         i = t->tries.items[i].next, n++) {
        if (t->tries.items[i].tx == NONE)
            continue;
        const struct response *final = final_of(t, tx_at(t, t->tries.items[i].tx), until_ns);
        if (final)
            return final;
    }
    return NULL;
}

static struct attempt_draft *last_attempt(const struct teller *t,
                                          const struct request_draft *request) {
    return &t->attempts.items[request->attempts.last];
}

static const struct try_draft *last_try(const struct teller *t,
                                        const struct attempt_draft *attempt) {
    return &t->tries.items[attempt->tries.last];
}

/* ---- which request a transaction goes on with ---- */

/* A transaction of the account to this port, wherever: any, or one on a connection. */
static const struct tx *sent_to_port(const struct teller *t, uint16_t port, bool connected) {
    enum { LOOK_AT = 64 };

    for (size_t i = 0; i < t->account->txs.n && i < LOOK_AT; i++) {
        const struct tx *tx = tx_at(t, t->account->txs.items[i]);
        if (tx->dst.port == port && (!connected || transport_is_reliable(tx->transport)))
            return tx;
    }
    return NULL;
}

/* Where a connection that failed was meant to go: the records say whether TLS was to run on it, or
 * what the account does at that port. */
static struct server connection_server(const struct teller *t, uint32_t index) {
    struct server server = t->telling->c->connections.items[index].connection.server;

    if (server.port == 5061)
        server.transport = TRANSPORT_TLS;
    for (size_t i = t->account->account.resolution_count; i-- > 0;) {
        const struct resolution *r = t->account->account.resolutions[i];
        for (size_t s = 0; s < r->server_count; s++) {
            const struct server *known = &r->servers[s].server;
            if (known->port == server.port && transport_is_reliable(known->transport) &&
                ip_eq(&known->ip, &server.ip))
                return *known;
        }
    }
    const struct tx *alike = sent_to_port(t, server.port, true);
    if (alike)
        server.transport = alike->transport;
    return server;
}

static uint64_t request_key(enum sip_method method, const char *text, bool has_reg_id,
                            uint32_t reg_id, uint64_t basis) {
    struct {
        const char *text;
        uint64_t method, reg_id;
    } key = {text, (uint64_t)method, has_reg_id ? 1 + (uint64_t)reg_id : 0};

    return index_key(&key, sizeof key, basis);
}

static uint64_t call_key(const char *call_id, uint32_t cseq) {
    struct {
        const char *call_id;
        uint64_t cseq;
    } key = {call_id, cseq};

    return index_key(&key, sizeof key, 62);
}

static int64_t pending_ns(const struct teller *t, size_t i) {
    return t->telling->c->connections.items[t->pending.items[i]].connection.t_ns;
}

/* Is the request still open for something tried at t? */
static bool is_open(const struct teller *t, const struct request_draft *request, int64_t at_ns) {
    const struct attempt_draft *attempt = last_attempt(t, request);
    const struct response *final = attempt_final(t, attempt, at_ns);

    if (final && final->status < 300)
        return false;
    if (final)
        return at_ns - final->t_ns <= STORY_AFTER_FINAL_NS;
    return at_ns - last_try(t, attempt)->t_ns <= STORY_AFTER_SILENCE_NS;
}

/* For something sent at t, when the phone went on to it at from_ns: with the first of the
 * connections that it tried in vain before. From one of these to the next, and to the send, is no
 * longer than after silence. An answer that came meanwhile ends it. */
static bool goes_on(const struct teller *t, const struct request_draft *request, int64_t from_ns,
                    int64_t at_ns) {
    if (from_ns == at_ns)
        return is_open(t, request, at_ns);
    const struct response *final = attempt_final(t, last_attempt(t, request), at_ns);
    return is_open(t, request, final && final->t_ns > from_ns ? at_ns : from_ns);
}

/* Did an error tell the phone, up to t, that nobody takes what it sent? */
static bool met_error(const struct teller *t, const struct tx *tx, int64_t at_ns) {
    const struct seen_connection *on =
        tx->told.conn_id ? collect_connection(t->telling->c, tx->told.conn_id) : NULL;

    return tx->icmp.count ||
           (on && on->connection.error_frame && on->connection.error_ns <= at_ns &&
            on->connection.error_ns >= last_send_ns(t, tx));
}

/* Was the request's last server left at t because it failed? One that is still being asked, or that
 * has only just been asked and answers soon, was not. */
static bool left_after_failure(const struct teller *t, const struct request_draft *request,
                               int64_t at_ns) {
    const struct attempt_draft *attempt = last_attempt(t, request);
    const struct try_draft *last = last_try(t, attempt);
    const struct response *final = attempt_final(t, attempt, at_ns);

    if (!is_open(t, request, at_ns))
        return false;
    if (final)
        return final->status == 503;
    if (last->tx == NONE)
        return true;
    const struct tx *before = tx_at(t, last->tx);
    if (last_send_ns(t, before) > at_ns)
        return false;
    if (met_error(t, before, at_ns))
        return true;
    return at_ns - first_send_ns(t, before) >= STORY_T1_NS;
}

/* Under another Call-ID: only away from a server that failed, this one or one that could not be
 * reached meanwhile. Otherwise it is asked in parallel. */
static bool carried_on(const struct teller *t, const struct request_draft *request,
                       const struct tx *tx, int64_t from_ns, int64_t at_ns) {
    struct server to = server_of(tx);
    bool away = !server_eq(&last_attempt(t, request)->server, &to);

    for (size_t i = 0; from_ns < at_ns && i < t->pending.n && !away; i++) {
        struct server between = connection_server(t, t->pending.items[i]);
        away = !server_eq(&between, &to);
    }
    return away && goes_on(t, request, from_ns, at_ns) && left_after_failure(t, request, from_ns);
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

static uint64_t call_id_key(const struct wording *said) {
    return request_key(said->method, said->call_id, said->has_reg_id, said->reg_id, 60);
}

static uint64_t user_key(const struct wording *said) {
    return request_key(said->method, said->user, said->has_reg_id, said->reg_id, 61);
}

static bool is_at(const struct teller *t, uint32_t request, const struct server *server) {
    return server_eq(&last_attempt(t, &t->requests.items[request])->server, server);
}

/* Two registrations under one Call-ID (fallback.registration concurrent): the second leaves long
 * before the first could have been given up, and each is answered where it went. Once that was seen
 * the phone has the habit, and an answer may be missing. */
static bool is_beside(const struct teller *t, uint32_t request, const struct tx *tx,
                      int64_t at_ns) {
    const struct request_draft *first = &t->requests.items[request];
    const struct attempt_draft *attempt = last_attempt(t, first);
    struct server to = server_of(tx);

    if (first->method != SIP_REGISTER || is_at(t, request, &to) ||
        last_try(t, attempt)->tx == NONE || attempt_final(t, attempt, at_ns))
        return false;
    const struct tx *before = tx_at(t, last_try(t, attempt)->tx);
    if (at_ns - first_send_ns(t, before) >= STORY_T1_NS / 4 || met_error(t, before, at_ns))
        return false;
    if (first->parallel)
        return true;
    /* One that explains the move, and that came out of order, is no answer to a parallel one. */
    const struct response *final = final_of(t, before, INT64_MAX);
    return final && final->status != 503 && final->t_ns - at_ns > STORY_REORDER_NS &&
           final_of(t, tx, INT64_MAX);
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

/* A new request begins under the Call-ID of this one: beside it, perhaps. */
static void note_twin(struct teller *t, uint32_t request, uint32_t before, const struct tx *tx,
                      int64_t at_ns) {
    struct request_draft *new = &t->requests.items[request], *old = &t->requests.items[before];

    if (is_beside(t, before, tx, at_ns)) {
        new->twin = before;
        old->twin = request;
        old->parallel = true;
    }
    new->parallel = old->parallel;
}

static struct request_draft *find_request(struct teller *t, const struct tx *tx, int64_t from_ns,
                                          int64_t at_ns) {
    const struct wording *said = said_by(t, tx);
    uint32_t at = index_get(&t->by_call_id, call_id_key(said));

    if (at != NONE)
        return carries(t, at, tx, from_ns, at_ns);
    at = index_get(&t->by_user, user_key(said));
    if (at != NONE && !said->to_tag && same_purpose(t, &t->requests.items[at], tx) &&
        carried_on(t, &t->requests.items[at], tx, from_ns, at_ns))
        return &t->requests.items[at];
    return NULL;
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

/* A redirection followed under a new Call-ID: a request of its own, but no choice of the phone's.
 */
static bool follows_redirection(const struct teller *t, const struct tx *tx, int64_t at_ns) {
    enum { LOOK_BACK = 8 };

    for (size_t i = t->requests.n; i-- > 0 && t->requests.n - i <= LOOK_BACK;) {
        const struct request_draft *request = &t->requests.items[i];
        if (request->method != said_by(t, tx)->method || !request->attempts.count)
            continue;
        const struct response *final = attempt_final(t, last_attempt(t, request), at_ns);
        if (final && at_ns - final->t_ns <= STORY_AFTER_FINAL_NS && goes_to_contact(t, final, tx))
            return true;
    }
    return false;
}

static struct attempt_draft *add_attempt(struct teller *t, struct request_draft *request,
                                         const struct server *server, uint32_t tx, int64_t at_ns) {
    bool challenged = false, redirected = false;

    if (request->attempts.count) {
        struct attempt_draft *before = last_attempt(t, request);
        const struct response *final = attempt_final(t, before, at_ns);
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

/* A try joins the attempt at the same server as long as no final response has ended it. */
static void add_try(struct teller *t, struct request_draft *request, const struct server *server,
                    struct try_draft try) {
    struct attempt_draft *attempt = request->attempts.count ? last_attempt(t, request) : NULL;

    if (!attempt || !server_eq(&attempt->server, server) || attempt_final(t, attempt, try.t_ns))
        attempt = add_attempt(t, request, server, try.tx, try.t_ns);
    uint32_t at = (uint32_t)t->tries.n;
    *ARRAY_ADD(&t->tries) = try;
    if (attempt->tries.count++)
        t->tries.items[attempt->tries.last].next = at;
    else
        attempt->tries.first = at;
    attempt->tries.last = at;
}

/* ---- connections that failed ---- */

static uint64_t place_key(const struct ip_addr *ip, uint16_t port) {
    struct {
        struct ip_addr ip;
        uint8_t zero;
        uint16_t port;
    } key;

    memset(&key, 0, sizeof key);
    key.ip = *ip;
    key.port = port;
    return index_key(&key, sizeof key, 63);
}

/* Whose a place is that connections go to. */
enum place { PLACE_OWN, PLACE_OTHER };

/* Whoever has more is no telephone: for which of them it connects does not show. */
enum { ACCOUNTS_USUAL = 16 };

static void know_transactions(struct teller *t, const struct account_draft *account,
                              enum place place) {
    for (size_t i = 0; i < account->txs.n; i++) {
        const struct tx *tx = tx_at(t, account->txs.items[i]);
        index_put(&t->servers, place_key(&tx->dst.ip, tx->dst.port), place);
    }
}

static void know_resolutions(struct teller *t, struct resolution *const *list, size_t count,
                             enum place place) {
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < list[i]->server_count; s++) {
            const struct server *server = &list[i]->servers[s].server;
            index_put(&t->servers, place_key(&server->ip, server->port), place);
        }
}

/* What several accounts use is the account's own, too. Names that a phone's only account did not
 * reach are still its own: of a second server, say, that was dead all the time. */
static void know_servers(struct teller *t) {
    const struct phone_draft *phone = t->phone;
    const struct account *account = &t->account->account;
    size_t others = phone->accounts.n <= ACCOUNTS_USUAL ? phone->accounts.n : 0;

    if (others)
        know_resolutions(t, phone->phone.resolutions, phone->phone.resolution_count,
                         others == 1 ? PLACE_OWN : PLACE_OTHER);
    for (size_t i = 0; i < others; i++)
        know_transactions(t, &t->telling->accounts.items[phone->accounts.items[i]], PLACE_OTHER);
    know_resolutions(t, account->resolutions, account->resolution_count, PLACE_OWN);
    know_transactions(t, t->account, PLACE_OWN);
}

static void take_connection(struct teller *t, struct request_draft *request, uint32_t index) {
    const struct connection *connection = &t->telling->c->connections.items[index].connection;
    struct server server = connection_server(t, index);

    add_try(t, request, &server, (struct try_draft){NONE, index, connection->t_ns, NONE});
}

static struct request_draft *new_request(struct teller *t, enum sip_method method, int64_t at_ns) {
    struct request_draft *request = ARRAY_PUSH(&t->requests);

    request->method = method;
    request->first_tx = request->twin = NONE;
    request->t_ns = at_ns;
    return request;
}

/* What no request took: with the last REGISTER where it goes on with it, else a request of its own,
 * of which only connections were seen. */
static void flush_pending(struct teller *t) {
    for (size_t i = 0; i < t->pending.n; i++) {
        struct request_draft *request =
            t->requests.n ? &t->requests.items[t->requests.n - 1] : NULL;
        bool fits = request && (request->method == SIP_REGISTER || request->first_tx == NONE);
        if (!fits || !is_open(t, request, pending_ns(t, i)))
            request = new_request(t, SIP_UNKNOWN_METHOD, pending_ns(t, i));
        take_connection(t, request, t->pending.items[i]);
    }
    t->pending.n = 0;
}

/* Connections tried in vain just before a transaction are tries of its request. */
static void take_pending(struct teller *t, struct request_draft *request) {
    if (!request->attempts.count && t->pending.n)
        request->t_ns = pending_ns(t, 0);
    for (size_t i = 0; i < t->pending.n; i++)
        take_connection(t, request, t->pending.items[i]);
    t->pending.n = 0;
}

/* The server that a dialog was set up at; NULL: that does not show. */
static const struct server *dialog_server(const struct teller *t, const struct wording *said) {
    struct wording first = {.method = SIP_INVITE, .call_id = said->call_id};
    uint32_t at = index_get(&t->by_call_id, call_id_key(&first));

    first.method = said->method;
    if (at == NONE)
        at = index_get(&t->by_call_id, call_id_key(&first));
    return at == NONE ? NULL : &last_attempt(t, &t->requests.items[at])->server;
}

/* Are the connections tried in vain before it tries of this transaction's request? One in a dialog
 * may go where the dialog is, an OPTIONS where a server is kept alive, on a connection that was up
 * before, while the phone tries to reach another server for something else. */
static bool owns_pending(const struct teller *t, const struct tx *tx) {
    const struct wording *said = said_by(t, tx);
    struct server to = server_of(tx);

    if (!said->to_tag && said->method != SIP_OPTIONS)
        return true;
    const struct seen_connection *on = collect_connection(t->telling->c, tx->told.conn_id);
    if (on && on->connection.t_ns >= pending_ns(t, t->pending.n - 1))
        return true;
    uint32_t same = index_get(&t->by_call_id, call_id_key(said));
    if (same != NONE && left_after_failure(t, &t->requests.items[same], pending_ns(t, 0)))
        return true; /* and back again */
    const struct server *at = dialog_server(t, said);
    return at && !server_eq(at, &to);
}

static bool pending_too_old(const struct teller *t, int64_t at_ns) {
    return t->pending.n && at_ns - pending_ns(t, t->pending.n - 1) > STORY_AFTER_SILENCE_NS;
}

/* Is a port one that SIP listens on, as is the custom or because the account's servers do? */
static bool is_sip_port(const struct teller *t, uint16_t port) {
    return tell_is_custom_port(port) || sent_to_port(t, port, false);
}

/* In the middle of a failover: connections were tried in vain just before, or the newest request
 * has just lost the server that it was connected to. */
static bool is_failing_over(const struct teller *t, int64_t at_ns) {
    if (t->pending.n)
        return at_ns - pending_ns(t, t->pending.n - 1) <= STORY_AFTER_SILENCE_NS;
    const struct request_draft *newest =
        t->requests.n ? &t->requests.items[t->requests.n - 1] : NULL;
    return newest && transport_is_reliable(last_attempt(t, newest)->server.transport) &&
           left_after_failure(t, newest, at_ns);
}

/* A configured server that was dead whenever it was tried shows by connections alone. It is one of
 * the account's where the phone turns to it only in the middle of failovers: what another account
 * tries in vain, it tries at other times as well. Only among numeric servers: where the account has
 * names, their lookups tell. */
static bool is_dead_server(struct teller *t, const struct connection *connection) {
    const struct server *server = &connection->server;

    if (t->account->account.resolution_count || t->phone->accounts.n > ACCOUNTS_USUAL ||
        !is_sip_port(t, server->port))
        return false;
    if (is_failing_over(t, connection->t_ns))
        return true;
    index_put(&t->servers, place_key(&server->ip, server->port), PLACE_OTHER);
    return false;
}

static bool is_of_account(struct teller *t, const struct connection *connection) {
    const struct server *server = &connection->server;
    uint32_t place = index_get(&t->servers, place_key(&server->ip, server->port));

    return place == NONE ? is_dead_server(t, connection) : place == PLACE_OWN;
}

static void add_connections_before(struct teller *t, size_t *next, int64_t until_ns) {
    struct collection *c = t->telling->c;

    for (; *next < t->phone->connections.n; ++*next) {
        uint32_t at = t->phone->connections.items[*next];
        struct seen_connection *seen = &c->connections.items[at];
        const struct connection *connection = &seen->connection;
        if (connection->t_ns > until_ns)
            break;
        bool stood = connection->accepted && !connection->refused && !connection->timed_out;
        if (!connection->from_start || stood || seen->taken || !is_of_account(t, connection))
            continue;
        if (pending_too_old(t, connection->t_ns))
            flush_pending(t);
        seen->taken = true;
        *ARRAY_ADD(&t->pending) = at;
    }
}

static void add_tx(struct teller *t, uint32_t index) {
    const struct tx *tx = tx_at(t, index);
    int64_t at_ns = first_send_ns(t, tx);
    const struct wording *said = said_by(t, tx);
    struct server server = server_of(tx);

    if (pending_too_old(t, at_ns))
        flush_pending(t);
    bool after_pending = t->pending.n && owns_pending(t, tx);
    int64_t from_ns = after_pending ? pending_ns(t, 0) : at_ns;
    struct request_draft *request = find_request(t, tx, from_ns, at_ns);
    bool redirected = !request && !said->to_tag && follows_redirection(t, tx, at_ns);
    if (!request) {
        request = new_request(t, said->method, at_ns);
        request->call_id = said->call_id;
        request->user = said->user;
        request->has_reg_id = said->has_reg_id;
        request->reg_id = said->reg_id;
        uint32_t before = index_get(&t->by_call_id, call_id_key(said));
        if (before != NONE)
            note_twin(t, (uint32_t)(request - t->requests.items), before, tx, at_ns);
    }
    if (after_pending)
        take_pending(t, request);
    if (request->first_tx == NONE)
        request->first_tx = index;
    add_try(t, request, &server, (struct try_draft){index, NONE, at_ns, NONE});
    if (redirected)
        last_attempt(t, request)->after_redirect = true;

    uint32_t at = (uint32_t)(request - t->requests.items);
    index_put(&t->by_call_id, call_id_key(said), at);
    index_put(&t->by_user, user_key(said), at);
    if (said->method == SIP_INVITE)
        index_put(&t->invite_of, call_key(said->call_id, tx->told.cseq), at);
}

/* ---- ACK and CANCEL ---- */

static void add_follow(struct teller *t, uint32_t index) {
    const struct tx *tx = tx_at(t, index);
    uint32_t at = index_get(&t->invite_of, call_key(tx->told.call_id, tx->told.cseq));

    if (at == NONE)
        return;
    struct draft_list *list = &t->requests.items[at].follows;
    uint32_t follow = (uint32_t)t->follows.n;
    *ARRAY_ADD(&t->follows) = (struct follow_draft){index, NONE};
    if (list->count++)
        t->follows.items[list->last].next = follow;
    else
        list->first = follow;
    list->last = follow;
}

/* When the phone last sent anything in this attempt. */
static int64_t attempt_last_ns(const struct teller *t, const struct attempt_draft *attempt) {
    const struct try_draft *last = last_try(t, attempt);

    return last->tx == NONE ? last->t_ns : last_send_ns(t, tx_at(t, last->tx));
}

/* A phone that gave up at the last server has moved on, too, when the next request of the kind
 * begins: what answers after that comes late. One that goes on sending has not: it registers at two
 * servers in parallel. */
static void note_abandoned(struct teller *t) {
    struct index_map newest = {0};

    for (size_t i = 0; i < t->requests.n; i++) {
        struct request_draft *request = &t->requests.items[i];
        const char *text = request->method == SIP_REGISTER ? request->user : request->call_id;
        uint64_t key = request_key(request->method, text, request->has_reg_id, request->reg_id, 64);
        uint32_t before = index_get(&newest, key);
        if (before != NONE) {
            struct attempt_draft *attempt = last_attempt(t, &t->requests.items[before]);
            if (request->twin != before && attempt->moved_ns == INT64_MAX &&
                !attempt_final(t, attempt, request->t_ns) &&
                attempt_last_ns(t, attempt) <= request->t_ns)
                attempt->moved_ns = request->t_ns;
        }
        index_put(&newest, key, (uint32_t)i);
    }
    index_fini(&newest);
}

static int by_request_time(const void *a, const void *b) {
    const struct request *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    uint32_t of_x = x->attempts[0].send_list[0].frame, of_y = y->attempts[0].send_list[0].frame;
    return (of_x > of_y) - (of_x < of_y); /* one segment may carry several */
}

/* The newest walk of the account before each request that leads to a server of it; else the newest
 * before it; else one that began inside it. Both lists are in order of time. */
static void tie_resolutions(const struct account *account, struct request *requests) {
    enum { LOOK_BACK = 16 };
    size_t next = 0;

    for (size_t i = 0; i < account->request_count; i++) {
        struct request *request = &requests[i];
        while (next < account->resolution_count &&
               account->resolutions[next]->t_ns <= request->t_ns)
            next++;
        for (size_t r = next; r-- > 0 && next - r <= LOOK_BACK && !request->resolution;)
            if (resolution_find(account->resolutions[r], &request->attempts[0].server))
                request->resolution = account->resolutions[r];
        if (!request->resolution && next > 0)
            request->resolution = account->resolutions[next - 1];
        else if (!request->resolution && next < account->resolution_count &&
                 account->resolutions[next]->t_ns <= request->end_ns)
            request->resolution = account->resolutions[next];
    }
}

void tell_requests(struct telling *telling, struct phone_draft *phone,
                   struct account_draft *account) {
    struct teller t = {.telling = telling, .phone = phone, .account = account};
    size_t next_connection = 0;

    if (phone->tls_only)
        return; /* connections alone do not tell what was asked on them */
    if (phone->connections.n)
        know_servers(&t);
    for (size_t i = 0; i < account->txs.n; i++) {
        const struct tx *tx = tx_at(&t, account->txs.items[i]);
        if (phone->connections.n)
            add_connections_before(&t, &next_connection, first_send_ns(&t, tx));
        add_tx(&t, account->txs.items[i]);
    }
    if (phone->connections.n)
        add_connections_before(&t, &next_connection, INT64_MAX);
    flush_pending(&t);
    for (size_t i = 0; i < account->follows.n; i++)
        add_follow(&t, account->follows.items[i]);
    note_abandoned(&t);

    struct request *requests = ARENA_ARRAY(telling->arena, struct request, t.requests.n);
    for (size_t i = 0; i < t.requests.n; i++)
        fill_request(&t, &requests[i], &t.requests.items[i]);
    array_sort(requests, t.requests.n, sizeof *requests, by_request_time);
    account->account.requests = requests;
    account->account.request_count = t.requests.n;
    tie_resolutions(&account->account, requests);
    ARRAY_FINI(&t.requests);
    ARRAY_FINI(&t.attempts);
    ARRAY_FINI(&t.tries);
    ARRAY_FINI(&t.follows);
    ARRAY_FINI(&t.pending);
    index_fini(&t.by_call_id);
    index_fini(&t.by_user);
    index_fini(&t.invite_of);
    index_fini(&t.servers);
}
