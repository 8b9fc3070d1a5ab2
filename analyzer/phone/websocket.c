/* WebSocket framing (RFC 6455 5.2):
 *
 *      0               1               2               3
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |F|R|R|R| opcode|M| length (7)  | length (16 or 64, where the   |
 *     |I|S|S|S|  (4)  |A|             | first is 126 or 127)          |
 *     |N|V|V|V|       |S|             |                               |
 *     | |1|2|3|       |K|             |                               |
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     | masking key (4 bytes, where M is set)  |  payload
 *     +----------------------------------------+----------------------
 *
 * and the opening handshake, an HTTP/1.1 GET and its answer 101 (RFC 6455 4.1, 4.2).
 */
#include "phone/websocket.h"

#include "sip/sip_head.h"
#include "sip/sip_text.h"

enum {
    FIN = 0x80,
    RSV1 = 0x40,
    RSV_OTHERS = 0x30,
    MASKED = 0x80,
    CONTROL_MAX = 125, /* RFC 6455 5.5 */
    HTTP_HEAD_MAX = 16 * 1024,
    START_LINE_MAX = 1024, /* what a frame met in the middle may begin with */
    START_LINE_MIN = 16,   /* "SIP/2.0 200 OK" and a line end; of a cut one so much is asked */
};

/* ---- frames ---- */

static bool opcode_valid(unsigned opcode) {
    return opcode <= WEBSOCKET_BINARY || (opcode >= WEBSOCKET_CLOSE && opcode <= WEBSOCKET_PONG);
}

enum websocket_status websocket_frame_read(struct slice bytes, struct websocket_frame *frame) {
    struct slice in = bytes;
    uint8_t first, second;

    if (!slice_take_u8(&in, &first))
        return WEBSOCKET_PARTIAL;
    *frame = (struct websocket_frame){.fin = first & FIN, .compressed = first & RSV1};
    if ((first & RSV_OTHERS) || !opcode_valid(first & 0x0f))
        return WEBSOCKET_INVALID;
    frame->opcode = (enum websocket_opcode)(first & 0x0f);
    if ((websocket_is_control(frame) && (!frame->fin || frame->compressed)) ||
        (frame->opcode == WEBSOCKET_CONTINUATION && frame->compressed))
        return WEBSOCKET_INVALID;
    if (!slice_take_u8(&in, &second))
        return WEBSOCKET_PARTIAL;
    frame->masked = second & MASKED;
    frame->payload_len = second & 0x7f;
    if (websocket_is_control(frame) && frame->payload_len > CONTROL_MAX)
        return WEBSOCKET_INVALID;
    /* The shortest form must be used (5.2): others are none. */
    if (frame->payload_len == 126) {
        uint16_t len;
        if (!slice_take_u16be(&in, &len))
            return WEBSOCKET_PARTIAL;
        if (len < 126)
            return WEBSOCKET_INVALID;
        frame->payload_len = len;
    } else if (frame->payload_len == 127) {
        uint32_t high, low;
        if (!slice_take_u32be(&in, &high) || !slice_take_u32be(&in, &low))
            return WEBSOCKET_PARTIAL;
        frame->payload_len = (uint64_t)high << 32 | low;
        if (frame->payload_len <= UINT16_MAX || high & 0x80000000u)
            return WEBSOCKET_INVALID;
    }
    if (frame->masked) {
        struct slice key = slice_between(in, 0, sizeof frame->mask);
        if (key.len < sizeof frame->mask)
            return WEBSOCKET_PARTIAL;
        memcpy(frame->mask, key.ptr, key.len);
        slice_skip(&in, key.len);
    }
    frame->header_len = bytes.len - in.len;
    return WEBSOCKET_OK;
}

void websocket_unmask(const struct websocket_frame *frame, uint8_t *payload, size_t len) {
    if (frame->masked)
        for (size_t i = 0; i < len; i++)
            payload[i] ^= frame->mask[i % 4];
}

/* ---- in the middle ---- */

enum websocket_status websocket_begins_sip(struct slice bytes, bool cut) {
    enum websocket_status more = cut ? WEBSOCKET_INVALID : WEBSOCKET_PARTIAL;
    struct websocket_frame frame;
    uint8_t front[START_LINE_MAX];

    if ((bytes.ptr[0] & 0x7f) != WEBSOCKET_TEXT && (bytes.ptr[0] & 0x7f) != WEBSOCKET_BINARY)
        return WEBSOCKET_INVALID;
    enum websocket_status status = websocket_frame_read(bytes, &frame);
    if (status != WEBSOCKET_OK)
        return status == WEBSOCKET_PARTIAL ? more : status;
    if (frame.payload_len < START_LINE_MIN || frame.payload_len > WEBSOCKET_MESSAGE_MAX)
        return WEBSOCKET_INVALID;
    struct slice payload = slice_between(bytes, frame.header_len, bytes.len);
    payload = slice_between(payload, 0, (size_t)frame.payload_len);
    bool whole = payload.len == frame.payload_len || payload.len >= sizeof front;
    payload = slice_between(payload, 0, sizeof front);
    if (!payload.len)
        return more;
    /* The first bytes decide nearly always. */
    for (size_t n = payload.len < START_LINE_MIN ? payload.len : START_LINE_MIN;; n = payload.len) {
        memcpy(front, payload.ptr, n);
        websocket_unmask(&frame, front, n);
        if (!sip_recognise(slice_of(front, n), false))
            return WEBSOCKET_INVALID;
        if (n == payload.len)
            break;
    }
    struct slice text = slice_of(front, payload.len);
    if (slice_find(text, '\n') < text.len || (cut && text.len >= START_LINE_MIN))
        return WEBSOCKET_OK;
    return whole ? WEBSOCKET_INVALID : more;
}

