/* Framing on a TCP stream.
 *
 *                 +------------ SIP start line ----------> SIP -- not SIP --> adrift: next start
 * line UNDECIDED --+-- length, DNS header, question ------> DNS
 *                 +-- 0x16 0x03 -------------------------> TLS
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
#include "phone/message_step.h"

/* What one side must send before the other's silence is ignored. */
enum { SILENT_PEER_MAX = 64 * 1024 };

static size_t hep_step(struct stream_step *step, size_t at) {
    struct message_stream *stream = step->stream;

    return message_hep_take(step->target, &stream->hep, &step->view, at, &stream->last, step->cut,
                            &stream->skip);
}

/* Deal with as much of the view as can be; returns how many bytes of it. */
static size_t walk(struct stream_step *step) {
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
            n = step_undecided(step, at, rest);
        } else if (kind == STREAM_SIP) {
            n = step_sip(step, at, rest);
        } else if (kind == STREAM_DNS) {
            n = step_dns(step, at, rest);
        } else if (kind == STREAM_WEBSOCKET) {
            n = step_websocket(step, at, rest);
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
static bool hold(struct stream_step *step, const struct message_view *view, size_t from) {
    struct message_stream *stream = step->stream;

    if (message_hold_add(step->target, &stream->held, view, from, from, view->bytes.len))
        return true;
    drop_held(step->target, stream);
    step_note_limit(step, NET_LIMIT_MESSAGES);
    return false;
}

static struct stream_step step_of(struct message_target *target, struct conn *conn,
                                  enum conn_side side, unsigned cut) {
    return (struct stream_step){.target = target,
                                .conn = conn,
                                .side = side,
                                .stream = conn->user[side],
                                .peer = conn->user[side == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT],
                                .cut = cut};
}

/* The same of what TLS carries. */
static struct stream_step inner_step_of(struct message_target *target, struct conn *conn,
                                        enum conn_side side, unsigned cut) {
    struct stream_step step = step_of(target, conn, side, cut);

    step.stream = step.stream->inner;
    step.peer = step.peer ? step.peer->inner : NULL;
    return step;
}

static void walk_held(struct stream_step *step) {
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

static void take_gap(struct stream_step *step, uint64_t gap) {
    struct message_stream *stream = step->stream;

    step->cut = MESSAGE_CUT_BY_GAP;
    walk_held(step);
    step_cut_websocket(step);
    step->cut = 0;
    message_hep_gap(&stream->hep, stream->last.t_ns);
    stream->after_gap = true;
    stream->adrift = stream->adrift || stream->skip < gap;
    stream->skip -= stream->skip < gap ? stream->skip : gap;
}

/* Neither side is of interest, or one is not and the other never spoke. */
static void ignore_if_other(struct stream_step *step, size_t len) {
    struct message_stream *stream = step->stream;

    stream->passed += len;
    if (step->peer ? step->peer->kind == STREAM_OTHER : stream->passed > SILENT_PEER_MAX)
        step->conn->ignore_data = true;
}

/* The next bytes of the step's stream: those of its view. */
static void take_view(struct stream_step *step) {
    struct message_stream *stream = step->stream;
    const struct message_view view = step->view;

    /* What said nothing so far is the other side of a WebSocket connection that was met midway. */
    if (stream->kind == STREAM_OTHER && !stream->websocket.role_known && step->peer &&
        step->peer->kind == STREAM_WEBSOCKET && step->peer->websocket.sip) {
        stream->kind = STREAM_WEBSOCKET;
        stream->adrift = true;
    }
    if (stream->kind == STREAM_TLS) {
        step_tls(step, 0, false);
    } else if (stream->kind == STREAM_OTHER) {
        ignore_if_other(step, view.bytes.len);
    } else if (stream->held.len) {
        if (hold(step, &view, 0))
            walk_held(step);
        if (stream->kind == STREAM_TLS) {
            step_tls(step, 0, true);
            drop_held(step->target, stream);
        }
    } else {
        size_t n = walk(step);
        if (stream->kind == STREAM_TLS)
            step_tls(step, n, true);
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
    struct stream_step step = step_of(target, conn, side, 0);
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
    struct stream_step step = inner_step_of(target, conn, side, 0);
    if (in->gap_bytes && step.stream->kind != STREAM_OTHER)
        take_gap(&step, in->gap_bytes);
    step.stream->last = in->packet;
    if (!in->bytes.len)
        return;
    step.view =
        (struct message_view){.bytes = in->bytes, .parts = in->parts, .part_count = in->part_count};
    take_view(&step);
}

static void end_stream(struct stream_step *step) {
    struct message_stream *stream = step->stream;

    walk_held(step);
    if (stream->kind == STREAM_HEP)
        message_hep_end(step->target, &stream->hep, &stream->last);
    step_cut_websocket(step);
    message_hold_fini(step->target, &stream->held);
    websocket_reading_fini(&stream->websocket, step->target);
    free(stream);
}

void message_stream_end(struct message_target *target, struct conn *conn, enum conn_side side) {
    struct message_stream *stream = conn->user[side];

    if (!stream)
        return;
    if (stream->inner) {
        struct stream_step inner = inner_step_of(target, conn, side, MESSAGE_CUT_BY_END);
        end_stream(&inner);
        stream->inner = NULL;
    }
    message_decrypt_end(target, conn, side);
    struct stream_step step = step_of(target, conn, side, MESSAGE_CUT_BY_END);
    end_stream(&step);
    conn->user[side] = NULL;
}
