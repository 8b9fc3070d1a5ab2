/* Clocks that step back: told within one interface, not between interfaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"

struct stamp {
    uint32_t interface;
    uint16_t point;
    int64_t t_ns;
};

/* "FRAME: BACK" of each step back. */
static const char *steps_of(const struct stamp *stamps, size_t n) {
    static struct net_log log;
    struct net *net = net_log_new(&log);
    static char steps[256];
    size_t at = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct frame frame = {.no = i + 1,
                              .t_ns = stamps[i].t_ns,
                              .link_type = 1,
                              .interface = stamps[i].interface,
                              .point = stamps[i].point};
        net_feed(net, &frame);
    }
    net_free(net);
    steps[0] = '\0';
    for (const char *note = log.text; (note = strstr(note, "note backwards ")); note++)
        at += (size_t)snprintf(steps + at, sizeof steps - at, "%.*s;",
                               (int)strcspn(note + 15, "\n"), note + 15);
    return steps;
}

#define STEPS(...)                                                                                 \
    steps_of((const struct stamp[]){__VA_ARGS__},                                                  \
             sizeof((const struct stamp[]){__VA_ARGS__}) / sizeof(struct stamp))

static void test_clock_backwards(void **state) {
    (void)state;
    assert_string_equal(STEPS({0, 0, 5}, {0, 0, 5}, {0, 0, 3}, {0, 0, 4}), "3 2;");
    /* interleaved interfaces, each in order */
    assert_string_equal(STEPS({0, 0, 5}, {1, 0, 3}, {0, 0, 6}, {1, 0, 4}, {2, 0, 1}), "");
    /* a step back of one of them, seen past the packets of the other */
    assert_string_equal(STEPS({0, 0, 5}, {1, 0, 9}, {0, 0, 2}, {1, 0, 9}), "3 3;");
    /* the same interface of two capture points; interfaces that share a place */
    assert_string_equal(STEPS({0, 0, 5}, {0, 1, 3}, {16, 1, 1}, {0, 1, 2}), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clock_backwards)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
