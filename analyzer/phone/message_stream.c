/* Framing on a TCP stream.
 *
 *                 +------------ SIP start line ----------> SIP -- not SIP --> adrift: next start
 * line UNDECIDED --+-- length, DNS header, question ------> DNS
 *                 +-- 0x16 0x03 -------------------------> TLS (message_tls.c)
 *                 +-- GET and 101, or SIP in a frame ----> WebSocket (RFC 7118)
 *                 +-- "HEP3" ----------------------------> HEP (message_hep.c)
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

#include "phone/message_decrypt.h"
#include "phone/message_hep.h"

enum {
    HEAD_MAX = 64 * 1024,        /* a SIP head */
    START_LINE_MAX = 4096,       /* what may become a start line, if the stream is SIP */
    SEARCH_MAX = 64 * 1024,      /* search so far for a start line where none was seen yet */
    SILENT_PEER_MAX = 64 * 1024, /* what one side must send before the other's silence is ignored */
    DNS_LENGTH_LEN = 2,
    DNS_DECIDE_LEN = DNS_LENGTH_LEN + DNS_HEADER_LEN + 255 + 4, /* up to the first question's end */
    PORT_DNS = 53,
    PORT_SIP = 5060,
    PORT_SIPS = 5061,
};

struct step {
    struct message_target *target;
    struct conn *conn;
    enum conn_side side;
    struct message_stream *stream;
    const struct message_stream *peer; /* the other direction's; NULL: nothing of it was seen */
    struct message_view view;
    unsigned cut; /* why no more bytes follow these (MESSAGE_CUT_BY_…); 0: more may follow */
};

static bool either_port(const struct conn *conn, uint16_t port) {
    return conn->client.port == port || conn->server.port == port;
}

static void note_limit(const struct step *step, enum net_note note) {
    step->stream->adrift = true;
    message_note(step->target, note, step->stream->last.frame_no);
}

/* ---- telling ---- */

static enum transport transport_of(const struct message_stream *stream) {
    if (stream->kind == STREAM_WEBSOCKET)
        return stream->secure ? TRANSPORT_WSS : TRANSPORT_WS;
    return stream->secure ? TRANSPORT_TLS : TRANSPORT_TCP;
}

