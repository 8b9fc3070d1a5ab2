/* Framing on a TCP stream.
 *
 *                 +------------ SIP start line ----------> SIP -- not SIP --> adrift: next start
 * line UNDECIDED --+-- length, DNS header, question ------> DNS
 *                 +-- 0x16 0x03 -------------------------> TLS (message_tls.c)
 *                 +-- anything else ---------------------> OTHER: never looked at again
 *
 * A message that lies whole in one piece is told from where it lies; only the beginning of a
 * message whose rest is to come is copied (`held`), with the list of the frames that brought it. A
 * message is looked at when its head has ended, and again when its body is there, so that the work
 * stays in proportion to the bytes, however small the pieces.
 *
 * Where bytes are missing from the capture, what is held is told with a note. Where the hole lies
 * in the body of a SIP message, its end is known; else the next start line is searched.
 */
#include "phone/message_stream.h"

#include <stdlib.h>

enum {
    HEAD_MAX = 64 * 1024,        /* a SIP head */
    START_LINE_MAX = 4096,       /* what may become a start line, if the stream is SIP */
    SEARCH_MAX = 64 * 1024,      /* search so far for a start line where none was seen yet */
    SILENT_PEER_MAX = 64 * 1024, /* what one side must send before the other's silence is ignored */
    HELD_MAX = 64 * 1024 * 1024, /* by all streams together */
    HELD_KEEP = 16 * 1024,       /* a buffer larger than this is given back when it is empty */
    DNS_LENGTH_LEN = 2,
    DNS_DECIDE_LEN = DNS_LENGTH_LEN + DNS_HEADER_LEN + 255 + 4, /* up to the first question's end */
    PORT_DNS = 53,
    PORT_SIP = 5060,
    PORT_SIPS = 5061,
    TLS_HANDSHAKE = 0x16,
};

/* Bytes to look at: the held ones or those of a piece, with the frames that carried them. */
struct view {
    struct slice bytes;
    const struct stream_part *parts;
    size_t part_count;
    size_t part; /* cursor: the part in which the next message begins */
};

struct step {
    struct message_target *target;
    struct conn *conn;
    enum conn_side side;
    struct message_stream *stream;
    struct view view;
    unsigned cut; /* why no more bytes follow these (MESSAGE_CUT_BY_…); 0: more may follow */
};

static bool either_port(const struct conn *conn, uint16_t port) {
    return conn->client.port == port || conn->server.port == port;
}

static const struct message_stream *peer_of(const struct step *step) {
    return step->conn->user[step->side == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT];
}

/* ---- telling ---- */

