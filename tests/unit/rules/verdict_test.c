/* How verdicts join (contract section 3), and the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/verdict.h"

static void joins(void **state) {
    static const enum verdict order[] = {VERDICT_NOT_APPLICABLE, VERDICT_INCONCLUSIVE, VERDICT_PASS,
                                         VERDICT_FAIL};

    (void)state;
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++)
            assert_int_equal(verdict_join(order[a], order[b]), order[a > b ? a : b]);
}

static void words(void **state) {
    (void)state;
    assert_string_equal(verdict_name(VERDICT_NOT_APPLICABLE), "not_applicable");
    assert_null(reason_name(REASON_NONE));
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
        assert_non_null(reason_name((enum reason)r));
    assert_string_equal(reason_name(REASON_NO_SERVER_LIST), "no-server-list");
    assert_string_equal(basis_name(BASIS_SITE), "site");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(joins), cmocka_unit_test(words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
