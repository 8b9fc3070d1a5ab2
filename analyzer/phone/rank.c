/* The ranked server list of a host.
 *
 *   host ─ NAPTR, by order, then preference ─┬ "s" SRV of the replacement ─┬ priority ─ A, AAAA
 *        │                                   ├ "a" A, AAAA of it           └ priority ─ A, AAAA
 *        │                                   └ ""  NAPTR of it
 *        ├ SRV of _sip._udp.host …, where NAPTR gives nothing
 *        └ A, AAAA of host, where SRV gives nothing
 *
 * RFC 3263 4.1 (transport: NAPTR), 4.2 (port and address: SRV, A), RFC 2782 (priority; the root as
 * target: decidedly no service), RFC 3403 4.1 (order before preference; flags).
 */
#include "phone/rank.h"

#include <stdlib.h>

enum { NAPTR_DEPTH = 4, SERVERS_MAX = 1024 };

static const char *const srv_prefix[TRANSPORT_COUNT] = {
    [TRANSPORT_UDP] = "_sip._udp.",
    [TRANSPORT_TCP] = "_sip._tcp.",
    [TRANSPORT_TLS] = "_sips._tcp.",
    /* RFC 7118 names none; by the pattern of RFC 3263 4.1, as some stacks ask. */
    [TRANSPORT_WS] = "_sip._ws.",
    [TRANSPORT_WSS] = "_sips._ws.",
    [TRANSPORT_SCTP] = "_sip._sctp.",
};

static const char *const service_name[TRANSPORT_COUNT] = {
    [TRANSPORT_UDP] = "sip+d2u", [TRANSPORT_TCP] = "sip+d2t",  [TRANSPORT_TLS] = "sips+d2t",
    [TRANSPORT_WS] = "sip+d2w",  [TRANSPORT_WSS] = "sips+d2w", [TRANSPORT_SCTP] = "sip+d2s",
};

struct walk {
    const struct rank_order *order;
    rank_lookup *lookup;
    void *context;
    struct intern *strings;
    struct arena *arena;
    ARRAY_OF(struct ranked_server) servers;
    unsigned rank;    /* of the group being filled */
    unsigned service; /* of the service being walked */
    bool complete;
};

bool rank_service_transport(const char *service, enum transport *transport) {
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        if (strcmp(service, service_name[i]) == 0) {
            *transport = (enum transport)i;
            return true;
        }
    }
    return false;
}

const char *rank_srv_name(struct intern *strings, enum transport transport, const char *host) {
    char name[DNS_NAME_TEXT_LEN + 16];
    size_t prefix = strlen(srv_prefix[transport]), len = strlen(host);

    if (prefix + len >= sizeof name)
        return host;
    memcpy(name, srv_prefix[transport], prefix);
    memcpy(name + prefix, host, len);
    return intern_text(strings, slice_of(name, prefix + len));
}

bool rank_srv_name_parse(const char *name, enum transport *transport, const char **host) {
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        size_t len = strlen(srv_prefix[i]);
        if (strncmp(name, srv_prefix[i], len) == 0) {
            *transport = (enum transport)i;
            *host = name + len;
            return true;
        }
    }
    return false;
}

/* A server once: a second record that leads to the same place adds nothing. */
static void add_server(struct walk *walk, const struct ranked_server *server) {
    for (size_t i = 0; i < walk->servers.n; i++)
        if (server_eq(&walk->servers.items[i].server, &server->server))
            return;
    if (walk->servers.n < SERVERS_MAX)
        *ARRAY_PUSH(&walk->servers) = *server;
}

static void add_addresses(struct walk *walk, struct ranked_server model, const char *name) {
    static const uint16_t types[] = {DNS_A, DNS_AAAA};
    struct lookup_answer answer;
    bool asked = false;

    model.target = name;
    if (ip_parse(slice_of_text(name), &model.server.ip)) {
        model.target = model.from_srv ? name : NULL;
        add_server(walk, &model);
        return;
    }
    for (size_t t = 0; t < 2; t++) {
        if (!walk->lookup(walk->context, name, types[t], &answer))
            continue;
        asked = true;
        for (size_t i = 0; i < answer.count; i++) {
            model.server.ip = answer.records[i]->address;
            model.ttl_s = answer.records[i]->ttl_s;
            model.has_ttl = true;
            add_server(walk, &model);
        }
    }
    if (!asked)
        walk->complete = false;
}

static int by_priority(const void *a, const void *b) {
    const struct fact_record *x = *(const struct fact_record *const *)a;
    const struct fact_record *y = *(const struct fact_record *const *)b;

    return x->priority != y->priority ? (x->priority < y->priority ? -1 : 1) : 0;
}

static int by_order(const void *a, const void *b) {
    const struct fact_record *x = *(const struct fact_record *const *)a;
    const struct fact_record *y = *(const struct fact_record *const *)b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->preference != y->preference ? (x->preference < y->preference ? -1 : 1) : 0;
}

/* A copy of the answer in the order of `compare`, equal ones as they came (an insertion sort: short
 * lists, and stable). */
