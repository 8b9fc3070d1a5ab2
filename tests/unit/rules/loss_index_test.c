/* The index of loss signs finds what a walk over all of them finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/loss_index.h"

enum { SIGNS = 60 };

static struct ip_addr server(unsigned n) {
    struct ip_addr ip = {0};

    if (n)
        ip = (struct ip_addr){.len = 4, .bytes = {192, 0, 2, (uint8_t)n}};
    return ip;
}

static bool found_by_walk(const struct phone *phone, int64_t from, int64_t to,
                          const struct ip_addr *at) {
    for (size_t i = 0; i < phone->loss_count; i++) {
        const struct loss_sign *sign = &phone->losses[i];
        if ((!at || !sign->server.len || ip_eq(&sign->server, at)) && sign->from_ns <= to &&
            sign->to_ns >= from)
            return true;
    }
    return false;
}

static void same_as_a_walk(void **state) {
    struct loss_sign signs[SIGNS] = {0};
    struct phone phone = {.losses = signs};
    struct arena arena = {0};
    uint64_t n = 12345;

    (void)state;
    for (size_t count = 0; count <= SIGNS; count += 20) {
        for (size_t i = 0; i < count; i++) {
            n = n * 6364136223846793005u + 1442695040888963407u;
            signs[i].from_ns = (int64_t)(n >> 40 & 255);
            signs[i].to_ns = signs[i].from_ns + (int64_t)(n >> 50 & 15);
            signs[i].server = server((unsigned)(n >> 60 & 3));
        }
        phone.loss_count = count;
        struct loss_index *index = loss_index_new(&phone, &arena);
        for (int64_t from = -2; from < 280; from += 3)
            for (unsigned s = 0; s < 5; s++) {
                struct ip_addr at = server(s);
                const struct ip_addr *asked = s == 4 ? NULL : &at;
                assert_int_equal(loss_index_find(index, from, from + 2, asked) != NULL,
                                 found_by_walk(&phone, from, from + 2, asked));
            }
    }
    arena_fini(&arena);
}

static bool is_no_gap(enum loss_kind kind) {
    return kind != LOSS_GAP_SUMS;
}

/* A lone response is about a request just before it, not 64*T1 before; a gap is where it is. */
static void at_the_likely_time(void **state) {
    const int64_t at = 40 * STORY_64T1_NS;
    struct loss_sign signs[] = {
        {.kind = LOSS_RESPONSE_ONLY, .from_ns = at - STORY_64T1_NS, .to_ns = at},
        {.kind = LOSS_GAP_SUMS, .from_ns = 0, .to_ns = STORY_64T1_NS},
    };
    struct phone phone = {.losses = signs, .loss_count = 2};
    struct arena arena = {0};
    struct loss_index *all = loss_index_likely(&phone, &arena, NULL);
    struct loss_index *some = loss_index_likely(&phone, &arena, is_no_gap);

    (void)state;
    assert_non_null(loss_index_find(all, at - STORY_T1_NS, at - STORY_T1_NS, NULL));
    assert_null(loss_index_find(all, at - 2 * STORY_T1_NS, at - 2 * STORY_T1_NS, NULL));
    assert_non_null(loss_index_find(all, 1, 1, NULL));
    assert_null(loss_index_find(some, 1, 1, NULL));
    assert_non_null(loss_index_find(some, at, at, NULL));
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_a_walk),
                                       cmocka_unit_test(at_the_likely_time)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
