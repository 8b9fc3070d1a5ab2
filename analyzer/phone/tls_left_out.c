/* TLS to a SIP server, at a port that is not SIP's by custom or by its records.
 *
 *     SRV _sips._tcp.example.com -> sip1.example.com:5443        key (client, sip1.example.com)
 *     A sip1.example.com         -> 192.0.2.1                    key (client, 192.0.2.1)
 *     TLS to 192.0.2.1:8443      something else, a page of settings perhaps: left out, and said
 *
 * An address without an SRV record tells nothing: that of every web page is asked for, too.
 */
#include "phone/tell.h"

#include <string.h>

static bool is_candidate(const struct seen_connection *seen) {
    const struct connection *connection = &seen->connection;

    return connection->id && connection->tls && !connection->sip && !connection->half_read &&
           !tell_is_custom_port(connection->server.port);
}

static uint64_t name_key(const struct ip_addr *client, const char *name) {
    struct {
        uint64_t client;
        const char *name;
    } key = {index_key(client, sizeof *client, 80), name};

    return index_key(&key, sizeof key, 81);
}

static uint64_t address_key(const struct ip_addr *client, const struct ip_addr *address) {
    return index_key(address, sizeof *address, index_key(client, sizeof *client, 82));
}

static bool asks_for_sip(const struct query *query) {
    return query->type == DNS_SRV && (strncmp(query->name, "_sip.", strlen("_sip.")) == 0 ||
                                      strncmp(query->name, "_sips.", strlen("_sips.")) == 0);
}

/* The ports of the targets of SIP's SRV records, by who asked. */
static void note_targets(const struct collection *c, struct index_map *ports) {
    for (size_t i = 0; i < c->queries.n; i++) {
        const struct seen_query *seen = &c->queries.items[i];
        if (!asks_for_sip(seen->query))
            continue;
        for (size_t r = 0; r < seen->query->record_count; r++) {
            const struct fact_record *record = &seen->query->records[r];
            if (record->type == DNS_SRV && record->target)
                index_put(ports, name_key(&seen->client, record->target), record->port);
        }
    }
}

/* The same by the targets' addresses, wherever they were given. */
static void note_addresses(const struct collection *c, const struct index_map *ports,
                           struct index_map *port_of_address) {
    for (size_t i = 0; i < c->queries.n; i++) {
        const struct seen_query *seen = &c->queries.items[i];
        for (size_t r = 0; r < seen->query->record_count; r++) {
            const struct fact_record *record = &seen->query->records[r];
            if (!record->address.len)
                continue;
            uint32_t port = index_get(ports, name_key(&seen->client, record->name));
            if (port == NONE) /* an alias of the name that was asked for */
                port = index_get(ports, name_key(&seen->client, seen->query->name));
            if (port != NONE)
                index_put(port_of_address, address_key(&seen->client, &record->address), port);
        }
    }
}

void tell_left_out(struct telling *telling) {
    const struct collection *c = telling->c;
    struct index_map ports = {0}, port_of_address = {0};
    bool noted = false;

    for (size_t i = 0; i < c->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[i];
        if (!is_candidate(seen))
            continue;
        if (!noted) {
            note_targets(c, &ports);
            note_addresses(c, &ports, &port_of_address);
            noted = true;
        }
        uint32_t port =
            index_get(&port_of_address, address_key(&seen->client, &seen->connection.server.ip));
        telling->left_out += port != NONE && port != seen->connection.server.port;
    }
    index_fini(&ports);
    index_fini(&port_of_address);
}
