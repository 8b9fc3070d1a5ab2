#include "phone/nat_connections.h"

#include "net/tcp_copies.h"

bool nat_connection_begun(struct nat_connections *known, struct nat_aliases *nat,
                          const struct conn *conn, const struct packet *syn) {
    for (size_t i = 0; i < NAT_SYNS; i++) {
        const struct nat_syn *e = &known->syns[i];
        if (!e->frame_no || e->isn != conn->isn || !endpoint_eq(&e->server, &conn->server) ||
            ip_eq(&e->client.ip, &conn->client.ip) ||
            !copy_in_time(syn->t_ns, syn->point, e->t_ns, e->point))
            continue;
        nat_aliases_learn(nat, &conn->client, &e->client, &e->server, TRANSPORT_TCP, syn->t_ns,
                          false);
        return true;
    }
    known->syns[known->next_syn++ % NAT_SYNS] = (struct nat_syn){
        conn->client, conn->server, conn->isn, syn->frame_no, syn->t_ns, syn->point};
    return false;
}

/* The connection is told of as the NAT's inner side has it. */
static void rename_end(struct collection *c, uint64_t conn_id, const struct endpoint *outer,
                       const struct endpoint *inner) {
    struct seen_connection *seen = collect_connection(c, conn_id);
    struct connection *connection = seen ? &seen->connection : NULL;

    if (!seen)
        return;
    if (endpoint_eq(&connection->source, outer)) {
        seen->client = inner->ip;
        connection->source = *inner;
    } else {
        connection->server.ip = inner->ip;
        connection->server.port = inner->port;
    }
}

bool nat_connection_met(struct collection *c, struct nat_connections *known,
                        struct nat_aliases *nat, const struct message *m) {
    const struct packet *p = &m->packet;
    uint64_t content = index_key(m->bytes.ptr, m->bytes.len, 45);

    for (size_t i = 0; i < NAT_MET; i++) {
        const struct nat_met *e = &known->met[i];
        if (e->content != content || !copy_in_time(p->t_ns, p->point, e->t_ns, e->point))
            continue;
        if (endpoint_eq(&e->dst, &p->dst) && !ip_eq(&e->src.ip, &p->src.ip)) {
            nat_aliases_learn(nat, &p->src, &e->src, &p->dst, TRANSPORT_TCP, p->t_ns, false);
            return true;
        }
        if (endpoint_eq(&e->src, &p->src) && !ip_eq(&e->dst.ip, &p->dst.ip)) {
            nat_aliases_learn(nat, &e->dst, &p->dst, &p->src, TRANSPORT_TCP, p->t_ns, false);
            rename_end(c, e->conn_id, &e->dst, &p->dst);
            orphan_readdress(c, e->frame, &p->dst);
            known->renamed = true;
            return true;
        }
    }
    known->met[known->next_met++ % NAT_MET] =
        (struct nat_met){content, p->src, p->dst, m->conn->id, p->frame_no, p->t_ns, p->point};
    return false;
}
