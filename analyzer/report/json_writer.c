/* JSON as RFC 8259 writes it. One bit of state a level says whether a comma is due. */
#include "report/json_writer.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"

struct json_writer json_writer_of(struct sink *sink, enum json_layout layout) {
    return (struct json_writer){.sink = sink, .layout = layout};
}

/* ---- places ---- */

static bool on_one_line(const struct json_writer *json) {
    return json->layout == JSON_LINE || json->flat;
}

static void line_break(struct json_writer *json) {
    static const char blanks[2 * JSON_DEPTH_MAX + 1] =
        "                                                                ";

    sink_write(json->sink, "\n", 1);
    sink_write(json->sink, blanks, 2 * (size_t)json->depth);
}

/* What goes before a member of an object or array. */
static void separate(struct json_writer *json) {
    bool *filled = &json->filled[json->depth];

    if (json->depth) {
        if (*filled)
            sink_write(json->sink, ", ", on_one_line(json) ? 2 : 1);
        if (!on_one_line(json))
            line_break(json);
    }
    *filled = true;
}

static void before_value(struct json_writer *json) {
    if (!json->after_key)
        separate(json);
    json->after_key = false;
}

static void begin(struct json_writer *json, const char *bracket) {
    before_value(json);
    assert(json->depth < JSON_DEPTH_MAX);
    sink_write(json->sink, bracket, 1);
    json->filled[++json->depth] = false;
}

static void end(struct json_writer *json, const char *bracket) {
    assert(json->depth > 0 && !json->after_key);
    bool filled = json->filled[json->depth];
    json->depth--;
    if (filled && !on_one_line(json))
        line_break(json);
    if (json->flat > json->depth)
        json->flat = 0;
    sink_write(json->sink, bracket, 1);
}

void json_object_begin(struct json_writer *json) {
    begin(json, "{");
}

void json_object_end(struct json_writer *json) {
    end(json, "}");
}

void json_array_begin(struct json_writer *json) {
    begin(json, "[");
}

void json_array_begin_line(struct json_writer *json) {
    begin(json, "[");
    if (!json->flat)
        json->flat = json->depth;
}

void json_array_end(struct json_writer *json) {
    end(json, "]");
}

void json_end_line(struct json_writer *json) {
    assert(json->depth == 0);
    sink_write(json->sink, "\n", 1);
    json->filled[0] = false;
}

void json_key(struct json_writer *json, const char *key) {
    assert(json->depth > 0 && !json->after_key);
    separate(json);
    sink_write(json->sink, "\"", 1);
    sink_text(json->sink, key);
    sink_write(json->sink, "\": ", 3);
    json->after_key = true;
}

/* ---- strings ---- */

/* The well-formed sequences of UTF-8 (Unicode, table 3-7): what the second byte may be depends on
 * the first; all later ones are 80–BF. */
