/* A message that a stream holds is told, with the frames that brought it. */
#include "phone/message_step.h"

void step_note_limit(const struct stream_step *step, enum net_note note) {
    step->stream->adrift = true;
    message_note(step->target, note, step->stream->last.frame_no);
}

static enum transport transport_of(const struct message_stream *stream) {
    if (stream->kind == STREAM_WEBSOCKET)
        return stream->secure ? TRANSPORT_WSS : TRANSPORT_WS;
    return stream->secure ? TRANSPORT_TLS : TRANSPORT_TCP;
}

bool step_tell(struct stream_step *step, enum message_kind kind, size_t at, size_t len,
               unsigned cut, const struct sip_head *head) {
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
