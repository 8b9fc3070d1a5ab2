/* A stream of HEP packets (version 3: only that has a length). Out of step, the next identifier is
 * searched. */
#include "phone/message_hep.h"

static const struct slice identifiers[] = {{(const uint8_t *)"HEP3", 4},
                                           {(const uint8_t *)"EEP3", 4}};

bool message_hep_recognise(struct slice rest) {
    for (size_t i = 0; i < sizeof identifiers / sizeof *identifiers; i++) {
        struct slice front = slice_between(identifiers[i], 0, rest.len);
        if (rest.len && slice_starts(rest, front))
            return true;
    }
    return false;
}

/* The packet that lies whole, or as far as there is, in `bytes`. */
static void tell(struct message_target *target, struct message_view *view, size_t at,
                 struct slice bytes, size_t full_len, const struct packet *packet, unsigned cut) {
    const struct message_handler *handler = target->handler;
    struct message message = {.packet = *packet};
    struct hep_packet hep;

    message_view_frames(view, target, at, at + bytes.len, &message);
    struct datagram datagram = {.packet = message.packet,
                                .frames = message.frames,
                                .frame_count = message.frame_count,
                                .bytes = bytes,
                                .full_len = full_len};
    if (hep_unwrap(&target->hep_room, &datagram, &hep) != HEP_OK) {
        if (!cut)
            message_note(target, NET_MALFORMED, packet->frame_no);
        return;
    }
    if (hep.has_time && handler->reported)
        handler->reported(handler->context, datagram.packet.t_ns);
    if (!hep_is_wanted(&hep, &datagram))
        return;
    message.packet = datagram.packet;
    message.transport = message_reported_transport(datagram.transport, datagram.bytes);
    message.notes = datagram.bytes.len < datagram.full_len ? cut : 0;
    message.bytes = datagram.bytes;
    message_recognise(target, &message);
}

size_t message_hep_take(struct message_target *target, struct message_view *view, size_t at,
                        const struct packet *packet, unsigned cut, uint64_t *skip) {
    struct slice rest = slice_between(view->bytes, at, view->bytes.len), in = rest;
    uint16_t len = 0;

    *skip = 0;
    if (!message_hep_recognise(rest)) {
        size_t next = 1;
        while (next < rest.len && !message_hep_recognise(slice_between(rest, next, rest.len)))
            next++;
        return next;
    }
    if (rest.len < HEP_HEADER_LEN)
        return cut ? rest.len : 0;
    slice_skip(&in, 4);
    slice_take_u16be(&in, &len);
    if (rest.len < len && !cut)
        return 0;
    struct slice bytes = slice_between(rest, 0, len > HEP_HEADER_LEN ? len : HEP_HEADER_LEN);
    tell(target, view, at, bytes, len, packet, cut);
    *skip = len > rest.len ? len - rest.len : 0;
    return bytes.len;
}
