/* The collection's tables, and all that is neither SIP nor DNS: connections, ICMP, neighbours,
 * boots. */
#include "phone/collect.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/instant.h"
#include "net/tcp_copies.h"

/* DHCP packets of one MAC within this time belong to one start. */
#define ONE_BOOT_NS ((int64_t)30 * 1000000000)

/* An error comes back within this time of the packet that it is about, and the phone acts on it. */
#define ERROR_AFTER_NS ((int64_t)3 * 1000000000)

uint64_t index_key(const void *bytes, size_t len, uint64_t basis) {
    uint64_t key = hash_bytes(bytes, len, basis);

    return key ? key : 1; /* 0 marks a free slot */
}

static size_t slot_of(const struct index_map *map, uint64_t key) {
    size_t at = key & (map->cap - 1);

    while (map->slots[at].key && map->slots[at].key != key)
        at = (at + 1) & (map->cap - 1);
    return at;
}

uint32_t index_get(const struct index_map *map, uint64_t key) {
    if (!map->cap)
        return NONE;
    const struct index_slot *slot = &map->slots[slot_of(map, key)];
    return slot->key ? slot->value : NONE;
}

static void grow(struct index_map *map) {
    struct index_map bigger = {.cap = map->cap ? map->cap * 2 : 16, .n = map->n};

    bigger.slots = memory_new_zeroed(bigger.cap, sizeof *bigger.slots);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key)
            bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    *map = bigger;
}

void index_put(struct index_map *map, uint64_t key, uint32_t value) {
    if (map->n * 2 >= map->cap) /* what is looked for is often not there: no long way to the hole */
        grow(map);
    struct index_slot *slot = &map->slots[slot_of(map, key)];
    if (!slot->key)
        map->n++;
    *slot = (struct index_slot){key, value};
}

