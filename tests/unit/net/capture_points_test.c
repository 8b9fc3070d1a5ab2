/* Rings, points, and both: which file is of which point, and whose clock counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "net/capture_points.h"

#define S ((int64_t)NS_PER_S)
#define IN_2026 ((int64_t)1767225600 * NS_PER_S)

static struct capture_span span(int64_t from_s, int64_t to_s) {
    return (struct capture_span){true, IN_2026 + from_s * S, IN_2026 + to_s * S};
}

static struct common_link link_of(uint32_t a, uint32_t b, int64_t offset_s, size_t agreed) {
    return (struct common_link){
        .a = a,
        .b = b,
        .offset = {.known = true, .offset_ns = offset_s * S, .agreed = agreed, .two_way = true}};
}

static void a_ring(void **state) {
    const struct capture_span spans[] = {span(0, 10), span(10, 20), span(20, 30)};
    struct capture_point points[3];

    (void)state;
    capture_points_tell(spans, 3, NULL, 0, points);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(points[i].point, 0);
        assert_int_equal(points[i].reference, i);
        assert_false(points[i].offset.known);
    }
}

/* Two rings of which the second's clock is 5 s ahead; its last file shares nothing. */
static void two_rings(void **state) {
    const struct capture_span spans[] = {span(0, 10), span(10, 20), span(20, 30),
                                         span(5, 13), span(13, 25), span(25, 45)};
    const struct common_link links[] = {link_of(0, 3, 5, 9), link_of(4, 1, -5, 8),
                                        link_of(0, 4, 4, 3)};
    static const uint16_t expected[] = {0, 0, 0, 1, 1, 1};
    struct capture_point points[6];

    (void)state;
    capture_points_tell(spans, 6, links, 3, points);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(points[i].point, expected[i]);
    assert_false(points[2].offset.known);
    assert_int_equal(points[3].reference, 0);
    assert_int_equal(points[3].offset.offset_ns, 5 * S);
    assert_int_equal(points[4].reference, 1); /* with which it shares more */
    assert_int_equal(points[4].offset.offset_ns, 5 * S);
    assert_int_equal(points[5].offset.offset_ns, 5 * S); /* goes on where the fifth ends */
    assert_int_equal(points[5].offset.agreed, 0);
}

/* A phone whose clock was never set is held against the server, though it is named first. */
static void an_unset_clock(void **state) {
    const struct capture_span spans[] = {{true, 300 * S, 400 * S}, span(0, 100)};
    const struct common_link links[] = {link_of(0, 1, 1767225300, 20)};
    struct capture_point points[2];

    (void)state;
    capture_points_tell(spans, 2, links, 1, points);
    assert_int_equal(points[1].point, 0);
    assert_int_equal(points[0].point, 1);
    assert_int_equal(points[0].reference, 1);
    assert_int_equal(points[0].offset.offset_ns, -1767225300 * S);
}

static struct common_link doubted(uint32_t a, uint32_t b, int64_t offset_s, bool known) {
    struct common_link link = link_of(a, b, offset_s, 1);

    link.doubted = true;
    link.offset.known = known;
    return link;
}

/* The first two files of a ring overlap; the third is of another point, whatever comes first. */
static void a_ring_that_overlaps(void **state) {
    static const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}};

    (void)state;
    for (size_t n = 0; n < sizeof orders / sizeof *orders; n++) {
        const uint32_t *at = orders[n]; /* where the overlapping ones and the other stand */
        struct capture_span spans[3];
        spans[at[0]] = span(0, 10);
        spans[at[1]] = span(9, 20);
        spans[at[2]] = span(5, 25);
        struct common_link links[] = {link_of(at[0], at[1], 0, 4), link_of(at[1], at[2], 5, 9)};
        links[0].offset.same = true;
        struct capture_point points[3];
        capture_points_tell(spans, 3, links, 2, points);
        assert_int_equal(points[at[0]].point, points[at[1]].point);
        assert_int_not_equal(points[at[0]].point, points[at[2]].point);
        if (points[at[2]].point) {
            assert_int_equal(points[at[2]].offset.offset_ns, 5 * S);
        } else {
            assert_int_equal(points[at[0]].offset.offset_ns, -5 * S);
            assert_int_equal(points[at[1]].offset.offset_ns, -5 * S);
        }
    }
}

/* What two files of a ring say of another point's clock does not fit: it was set in between. */
static void set_between_two_files(void **state) {
    const struct capture_span spans[] = {span(0, 10), span(10, 20), span(0, 50)};

    (void)state;
    for (int64_t step_s = 0; step_s < 31; step_s += 30) {
        struct common_link links[] = {link_of(0, 2, 5, 9), link_of(1, 2, 5 + step_s, 8)};
        struct capture_point points[3];
        capture_points_tell(spans, 3, links, 2, points);
        assert_int_equal(points[2].point, 1);
        assert_ptr_equal(points[2].link, &links[0]);
        assert_null(points[1].link);
        assert_int_equal(points[2].offset.stepped, step_s != 0);
    }
}

/* Of what is shared too little to tell: does it matter? */
static void doubts(void **state) {
    const struct capture_span spans[] = {span(0, 10), span(3, 13), span(2, 12)};
    const struct {
        struct common_link links[2];
        size_t count;
        bool doubted;
    } cases[] = {
        {{doubted(0, 1, 3, true)}, 1, true},
        {{doubted(1, 0, 3, true)}, 1, true},
        {{doubted(0, 1, 0, true)}, 1, false}, /* they agree as they are */
        {{doubted(0, 1, 0, false)}, 1, true}, /* nobody knows */
        {{link_of(0, 1, 3, 9), doubted(0, 1, 7, true)}, 2, false},
        {{link_of(0, 2, 3, 9), doubted(0, 1, 7, true)}, 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture_point points[3];
        capture_points_tell(spans, 3, cases[i].links, cases[i].count, points);
        assert_int_equal(points[1].doubted, cases[i].doubted);
        assert_int_equal(points[1].doubted_with, 0);
        assert_false(points[0].doubted || points[2].doubted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring),         cmocka_unit_test(two_rings),
        cmocka_unit_test(an_unset_clock), cmocka_unit_test(a_ring_that_overlaps),
        cmocka_unit_test(doubts),         cmocka_unit_test(set_between_two_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
