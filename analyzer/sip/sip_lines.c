/* Header lines (RFC 3261 7.3.1): "name: value" CRLF, where a line that begins with a blank goes on
 * with the one before, and bare LF ends a line too. Names compare without case; some have a compact
 * form (RFC 3261 7.3.3, 20; RFC 6665 for Event).
 */
#include "sip/sip_lines.h"

#include "sip/sip_text.h"

struct header_name {
    const char *name;
    enum sip_header header;
};

enum { LONGEST_NAME = 19, SAME_LENGTH_MAX = 3 };

/* By length, so that a name is compared with three others at most. */
static const struct header_name by_length[LONGEST_NAME + 1][SAME_LENGTH_MAX] = {
    [2] = {{"to", SIP_TO}},
    [3] = {{"via", SIP_VIA}},
    [4] = {{"from", SIP_FROM}, {"cseq", SIP_CSEQ}},
    [5] = {{"route", SIP_ROUTE}, {"event", SIP_EVENT}},
    [6] = {{"server", SIP_SERVER}},
    [7] = {{"call-id", SIP_CALL_ID}, {"contact", SIP_CONTACT}, {"expires", SIP_EXPIRES}},
    [10] = {{"user-agent", SIP_USER_AGENT}},
    [11] = {{"min-expires", SIP_MIN_EXPIRES}, {"retry-after", SIP_RETRY_AFTER}},
    [12] = {{"record-route", SIP_RECORD_ROUTE}},
    [13] = {{"authorization", SIP_AUTHORIZATION}},
    [14] = {{"content-length", SIP_CONTENT_LENGTH}},
    [16] = {{"www-authenticate", SIP_WWW_AUTHENTICATE}},
    [18] = {{"proxy-authenticate", SIP_PROXY_AUTHENTICATE}},
    [19] = {{"proxy-authorization", SIP_PROXY_AUTHORIZATION}},
};

static const uint8_t compact_forms[256] = {
    ['f'] = SIP_FROM,
    ['F'] = SIP_FROM,
    ['i'] = SIP_CALL_ID,
    ['I'] = SIP_CALL_ID,
    ['l'] = SIP_CONTENT_LENGTH,
    ['L'] = SIP_CONTENT_LENGTH,
    ['m'] = SIP_CONTACT,
    ['M'] = SIP_CONTACT,
    ['o'] = SIP_EVENT,
    ['O'] = SIP_EVENT,
    ['t'] = SIP_TO,
    ['T'] = SIP_TO,
    ['v'] = SIP_VIA,
    ['V'] = SIP_VIA,
};

static enum sip_header header_of(struct slice name) {
    if (name.len == 1)
        return (enum sip_header)compact_forms[name.ptr[0]];
    if (name.len > LONGEST_NAME)
        return SIP_OTHER_HEADER;
    for (size_t i = 0; i < SAME_LENGTH_MAX; i++) {
        const struct header_name *entry = &by_length[name.len][i];
        if (!entry->name)
            break;
        if (sip_word_is(name.ptr, entry->name, name.len))
            return entry->header;
    }
    return SIP_OTHER_HEADER;
}

/* end: offset of a line's LF. The offset of the LF that ends what is folded under it; rest.len:
 * cut. */
static size_t unfold(struct slice rest, size_t end) {
    while (end + 1 < rest.len && (rest.ptr[end + 1] == ' ' || rest.ptr[end + 1] == '\t'))
        end += 1 + slice_find(sip_from(rest, end + 1), '\n');
    return end;
}

/* "Name: value" CRLF with nothing odd about it, as nearly all lines are, in one go; false: look
 * closer. */
static bool take_plain_line(struct slice *rest, struct sip_line *line) {
    const uint8_t *bytes = rest->ptr;
    size_t name_len = sip_token_len(*rest), from = name_len + 1, to;

    if (!name_len || name_len == rest->len || bytes[name_len] != ':')
        return false;
    size_t end = slice_find(*rest, '\n');
    /* The byte behind the line says whether the next goes on with it. */
    if (end + 1 >= rest->len || bytes[end + 1] == ' ' || bytes[end + 1] == '\t')
        return false;
    for (to = end; from < to && sip_is_blank(bytes[from]); from++)
        ;
    while (to > from && sip_is_blank(bytes[to - 1]))
        to--;
    line->header = header_of(slice_of(bytes, name_len));
    line->value = slice_of(bytes + from, to - from);
    slice_skip(rest, end + 1);
    return true;
}

enum sip_line_status sip_line_take(struct slice *rest, struct sip_line *line) {
    if (take_plain_line(rest, line))
        return SIP_LINE_HEADER;

    size_t end = slice_find(*rest, '\n');

    if (end == rest->len)
        return SIP_LINE_CUT;
    if (end == 0 || (end == 1 && rest->ptr[0] == '\r')) {
        slice_skip(rest, end + 1);
        return SIP_LINE_END;
    }
    end = unfold(*rest, end);
    if (end == rest->len)
        return SIP_LINE_CUT;
    struct slice whole = slice_of(rest->ptr, end), name = whole;
    slice_skip(rest, end + 1);

    size_t colon = slice_find(whole, ':');
    name.len = colon;
    while (name.len && sip_is_blank(name.ptr[name.len - 1]))
        name.len--;
    if (colon == whole.len || name.len == 0)
        return SIP_LINE_ODD;
    line->header = header_of(name);
    line->value = sip_trim(slice_of(whole.ptr + colon + 1, whole.len - colon - 1));
    if (line->header == SIP_OTHER_HEADER && sip_token_len(name) != name.len)
        return SIP_LINE_ODD;
    return SIP_LINE_HEADER;
}
