/* retry.intervals: RFC 3261 17.1.1.2 (INVITE) and 17.1.2.2 (others). */
#include "scene.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define LOSS VERDICT_INCONCLUSIVE, REASON_CAPTURE_LOSS

static struct attempt *sent(struct scene *s, enum sip_method method, const double *t) {
    struct request *r = scene_request(s, method);
    int n = 1;

    while (n < 12 && t[n] > 0)
        n++;
    return scene_attempt(s, r, 1, OUTCOME_SILENT, n, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7],
                         t[8], t[9], t[10], t[11]);
}

static void schedules(void **state) {
    static const struct {
        enum sip_method method;
        const char *t1;
        double t[12];
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        /* as the RFC says */
        {SIP_REGISTER, "null", {0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}, PASS},
        {SIP_INVITE, "null", {0, .5, 1.5, 3.5, 7.5, 15.5, 31.5}, PASS},
        {SIP_REGISTER, "0.5", {0, .5, 1.5}, PASS},
        {SIP_REGISTER, "null", {0, 1, 3, 7, 11, 15}, PASS}, /* another T1 */
        {SIP_REGISTER, "null", {0, .1, .3, .7, 1.5, 3.1, 6.3, 10.3}, PASS},
        {SIP_REGISTER, "null", {0, .52, 1.49, 3.6, 7.4}, PASS}, /* jitter */
        /* not */
        {SIP_REGISTER, "null", {0, .5, 1, 1.5, 2}, FAIL},
        {SIP_REGISTER, "null", {0, 1, 2, 3}, FAIL},
        {SIP_REGISTER, "null", {0, 1.5, 3}, FAIL},
        {SIP_REGISTER, "0.5", {0, 1, 3, 7}, FAIL},
        {SIP_INVITE, "null", {0, .5, 1.5, 3.5, 7.5, 11.5}, FAIL},         /* INVITE knows no T2 */
        {SIP_REGISTER, "null", {0, .5, 1.5, 3.5, 7.5, 15.5, 31.5}, FAIL}, /* others do */
        {SIP_REGISTER, "null", {0, 5, 10.5, 30}, FAIL},
        /* a send is missing: the sum of two scheduled gaps */
        {SIP_REGISTER, "null", {0, .5, 3.5, 7.5}, LOSS},
        {SIP_REGISTER, "null", {0, 1.5, 3.5, 7.5, 11.5}, LOSS}, /* the second send */
        {SIP_INVITE, "null", {0, .5, 1.5, 7.5, 15.5}, LOSS},
        {SIP_REGISTER, "0.5", {0, 1.5, 3.5}, LOSS},
    };
    char set[32];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        snprintf(set, sizeof set, "retry.t1_s=%s", cases[i].t1);
        scene_begin(&s, 2, set, NULL);
        sent(&s, cases[i].method, cases[i].t);
        assert_verdict(scene_run(&s, &rule_retry_intervals), cases[i].verdict, cases[i].reason);
        scene_end(&s);
    }
}

static void provisional_responses(void **state) {
    static const struct {
        enum sip_method method;
        double at;
        double t[12];
        enum verdict verdict;
    } cases[] = {
        {SIP_INVITE, 0.6, {0, .5}, VERDICT_PASS},
        {SIP_INVITE, 0.6, {0, .5, 1.5}, VERDICT_FAIL},
        {SIP_INVITE, 1.45, {0, .5, 1.5}, VERDICT_PASS},            /* it crossed the repetition */
        {SIP_REGISTER, 0.6, {0, .5, 1.5, 5.5, 9.5}, VERDICT_PASS}, /* T2 once the timer fired */
        {SIP_REGISTER, 0.6, {0, .5, 4.6, 8.6}, VERDICT_PASS},      /* T2 at once */
        {SIP_REGISTER, 0.6, {0, .5, 1.5, 3.5, 7.5}, VERDICT_FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, NULL);
        scene_answer(&s, sent(&s, cases[i].method, cases[i].t), 100, cases[i].at);
        assert_verdict(scene_run(&s, &rule_retry_intervals), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

static void nothing_after_a_final_response(void **state) {
    static const double t[12] = {0, .5, 1.5};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    scene_answer(&s, sent(&s, SIP_REGISTER, t), 200, 0.6);
    assert_verdict(scene_run(&s, &rule_retry_intervals), FAIL);
    scene_end(&s);
    scene_begin(&s, 2, NULL);
    scene_answer(&s, sent(&s, SIP_REGISTER, t), 200, 1.6);
    assert_verdict(scene_run(&s, &rule_retry_intervals), PASS);
    scene_end(&s);
}

/* Over TCP the repetition is the fault, unless the connection was lost and another opened. */
static void nothing_over_tcp(void **state) {
    static const double t[12] = {0, .5, 1.5};
    struct connection connection = {.t_ns = SCENE_AT(0.4)};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    s.transport = TRANSPORT_TCP;
    sent(&s, SIP_REGISTER, t);
    assert_verdict(scene_run(&s, &rule_retry_intervals), FAIL);
    scene_end(&s);
    scene_begin(&s, 2, NULL);
    s.transport = TRANSPORT_TCP;
    connection.server = scene_server(&s, 1);
    s.phone.connections = &connection;
    s.phone.connection_count = 1;
    scene_attempt(&s, scene_request(&s, SIP_REGISTER), 1, OUTCOME_SILENT, 2, 0.0, 0.5);
    assert_verdict(scene_run(&s, &rule_retry_intervals), VERDICT_INCONCLUSIVE,
                   REASON_NOT_EXERCISED);
    scene_end(&s);
}

static void only_where_it_is_asked(void **state) {
    static const double t[12] = {0, .5, 1, 1.5};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "retry.intervals=any", NULL);
    sent(&s, SIP_REGISTER, t);
    assert_verdict(scene_run(&s, &rule_retry_intervals), VERDICT_NOT_APPLICABLE, REASON_NONE);
    scene_end(&s);
}

/* With other signs of loss more sends may be missing, the first ones too. */
static void signs_of_loss_excuse_more(void **state) {
    static const double t[12] = {0, 2, 14}; /* 4×T1, then three times T2 */
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "retry.t1_s=0.5", NULL);
    sent(&s, SIP_REGISTER, t);
    assert_verdict(scene_run(&s, &rule_retry_intervals), FAIL);
    scene_loss(&s, LOSS_DROP_COUNTER, 0, 1000);
    assert_verdict(scene_run(&s, &rule_retry_intervals), LOSS);
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules),
        cmocka_unit_test(provisional_responses),
        cmocka_unit_test(nothing_after_a_final_response),
        cmocka_unit_test(nothing_over_tcp),
        cmocka_unit_test(only_where_it_is_asked),
        cmocka_unit_test(signs_of_loss_excuse_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
