/* Servers that the phone uses, and that only a DNS answer can have named which the capture lacks.
 *
 *     A sip1 ──▶ ·     (no answer, not asked again)     SYN 192.0.2.1:5061 ──▶
 */
#include "phone/rank.h"
#include "phone/tell.h"

/* A lookup whose answer could have named this server: of addresses of its family, of SRV records
 * for its transport, or of NAPTR records. */
static bool could_name(const struct query *query, const struct server *server) {
    enum transport transport;
    const char *host;

    switch (query->type) {
    case DNS_A:
        return server->ip.len == 4;
    case DNS_AAAA:
        return server->ip.len == 16;
    case DNS_SRV:
        return rank_srv_name_parse(query->name, &transport, &host) &&
               transport == server->transport;
    case DNS_NAPTR:
        return true;
    default:
        return false;
    }
}

static bool is_host_of_another(const struct telling *telling, const struct phone_draft *phone,
                               const struct account *account, const char *host) {
    enum { LOOK_AT = 64 };

    if (host == account->host)
        return false;
    for (size_t i = 0; i < phone->accounts.n && i < LOOK_AT; i++)
        if (telling->accounts.items[phone->accounts.items[i]].account.host == host)
            return true;
    return false;
}

/* Is it a later step in a walk for another account's host? What that leads to is not for this one.
 */
static bool serves_another(const struct telling *telling, const struct phone_draft *phone,
                           const struct account *account, const struct query *query) {
    enum { LOOK_BACK = 64 };
    size_t end = phone->phone.resolution_count;

    for (size_t i = end; i-- > 0 && end - i <= LOOK_BACK;) {
        const struct resolution *walk = phone->phone.resolutions[i];
        for (size_t q = 1; walk->t_ns <= query->t_ns && q < walk->query_count; q++)
            if (walk->queries[q] == query)
                return is_host_of_another(telling, phone, account, walk->host);
    }
    return false;
}

/* After a lookup, asked once, whose answer is not in the capture and could have named the server:
 * the answer was there. */
static void answer_sign(const struct telling *telling, struct phone_draft *phone,
                        const struct account *account, const struct server *server, int64_t t_ns) {
    enum { QUERIES_SEEN = 64 };
    size_t end = phone->phone.query_count;

    for (size_t low = 0; low < end;) { /* the first that is after t_ns */
        size_t middle = low + (end - low) / 2;
        if (phone->phone.queries[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            end = middle;
    }
    for (size_t seen = 0; end && seen < QUERIES_SEEN; seen++, end--) {
        const struct query *query = phone->phone.queries[end - 1];
        if (query->answer_frame || query->refused || query->send_count != 1 ||
            !could_name(query, server) || serves_another(telling, phone, account, query))
            continue;
        *ARRAY_PUSH(&phone->losses) = (struct loss_sign){.kind = LOSS_ANSWER_USED,
                                                         .from_ns = query->t_ns,
                                                         .to_ns = t_ns,
                                                         .frame = query->frames[0],
                                                         .server = server->ip};
        return;
    }
}

/* Does the newest walk before t_ns name this server, which is met by a connection? */
static bool is_listed(const struct phone *phone, const struct server *server, int64_t t_ns) {
    size_t low = 0, high = phone->resolution_count;

    while (low < high) { /* the first that is after t_ns */
        size_t middle = low + (high - low) / 2;
        if (phone->resolutions[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    const struct resolution *walk = low ? phone->resolutions[low - 1] : NULL;
    for (size_t i = 0; walk && i < walk->server_count; i++)
        if (walk->servers[i].server.port == server->port &&
            ip_eq(&walk->servers[i].server.ip, &server->ip))
            return true;
    return false;
}

/* What unread TLS goes to is as good as a request. */
static void connection_signs(const struct telling *telling, struct phone_draft *phone,
                             const struct account *account) {
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct connection *connection =
            &telling->c->connections.items[phone->connections.items[i]].connection;
        if (connection->from_start && tell_may_carry_sip(phone, connection) &&
            !is_listed(&phone->phone, &connection->server, connection->t_ns))
            answer_sign(telling, phone, account, &connection->server, connection->t_ns);
    }
}

void tell_answer_losses(const struct telling *telling, struct phone_draft *phone,
                        const struct account *account) {
    if (!phone->phone.query_count)
        return;
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        for (size_t a = 0; !request->in_dialog && a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            if (!attempt->after_redirect && !attempt->after_challenge &&
                !(request->resolution && resolution_find(request->resolution, &attempt->server)))
                answer_sign(telling, phone, account, &attempt->server, attempt->t_ns);
        }
    }
    if (phone->tls_only)
        connection_signs(telling, phone, account);
}
