/* Is what the JSON writer writes JSON, to the letter? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/json_writer.h"

struct page {
    struct sink sink;
    struct json_writer json;
    char *text;
    size_t len;
};

static void page_open(struct page *page, enum json_layout layout) {
    *page = (struct page){.sink = {.name = "memory"}};
    page->sink.file = open_memstream(&page->text, &page->len);
    assert_non_null(page->sink.file);
    page->json = json_writer_of(&page->sink, layout);
}

static void page_expect(struct page *page, const char *expected) {
    assert_true(sink_close(&page->sink));
    assert_string_equal(page->text, expected);
    free(page->text);
}

/* The bytes lie at the end of an allocation of their size. */
static void write_exact(struct json_writer *json, const char *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    json_slice(json, slice_of(copy, len));
    free(copy);
}

static void everything(struct json_writer *json) {
    static const uint32_t frames[] = {955, 970};

    json_object_begin(json);
    json_member_text(json, "kind", "sip");
    json_member_frames(json, "frames", frames, 2);
    json_member_frames(json, "icmp", frames, 0);
    json_key(json, "empty");
    json_array_begin(json);
    json_array_end(json);
    json_key(json, "nothing");
    json_object_begin(json);
    json_object_end(json);
    json_key(json, "list");
    json_array_begin(json);
    json_object_begin(json);
    json_member_null(json, "a");
    json_member_bool(json, "b", true);
    json_object_end(json);
    json_bool(json, false);
    json_array_end(json);
    json_key(json, "line");
    json_array_begin_line(json);
    json_object_begin(json);
    json_member_uint(json, "x", 1);
    json_object_end(json);
    json_int(json, -2);
    json_array_end(json);
    json_member_int(json, "last", 3);
    json_object_end(json);
    json_end_line(json);
}

static void one_line_has_a_blank_after_colons_and_commas(void **state) {
    struct page page;

    (void)state;
    page_open(&page, JSON_LINE);
    everything(&page.json);
    everything(&page.json);
    const char *line = "{\"kind\": \"sip\", \"frames\": [955, 970], \"icmp\": [], \"empty\": [], "
                       "\"nothing\": {}, \"list\": [{\"a\": null, \"b\": true}, false], "
                       "\"line\": [{\"x\": 1}, -2], \"last\": 3}\n";
    char twice[1024];
    snprintf(twice, sizeof twice, "%s%s", line, line);
    page_expect(&page, twice);
}

static void indented_has_a_member_a_line(void **state) {
    struct page page;

    (void)state;
    page_open(&page, JSON_INDENTED);
    everything(&page.json);
    page_expect(&page, "{\n"
                       "  \"kind\": \"sip\",\n"
                       "  \"frames\": [955, 970],\n"
                       "  \"icmp\": [],\n"
                       "  \"empty\": [],\n"
                       "  \"nothing\": {},\n"
                       "  \"list\": [\n"
                       "    {\n"
                       "      \"a\": null,\n"
                       "      \"b\": true\n"
                       "    },\n"
                       "    false\n"
                       "  ],\n"
                       "  \"line\": [{\"x\": 1}, -2],\n"
                       "  \"last\": 3\n"
                       "}\n");
}

#define BAD "\xEF\xBF\xBD"

/* RFC 8259 section 7; Unicode 15 section 3.9, tables 3-7 and 3-8. */
static void strings_are_escaped_and_valid_utf8(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *expected;
        bool bad;
    } cases[] = {
#define ROW(bytes, expected, bad) {bytes, sizeof(bytes) - 1, expected, bad}
        ROW("", "\"\"", false),
        ROW("abc", "\"abc\"", false),
        ROW("a\"b\\c/", "\"a\\\"b\\\\c/\"", false),
        ROW("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", false),
        ROW("a\0b\x01\x1f\x7f", "\"a\\u0000b\\u0001\\u001f\x7f\"", false),
        ROW("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
            false),
        ROW("\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\"\\u0085\\u2028\\u2029\xE2\x80\xAA\"",
            false),
        ROW("a\xE9z", "\"a" BAD "z\"", true),
        ROW("\xC0\xAF", "\"" BAD BAD "\"", true),
        ROW("\xE0\x80\xAF", "\"" BAD BAD BAD "\"", true),
        ROW("\xED\xA0\x80", "\"" BAD BAD BAD "\"", true), /* a surrogate */
        ROW("\xF4\x91\x92\x93\xFF", "\"" BAD BAD BAD BAD BAD "\"", true),
        ROW("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\"" BAD BAD BAD BAD "A\"", true),
        ROW("\xF0\x9F\x98", "\"" BAD "\"", true), /* ends inside */
        ROW("\xC3", "\"" BAD "\"", true),
        ROW("\xEF\xBF\xBD", "\"" BAD "\"", false), /* U+FFFD itself */
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct page page;
        page_open(&page, JSON_LINE);
        write_exact(&page.json, cases[i].bytes, cases[i].len);
        assert_int_equal(json_take_non_utf8(&page.json), cases[i].bad);
        assert_false(json_take_non_utf8(&page.json));
        page_expect(&page, cases[i].expected);
        assert_int_equal(json_is_utf8(slice_of(cases[i].bytes, cases[i].len)), !cases[i].bad);
    }
}

static void numbers_have_no_needless_digits(void **state) {
    struct page page;

    (void)state;
    page_open(&page, JSON_LINE);
    json_array_begin(&page.json);
    json_int(&page.json, 0);
    json_int(&page.json, INT64_MIN);
    json_int(&page.json, INT64_MAX);
    json_uint(&page.json, UINT64_MAX);
    json_seconds(&page.json, 51844000000);
    json_seconds(&page.json, 1499);
    json_seconds(&page.json, -500000000);
    json_double(&page.json, 0.5);
    json_double(&page.json, -0.0000001);
    json_double(&page.json, 1.0 / 3);
    json_double(&page.json, 1e300 * 1e10);
    json_double(&page.json, 100);
    json_array_end(&page.json);
    page_expect(&page, "[0, -9223372036854775808, 9223372036854775807, 18446744073709551615, "
                       "51.844, 0.000001, -0.5, 0.5, 0, 0.333333, null, 100]");
}

static void what_is_not_there_is_null(void **state) {
    struct page page;

    (void)state;
    page_open(&page, JSON_LINE);
    json_array_begin(&page.json);
    json_text(&page.json, NULL);
    json_slice(&page.json, slice_of(NULL, 0));
    json_printf(&page.json, "%d/%s", 5060, "udp");
    json_instant(&page.json, 0);
    json_raw(&page.json, SLICE_LITERAL("{\"a\":1}"));
    json_array_end(&page.json);
    page_expect(&page, "[null, null, \"5060/udp\", \"1970-01-01T00:00:00.000000Z\", {\"a\":1}]");
}

static void nesting_goes_to_its_bound(void **state) {
    struct page page;
    char expected[2 * JSON_DEPTH_MAX + 1] = "";

    (void)state;
    page_open(&page, JSON_LINE);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_array_begin(&page.json);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_array_end(&page.json);
    memset(expected, '[', JSON_DEPTH_MAX);
    memset(expected + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    page_expect(&page, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_has_a_blank_after_colons_and_commas),
        cmocka_unit_test(indented_has_a_member_a_line),
        cmocka_unit_test(strings_are_escaped_and_valid_utf8),
        cmocka_unit_test(numbers_have_no_needless_digits),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(nesting_goes_to_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
