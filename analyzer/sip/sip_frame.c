/* Messages on a stream (RFC 3261 18.3): head, then as many bytes of body as Content-Length says.
 * Between messages there may be keep-alives: CRLF, double CRLF (RFC 5626 3.5.1), and from some
 * phones zero bytes. Over TCP Content-Length must be there (RFC 3261 20.14); where it is missing,
 * or no number, the message has no body.
 *
 * After garbage (bytes lost from the capture, another protocol) reading goes on at the next place
 * that could be a start line: behind a line end or a binary byte.
 */
#include "sip/sip_head.h"
#include "sip/sip_text.h"

enum { HEAD_MAX = 64 * 1024, BODY_MAX = 1024 * 1024 };

static size_t keep_alive_len(struct slice stream) {
    size_t n = 0;

    while (n < stream.len && (stream.ptr[n] == '\r' || stream.ptr[n] == '\n' || stream.ptr[n] == 0))
        n++;
    return n;
}

/* The first offset past 0 at which a message could begin; stream.len where there is none. */
static size_t next_start(struct slice stream) {
    for (size_t i = 1; i < stream.len; i++) {
        uint8_t before = stream.ptr[i - 1];
        if (before >= ' ' && before < 0x7f)
            continue;
        if (sip_token_chars[stream.ptr[i]] && sip_recognise(sip_from(stream, i), false))
            return i;
    }
    return stream.len;
}

enum sip_frame_status sip_frame(struct slice stream, struct sip_head *head, size_t *len) {
    struct slice front = slice_between(stream, 0, HEAD_MAX);

    *len = keep_alive_len(stream);
    if (*len)
        return SIP_FRAME_KEEPALIVE;
    if (slice_find(front, '\n') == front.len || !sip_head_skim(front, head)) {
        if (sip_recognise(stream, false))
            return SIP_FRAME_PARTIAL;
        *len = next_start(stream);
        return SIP_FRAME_INVALID;
    }
    if (!head->head_len && stream.len < HEAD_MAX)
        return SIP_FRAME_PARTIAL;
    uint64_t body_len = head->has_content_length ? head->content_length : 0;
    if (!head->head_len || body_len > BODY_MAX) {
        *len = next_start(stream);
        return SIP_FRAME_TOO_LARGE;
    }
    *len = head->head_len + (size_t)body_len;
    return *len <= stream.len ? SIP_FRAME_OK : SIP_FRAME_PARTIAL;
}
