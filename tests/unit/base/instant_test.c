/* Times as text: exact, at most six decimals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"

static void test_seconds(void **state) {
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {51844000000, "51.844"},
        {-500000000, "-0.5"},
        {1000, "0.000001"},
        {499, "0"},
        {500, "0.000001"}, /* half away from zero */
        {-500, "-0.000001"},
        {-499, "0"},
        {999999500, "1"},
        {100 * (int64_t)NS_PER_S, "100"},
        {INT64_MAX, "9223372036.854776"},
        {INT64_MIN, "-9223372036.854776"},
    };
    char text[SECONDS_TEXT_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(seconds_text(cases[i].ns, text), cases[i].text);
}

/* RFC 3339 */
static void test_instant(void **state) {
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1767225651844000000, "2026-01-01T00:00:51.844000Z"},
        {1767225599999999500, "2026-01-01T00:00:00.000000Z"},
        {-1000, "1969-12-31T23:59:59.999999Z"},
        {1709164800000000000, "2024-02-29T00:00:00.000000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854776Z"},
    };
    char text[INSTANT_TEXT_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(instant_text(cases[i].ns, text), cases[i].text);
}

static void test_ns_of_seconds(void **state) {
    (void)state;
    assert_int_equal(ns_of_seconds(0.1), 100000000);
    assert_int_equal(ns_of_seconds(-0.1), -100000000);
    assert_int_equal(ns_of_seconds(51.844), 51844000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_instant),
        cmocka_unit_test(test_ns_of_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
