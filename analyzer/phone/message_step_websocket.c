/* SIP over WebSocket on a stream (RFC 7118). */
#include "phone/message_step.h"

#include <stdlib.h>

/* Tell the WebSocket message at hand: one SIP message (RFC 7118 5), carried by all of its frames.
 */
static void tell_websocket(struct stream_step *step, unsigned cut) {
    struct websocket_reading *reading = &step->stream->websocket;
    const struct message_view view = step->view;
    struct slice text;
    uint8_t *made;

    if (websocket_reading_text(reading, step->target, &text, &made)) {
        for (size_t i = 0; i < reading->message.parts.n; i++)
            reading->message.parts.items[i].end = text.len;
        step->view = message_hold_view(&reading->message);
        step->view.bytes = text;
        if (step_tell(step, MESSAGE_SIP, 0, text.len, cut, NULL))
            reading->sip = true;
        else if (!reading->sip)
            step->stream->kind = STREAM_OTHER; /* another subprotocol */
        step->view = view;
    }
    free(made);
    message_hold_drop(step->target, &reading->message);
}

size_t step_websocket(struct stream_step *step, size_t at, struct slice rest) {
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
        step_note_limit(step, NET_LIMIT_MESSAGES);
    if (taken.message)
        tell_websocket(step, taken.skip ? step->cut : 0);
    return taken.taken;
}

void step_cut_websocket(struct stream_step *step) {
    if (websocket_reading_cut(&step->stream->websocket))
        tell_websocket(step, step->cut);
    message_hold_drop(step->target, &step->stream->websocket.message);
}

enum likeness step_looks_like_websocket(const struct stream_step *step, struct slice rest) {
    bool peer_is = step->peer && step->peer->kind == STREAM_WEBSOCKET;

    switch (websocket_recognise(rest, peer_is, step->cut != 0)) {
    case WEBSOCKET_OK:
        return LIKENESS_YES;
    case WEBSOCKET_PARTIAL:
        return LIKENESS_LATER;
    case WEBSOCKET_INVALID:
        break;
    }
    return peer_is ? LIKENESS_YES : LIKENESS_NO;
}
