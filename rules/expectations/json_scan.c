/* A strict scan of a JSON text, RFC 8259:
 *
 *   value   object | list | string | number | "true" | "false" | "null"
 *   object  '{' [ string ':' value { ',' string ':' value } ] '}'
 *   list    '[' [ value { ',' value } ] ']'
 *   number  ['-'] ( '0' | 1-9 {digit} ) ['.' digit {digit}] [('e'|'E') ['+'|'-'] digit {digit}]
 *   string  '"' { UTF-8 character from U+0020 on but '"' and '\' | '\' escape } '"'
 *
 * One loop with the open brackets on a stack of its own instead of recursion.
 */
#include "rules/expectations/json_scan.h"

#include <stdio.h>

struct scan {
    struct slice all, rest;
    struct json_error *error;
};

size_t utf8_len(struct slice text) {
    /* By first byte: how many follow, and the bounds of the first of them, which keep out overlong
     * forms, surrogates and what lies beyond U+10FFFF. */
    static const struct {
        uint8_t from, to, len, low, high;
    } forms[] = {
        {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
    };

    if (!text.len)
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text.ptr[0] < forms[i].from || text.ptr[0] > forms[i].to)
            continue;
        if (text.len < forms[i].len)
            return 0;
        for (size_t k = 1; k < forms[i].len; k++) {
            uint8_t low = k == 1 ? forms[i].low : 0x80, high = k == 1 ? forms[i].high : 0xbf;
            if (text.ptr[k] < low || text.ptr[k] > high)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

/* What is wrong, at the front of the rest. A sentence has nothing to find. */
static bool fail(struct scan *scan, const char *expected, bool sentence) {
    struct json_error *error = scan->error;
    struct slice before = slice_of(scan->all.ptr, scan->all.len - scan->rest.len);
    size_t len = utf8_len(scan->rest);

    *error = (struct json_error){.line = 1, .column = 1, .expected = expected};
    for (size_t i = 0; i < before.len; i++) {
        if (before.ptr[i] == '\n') {
            error->line++;
            error->column = 1;
        } else if ((before.ptr[i] & 0xc0) != 0x80) {
            error->column++;
        }
    }
    if (sentence)
        return false;
    if (!scan->rest.len)
        snprintf(error->found, sizeof error->found, "the end");
    else if (scan->rest.ptr[0] == '\n' || scan->rest.ptr[0] == '\r')
        snprintf(error->found, sizeof error->found, "the line's end");
    else if (!len || scan->rest.ptr[0] < 0x20 || scan->rest.ptr[0] == 0x7f)
        snprintf(error->found, sizeof error->found, "byte 0x%02x", scan->rest.ptr[0]);
    else
        snprintf(error->found, sizeof error->found, "'%.*s'", (int)len,
                 (const char *)scan->rest.ptr);
    return false;
}

static bool expected(struct scan *scan, const char *what) {
    return fail(scan, what, false);
}

static bool refused(struct scan *scan, const char *sentence) {
    return fail(scan, sentence, true);
}

static int peek(const struct scan *scan) {
    return scan->rest.len ? scan->rest.ptr[0] : -1;
}

static bool take(struct scan *scan, int c) {
    return peek(scan) == c && slice_skip(&scan->rest, 1);
}

static void skip_blanks(struct scan *scan) {
    while (take(scan, ' ') || take(scan, '\t') || take(scan, '\n') || take(scan, '\r'))
        ;
}

static size_t skip_digits(struct scan *scan) {
    size_t n = 0;

    while (peek(scan) >= '0' && peek(scan) <= '9')
        n += slice_skip(&scan->rest, 1);
    return n;
}

static bool scan_number(struct scan *scan) {
    struct scan start = *scan;

    take(scan, '-');
    if (take(scan, '0')) {
        if (peek(scan) >= '0' && peek(scan) <= '9')
            return refused(scan, "a number must not begin with a zero");
    } else if (!skip_digits(scan)) {
        return expected(scan, "a digit");
    }
    if (take(scan, '.') && !skip_digits(scan))
        return expected(scan, "a digit");
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (!skip_digits(scan))
            return expected(scan, "a digit");
    }
    if (start.rest.len - scan->rest.len > JSON_NUMBER_MAX)
        return refused(&start, "a number of more than 60 characters");
    return true;
}

/* The four digits behind \u. */
static bool scan_hex4(struct scan *scan, unsigned *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(scan), lower = c | 0x20;
        if (c >= '0' && c <= '9')
            *unit = *unit << 4 | (unsigned)(c - '0');
        else if (c >= 0 && lower >= 'a' && lower <= 'f')
            *unit = *unit << 4 | (unsigned)(lower - 'a' + 10);
        else
            return expected(scan, "a hexadecimal digit");
        slice_skip(&scan->rest, 1);
    }
    return true;
}

