/* Cursors never read past their end, and stay where they are when too few bytes are left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/slice.h"

static void test_take(void **state) {
    (void)state;
    for (size_t len = 0; len <= 5; len++) {
        uint8_t *exact = malloc(len ? len : 1);
        for (size_t i = 0; i < len; i++)
            exact[i] = (uint8_t)(i + 1);
        struct slice in = {exact, len}, part;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;

        struct slice at = in;
        assert_int_equal(slice_take_u8(&at, &u8), len >= 1);
        assert_int_equal(at.len, len >= 1 ? len - 1 : len);
        at = in;
        assert_int_equal(slice_take_u16be(&at, &u16), len >= 2);
        if (len >= 2)
            assert_int_equal(u16, 0x0102);
        at = in;
        assert_int_equal(slice_take_u16le(&at, &u16), len >= 2);
        if (len >= 2)
            assert_int_equal(u16, 0x0201);
        at = in;
        assert_int_equal(slice_take_u32be(&at, &u32), len >= 4);
        if (len >= 4)
            assert_int_equal(u32, 0x01020304);
        else
            assert_ptr_equal(at.ptr, in.ptr);
        at = in;
        assert_int_equal(slice_take_u32le(&at, &u32), len >= 4);
        if (len >= 4)
            assert_int_equal(u32, 0x04030201);
        at = in;
        assert_int_equal(slice_take(&at, 3, &part), len >= 3);
        assert_int_equal(at.len, len >= 3 ? len - 3 : len);
        assert_int_equal(slice_find(in, 3), len >= 3 ? 2 : len);
        free(exact);
    }
}

static void test_between(void **state) {
    struct slice all = SLICE_LITERAL("abcdef");

    (void)state;
    assert_true(slice_eq(slice_between(all, 1, 3), SLICE_LITERAL("bc")));
    assert_true(slice_eq(slice_between(all, 4, 99), SLICE_LITERAL("ef")));
    assert_int_equal(slice_between(all, 99, 1).len, 0);
    assert_int_equal(slice_between((struct slice){0}, 1, 2).len, 0);
}

static void test_compare(void **state) {
    (void)state;
    assert_true(slice_eq_nocase(SLICE_LITERAL("Call-ID"), SLICE_LITERAL("call-id")));
    assert_false(slice_eq_nocase(SLICE_LITERAL("Call-ID"), SLICE_LITERAL("call-i")));
    assert_false(slice_eq_nocase(SLICE_LITERAL("[]"), SLICE_LITERAL("{}"))); /* no letters */
    assert_true(slice_starts(SLICE_LITERAL("SIP/2.0"), SLICE_LITERAL("SIP/")));
    assert_false(slice_starts(SLICE_LITERAL("SIP"), SLICE_LITERAL("SIP/")));
    assert_true(slice_eq(slice_trim(SLICE_LITERAL(" \t a b\r\n")), SLICE_LITERAL("a b")));
    assert_int_equal(slice_trim(SLICE_LITERAL("  ")).len, 0);
}

static void test_number(void **state) {
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"0042", true, 42},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"1 ", false, 0},
        {"0x1", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 0;
        assert_int_equal(slice_to_u64(slice_of_text(cases[i].text), &value), cases[i].ok);
        if (cases[i].ok)
            assert_true(value == cases[i].value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
