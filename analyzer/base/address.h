/* Addresses: of hosts (IPv4, IPv6, Ethernet), of sockets, of servers. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* len 4 or 16; 0: none. Bytes past len are zero, so that addresses compare and hash as memory; but
 * those of len 0 may tell apart addresses that are not known. */
struct ip_addr {
    uint8_t len;
    uint8_t bytes[16];
};

struct mac_addr {
    bool known;
    uint8_t bytes[6];
};

struct endpoint {
    struct ip_addr ip;
    uint16_t port;
};

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_WS,  /* SIP over WebSocket (RFC 7118), */
    TRANSPORT_WSS, /* and over TLS */
    TRANSPORT_SCTP,
    TRANSPORT_COUNT,
};

/* A server as the contract writes it: 192.0.2.1:5060/udp. */
struct server {
    struct ip_addr ip;
    uint16_t port;
    enum transport transport;
};

enum {
    IP_TEXT_LEN = 46,
    MAC_TEXT_LEN = 18,
    ENDPOINT_TEXT_LEN = 56,
    SERVER_TEXT_LEN = 64,
};

struct ip_addr ip_of_bytes(const uint8_t *bytes, uint8_t len);
bool ip_parse(struct slice text, struct ip_addr *ip); /* IPv6 with or without brackets */
int ip_compare(const struct ip_addr *a, const struct ip_addr *b); /* IPv4 before IPv6 */
bool ip_is_multicast(const struct ip_addr *ip); /* with the IPv4 broadcast address */
bool mac_eq(const struct mac_addr *a, const struct mac_addr *b);

static inline bool ip_eq(const struct ip_addr *a, const struct ip_addr *b) {
    if (a->len != b->len)
        return false;
    return a->len == 4 ? memcmp(a->bytes, b->bytes, 4) == 0
                       : memcmp(a->bytes, b->bytes, a->len) == 0;
}

static inline bool endpoint_eq(const struct endpoint *a, const struct endpoint *b) {
    return a->port == b->port && ip_eq(&a->ip, &b->ip);
}

static inline bool server_eq(const struct server *a, const struct server *b) {
    return a->port == b->port && a->transport == b->transport && ip_eq(&a->ip, &b->ip);
}

/* For sorting: by address, then port, then transport. */
static inline int server_compare(const struct server *a, const struct server *b) {
    int order = ip_compare(&a->ip, &b->ip);

    if (order)
        return order;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return (a->transport > b->transport) - (a->transport < b->transport);
}

/* Each writes text of at most *_TEXT_LEN bytes with its NUL, and returns it. IPv6 in the form of
 * RFC 5952, in brackets where a port follows. */
char *ip_text(const struct ip_addr *ip, char text[IP_TEXT_LEN]);
char *mac_text(const struct mac_addr *mac, char text[MAC_TEXT_LEN]);
char *endpoint_text(const struct endpoint *at, char text[ENDPOINT_TEXT_LEN]);
char *server_text(const struct server *server, char text[SERVER_TEXT_LEN]);

const char *transport_name(enum transport transport);               /* "udp" */
bool transport_parse(struct slice name, enum transport *transport); /* case does not matter */

/* Does the transport itself repeat what is lost, so that SIP must not (RFC 3261 17.1.1.2)? */
static inline bool transport_is_reliable(enum transport transport) {
    return transport != TRANSPORT_UDP;
}

/* Does it run inside TLS? */
static inline bool transport_is_secure(enum transport transport) {
    return transport == TRANSPORT_TLS || transport == TRANSPORT_WSS;
}

/* Where neither a URI nor a record gives one: RFC 3261 19.1.2, for WebSocket RFC 6455 3. */
uint16_t transport_default_port(enum transport transport);

#endif
