/* Is it JSON? RFC 8259, with every prefix of a text that is, in memory of its exact size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdlib.h>

#include "rules/expectations/json_scan.h"

static bool scan(const char *bytes, size_t len) {
    struct json_error error;
    char *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    bool is = json_scan(slice_of(exact, len), &error);
    free(exact);
    return is;
}

static const char *const good[] = {
    "0",
    "-0",
    "1.5e+10",
    "10E-2",
    "\"\"",
    "true",
    " [ ] ",
    "{\"a\":{},\"b\":[[],[{}]]}",
    "\t{\r\n\"\\u00e4\\ud83d\\ude00\\\"\\/\" : [1, -2.5, null, false] }\n",
    "\"\303\244 \342\202\254 \360\237\230\200 \355\237\277 \356\200\200 \364\217\277\277\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!scan(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
        /* What passes here, cJSON takes too. */
        cJSON *tree = cJSON_Parse(good[i]);
        if (!tree)
            fail_msg("cJSON refuses: %s", good[i]);
        cJSON_Delete(tree);
    }
}

/* A text that is closed by its last character is none before it. */
static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 6; i < sizeof good / sizeof *good; i++) {
        size_t len = strlen(good[i]);
        while (len && strchr(" \t\r\n", good[i][len - 1]))
            len--;
        assert_true(scan(good[i], len));
        for (size_t cut = 0; cut < len; cut++)
            if (scan(good[i], cut))
                fail_msg("taken: %.*s", (int)cut, good[i]);
    }
}

/* RFC 3629 section 4: what is no UTF-8. */
static void test_utf8(void **state) {
    static const char *const bad[] = {
        "\"\200\"",
        "\"\277\"",
        "\"\300\200\"",
        "\"\301\277\"",
        "\"\340\200\200\"",
        "\"\340\237\277\"",
        "\"\355\240\200\"",
        "\"\360\200\200\200\"",
        "\"\360\217\277\277\"",
        "\"\364\220\200\200\"",
        "\"\365\200\200\200\"",
        "\"\377\"",
        "\"\303\"",
        "\"\342\202\"",
        "\"\360\237\230\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (scan(bad[i], strlen(bad[i])))
            fail_msg("taken: case %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
