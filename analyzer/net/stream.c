/* Reassembly of one direction (RFC 9293 3.10.7.4).
 *
 *        delivered      hole     first        hole    last
 *   ─────────────────┤         ├───────┤           ├────────┤
 *                   next                                        sequence numbers ->
 *
 * What continues at `next` is delivered from the frame itself. What lies beyond a hole is copied
 * and waits: for the bytes that are missing (then the frame that brought them made it available),
 * for the other side's acknowledgement of them (then they were sent, and only the capture lacks
 * them), or for the bounds. Of bytes that come twice the first copy counts.
 */
#include "net/stream.h"

#include <stdlib.h>

#include "net/conn_table.h"

enum {
    STREAM_MAX = 256 * 1024,    /* waiting in one direction */
    ALL_MAX = 64 * 1024 * 1024, /* in all */
};

struct segment {
    struct segment *next;
    uint32_t seq, len;
    uint32_t frame_no;
    int64_t t_ns;
    uint8_t bytes[];
};

/* When something became available. */
struct moment {
    uint32_t frame_no;
    int64_t t_ns;
};

static size_t segment_size(const struct segment *segment) {
    return sizeof *segment + segment->len;
}

/* Hand over bytes that begin at next, with the gap before them. */
static void give(struct net *net, struct tcp_conn *c, enum conn_side side, struct slice bytes,
                 struct moment carried, struct moment available) {
    struct stream *stream = &c->streams[side];

    stream->next += (uint32_t)bytes.len;
    c->conn.bytes[side] += bytes.len + stream->gap_bytes;
    c->conn.missing[side] += stream->gap_bytes;
    if (net->handler.piece && !c->conn.ignore_data && (bytes.len || stream->gap_bytes)) {
        bool client = side == CONN_CLIENT;
        struct stream_piece piece = {
            .packet =
                {
                    .frame_no = available.frame_no,
                    .t_ns = available.t_ns,
                    .src = client ? c->conn.client : c->conn.server,
                    .dst = client ? c->conn.server : c->conn.client,
                    .mac_src = client ? c->conn.mac_client : c->conn.mac_server,
                    .mac_dst = client ? c->conn.mac_server : c->conn.mac_client,
                },
            .frame_no = carried.frame_no,
            .t_ns = carried.t_ns,
            .bytes = bytes,
            .gap_bytes = stream->gap_bytes,
            .before_ns = stream->given_ns,
        };
        net->handler.piece(net->handler.context, &c->conn, side, &piece);
    }
    stream->gap_bytes = 0;
    stream->given_ns = carried.t_ns;
}

static void drop_first(struct net *net, struct stream *stream) {
    struct segment *segment = stream->first;

    stream->first = segment->next;
    if (!stream->first)
        stream->last = NULL;
    stream->buffered -= segment_size(segment);
    net->conns->buffered -= segment_size(segment);
    free(segment);
}

/* Deliver what waits, as far as no hole is before it; with `force` past holes, and in any case past
 * holes that the other side has acknowledged. */
static void flush(struct net *net, struct tcp_conn *c, enum conn_side side, struct moment now,
                  bool force) {
    struct stream *stream = &c->streams[side];
    bool after_gap = false;

    while (stream->first) {
        struct segment *segment = stream->first;
        int32_t hole = seq_distance(segment->seq, stream->next);
        if (hole > 0) {
            bool acked = stream->acked_known && seq_distance(stream->acked, segment->seq) >= 0;
            if (!force && !acked)
                break;
            if (!c->conn.ignore_data)
                net_note(net, NET_TCP_GAP, segment->frame_no, hole);
            stream->gap_bytes += (uint32_t)hole;
            stream->next = segment->seq;
            /* Nothing made it available but its own arrival. */
            if (!after_gap)
                now = (struct moment){segment->frame_no, segment->t_ns};
            after_gap = true;
        }
        if (after_gap && segment->frame_no > now.frame_no)
            now = (struct moment){segment->frame_no, segment->t_ns};
        struct slice bytes = slice_of(segment->bytes, segment->len);
        if (hole < 0)
            bytes = slice_between(bytes, (size_t) - (int64_t)hole, bytes.len);
        if (bytes.len)
            give(net, c, side, bytes, (struct moment){segment->frame_no, segment->t_ns}, now);
        drop_first(net, stream);
    }
}

static struct segment *segment_new(struct net *net, struct stream *stream, uint32_t seq,
                                   struct slice bytes) {
    struct segment *segment = memory_new(sizeof *segment + bytes.len);

    *segment = (struct segment){
        .seq = seq,
        .len = (uint32_t)bytes.len,
        .frame_no = net->frame_no,
        .t_ns = net->t_ns,
    };
    memcpy(segment->bytes, bytes.ptr, bytes.len);
    stream->buffered += segment_size(segment);
    net->conns->buffered += segment_size(segment);
    return segment;
}

