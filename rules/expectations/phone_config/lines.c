/* Configuration in lines:
 *
 *     #!version:1.0.0.1                                 a comment, like all behind '#'
 *     static.account.1.sip_server.1.port = 0            `static.` says nothing of the meaning
 *     account.1.user_name = "4605"                      quotes around the whole value come off
 *     account.1.outbound_proxy.Y.retry_counts = -1      the guide's example: every Y
 *     account.1.sip_server.2.address = %NULL%           as if it were not there
 *     P47=pbx.example.com                               Grandstream's
 *
 * Blanks, a byte order mark and CR at line ends do not matter. Names that mean nothing here are
 * passed over; a line that names something of meaning and gives no value is an error.
 */
#include "rules/expectations/phone_config/readers.h"

enum { SERVERS = 2 };

/* Names that the vendor's tables may know. */
static bool is_of_interest(struct slice name, enum config_form form) {
    if (slice_starts(name, SLICE_LITERAL("account.")))
        return true;
    return form == CONFIG_YEALINK ? slice_starts(name, SLICE_LITERAL("dns_cache_"))
                                  : config_is_p_value(name);
}

static struct slice value_of(struct slice text) {
    struct slice value = slice_trim(text);

    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = slice_trim(slice_between(value, 1, value.len - 1));
    if (slice_eq_nocase(value, SLICE_LITERAL("%NULL%")) ||
        slice_eq_nocase(value, SLICE_LITERAL("%EMPTY%")))
        value.len = 0;
    return value;
}

/* A literal Y in the place of the server's number stands for each number. */
static void add(struct settings *settings, struct slice name, struct slice written,
                struct slice value, size_t line) {
    char each[256];
    size_t at = 0;

    while (at + 3 <= name.len && !slice_eq(slice_between(name, at, at + 3), SLICE_LITERAL(".Y.")))
        at++;
    if (at + 3 > name.len || name.len >= sizeof each) {
        settings_add(settings, name, written, value, line);
        return;
    }
    memcpy(each, name.ptr, name.len);
    for (int number = 1; number <= SERVERS; number++) {
        each[at + 1] = (char)('0' + number);
        settings_add(settings, slice_of(each, name.len), written, value, line);
    }
}

static bool read_line(struct slice text, size_t line, enum config_form form,
                      struct settings *settings, struct config_place *place) {
    size_t equals = slice_find(text, '=');
    struct slice written = slice_trim(slice_between(text, 0, equals)), name = written;

    if (!name.len || name.ptr[0] == '#')
        return true;
    if (form == CONFIG_YEALINK && slice_starts(name, SLICE_LITERAL("static.")))
        slice_skip(&name, sizeof "static." - 1);
    if (!is_of_interest(name, form))
        return true;
    if (slice_find(text, '\0') < text.len)
        return config_wrong(place, line, "a NUL byte; this is no text");
    if (equals == text.len) {
        const char *found = arena_text(&settings->arena, written);
        return config_wrong(place, line, "expected NAME = VALUE, found %s",
                            config_quoted(found, &settings->arena));
    }
    add(settings, name, written, value_of(slice_between(text, equals + 1, text.len)), line);
    return true;
}

bool config_read_lines(struct slice bytes, enum config_form form, struct settings *settings,
                       struct config_place *place) {
    if (slice_starts(bytes, SLICE_LITERAL("\xef\xbb\xbf")))
        slice_skip(&bytes, 3);
    for (size_t line = 1; bytes.len; line++) {
        size_t end = slice_find(bytes, '\n');

        if (!read_line(slice_between(bytes, 0, end), line, form, settings, place))
            return false;
        slice_skip(&bytes, end < bytes.len ? end + 1 : end);
    }
    return true;
}
