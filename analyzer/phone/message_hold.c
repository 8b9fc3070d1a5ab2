/* A buffer that grows by doubling, and the list of the frames that filled it. */
#include "phone/message_hold.h"

#include <stdlib.h>

enum {
    HELD_MAX = 64 * 1024 * 1024, /* by all streams together */
    HELD_KEEP = 16 * 1024,       /* a buffer larger than this is given back when it is empty */
    FIRST_ROOM = 2048,
};

void message_hold_drop(struct message_target *target, struct message_hold *hold) {
    target->buffered -= hold->len;
    hold->len = 0;
    hold->parts.n = 0;
    if (hold->cap > HELD_KEEP) {
        free(hold->bytes);
        hold->bytes = NULL;
        hold->cap = 0;
    }
}

void message_hold_fini(struct message_target *target, struct message_hold *hold) {
    message_hold_drop(target, hold);
    free(hold->bytes);
    hold->bytes = NULL;
    hold->cap = 0;
    ARRAY_FINI(&hold->parts);
}

static void make_room(struct message_hold *hold, size_t len) {
    size_t cap = hold->cap ? hold->cap : FIRST_ROOM;

    if (len <= hold->cap)
        return;
    while (cap < len)
        cap *= 2;
    hold->bytes = memory_resize(hold->bytes, cap, 1);
    hold->cap = cap;
}

bool message_hold_add(struct message_target *target, struct message_hold *hold,
                      const struct message_view *view, size_t named, size_t from, size_t to) {
    struct slice bytes = slice_between(view->bytes, from, to);
    size_t before = hold->len, first = hold->parts.n, begin = 0;

    if (target->buffered + bytes.len > HELD_MAX || hold->parts.n > HELD_MAX / 32) {
        message_hold_drop(target, hold);
        return false;
    }
    make_room(hold, before + bytes.len);
    if (bytes.len)
        memcpy(hold->bytes + before, bytes.ptr, bytes.len);
    hold->len += bytes.len;
    target->buffered += bytes.len;
    for (size_t i = 0; i < view->part_count; i++) {
        struct stream_part part = view->parts[i];
        if (i && view->parts[i - 1].end != part.end)
            begin = view->parts[i - 1].end;
        if (part.end <= named)
            continue;
        if (begin >= to)
            break;
        size_t end = part.end < from ? from : part.end < to ? part.end : to;
        part.end = before + end - from;
        /* One frame brings what goes on where it ended. */
        if (i == 0 && first && hold->parts.items[first - 1].frame_no == part.frame_no &&
            (view->part_count == 1 || view->parts[1].end != view->parts[0].end))
            hold->parts.items[first - 1].end = part.end;
        else
            *ARRAY_PUSH(&hold->parts) = part;
    }
    return true;
}

void message_hold_release(struct message_target *target, struct message_hold *hold, size_t n) {
    size_t kept = 0;

    if (!n)
        return;
    if (n >= hold->len) {
        message_hold_drop(target, hold);
        return;
    }
    memmove(hold->bytes, hold->bytes + n, hold->len - n);
    hold->len -= n;
    target->buffered -= n;
    for (size_t i = 0; i < hold->parts.n; i++) {
        struct stream_part part = hold->parts.items[i];
        if (part.end <= n)
            continue;
        part.end -= n;
        hold->parts.items[kept++] = part;
    }
    hold->parts.n = kept;
}

struct message_view message_hold_view(const struct message_hold *hold) {
    return (struct message_view){.bytes = slice_of(hold->bytes, hold->len),
                                 .parts = hold->parts.items,
                                 .part_count = hold->parts.n};
}

/* ---- frames ---- */

static int compare_frames(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Nearly always it is one frame. */
static bool take_one_frame(const struct message_view *view, struct message *message) {
    const struct stream_part *part = view->parts;

    if (view->part_count != 1)
        return false;
    message->packet.frame_no = part->frame_no;
    message->packet.t_ns = part->t_ns;
    message->frames = &part->frame_no;
    message->frame_count = 1;
    return true;
}

void message_view_frames(struct message_view *view, struct message_target *target, size_t at,
                         size_t end, struct message *message) {
    bool ascending = true;
    size_t i;

    if (take_one_frame(view, message))
        return;
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
        /* Parts with one end carried their bytes together. */
        if (view->parts[i].end >= end &&
            (i + 1 == view->part_count || view->parts[i + 1].end != view->parts[i].end))
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
