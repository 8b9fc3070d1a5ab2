/* DNS on a stream (RFC 1035 4.2.2). */
#include "phone/message_step.h"

enum {
    DECIDE_LEN = DNS_LENGTH_LEN + DNS_HEADER_LEN + 255 + 4, /* up to the first question's end */
    PORT_DNS = 53,
};

/* On a stream a wrong length would swallow what follows: at most 255 questions are believed. */
static bool is_dns(struct slice message, bool lenient) {
    return message.len > 4 && message.ptr[4] == 0 && dns_recognise(message, lenient);
}

size_t step_dns(struct stream_step *step, size_t at, struct slice rest) {
    struct slice in = rest;
    uint16_t len;

    if (!slice_take_u16be(&in, &len) || (in.len < len && !step->cut))
        return step->cut ? rest.len : 0;
    bool whole = in.len >= len;
    struct slice bytes = slice_between(in, 0, len);
    if (!is_dns(bytes, true)) {
        step->stream->adrift = true; /* a later piece may begin with a message */
        step->stream->passed += rest.len;
        return rest.len;
    }
    step_tell(step, MESSAGE_DNS, at, DNS_LENGTH_LEN + bytes.len, whole ? 0 : step->cut, NULL);
    step->stream->skip = len - bytes.len;
    return DNS_LENGTH_LEN + bytes.len;
}

enum likeness step_looks_like_dns(const struct stream_step *step, struct slice rest) {
    bool port_53 = step_either_port(step->conn, PORT_DNS);
    struct slice in = rest;
    uint16_t len;

    if (!slice_take_u16be(&in, &len))
        return step->cut ? LIKENESS_NO : LIKENESS_LATER;
    if (len < DNS_HEADER_LEN)
        return LIKENESS_NO;
    if (!step->cut && in.len < len && rest.len < DECIDE_LEN) {
        bool possible = port_53 || in.len < 6 || (in.ptr[4] == 0 && in.ptr[5] == 1);
        return possible ? LIKENESS_LATER : LIKENESS_NO;
    }
    return is_dns(slice_between(in, 0, len), port_53) ? LIKENESS_YES : LIKENESS_NO;
}