static int compare_frames(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The frames that carried the bytes from `at` to `end`, ascending, each once. *message gets them,
 * and the frame and time of the last. */
static void collect_frames(struct step *step, size_t at, size_t end, struct message *message) {
    struct view *view = &step->view;
    struct message_target *target = step->target;
    bool ascending = true;
    size_t i;

    while (view->part + 1 < view->part_count && view->parts[view->part].end <= at)
        view->part++;
    target->frames.n = 0;
    message->packet.frame_no = 0;
    for (i = view->part; i < view->part_count; i++) {
        uint32_t no = view->parts[i].frame_no;
        size_t n = target->frames.n;
        if (!n || target->frames.items[n - 1] != no) {
            ascending = ascending && (!n || target->frames.items[n - 1] < no);
            *ARRAY_PUSH(&target->frames) = no;
        }
        if (no > message->packet.frame_no) {
            message->packet.frame_no = no;
            message->packet.t_ns = view->parts[i].t_ns;
        }
        if (view->parts[i].end >= end)
            break;
    }
    if (!ascending) {
        qsort(target->frames.items, target->frames.n, sizeof(uint32_t), compare_frames);
        size_t kept = 1;
        for (i = 1; i < target->frames.n; i++)
            if (target->frames.items[i] != target->frames.items[kept - 1])
                target->frames.items[kept++] = target->frames.items[i];
        target->frames.n = kept;
    }
    message->frames = target->frames.items;
    message->frame_count = target->frames.n;
}

/* Tell the message of `len` bytes at `at`; whether it was one. head: as for message_deliver_sip. */
static bool tell(struct step *step, enum message_kind kind, size_t at, size_t len, unsigned cut,
                 const struct sip_head *head) {
    struct message_stream *stream = step->stream;
    struct message message = {.packet = stream->last,
                              .transport = TRANSPORT_TCP,
                              .conn = step->conn,
                              .notes = cut | (stream->after_gap ? MESSAGE_AFTER_GAP : 0u)};
    size_t from = kind == MESSAGE_DNS ? at + DNS_LENGTH_LEN : at;

    message.bytes = slice_between(step->view.bytes, from, at + len);
    collect_frames(step, at, at + len, &message);
    bool told = kind == MESSAGE_SIP
                    ? message_deliver_sip(step->target, &message, !stream->adrift, head)
                    : message_deliver_dns(step->target, &message);
    if (told) {
        stream->after_gap = false;
        stream->adrift = false;
        stream->passed = 0;
    }
    return told;
}

/* ---- SIP ---- */

/* Offset behind the first empty line that ends at or after `from`; 0: none. */
static size_t head_end(struct slice bytes, size_t from) {
    size_t at = from > 3 ? from - 3 : 0;

    for (;;) {
        at += slice_find(slice_between(bytes, at, bytes.len), '\n') + 1;
        if (at >= bytes.len)
            return 0;
        if (bytes.ptr[at] == '\n')
            return at + 1;
        if (bytes.ptr[at] == '\r' && at + 1 < bytes.len && bytes.ptr[at + 1] == '\n')
            return at + 2;
    }
}

/* Most messages that a phone gets or sends have no body: they end as their head does. */
static bool ends_as_head(struct slice bytes) {
    return bytes.len >= 4 && memcmp(bytes.ptr + bytes.len - 4, "\r\n\r\n", 4) == 0;
}

/* How many bytes of the front of `rest` are dealt with; 0: wait for more. */
static size_t sip_step(struct step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;
    struct sip_head head;
    size_t len = 0;

    if (!step->cut && stream->need > rest.len)
        return 0;
    if (!step->cut && !stream->need && rest.len <= HEAD_MAX &&
        (stream->scanned || !ends_as_head(rest)) && !head_end(rest, stream->scanned) &&
        (stream->scanned || sip_recognise(rest, false))) {
        stream->scanned = rest.len;
        return 0;
    }
    switch (sip_frame(rest, &head, &len)) {
    case SIP_FRAME_OK:
        tell(step, MESSAGE_SIP, at, len, 0, &head);
        break;
    case SIP_FRAME_KEEPALIVE:
        break;
    case SIP_FRAME_INVALID:
        stream->adrift = true;
        stream->passed += len;
        break;
    case SIP_FRAME_PARTIAL:
        if (step->cut) {
            tell(step, MESSAGE_SIP, at, rest.len, step->cut, NULL);
            stream->skip = len > rest.len ? len - rest.len : 0;
            return rest.len;
        }
        stream->need = len;
        stream->scanned = rest.len;
        return 0;
    }
    stream->need = 0;
    stream->scanned = 0;
    return len ? len : 1;
}

/* ---- DNS ---- */

/* On a stream a wrong length would swallow what follows: at most 255 questions are believed. */
static bool is_dns(struct slice message, bool lenient) {
    return message.len > 4 && message.ptr[4] == 0 && dns_recognise(message, lenient);
}

static size_t dns_step(struct step *step, size_t at, struct slice rest) {
    struct slice in = rest;
    uint16_t len;

    if (!slice_take_u16be(&in, &len) || (in.len < len && !step->cut))
        return step->cut ? rest.len : 0;
    bool whole = in.len >= len;
    struct slice bytes = slice_between(in, 0, len);
    if (!is_dns(bytes, true)) {
        step->stream->adrift = true; /* a later piece may begin with a message */
        step->stream->passed += rest.len;
        return rest.len;
    }
    tell(step, MESSAGE_DNS, at, DNS_LENGTH_LEN + bytes.len, whole ? 0 : step->cut, NULL);
    step->stream->skip = len - bytes.len;
    return DNS_LENGTH_LEN + bytes.len;
}

/* ---- what is it? ---- */

enum verdict { NO, YES, LATER };

static enum verdict looks_like_dns(const struct step *step, struct slice rest) {
    bool port_53 = either_port(step->conn, PORT_DNS);
    struct slice in = rest;
    uint16_t len;

    if (!slice_take_u16be(&in, &len))
        return step->cut ? NO : LATER;
    if (len < DNS_HEADER_LEN)
        return NO;
    if (!step->cut && in.len < len && rest.len < DNS_DECIDE_LEN) {
        bool possible = port_53 || in.len < 6 || (in.ptr[4] == 0 && in.ptr[5] == 1);
        return possible ? LATER : NO;
    }
    return is_dns(slice_between(in, 0, len), port_53) ? YES : NO;
}

static enum verdict looks_like_sip(const struct step *step, struct slice rest) {
    if (!sip_recognise(rest, false))
        return NO;
    if (slice_find(rest, '\n') < rest.len || step->cut)
        return YES;
    return rest.len <= START_LINE_MAX ? LATER : NO;
}

/* May a start line still come after bytes that are none? */
static bool may_search(const struct step *step) {
    const struct message_stream *stream = step->stream;
    const struct message_stream *peer = peer_of(step);

    if (peer && peer->kind == STREAM_SIP)
        return true;
    return stream->passed < SEARCH_MAX &&
           (!step->conn->from_start || stream->after_gap || either_port(step->conn, PORT_SIP) ||
            either_port(step->conn, PORT_SIPS));
}

static size_t undecided_step(struct step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = peer_of(step);
    bool any_record = !step->conn->from_start || stream->after_gap ||
                      (peer && peer->kind == STREAM_TLS); /* an alert answers a hello */
    bool at_front = at == 0;
    struct sip_head head;
    size_t len = 0;

    if (at_front && tls_recognise(rest, any_record)) {
        stream->kind = STREAM_TLS;
        return 0;
    }
    if (at_front && rest.len < TLS_HEADER_LEN && rest.ptr[0] == TLS_HANDSHAKE && !step->cut)
        return 0;
    enum verdict sip = looks_like_sip(step, rest);
    enum verdict dns = at_front || !rest.ptr[0] ? looks_like_dns(step, rest) : NO;
    if (sip == YES || dns == YES) {
        stream->kind = sip == YES ? STREAM_SIP : STREAM_DNS;
        stream->passed = 0;
        return 0;
    }
    if (sip == LATER || dns == LATER)
        return 0;
    /* RFC 5626 3.5.1 and others' keep-alives before the first message. */
    if (rest.ptr[0] == '\r' || rest.ptr[0] == '\n' || rest.ptr[0] == '\0') {
        if (++stream->passed < SEARCH_MAX)
            return 1;
    } else if (may_search(step)) {
        if (sip_frame(rest, &head, &len) != SIP_FRAME_INVALID || !len)
            len = 1;
        stream->adrift = true;
        stream->passed += len;
        return len;
    }
    stream->kind = STREAM_OTHER;
    return 0;
}

/* ---- the walk ---- */

/* Deal with as much of the view as can be; returns how many bytes of it. */
static size_t walk(struct step *step) {
    struct message_stream *stream = step->stream;
    struct slice bytes = step->view.bytes;
    size_t at = 0;

    while (at < bytes.len) {
        struct slice rest = slice_between(bytes, at, bytes.len);
        enum stream_kind kind = stream->kind;
        size_t n = 0;
        if (stream->skip) {
            n = stream->skip < rest.len ? (size_t)stream->skip : rest.len;
            stream->skip -= n;
        } else if (kind == STREAM_UNDECIDED) {
            n = undecided_step(step, at, rest);
        } else if (kind == STREAM_SIP) {
            n = sip_step(step, at, rest);
        } else if (kind == STREAM_DNS) {
            n = dns_step(step, at, rest);
        }
        if (!n && stream->kind == kind)
            break;
        if (stream->kind == STREAM_TLS || stream->kind == STREAM_OTHER)
            break;
        at += n;
    }
    return at;
}

static void drop_held(struct message_target *target, struct message_stream *stream) {
    target->buffered -= stream->held_len;
    stream->held_len = 0;
    stream->parts.n = 0;
    stream->need = 0;
    stream->scanned = 0;
    if (stream->held_cap > HELD_KEEP) {
        free(stream->held);
        stream->held = NULL;
        stream->held_cap = 0;
    }
}

/* Hold these bytes; false: there is no room, nothing is held any more. */
static bool hold(struct message_target *target, struct message_stream *stream, struct slice bytes,
                 uint32_t frame_no, int64_t t_ns) {
    if (target->buffered + bytes.len > HELD_MAX || stream->parts.n > HELD_MAX / 32) {
        drop_held(target, stream);
        stream->adrift = true;
        if (target->handler->note)
            target->handler->note(target->handler->context, NET_LIMIT_STREAMS, frame_no, 0);
        return false;
    }
    size_t len = stream->held_len + bytes.len;
    if (len > stream->held_cap) {
        size_t cap = stream->held_cap ? stream->held_cap : 2048;
        while (cap < len)
            cap *= 2;
        stream->held = memory_resize(stream->held, cap, 1);
        stream->held_cap = cap;
    }
    memcpy(stream->held + stream->held_len, bytes.ptr, bytes.len);
    stream->held_len = len;
    target->buffered += bytes.len;
    size_t n = stream->parts.n;
    if (n && stream->parts.items[n - 1].frame_no == frame_no)
        stream->parts.items[n - 1].end = len;
    else
        *ARRAY_PUSH(&stream->parts) =
            (struct stream_part){.end = len, .frame_no = frame_no, .t_ns = t_ns};
    return true;
}

/* The first n held bytes are dealt with. */
static void release(struct message_target *target, struct message_stream *stream, size_t n) {
    size_t kept = 0;

    if (!n)
        return;
    if (n >= stream->held_len) {
        drop_held(target, stream);
        return;
    }
    memmove(stream->held, stream->held + n, stream->held_len - n);
    stream->held_len -= n;
    target->buffered -= n;
    for (size_t i = 0; i < stream->parts.n; i++) {
        struct stream_part part = stream->parts.items[i];
        if (part.end <= n)
            continue;
        part.end -= n;
        stream->parts.items[kept++] = part;
    }
    stream->parts.n = kept;
}

static struct step step_of(struct message_target *target, struct conn *conn, enum conn_side side,
                           unsigned cut) {
    struct message_stream *stream = conn->user[side];
    return (struct step){
        .target = target, .conn = conn, .side = side, .stream = stream, .cut = cut};
}

static void walk_held(struct step *step) {
    struct message_stream *stream = step->stream;

    if (!stream->held_len)
        return;
    step->view = (struct view){.bytes = slice_of(stream->held, stream->held_len),
                               .parts = stream->parts.items,
                               .part_count = stream->parts.n};
    size_t n = walk(step);
    if (step->cut || stream->kind == STREAM_OTHER)
        drop_held(step->target, stream);
    else if (stream->kind != STREAM_TLS)
        release(step->target, stream, n);
}

static void take_gap(struct message_target *target, struct conn *conn, enum conn_side side,
                     uint64_t gap) {
    struct message_stream *stream = conn->user[side];
    struct step step = step_of(target, conn, side, MESSAGE_CUT_BY_GAP);

    tls_records_gap(&stream->tls, gap);
    walk_held(&step);
    stream->after_gap = true;
    stream->adrift = stream->adrift || stream->skip < gap;
    stream->skip -= stream->skip < gap ? stream->skip : gap;
}

/* ---- TLS ---- */

static void tell_tls(const struct message_target *target, const struct tls_seen *seen) {
    if (target->handler->tls)
        target->handler->tls(target->handler->context, seen);
}

static void feed_tls(struct step *step, struct slice bytes, bool first) {
    static const struct tls_records none;
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = peer_of(step);
    struct tls_seen seen = {.conn = step->conn, .packet = stream->last, .side = step->side};
    unsigned events = tls_records_feed(&stream->tls, peer ? &peer->tls : &none, step->side, bytes);

    if (first)
        tell_tls(step->target, &seen);
    if (events & TLS_ALERT) {
        seen.alert = true;
        tell_tls(step->target, &seen);
        seen.alert = false;
    }
    if (events & TLS_DATA) {
        seen.application_data = true;
        tell_tls(step->target, &seen);
    }
    /* What comes once data flows both ways says no more. */
    if (stream->tls.data && peer && peer->tls.data)
        step->conn->ignore_data = true;
}

/* ---- pieces ---- */

/* Neither side is of interest, or one is not and the other never spoke. */
static void ignore_if_other(struct step *step, size_t len) {
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = peer_of(step);

    stream->passed += len;
    if (peer ? peer->kind == STREAM_OTHER : stream->passed > SILENT_PEER_MAX)
        step->conn->ignore_data = true;
}

void message_stream_feed(struct message_target *target, struct conn *conn, enum conn_side side,
                         const struct stream_piece *piece) {
    if (!conn->user[side])
        conn->user[side] = memory_new_zeroed(1, sizeof(struct message_stream));
    struct message_stream *stream = conn->user[side];
    struct step step = step_of(target, conn, side, piece->packet.cut ? MESSAGE_CUT_BY_SNAPLEN : 0);
    struct stream_part part = {piece->bytes.len, piece->frame_no, piece->t_ns};

    if (piece->gap_bytes && stream->kind != STREAM_OTHER)
        take_gap(target, conn, side, piece->gap_bytes);
    stream->last = piece->packet;
    if (!piece->bytes.len)
        return;
    if (stream->kind == STREAM_TLS) {
        feed_tls(&step, piece->bytes, false);
    } else if (stream->kind == STREAM_OTHER) {
        ignore_if_other(&step, piece->bytes.len);
    } else if (stream->held_len) {
        if (hold(target, stream, piece->bytes, piece->frame_no, piece->t_ns))
            walk_held(&step);
        if (stream->kind == STREAM_TLS) {
            feed_tls(&step, slice_of(stream->held, stream->held_len), true);
            drop_held(target, stream);
        }
    } else {
        step.view = (struct view){.bytes = piece->bytes, .parts = &part, .part_count = 1};
        size_t n = walk(&step);
        if (stream->kind == STREAM_TLS)
            feed_tls(&step, slice_between(piece->bytes, n, piece->bytes.len), true);
        else if (stream->kind == STREAM_OTHER)
            ignore_if_other(&step, piece->bytes.len);
        else if (n < piece->bytes.len && !step.cut)
            hold(target, stream, slice_between(piece->bytes, n, piece->bytes.len), piece->frame_no,
                 piece->t_ns);
    }
}

void message_stream_end(struct message_target *target, struct conn *conn, enum conn_side side) {
    struct message_stream *stream = conn->user[side];
    struct step step = step_of(target, conn, side, MESSAGE_CUT_BY_END);

    if (!stream)
        return;
    walk_held(&step);
    drop_held(target, stream);
    free(stream->held);
    ARRAY_FINI(&stream->parts);
    free(stream);
    conn->user[side] = NULL;
}