size_t websocket_find_sip(struct slice bytes, bool cut, enum websocket_status *status) {
    for (size_t i = 0; i < bytes.len; i++) {
        *status = websocket_begins_sip(slice_between(bytes, i, bytes.len), cut);
        if (*status != WEBSOCKET_INVALID)
            return i;
    }
    *status = WEBSOCKET_INVALID;
    return bytes.len;
}

/* ---- the handshake ---- */

/* Is it, or will it be, this text, whatever the case? */
static enum websocket_status starts_as(struct slice bytes, struct slice text) {
    size_t n = bytes.len < text.len ? bytes.len : text.len;

    if (!slice_eq_nocase(slice_between(bytes, 0, n), slice_between(text, 0, n)))
        return WEBSOCKET_INVALID;
    return n == text.len ? WEBSOCKET_OK : WEBSOCKET_PARTIAL;
}

/* Take the next member of a comma list. */
static bool member_take(struct slice *list, struct slice *member) {
    if (!list->len)
        return false;
    size_t end = slice_find(*list, ',');
    *member = sip_trim(slice_between(*list, 0, end));
    *list = sip_from(*list, end + 1);
    return true;
}

static bool lists(struct slice value, struct slice word) {
    struct slice member;

    while (member_take(&value, &member))
        if (slice_eq_nocase(member, word))
            return true;
    return false;
}

static void read_header(struct slice line, struct websocket_handshake *handshake) {
    size_t colon = slice_find(line, ':');
    struct slice name = slice_between(line, 0, colon);
    struct slice value = sip_trim(sip_from(line, colon + 1));

    if (slice_eq_nocase(name, SLICE_LITERAL("Upgrade")))
        handshake->upgrade = lists(value, SLICE_LITERAL("websocket"));
    else if (slice_eq_nocase(name, SLICE_LITERAL("Sec-WebSocket-Protocol")))
        handshake->sip = handshake->sip || lists(value, SLICE_LITERAL("sip"));
    else if (slice_eq_nocase(name, SLICE_LITERAL("Content-Length")) &&
             !slice_to_u64(value, &handshake->content_length))
        handshake->content_length = 0;
}

/* "HTTP/1.1 101 Switching Protocols" */
static bool read_status(struct slice line, unsigned *status) {
    struct slice rest = sip_from(line, slice_find(line, ' ') + 1);
    uint64_t number;

    if (sip_digits(rest, &number) != 3 || number < 100)
        return false;
    *status = (unsigned)number;
    return true;
}

enum websocket_status websocket_handshake_read(struct slice bytes,
                                               struct websocket_handshake *handshake) {
    struct slice rest = bytes;
    enum websocket_status request = starts_as(bytes, SLICE_LITERAL("GET "));
    enum websocket_status response = starts_as(bytes, SLICE_LITERAL("HTTP/1."));
    bool first = true;

    *handshake = (struct websocket_handshake){.request = request == WEBSOCKET_OK};
    if (request != WEBSOCKET_OK && response != WEBSOCKET_OK)
        return request == WEBSOCKET_PARTIAL || response == WEBSOCKET_PARTIAL ? WEBSOCKET_PARTIAL
                                                                             : WEBSOCKET_INVALID;
    while (bytes.len - rest.len < HTTP_HEAD_MAX) {
        size_t end = slice_find(rest, '\n');
        if (end == rest.len)
            return rest.len < HTTP_HEAD_MAX ? WEBSOCKET_PARTIAL : WEBSOCKET_INVALID;
        struct slice line = sip_trim(slice_between(rest, 0, end));
        slice_skip(&rest, end + 1);
        if (!line.len) {
            handshake->head_len = bytes.len - rest.len;
            return WEBSOCKET_OK;
        }
        if (!first)
            read_header(line, handshake);
        else if (!handshake->request && !read_status(line, &handshake->status))
            return WEBSOCKET_INVALID;
        first = false;
    }
    return WEBSOCKET_INVALID;
}

enum websocket_status websocket_recognise(struct slice bytes, bool peer_is, bool cut) {
    struct websocket_handshake handshake;
    enum websocket_status status = websocket_handshake_read(bytes, &handshake);

    if (status == WEBSOCKET_OK) {
        bool asked = handshake.upgrade && (handshake.request || handshake.status == 101);
        return peer_is || asked ? WEBSOCKET_OK : WEBSOCKET_INVALID;
    }
    if (status == WEBSOCKET_INVALID)
        status = websocket_begins_sip(bytes, cut);
    else if (handshake.status && handshake.status != 101 && !peer_is)
        return WEBSOCKET_INVALID; /* no need to wait for the rest of it */
    return status == WEBSOCKET_PARTIAL && cut ? WEBSOCKET_INVALID : status;
}
