/* Start lines (RFC 3261 7.1, 7.2), and what distinguishes them from all else on a port:
 *
 *   Request-Line  =  Method SP Request-URI SP SIP-Version      "REGISTER sip:example.com SIP/2.0"
 *   Status-Line   =  SIP-Version SP Status-Code SP Reason      "SIP/2.0 200 OK"
 *
 * The version ends the request line, so that HTTP, RTSP and MSRP are told apart by it, and binary
 * protocols by their first byte. More than one blank between the parts, and blanks inside the
 * Request-URI, are wrong (RFC 4475 3.1.2.8 to 3.1.2.11) but still SIP.
 */
#include "sip/sip_start.h"

#include "sip/sip_head.h"
#include "sip/sip_text.h"

/* RFC 3261 25.1 has no bound, and none is set where the whole start line is there: this one keeps
 * a stream of some other protocol from being held until it shows what it is. */
enum { METHOD_LEN_AWAITED = 256 };

#define METHOD(name)                                                                               \
    { (name), sizeof(name) - 1 }
static const struct {
    const char *name;
    size_t len;
} methods[SIP_METHOD_COUNT] = {
    [SIP_UNKNOWN_METHOD] = METHOD(""),   [SIP_ACK] = METHOD("ACK"),
    [SIP_BYE] = METHOD("BYE"),           [SIP_CANCEL] = METHOD("CANCEL"),
    [SIP_INFO] = METHOD("INFO"),         [SIP_INVITE] = METHOD("INVITE"),
    [SIP_MESSAGE] = METHOD("MESSAGE"),   [SIP_NOTIFY] = METHOD("NOTIFY"),
    [SIP_OPTIONS] = METHOD("OPTIONS"),   [SIP_PRACK] = METHOD("PRACK"),
    [SIP_PUBLISH] = METHOD("PUBLISH"),   [SIP_REFER] = METHOD("REFER"),
    [SIP_REGISTER] = METHOD("REGISTER"), [SIP_SUBSCRIBE] = METHOD("SUBSCRIBE"),
    [SIP_UPDATE] = METHOD("UPDATE"),
};

enum sip_method sip_method_of(struct slice name) {
    for (int method = SIP_ACK; method < SIP_METHOD_COUNT; method++)
        if (methods[method].len == name.len && methods[method].name[0] == (char)name.ptr[0] &&
            memcmp(methods[method].name, name.ptr, name.len) == 0)
            return (enum sip_method)method;
    return SIP_UNKNOWN_METHOD;
}

const char *sip_method_name(enum sip_method method) {
    return methods[method].name;
}

static const struct slice version = {(const uint8_t *)"SIP/2.0", 7};

/* a begins with the version; its letters may be in either case (RFC 3261 7.1). */
static bool is_version(struct slice a) {
    return a.len >= 7 && (memcmp(a.ptr, "SIP/2.0", 7) == 0 || slice_starts_nocase(a, version));
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* line: without line end and blanks around it. */
static bool read_status_line(struct slice line, struct sip_start *start) {
    struct slice rest = sip_from(line, version.len);

    if (rest.len < 4 || rest.ptr[0] != ' ')
        return false;
    rest = sip_skip_blanks(rest);
    if (rest.len < 3 || rest.ptr[0] < '1' || !is_digit(rest.ptr[0]) || !is_digit(rest.ptr[1]) ||
        !is_digit(rest.ptr[2]) || (rest.len > 3 && !sip_is_blank(rest.ptr[3])))
        return false;
    start->response = true;
    start->status = (unsigned)(rest.ptr[0] - '0') * 100 + (unsigned)(rest.ptr[1] - '0') * 10 +
                    (unsigned)(rest.ptr[2] - '0');
    start->reason = sip_trim(sip_from(rest, 3));
    return true;
}

static bool read_request_line(struct slice line, size_t method_len, struct sip_start *start) {
    if (method_len == 0 || line.len <= method_len + version.len + 2)
        return false;
    size_t version_at = line.len - version.len;
    if (line.ptr[method_len] != ' ' || !sip_is_blank(line.ptr[version_at - 1]) ||
        !is_version(sip_from(line, version_at)))
        return false;
    start->response = false;
    start->method = slice_between(line, 0, method_len);
    start->uri = sip_trim(slice_between(line, method_len, version_at));
    return start->uri.len > 0;
}

bool sip_start_take(struct slice *rest, struct sip_start *start) {
    if (rest->len == 0 || !sip_token_chars[rest->ptr[0]])
        return false;
    struct slice bounded = slice_between(*rest, 0, SIP_START_LINE_MAX);
    size_t end = slice_find(bounded, '\n');
    if (end == bounded.len && bounded.len < rest->len)
        return false;
    struct slice line = slice_between(bounded, 0, end);
    while (line.len && sip_is_blank(line.ptr[line.len - 1]))
        line.len--;
    bool ok = (line.ptr[0] | 0x20) == 's' && is_version(line)
                  ? read_status_line(line, start)
                  : read_request_line(line, sip_token_len(line), start);
    if (ok)
        *rest = sip_from(*rest, end + 1);
    return ok;
}

/* No line end yet: can what is there still become a status line? */
static bool may_become_status(struct slice bytes) {
    static const struct slice pattern = {(const uint8_t *)"SIP/2.0 000", 11};

    for (size_t i = 0; i < bytes.len && i < pattern.len; i++)
        if (pattern.ptr[i] == '0' && i > version.len
                ? !is_digit(bytes.ptr[i])
                : sip_lower(bytes.ptr[i]) != sip_lower(pattern.ptr[i]))
            return false;
    return true;
}

/* … or a request line? The URI begins with neither a path (HTTP) nor a control character. */
static bool may_become_request(struct slice bytes) {
    size_t method_len = sip_token_len(slice_between(bytes, 0, METHOD_LEN_AWAITED + 1));

    if (method_len == 0 || method_len > METHOD_LEN_AWAITED)
        return false;
    if (method_len == bytes.len)
        return true;
    struct slice rest = sip_from(bytes, method_len);
    if (rest.ptr[0] != ' ')
        return false;
    rest = sip_skip_blanks(rest);
    if (rest.len && rest.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if ((rest.ptr[i] < ' ' && rest.ptr[i] != '\t' && rest.ptr[i] != '\r') ||
            rest.ptr[i] == 0x7f)
            return false;
    return true;
}

bool sip_recognise(struct slice bytes, bool whole_line) {
    struct sip_start start;

    if (bytes.len == 0)
        return !whole_line;
    if (!sip_token_chars[bytes.ptr[0]])
        return false;
    if (whole_line)
        return sip_start_take(&bytes, &start);
    /* A blank ends the method, a slash "SIP": all else is not worth the search for the line end. */
    size_t token_len = sip_token_len(slice_between(bytes, 0, METHOD_LEN_AWAITED + 1));
    if (token_len < bytes.len && token_len <= METHOD_LEN_AWAITED && bytes.ptr[token_len] != ' ' &&
        bytes.ptr[token_len] != '/')
        return false;
    struct slice bounded = slice_between(bytes, 0, SIP_START_LINE_MAX);
    if (slice_find(bounded, '\n') < bounded.len)
        return sip_start_take(&bytes, &start);
    return bytes.len < SIP_START_LINE_MAX &&
           (may_become_status(bytes) || may_become_request(bytes));
}
