/* Messages on a stream (RFC 3261 18.3): head, then as many bytes of body as Content-Length says.
 * Between messages there may be keep-alives: CRLF, double CRLF (RFC 5626 3.5.1), and from some
 * phones zero bytes. Over TCP Content-Length must be there (RFC 3261 20.14); where it is missing,
 * or no number, the message has no body.
 *
 * After garbage (bytes lost from the capture, another protocol) reading goes on at the next place
 * that could be a start line: behind a line end or a binary byte.
 */
#include "sip/sip_head.h"
#include "sip/sip_lines.h"
#include "sip/sip_start.h"
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

/* Only Content-Length matters here: a line that begins with another letter is passed over unread,
 * unless the next one may go on with it. */
static bool pass_over_line(struct slice *rest) {
    uint8_t first = rest->len ? rest->ptr[0] | 0x20 : 0;
    size_t end;

    if (first < 'a' || first > 'z' || first == 'c' || first == 'l')
        return false;
    end = slice_find(*rest, '\n');
    if (end + 1 >= rest->len || rest->ptr[end + 1] == ' ' || rest->ptr[end + 1] == '\t')
        return false;
    return slice_skip(rest, end + 1);
}

enum sip_frame_status sip_frame(struct slice stream, size_t *len) {
    struct slice rest = slice_between(stream, 0, HEAD_MAX);
    struct sip_start start;
    struct sip_line line;
    uint64_t body_len = 0;
    bool has_body_len = false;

    *len = keep_alive_len(stream);
    if (*len)
        return SIP_FRAME_KEEPALIVE;
    if (!sip_start_take(&rest, &start) || rest.ptr[-1] != '\n') {
        if (sip_recognise(stream, false))
            return SIP_FRAME_PARTIAL;
        *len = next_start(stream);
        return SIP_FRAME_INVALID;
    }
    for (;;) {
        if (pass_over_line(&rest))
            continue;
        enum sip_line_status status = sip_line_take(&rest, &line);
        if (status == SIP_LINE_END)
            break;
        if (status == SIP_LINE_CUT) {
            if (stream.len < HEAD_MAX)
                return SIP_FRAME_PARTIAL;
            *len = next_start(stream);
            return SIP_FRAME_INVALID;
        }
        if (status == SIP_LINE_HEADER && line.header == SIP_CONTENT_LENGTH && !has_body_len)
            has_body_len = slice_to_u64(line.value, &body_len);
    }
    if (body_len > BODY_MAX) {
        *len = next_start(stream);
        return SIP_FRAME_INVALID;
    }
    size_t head_len = (size_t)(rest.ptr - stream.ptr), whole_len = head_len + (size_t)body_len;
    *len = whole_len;
    return whole_len <= stream.len ? SIP_FRAME_OK : SIP_FRAME_PARTIAL;
}
