/* Is loss all over the capture told from a hole here and there? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/loss_scatter.h"

#define S(n) ((int64_t)(n)*1000000000)

/* Signs at these seconds (0 ends), of one kind, of a phone that asked so many questions. */
static struct loss_scatter scattered(enum loss_kind kind, size_t asked, const int *seconds) {
    struct loss_sign signs[8] = {0};
    struct phone phone = {.losses = signs, .query_count = asked};

    for (size_t i = 0; seconds[i]; i++)
        signs[phone.loss_count++] =
            (struct loss_sign){.kind = kind, .from_ns = S(seconds[i]) - 5, .to_ns = S(seconds[i])};
    return loss_scatter_of(&phone);
}

static void three_places_are_all_over(void **state) {
    (void)state;
    struct loss_scatter found = scattered(LOSS_RESPONSE_ONLY, 10, (int[]){50, 10, 30, 0});

    assert_true(found.found);
    assert_int_equal(found.from_ns, S(10));
    assert_int_equal(found.to_ns, S(50));
}

static void fewer_are_not(void **state) {
    (void)state;
    assert_false(scattered(LOSS_RESPONSE_ONLY, 10, (int[]){0}).found);
    assert_false(scattered(LOSS_RESPONSE_ONLY, 10, (int[]){10, 30, 0}).found);
    assert_false(scattered(LOSS_RESPONSE_ONLY, 10, (int[]){10, 10, 11, 30, 30, 0}).found);
}

static void three_of_many_are_not(void **state) {
    (void)state;
    assert_true(scattered(LOSS_HOLE, 60, (int[]){10, 20, 30, 0}).found);
    assert_false(scattered(LOSS_HOLE, 61, (int[]){10, 20, 30, 0}).found);
}

static void habits_are_not(void **state) {
    (void)state;
    assert_false(scattered(LOSS_GAP_SUMS, 5, (int[]){10, 20, 30, 40, 0}).found);
    assert_false(scattered(LOSS_UNREPEATED, 5, (int[]){10, 20, 30, 40, 0}).found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_places_are_all_over),
        cmocka_unit_test(fewer_are_not),
        cmocka_unit_test(three_of_many_are_not),
        cmocka_unit_test(habits_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
