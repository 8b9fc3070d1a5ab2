/* Display filters: every frame, or ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/filter.h"

static void filters(void **state) {
    static const struct {
        uint32_t frames[8];
        size_t n;
        const char *every, *ranges;
    } cases[] = {
        {{955, 970}, 2, "frame.number in {955,970}", "frame.number in {955,970}"},
        {{1}, 1, "frame.number in {1}", "frame.number in {1}"},
        {{1, 2}, 2, "frame.number in {1,2}", "frame.number in {1,2}"},
        {{1, 2, 3, 7, 8, 10, 11, 12},
         8,
         "frame.number in {1,2,3,7,8,10,11,12}",
         "frame.number in {1..3,7,8,10..12}"},
        {{4294967290, 4294967295},
         2,
         "frame.number in {4294967290,4294967295}",
         "frame.number in {4294967290,4294967295}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *every = filter_text(cases[i].frames, cases[i].n, FILTER_EVERY);
        char *ranges = filter_text(cases[i].frames, cases[i].n, FILTER_RANGES);
        assert_string_equal(every, cases[i].every);
        assert_string_equal(ranges, cases[i].ranges);
        free(every);
        free(ranges);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
