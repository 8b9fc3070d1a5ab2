/* A WebSocket connection: both sides' bytes in pieces, whole, cut, and with holes. What is told
 * begins as SIP and names its frames; nothing stays held.
 *
 *     input:  a byte for each piece (its side, a hole before it, cut), a byte of its length, bytes
 */
#include <stdlib.h>

#include "phone/message_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *context, const struct message *message) {
    (void)context;
    if (!message->frame_count || !message->packet.frame_no)
        abort();
    if (message->kind == MESSAGE_SIP && !sip_recognise(message->bytes, true))
        abort();
    for (size_t i = 1; i < message->frame_count; i++)
        if (message->frames[i] <= message->frames[i - 1])
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct message_handler handler = {.details = true, .message = on_message};
    struct message_target *target = memory_new_zeroed(1, sizeof *target);
    struct conn conn = {.client.port = 40000, .server.port = 80, .from_start = true};
    struct slice in = slice_of(data, size);
    uint8_t shape, len;

    target->handler = &handler;
    for (uint32_t no = 1; slice_take_u8(&in, &shape) && slice_take_u8(&in, &len); no++) {
        struct slice bytes = slice_between(in, 0, shape & 0x40 ? len * 16u : len);
        struct stream_piece piece = {
            .packet = {.frame_no = no, .t_ns = no, .cut = shape & 0x10},
            .frame_no = no,
            .t_ns = no,
            .bytes = bytes,
            .gap_bytes = shape & 0x20 ? (shape & 0x0e) + 1u : 0,
        };
        slice_skip(&in, bytes.len);
        if (!conn.ignore_data)
            message_stream_feed(target, &conn, shape & 1 ? CONN_SERVER : CONN_CLIENT, &piece);
    }
    message_stream_end(target, &conn, CONN_CLIENT);
    message_stream_end(target, &conn, CONN_SERVER);
    if (target->buffered || target->inflates)
        abort();
    ARRAY_FINI(&target->frames);
    free(target);
    return 0;
}
