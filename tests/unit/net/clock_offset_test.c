/* Clocks of two capture points: offset, delay, drift, and what is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/instant.h"
#include "net/clock_offset.h"

#define MS ((int64_t)1000000)
#define S ((int64_t)NS_PER_S)

enum { MOST = 400 };

struct scene {
    struct sighting list[MOST];
    size_t n;
};

/* Seen at `t` by the true clock; forth: from a's side. b's clock is ahead by `offset`. */
static void see(struct scene *scene, int64_t t, bool forth, int64_t delay, int64_t offset) {
    scene->list[scene->n++] = (struct sighting){.a_ns = forth ? t : t + delay,
                                                .b_ns = (forth ? t + delay : t) + offset,
                                                .hosts = 7,
                                                .from_lower = !forth};
}

static struct clock_offset estimate(struct scene *scene) {
    return clock_offset_estimate(scene->list, scene->n);
}

static void question_and_answer(void **state) {
    static const int64_t offsets[] = {0, -3217005000, 90061 * S, 40 * MS};

    (void)state;
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct scene scene = {.n = 0};
        for (int64_t k = 0; k < 5; k++) {
            see(&scene, (1000 + k) * S, true, 15 * MS + k * MS, offsets[i]);
            see(&scene, (1000 + k) * S + 100 * MS, false, 15 * MS + 2 * k * MS, offsets[i]);
        }
        struct clock_offset found = estimate(&scene);
        assert_true(found.known && found.two_way && !found.stepped);
        assert_int_equal(found.offset_ns, offsets[i]);
        assert_int_equal(found.drift_ppb, 0);
        assert_int_equal(found.agreed, 10);
        struct clock_offset reversed = clock_offset_reversed(&found);
        assert_int_equal(reversed.offset_ns, -offsets[i]);
    }
}

/* One direction alone tells the offset and the delay together. */
static void one_direction(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 5; k++)
        see(&scene, (1000 + k) * S, true, 15 * MS, 2 * S);
    struct clock_offset found = estimate(&scene);
    assert_true(found.known && !found.two_way);
    assert_int_equal(found.offset_ns, 2 * S + 15 * MS);
}

static void wrong_matches(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 6; k++)
        see(&scene, (1000 + k) * S, k % 2, 10 * MS, 2 * S);
    for (int64_t k = 0; k < 4; k++) /* sent again, minutes later */
        see(&scene, (1000 + k) * S, true, (60 + 60 * k) * S, 2 * S);
    assert_int_equal(estimate(&scene).offset_ns, 2 * S);
    assert_true(estimate(&scene).known);
    see(&scene, 2000 * S, true, 500 * S, 2 * S); /* now too many */
    assert_false(estimate(&scene).known);
    scene.n = 2; /* neither has a majority */
    scene.list[0].b_ns = scene.list[0].a_ns;
    scene.list[1].b_ns = scene.list[1].a_ns + 60 * S;
    assert_false(estimate(&scene).known);
    scene.n = 0;
    assert_false(estimate(&scene).known);
}

/* A question and its answer bound the offset by the time that they took. */
static void one_pair(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    see(&scene, 1000 * S, true, 15 * MS, 2 * S);
    scene.list[0].unique = true;
    struct clock_offset found = estimate(&scene);
    assert_true(found.known && !found.two_way && found.agreed == 1 && found.unique == 1);
    see(&scene, 1000 * S + 40 * MS, false, 5 * MS, 2 * S);
    found = estimate(&scene);
    assert_true(found.known && found.two_way && !found.same && found.unique == 1);
    assert_int_equal(found.offset_ns, 2 * S + 5 * MS);
}

/* Files of a ring that overlap. */
static void one_clock(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 4; k++)
        see(&scene, (1000 + k) * S, k % 2, 0, 0);
    assert_true(estimate(&scene).known && estimate(&scene).same);
    scene.list[2].b_ns += 1;
    assert_false(estimate(&scene).same);
}

/* 50 ppm over three hours are half a second. */
static void drift(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 200; k++) {
        int64_t t = k * 54 * S;
        see(&scene, t, k % 2, 10 * MS, 5 * S + t / 20000);
    }
    struct clock_offset found = estimate(&scene);
    assert_true(found.known && !found.stepped);
    assert_in_range(found.drift_ppb, 49000, 51000);
    assert_in_range(found.offset_ns, 5 * S + 265 * MS, 5 * S + 275 * MS);
    assert_in_range(found.at_a_ns, 99 * 54 * S, 101 * 54 * S);
}

static void a_clock_that_was_set(void **state) {
    struct scene scene = {.n = 0};

    (void)state;
    for (int64_t k = 0; k < 100; k++)
        see(&scene, k * S, k % 2, 10 * MS, k < 50 ? 5 * S : 6 * S);
    assert_true(estimate(&scene).stepped);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(question_and_answer),
                                       cmocka_unit_test(one_direction),
                                       cmocka_unit_test(one_pair),
                                       cmocka_unit_test(one_clock),
                                       cmocka_unit_test(wrong_matches),
                                       cmocka_unit_test(drift),
                                       cmocka_unit_test(a_clock_that_was_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