/* Behind a backslash. Surrogates must come as a pair (RFC 8259 section 7). */
static bool scan_escape(struct scan *scan, struct scan *start) {
    unsigned unit;

    if (peek(scan) > 0 && strchr("\"\\/bfnrt", peek(scan)))
        return slice_skip(&scan->rest, 1);
    if (!take(scan, 'u'))
        return expected(scan, "one of \" \\ / b f n r t u behind '\\'");
    if (!scan_hex4(scan, &unit))
        return false;
    if (unit == 0)
        return refused(start, "\\u0000 has no place in a text");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return refused(start, "the second half of a surrogate pair without its first");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (!take(scan, '\\') || !take(scan, 'u'))
        return refused(start, "the first half of a surrogate pair without its second");
    if (!scan_hex4(scan, &unit))
        return false;
    if (unit < 0xdc00 || unit > 0xdfff)
        return refused(start, "the first half of a surrogate pair without its second");
    return true;
}

static bool scan_string(struct scan *scan) {
    struct scan open = *scan;

    slice_skip(&scan->rest, 1);
    for (;;) {
        struct scan start = *scan;
        int c = peek(scan);

        if (c < 0 || c == '\n' || c == '\r')
            return refused(&open, "a text that begins here lacks its closing '\"'");
        if (c < 0x20)
            return expected(scan, "no control character in a text");
        if (take(scan, '"'))
            return true;
        if (take(scan, '\\')) {
            if (!scan_escape(scan, &start))
                return false;
            continue;
        }
        size_t len = utf8_len(scan->rest);
        if (!len)
            return expected(scan, "UTF-8");
        slice_skip(&scan->rest, len);
    }
}

/* A value that holds no other. */
static bool scan_scalar(struct scan *scan) {
    static const char *const words[] = {"true", "false", "null"};

    if (peek(scan) == '"')
        return scan_string(scan);
    if (peek(scan) == '-' || (peek(scan) >= '0' && peek(scan) <= '9'))
        return scan_number(scan);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_starts(scan->rest, slice_of_text(words[i])))
            return slice_skip(&scan->rest, strlen(words[i]));
    return expected(scan, "a value");
}

static bool scan_key(struct scan *scan) {
    if (peek(scan) != '"')
        return expected(scan, "a key in '\"'");
    if (!scan_string(scan))
        return false;
    skip_blanks(scan);
    if (!take(scan, ':'))
        return expected(scan, "':'");
    skip_blanks(scan);
    return true;
}

/* Behind a value: close what ends here, up to the place of the next value (*more), or the end. */
static bool scan_closers(struct scan *scan, const char *open, size_t *depth, bool *more) {
    for (*more = false; *depth; (*depth)--) {
        bool object = open[*depth - 1] == '{';

        skip_blanks(scan);
        if (take(scan, ',')) {
            skip_blanks(scan);
            *more = true;
            return !object || scan_key(scan);
        }
        if (!take(scan, object ? '}' : ']'))
            return expected(scan, object ? "',' or '}'" : "',' or ']'");
    }
    return true;
}

bool json_scan(struct slice text, struct json_error *error) {
    struct scan scan = {text, text, error};
    char open[JSON_DEPTH_MAX];
    size_t depth = 0;

    if (slice_starts(text, SLICE_LITERAL("\xef\xbb\xbf")))
        return refused(&scan, "a byte order mark; JSON is UTF-8 without one");
    skip_blanks(&scan);
    for (bool more = true; more;) {
        int c = peek(&scan);

        if (c == '{' || c == '[') {
            if (depth == JSON_DEPTH_MAX)
                return refused(&scan, "nested deeper than 32 levels");
            open[depth++] = (char)c;
            slice_skip(&scan.rest, 1);
            skip_blanks(&scan);
            /* An empty one is a value that ends here. */
            if (!take(&scan, c == '{' ? '}' : ']')) {
                if (c == '{' && !scan_key(&scan))
                    return false;
                continue;
            }
            depth--;
        } else if (!scan_scalar(&scan)) {
            return false;
        }
        if (!scan_closers(&scan, open, &depth, &more))
            return false;
    }
    skip_blanks(&scan);
    return !scan.rest.len || expected(&scan, "nothing behind the document");
}
