/* retry.register, .invite, .bye, .other: the tries of silent attempts (contract sections 1, 4, 6).
 */
#include "scene.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define LEFT_OUT VERDICT_INCONCLUSIVE, REASON_NOT_EXERCISED
#define UNDECIDED(why) VERDICT_INCONCLUSIVE, REASON_##why

/* n sends on RFC 3261's schedule, then the move to server 2 (0: none). */
static struct request *silent(struct scene *s, enum sip_method method, int n, double move) {
    struct request *r = scene_request(s, method);

    scene_attempt(s, r, 1, OUTCOME_SILENT, n, 0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5,
                  31.5);
    if (move > 0) {
        scene_answer(s, scene_attempt(s, r, 2, OUTCOME_ANSWERED, 1, move), 200, move + 0.01);
        r->outcome = OUTCOME_ANSWERED;
    }
    return r;
}

static void tries_are_counted(void **state) {
    static const struct {
        const char *tries;
        int sends;
        enum verdict verdict;
    } cases[] = {
        {"3", 3, VERDICT_PASS},     {"3", 2, VERDICT_FAIL},     {"3", 4, VERDICT_FAIL},
        {"[3,4]", 3, VERDICT_PASS}, {"[3,4]", 4, VERDICT_PASS}, {"[3,4]", 5, VERDICT_FAIL},
        {"[3,4]", 2, VERDICT_FAIL}, {"11", 11, VERDICT_PASS},   {"1", 1, VERDICT_PASS},
    };
    char set[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        snprintf(set, sizeof set, "retry.register.tries=%s", cases[i].tries);
        scene_begin(&s, 2, set, NULL);
        silent(&s, SIP_REGISTER, cases[i].sends, 35);
        assert_verdict(scene_run(&s, &rule_retry_register), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

static void the_message_is_the_contracts(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 2, 1.5);
    struct result result = scene_run(&s, &rule_retry_register);
    assert_string_equal(
        result.message,
        "REGISTER was tried 2 times at 192.0.2.1:5060/udp before moving on; expected 3");
    const struct occurrence *one = &result.occurrences[0];
    assert_int_equal(one->frame_count, 2);
    assert_string_equal(one->expected[0].key, "tries");
    assert_int_equal(one->observed[0].integer, 2);
    assert_string_equal(one->observed[1].key, "server");
    scene_end(&s);
}

/* Each method has its own key; in-dialog or not, OPTIONS and SUBSCRIBE are `other`. */
static void methods_are_told_apart(void **state) {
    static const struct {
        enum sip_method method;
        const struct rule *rule;
    } cases[] = {
        {SIP_REGISTER, &rule_retry_register}, {SIP_INVITE, &rule_retry_invite},
        {SIP_BYE, &rule_retry_bye},           {SIP_SUBSCRIBE, &rule_retry_other},
        {SIP_OPTIONS, &rule_retry_other},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, "retry.register.tries=3", "retry.invite.tries=3", "retry.bye.tries=3",
                    "retry.other.tries=3", NULL);
        silent(&s, cases[i].method, 2, 1.5);
        for (size_t k = 0; k < 4; k++)
            if (cases[k].rule != cases[i].rule)
                assert_verdict(scene_run(&s, cases[k].rule), LEFT_OUT);
        assert_verdict(scene_run(&s, cases[i].rule), FAIL);
        scene_end(&s);
    }
}

static void nothing_asked_is_not_applicable(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    silent(&s, SIP_REGISTER, 2, 1.5);
    assert_verdict(scene_run(&s, &rule_retry_register), VERDICT_NOT_APPLICABLE, REASON_NONE);
    scene_end(&s);
}

/* Contract section 4, last_tries: null is not judged, unless the list has one server only. */
static void the_last_server_has_its_own_number(void **state) {
    static const struct {
        unsigned servers;
        const char *last;
        int sends;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        {2, "null", 11, LEFT_OUT}, {2, "11", 11, PASS},   {2, "11", 3, FAIL},
        {1, "null", 3, PASS},      {1, "null", 11, FAIL}, {1, "11", 11, PASS},
    };
    char set[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct request *r;
        snprintf(set, sizeof set, "retry.register.last_tries=%s", cases[i].last);
        scene_begin(&s, cases[i].servers, "retry.register.tries=3", set, NULL);
        r = scene_request(&s, SIP_REGISTER);
        if (cases[i].servers == 2)
            scene_attempt(&s, r, 1, OUTCOME_REFUSED, 1, 0.0);
        scene_attempt(&s, r, cases[i].servers, OUTCOME_SILENT, cases[i].sends, 1.0, 1.5, 2.5, 4.5,
                      8.5, 12.5, 16.5, 20.5, 24.5, 28.5, 32.5);
        assert_verdict(scene_run(&s, &rule_retry_register), cases[i].verdict, cases[i].reason);
        scene_end(&s);
    }
}

/* A phone that gives up after the right number at a server that is not the last keeps retry.*. */
static void giving_up_counts_like_moving(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 3, 0);
    assert_verdict(scene_run(&s, &rule_retry_register), PASS);
    scene_end(&s);
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 11, 0);
    assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
    scene_end(&s);
}

