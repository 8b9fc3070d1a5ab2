/* What a judgement spares: faults that a clock which was set, cut heads or missing times may only
 * seem to be. */
#include "scene.h"

#define FAULT_AT 100.0

static const char *id;

static bool always(const struct judge *judge) {
    (void)judge;
    return true;
}

/* Something held, and something did not. */
static void find_fault(struct judge *judge) {
    judge_add(judge, VERDICT_PASS, SCENE_AT(50.0));
    judge_say(judge, judge_add(judge, VERDICT_FAIL, SCENE_AT(FAULT_AT)), "the phone did it");
}

static struct result run(struct scene *s) {
    struct rule *rule = arena_new(&s->arena, sizeof *rule);

    *rule = (struct rule){.id = id, .title = id, .applies = always, .check = find_fault};
    return scene_run(s, rule);
}

static void assert_spared(struct scene *s, const char *why) {
    struct result result = run(s);

    assert_verdict(result, VERDICT_PASS, REASON_NONE); /* of what is left, one held */
    assert_int_equal(result.occurrence_count, 2);
    const struct occurrence *one = &result.occurrences[1];
    assert_int_equal(one->verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(one->reason, REASON_CAPTURE_LOSS);
    assert_non_null(strstr(one->message, "the phone did it (but "));
    assert_non_null(strstr(one->message, why));
    assert_non_null(one->needs);
}

static void assert_fault(struct scene *s) {
    struct result result = run(s);

    assert_verdict(result, VERDICT_FAIL, REASON_NONE);
    assert_string_equal(result.message, "the phone did it");
}

static void whole_captures_spare_nothing(void **state) {
    struct scene s;

    (void)state;
    id = "failover.trigger";
    scene_begin(&s, 2, NULL);
    assert_fault(&s);
    scene_end(&s);
}

static void a_clock_that_was_set_decides_nothing(void **state) {
    static const char *const ids[] = {"failover.trigger", "retry.register", "order.priority"};
    struct scene s;

    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        id = ids[i];
        scene_begin(&s, 2, NULL);
        s.story.clock_stepped = true;
        assert_spared(&s, "the clock of the capture was set");
        scene_end(&s);
    }
}

/* From 64*T1 after the fault on, a cut head has no bearing on it; how often something was sent is
 * known whatever the heads say. */
static void cut_heads_spare_what_comes_after(void **state) {
    static const struct {
        const char *id;
        double cut;
        bool spared;
    } cases[] = {
        {"failover.trigger", FAULT_AT - 90, true},  {"failover.trigger", FAULT_AT + 32, true},
        {"failover.trigger", FAULT_AT + 33, false}, {"retry.register", FAULT_AT - 90, false},
        {"retry.intervals", FAULT_AT, false},       {"register.refresh", FAULT_AT, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        id = cases[i].id;
        scene_begin(&s, 2, NULL);
        s.phone.cut_ns = SCENE_AT(cases[i].cut);
        if (cases[i].spared)
            assert_spared(&s, "the capture cut messages short");
        else
            assert_fault(&s);
        scene_end(&s);
    }
}

static void without_times_nothing_is_late(void **state) {
    static const struct {
        const char *id;
        bool about_time;
    } cases[] = {
        {"retry.register", true},  {"dns.ttl", true},    {"failback.mode", true},
        {"order.priority", false}, {"dns.chain", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        id = cases[i].id;
        scene_begin(&s, 2, NULL);
        s.story.packets = 9;
        s.story.end_ns = s.story.start_ns;
        if (cases[i].about_time) /* not even that it held */
            assert_verdict(run(&s), VERDICT_INCONCLUSIVE, REASON_CAPTURE_LOSS);
        else
            assert_spared(&s, "the capture has no times");
        scene_end(&s);
    }
}

static void whole_seconds_are_no_times(void **state) {
    struct scene s;

    (void)state;
    id = "retry.intervals";
    scene_begin(&s, 2, NULL);
    s.story.whole_seconds = true;
    s.story.packets = 9;
    assert_verdict(run(&s), VERDICT_INCONCLUSIVE, REASON_CAPTURE_LOSS);
    s.story.packets = 7; /* that may be chance */
    assert_fault(&s);
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_captures_spare_nothing),
        cmocka_unit_test(a_clock_that_was_set_decides_nothing),
        cmocka_unit_test(whole_seconds_are_no_times),
        cmocka_unit_test(cut_heads_spare_what_comes_after),
        cmocka_unit_test(without_times_nothing_is_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
