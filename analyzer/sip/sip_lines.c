/* Header lines (RFC 3261 7.3.1): "name: value" CRLF, where a line that begins with a blank goes on
 * with the one before, and bare LF ends a line too. Names compare without case; some have a compact
 * form (RFC 3261 7.3.3, 20; RFC 6665 for Event).
 */
#include "sip/sip_lines.h"

#include "sip/sip_text.h"

enum { LONGEST_NAME = 19, NAME_ROOM = 24, SAME_LENGTH_MAX = 3 };

struct header_name {
    char name[NAME_ROOM]; /* in lower case; "": none */
    enum sip_header header;
};

/* By length, so that a name is compared with three others at most. Some that nobody reads are here
 * too, as nearly every message has them: they need no closer look. */
static const struct header_name by_length[LONGEST_NAME + 1][SAME_LENGTH_MAX] = {
    [2] = {{"to", SIP_TO}},
    [3] = {{"via", SIP_VIA}},
    [4] = {{"from", SIP_FROM}, {"cseq", SIP_CSEQ}},
    [5] = {{"allow", SIP_OTHER_HEADER}, {"route", SIP_ROUTE}, {"event", SIP_EVENT}},
    [6] = {{"server", SIP_SERVER}, {"accept", SIP_OTHER_HEADER}},
    [7] = {{"call-id", SIP_CALL_ID}, {"contact", SIP_CONTACT}, {"expires", SIP_EXPIRES}},
    [9] = {{"supported", SIP_OTHER_HEADER}},
    [10] = {{"user-agent", SIP_USER_AGENT}},
    [11] = {{"min-expires", SIP_MIN_EXPIRES}, {"retry-after", SIP_RETRY_AFTER}},
    [12] = {{"max-forwards", SIP_OTHER_HEADER},
            {"record-route", SIP_RECORD_ROUTE},
            {"content-type", SIP_OTHER_HEADER}},
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

/* Is it the entry's name, which has this length? name has NAME_ROOM bytes. */
static inline bool is_named(const uint8_t *name, size_t len, const struct header_name *entry) {
    static const uint8_t mask[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t *known = (const uint8_t *)entry->name;
    uint64_t front = sip_differ(sip_eight(name), sip_eight(known));

    if (len < 8)
        return !(front & sip_eight(mask + 8 - len));
    return !front && !sip_differ(sip_eight(name + len - 8), sip_eight(known + len - 8)) &&
           (len <= 16 || !sip_differ(sip_eight(name + 8), sip_eight(known + 8)));
}

/* name: NAME_ROOM bytes that begin with it. false: a name that is not in the tables. */
static inline bool known_header(const uint8_t *name, size_t len, enum sip_header *header) {
    if (len == 1) {
        *header = (enum sip_header)compact_forms[name[0]];
        return *header != SIP_OTHER_HEADER;
    }
    if (len > LONGEST_NAME)
        return false;
    for (size_t i = 0; i < SAME_LENGTH_MAX && by_length[len][i].name[0]; i++) {
        if (is_named(name, len, &by_length[len][i])) {
            *header = by_length[len][i].header;
            return true;
        }
    }
    return false;
}

/* end: offset of a line's LF. The offset of the LF that ends what is folded under it; rest.len:
 * cut. */
static size_t unfold(struct slice rest, size_t end) {
    while (end + 1 < rest.len && (rest.ptr[end + 1] == ' ' || rest.ptr[end + 1] == '\t'))
        end += 1 + slice_find(sip_from(rest, end + 1), '\n');
    return end;
}

/* Length of the name that a colon ends; more than LONGEST_NAME: none that is known. */
static inline size_t name_len(const uint8_t *bytes) {
    for (size_t at = 0; at < NAME_ROOM; at += 8) {
        uint64_t colons = sip_marks(sip_eight(bytes + at), ':');
        if (colons)
            return at + sip_first_mark(colons);
    }
    return NAME_ROOM;
}

/* "Name: value" CRLF with a name of the tables and nothing odd about it, as nearly all lines are,
 * in one go; false: look closer. */
static inline bool take_plain_line(struct slice *rest, struct sip_line *line) {
    const uint8_t *bytes = rest->ptr, *past = bytes + rest->len;

    if (rest->len <= NAME_ROOM)
        return false;
    size_t len = name_len(bytes);
    if (!known_header(bytes, len, &line->header))
        return false;
    const uint8_t *from = bytes + len + 1;
    const uint8_t *end = memchr(from, '\n', (size_t)(past - from)), *to = end;
    /* The byte behind the line says whether the next goes on with it. */
    if (!end || end + 1 == past || end[1] == ' ' || end[1] == '\t')
        return false;
    /* Nearly always: one blank, and CR. */
    from += *from == ' ';
    to -= to > from && to[-1] == '\r';
    while (from < to && sip_is_blank(*from))
        from++;
    while (to > from && sip_is_blank(to[-1]))
        to--;
    line->value = slice_of(from, (size_t)(to - from));
    *rest = slice_of(end + 1, (size_t)(past - end - 1));
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
    line->value = sip_trim(slice_of(whole.ptr + colon + 1, whole.len - colon - 1));
    uint8_t room[NAME_ROOM] = {0};
    memcpy(room, name.ptr, name.len < sizeof room ? name.len : sizeof room);
    if (known_header(room, name.len, &line->header))
        return SIP_LINE_HEADER;
    line->header = SIP_OTHER_HEADER;
    if (sip_token_len(name) != name.len)
        return SIP_LINE_ODD;
    return SIP_LINE_HEADER;
}