/* Cut by the capture's end: too many are a fault already, fewer may still come. */
static void a_cut_attempt_fails_only_when_it_exceeds(void **state) {
    static const struct {
        int sends;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {{2, UNDECIDED(ENDS_TOO_EARLY)}, {3, UNDECIDED(ENDS_TOO_EARLY)}, {4, FAIL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 2, "retry.register.tries=3", NULL);
        r = scene_request(&s, SIP_REGISTER);
        scene_attempt(&s, r, 1, OUTCOME_CUT, cases[i].sends, 0.0, 0.5, 1.5, 3.5)->in_progress =
            true;
        r->open = true;
        s.story.end_ns = SCENE_AT(4);
        assert_verdict(scene_run(&s, &rule_retry_register), cases[i].verdict, cases[i].reason);
        scene_end(&s);
    }
}

static void a_cut_beginning_decides_nothing_but_too_many(void **state) {
    struct scene s;

    (void)state;
    for (int sends = 2; sends <= 4; sends += 2) {
        scene_begin(&s, 2, "retry.register.tries=3", NULL);
        silent(&s, SIP_REGISTER, sends, 7.5)->starts_midway = true;
        if (sends == 2)
            assert_verdict(scene_run(&s, &rule_retry_register), UNDECIDED(STARTS_MIDWAY));
        else
            assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
        scene_end(&s);
    }
}

/* Lost packets can explain too few tries, never too many. */
static void loss_excuses_too_few_only(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 2, 3.5);
    scene_loss(&s, LOSS_DROP_COUNTER, 0, 1000);
    assert_verdict(scene_run(&s, &rule_retry_register), UNDECIDED(CAPTURE_LOSS));
    scene_end(&s);
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 5, 12);
    scene_loss(&s, LOSS_DROP_COUNTER, 0, 1000);
    assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
    scene_end(&s);
    scene_begin(&s, 2, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 2, 3.5);
    scene_loss(&s, LOSS_DROP_COUNTER, 100, 1000); /* later: no excuse */
    assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
    scene_end(&s);
}

/* Answered within its tries: no silent attempt. Answered after too many, with another server known:
 * it went on at a dead server. */
static void recovery_inside_a_transaction(void **state) {
    struct scene s;

    (void)state;
    for (int sends = 3; sends <= 6; sends += 3) {
        struct request *r;
        scene_begin(&s, 2, "retry.register.tries=3", NULL);
        r = scene_request(&s, SIP_REGISTER);
        scene_answer(
            &s, scene_attempt(&s, r, 1, OUTCOME_ANSWERED, sends, 0.0, 0.5, 1.5, 3.5, 7.5, 11.5),
            200, 11.6);
        if (sends == 3)
            assert_verdict(scene_run(&s, &rule_retry_register), LEFT_OUT);
        else
            assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
        scene_end(&s);
    }
}

