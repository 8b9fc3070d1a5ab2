/* What the expectations configure as servers: the entries of outbound_proxies[], else servers[]. */
#include "rules/server_entries.h"

#include <string.h>

bool server_entry_transport(enum server_transport from, enum transport *transport) {
    static const enum transport transports[] = {
        [SERVER_UDP] = TRANSPORT_UDP, [SERVER_TCP] = TRANSPORT_TCP, [SERVER_TLS] = TRANSPORT_TLS,
        [SERVER_WS] = TRANSPORT_WS,   [SERVER_WSS] = TRANSPORT_WSS, [SERVER_SCTP] = TRANSPORT_SCTP,
    };

    if (from == SERVER_NAPTR || from == SERVER_TRANSPORT_UNSET)
        return false;
    *transport = transports[from];
    return true;
}

/* RFC 3263 4.1, as far as dns.mode leaves it to the configuration. */
enum rank_start server_entry_start(const struct expectations *expect,
                                   const struct server_expectation *entry) {
    enum transport transport;

    switch (expect->dns.mode) {
    case DNS_MODE_CONFIGURED:
    case DNS_MODE_A:
        return RANK_ADDRESS;
    case DNS_MODE_SRV:
        return RANK_SRV;
    case DNS_MODE_NAPTR:
    case DNS_MODE_AUTO:
        break;
    }
    if (!entry)
        return RANK_NAPTR;
    /* What a WebSocket URI names is looked up as any web server is (RFC 6455 4.1). */
    if (entry->port || entry->transport == SERVER_WS || entry->transport == SERVER_WSS)
        return RANK_ADDRESS;
    if (expect->dns.mode == DNS_MODE_AUTO && server_entry_transport(entry->transport, &transport))
        return RANK_SRV;
    return RANK_NAPTR;
}

const struct server_expectation *server_entries_of(const struct expectations *expect,
                                                   size_t *count) {
    if (expect->outbound_proxy_count) {
        *count = expect->outbound_proxy_count;
        return expect->outbound_proxies;
    }
    *count = expect->server_count;
    return expect->servers;
}

bool server_entries_given(const struct expectations *expect) {
    size_t count;

    server_entries_of(expect, &count);
    return count > 0;
}

const struct server_expectation *server_entry_of(const struct expectations *expect,
                                                 const char *host) {
    size_t count;
    const struct server_expectation *entries = server_entries_of(expect, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].host, host) == 0)
            return &entries[i];
    return NULL;
}

bool server_entries_ask(const struct judge *judge, enum rank_start start) {
    const struct expectations *expect = judge->expect;
    struct ip_addr ip;
    size_t count;
    const struct server_expectation *entries = server_entries_of(expect, &count);

    if (expect->dns.mode == DNS_MODE_CONFIGURED)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ip_parse(slice_of_text(entries[i].host), &ip) &&
            server_entry_start(expect, &entries[i]) <= start)
            return true;
    if (count || server_entry_start(expect, NULL) > start)
        return false;
    return !judge->account->host || !ip_parse(slice_of_text(judge->account->host), &ip);
}
