/* SIP on a stream: where a message ends (RFC 3261 18.3). */
#include "phone/message_hep.h"
#include "phone/message_step.h"

enum { HEAD_MAX = 64 * 1024 }; /* a SIP head */

/* Offset behind the first empty line that ends at or after `from`; 0: none. */
static size_t head_end(struct slice bytes, size_t from) {
    size_t at = from > 3 ? from - 3 : 0;

    for (;;) {
        at += slice_find(slice_between(bytes, at, bytes.len), '\n') + 1;
        if (at >= bytes.len)
            return 0;
        if (bytes.ptr[at] == '\n')
            return at + 1;
        if (bytes.ptr[at] == '\r' && at + 1 < bytes.len && bytes.ptr[at + 1] == '\n')
            return at + 2;
    }
}

/* Most messages that a phone gets or sends have no body: they end as their head does. */
static bool ends_as_head(struct slice bytes) {
    return bytes.len >= 4 && memcmp(bytes.ptr + bytes.len - 4, "\r\n\r\n", 4) == 0;
}

/* Pass over a message that is larger than any is taken for, as far as its Content-Length says;
 * next: where the next start line may be, for one that says nothing or is not known to be a
 * message. */
static size_t pass_over(struct stream_step *step, struct slice rest, const struct sip_head *head,
                        size_t next) {
    struct message_stream *stream = step->stream;
    bool known = head->head_len && !stream->adrift;
    uint64_t body_here = rest.len - head->head_len;

    step_note_limit(step, NET_LIMIT_MESSAGE);
    if (!known) {
        stream->passed += next;
        return next;
    }
    stream->adrift = false;
    if (head->content_length <= body_here)
        return head->head_len + (size_t)head->content_length;
    stream->skip = head->content_length - body_here;
    return rest.len;
}

size_t step_sip(struct stream_step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;
    struct sip_head head;
    size_t len = 0;

    if (!step->cut && stream->need > rest.len)
        return 0;
    if (!step->cut && !stream->need && rest.len <= HEAD_MAX &&
        (stream->scanned || !ends_as_head(rest)) && !head_end(rest, stream->scanned) &&
        (stream->scanned || sip_recognise(rest, false))) {
        stream->scanned = rest.len;
        return 0;
    }
    switch (sip_frame(rest, &head, &len)) {
    case SIP_FRAME_OK:
        step_tell(step, MESSAGE_SIP, at, len, 0, &head);
        break;
    case SIP_FRAME_KEEPALIVE:
        break;
    case SIP_FRAME_TOO_LARGE:
        len = pass_over(step, rest, &head, len);
        break;
    case SIP_FRAME_INVALID:
        if (!stream->secure && !step->conn->from_start && message_hep_begins(rest)) {
            stream->kind = STREAM_HEP; /* what was read was in an agent's packet */
            return 0;
        }
        stream->adrift = true;
        stream->passed += len;
        break;
    case SIP_FRAME_PARTIAL:
        if (step->cut) {
            step_tell(step, MESSAGE_SIP, at, rest.len, step->cut, NULL);
            stream->skip = len > rest.len ? len - rest.len : 0;
            return rest.len;
        }
        stream->need = len;
        stream->scanned = rest.len;
        return 0;
    }
    stream->need = 0;
    stream->scanned = 0;
    return len ? len : 1;
}
