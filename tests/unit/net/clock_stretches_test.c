/* A clock that is set between packets that both points saw; and what is no step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "net/clock_stretches.h"

#define MS ((int64_t)1000000)
#define S ((int64_t)NS_PER_S)

enum { MOST = 400 };

struct scene {
    struct sighting list[MOST];
    size_t n;
    struct clock_stretch found[CLOCK_STRETCHES_MOST];
};

/* The next frame of each, seen at `t` by the true clock; forth: from a's side. */
static void see(struct scene *scene, int64_t t, bool forth, int64_t delay, int64_t offset) {
    uint32_t no = (uint32_t)scene->n + 1;

    scene->list[scene->n++] = (struct sighting){.a_ns = forth ? t : t + delay,
                                                .b_ns = (forth ? t + delay : t) + offset,
                                                .a_no = no,
                                                .b_no = no + 1000,
                                                .hosts = 7,
                                                .from_lower = !forth,
                                                .strong = true};
}

static size_t find(struct scene *scene, int32_t drift_ppb) {
    return clock_stretches_find(scene->list, scene->n, drift_ppb, scene->found);
}

static void a_clock_that_was_set(void **state) {
    static const int64_t steps[] = {150 * MS, 500 * MS, S, 30 * S, -2 * S, 400 * 86400 * S};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (int64_t at = 2; at < 39; at++) {
            struct scene scene = {.n = 0};
            for (int64_t k = 0; k < 40; k++)
                see(&scene, k * S, k % 2, 10 * MS, 5 * S + (k >= at ? steps[i] : 0));
            assert_int_equal(find(&scene, 0), at == 39 && steps[i] < 400 * MS ? 1 : 2);
            assert_int_equal(scene.found[0].from_b, 0);
            assert_in_range(scene.found[0].offset.offset_ns, 5 * S - 10 * MS, 5 * S + 10 * MS);
            assert_int_equal(scene.found[1].from_a, at + 1);
            assert_int_equal(scene.found[1].from_b, at + 1001);
            int64_t left_ns = scene.found[1].offset.offset_ns - 5 * S - steps[i];
            assert_true(left_ns >= -10 * MS && left_ns <= 10 * MS);
        }
}

/* The one packet before or after it tells, if it can be no other. */
static void at_the_edges(void **state) {
    (void)state;
    for (int strong = 0; strong < 2; strong++)
        for (int64_t at = 1; at < 20; at += 18) {
            struct scene scene = {.n = 0};
            for (int64_t k = 0; k < 20; k++)
                see(&scene, k * S, k % 2, 10 * MS, k >= at ? 30 * S : 0);
            scene.list[at == 1 ? 0 : 19].strong = strong;
            assert_int_equal(find(&scene, 0), 1 + strong);
        }
}

static void set_and_set_back(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 60; k++)
        see(&scene, k * S, k % 2, 10 * MS, k / 20 == 1 ? 10 * S : 0);
    assert_int_equal(find(&scene, 0), 3);
    assert_int_equal(scene.found[2].from_a, 41);
    scene.n = 0;
    for (int64_t k = 0; k < MOST; k++) /* more often than anybody wants to know */
        see(&scene, k * S, k % 2, 10 * MS, k / 20 * 10 * S);
    assert_int_equal(find(&scene, 0), CLOCK_STRETCHES_MOST);
    scene.n = 0;
    for (int64_t k = 0; k < MOST; k++) /* no order in it */
        see(&scene, k * S, k % 2, 10 * MS, k / 2 * 10 * S);
    assert_int_equal(find(&scene, 0), 0);
}

/* Late packets of one direction, one that is a wrong match, a long way, a drift. */
static void no_step(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 60; k++)
        see(&scene, k * S, k % 2, k % 2 && k > 20 && k < 40 ? 210 * MS : 10 * MS, 0);
    assert_int_equal(find(&scene, 0), 1);
    scene.n = 0;
    for (int64_t k = 0; k < 60; k++)
        see(&scene, k * S, k % 2, k == 30 ? 8 * S : 10 * MS, 0);
    assert_int_equal(find(&scene, 0), 1);
    scene.n = 0;
    for (int64_t k = 0; k < 60; k++)
        see(&scene, k * S, k / 2 % 2, 190 * MS, 0);
    assert_int_equal(find(&scene, 0), 1);
    scene.n = 0;
    for (int64_t k = 0; k < 100; k++)
        see(&scene, k * 3600 * S, k % 2, 10 * MS, k * 3600 * S / 1000000 * 90); /* 90 ppm */
    assert_int_equal(find(&scene, 0), 1);
    scene.n = 0;
    for (int64_t k = 0; k < 100; k++)
        see(&scene, k * 3600 * S, k % 2, 10 * MS, k * 3600 * S / 1000000 * 400);
    assert_int_equal(find(&scene, 400000), 1);
}

static void nothing(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    assert_int_equal(find(&scene, 0), 0);
    see(&scene, S, true, 10 * MS, 0);
    assert_in_range(find(&scene, 0), 0, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_was_set), cmocka_unit_test(at_the_edges),
        cmocka_unit_test(set_and_set_back), cmocka_unit_test(no_step), cmocka_unit_test(nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