static const struct fact_record **sorted(struct walk *walk, const struct lookup_answer *answer,
                                         int (*compare)(const void *, const void *)) {
    const struct fact_record **list =
        ARENA_ARRAY(walk->arena, const struct fact_record *, answer->count);

    for (size_t i = 0; i < answer->count; i++) {
        size_t at = i;
        while (at > 0 && compare(&list[at - 1], &answer->records[i]) > 0) {
            list[at] = list[at - 1];
            at--;
        }
        list[at] = answer->records[i];
    }
    return list;
}

/* The servers of one SRV name; each priority is a rank of its own. Returns whether there were
 * records (the root as target is one: it says that there is no service). */
static bool add_srv(struct walk *walk, struct ranked_server model, const char *name) {
    struct lookup_answer answer;

    if (!walk->lookup(walk->context, name, DNS_SRV, &answer)) {
        walk->complete = false;
        return false;
    }
    size_t count = answer.count;
    const struct fact_record **list = sorted(walk, &answer, by_priority);
    for (size_t i = 0; i < count; i++) {
        size_t before = walk->servers.n;
        if (i == 0 || list[i]->priority != list[i - 1]->priority)
            model.rank = walk->rank + 1;
        if (strcmp(list[i]->target, ".") == 0)
            continue;
        model.from_srv = true;
        model.priority = list[i]->priority;
        model.weight = list[i]->weight;
        model.server.port = list[i]->port;
        model.port_known = true;
        add_addresses(walk, model, list[i]->target);
        if (walk->servers.n > before)
            walk->rank = model.rank;
    }
    return count > 0;
}

static void add_host_addresses(struct walk *walk, struct ranked_server model, const char *name) {
    size_t before = walk->servers.n;

    model.rank = walk->rank + 1;
    if (!model.port_known) {
        model.server.port =
            walk->order->port ? walk->order->port : transport_default_port(model.server.transport);
        model.port_known = walk->order->port_known;
    }
    add_addresses(walk, model, name);
    if (walk->servers.n > before)
        walk->rank++;
}

/* The services of a NAPTR answer, each one after the other. An empty flag leads to another NAPTR
 * lookup: an explicit stack of bounded depth. */
static void add_naptr(struct walk *walk, const char *host) {
    struct {
        const struct fact_record **list;
        size_t count, next;
    } stack[NAPTR_DEPTH];
    size_t depth = 0;
    struct lookup_answer answer;

    if (!walk->lookup(walk->context, host, DNS_NAPTR, &answer))
        return;
    stack[0].count = answer.count;
    stack[0].next = 0;
    stack[0].list = sorted(walk, &answer, by_order);
    for (;;) {
        if (stack[depth].next == stack[depth].count) {
            if (!depth)
                break;
            depth--;
            continue;
        }
        const struct fact_record *naptr = stack[depth].list[stack[depth].next++];
        struct ranked_server model = {.from_naptr = true,
                                      .order = naptr->order,
                                      .preference = naptr->preference,
                                      .transport_known = true};
        if (!naptr->flags[0]) {
            if (depth + 1 < NAPTR_DEPTH &&
                walk->lookup(walk->context, naptr->target, DNS_NAPTR, &answer)) {
                depth++;
                stack[depth].count = answer.count;
                stack[depth].next = 0;
                stack[depth].list = sorted(walk, &answer, by_order);
            }
            continue;
        }
        if (!rank_service_transport(naptr->service, &model.server.transport) ||
            !walk->order->supported[model.server.transport])
            continue;
        model.service = walk->service;
        if (strcmp(naptr->flags, "s") == 0) {
            if (add_srv(walk, model, naptr->target))
                walk->service++;
        } else if (strcmp(naptr->flags, "a") == 0) {
            add_host_addresses(walk, model, naptr->target);
            walk->service++;
        }
    }
}

size_t rank_servers(const struct rank_order *order, rank_lookup *lookup, void *context,
                    struct intern *strings, struct arena *arena, struct ranked_server **servers,
                    bool *complete) {
    struct walk walk = {.order = order,
                        .lookup = lookup,
                        .context = context,
                        .strings = strings,
                        .arena = arena,
                        .complete = true};
    struct ranked_server plain = {.server.transport = order->transport,
                                  .transport_known = order->transport_known};
    struct ip_addr ip;

    bool numeric = ip_parse(slice_of_text(order->host), &ip);
    if (!numeric && order->start == RANK_NAPTR)
        add_naptr(&walk, order->host);
    if (!numeric && order->start != RANK_ADDRESS && !walk.servers.n) {
        for (size_t i = 0; i < order->srv_transport_count; i++) {
            struct ranked_server model = {.server.transport = order->srv_transports[i],
                                          .transport_known = true,
                                          .service = walk.service};
            if (add_srv(&walk, model,
                        rank_srv_name(strings, order->srv_transports[i], order->host)))
                walk.service++;
        }
    }
    /* RFC 3263 4.2: only where there are no SRV records at all; the root as target forbids it. */
    if (numeric || (!walk.servers.n && !walk.service)) {
        walk.complete = true;
        add_host_addresses(&walk, plain, order->host);
    }

    struct ranked_server *list = ARENA_ARRAY(arena, struct ranked_server, walk.servers.n);
    if (walk.servers.n)
        memcpy(list, walk.servers.items, walk.servers.n * sizeof *list);
    *servers = list;
    *complete = walk.complete;
    size_t count = walk.servers.n;
    ARRAY_FINI(&walk.servers);
    return count;
}
