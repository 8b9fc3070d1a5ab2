/* Bytes of a stream that wait for those behind them, with the frames that brought them. */
#ifndef PHONE_MESSAGE_HOLD_H
#define PHONE_MESSAGE_HOLD_H

#include "phone/message_deliver.h"

/* Bytes up to offset `end` (from where the part before it ends) came in this frame. Parts with the
 * same end carried the same bytes together: a TLS record is nothing before its last frame. */
struct stream_part {
    size_t end;
    uint32_t frame_no;
    int64_t t_ns;
};

/* Bytes to look at, with the frames that carried them. */
struct message_view {
    struct slice bytes;
    const struct stream_part *parts; /* ascending; the last one's end is bytes.len */
    size_t part_count;
    size_t part; /* cursor: the part in which the next message begins */
};

/* Zero-initialised: nothing is held. */
struct message_hold {
    uint8_t *bytes;
    size_t len, cap;
    ARRAY_OF(struct stream_part) parts;
};

/* Hold the view's bytes from `from` up to `to` behind those that are held, and name the frames that
 * carried those from `named` on (at most `from`: what stands before them has the same frames).
 *
 * false: there is no room (all streams together: 64 MiB); nothing is held any more. */
bool message_hold_add(struct message_target *target, struct message_hold *hold,
                      const struct message_view *view, size_t named, size_t from, size_t to);

/* The first n held bytes are dealt with. */
void message_hold_release(struct message_target *target, struct message_hold *hold, size_t n);

/* So are all; large room is given back. */
void message_hold_drop(struct message_target *target, struct message_hold *hold);

void message_hold_fini(struct message_target *target, struct message_hold *hold);

/* What is held, to look at; valid until something is added, released or dropped. */
struct message_view message_hold_view(const struct message_hold *hold);

/* The frames that carried the view's bytes from `at` to `end`, ascending, each once, go into
 * target->frames; *message gets them, and the frame and time of the last. Messages are asked for in
 * the order of the view: its cursor is moved. */
void message_view_frames(struct message_view *view, struct message_target *target, size_t at,
                         size_t end, struct message *message);

#endif
