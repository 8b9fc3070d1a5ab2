/* What a stream carries: told from its first bytes, or searched from where none of it was known. */
#include "phone/message_hep.h"
#include "phone/message_step.h"

enum {
    START_LINE_MAX = 4096,  /* what may become a start line, if the stream is SIP */
    SEARCH_MAX = 64 * 1024, /* search so far for a start line where none was seen yet */
    PORT_SIP = 5060,
    PORT_SIPS = 5061,
};

static enum likeness looks_like_sip(const struct stream_step *step, struct slice rest) {
    if (!sip_recognise(rest, false))
        return LIKENESS_NO;
    if (slice_find(rest, '\n') < rest.len || step->cut)
        return LIKENESS_YES;
    return rest.len <= START_LINE_MAX ? LIKENESS_LATER : LIKENESS_NO;
}

/* May a start line still come after bytes that are none? */
static bool may_search(const struct stream_step *step) {
    const struct message_stream *stream = step->stream;
    const struct message_stream *peer = step->peer;

    if (peer && (peer->kind == STREAM_SIP || peer->kind == STREAM_WEBSOCKET))
        return true;
    return stream->passed < SEARCH_MAX &&
           (!step->conn->from_start || stream->after_gap ||
            step_either_port(step->conn, PORT_SIP) || step_either_port(step->conn, PORT_SIPS));
}

/* Pass over what is no message up to where one may begin: in a frame, or by itself. */
static size_t search(struct stream_step *step, struct slice rest) {
    struct message_stream *stream = step->stream;
    enum websocket_status status;
    struct sip_head head;
    size_t len = 0;

    enum sip_frame_status framed = sip_frame(rest, &head, &len);
    if ((framed != SIP_FRAME_INVALID && framed != SIP_FRAME_TOO_LARGE) || !len)
        len = 1;
    /* The header of a frame stands before the start line in it. */
    size_t frame = websocket_find_sip(slice_between(rest, 0, len + START_LINE_MAX), true, &status);
    stream->adrift = true;
    if (status == WEBSOCKET_OK && frame < len) {
        stream->kind = STREAM_WEBSOCKET;
        return frame;
    }
    stream->passed += len;
    return len;
}

size_t step_undecided(struct stream_step *step, size_t at, struct slice rest) {
    struct message_stream *stream = step->stream;
    const struct message_stream *peer = step->peer;
    bool any_record = !step->conn->from_start || stream->after_gap ||
                      (peer && peer->kind == STREAM_TLS); /* an alert answers a hello */
    bool at_front = at == 0;

    if (at_front && !stream->secure && tls_recognise(rest, any_record)) {
        stream->kind = STREAM_TLS;
        return 0;
    }
    if (at_front && !stream->secure && rest.len < TLS_HEADER_LEN && rest.ptr[0] == TLS_HANDSHAKE &&
        !step->cut)
        return 0;
    /* Else SIP in a packet of an agent's would be taken for the agent's own. */
    if (at_front && !stream->secure && (!step->conn->from_start || stream->after_gap)) {
        size_t hep = message_hep_find(rest);
        if (hep < rest.len) {
            stream->kind = STREAM_HEP;
            return hep;
        }
    }
    enum likeness sip = looks_like_sip(step, rest);
    enum likeness dns = at_front || !rest.ptr[0] ? step_looks_like_dns(step, rest) : LIKENESS_NO;
    if (sip == LIKENESS_YES || dns == LIKENESS_YES) {
        stream->kind = sip == LIKENESS_YES ? STREAM_SIP : STREAM_DNS;
        stream->passed = 0;
        return 0;
    }
    if (at_front && message_hep_recognise(rest)) {
        if (rest.len >= HEP_HEADER_LEN || step->cut)
            stream->kind = rest.len >= HEP_HEADER_LEN ? STREAM_HEP : STREAM_OTHER;
        return 0;
    }
    enum likeness websocket = at_front ? step_looks_like_websocket(step, rest) : LIKENESS_NO;
    if (websocket == LIKENESS_YES) {
        stream->kind = STREAM_WEBSOCKET;
        stream->passed = 0;
        stream->adrift = !websocket_begins_handshake(rest);
        return 0;
    }
    if (sip == LIKENESS_LATER || dns == LIKENESS_LATER || websocket == LIKENESS_LATER)
        return 0;
    /* RFC 5626 3.5.1 and others' keep-alives before the first message. */
    if (rest.ptr[0] == '\r' || rest.ptr[0] == '\n' || rest.ptr[0] == '\0') {
        if (++stream->passed < SEARCH_MAX)
            return 1;
    } else if (may_search(step)) {
        return search(step, rest);
    }
    stream->kind = STREAM_OTHER;
    return 0;
}
