#include "phone/nat_aliases.h"

#include <stdlib.h>

enum { ALIASES_MAX = 1 << 16 };

/* A NAT forgets what is silent; what is learned again costs nothing. */
#define ALIAS_LIFE_NS ((int64_t)3600 * 1000000000)

/* peer NULL: whoever it speaks to. */
static uint64_t alias_key(const struct endpoint *outer, const struct endpoint *peer,
                          enum transport transport) {
    struct {
        struct ip_addr outer, peer;
        uint16_t outer_port, peer_port, transport;
    } key;

    memset(&key, 0, sizeof key);
    key.outer = outer->ip;
    key.outer_port = outer->port;
    key.transport = (uint16_t)transport;
    if (peer) {
        key.peer = peer->ip;
        key.peer_port = peer->port;
    }
    return index_key(&key, sizeof key, 40);
}

void nat_aliases_learn(struct nat_aliases *nat, const struct endpoint *outer,
                       const struct endpoint *inner, const struct endpoint *peer,
                       enum transport transport, int64_t t_ns, bool server) {
    const struct nat_alias alias = {*outer, *inner, transport, server};
    uint32_t at;

    if (nat->list.n < ALIASES_MAX) {
        at = (uint32_t)nat->list.n;
        *ARRAY_ADD(&nat->list) = alias;
    } else {
        at = (uint32_t)(nat->next++ % ALIASES_MAX);
        nat->list.items[at] = alias;
    }
    passing_turn(&nat->index, t_ns, ALIAS_LIFE_NS);
    passing_put(&nat->index, alias_key(outer, peer, transport), at);
    if (!server)
        passing_put(&nat->index, alias_key(outer, NULL, transport), at);
}

static const struct nat_alias *find_alias(struct nat_aliases *nat, const struct endpoint *outer,
                                          const struct endpoint *peer, enum transport transport) {
    uint32_t at = passing_get(&nat->index, alias_key(outer, peer, transport));
    const struct nat_alias *alias = at == NONE ? NULL : &nat->list.items[at];

    /* Its place may have been given to another one. */
    return alias && alias->transport == transport && endpoint_eq(&alias->outer, outer) ? alias
                                                                                       : NULL;
}

/* One end as the story has it: by what is known of it towards this peer, else of it at all (a call
 * between two hosts behind one NAT meets the other's address there). */
static bool translate(struct nat_aliases *nat, struct endpoint *end, const struct endpoint *peer,
                      enum transport transport, bool *server) {
    const struct nat_alias *alias = find_alias(nat, end, peer, transport);

    if (!alias)
        alias = find_alias(nat, end, NULL, transport);
    if (!alias)
        return false;
    *end = alias->inner;
    *server |= alias->server;
    return true;
}

bool nat_aliases_translate(struct nat_aliases *nat, struct endpoint *src, struct endpoint *dst,
                           enum transport transport, bool *server) {
    const struct endpoint from = *src, to = *dst;

    *server = false;
    bool one = translate(nat, src, &to, transport, server);
    return translate(nat, dst, &from, transport, server) || one;
}

void nat_aliases_fini(struct nat_aliases *nat) {
    ARRAY_FINI(&nat->list);
    passing_fini(&nat->index);
}
