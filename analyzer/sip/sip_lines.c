/* Header lines (RFC 3261 7.3.1): "name: value" CRLF, where a line that begins with a blank goes on
 * with the one before, and bare LF ends a line too. Names compare without case; some have a compact
 * form (RFC 3261 7.3.3, 20; RFC 6665 for Event).
 */
#include "sip/sip_lines.h"

#include "sip/sip_text.h"

enum { LONGEST_NAME = 19, NAME_ROOM = 24, SLOTS_A_LENGTH = 8 };

struct header_name {
    char name[NAME_ROOM]; /* in lower case; "": none */
    enum sip_header header;
};

/* Each name has a slot of its own, by its length and its second letter, so that a line is compared
 * with one name at most. Some that nobody reads are here too, as nearly every message has them:
 * they need no closer look. */
#define SLOT(len, second) ((len)*SLOTS_A_LENGTH + (second) % SLOTS_A_LENGTH)

static const struct header_name known_names[(LONGEST_NAME + 1) * SLOTS_A_LENGTH] = {
    [SLOT(2, 'o')] = {"to", SIP_TO},
    [SLOT(3, 'i')] = {"via", SIP_VIA},
    [SLOT(4, 'r')] = {"from", SIP_FROM},
    [SLOT(4, 's')] = {"cseq", SIP_CSEQ},
    [SLOT(5, 'l')] = {"allow", SIP_OTHER_HEADER},
    [SLOT(5, 'o')] = {"route", SIP_ROUTE},
    [SLOT(5, 'v')] = {"event", SIP_EVENT},
    [SLOT(6, 'e')] = {"server", SIP_SERVER},
    [SLOT(6, 'c')] = {"accept", SIP_OTHER_HEADER},
    [SLOT(7, 'a')] = {"call-id", SIP_CALL_ID},
    [SLOT(7, 'o')] = {"contact", SIP_CONTACT},
    [SLOT(7, 'x')] = {"expires", SIP_EXPIRES},
    [SLOT(9, 'u')] = {"supported", SIP_OTHER_HEADER},
    [SLOT(10, 's')] = {"user-agent", SIP_USER_AGENT},
    [SLOT(11, 'i')] = {"min-expires", SIP_MIN_EXPIRES},
    [SLOT(11, 'e')] = {"retry-after", SIP_RETRY_AFTER},
    [SLOT(12, 'a')] = {"max-forwards", SIP_OTHER_HEADER},
    [SLOT(12, 'e')] = {"record-route", SIP_RECORD_ROUTE},
    [SLOT(12, 'o')] = {"content-type", SIP_OTHER_HEADER},
    [SLOT(13, 'u')] = {"authorization", SIP_AUTHORIZATION},
    [SLOT(14, 'o')] = {"content-length", SIP_CONTENT_LENGTH},
    [SLOT(16, 'w')] = {"www-authenticate", SIP_WWW_AUTHENTICATE},
    [SLOT(18, 'r')] = {"proxy-authenticate", SIP_PROXY_AUTHENTICATE},
    [SLOT(19, 'r')] = {"proxy-authorization", SIP_PROXY_AUTHORIZATION},
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
    const struct header_name *entry = &known_names[SLOT(len, (size_t)name[1])];
    *header = entry->header;
    return entry->name[0] && is_named(name, len, entry);
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
    const uint8_t *bytes = rest->ptr, *past = bytes + rest->len, *name = bytes;
    uint8_t room[NAME_ROOM];

    if (rest->len < NAME_ROOM) { /* the last line of a head without a body */
        memset(room, 0, sizeof room);
        memcpy(room, bytes, rest->len);
        name = room;
    }
    size_t len = name_len(name);
    if (!known_header(name, len, &line->header))
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

/* Any line. Apart, so that the plain ones need not make room for it. */
__attribute__((noinline)) static enum sip_line_status take_odd_line(struct slice *rest,
                                                                    struct sip_line *line) {
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

enum sip_line_status sip_line_take(struct slice *rest, struct sip_line *line) {
    if (rest->len >= 2 && rest->ptr[0] == '\r' && rest->ptr[1] == '\n') {
        slice_skip(rest, 2);
        return SIP_LINE_END;
    }
    return take_plain_line(rest, line) ? SIP_LINE_HEADER : take_odd_line(rest, line);
}
