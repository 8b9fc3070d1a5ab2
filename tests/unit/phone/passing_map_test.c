/* The map that forgets: what is touched stays, what nobody asks for goes, in bounded room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "phone/collect.h"

enum { LIFE = 100 };

static void test_forgets_what_nobody_asks_for(void **state) {
    struct passing_map map = {0};

    (void)state;
    passing_turn(&map, 0, LIFE);
    passing_put(&map, 1, 11);
    passing_put(&map, 2, 22);
    passing_turn(&map, LIFE, LIFE); /* not yet over */
    assert_int_equal(passing_get(&map, 1), 11);
    passing_turn(&map, LIFE + 1, LIFE);
    assert_int_equal(passing_get(&map, 1), 11); /* asked for: it stays another life */
    passing_turn(&map, 2 * LIFE + 2, LIFE);
    assert_int_equal(passing_get(&map, 1), 11);
    assert_int_equal(passing_get(&map, 2), NONE);
    passing_fini(&map);
}

static void test_newest_value_counts(void **state) {
    struct passing_map map = {0};

    (void)state;
    passing_turn(&map, 0, LIFE);
    passing_put(&map, 1, 11);
    passing_turn(&map, LIFE + 1, LIFE);
    passing_put(&map, 1, 12);
    assert_int_equal(passing_get(&map, 1), 12);
    passing_fini(&map);
}

/* A clock that was set back neither empties the map at each packet nor keeps it forever. */
static void test_clock_set_back(void **state) {
    struct passing_map map = {0};

    (void)state;
    passing_turn(&map, 10 * LIFE, LIFE);
    passing_put(&map, 1, 11);
    passing_turn(&map, 0, LIFE);
    assert_int_equal(passing_get(&map, 1), 11);
    passing_turn(&map, LIFE, LIFE);
    assert_int_equal(passing_get(&map, 1), 11);
    passing_fini(&map);
}

static void test_room_is_bounded_by_what_passes(void **state) {
    struct passing_map map = {0};

    (void)state;
    for (uint32_t i = 1; i <= 100000; i++) {
        passing_turn(&map, i, LIFE);
        passing_put(&map, i, i);
    }
    assert_true(map.young.cap + map.old.cap <= 1024);
    assert_int_equal(passing_get(&map, 100000), 100000);
    assert_int_equal(passing_get(&map, 1), NONE);
    passing_fini(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forgets_what_nobody_asks_for),
        cmocka_unit_test(test_newest_value_counts),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_room_is_bounded_by_what_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