/* 503 and refusals are no silence; a stalled INVITE neither. */
static void other_endings_are_no_occurrences(void **state) {
    static const enum outcome outcomes[] = {OUTCOME_UNAVAILABLE, OUTCOME_REFUSED, OUTCOME_STALLED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 2, "retry.invite.tries=3", NULL);
        r = scene_request(&s, SIP_INVITE);
        struct attempt *a = scene_attempt(&s, r, 1, outcomes[i], 1, 0.0);
        if (outcomes[i] != OUTCOME_REFUSED)
            scene_answer(&s, a, outcomes[i] == OUTCOME_STALLED ? 180 : 503, 0.1);
        scene_attempt(&s, r, 2, OUTCOME_ANSWERED, 1, 0.2);
        assert_verdict(scene_run(&s, &rule_retry_invite), LEFT_OUT);
        scene_end(&s);
    }
}

/* Nor is a call that rings when the capture ends. */
static void a_ringing_call_is_not_silent(void **state) {
    struct scene s;
    struct request *r;
    struct attempt *a;

    (void)state;
    scene_begin(&s, 2, "retry.invite.tries=3", NULL);
    r = scene_request(&s, SIP_INVITE);
    a = scene_attempt(&s, r, 1, OUTCOME_CUT, 1, 990.0);
    scene_answer(&s, a, 180, 990.5);
    a->in_progress = r->open = true;
    assert_verdict(scene_run(&s, &rule_retry_invite), LEFT_OUT);
    scene_end(&s);
}

/* RFC 3261 17.1: nothing is repeated over TCP; one try for the full 64×T1 is as good as any number.
 */
