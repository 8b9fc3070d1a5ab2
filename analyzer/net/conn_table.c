/* A chained hash table; each state has its list by age, so that the oldest is always at hand. */
#include "net/conn_table.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/intern.h"

enum { CONNS_MAX = 65536, FIRST_BUCKETS = 64 };

/* How long a state may last without a packet. A phone's open connection may be silent for hours;
 * between the SYNs of one attempt Linux waits 64 s at most. 0: no bound. */
static const int64_t age_max_ns[STATE_COUNT] = {
    [STATE_HALF] = 120LL * NS_PER_S,
    [STATE_OPEN] = 0,
    [STATE_DEAD] = 60LL * NS_PER_S,
};

static uint64_t hash_end(const struct endpoint *at) {
    return hash_bytes(at->ip.bytes, at->ip.len, at->port);
}

/* The same in both directions. */
static uint64_t hash_ends(const struct packet *packet) {
    return hash_end(&packet->src) + hash_end(&packet->dst);
}

struct conns *conns_new(void) {
    struct conns *conns = memory_new_zeroed(1, sizeof *conns);

    conns->n_buckets = FIRST_BUCKETS;
    conns->buckets = memory_new_zeroed(FIRST_BUCKETS, sizeof(struct tcp_conn *));
    return conns;
}

struct tcp_conn *conns_find(struct conns *conns, const struct packet *packet,
                            enum conn_side *side) {
    uint64_t hash = hash_ends(packet);
    struct tcp_conn *c = conns->buckets[hash & (conns->n_buckets - 1)];

    for (; c; c = c->chain) {
        /* It will be looked at all over, and most lie outside of the processor's caches. */
        __builtin_prefetch(&c->state);
        __builtin_prefetch(&c->streams[1]);
        __builtin_prefetch(&c->seen);
        if (c->hash != hash)
            continue;
        if (endpoint_eq(&c->conn.client, &packet->src) &&
            endpoint_eq(&c->conn.server, &packet->dst)) {
            *side = CONN_CLIENT;
            return c;
        }
        if (endpoint_eq(&c->conn.client, &packet->dst) &&
            endpoint_eq(&c->conn.server, &packet->src)) {
            *side = CONN_SERVER;
            return c;
        }
    }
    return NULL;
}

static void grow(struct conns *conns) {
    size_t n_buckets = conns->n_buckets * 2;
    struct tcp_conn **buckets = memory_new_zeroed(n_buckets, sizeof *buckets);

    for (size_t i = 0; i < conns->n_buckets; i++) {
        for (struct tcp_conn *c = conns->buckets[i], *next; c; c = next) {
            next = c->chain;
            c->chain = buckets[c->hash & (n_buckets - 1)];
            buckets[c->hash & (n_buckets - 1)] = c;
        }
    }
    free(conns->buckets);
    conns->buckets = buckets;
    conns->n_buckets = n_buckets;
}

static void list_take(struct conns *conns, struct tcp_conn *c) {
    struct conn_list *list = &conns->lists[c->state];

    *(c->older ? &c->older->newer : &list->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &list->newest) = c->older;
}

static void list_put(struct conns *conns, struct tcp_conn *c) {
    struct conn_list *list = &conns->lists[c->state];

    c->newer = NULL;
    c->older = list->newest;
    c->queued_ns = c->t_ns;
    *(list->newest ? &list->newest->newer : &list->oldest) = c;
    list->newest = c;
}

/* Open connections, most of all packets, stay where they are in their list; what had packets since
 * it was put there goes to the end when it comes up to be forgotten. */
void conns_touch(struct net *net, struct tcp_conn *c, enum conn_state state) {
    c->frame_no = net->frame_no;
    c->t_ns = net->t_ns;
    if (c->state == state && (state == STATE_OPEN || !c->newer))
        return;
    list_take(net->conns, c);
    c->state = state;
    list_put(net->conns, c);
}

void conns_remove(struct conns *conns, struct tcp_conn *c) {
    struct tcp_conn **at = &conns->buckets[c->hash & (conns->n_buckets - 1)];

    while (*at != c)
        at = &(*at)->chain;
    *at = c->chain;
    list_take(conns, c);
    for (int side = 0; side < 2; side++)
        stream_clear(&c->streams[side], &conns->buffered);
    free(c);
    conns->n--;
}

/* The last call of a connection that ends by itself names its last packet. */
static void forget(struct net *net, struct tcp_conn *c) {
    if (c->state != STATE_DEAD) {
        struct packet last = {
            .frame_no = c->frame_no,
            .t_ns = c->t_ns,
            .src = c->conn.client,
            .dst = c->conn.server,
            .mac_src = c->conn.mac_client,
            .mac_dst = c->conn.mac_server,
        };
        tcp_finish(net, c, &last);
    }
    conns_remove(net->conns, c);
}

static void make_room(struct net *net) {
    static const enum conn_state order[] = {STATE_DEAD, STATE_HALF, STATE_OPEN};
    struct conns *conns = net->conns;

    for (int state = 0; state < STATE_COUNT; state++) {
        struct tcp_conn *c;
        while ((c = conns->lists[state].oldest) && age_max_ns[state] &&
               net->t_ns - c->t_ns > age_max_ns[state])
            forget(net, c);
    }
    for (size_t i = 0; conns->n >= CONNS_MAX && i < STATE_COUNT;) {
        struct tcp_conn *c = conns->lists[order[i]].oldest;
        if (!c) {
            i++;
            continue;
        }
        if (c->t_ns > c->queued_ns && c->newer) {
            list_take(conns, c);
            list_put(conns, c);
            continue;
        }
        if (c->state != STATE_DEAD)
            net_note(net, NET_LIMIT_CONNECTIONS, net->frame_no, 1);
        forget(net, c);
    }
}

struct tcp_conn *conns_add(struct net *net, const struct packet *packet, bool from_server,
                           enum conn_state state) {
    struct conns *conns = net->conns;

    make_room(net);
    if (conns->n >= conns->n_buckets)
        grow(conns);
    struct tcp_conn *c = memory_new_zeroed(1, sizeof *c);
    c->conn.client = from_server ? packet->dst : packet->src;
    c->conn.server = from_server ? packet->src : packet->dst;
    c->conn.mac_client = from_server ? packet->mac_dst : packet->mac_src;
    c->conn.mac_server = from_server ? packet->mac_src : packet->mac_dst;
    c->conn.id = ++conns->last_id;
    c->state = state;
    c->hash = hash_ends(packet);
    c->frame_no = net->frame_no;
    c->t_ns = net->t_ns;
    struct tcp_conn **bucket = &conns->buckets[c->hash & (conns->n_buckets - 1)];
    c->chain = *bucket;
    *bucket = c;
    list_put(conns, c);
    conns->n++;
    return c;
}

void conns_end(struct net *net) {
    for (int state = 0; state < STATE_COUNT; state++)
        while (net->conns->lists[state].oldest)
            forget(net, net->conns->lists[state].oldest);
}

void conns_free(struct conns *conns) {
    for (int state = 0; state < STATE_COUNT; state++)
        while (conns->lists[state].oldest)
            conns_remove(conns, conns->lists[state].oldest);
    free(conns->buckets);
    free(conns);
}
