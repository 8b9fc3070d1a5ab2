/* From what two files seem to share: an offset, a doubt, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "net/clock_belief.h"

#define S ((int64_t)NS_PER_S)

static const enum belief NONE = BELIEF_NONE, DOUBTED = BELIEF_DOUBTED, SURE = BELIEF_SURE;

static void beliefs(void **state) {
    const struct {
        const char *what;
        enum evidence evidence;
        size_t agreed, lone, unique, samples;
        int64_t offset_ns;
        bool apart, two_way, unknown;
        enum belief belief;
    } cases[] = {
        {"nothing", EVIDENCE_ID, 0, 0, 0, 9, 0, false, false, true, NONE},
        {"one SYN", EVIDENCE_ID, 1, 1, 1, 9, 3 * S, false, false, false, SURE},
        {"one SYN, hours away", EVIDENCE_ID, 1, 1, 1, 9, 10800 * S, true, false, false, SURE},
        {"one REGISTER behind a boundary", EVIDENCE_ID, 1, 1, 1, 9, S, true, false, false, DOUBTED},
        {"a mirror port's copy there", EVIDENCE_ID, 1, 1, 1, 9, S / 100, true, false, false, NONE},
        {"one lookup", EVIDENCE_ID, 1, 1, 0, 9, 3 * S, false, false, false, DOUBTED},
        {"chance", EVIDENCE_ID, 1, 0, 0, 9, 3 * S, false, false, false, NONE},
        {"a question and its answer", EVIDENCE_ID, 2, 2, 0, 9, 3 * S, true, true, false, SURE},
        {"two clusters", EVIDENCE_ID, 4, 4, 4, 9, 3 * S, false, true, true, DOUBTED},
        {"one request, no identification", EVIDENCE_CONTENT, 1, 1, 1, 9, S, false, false, false,
         DOUBTED},
        {"and its answer", EVIDENCE_CONTENT, 2, 2, 2, 9, S, false, true, false, SURE},
        {"two lookups", EVIDENCE_CONTENT, 2, 2, 0, 9, S, false, true, false, DOUBTED},
        {"three lookups", EVIDENCE_CONTENT, 3, 3, 0, 9, S, false, true, false, SURE},
        {"sent again behind a boundary", EVIDENCE_CONTENT, 1, 1, 1, 9, S, true, false, false, NONE},
        {"too late for that", EVIDENCE_CONTENT, 1, 1, 1, 9, 3600 * S, true, false, false, DOUBTED},
        {"all of it, hours away", EVIDENCE_CONTENT, 2, 2, 2, 4, 3600 * S, true, true, false, SURE},
        {"boots twice", EVIDENCE_CONTENT, 6, 6, 0, 40, 3600 * S, true, true, false, NONE},
        {"other identifications", EVIDENCE_AGAINST, 8, 8, 8, 9, S, false, true, false, SURE},
        {"few of them", EVIDENCE_AGAINST, 5, 5, 5, 9, S, false, true, false, DOUBTED},
        {"of much traffic", EVIDENCE_AGAINST, 8, 8, 8, 90, S, false, true, false, NONE},
        {"sent again and again", EVIDENCE_REPEATED, 2, 0, 2, 9, S, false, false, false, DOUBTED},
        {"behind a boundary", EVIDENCE_REPEATED, 2, 0, 2, 9, S, true, false, false, NONE},
        {"behind none", EVIDENCE_REPEATED, 2, 0, 2, 9, 3600 * S, true, false, false, DOUBTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clock_offset offset = {.known = !cases[i].unknown,
                                      .offset_ns = cases[i].offset_ns,
                                      .two_way = cases[i].two_way,
                                      .agreed = cases[i].agreed,
                                      .lone = cases[i].lone,
                                      .unique = cases[i].unique};
        enum belief belief =
            clock_belief(&offset, cases[i].evidence, cases[i].samples, cases[i].apart);
        if (belief != cases[i].belief)
            print_error("%s\n", cases[i].what);
        assert_int_equal(belief, cases[i].belief);
        offset.offset_ns = -offset.offset_ns; /* whichever clock is ahead */
        assert_int_equal(clock_belief(&offset, cases[i].evidence, cases[i].samples, cases[i].apart),
                         belief);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(beliefs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