static void over_tcp_the_full_timer_is_accepted(void **state) {
    static const struct {
        double move;
        enum verdict verdict;
    } cases[] = {{32, VERDICT_PASS}, {30, VERDICT_PASS}, {4, VERDICT_FAIL}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        scene_begin(&s, 2, "retry.register.tries=3", NULL);
        s.transport = TRANSPORT_TCP;
        silent(&s, SIP_REGISTER, 1, cases[i].move);
        assert_verdict(scene_run(&s, &rule_retry_register), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

static void give_up_s_has_a_tolerance(void **state) {
    static const struct {
        double move;
        enum verdict verdict;
    } cases[] = {{4, VERDICT_PASS},
                 {4.9, VERDICT_PASS},
                 {3.1, VERDICT_PASS},
                 {2.5, VERDICT_FAIL},
                 {5.5, VERDICT_FAIL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, "retry.register.tries=3", "retry.register.give_up_s=4", NULL);
        silent(&s, SIP_REGISTER, 3, cases[i].move);
        assert_verdict(scene_run(&s, &rule_retry_register), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

/* A caller who hangs up ends the attempt, not the phone. */
static void a_cancelled_call_is_not_short(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 2, "retry.invite.tries=3", NULL);
    r = silent(&s, SIP_INVITE, 2, 0);
    scene_follow(&s, r, SIP_CANCEL, 1, 0, 0.9);
    assert_verdict(scene_run(&s, &rule_retry_invite), LEFT_OUT);
    scene_end(&s);
}

/* In a dialog the route decides: with in_dialog false its server is the last one. */
static void in_a_dialog_the_route_has_the_last_server(void **state) {
    (void)state;
    for (int in_dialog = 0; in_dialog < 2; in_dialog++) {
        struct scene s;
        scene_begin(&s, 2, "retry.bye.tries=3",
                    in_dialog ? "failover.in_dialog=true" : "failover.in_dialog=false", NULL);
        silent(&s, SIP_BYE, 11, 0)->in_dialog = true;
        if (in_dialog)
            assert_verdict(scene_run(&s, &rule_retry_bye), FAIL);
        else
            assert_verdict(scene_run(&s, &rule_retry_bye), LEFT_OUT);
        scene_end(&s);
    }
}

static void without_a_list_only_a_move_is_judged(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 0, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 11, 0);
    assert_verdict(scene_run(&s, &rule_retry_register), UNDECIDED(NO_SERVER_LIST));
    scene_end(&s);
    scene_begin(&s, 0, "retry.register.tries=3", NULL);
    silent(&s, SIP_REGISTER, 2, 1.5);
    assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
    scene_end(&s);
}

/* An entry of servers[] may carry its own numbers, for what is sent there. */
static void an_entry_has_its_own_numbers(void **state) {
    (void)state;
    for (int sends = 2; sends <= 5; sends += 3) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 3, "retry.register.tries=3", "servers.1.retry={\"register\":{\"tries\":5}}",
                    NULL);
        r = scene_request(&s, SIP_REGISTER);
        scene_attempt(&s, r, 1, OUTCOME_SILENT, 3, 0.0, 0.5, 1.5);
        scene_attempt(&s, r, 2, OUTCOME_SILENT, sends, 3.5, 4.0, 5.0, 7.0, 11.0);
        scene_answer(&s, scene_attempt(&s, r, 3, OUTCOME_ANSWERED, 1, 15.0), 200, 15.1);
        if (sends == 5)
            assert_verdict(scene_run(&s, &rule_retry_register), PASS);
        else
            assert_verdict(scene_run(&s, &rule_retry_register), FAIL);
        scene_end(&s);
    }
}

/* One too few, and the first gap is twice T1: the first send may be missing, unless the phone
 * begins so another time, too, or its T1 is known to be as long. */
static void a_missing_first_send(void **state) {
    static const struct {
        const char *t1;
        double gap;
        bool again, spared;
    } cases[] = {
        {"retry.t1_s=null", 1.0, false, true},  {"retry.t1_s=null", 1.0, true, false},
        {"retry.t1_s=null", 0.8, false, false}, {"retry.t1_s=1", 1.0, false, false},
        {"retry.t1_s=1", 2.0, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, "retry.register.tries=3", cases[i].t1, NULL);
        for (int n = 0; n <= cases[i].again; n++) {
            double at = 200.0 * n;
            struct request *r = scene_request(&s, SIP_REGISTER);
            scene_attempt(&s, r, 1, OUTCOME_SILENT, 2, at, at + cases[i].gap);
            scene_answer(&s, scene_attempt(&s, r, 2, OUTCOME_ANSWERED, 1, at + 5), 200, at + 5.1);
            r->outcome = OUTCOME_ANSWERED;
        }
        struct result result = scene_run(&s, &rule_retry_register);
        if (cases[i].spared)
            assert_verdict(result, UNDECIDED(CAPTURE_LOSS));
        else
            assert_verdict(result, FAIL);
        scene_end(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_are_counted),
        cmocka_unit_test(the_message_is_the_contracts),
        cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(nothing_asked_is_not_applicable),
        cmocka_unit_test(the_last_server_has_its_own_number),
        cmocka_unit_test(giving_up_counts_like_moving),
        cmocka_unit_test(a_cut_attempt_fails_only_when_it_exceeds),
        cmocka_unit_test(a_cut_beginning_decides_nothing_but_too_many),
        cmocka_unit_test(loss_excuses_too_few_only),
        cmocka_unit_test(a_missing_first_send),
        cmocka_unit_test(recovery_inside_a_transaction),
        cmocka_unit_test(other_endings_are_no_occurrences),
        cmocka_unit_test(a_ringing_call_is_not_silent),
        cmocka_unit_test(over_tcp_the_full_timer_is_accepted),
        cmocka_unit_test(give_up_s_has_a_tolerance),
        cmocka_unit_test(a_cancelled_call_is_not_short),
        cmocka_unit_test(in_a_dialog_the_route_has_the_last_server),
        cmocka_unit_test(without_a_list_only_a_move_is_judged),
        cmocka_unit_test(an_entry_has_its_own_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
