/* Addresses read, compared and written. */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const char *const transport_names[TRANSPORT_COUNT] = {
    [TRANSPORT_UDP] = "udp", [TRANSPORT_TCP] = "tcp", [TRANSPORT_TLS] = "tls",
    [TRANSPORT_WS] = "ws",   [TRANSPORT_WSS] = "wss", [TRANSPORT_SCTP] = "sctp",
};

static const uint16_t default_ports[TRANSPORT_COUNT] = {
    [TRANSPORT_UDP] = 5060, [TRANSPORT_TCP] = 5060, [TRANSPORT_TLS] = 5061,
    [TRANSPORT_WS] = 80,    [TRANSPORT_WSS] = 443,  [TRANSPORT_SCTP] = 5060,
};

struct ip_addr ip_of_bytes(const uint8_t *bytes, uint8_t len) {
    struct ip_addr ip = {.len = len};

    memcpy(ip.bytes, bytes, len);
    return ip;
}

bool ip_parse(struct slice text, struct ip_addr *ip) {
    char copy[IP_TEXT_LEN];
    uint8_t bytes[16];

    if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = slice_between(text, 1, text.len - 1);
    if (!text.len || text.len >= sizeof copy)
        return false;
    /* Most of what is asked are names: those end in no digit and have no colon. */
    bool colon = slice_find(text, ':') < text.len;
    uint8_t last = text.ptr[text.len - 1];
    if (!colon && (last < '0' || last > '9'))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(colon ? AF_INET6 : AF_INET, copy, bytes) != 1)
        return false;
    *ip = ip_of_bytes(bytes, colon ? 16 : 4);
    return true;
}

int ip_compare(const struct ip_addr *a, const struct ip_addr *b) {
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->len);
}

bool ip_is_multicast(const struct ip_addr *ip) {
    static const uint8_t broadcast[4] = {255, 255, 255, 255};

    if (ip->len == 4)
        return (ip->bytes[0] & 0xf0) == 0xe0 || memcmp(ip->bytes, broadcast, 4) == 0;
    return ip->len == 16 && ip->bytes[0] == 0xff;
}

bool mac_eq(const struct mac_addr *a, const struct mac_addr *b) {
    return a->known && b->known && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

char *ip_text(const struct ip_addr *ip, char text[IP_TEXT_LEN]) {
    if (!ip->len || !inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->bytes, text, IP_TEXT_LEN))
        text[0] = '\0';
    return text;
}

char *mac_text(const struct mac_addr *mac, char text[MAC_TEXT_LEN]) {
    const uint8_t *b = mac->bytes;

    snprintf(text, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return text;
}

char *endpoint_text(const struct endpoint *at, char text[ENDPOINT_TEXT_LEN]) {
    char ip[IP_TEXT_LEN];

    snprintf(text, ENDPOINT_TEXT_LEN, at->ip.len == 16 ? "[%s]:%u" : "%s:%u", ip_text(&at->ip, ip),
             at->port);
    return text;
}

char *server_text(const struct server *server, char text[SERVER_TEXT_LEN]) {
    char at[ENDPOINT_TEXT_LEN];
    struct endpoint endpoint = {server->ip, server->port};

    snprintf(text, SERVER_TEXT_LEN, "%s/%s", endpoint_text(&endpoint, at),
             transport_name(server->transport));
    return text;
}

const char *transport_name(enum transport transport) {
    return transport_names[transport];
}

bool transport_parse(struct slice name, enum transport *transport) {
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        if (slice_eq_nocase(name, slice_of_text(transport_names[i]))) {
            *transport = (enum transport)i;
            return true;
        }
    }
    return false;
}

uint16_t transport_default_port(enum transport transport) {
    return default_ports[transport];
}
