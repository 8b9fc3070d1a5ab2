/* TLS on a stream: what its records say in the clear is told; what the key log opens goes to the
 * inner stream. */
#include "phone/message_decrypt.h"
#include "phone/message_step.h"

static void tell_tls(const struct message_target *target, const struct tls_seen *seen) {
    if (target->handler->tls)
        target->handler->tls(target->handler->context, seen);
}

static void decrypt_tls(struct stream_step *step, size_t at) {
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

void step_tls(struct stream_step *step, size_t at, bool first) {
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
