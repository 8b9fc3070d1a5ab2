/* The name that an account resolves, and the walks that serve it (contract section 1: host).
 *
 * It is the root of the walk that led to the address and port that the account contacted: the
 * nearest before the request; among several, the one that equals the Route, Request-URI or AoR
 * host. Where no lookup was seen it is the host that the request itself names.
 */
#include "phone/rank.h"
#include "phone/tell.h"

#include <stdlib.h>

/* Walks looked at, from the nearest before a request back. */
enum { LOOK_BACK = 256 };

static const char *uri_host(struct telling *telling, const char *uri) {
    struct sip_uri parsed;

    if (!uri || !sip_uri_parse(slice_of_text(uri), &parsed) || !parsed.host.len)
        return NULL;
    struct slice host = parsed.host;
    if (host.ptr[0] == '[' && host.len > 2)
        host = slice_between(host, 1, host.len - 1);
    return intern_lower(&telling->c->strings, host);
}

/* Roots of walks before `tx` that lead to where it went. */
static const char *root_for(struct telling *telling, const struct phone *phone, const struct tx *tx,
                            const char *aor) {
    int64_t at_ns = telling->c->seen.items[tx->sends.first].t_ns;
    struct server server = {tx->dst.ip, tx->dst.port, tx->transport};
    const struct wording *said = wording_of(telling->c, tx);
    const char *named[] = {uri_host(telling, said->route_uri), uri_host(telling, said->uri),
                           uri_host(telling, aor)};
    const char *nearest = NULL;
    size_t low = 0, high = phone->resolution_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (phone->resolutions[middle]->t_ns <= at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- > 0 && low - i <= LOOK_BACK;) {
        const struct resolution *r = phone->resolutions[i];
        if (!resolution_find(r, &server))
            continue;
        if (!nearest)
            nearest = r->host;
        for (size_t n = 0; n < sizeof named / sizeof *named; n++)
            if (named[n] == r->host)
                return r->host;
    }
    return nearest;
}

static const char *host_of(struct telling *telling, const struct phone *phone,
                           const struct account_draft *account) {
    enum { LOOK_AT = 64 };
    const struct collection *c = telling->c;
    const char *fallback = NULL;

    /* REGISTERs say it best; a phone that registers nothing has other requests only. */
    for (int pass = 0; pass < 2; pass++) {
        size_t looked = 0;
        for (size_t i = 0; i < account->txs.n && looked < LOOK_AT; i++) {
            const struct tx *tx = &c->txs.items[account->txs.items[i]];
            const struct wording *said = wording_of(c, tx);
            if ((said->method == SIP_REGISTER) != (pass == 0) || said->to_tag)
                continue;
            looked++;
            const char *root = root_for(telling, phone, tx, account->account.aor);
            if (root)
                return root;
            if (!fallback)
                fallback = uri_host(telling, said->route_uri ? said->route_uri : said->uri);
        }
    }
    return fallback;
}

const struct ranked_server *tell_listed(const struct phone_draft *draft,
                                        const struct server *server) {
    enum { LOOK_AT = 64 };

    for (size_t i = 0; i < draft->phone.resolution_count && i < LOOK_AT; i++) {
        const struct resolution *r = draft->phone.resolutions[i];
        for (size_t n = 0; n < r->server_count; n++)
            if (r->servers[n].server.port == server->port &&
                transport_is_reliable(r->servers[n].server.transport) &&
                ip_eq(&r->servers[n].server.ip, &server->ip))
                return &r->servers[n];
    }
    return NULL;
}

bool tell_may_carry_sip(const struct phone_draft *phone, const struct connection *connection) {
    return connection->sip || connection->half_read ||
           tell_is_custom_port(connection->server.port) || tell_listed(phone, &connection->server);
}

/* What the phone calls its server in a ClientHello (RFC 6066 3), where no lookup was seen. */
static const char *name_asked_for(const struct collection *c, const struct phone_draft *phone) {
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct connection *connection =
            &c->connections.items[phone->connections.items[i]].connection;
        if (connection->server_name && tell_may_carry_sip(phone, connection))
            return connection->server_name;
    }
    return NULL;
}

static uint64_t ip_key(const struct ip_addr *ip) {
    return index_key(ip, sizeof *ip, 70);
}

void tell_host(struct telling *telling, const struct phone_draft *phone,
               struct account_draft *draft) {
    struct account *account = &draft->account;
    const struct collection *c = telling->c;
    struct index_map contacted = {0};
    size_t count = 0;

    if (phone->tls_only) {
        for (size_t i = 0; i < phone->connections.n; i++) {
            const struct connection *connection =
                &c->connections.items[phone->connections.items[i]].connection;
            if (tell_may_carry_sip(phone, connection))
                index_put(&contacted, ip_key(&connection->server.ip), 0);
        }
    } else {
        account->host = host_of(telling, &phone->phone, draft);
        for (size_t i = 0; i < draft->txs.n; i++)
            index_put(&contacted, ip_key(&c->txs.items[draft->txs.items[i]].dst.ip), 0);
    }
    struct resolution **list =
        ARENA_ARRAY(telling->arena, struct resolution *, phone->phone.resolution_count);
    for (size_t i = 0; i < phone->phone.resolution_count; i++) {
        struct resolution *r = phone->phone.resolutions[i];
        bool ours = account->host && r->host == account->host;
        for (size_t s = 0; s < r->server_count && !ours; s++)
            ours = index_get(&contacted, ip_key(&r->servers[s].server.ip)) != NONE;
        if (ours)
            list[count++] = r;
    }
    if (phone->tls_only && count)
        account->host = list[0]->host;
    else if (phone->tls_only)
        account->host = name_asked_for(c, phone);
    account->resolutions = list;
    account->resolution_count = count;
    index_fini(&contacted);
}
