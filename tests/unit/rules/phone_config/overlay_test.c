/* Overlays (values by dotted keys, and where they come from) and rows (values of settings). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "rules/expectations/phone_config/rows.h"

static const struct setting FIRST = {"a", "a", "1", 1, 0};
static const struct setting SECOND = {"b", "b", "2", 2, 1};

static void check_tree(const struct overlay *overlay, const char *expected) {
    struct text_buffer text = {0};

    json_print(&text, overlay->tree, -1);
    assert_string_equal(text.items, expected);
    free(text.items);
}

static void put(struct overlay *overlay, const char *key, double n, const struct setting *from) {
    overlay_put(overlay, cJSON_CreateNumber(n), from, "%s", key);
}

static void test_put(void **state) {
    struct arena arena = {0};
    struct overlay overlay;

    (void)state;
    overlay_init(&overlay, &arena);
    put(&overlay, "servers.0.port", 1, &FIRST);
    put(&overlay, "servers.0.expires_s", 2, NULL);
    put(&overlay, "servers.1.port", 3, &SECOND);
    put(&overlay, "retry.t1_s", 4, &FIRST);
    put(&overlay, "retry.t1_s", 5, &SECOND);
    check_tree(&overlay, "{\"servers\": [{\"port\": 1, \"expires_s\": 2}, {\"port\": 3}], "
                         "\"retry\": {\"t1_s\": 5}}");
    assert_ptr_equal(overlay_origin(&overlay, "servers.0.port")->setting, &FIRST);
    assert_null(overlay_origin(&overlay, "servers.0.expires_s")->setting);
    assert_ptr_equal(overlay_origin(&overlay, "retry.t1_s")->setting, &SECOND);
    assert_ptr_equal(overlay_origin(&overlay, "retry.t1_s.deeper")->setting, &SECOND);
    assert_null(overlay_origin(&overlay, "retry.t1"));
    assert_null(overlay_origin(&overlay, "retry"));
    assert_int_equal(tree_at(overlay.tree, "servers.1.port")->valuedouble, 3);
    assert_null(tree_at(overlay.tree, "servers.2.port"));
    assert_null(tree_at(overlay.tree, "servers.port"));
    assert_null(tree_at(overlay.tree, "servers..port"));
    overlay_fini(&overlay);
    arena_fini(&arena);
}

static void test_make_way(void **state) {
    static const struct {
        const char *set, *left;
    } cases[] = {
        {"retry.register.tries=2", "[{\"port\": 1, \"retry\": {\"bye\": {\"tries\": 3}}}]"},
        {"retry.bye=null", "[{\"port\": 1, \"retry\": {\"register\": {\"tries\": 2}}}]"},
        {"retry={}", "[{\"port\": 1}]"},
        {"retry.t1_s=1",
         "[{\"port\": 1, \"retry\": {\"register\": {\"tries\": 2}, \"bye\": {\"tries\": 3}}}]"},
        {"port=1",
         "[{\"port\": 1, \"retry\": {\"register\": {\"tries\": 2}, \"bye\": {\"tries\": 3}}}]"},
        {"retry.register.tries.0=1", "[{\"port\": 1, \"retry\": {\"bye\": {\"tries\": 3}}}]"},
        {"", "[{\"port\": 1, \"retry\": {\"register\": {\"tries\": 2}, \"bye\": {\"tries\": 3}}}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct overlay overlay;
        struct text_buffer text = {0};

        overlay_init(&overlay, &arena);
        put(&overlay, "servers.0.port", 1, &FIRST);
        put(&overlay, "servers.0.retry.register.tries", 2, &FIRST);
        put(&overlay, "servers.0.retry.bye.tries", 3, &FIRST);
        overlay_make_way(&overlay, cases[i].set);
        json_print(&text, tree_at(overlay.tree, "servers"), -1);
        assert_string_equal(text.items, cases[i].left);
        free(text.items);
        overlay_fini(&overlay);
        arena_fini(&arena);
    }
}

/* ---- rows ---- */

static const struct choice MODES[] = {{"0|A Record", "\"a\""}, {"1|SRV", NULL}, {NULL, NULL}};
static const struct row WORD = {.kind = ROW_CHOICE, .choices = MODES};
static const struct row MINUTES = {
    .kind = ROW_NUMBER, .low = -1, .high = 100, .unit = 60, .least = 5};
static const struct row TRIES = {.kind = ROW_TRIES, .low = 0, .high = 20, .unit = 1};

static void test_rows(void **state) {
    static const struct {
        const struct row *row;
        const char *value, *json, *error;
    } cases[] = {
        {&WORD, "0", "\"a\"", NULL},
        {&WORD, "arecord", "\"a\"", NULL},
        {&WORD, "A  RECORD", "\"a\"", NULL},
        {&WORD, "srv", NULL, NULL},
        {&WORD, "2", NULL, "x:1: n: expected 0 (A Record) or 1 (SRV), found \"2\""},
        {&WORD, "sr", NULL, "x:1: n: expected 0 (A Record) or 1 (SRV), found \"sr\""},
        {&MINUTES, "6", "360", NULL},
        {&MINUTES, "0", "0", NULL},
        {&MINUTES, "1", "300", NULL},
        {&MINUTES, "007", "420", NULL},
        {&MINUTES, "101", NULL, "x:1: n: expected an integer from -1 to 100, found \"101\""},
        {&MINUTES, "1.5", NULL, "x:1: n: expected an integer from -1 to 100, found \"1.5\""},
        {&MINUTES, "+1", NULL, "x:1: n: expected an integer from -1 to 100, found \"+1\""},
        {&MINUTES, "--1", NULL, "x:1: n: expected an integer from -1 to 100, found \"--1\""},
        {&MINUTES, "-", NULL, "x:1: n: expected an integer from -1 to 100, found \"-\""},
        {&MINUTES, "18446744073709551617", NULL,
         "x:1: n: expected an integer from -1 to 100, found \"18446744073709551617\""},
        {&TRIES, "0", "1", NULL},
        {&TRIES, "1", "[1, 2]", NULL},
        {&TRIES, "20", "[20, 21]", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct text_buffer why = {0}, text = {0};
        struct config_place place = {.path = "x", .text = &why};
        struct setting setting = {"n", "n", cases[i].value, 1, 0};
        cJSON *value = row_value(cases[i].row, &setting, &arena, &place);

        if (value)
            json_print(&text, value, -1);
        assert_string_equal(text.items ? text.items : "", cases[i].json ? cases[i].json : "");
        assert_string_equal(why.items ? why.items : "", cases[i].error ? cases[i].error : "");
        cJSON_Delete(value);
        free(why.items);
        free(text.items);
        arena_fini(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_make_way),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
