/* What a net tells its handler, as text: one short line an event, so that a test compares with what
 * it expects in one assertion. */
#ifndef SUPPORT_NET_LOG_H
#define SUPPORT_NET_LOG_H

#include <stdarg.h>
#include <stdio.h>

#include "net/net.h"

struct net_log {
    char text[65536];
    size_t len;
    bool ignore_data; /* what the handler sets on each connection */
};

static inline void __attribute__((format(printf, 2, 3)))
net_log_add(struct net_log *log, const char *format, ...) {
    va_list args;
    size_t room = sizeof log->text - log->len;

    va_start(args, format);
    int len = vsnprintf(log->text + log->len, room, format, args);
    va_end(args);
    if (len > 0)
        log->len += (size_t)len < room ? (size_t)len : room - 1;
}

/* TRANSPORT FROM>TO 'bytes' [of full] [cut] [frames] [reported] */
static inline void net_log_datagram(void *context, const struct datagram *d) {
    char src[ENDPOINT_TEXT_LEN], dst[ENDPOINT_TEXT_LEN];

    net_log_add(context, "%s %s>%s '%.*s'", transport_name(d->transport),
                endpoint_text(&d->packet.src, src), endpoint_text(&d->packet.dst, dst),
                (int)d->bytes.len, (const char *)d->bytes.ptr);
    if (d->bytes.len != d->full_len)
        net_log_add(context, " of %zu", d->full_len);
    if (d->packet.cut)
        net_log_add(context, " cut");
    for (size_t i = 0; d->frame_count > 1 && i < d->frame_count; i++)
        net_log_add(context, "%s%u", i ? "," : " frames ", d->frames[i]);
    net_log_add(context, "%s\n", d->reported ? " reported" : "");
}

/* FRAME ID FACT SIDE */
static inline void net_log_conn(void *context, struct conn *conn, enum conn_fact fact,
                                enum conn_side side, const struct packet *packet) {
    static const char *const names[] = {"syn", "accepted", "refused", "reset",
                                        "fin", "repeated", "copy",    "closed"};
    struct net_log *log = context;

    if (log->ignore_data)
        conn->ignore_data = true;
    if (fact == CONN_CLOSED)
        net_log_add(log, "%llu closed\n", (unsigned long long)conn->id);
    else
        net_log_add(log, "%u %llu %s %c\n", packet->frame_no, (unsigned long long)conn->id,
                    names[fact], side == CONN_CLIENT ? 'c' : 's');
}

/* AVAILABLE/CARRIED ID SIDE 'bytes' [gap] */
static inline void net_log_piece(void *context, struct conn *conn, enum conn_side side,
                                 const struct stream_piece *piece) {
    net_log_add(context, "%u/%u %llu %c '%.*s'", piece->packet.frame_no, piece->frame_no,
                (unsigned long long)conn->id, side == CONN_CLIENT ? 'c' : 's',
                (int)piece->bytes.len, (const char *)piece->bytes.ptr);
    if (piece->gap_bytes)
        net_log_add(context, " gap %llu", (unsigned long long)piece->gap_bytes);
    net_log_add(context, "\n");
}

static inline void net_log_icmp(void *context, const struct icmp_error *e) {
    char src[ENDPOINT_TEXT_LEN], dst[ENDPOINT_TEXT_LEN], by[IP_TEXT_LEN];

    net_log_add(context, "icmp%s %u/%u%s by %s: %u %s>%s '%.*s'\n", e->v6 ? "v6" : "", e->type,
                e->code, e->unreachable ? " unreachable" : "", ip_text(&e->packet.src.ip, by),
                e->protocol, endpoint_text(&e->src, src), endpoint_text(&e->dst, dst),
                (int)e->payload.len, (const char *)e->payload.ptr);
}

static inline void net_log_neighbour(void *context, const struct neighbour *n) {
    char src[IP_TEXT_LEN], target[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

    net_log_add(context, "%s %s %s %s\n", ip_text(&n->packet.src.ip, src),
                n->answer ? "answers" : "asks", ip_text(&n->target, target),
                n->mac.known ? mac_text(&n->mac, mac) : "-");
}

/* reported SECONDS */
static inline void net_log_reported(void *context, int64_t t_ns) {
    net_log_add(context, "reported %lld.%06lld\n", (long long)(t_ns / 1000000000),
                (long long)(t_ns / 1000 % 1000000));
}

static inline void net_log_note(void *context, enum net_note note, uint32_t frame_no,
                                int64_t value) {
    static const char *const names[NET_NOTE_COUNT] = {
        [NET_CUT] = "cut",
        [NET_LINK_TYPE_UNKNOWN] = "link-type",
        [NET_MALFORMED] = "malformed",
        [NET_TCP_GAP] = "gap",
        [NET_CLOCK_BACKWARDS] = "backwards",
        [NET_LIMIT_FRAGMENTS] = "limit-fragments",
        [NET_LIMIT_CONNECTIONS] = "limit-connections",
        [NET_LIMIT_STREAMS] = "limit-streams",
        [NET_LIMIT_SCTP] = "limit-sctp",
        [NET_LIMIT_MESSAGE] = "limit-message",
        [NET_LIMIT_MESSAGES] = "limit-messages",
        [NET_LIMIT_WEBSOCKET] = "limit-websocket",
        [NET_FRAGMENT_LOST] = "fragment-lost",
        [NET_LIMIT_TUNNELS] = "limit-tunnels",
        [NET_HIDDEN] = "hidden",
        [NET_COPY] = "copy",
        [NET_BAD_CHECKSUM] = "bad-checksum",
    };

    net_log_add(context, "note %s %u %lld\n", names[note], frame_no, (long long)value);
}

static inline struct net *net_log_new(struct net_log *log) {
    const struct net_handler handler = {
        .context = log,
        .datagram = net_log_datagram,
        .conn = net_log_conn,
        .piece = net_log_piece,
        .icmp = net_log_icmp,
        .neighbour = net_log_neighbour,
        .reported = net_log_reported,
        .note = net_log_note,
    };

    log->len = 0;
    log->text[0] = '\0';
    return net_new(&handler);
}

#endif
