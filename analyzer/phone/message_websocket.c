/* The walk over WebSocket frames (RFC 6455 5.4):
 *
 *     text FIN=0 ── continuation FIN=0 ── ping ── continuation FIN=1        one message
 *     binary FIN=1                                                          another
 *
 * Each message holds one SIP message (RFC 7118 5). What is larger than a SIP message may be is
 * passed over. */
#include "phone/message_websocket.h"

#include <stdlib.h>

enum { INFLATES_MAX = 256 }; /* directions with compressed messages, at 40 KiB each */

/* ---- messages ---- */

/* Too large for SIP. Of another subprotocol nothing is missed. */
static void note_large(const struct websocket_reading *reading, struct message_target *target,
                       const struct message_view *view) {
    if (reading->sip)
        message_note(target, NET_LIMIT_MESSAGE, view->parts[view->part_count - 1].frame_no);
}

static void forget_message(struct websocket_reading *reading, struct message_target *target) {
    message_hold_drop(target, &reading->message);
    reading->inflate_lost = reading->inflate_lost || reading->compressed;
    reading->dropped = true;
}

/* The payload of a data frame, as far as it is there: view's bytes [from, to), whose header begins
 * at `at`. */
static void add_payload(struct websocket_reading *reading, struct message_target *target,
                        const struct message_view *view, size_t at, size_t from, size_t to,
                        const struct websocket_frame *frame, struct websocket_step *step) {
    size_t before = reading->message.len, len = to - from;

    if (reading->dropped)
        return;
    if (before + len > WEBSOCKET_MESSAGE_MAX) {
        note_large(reading, target, view);
        forget_message(reading, target);
        return;
    }
    if (!message_hold_add(target, &reading->message, view, at, from, to)) {
        forget_message(reading, target);
        step->limit = true;
        return;
    }
    if (len)
        websocket_unmask(frame, reading->message.bytes + before, len);
}

/* false: a continuation of nothing that is known. */
static bool begin_message(struct websocket_reading *reading, struct message_target *target,
                          const struct websocket_frame *frame) {
    if (frame->opcode == WEBSOCKET_CONTINUATION)
        return reading->in_message;
    if (reading->in_message)
        forget_message(reading, target);
    reading->in_message = true;
    reading->dropped = false;
    reading->compressed = frame->compressed;
    return true;
}

static struct websocket_step take_data(struct websocket_reading *reading,
                                       struct message_target *target,
                                       const struct message_view *view, size_t at,
                                       const struct websocket_frame *frame, bool cut) {
    size_t there = view->bytes.len - at, from = at + frame->header_len;
    uint64_t total = frame->header_len + frame->payload_len;
    struct websocket_step step = {0};

    if (frame->payload_len > WEBSOCKET_MESSAGE_MAX) {
        note_large(reading, target, view);
        begin_message(reading, target, frame);
        forget_message(reading, target);
        reading->in_message = reading->in_message && !frame->fin;
        step.taken = frame->header_len;
        step.skip = frame->payload_len;
        return step;
    }
    if (there < total && !cut) {
        step.need = (size_t)total;
        return step;
    }
    step.taken = there < total ? there : (size_t)total;
    step.skip = total - step.taken;
    if (!begin_message(reading, target, frame))
        return step;
    add_payload(reading, target, view, at, from, at + step.taken, frame, &step);
    if (frame->fin || step.skip) {
        step.message = !reading->dropped;
        /* What follows of a message that was cut is not told a second time. */
        reading->in_message = !frame->fin;
        reading->inflate_lost = reading->inflate_lost || (step.skip && reading->compressed);
        reading->dropped = true;
    }
    return step;
}

/* ---- the steps ---- */

