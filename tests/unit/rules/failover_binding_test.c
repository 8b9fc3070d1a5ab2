/* failover.binding: RFC 3261 8.1.1.7, 9.1, 17.1.1.3; RFC 3263 4. */
#include "scene.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE

static struct request *moved(struct scene *s) {
    struct request *r = scene_request(s, SIP_INVITE);

    scene_attempt(s, r, 1, OUTCOME_SILENT, 1, 0.0);
    scene_answer(s, scene_attempt(s, r, 2, OUTCOME_ANSWERED, 1, 1.0), 486, 1.1);
    return r;
}

static void acks_and_cancels_stay(void **state) {
    static const struct {
        enum sip_method method;
        unsigned server;
        size_t attempt;
        enum verdict verdict;
    } cases[] = {
        {SIP_ACK, 2, 1, VERDICT_PASS},           {SIP_ACK, 1, 1, VERDICT_FAIL},
        {SIP_CANCEL, 2, 1, VERDICT_PASS},        {SIP_CANCEL, 1, 1, VERDICT_FAIL},
        {SIP_CANCEL, 1, SIZE_MAX, VERDICT_PASS}, /* of a request that was not seen: not judged */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, NULL);
        scene_follow(&s, moved(&s), cases[i].method, cases[i].server, cases[i].attempt, 1.2);
        assert_verdict(scene_run(&s, &rule_failover_binding), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

static void the_ack_of_a_2xx_goes_where_the_dialog_leads(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 2, NULL);
    r = scene_request(&s, SIP_INVITE);
    scene_answer(&s, scene_attempt(&s, r, 1, OUTCOME_ANSWERED, 1, 0.0), 200, 0.1);
    scene_follow(&s, r, SIP_ACK, 2, 0, 0.2);
    SCENE_OURS(struct follow, r->follows)[0].of_non_2xx = false;
    assert_verdict(scene_run(&s, &rule_failover_binding), VERDICT_INCONCLUSIVE,
                   REASON_NOT_EXERCISED);
    scene_end(&s);
}

static void another_server_calls_for_a_new_branch(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 2, NULL);
    r = moved(&s);
    assert_verdict(scene_run(&s, &rule_failover_binding), PASS);
    scene_transaction(SCENE_OURS(struct attempt, &r->attempts[1]))->branch =
        r->attempts[0].transaction_list[0].branch;
    assert_verdict(scene_run(&s, &rule_failover_binding), FAIL);
    scene_end(&s);
}

/* Only where the Via names one of the phone's own addresses: behind a NAT it names another. */
static void the_via_names_the_address_it_left_from(void **state) {
    static const struct {
        const char *via;
        enum verdict verdict;
    } cases[] = {{"192.0.2.10", VERDICT_PASS},
                 {"2001:db8::10", VERDICT_FAIL},
                 {"198.51.100.7", VERDICT_PASS}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 2, NULL);
        s.own[1] = scene_ip("2001:db8::10");
        s.phone.address_count = 2;
        r = moved(&s);
        scene_transaction(SCENE_OURS(struct attempt, &r->attempts[1]))->via_ip =
            scene_ip(cases[i].via);
        assert_verdict(scene_run(&s, &rule_failover_binding), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

static void retransmissions_count(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    scene_attempt(&s, scene_request(&s, SIP_REGISTER), 1, OUTCOME_SILENT, 3, 0.0, 0.5, 1.5);
    assert_verdict(scene_run(&s, &rule_failover_binding), PASS);
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acks_and_cancels_stay),
        cmocka_unit_test(the_ack_of_a_2xx_goes_where_the_dialog_leads),
        cmocka_unit_test(another_server_calls_for_a_new_branch),
        cmocka_unit_test(the_via_names_the_address_it_left_from),
        cmocka_unit_test(retransmissions_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
