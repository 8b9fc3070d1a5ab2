/* Several files as one: order, ties, corrected clocks, files that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capture/merge.h"
#include "capture_files.h"

enum { FILES_MOST = 4 };

struct set {
    struct path paths[FILES_MOST];
    struct merge_file files[FILES_MOST];
    size_t n;
};

/* A file with a frame at each of these seconds, its content one letter after another. */
static struct merge_file *add(struct set *set, const char *letters, const uint32_t *seconds) {
    struct writer w = {0};

    put_pcap_header(&w, 0xa1b2c3d4, 65535, 1);
    for (size_t i = 0; letters[i]; i++)
        put_pcap_packet(&w, seconds[i], 0, 1, letters + i);
    set->paths[set->n] = write_file(&w.out, w.out.len);
    set->files[set->n] = (struct merge_file){
        .path = set->paths[set->n].text, .label = "x", .first_ns = seconds[0] * (int64_t)NS_PER_S};
    return &set->files[set->n++];
}

/* The letters in the order in which they come, each checked against its place. */
static void expect(struct set *set, const char *letters, const char *places) {
    struct merge *merge = merge_new(set->files, set->n);
    char text[256] = "", where[256] = "";
    struct frame frame;
    size_t n = 0;

    while (merge_next(merge, &frame)) {
        text[n++] = (char)frame.bytes.ptr[0];
        assert_int_equal(frame.no, n);
        struct frame_place place = merge_place(merge, frame.no);
        assert_int_equal(frame.point, merge_file(merge, place.file)->point);
        snprintf(where + strlen(where), sizeof where - strlen(where), "%s%u:%u", n > 1 ? " " : "",
                 place.file, place.frame);
    }
    assert_false(merge_next(merge, &frame));
    assert_string_equal(text, letters);
    assert_string_equal(where, places);
    for (size_t i = 0; i < set->n; i++) {
        unlink(set->paths[i].text);
        assert_int_equal(merge_end(merge, i)->status, CAPTURE_END);
    }
    merge_free(merge);
}

static void a_ring_in_any_order(void **state) {
    struct set set = {.n = 0};

    (void)state;
    add(&set, "ef", (const uint32_t[]){50, 60});
    add(&set, "ab", (const uint32_t[]){10, 20});
    add(&set, "cd", (const uint32_t[]){30, 40});
    expect(&set, "abcdef", "1:1 1:2 2:1 2:2 0:1 0:2");
}

/* The last of one file and the first of the next have one time stamp. */
static void a_boundary_within_an_instant(void **state) {
    struct set set = {.n = 0};

    (void)state;
    add(&set, "cd", (const uint32_t[]){20, 30});
    add(&set, "abb", (const uint32_t[]){10, 20, 20});
    expect(&set, "abbcd", "1:1 1:2 1:3 0:1 0:2");
}

/* A clock that was set by 20 s after the second frame; the other file begins when it was right. */
static void a_clock_put_right_by_pieces(void **state) {
    static const struct clock_piece piece = {3, {.offset_ns = -20 * (int64_t)NS_PER_S}};
    static const int64_t before_s[] = {10, 15, 10, 15, 20};
    struct set set = {.n = 0};
    struct frame frame;

    (void)state;
    struct merge_file *file = add(&set, "ace", (const uint32_t[]){10, 20, 50});
    file->pieces = &piece;
    file->piece_count = 1;
    add(&set, "bd", (const uint32_t[]){15, 25});
    struct merge *merge = merge_new(set.files, set.n);
    for (size_t i = 0; merge_next(merge, &frame); i++)
        assert_int_equal(frame.before_ns, before_s[i] * (int64_t)NS_PER_S);
    merge_free(merge);
    expect(&set, "abcde", "0:1 1:1 0:2 1:2 0:3");
}

static void interleaved(void **state) {
    struct set set = {.n = 0};

    (void)state;
    add(&set, "aceg", (const uint32_t[]){10, 30, 50, 70});
    struct merge_file *other = add(&set, "bdfh", (const uint32_t[]){120, 140, 160, 180});
    other->correction.offset_ns = -100 * (int64_t)NS_PER_S;
    other->point = 1;
    expect(&set, "abcdefgh", "0:1 1:1 0:2 1:2 0:3 1:3 0:4 1:4");
}

/* In one file the order stays, and what waits behind a late frame waits. */
static void a_clock_that_steps_back(void **state) {
    struct set set = {.n = 0};

    (void)state;
    add(&set, "abef", (const uint32_t[]){10, 90, 20, 100});
    add(&set, "cd", (const uint32_t[]){15, 80});
    expect(&set, "acdbef", "0:1 1:1 1:2 0:2 0:3 0:4");
}

static void corrections(void **state) {
    const struct clock_correction none = {0}, early = {.offset_ns = -5000},
                                  drifts = {.offset_ns = 1000,
                                            .drift_from_ns = 100 * (int64_t)NS_PER_S,
                                            .drift_ppb = -2000};

    (void)state;
    assert_int_equal(clock_corrected(&none, 77), 77);
    assert_int_equal(clock_corrected(&early, 7000), 2000);
    assert_int_equal(clock_corrected(&early, 3000), 0);
    assert_int_equal(clock_corrected(&early, CAPTURE_TIME_MAX_NS), CAPTURE_TIME_MAX_NS - 5000);
    assert_int_equal(clock_corrected(&drifts, 100 * (int64_t)NS_PER_S),
                     100 * (int64_t)NS_PER_S + 1000);
    assert_int_equal(clock_corrected(&drifts, 110 * (int64_t)NS_PER_S),
                     110 * (int64_t)NS_PER_S + 1000 - 20000);
}

static void files_that_cannot_be_read(void **state) {
    struct writer cut = {0};
    struct set set = {.n = 0};
    struct frame frame;

    (void)state;
    put_pcap_header(&cut, 0xa1b2c3d4, 65535, 1);
    put_pcap_packet(&cut, 15, 0, 1, "b");
    put_pcap_packet(&cut, 16, 0, 1, "c");
    set.paths[0] = write_file(&cut.out, cut.out.len - 1);
    set.files[0] =
        (struct merge_file){.path = set.paths[0].text, .first_ns = 15 * (int64_t)NS_PER_S};
    set.files[1] = (struct merge_file){.path = "/nowhere/x.pcap", .first_ns = INT64_MIN};
    set.n = 2;
    add(&set, "ad", (const uint32_t[]){10, 20});

    struct merge *merge = merge_new(set.files, set.n);
    char text[8] = "";
    for (size_t n = 0; merge_next(merge, &frame); n++)
        text[n] = (char)frame.bytes.ptr[0];
    assert_string_equal(text, "abd");
    assert_int_equal(merge_end(merge, 0)->status, CAPTURE_DAMAGED);
    assert_int_equal(merge_end(merge, 1)->status, CAPTURE_OPEN_FAILED);
    assert_int_equal(merge_end(merge, 2)->status, CAPTURE_END);
    merge_free(merge);
    unlink(set.paths[0].text);
    unlink(set.paths[2].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_put_right_by_pieces),  cmocka_unit_test(a_ring_in_any_order),
        cmocka_unit_test(a_boundary_within_an_instant), cmocka_unit_test(interleaved),
        cmocka_unit_test(a_clock_that_steps_back),      cmocka_unit_test(corrections),
        cmocka_unit_test(files_that_cannot_be_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