static const struct utf8_row {
    uint8_t first_low, first_high, second_low, second_high, len;
} utf8_rows[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

/* Length of the sequence at the front (not ASCII). *valid: it is well-formed; else the length of
 * its longest beginning that could be part of one, at least 1. */
static size_t utf8_take(struct slice text, bool *valid) {
    *valid = false;
    for (size_t i = 0; i < sizeof utf8_rows / sizeof *utf8_rows; i++) {
        const struct utf8_row *row = &utf8_rows[i];
        if (text.ptr[0] < row->first_low || text.ptr[0] > row->first_high)
            continue;
        if (text.len < 2 || text.ptr[1] < row->second_low || text.ptr[1] > row->second_high)
            return 1;
        size_t n = 2;
        while (n < row->len && n < text.len && (text.ptr[n] & 0xC0) == 0x80)
            n++;
        *valid = n == row->len;
        return n;
    }
    return 1;
}

bool json_is_utf8(struct slice text) {
    bool valid = true;

    while (text.len && valid)
        slice_skip(&text, text.ptr[0] < 0x80 ? 1 : utf8_take(text, &valid));
    return valid;
}

/* RFC 8259 section 7: what must be escaped, in its short form where there is one. */
static void write_escaped(struct json_writer *json, uint8_t c) {
    static const char short_forms[0x5D] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    static const char digits[] = "0123456789abcdef";

    if (c < sizeof short_forms && short_forms[c]) {
        char text[2] = {'\\', short_forms[c]};
        sink_write(json->sink, text, sizeof text);
    } else {
        char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        sink_write(json->sink, text, sizeof text);
    }
}

/* U+0085, U+2028, U+2029: JSON may hold them as they are, but some readers of JSON Lines take them
 * for line ends. rest: a well-formed character. */
static bool is_line_end(struct slice rest) {
    return (rest.ptr[0] == 0xC2 && rest.ptr[1] == 0x85) ||
           (rest.ptr[0] == 0xE2 && rest.ptr[1] == 0x80 &&
            (rest.ptr[2] == 0xA8 || rest.ptr[2] == 0xA9));
}

void json_slice(struct json_writer *json, struct slice text) {
    size_t plain = 0;

    if (!text.ptr) {
        json_null(json);
        return;
    }
    before_value(json);
    sink_write(json->sink, "\"", 1);
    while (plain < text.len) {
        uint8_t c = text.ptr[plain];
        bool valid = true;
        struct slice rest = slice_between(text, plain, text.len);
        size_t n = c < 0x80 ? 1 : utf8_take(rest, &valid);
        if (valid && c >= 0x20 && c != '"' && c != '\\' && !is_line_end(rest)) {
            plain += n;
            continue;
        }
        sink_write(json->sink, text.ptr, plain);
        slice_skip(&text, plain + n);
        plain = 0;
        if (!valid) {
            sink_text(json->sink, "\xEF\xBF\xBD"); /* U+FFFD */
            json->non_utf8 = true;
        } else if (c >= 0x80) {
            sink_text(json->sink, c == 0xC2             ? "\\u0085"
                                  : rest.ptr[2] == 0xA8 ? "\\u2028"
                                                        : "\\u2029");
        } else {
            write_escaped(json, c);
        }
    }
    sink_write(json->sink, text.ptr, plain);
    sink_write(json->sink, "\"", 1);
}

void json_text(struct json_writer *json, const char *text) {
    json_slice(json, text ? slice_of_text(text) : slice_of(NULL, 0));
}

void json_printf(struct json_writer *json, const char *format, ...) {
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_text(json, text);
}

bool json_take_non_utf8(struct json_writer *json) {
    bool was = json->non_utf8;

    json->non_utf8 = false;
    return was;
}

/* ---- other values ---- */

static void bare(struct json_writer *json, const char *text) {
    before_value(json);
    sink_text(json->sink, text);
}

void json_null(struct json_writer *json) {
    bare(json, "null");
}

void json_bool(struct json_writer *json, bool v) {
    bare(json, v ? "true" : "false");
}

void json_uint(struct json_writer *json, uint64_t v) {
    char text[24];
    size_t at = sizeof text;

    text[--at] = '\0';
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    bare(json, text + at);
}

void json_int(struct json_writer *json, int64_t v) {
    char text[24];

    if (v >= 0) {
        json_uint(json, (uint64_t)v);
        return;
    }
    snprintf(text, sizeof text, "%lld", (long long)v);
    bare(json, text);
}

void json_seconds(struct json_writer *json, int64_t ns) {
    char text[SECONDS_TEXT_LEN];

    bare(json, seconds_text(ns, text));
}

void json_instant(struct json_writer *json, int64_t t_ns) {
    char text[INSTANT_TEXT_LEN];

    json_text(json, instant_text(t_ns, text));
}

void json_double(struct json_writer *json, double v) {
    char text[336]; /* the longest: 309 digits of DBL_MAX, sign, point, six decimals */

    if (!isfinite(v)) {
        json_null(json);
        return;
    }
    int len = snprintf(text, sizeof text, "%.6f", v);
    while (len > 0 && text[len - 1] == '0')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[--len] = '\0';
    bare(json, strcmp(text, "-0") == 0 ? "0" : text);
}

void json_raw(struct json_writer *json, struct slice text) {
    before_value(json);
    sink_write(json->sink, text.ptr, text.len);
}

/* ---- members ---- */

void json_member_null(struct json_writer *json, const char *key) {
    json_key(json, key);
    json_null(json);
}

void json_member_bool(struct json_writer *json, const char *key, bool v) {
    json_key(json, key);
    json_bool(json, v);
}

void json_member_int(struct json_writer *json, const char *key, int64_t v) {
    json_key(json, key);
    json_int(json, v);
}

void json_member_uint(struct json_writer *json, const char *key, uint64_t v) {
    json_key(json, key);
    json_uint(json, v);
}

void json_member_seconds(struct json_writer *json, const char *key, int64_t ns) {
    json_key(json, key);
    json_seconds(json, ns);
}

void json_member_instant(struct json_writer *json, const char *key, int64_t t_ns) {
    json_key(json, key);
    json_instant(json, t_ns);
}

void json_member_text(struct json_writer *json, const char *key, const char *text) {
    json_key(json, key);
    json_text(json, text);
}

void json_member_slice(struct json_writer *json, const char *key, struct slice text) {
    json_key(json, key);
    json_slice(json, text);
}

void json_member_frames(struct json_writer *json, const char *key, const uint32_t *frames,
                        size_t count) {
    json_key(json, key);
    json_array_begin_line(json);
    for (size_t i = 0; i < count; i++)
        json_uint(json, frames[i]);
    json_array_end(json);
}
