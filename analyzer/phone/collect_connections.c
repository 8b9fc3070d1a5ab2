/* TCP connections, and what TLS shows of itself on them. */
#include "net/tcp_copies.h"
#include "phone/collect.h"

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

/* The server closes, with RST or FIN: before a word was said, right after it accepted? */
static void note_unasked(struct seen_connection *seen, const struct conn *conn, int64_t before_ns,
                         const struct packet *packet) {
    struct connection *connection = &seen->connection;

    if (conn->carried || !connection->from_start || !connection->accepted ||
        packet->t_ns - before_ns > STORY_T1_NS)
        return;
    seen->unasked = true;
    connection->error_frame = packet->frame_no;
    connection->error_ns = packet->t_ns;
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
    int64_t before_ns = connection->end_ns;
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
        if (side == CONN_SERVER)
            note_unasked(seen, conn, before_ns, packet);
        end_handshake(connection, packet, side);
        break;
    case CONN_FIN:
        if (side == CONN_SERVER && connection->open_at_end)
            note_unasked(seen, conn, before_ns, packet);
        connection->open_at_end = false;
        end_handshake(connection, packet, side);
        break;
    case CONN_REPEATED:
    case CONN_COPY:
        break;
    case CONN_CLOSED:
        for (int s = CONN_CLIENT; s <= CONN_SERVER; s++) {
            connection->bytes[s] = conn->bytes[s];
            connection->missing[s] = conn->missing[s];
        }
        if (connection->accepted && !connection->sip && !connection->tls && !seen->unasked &&
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
        connection->tls_sealed = seen->sealed[tls->side] = true;
    if (tls->read)
        seen->read[tls->side] = true;
    if (tls->hello && tls->server_name.len && !connection->server_name)
        connection->server_name = intern_lower(&c->strings, tls->server_name);
    if (tls->alert && !connection->tls_up && !connection->error_frame) {
        connection->error_frame = tls->packet.frame_no;
        connection->error_ns = tls->packet.t_ns;
    }
}

void connections_end(struct collection *c) {
    for (size_t i = 0; i < c->connections.n; i++) {
        struct connection *connection = &c->connections.items[i].connection;
        if (!connection->sip || !is_half_read(&c->connections.items[i]))
            continue;
        connection->sip = false;
        connection->half_read = true;
        connection->server.transport = TRANSPORT_TLS;
        c->half_read++;
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
