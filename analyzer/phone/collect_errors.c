/* ICMP errors find the request, lookup or connection that they are about. */
#include "phone/collect.h"

#include <netinet/in.h>

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
