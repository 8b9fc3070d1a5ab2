/* Connections that an account tried in vain: whose they are, and of which request they are tries.
 * Until a request takes them they are pending. */
#include "phone/requests.h"

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

void pending_know_servers(struct teller *t) {
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

struct server request_connection_server(const struct teller *t, uint32_t index) {
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

static void take_connection(struct teller *t, struct request_draft *request, uint32_t index) {
    const struct connection *connection = &t->telling->c->connections.items[index].connection;
    struct server server = request_connection_server(t, index);

    request_add_try(t, request, &server, (struct try_draft){NONE, index, connection->t_ns, NONE});
}

void pending_flush(struct teller *t) {
    for (size_t i = 0; i < t->pending.n; i++) {
        struct request_draft *request =
            t->requests.n ? &t->requests.items[t->requests.n - 1] : NULL;
        bool fits = request && (request->method == SIP_REGISTER || request->first_tx == NONE);
        if (!fits || !request_is_open(t, request, request_pending_ns(t, i)))
            request = request_new(t, SIP_UNKNOWN_METHOD, request_pending_ns(t, i));
        take_connection(t, request, t->pending.items[i]);
    }
    t->pending.n = 0;
}

void pending_take(struct teller *t, struct request_draft *request) {
    if (!request->attempts.count && t->pending.n)
        request->t_ns = request_pending_ns(t, 0);
    for (size_t i = 0; i < t->pending.n; i++)
        take_connection(t, request, t->pending.items[i]);
    t->pending.n = 0;
}

/* The server that a dialog was set up at; NULL: that does not show. */
static const struct server *dialog_server(const struct teller *t, const struct wording *said) {
    struct wording first = {.method = SIP_INVITE, .call_id = said->call_id};
    uint32_t at = index_get(&t->by_call_id, request_call_id_key(&first));

    first.method = said->method;
    if (at == NONE)
        at = index_get(&t->by_call_id, request_call_id_key(&first));
    return at == NONE ? NULL : &request_last_attempt(t, &t->requests.items[at])->server;
}

bool pending_owned(const struct teller *t, const struct tx *tx) {
    const struct wording *said = said_by(t, tx);
    struct server to = server_of(tx);

    if (!said->to_tag && said->method != SIP_OPTIONS)
        return true;
    const struct seen_connection *on = collect_connection(t->telling->c, tx->told.conn_id);
    if (on && on->connection.t_ns >= request_pending_ns(t, t->pending.n - 1))
        return true;
    uint32_t same = index_get(&t->by_call_id, request_call_id_key(said));
    if (same != NONE && request_left(t, &t->requests.items[same], request_pending_ns(t, 0)))
        return true; /* and back again */
    const struct server *at = dialog_server(t, said);
    return at && !server_eq(at, &to);
}

bool pending_too_old(const struct teller *t, int64_t at_ns) {
    return t->pending.n && at_ns - request_pending_ns(t, t->pending.n - 1) > STORY_AFTER_SILENCE_NS;
}

/* Is a port one that SIP listens on, as is the custom or because the account's servers do? */
static bool is_sip_port(const struct teller *t, uint16_t port) {
    return tell_is_custom_port(port) || sent_to_port(t, port, false);
}

/* In the middle of a failover: connections were tried in vain just before, or the newest request
 * has just lost the server that it was connected to. */
static bool is_failing_over(const struct teller *t, int64_t at_ns) {
    if (t->pending.n)
        return at_ns - request_pending_ns(t, t->pending.n - 1) <= STORY_AFTER_SILENCE_NS;
    const struct request_draft *newest =
        t->requests.n ? &t->requests.items[t->requests.n - 1] : NULL;
    return newest && transport_is_reliable(request_last_attempt(t, newest)->server.transport) &&
           request_left(t, newest, at_ns);
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

void pending_add_before(struct teller *t, size_t *next, int64_t until_ns) {
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
            pending_flush(t);
        seen->taken = true;
        *ARRAY_ADD(&t->pending) = at;
    }
}