void index_remove(struct index_map *map, uint64_t key) {
    if (!map->cap)
        return;
    size_t mask = map->cap - 1, hole = slot_of(map, key);
    if (!map->slots[hole].key)
        return;
    map->n--;
    /* Close the hole: move back what would not be found across it. */
    for (size_t at = (hole + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
        size_t home = map->slots[at].key & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].key = 0;
}

void index_fini(struct index_map *map) {
    free(map->slots);
    *map = (struct index_map){0};
}

void passing_turn(struct passing_map *map, int64_t t_ns, int64_t life_ns) {
    if (!map->young.n) {
        map->since_ns = t_ns;
        return;
    }
    if (t_ns - map->since_ns <= life_ns && map->since_ns - t_ns <= life_ns)
        return;
    struct index_map empty = map->old;
    if (empty.cap)
        memset(empty.slots, 0, empty.cap * sizeof *empty.slots);
    empty.n = 0;
    map->old = map->young;
    map->young = empty;
    map->since_ns = t_ns;
}

uint32_t passing_get(struct passing_map *map, uint64_t key) {
    uint32_t value = index_get(&map->young, key);

    if (value != NONE || !map->old.n)
        return value;
    value = index_get(&map->old, key);
    if (value != NONE)
        index_put(&map->young, key, value);
    return value;
}

void passing_put(struct passing_map *map, uint64_t key, uint32_t value) {
    index_put(&map->young, key, value);
}

void passing_fini(struct passing_map *map) {
    index_fini(&map->young);
    index_fini(&map->old);
}

void collection_init(struct collection *c) {
    *c = (struct collection){.copies = copies_new()};
}

void collection_end(struct collection *c) {
    orphans_end(c);
    damaged_end(c);
    copies_end(c);
    collect_dns_end(c);
}

void collection_fini(struct collection *c) {
    ARRAY_FINI(&c->seen);
    ARRAY_FINI(&c->responses);
    ARRAY_FINI(&c->txs);
    ARRAY_FINI(&c->wordings);
    ARRAY_FINI(&c->queries);
    ARRAY_FINI(&c->records);
    ARRAY_FINI(&c->connections);
    ARRAY_FINI(&c->free_connections);
    ARRAY_FINI(&c->icmps);
    ARRAY_FINI(&c->neighbours);
    ARRAY_FINI(&c->losses);
    ARRAY_FINI(&c->hosts);
    ARRAY_FINI(&c->boots);
    ARRAY_FINI(&c->link_types);
    passing_fini(&c->tx_of);
    index_fini(&c->wording_of);
    passing_fini(&c->query_of);
    index_fini(&c->connection_of);
    index_fini(&c->host_of);
    index_fini(&c->neighbour_of);
    for (size_t i = 0; i < COLLECT_DNS; i++)
        free(c->dns_told[i].written);
    for (size_t i = 0; i < COLLECT_ORPHANS; i++)
        free(c->orphans[i].bytes);
    ARRAY_FINI(&c->srv_answers);
    copies_free(c->copies);
    for (size_t i = 0; i < COLLECT_DAMAGED; i++)
        free(c->damaged[i].bytes);
    intern_fini(&c->strings);
    arena_fini(&c->arena);
}

void seen_add(struct collection *c, struct seen_list *list, uint32_t frame, int64_t t_ns) {
    if (c->seen.n >= COLLECT_MAX) {
        c->limit_records++;
        return;
    }
    uint32_t at = (uint32_t)c->seen.n;
    *ARRAY_ADD(&c->seen) = (struct seen){.frame = frame, .next = NONE, .t_ns = t_ns};
    if (list->count++)
        c->seen.items[list->last].next = at;
    else
        list->first = at;
    list->last = at;
}

uint32_t collect_host(struct collection *c, const struct ip_addr *ip, int64_t t_ns) {
    uint64_t key = index_key(ip, sizeof *ip, 1);
    uint32_t at = index_get(&c->host_of, key);

    if (at == NONE) {
        at = (uint32_t)c->hosts.n;
        *ARRAY_ADD(&c->hosts) = (struct seen_host){.ip = *ip, .first_ns = t_ns, .newest_tx = NONE};
        index_put(&c->host_of, key, at);
    }
    c->hosts.items[at].last_ns = t_ns;
    return at;
}

void collect_loss(struct collection *c, enum loss_kind kind, const struct ip_addr *host,
                  const struct ip_addr *peer, int64_t from_ns, int64_t to_ns, uint32_t frame) {
    enum { LOSSES_MAX = 1 << 16 };

    if (c->losses.n >= LOSSES_MAX) {
        c->limit_records++;
        return;
    }
    struct seen_loss *loss = ARRAY_PUSH(&c->losses);
    loss->host = *host;
    loss->peer = *peer;
    loss->sign =
        (struct loss_sign){.kind = kind, .from_ns = from_ns, .to_ns = to_ns, .frame = frame};
}

/* ---- TCP connections ---- */

struct seen_connection *collect_connection(struct collection *c, uint64_t conn_id) {
    uint32_t at = index_get(&c->connection_of, index_key(&conn_id, sizeof conn_id, 2));

    return at == NONE ? NULL : &c->connections.items[at];
}

struct seen_connection *collect_live_connection(struct collection *c, const struct conn *conn) {
    return conn->noted && !copies_has(conn) ? &c->connections.items[conn->noted - 1] : NULL;
}

static struct seen_connection *connection_of(struct collection *c, struct conn *conn,
                                             const struct packet *packet) {
    struct seen_connection *known = collect_live_connection(c, conn);
    uint32_t at;

    if (known)
        return known;
    if (c->free_connections.n) {
        at = c->free_connections.items[--c->free_connections.n];
    } else if (c->connections.n < COLLECT_MAX) {
        at = (uint32_t)c->connections.n;
        ARRAY_PUSH(&c->connections);
    } else {
        c->limit_records++;
        return NULL;
    }
    struct seen_connection *made = &c->connections.items[at];
    *made = (struct seen_connection){.client = conn->client.ip};
    made->connection = (struct connection){
        .server = {conn->server.ip, conn->server.port, TRANSPORT_TCP},
        .source = conn->client,
        .id = conn->id,
        .t_ns = packet->t_ns,
        .end_ns = packet->t_ns,
        .from_start = conn->from_start,
        .open_at_end = true,
    };
    index_put(&c->connection_of, index_key(&conn->id, sizeof conn->id, 2), at);
    conn->noted = at + 1;
    return made;
}

/* The error had its packet after all: it was only captured before it. */
static void forget_loss(struct collection *c, uint32_t frame) {
    for (size_t i = c->losses.n; i-- > 0 && c->losses.n - i <= COLLECT_ORPHANS;)
        if (c->losses.items[i].sign.kind == LOSS_ERROR_ONLY &&
            c->losses.items[i].sign.frame == frame) {
            c->losses.items[i] = c->losses.items[--c->losses.n];
            return;
        }
}

/* The connection is over, by this packet or by age: was its TLS handshake in vain? One that nobody
 * answered died of silence; else it was refused, whoever closed. */
static void end_handshake(struct connection *connection, const struct packet *packet,
                          enum conn_side side) {
    if (!connection->tls || !connection->from_start || !connection->heard || connection->gap ||
        connection->tls_up || connection->sip || connection->refused || connection->timed_out ||
        (connection->tls_done && !connection->error_frame))
        return;
    if (!connection->tls_answered && !connection->error_frame && side == CONN_CLIENT) {
        connection->timed_out = true;
        return;
    }
    connection->refused = true;
    if (!connection->error_frame) {
        connection->error_frame = packet->frame_no;
        connection->error_ns = packet->t_ns;
    }
}

void collect_conn(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                  const struct packet *packet) {
    struct collection *c = context;
    struct seen_connection *seen = collect_live_connection(c, conn);

    if (copies_has(conn)) {
        if (fact == CONN_CLOSED)
            c->copy_count += conn->packets;
        return;
    }
    if (!seen) {
        if (fact == CONN_RESET && !conn->established && !conn->from_start)
            collect_loss(c, LOSS_ERROR_ONLY, &packet->dst.ip, &packet->src.ip,
                         packet->t_ns - ERROR_AFTER_NS, packet->t_ns + ERROR_AFTER_NS,
                         packet->frame_no);
        if (fact != CONN_SYN)
            return; /* met in the middle: made when SIP or TLS shows on it */
        if (conn->from_start && copies_connection(c, conn, packet))
            return;
        orphans_expire(c, packet->t_ns);
        seen = connection_of(c, conn, packet);
        if (!seen)
            return;
        seen->connection.accepted = conn->established; /* the SYN+ACK was captured before it */
        orphans_join(c, &conn->client.ip);
    }
    struct connection *connection = &seen->connection;
    /* A reset, which has no identification over IPv6, may be given once more: the first counts. */
    if (fact == CONN_COPY ||
        (fact == CONN_REFUSED && connection->refused && connection->error_frame &&
         copy_in_time(packet->t_ns, packet->point, connection->error_ns, 0))) {
        seen->copies++;
        return;
    }
    if (fact != CONN_CLOSED)
        connection->end_ns = packet->t_ns;
    connection->heard |=
        conn->heard || fact == CONN_REFUSED || (fact == CONN_RESET && side == CONN_SERVER);
    switch (fact) {
    case CONN_SYN:
        if (!seen->syn_frame)
            seen->syn_frame = packet->frame_no;
        else
            seen_add(c, &seen->syns, packet->frame_no, packet->t_ns);
        break;
    case CONN_ACCEPTED:
        connection->accepted = true;
        break;
    case CONN_REFUSED:
        connection->refused = true;
        connection->error_frame = packet->frame_no;
        connection->error_ns = answered_ns(connection->t_ns, packet->t_ns);
        connection->open_at_end = false;
        forget_loss(c, packet->frame_no);
        break;
    case CONN_RESET:
        if (!connection->reset && side == CONN_SERVER) {
            connection->error_frame = packet->frame_no;
            connection->error_ns = packet->t_ns;
        }
        connection->reset = true;
        connection->open_at_end = false;
        end_handshake(connection, packet, side);
        break;
    case CONN_FIN:
        connection->open_at_end = false;
        end_handshake(connection, packet, side);
        break;
    case CONN_REPEATED:
    case CONN_COPY:
        break;
    case CONN_CLOSED:
        if (connection->accepted && !connection->sip && !connection->tls &&
            connection->server.port != DNS_PORT) {
            /* Nothing of ours: its place is used again. */
            uint32_t at = (uint32_t)(seen - c->connections.items);
            index_remove(&c->connection_of, index_key(&conn->id, sizeof conn->id, 2));
            *ARRAY_ADD(&c->free_connections) = at;
            conn->noted = 0;
        } else if (!connection->accepted && !connection->refused) {
            connection->timed_out = true;
        } else if (connection->open_at_end && !connection->tls_answered &&
                   c->end_ns - connection->t_ns >= STORY_64T1_NS) {
            end_handshake(connection, packet, CONN_CLIENT);
        }
        break;
    }
}

void collect_tls(void *context, const struct tls_seen *tls) {
    struct collection *c = context;
    struct seen_connection *seen = connection_of(c, tls->conn, &tls->packet);

    if (!seen)
        return;
    struct connection *connection = &seen->connection;
    if (!connection->tls) {
        connection->tls = true;
        connection->accepted = true;
        connection->server.transport = TRANSPORT_TLS;
        uint32_t at = collect_host(c, &tls->conn->client.ip, tls->packet.t_ns);
        struct seen_host *host = &c->hosts.items[at];
        host->tls = true;
        host->sips = host->sips || tls->conn->server.port == 5061;
        if (!host->mac.known)
            host->mac = tls->conn->mac_client;
        if (!host->first_frame)
            host->first_frame = tls->packet.frame_no;
    }
    if (tls->side == CONN_SERVER)
        connection->tls_answered = true;
    if (tls->done)
        connection->tls_done = true;
    if (tls->application_data)
        connection->tls_up = true;
    if (tls->sealed)
        connection->tls_sealed = true;
    if (tls->hello && tls->server_name.len && !connection->server_name)
        connection->server_name = intern_lower(&c->strings, tls->server_name);
    if (tls->alert && !connection->tls_up && !connection->error_frame) {
        connection->error_frame = tls->packet.frame_no;
        connection->error_ns = tls->packet.t_ns;
    }
}

void collect_gap(void *context, struct conn *conn, enum conn_side side,
                 const struct stream_piece *piece) {
    struct collection *c = context;
    struct seen_connection *seen = collect_connection(c, conn->id);

    (void)side;
    if (!seen || (!seen->connection.sip && !seen->connection.tls))
        return; /* the hole is in what is not ours */
    seen->connection.gap = true;
    int64_t since = piece->before_ns ? piece->before_ns : seen->connection.t_ns;
    collect_loss(c, LOSS_TCP_GAP, &conn->client.ip, &conn->server.ip, since, piece->packet.t_ns,
                 piece->packet.frame_no);
}

/* ---- ICMP ---- */

static bool is_of_flow(const struct tx *tx, const struct icmp_error *error) {
    return endpoint_eq(&tx->told.source, &error->src) && endpoint_eq(&tx->dst, &error->dst);
}

/* The branch of a quoted SIP request tells which transaction it was; without one, the newest of the
 * flow. Where the branch is not known, or that was long ago, it is not sure. */
static uint32_t quoted_tx(const struct collection *c, const struct icmp_error *error, bool *sure) {
    enum { LOOK_BACK = 256 };
    uint32_t host = index_get(&c->host_of, index_key(&error->src.ip, sizeof error->src.ip, 1));
    uint32_t newest = NONE;
    struct sip_head head = {0};

    *sure = true;
    if (host == NONE)
        return NONE;
    if (error->payload.len &&
        (!sip_recognise(error->payload, false) || !sip_head_skim(error->payload, &head)))
        return NONE; /* a keep-alive or the like */
    uint32_t at = c->hosts.items[host].newest_tx;
    for (int looks = 0; at != NONE && looks < LOOK_BACK; at = c->txs.items[at].before, looks++) {
        const struct tx *tx = &c->txs.items[at];
        if (!is_of_flow(tx, error))
            continue;
        if (newest == NONE)
            newest = at;
        if (!head.branch.len)
            break;
        if (tx->told.branch && slice_eq(slice_of_text(tx->told.branch), head.branch))
            return at;
    }
    /* Of a request that the capture lacks, unless one was sent just before. */
    const struct tx *tx = newest == NONE ? NULL : &c->txs.items[newest];
    bool long_ago = tx && tx->sends.count &&
                    error->packet.t_ns - c->seen.items[tx->sends.last].t_ns > ERROR_AFTER_NS;
    *sure = !head.branch.len && !long_ago;
    return head.branch.len && long_ago ? NONE : newest;
}

/* A lookup that went to a resolver which is not there: by the ID of the quoted query; where that is
 * not known, the newest. */
static struct query *quoted_query(struct collection *c, const struct icmp_error *error, bool last) {
    enum { LOOK_BACK = 64 };
    struct slice in = error->payload;
    struct query *newest = NULL;
    uint16_t id;
    bool has_id = slice_take_u16be(&in, &id);

    for (size_t i = c->queries.n; i-- > 0 && c->queries.n - i < LOOK_BACK;) {
        const struct seen_query *q = &c->queries.items[i];
        if (!ip_eq(&q->client, &error->src.ip) || !endpoint_eq(&q->query->resolver, &error->dst) ||
            q->query->answer_frame)
            continue;
        if (!has_id || q->query->id == id)
            return q->query;
        if (!newest)
            newest = q->query;
    }
    return last ? newest : NULL;
}

static struct connection *quoted_connection(struct collection *c, const struct icmp_error *error) {
    enum { LOOK_BACK = 256 };

    for (size_t i = c->connections.n; i-- > 0 && c->connections.n - i < LOOK_BACK;) {
        struct connection *connection = &c->connections.items[i].connection;
        struct endpoint server = {connection->server.ip, connection->server.port};
        if (endpoint_eq(&connection->source, &error->src) && endpoint_eq(&server, &error->dst) &&
            !connection->accepted)
            return connection;
    }
    return NULL;
}

/* An error about UDP finds its request or its lookup; false: neither is known. */
static bool collect_udp_error(struct collection *c, const struct icmp_error *error, bool last) {
    uint32_t frame = error->packet.frame_no;
    bool prohibited = error->v6 ? error->code == 1 : error->code == 13, sure;
    uint32_t at = quoted_tx(c, error, &sure);

    if (at != NONE && (sure || last)) {
        struct tx *tx = &c->txs.items[at];
        tx->icmp_prohibited = prohibited && (tx->icmp_prohibited || !tx->icmp.count);
        int64_t sent_ns = tx->sends.count ? c->seen.items[tx->sends.first].t_ns : 0;
        seen_add(c, &tx->icmp, frame, answered_ns(sent_ns, error->packet.t_ns));
        return true;
    }
    if (sip_recognise(error->payload, false)) {
        if (!last)
            return false;
        collect_loss(c, LOSS_ERROR_ONLY, &error->src.ip, &error->dst.ip,
                     error->packet.t_ns - ERROR_AFTER_NS, error->packet.t_ns + ERROR_AFTER_NS,
                     frame);
    }
    struct query *query = quoted_query(c, error, last);
    if (query) {
        query->refused = true;
        query->icmp_frame = frame;
    }
    return query;
}

bool collect_error(struct collection *c, const struct icmp_error *error, bool last) {
    bool tcp = error->protocol == IPPROTO_TCP;
    struct connection *connection = tcp ? quoted_connection(c, error) : NULL;

    if (error->protocol == IPPROTO_UDP && collect_udp_error(c, error, last))
        return true;
    if (!connection && !last)
        return false;
    if (c->icmps.n < COLLECT_MAX / 16)
        *ARRAY_ADD(&c->icmps) =
            (struct seen_icmp){.frame = error->packet.frame_no,
                               .t_ns = error->packet.t_ns,
                               .src = error->src,
                               .dst = error->dst,
                               .transport = tcp ? TRANSPORT_TCP : TRANSPORT_UDP};
    if (connection) {
        connection->refused = true;
        connection->error_frame = error->packet.frame_no;
        connection->error_ns = answered_ns(connection->t_ns, error->packet.t_ns);
    }
    return true;
}

void collect_icmp(void *context, const struct icmp_error *error) {
    struct collection *c = context;
    struct icmp_error told = *error;

    if (error->unreachable && copies_error(c, &told) && !collect_error(c, &told, false))
        orphan_keep_error(c, &told);
}

/* ---- neighbours and boots ---- */

/* The question before, as a mirror port gave it once more? A host waits a second before it asks
 * again (RFC 1122 2.3.2.1, RFC 4861 10). */
static bool is_copied_question(const struct collection *c, const struct seen_neighbour *known,
                               int64_t t_ns) {
    return known->asks.count && copy_in_time(t_ns, 0, c->seen.items[known->asks.last].t_ns, 0);
}

/* Was the answer to this first question captured before it? */
static void find_heard(const struct collection *c, struct seen_neighbour *asked, uint64_t key,
                       int64_t t_ns) {
    for (size_t i = 0; i < COLLECT_HEARD; i++) {
        const struct heard_neighbour *heard = &c->heard[i];
        if (heard->key != key || heard->t_ns > t_ns + STORY_REORDER_NS ||
            heard->t_ns < t_ns - STORY_REORDER_NS)
            continue;
        asked->answered = true;
        asked->answered_ns = answered_ns(t_ns, heard->t_ns);
    }
}

static bool was_heard(const struct collection *c, uint64_t key, int64_t t_ns) {
    for (size_t i = 0; i < COLLECT_HEARD; i++)
        if (c->heard[i].key == key && copy_in_time(t_ns, 0, c->heard[i].t_ns, 0))
            return true;
    return false;
}

void collect_neighbour(void *context, const struct neighbour *neighbour) {
    struct collection *c = context;
    enum { NEIGHBOURS_MAX = 1 << 16 };
    struct ip_addr pair[2] = {neighbour->packet.src.ip, neighbour->target};

    if (neighbour->answer) {
        /* Every asker hears it. */
        pair[0] = neighbour->packet.dst.ip;
        pair[1] = neighbour->target;
        uint64_t key = index_key(pair, sizeof pair, 4);
        uint32_t at = index_get(&c->neighbour_of, key);
        if (was_heard(c, key, neighbour->packet.t_ns)) {
            c->copy_count++;
            return;
        }
        c->heard[c->heard_next++ % COLLECT_HEARD] =
            (struct heard_neighbour){key, neighbour->packet.t_ns};
        if (at != NONE) {
            c->neighbours.items[at].answered = true;
            c->neighbours.items[at].answered_ns = neighbour->packet.t_ns;
        }
        return;
    }
    if (!neighbour->packet.src.ip.len)
        return; /* a probe of an address by its future owner (RFC 5227, RFC 4862 5.4) */
    uint64_t key = index_key(pair, sizeof pair, 4);
    uint32_t at = index_get(&c->neighbour_of, key);
    if (at != NONE && is_copied_question(c, &c->neighbours.items[at], neighbour->packet.t_ns)) {
        c->copy_count++;
        return;
    }
    if (at != NONE && c->neighbours.items[at].answered) {
        /* A new series of questions after an answer. */
        const struct seen_neighbour *old = &c->neighbours.items[at];
        if (c->seen.items[old->asks.last].t_ns < old->answered_ns)
            at = NONE;
    }
    if (at == NONE) {
        if (c->neighbours.n >= NEIGHBOURS_MAX)
            return;
        at = (uint32_t)c->neighbours.n;
        struct seen_neighbour *made = ARRAY_PUSH(&c->neighbours);
        made->asker = pair[0];
        made->target = pair[1];
        made->mac = neighbour->packet.mac_src;
        find_heard(c, made, key, neighbour->packet.t_ns);
        index_put(&c->neighbour_of, key, at);
    }
    if (c->neighbours.items[at].asks.count < 4096)
        seen_add(c, &c->neighbours.items[at].asks, neighbour->packet.frame_no,
                 neighbour->packet.t_ns);
}

void collect_dhcp(void *context, const struct datagram *datagram) {
    struct collection *c = context;
    enum { BOOTS_MAX = 1 << 16, CIADDR_AT = 12 };
    const struct packet *packet = &datagram->packet;
    struct slice ciaddr = slice_between(datagram->bytes, CIADDR_AT, CIADDR_AT + 4);

    if (copies_datagram(c, datagram))
        return;
    if (c->boots.n >= BOOTS_MAX || !packet->mac_src.known || ciaddr.len < 4)
        return;
    if (ciaddr.ptr[0] || ciaddr.ptr[1] || ciaddr.ptr[2] || ciaddr.ptr[3])
        return; /* it has an address and renews it (RFC 2131 4.4.5) */
    /* DISCOVER and REQUEST of one start. */
    for (size_t i = c->boots.n; i-- > 0 && c->boots.n - i <= 16;)
        if (mac_eq(&c->boots.items[i].mac, &packet->mac_src) &&
            packet->t_ns - c->boots.items[i].t_ns < ONE_BOOT_NS)
            return;
    *ARRAY_ADD(&c->boots) =
        (struct seen_boot){.mac = packet->mac_src, .frame = packet->frame_no, .t_ns = packet->t_ns};
}

void collect_time(struct collection *c, int64_t t_ns) {
    if (!c->timed || t_ns < c->start_ns)
        c->start_ns = t_ns;
    if (!c->timed || t_ns > c->end_ns)
        c->end_ns = t_ns;
    c->timed = true;
}

/* The clocks of agents may be hours away from that of the capturing host: what they report sets the
 * time then, and frames of other content, of which only the times count, are taken to it. */
void collect_reported(void *context, int64_t t_ns) {
    struct collection *c = context;
    int64_t ahead_ns = t_ns - c->frame_ns;

    if (ahead_ns < NS_PER_S && ahead_ns > -NS_PER_S)
        ahead_ns = 0; /* the same clock, and the way to the collector */
    if (!c->agents && c->timed && !c->txs.n && !c->queries.n) {
        c->start_ns += ahead_ns;
        c->end_ns += ahead_ns;
    }
    c->agents = true;
    c->agent_ahead_ns = ahead_ns;
    c->reported = true;
    collect_time(c, t_ns);
}

void collect_note(void *context, enum net_note note, uint32_t frame_no, int64_t value) {
    struct collection *c = context;

    (void)frame_no;
    c->notes[note]++;
    c->note_value[note] = value;
    if (note == NET_CLOCK_BACKWARDS && value > c->clock_step_ns)
        c->clock_step_ns = value;
}

void collect_message(void *context, const struct message *message) {
    struct collection *c = context;
    struct message room;

    if (message->quoted)
        return; /* what an ICMP error quotes, the icmp callback has */
    message = copies_message(c, message, &room);
    if (!message)
        return;
    if (c->agents)
        collect_time(c, message->packet.t_ns);
    if (message->notes & MESSAGE_CUT_BY_SNAPLEN)
        collect_cut(c, message);
    if (message->notes & MESSAGE_BAD_CHECKSUM)
        collect_damaged(c, message);
    else if (message->kind == MESSAGE_SIP)
        collect_sip(c, message);
    else
        collect_dns(c, message);
    copies_done(c);
}
