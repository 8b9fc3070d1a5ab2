/* A phone's connections: those that carry SIP, or were to. */
#include "phone/tell.h"

/* In vain, and on a port where SIP servers listen: nobody knows for what request, but a server was
 * seen to fail. */
static bool failed_for_sip(const struct connection *connection) {
    return connection->from_start && !connection->accepted &&
           tell_is_custom_port(connection->server.port);
}

void tell_connections(struct telling *telling, struct phone_draft *draft) {
    struct collection *c = telling->c;
    struct connection *list = ARENA_ARRAY(telling->arena, struct connection, draft->connections.n);
    size_t count = 0;

    for (size_t i = 0; i < draft->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[draft->connections.items[i]];
        const struct ranked_server *meant = NULL;
        bool unasked = seen->unasked && !seen->connection.tls;
        if (draft->tls_only && seen->connection.from_start &&
            (!seen->connection.accepted || unasked))
            meant = tell_listed(draft, &seen->connection.server);
        bool failed = !draft->tls_only && failed_for_sip(&seen->connection);
        bool sealed = seen->connection.tls && tell_may_carry_sip(draft, &seen->connection);
        if (!seen->connection.sip && !sealed && !seen->taken && !meant && !failed)
            continue;
        struct connection *out = &list[count++];
        *out = seen->connection;
        if (meant) {
            out->server.transport = meant->server.transport;
            out->refused |= unasked;
        }
        uint32_t *frames = ARENA_ARRAY(telling->arena, uint32_t, seen->syns.count + 1);
        if (seen->syn_frame)
            frames[out->syn_count++] = seen->syn_frame;
        uint32_t at = seen->syns.first;
        for (uint32_t n = 0; n < seen->syns.count; n++, at = c->seen.items[at].next)
            frames[out->syn_count++] = c->seen.items[at].frame;
        out->syn_frames = frames;
    }
    draft->phone.connections = list;
    draft->phone.connection_count = count;
}

void tell_dns_connects(struct telling *telling, struct phone_draft *draft) {
    const struct collection *c = telling->c;
    struct dns_connect *list =
        ARENA_ARRAY(telling->arena, struct dns_connect, draft->connections.n);
    size_t count = 0;

    for (size_t i = 0; i < draft->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[draft->connections.items[i]];
        const struct connection *connection = &seen->connection;
        if (connection->server.port == DNS_PORT && connection->from_start)
            list[count++] =
                (struct dns_connect){.resolver = {connection->server.ip, connection->server.port},
                                     .t_ns = connection->t_ns,
                                     .frame = seen->syn_frame};
    }
    draft->phone.dns_connects = list;
    draft->phone.dns_connect_count = count;
}