/* Keep bytes beyond a hole: those that are not there yet. Returns whether some were. */
static bool keep(struct net *net, struct stream *stream, uint32_t seq, struct slice bytes) {
    struct segment **at = &stream->first;
    bool repeated = false;

    /* Mostly it continues the last one. */
    if (stream->last && seq_distance(seq, stream->last->seq + stream->last->len) >= 0)
        at = &stream->last->next;
    while (bytes.len) {
        struct segment *other = *at;
        size_t before = bytes.len; /* how much of it comes before the other */
        if (other) {
            int32_t distance = seq_distance(other->seq, seq);
            before = distance <= 0                  ? 0
                     : (size_t)distance < bytes.len ? (size_t)distance
                                                    : bytes.len;
        }
        if (before) {
            struct segment *added = segment_new(net, stream, seq, slice_between(bytes, 0, before));
            added->next = other;
            *at = added;
            if (!other)
                stream->last = added;
            at = &added->next;
            slice_skip(&bytes, before);
            seq += (uint32_t)before;
        }
        if (!other || !bytes.len)
            break;
        int32_t covered = seq_distance(other->seq + other->len, seq);
        if (covered > 0) {
            size_t step = (size_t)covered < bytes.len ? (size_t)covered : bytes.len;
            slice_skip(&bytes, step);
            seq += (uint32_t)step;
            repeated = true;
        }
        at = &other->next;
    }
    return repeated;
}

/* Bytes that begin at next, around those that wait: they came first. */
static void continue_at_next(struct net *net, struct tcp_conn *c, enum conn_side side,
                             struct slice bytes, uint32_t missing, struct moment now) {
    struct stream *stream = &c->streams[side];
    uint32_t end = stream->next + (uint32_t)bytes.len;

    while (bytes.len) {
        size_t before = bytes.len;
        if (stream->first) {
            int32_t distance = seq_distance(stream->first->seq, stream->next);
            if (distance >= 0 && (size_t)distance < before)
                before = (size_t)distance;
        }
        if (before)
            give(net, c, side, slice_between(bytes, 0, before), now, now);
        flush(net, c, side, now, false);
        int32_t left = seq_distance(end, stream->next);
        if (left <= 0)
            break;
        bytes = slice_between(bytes, bytes.len - (size_t)left, bytes.len);
    }
    int32_t lost = seq_distance(end + missing, stream->next);
    if (stream->first && seq_distance(stream->first->seq, stream->next) < lost)
        lost = seq_distance(stream->first->seq, stream->next);
    if (lost > 0) {
        stream->gap_bytes += (uint32_t)lost;
        stream->next += (uint32_t)lost;
        flush(net, c, side, now, false);
    }
}

/* Bytes that nobody wants: these, and what is held behind them, count. */
static void pass_over(struct net *net, struct tcp_conn *c, enum conn_side side, uint32_t len) {
    struct stream *stream = &c->streams[side];
    uint32_t end = stream->next + len;

    if (stream->last && seq_distance(stream->last->seq + stream->last->len, end) > 0)
        end = stream->last->seq + stream->last->len;
    stream_clear(stream, &net->conns->buffered);
    c->conn.bytes[side] += end - stream->next;
    stream->next = end;
}

bool stream_feed(struct net *net, struct tcp_conn *c, enum conn_side side, uint32_t seq,
                 struct slice bytes, uint32_t missing, const struct packet *packet) {
    struct stream *stream = &c->streams[side];
    struct moment now = {packet->frame_no, packet->t_ns};
    uint32_t len = (uint32_t)bytes.len + missing;
    int32_t distance = seq_distance(seq, stream->next);
    bool repeated = false;

    if (distance < 0) {
        uint32_t old = (uint32_t)(-(int64_t)distance);
        /* A keep-alive is the byte before the next one (RFC 9293 3.8.4). */
        if (old >= len)
            return !(len == 1 && old == 1);
        repeated = true;
        if (old <= bytes.len) {
            slice_skip(&bytes, old);
        } else {
            missing = len - old;
            bytes.len = 0;
        }
        distance = 0;
    }
    if (c->conn.ignore_data) {
        pass_over(net, c, side, (uint32_t)distance + (uint32_t)bytes.len + missing);
        return repeated;
    }
    if (distance == 0) {
        continue_at_next(net, c, side, bytes, missing, now);
        return repeated;
    }
    repeated = keep(net, stream, seq, bytes);
    bool full = stream->buffered > STREAM_MAX || net->conns->buffered > ALL_MAX;
    if (full)
        net_note(net, NET_LIMIT_STREAMS, net->frame_no, (int64_t)stream->buffered);
    flush(net, c, side, now, full);
    return repeated;
}

void stream_acked(struct net *net, struct tcp_conn *c, enum conn_side side, uint32_t ack) {
    struct stream *stream = &c->streams[side];

    if (stream->acked_known && seq_distance(ack, stream->acked) <= 0)
        return;
    stream->acked = ack;
    stream->acked_known = true;
    if (stream->first)
        flush(net, c, side, (struct moment){net->frame_no, net->t_ns}, false);
}

void stream_end(struct net *net, struct tcp_conn *c, enum conn_side side) {
    struct stream *stream = &c->streams[side];
    struct moment last = {c->frame_no, c->t_ns};

    flush(net, c, side, last, true);
    /* Bytes that were acknowledged and never seen. One may be the FIN. */
    int32_t missing = 0;
    if (stream->known && stream->acked_known && !c->conn.ignore_data)
        missing = seq_distance(stream->acked, stream->next);
    if (missing > 0 && (stream->fin || missing == 1))
        missing--;
    if (missing > 0) {
        net_note(net, NET_TCP_GAP, c->frame_no, missing);
        stream->gap_bytes += (uint32_t)missing;
        stream->next += (uint32_t)missing;
    }
    if (stream->gap_bytes)
        give(net, c, side, (struct slice){0}, last, last);
}

void stream_clear(struct stream *stream, size_t *buffered) {
    while (stream->first) {
        struct segment *segment = stream->first;
        stream->first = segment->next;
        free(segment);
    }
    *buffered -= stream->buffered;
    stream->last = NULL;
    stream->buffered = 0;
}
