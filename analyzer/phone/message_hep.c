/* A stream of HEP packets (version 3: only that has a length). Out of step, the next identifier is
 * searched. */
#include "phone/message_hep.h"

enum { CHUNK_HEADER_LEN = 6, CHUNK_PAYLOAD = 15, CHUNK_TYPE_MAX = 0x30 };

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

/* Vendor (0: the specification's own), type and length of a chunk. */
static bool take_chunk(struct slice *in, uint16_t *type, uint16_t *len) {
    uint16_t vendor;

    return slice_take_u16be(in, &vendor) && slice_take_u16be(in, type) &&
           slice_take_u16be(in, len) && !vendor && *len >= CHUNK_HEADER_LEN;
}

bool message_hep_begins(struct slice rest) {
    uint16_t total, type, len;

    if (!hep_is_v3(rest))
        return false;
    slice_skip(&rest, 4);
    return slice_take_u16be(&rest, &total) && take_chunk(&rest, &type, &len) && type &&
           type <= CHUNK_TYPE_MAX && total >= HEP_HEADER_LEN + len;
}

/* The chunk in which SIP is carried. */
static bool is_payload(struct slice rest) {
    uint16_t type, len;

    return take_chunk(&rest, &type, &len) && type == CHUNK_PAYLOAD && sip_recognise(rest, false);
}

size_t message_hep_find(struct slice rest) {
    for (size_t i = 0; i < rest.len; i++) {
        uint8_t first = rest.ptr[i];
        if (first && first != 'H' && first != 'E')
            continue;
        struct slice from = slice_between(rest, i, rest.len);
        if (first ? message_hep_begins(from) : is_payload(from))
            return i;
    }
    return rest.len;
}

/* ---- holes ---- */

void message_hep_gap(struct hep_stream *stream, int64_t t_ns) {
    if (!stream->gap)
        stream->gap_ns = t_ns;
    stream->gap = true;
}

/* The hole lasts until then, by the agent's clock. */
static void tell_hole(const struct message_target *target, struct hep_stream *stream, int64_t to_ns,
                      uint32_t frame_no) {
    int64_t from_ns = stream->begun ? stream->t_ns : stream->gap_ns + stream->ahead_ns;

    if (stream->gap && target->handler->hole)
        target->handler->hole(target->handler->context,
                              &(struct packet_hole){.kind = HOLE_REPORTED,
                                                    .missing = 1,
                                                    .from_ns = from_ns < to_ns ? from_ns : to_ns,
                                                    .to_ns = from_ns < to_ns ? to_ns : from_ns,
                                                    .frame_no = frame_no});
    stream->gap = false;
}

void message_hep_end(const struct message_target *target, struct hep_stream *stream,
                     const struct packet *packet) {
    tell_hole(target, stream, packet->t_ns + stream->ahead_ns, packet->frame_no);
}

/* ---- packets ---- */

/* The packet that lies whole, or as far as there is, in `bytes`. */
static void tell(struct message_target *target, struct hep_stream *stream,
                 struct message_view *view, size_t at, struct slice bytes, size_t full_len,
                 const struct packet *packet, unsigned cut) {
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
    stream->ahead_ns = datagram.packet.t_ns - packet->t_ns;
    tell_hole(target, stream, datagram.packet.t_ns, packet->frame_no);
    stream->begun = true;
    stream->t_ns = datagram.packet.t_ns;
    if (!hep_is_wanted(&hep, &datagram))
        return;
    message.packet = datagram.packet;
    message.transport = message_reported_transport(datagram.transport, datagram.bytes);
    message.notes = datagram.bytes.len < datagram.full_len ? cut : 0;
    message.bytes = datagram.bytes;
    message_recognise(target, &message);
}

size_t message_hep_take(struct message_target *target, struct hep_stream *stream,
                        struct message_view *view, size_t at, const struct packet *packet,
                        unsigned cut, uint64_t *skip) {
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
    tell(target, stream, view, at, bytes, len, packet, cut);
    *skip = len > rest.len ? len - rest.len : 0;
    return bytes.len;
}
