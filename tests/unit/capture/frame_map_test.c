/* Places of frames: what goes in comes out, whatever the runs are like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/frame_map.h"

enum { FRAMES = 20000, FILES = 700 };

/* Numbers that look random and are the same in every run. */
static uint32_t next_number(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void expect_all(const struct frame_map *map, const struct frame_place *places, size_t n) {
    assert_int_equal(map->count, n);
    for (uint32_t no = 1; no <= n; no++) {
        struct frame_place found = frame_map_find(map, no);
        assert_int_equal(found.file, places[no - 1].file);
        assert_int_equal(found.frame, places[no - 1].frame);
    }
    assert_int_equal(frame_map_find(map, 0).frame, 0);
    assert_int_equal(frame_map_find(map, (uint32_t)n + 1).frame, 0);
}

/* Runs of up to `longest` frames of one of `files` files, with holes in one run of eight. */
static void runs(uint32_t files, uint32_t longest) {
    struct frame_place *places = calloc(FRAMES, sizeof *places);
    uint32_t last[FILES] = {0}, state = files * 31 + longest;
    struct frame_map map = {0};
    size_t n = 0;

    while (n < FRAMES) {
        uint32_t file = next_number(&state) % files;
        uint32_t len = 1 + next_number(&state) % longest;
        if (next_number(&state) % 8 == 0)
            last[file] += next_number(&state) % 300;
        for (uint32_t i = 0; i < len && n < FRAMES; i++) {
            places[n++] = (struct frame_place){file, ++last[file]};
            frame_map_add(&map, file, last[file]);
        }
    }
    expect_all(&map, places, n);
    frame_map_fini(&map);
    free(places);
}

static void every_kind_of_run(void **state) {
    (void)state;
    runs(1, 1);
    runs(2, 1);
    runs(2, 3);
    runs(3, 40);
    runs(9, 5);
    runs(FILES, 1);
    runs(FILES, 500);
}

static void an_empty_map(void **state) {
    struct frame_map map = {0};

    (void)state;
    expect_all(&map, NULL, 0);
    frame_map_fini(&map);
}

/* A ring costs bytes, two points that take turns no more than a byte and a bit a frame. */
static void it_stays_small(void **state) {
    struct frame_map ring = {0}, turns = {0};

    (void)state;
    for (uint32_t i = 0; i < 1000000; i++) {
        frame_map_add(&ring, i / 250000, i % 250000 + 1);
        frame_map_add(&turns, i % 2, i / 2 + 1);
    }
    assert_true(ring.bytes.n < 100 && ring.blocks.n == 1);
    assert_true(turns.bytes.n < 1100000);
    assert_int_equal(frame_map_find(&ring, 250001).file, 1);
    assert_int_equal(frame_map_find(&ring, 250001).frame, 1);
    assert_int_equal(frame_map_find(&turns, 777778).frame, 388889);
    frame_map_fini(&ring);
    frame_map_fini(&turns);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_of_run),
                                       cmocka_unit_test(an_empty_map),
                                       cmocka_unit_test(it_stays_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
