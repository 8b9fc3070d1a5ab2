/* Arenas, arrays and the table of strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/memory.h"

static void test_arena(void **state) {
    struct arena arena = {0};

    (void)state;
    for (size_t size = 0; size < 20000; size += 37) {
        uint8_t *p = arena_new(&arena, size);
        assert_int_equal((uintptr_t)p % sizeof(long double), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    arena_clear(&arena); /* what is given again is zero again */
    uint8_t *again = arena_new(&arena, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(again[i], 0);
    assert_string_equal(arena_text(&arena, SLICE_LITERAL("abc")), "abc");
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    arena_fini(&arena);
}

static void test_array(void **state) {
    ARRAY_OF(int) array = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int *item = ARRAY_PUSH(&array);
        assert_int_equal(*item, 0);
        *item = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(array.items[i], i);
    ARRAY_FINI(&array);
    assert_int_equal(array.n, 0);
}

static void test_intern(void **state) {
    struct intern table = {0};
    const char *first[2000];
    char text[32];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "name-%d", i);
        first[i] = intern_text(&table, slice_of_text(text));
    }
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "NAME-%d", i);
        assert_ptr_equal(intern_lower(&table, slice_of_text(text)), first[i]);
        assert_ptr_not_equal(intern_text(&table, slice_of_text(text)), first[i]);
    }
    assert_ptr_equal(intern_text(&table, (struct slice){0}),
                     intern_text(&table, SLICE_LITERAL("")));
    intern_fini(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_array),
        cmocka_unit_test(test_intern),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
