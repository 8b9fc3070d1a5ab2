/* Whose configuration is it? Its first lines tell: a version line of Yealink's, P-values, names
 * that only one vendor has, or the root element of Grandstream's XML.
 */
#include <stdarg.h>
#include <stdio.h>

#include "rules/expectations/json_scan.h"
#include "rules/expectations/phone_config/readers.h"

enum { QUOTED_MAX = 60 };

bool config_wrong(struct config_place *place, size_t line, const char *format, ...) {
    va_list args;
    char what[400];

    if (place->line && place->line <= line)
        return false;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    place->line = line;
    place->text->n = 0;
    text_add(place->text, "%s:%zu: %s", place->path, line, what);
    return false;
}

const char *config_quoted(const char *value, struct arena *arena) {
    struct slice rest = slice_of_text(value);
    char *text = arena_new(arena, (QUOTED_MAX + 1) * 4 + sizeof "\"\"...");
    size_t n = 0, chars = 0;

    text[n++] = '"';
    while (rest.len && chars++ < QUOTED_MAX) {
        size_t len = utf8_len(rest);
        if (len == 0 || rest.ptr[0] < 0x20 || rest.ptr[0] == 0x7f) {
            text[n++] = '?';
            len = 1;
        } else {
            memcpy(text + n, rest.ptr, len);
            n += len;
        }
        slice_skip(&rest, len);
    }
    memcpy(text + n, rest.len ? "...\"" : "\"", rest.len ? sizeof "...\"" : sizeof "\"");
    return text;
}

bool config_is_p_value(struct slice name) {
    uint64_t number;

    return name.len > 1 && name.len < 9 && name.ptr[0] == 'P' &&
           slice_to_u64(slice_between(name, 1, name.len), &number);
}

static bool contains(struct slice text, struct slice part) {
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (slice_eq(slice_between(text, i, i + part.len), part))
            return true;
    return false;
}

/* account.1.sip.…, account.1.network.…: names of Grandstream's that stand in lines. */
static bool is_grandstream_name(struct slice name) {
    return contains(name, SLICE_LITERAL(".sip.")) || contains(name, SLICE_LITERAL(".network."));
}

static enum config_form form_of_line(struct slice line) {
    struct slice name = slice_trim(slice_between(line, 0, slice_find(line, '=')));

    if (slice_starts(line, SLICE_LITERAL("#!version")))
        return CONFIG_YEALINK;
    if (name.len == line.len || !name.len || name.ptr[0] == '#')
        return CONFIG_NONE;
    if (config_is_p_value(name))
        return CONFIG_GRANDSTREAM_TEXT;
    if (slice_starts(name, SLICE_LITERAL("static.")))
        slice_skip(&name, sizeof "static." - 1);
    if (slice_starts(name, SLICE_LITERAL("account.")))
        return is_grandstream_name(name) ? CONFIG_GRANDSTREAM_TEXT : CONFIG_YEALINK;
    return slice_starts(name, SLICE_LITERAL("dns_cache_")) ? CONFIG_YEALINK : CONFIG_NONE;
}

static bool is_xml(struct slice bytes) {
    static const struct slice wide[] = {{(const uint8_t *)"\xff\xfe<\0", 4},
                                        {(const uint8_t *)"\xfe\xff\0<", 4}};
    struct slice text = slice_trim(bytes);

    for (size_t i = 0; i < 2; i++)
        if (slice_starts(bytes, wide[i]))
            return true;
    return text.len && text.ptr[0] == '<';
}

enum config_form config_recognise(struct slice bytes) {
    if (slice_starts(bytes, SLICE_LITERAL("\xef\xbb\xbf")))
        slice_skip(&bytes, 3);
    if (is_xml(bytes))
        return CONFIG_GRANDSTREAM_XML;
    while (bytes.len) {
        struct slice line = slice_between(bytes, 0, slice_find(bytes, '\n'));
        enum config_form form = form_of_line(slice_trim(line));

        if (form != CONFIG_NONE)
            return form;
        slice_skip(&bytes, line.len < bytes.len ? line.len + 1 : line.len);
    }
    return CONFIG_NONE;
}