/* Tell the message of `len` bytes at `at`; whether it was one. head: as for message_deliver_sip. */
static bool tell(struct step *step, enum message_kind kind, size_t at, size_t len, unsigned cut,
                 const struct sip_head *head) {
    struct message_stream *stream = step->stream;
    struct message message = {.packet = stream->last,
                              .transport = transport_of(stream),
                              .conn = step->conn,
                              .notes = cut | (stream->after_gap ? MESSAGE_AFTER_GAP : 0u)};
    size_t from = kind == MESSAGE_DNS ? at + DNS_LENGTH_LEN : at;

    message.bytes = slice_between(step->view.bytes, from, at + len);
    message_view_frames(&step->view, step->target, at, at + len, &message);
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
    case SIP_FRAME_TOO_LARGE:
        note_limit(step, NET_LIMIT_MESSAGE);
        stream->passed += len;
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

/* ---- WebSocket ---- */

/* Tell the WebSocket message at hand: one SIP message (RFC 7118 5), carried by all of its frames.
 */
static void tell_websocket(struct step *step, unsigned cut) {
    struct websocket_reading *reading = &step->stream->websocket;
    const struct message_view view = step->view;
    struct slice text;
    uint8_t *made;

    if (websocket_reading_text(reading, step->target, &text, &made)) {
        for (size_t i = 0; i < reading->message.parts.n; i++)
            reading->message.parts.items[i].end = text.len;
        step->view = message_hold_view(&reading->message);
        step->view.bytes = text;
        if (tell(step, MESSAGE_SIP, 0, text.len, cut, NULL))
            reading->sip = true;
        else if (!reading->sip)
            step->stream->kind = STREAM_OTHER; /* another subprotocol */
        step->view = view;
    }
    free(made);
    message_hold_drop(step->target, &reading->message);
}

static size_t websocket_step(struct step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;

    if (!step->cut && stream->need > rest.len)
        return 0;
    struct websocket_step taken = websocket_reading_take(
        &stream->websocket, step->target, &step->view, at, stream->adrift, step->cut != 0);
    stream->need = taken.need;
    stream->skip = taken.skip;
    if (taken.lost || taken.found)
        stream->adrift = taken.lost;
    if (taken.limit)
        note_limit(step, NET_LIMIT_MESSAGES);
    if (taken.message)
        tell_websocket(step, taken.skip ? step->cut : 0);
    return taken.taken;
}

/* Bytes of one that was begun do not come any more. */
static void cut_websocket(struct step *step) {
    if (websocket_reading_cut(&step->stream->websocket))
        tell_websocket(step, step->cut);
    message_hold_drop(step->target, &step->stream->websocket.message);
}

/* ---- HEP ---- */

static size_t hep_step(struct step *step, size_t at) {
    return message_hep_take(step->target, &step->view, at, &step->stream->last, step->cut,
                            &step->stream->skip);
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

/* A handshake, a frame that begins with SIP, or the other side of a connection that had either. */
static enum verdict looks_like_websocket(const struct step *step, struct slice rest) {
    bool peer_is = step->peer && step->peer->kind == STREAM_WEBSOCKET;

    switch (websocket_recognise(rest, peer_is, step->cut != 0)) {
    case WEBSOCKET_OK:
        return YES;
    case WEBSOCKET_PARTIAL:
        return LATER;
    case WEBSOCKET_INVALID:
        break;
    }
    return peer_is ? YES : NO;
}

/* May a start line still come after bytes that are none? */
static bool may_search(const struct step *step) {
    const struct message_stream *stream = step->stream;
    const struct message_stream *peer = step->peer;

    if (peer && (peer->kind == STREAM_SIP || peer->kind == STREAM_WEBSOCKET))
        return true;
    return stream->passed < SEARCH_MAX &&
           (!step->conn->from_start || stream->after_gap || either_port(step->conn, PORT_SIP) ||
            either_port(step->conn, PORT_SIPS));
}

/* Pass over what is no message up to where one may begin: in a frame, or by itself. */
static size_t search(struct step *step, struct slice rest) {
    struct message_stream *stream = step->stream;
    enum websocket_status status;
    struct sip_head head;
    size_t len = 0;

    enum sip_frame_status framed = sip_frame(rest, &head, &len);
    if ((framed != SIP_FRAME_INVALID && framed != SIP_FRAME_TOO_LARGE) || !len)
        len = 1;
    /* The header of a frame stands before the start line in it. */
    size_t frame = websocket_find_sip(slice_between(rest, 0, len + START_LINE_MAX), true, &status);
    stream->adrift = true;
    if (status == WEBSOCKET_OK && frame < len) {
        stream->kind = STREAM_WEBSOCKET;
        return frame;
    }
    stream->passed += len;
    return len;
}

static size_t undecided_step(struct step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = step->peer;
    bool any_record = !step->conn->from_start || stream->after_gap ||
                      (peer && peer->kind == STREAM_TLS); /* an alert answers a hello */
    bool at_front = at == 0;

    if (at_front && !stream->secure && tls_recognise(rest, any_record)) {
        stream->kind = STREAM_TLS;
        return 0;
    }
    if (at_front && !stream->secure && rest.len < TLS_HEADER_LEN && rest.ptr[0] == TLS_HANDSHAKE &&
        !step->cut)
        return 0;
    enum verdict sip = looks_like_sip(step, rest);
    enum verdict dns = at_front || !rest.ptr[0] ? looks_like_dns(step, rest) : NO;
    if (sip == YES || dns == YES) {
        stream->kind = sip == YES ? STREAM_SIP : STREAM_DNS;
        stream->passed = 0;
        return 0;
    }
    if (at_front && message_hep_recognise(rest)) {
        if (rest.len >= HEP_HEADER_LEN || step->cut)
            stream->kind = rest.len >= HEP_HEADER_LEN ? STREAM_HEP : STREAM_OTHER;
        return 0;
    }
    enum verdict websocket = at_front ? looks_like_websocket(step, rest) : NO;
    if (websocket == YES) {
        stream->kind = STREAM_WEBSOCKET;
        stream->passed = 0;
        stream->adrift = !websocket_begins_handshake(rest);
        return 0;
    }
    if (sip == LATER || dns == LATER || websocket == LATER)
        return 0;
    /* RFC 5626 3.5.1 and others' keep-alives before the first message. */
    if (rest.ptr[0] == '\r' || rest.ptr[0] == '\n' || rest.ptr[0] == '\0') {
        if (++stream->passed < SEARCH_MAX)
            return 1;
    } else if (may_search(step)) {
        return search(step, rest);
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
        } else if (kind == STREAM_WEBSOCKET) {
            n = websocket_step(step, at, rest);
        } else if (kind == STREAM_HEP) {
            n = hep_step(step, at);
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
    message_hold_drop(target, &stream->held);
    stream->need = 0;
    stream->scanned = 0;
}

/* Hold the view's bytes from there on; false: there is no room, nothing is held any more. */
static bool hold(struct step *step, const struct message_view *view, size_t from) {
    struct message_stream *stream = step->stream;

    if (message_hold_add(step->target, &stream->held, view, from, from, view->bytes.len))
        return true;
    drop_held(step->target, stream);
    note_limit(step, NET_LIMIT_MESSAGES);
    return false;
}

static struct step step_of(struct message_target *target, struct conn *conn, enum conn_side side,
                           unsigned cut) {
    return (struct step){.target = target,
                         .conn = conn,
                         .side = side,
                         .stream = conn->user[side],
                         .peer = conn->user[side == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT],
                         .cut = cut};
}

/* The same of what TLS carries. */
static struct step inner_step_of(struct message_target *target, struct conn *conn,
                                 enum conn_side side, unsigned cut) {
    struct step step = step_of(target, conn, side, cut);

    step.stream = step.stream->inner;
    step.peer = step.peer ? step.peer->inner : NULL;
    return step;
}

static void walk_held(struct step *step) {
    struct message_stream *stream = step->stream;

    if (!stream->held.len)
        return;
    step->view = message_hold_view(&stream->held);
    size_t n = walk(step);
    if (step->cut || stream->kind == STREAM_OTHER || n == stream->held.len)
        drop_held(step->target, stream);
    else if (stream->kind != STREAM_TLS)
        message_hold_release(step->target, &stream->held, n);
}

static void take_gap(struct step *step, uint64_t gap) {
    struct message_stream *stream = step->stream;

    step->cut = MESSAGE_CUT_BY_GAP;
    walk_held(step);
    cut_websocket(step);
    step->cut = 0;
    stream->after_gap = true;
    stream->adrift = stream->adrift || stream->skip < gap;
    stream->skip -= stream->skip < gap ? stream->skip : gap;
}

/* ---- TLS ---- */

static void tell_tls(const struct message_target *target, const struct tls_seen *seen) {
    if (target->handler->tls)
        target->handler->tls(target->handler->context, seen);
}

/* What the key log opens goes to the inner stream. */
static void decrypt_tls(struct step *step, size_t at) {
    struct stream_bytes in = {.packet = step->stream->last,
                              .bytes = step->view.bytes,
                              .parts = step->view.parts,
                              .part_count = step->view.part_count};
    struct tls_seen seen = {.conn = step->conn, .packet = step->stream->last, .side = step->side};
    struct decrypt_events events =
        message_decrypt_feed(step->target, step->conn, step->side, &in, at);

    if (events.hello) {
        seen.hello = true;
        seen.server_name = slice_of(events.server_name, events.server_name_len);
        tell_tls(step->target, &seen);
        seen.hello = false;
    }
    if (events.sealed || events.read) {
        seen.sealed = events.sealed;
        seen.read = events.read;
        tell_tls(step->target, &seen);
    }
}

/* The view's bytes from `at` on are TLS records. */
static void feed_tls(struct step *step, size_t at, bool first) {
    static const struct tls_records none;
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = step->peer;
    struct slice bytes = slice_between(step->view.bytes, at, step->view.bytes.len);
    struct tls_seen seen = {.conn = step->conn, .packet = stream->last, .side = step->side};
    unsigned events = tls_records_feed(&stream->tls, peer ? &peer->tls : &none, step->side, bytes);

    if (first)
        tell_tls(step->target, &seen);
    if (events & TLS_ALERTED) {
        seen.alert = true;
        tell_tls(step->target, &seen);
        seen.alert = false;
    }
    if (events & TLS_DONE) {
        seen.done = true;
        tell_tls(step->target, &seen);
        seen.done = false;
    }
    if (events & TLS_DATA) {
        seen.application_data = true;
        tell_tls(step->target, &seen);
    }
    decrypt_tls(step, at);
    /* What comes once data flows both ways says no more. */
    if (stream->tls.data && peer && peer->tls.data && !message_decrypt_wants(stream))
        step->conn->ignore_data = true;
}

/* ---- pieces ---- */

/* Neither side is of interest, or one is not and the other never spoke. */
static void ignore_if_other(struct step *step, size_t len) {
    struct message_stream *stream = step->stream;

    stream->passed += len;
    if (step->peer ? step->peer->kind == STREAM_OTHER : stream->passed > SILENT_PEER_MAX)
        step->conn->ignore_data = true;
}

/* The next bytes of the step's stream: those of its view. */
static void take_view(struct step *step) {
    struct message_stream *stream = step->stream;
    const struct message_view view = step->view;

    /* What said nothing so far is the other side of a WebSocket connection that was met midway. */
    if (stream->kind == STREAM_OTHER && !stream->websocket.role_known && step->peer &&
        step->peer->kind == STREAM_WEBSOCKET && step->peer->websocket.sip) {
        stream->kind = STREAM_WEBSOCKET;
        stream->adrift = true;
    }
    if (stream->kind == STREAM_TLS) {
        feed_tls(step, 0, false);
    } else if (stream->kind == STREAM_OTHER) {
        ignore_if_other(step, view.bytes.len);
    } else if (stream->held.len) {
        if (hold(step, &view, 0))
            walk_held(step);
        if (stream->kind == STREAM_TLS) {
            feed_tls(step, 0, true);
            drop_held(step->target, stream);
        }
    } else {
        size_t n = walk(step);
        if (stream->kind == STREAM_TLS)
            feed_tls(step, n, true);
        else if (stream->kind == STREAM_OTHER)
            ignore_if_other(step, view.bytes.len);
        else if (n < view.bytes.len && !step->cut)
            hold(step, &view, n);
    }
}

void message_stream_feed(struct message_target *target, struct conn *conn, enum conn_side side,
                         const struct stream_piece *piece) {
    if (!conn->user[side])
        conn->user[side] = memory_new_zeroed(1, sizeof(struct message_stream));
    struct message_stream *stream = conn->user[side];
    struct step step = step_of(target, conn, side, 0);
    struct stream_part part = {piece->bytes.len, piece->frame_no, piece->t_ns};

    if (piece->gap_bytes && stream->kind != STREAM_OTHER) {
        tls_records_gap(&stream->tls, piece->gap_bytes);
        message_decrypt_gap(target, conn, side, piece->gap_bytes);
        take_gap(&step, piece->gap_bytes);
    }
    stream->last = piece->packet;
    if (!piece->bytes.len)
        return;
    step.cut = piece->packet.cut ? MESSAGE_CUT_BY_SNAPLEN : 0;
    step.view = (struct message_view){.bytes = piece->bytes, .parts = &part, .part_count = 1};
    take_view(&step);
}

void message_stream_feed_inner(struct message_target *target, struct conn *conn,
                               enum conn_side side, const struct stream_bytes *in) {
    struct message_stream *outer = conn->user[side];

    if (!outer->inner) {
        outer->inner = memory_new_zeroed(1, sizeof(struct message_stream));
        outer->inner->secure = true;
    }
    struct step step = inner_step_of(target, conn, side, 0);
    if (in->gap_bytes && step.stream->kind != STREAM_OTHER)
        take_gap(&step, in->gap_bytes);
    step.stream->last = in->packet;
    if (!in->bytes.len)
        return;
    step.view =
        (struct message_view){.bytes = in->bytes, .parts = in->parts, .part_count = in->part_count};
    take_view(&step);
}

static void end_stream(struct step *step) {
    struct message_stream *stream = step->stream;

    walk_held(step);
    cut_websocket(step);
    message_hold_fini(step->target, &stream->held);
    websocket_reading_fini(&stream->websocket, step->target);
    free(stream);
}

void message_stream_end(struct message_target *target, struct conn *conn, enum conn_side side) {
    struct message_stream *stream = conn->user[side];

    if (!stream)
        return;
    if (stream->inner) {
        struct step inner = inner_step_of(target, conn, side, MESSAGE_CUT_BY_END);
        end_stream(&inner);
        stream->inner = NULL;
    }
    message_decrypt_end(target, conn, side);
    struct step step = step_of(target, conn, side, MESSAGE_CUT_BY_END);
    end_stream(&step);
    conn->user[side] = NULL;
}