static struct websocket_step take_frame(struct websocket_reading *reading,
                                        struct message_target *target,
                                        const struct message_view *view, size_t at, bool cut) {
    struct slice rest = slice_between(view->bytes, at, view->bytes.len);
    struct websocket_frame frame;
    enum websocket_status status = websocket_frame_read(rest, &frame);

    if (status == WEBSOCKET_PARTIAL)
        return (struct websocket_step){.taken = cut ? rest.len : 0};
    if (status == WEBSOCKET_INVALID || (reading->role_known && frame.masked != reading->masked))
        return (struct websocket_step){.taken = 1, .lost = true};
    reading->role_known = true;
    reading->masked = frame.masked;
    if (!websocket_is_control(&frame))
        return take_data(reading, target, view, at, &frame, cut);
    return (struct websocket_step){.taken = frame.header_len, .skip = frame.payload_len};
}

/* Not at a known place: a frame that begins with SIP. */
static struct websocket_step search(struct websocket_reading *reading,
                                    struct message_target *target, const struct message_view *view,
                                    size_t at, bool cut) {
    enum websocket_status status;
    struct slice rest = slice_between(view->bytes, at, view->bytes.len);
    size_t n = websocket_find_sip(rest, cut, &status);

    if (n || status != WEBSOCKET_OK)
        return (struct websocket_step){.taken = n};
    reading->in_message = false;
    struct websocket_step step = take_frame(reading, target, view, at, cut);
    reading->sip = true;
    step.found = true;
    return step;
}

static struct websocket_step take_handshake(struct websocket_reading *reading, struct slice rest,
                                            bool cut) {
    struct websocket_handshake handshake;
    enum websocket_status status = websocket_handshake_read(rest, &handshake);

    if (status == WEBSOCKET_PARTIAL)
        return (struct websocket_step){.taken = cut ? rest.len : 0, .lost = cut};
    if (status == WEBSOCKET_INVALID)
        return (struct websocket_step){.taken = 1, .lost = true};
    if (handshake.request || handshake.status == 101) {
        reading->role_known = true;
        reading->masked = handshake.request;
        reading->sip = reading->sip || handshake.sip;
    }
    return (struct websocket_step){
        .taken = handshake.head_len, .skip = handshake.content_length, .found = true};
}

struct websocket_step websocket_reading_take(struct websocket_reading *reading,
                                             struct message_target *target,
                                             const struct message_view *view, size_t at,
                                             bool adrift, bool cut) {
    struct slice rest = slice_between(view->bytes, at, view->bytes.len);

    if (!adrift && websocket_begins_handshake(rest))
        return take_handshake(reading, rest, cut);
    return adrift ? search(reading, target, view, at, cut)
                  : take_frame(reading, target, view, at, cut);
}

bool websocket_reading_cut(struct websocket_reading *reading) {
    bool part = reading->in_message && !reading->dropped && reading->message.len;

    reading->inflate_lost = true;
    reading->dropped = true;
    return part;
}

/* ---- what it says ---- */

static bool inflate_text(struct websocket_reading *reading, struct message_target *target,
                         struct slice *text, uint8_t **made) {
    size_t len;

    if (!reading->inflate) {
        if (target->inflates >= INFLATES_MAX) {
            const struct message_hold *held = &reading->message;
            message_note(target, NET_LIMIT_WEBSOCKET,
                         held->parts.items[held->parts.n - 1].frame_no);
            return false;
        }
        reading->inflate = websocket_inflate_new();
        if (!reading->inflate)
            return false;
        target->inflates++;
    } else if (reading->inflate_lost) {
        websocket_inflate_reset(reading->inflate);
    }
    reading->inflate_lost = false;
    if (!websocket_inflate_message(reading->inflate, *text, made, &len))
        return false;
    *text = slice_of(*made, len);
    return true;
}

bool websocket_reading_text(struct websocket_reading *reading, struct message_target *target,
                            struct slice *text, uint8_t **made) {
    *made = NULL;
    *text = slice_of(reading->message.bytes, reading->message.len);
    if (reading->compressed && !inflate_text(reading, target, text, made))
        return false;
    while (text->len && (text->ptr[0] == '\r' || text->ptr[0] == '\n'))
        slice_skip(text, 1);
    return text->len > 0;
}

void websocket_reading_fini(struct websocket_reading *reading, struct message_target *target) {
    message_hold_fini(target, &reading->message);
    if (reading->inflate)
        target->inflates--;
    websocket_inflate_free(reading->inflate);
    reading->inflate = NULL;
}
