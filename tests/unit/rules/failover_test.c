/* failover.trigger, failover.completes, failover.retry-after (RFC 3263 4.3, RFC 3261 21.5.4;
 * contract section 6, Requests). */
#include "scene.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define LEFT_OUT VERDICT_INCONCLUSIVE, REASON_NOT_EXERCISED
#define UNDECIDED(why) VERDICT_INCONCLUSIVE, REASON_##why

/* A request as text: "1.503 2.200" is 503 from server 1, then 200 from server 2. After the dot a
 * status, or S silent, R refused, P provisional only, C cut, O cut by the end of the capture after
 * 11 sends. */
static struct request *tell(struct scene *s, enum sip_method method, const char *text, double t) {
    struct request *r = scene_request(s, method);

    for (const char *at = text; *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : "") {
        unsigned server = (unsigned)(at[0] - '0'), status = (unsigned)strtoul(at + 2, NULL, 10);
        struct attempt *a;
        if (at[2] == 'S') {
            a = scene_attempt(s, r, server, OUTCOME_SILENT, 3, t, t + .5, t + 1.5);
            t += 3;
        } else if (at[2] == 'R') {
            a = scene_attempt(s, r, server, OUTCOME_REFUSED, 1, t);
        } else if (at[2] == 'C') {
            a = scene_attempt(s, r, server, OUTCOME_CUT, 2, t, t + .5);
            a->in_progress = true;
            r->open = true;
        } else if (at[2] == 'P') {
            a = scene_attempt(s, r, server, OUTCOME_STALLED, 1, t);
            scene_answer(s, a, 100, t + .1);
        } else {
            a = scene_attempt(s, r, server, status == 503 ? OUTCOME_UNAVAILABLE : OUTCOME_ANSWERED,
                              1, t);
            scene_answer(s, a, status, t + .1);
            r->status = status;
        }
        a->after_challenge =
            at != text && (strncmp(at - 4, "401", 3) == 0 || strncmp(at - 4, "407", 3) == 0);
        r->outcome = a->outcome;
        t += .5;
    }
    return r;
}

static void trigger_and_completes(void **state) {
    static const struct {
        enum sip_method method;
        const char *text;
        enum verdict trigger;
        enum reason trigger_reason;
        enum verdict completes;
        enum reason completes_reason;
    } cases[] = {
        /* list of three servers */
        {SIP_REGISTER, "1.200", LEFT_OUT, LEFT_OUT},
        {SIP_REGISTER, "1.401 1.200", PASS, LEFT_OUT},
        {SIP_REGISTER, "1.401 2.200", FAIL, LEFT_OUT},
        {SIP_REGISTER, "1.423 2.200", FAIL, LEFT_OUT},
        {SIP_INVITE, "1.407 1.200", PASS, LEFT_OUT},
        {SIP_INVITE, "1.486", PASS, LEFT_OUT},
        {SIP_INVITE, "1.486 2.200", FAIL, LEFT_OUT},
        {SIP_INVITE, "1.603 2.603", FAIL, LEFT_OUT},
        {SIP_INVITE, "1.500", PASS, LEFT_OUT}, /* 500 is not in failover.on */
        {SIP_REGISTER, "1.S 2.200", PASS, PASS},
        {SIP_REGISTER, "1.S 2.S 3.200", PASS, PASS},
        {SIP_REGISTER, "1.S 2.S 3.S", PASS, PASS}, /* every server tried */
        {SIP_REGISTER, "1.S 2.S", FAIL, FAIL},     /* stops before the end of the list */
        {SIP_REGISTER, "1.S", FAIL, FAIL},
        {SIP_REGISTER, "1.503", FAIL, FAIL},
        {SIP_REGISTER, "1.503 1.200", FAIL, FAIL}, /* stayed */
        {SIP_REGISTER, "1.503 2.401 2.200", PASS, PASS},
        {SIP_REGISTER, "1.503 2.401 1.S 2.200", FAIL, PASS}, /* credentials for the dead primary */
        {SIP_REGISTER, "1.R 2.200", PASS, PASS},
        {SIP_REGISTER, "1.R", FAIL, FAIL},
        {SIP_REGISTER, "1.C", UNDECIDED(ENDS_TOO_EARLY), UNDECIDED(ENDS_TOO_EARLY)},
        {SIP_REGISTER, "1.S 2.C", PASS, UNDECIDED(ENDS_TOO_EARLY)},
        {SIP_INVITE, "1.P", LEFT_OUT, LEFT_OUT},
        {SIP_INVITE, "1.P 2.200", LEFT_OUT, LEFT_OUT}, /* neither demanded nor forbidden */
        {SIP_INVITE, "1.S 2.486", PASS, PASS},
        {SIP_INVITE, "2.S 1.200", PASS, PASS}, /* a better rank is as good */
        {SIP_INVITE, "2.S 1.S", FAIL, FAIL},
        {SIP_OPTIONS, "1.S", LEFT_OUT, LEFT_OUT},
        {SIP_PUBLISH, "1.486 2.200", LEFT_OUT, LEFT_OUT},
        {SIP_SUBSCRIBE, "1.S", FAIL, FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 3, NULL);
        tell(&s, cases[i].method, cases[i].text, 0);
        assert_verdict(scene_run(&s, &rule_failover_trigger), cases[i].trigger,
                       cases[i].trigger_reason);
        assert_verdict(scene_run(&s, &rule_failover_completes), cases[i].completes,
                       cases[i].completes_reason);
        scene_end(&s);
    }
}

static void failover_on_decides(void **state) {
    static const struct {
        const char *on, *text;
        enum verdict trigger;
    } cases[] = {
        {"failover.on=[\"500-599\"]", "1.500 2.200", VERDICT_PASS},
        {"failover.on=[\"500-599\"]", "1.500", VERDICT_FAIL},
        {"failover.on=[\"500-599\"]", "1.503 2.200", VERDICT_PASS},
        {"failover.on=[\"no-response\"]", "1.503 2.200", VERDICT_FAIL},
        {"failover.on=[\"no-response\"]", "1.R 2.200", VERDICT_FAIL},
        {"failover.on=[\"503\"]", "1.S 2.200", VERDICT_FAIL},
        {"failover.on=[\"403\"]", "1.403 2.200", VERDICT_PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, cases[i].on, NULL);
        tell(&s, SIP_REGISTER, cases[i].text, 0);
        assert_verdict(scene_run(&s, &rule_failover_trigger), cases[i].trigger, REASON_NONE);
        scene_end(&s);
    }
}

static void lists_of_one_and_none(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 1, NULL);
    tell(&s, SIP_REGISTER, "1.S", 0);
    assert_verdict(scene_run(&s, &rule_failover_trigger), LEFT_OUT);
    assert_verdict(scene_run(&s, &rule_failover_completes), UNDECIDED(NOWHERE_TO_GO));
    scene_end(&s);
    scene_begin(&s, 0, NULL);
    tell(&s, SIP_REGISTER, "1.S", 0);
    assert_verdict(scene_run(&s, &rule_failover_trigger), UNDECIDED(NO_SERVER_LIST));
    assert_verdict(scene_run(&s, &rule_failover_completes), UNDECIDED(NO_SERVER_LIST));
    scene_end(&s);
    scene_begin(&s, 0, NULL); /* a move after 486 needs no list */
    tell(&s, SIP_INVITE, "1.486 2.200", 0);
    assert_verdict(scene_run(&s, &rule_failover_trigger), FAIL);
    scene_end(&s);
}

static void in_dialog_only_where_asked(void **state) {
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct scene s;
        scene_begin(&s, 2, on ? "failover.in_dialog=true" : "failover.in_dialog=false", NULL);
        tell(&s, SIP_BYE, "1.S", 0)->in_dialog = true;
        if (on) {
            assert_verdict(scene_run(&s, &rule_failover_trigger), FAIL);
            assert_verdict(scene_run(&s, &rule_failover_completes), FAIL);
        } else {
            assert_verdict(scene_run(&s, &rule_failover_trigger), LEFT_OUT);
            assert_verdict(scene_run(&s, &rule_failover_completes), LEFT_OUT);
        }
        scene_end(&s);
    }
}

/* only_registered wins over completes. */
static void only_registered_servers(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "failover.only_registered=true", NULL);
    tell(&s, SIP_INVITE, "1.S", 100);
    assert_verdict(scene_run(&s, &rule_failover_completes), UNDECIDED(NOWHERE_TO_GO));
    s.registrations[0] = (struct registration){.server = scene_server(&s, 2),
                                               .t_ns = SCENE_AT(50),
                                               .expires_s = 3600,
                                               .until_ns = SCENE_AT(900)};
    s.account.registration_count = 1;
    assert_verdict(scene_run(&s, &rule_failover_completes), FAIL);
    scene_end(&s);
}

static void loss_restart_and_hanging_up_excuse(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 2, NULL);
    tell(&s, SIP_REGISTER, "1.S", 0);
    scene_loss(&s, LOSS_NEIGHBOUR, 4, 6);
    assert_verdict(scene_run(&s, &rule_failover_completes), UNDECIDED(CAPTURE_LOSS));
    assert_verdict(scene_run(&s, &rule_failover_trigger), UNDECIDED(CAPTURE_LOSS));
    scene_end(&s);
    scene_begin(&s, 2, NULL);
    tell(&s, SIP_REGISTER, "1.S", 0);
    s.restarts[s.phone.restart_count++] = SCENE_AT(10);
    assert_verdict(scene_run(&s, &rule_failover_completes), LEFT_OUT);
    scene_end(&s);
    scene_begin(&s, 2, NULL);
    r = tell(&s, SIP_INVITE, "1.S", 0);
    scene_follow(&s, r, SIP_CANCEL, 1, 0, 2);
    assert_verdict(scene_run(&s, &rule_failover_completes), LEFT_OUT);
    scene_end(&s);
}

/* Going on at one dead server past 64×T1 fails, whether or not it ever ends. */
static void staying_past_the_timer(void **state) {
    static const double last[] = {31.5, 60, 90};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 2, NULL);
        r = scene_request(&s, SIP_REGISTER);
        scene_attempt(&s, r, 1, OUTCOME_CUT, 3, 0.0, 20.0, last[i])->in_progress = true;
        r->open = true;
        s.story.end_ns = SCENE_AT(last[i] + 1);
        if (i == 0) {
            assert_verdict(scene_run(&s, &rule_failover_completes), UNDECIDED(ENDS_TOO_EARLY));
        } else {
            assert_verdict(scene_run(&s, &rule_failover_completes), FAIL);
            assert_verdict(scene_run(&s, &rule_failover_trigger), FAIL);
        }
        scene_end(&s);
    }
}

static void a_redirection_is_no_failover(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 2, NULL);
    r = tell(&s, SIP_INVITE, "1.302 2.200", 0);
    SCENE_OURS(struct attempt, r->attempts)[1].after_redirect = true;
    assert_verdict(scene_run(&s, &rule_failover_trigger), LEFT_OUT);
    assert_verdict(scene_run(&s, &rule_failover_completes), LEFT_OUT);
    scene_end(&s);
}

/* Two configured servers: two lists. A REGISTER need not go from one to the other, and is two
 * requests where the phone's behaviour reads as one; an INVITE goes on. */
static void two_configured_servers(void **state) {
    static const struct {
        enum sip_method method;
        const char *text;
        enum verdict trigger;
        enum reason trigger_reason;
        enum verdict completes;
        enum reason completes_reason;
    } cases[] = {
        {SIP_REGISTER, "1.S", LEFT_OUT, UNDECIDED(NOWHERE_TO_GO)},
        {SIP_REGISTER, "1.S 2.200", LEFT_OUT, UNDECIDED(NOWHERE_TO_GO)},
        {SIP_REGISTER, "1.401 2.200", LEFT_OUT, LEFT_OUT},
        {SIP_INVITE, "1.S 2.200", PASS, PASS},
        {SIP_INVITE, "1.S", FAIL, FAIL},
        {SIP_INVITE, "1.486 2.200", FAIL, LEFT_OUT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, "dns.mode=auto", NULL);
        tell(&s, cases[i].method, cases[i].text, 0);
        assert_verdict(scene_run(&s, &rule_failover_trigger), cases[i].trigger,
                       cases[i].trigger_reason);
        assert_verdict(scene_run(&s, &rule_failover_completes), cases[i].completes,
                       cases[i].completes_reason);
        scene_end(&s);
    }
}

/* ---- failover.retry-after ---- */

static void retry_after(void **state) {
    static const struct {
        const char *text; /* of a second request, after "1.503 2.200" at 0 s with Retry-After 30 */
        double t, end;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        {"2.200", 20, 1000, PASS},
        {"1.200", 20, 1000, FAIL},
        {"1.200", 28, 1000, PASS}, /* within the tolerance of 3 s */
        {"1.200", 40, 1000, PASS},
        {"2.200", 20, 25, UNDECIDED(ENDS_TOO_EARLY)},
        {"2.S 1.200", 10, 1000, UNDECIDED(NOWHERE_TO_GO)}, /* no other server was left */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct request *r;
        scene_begin(&s, 2, NULL);
        r = tell(&s, SIP_REGISTER, "1.503 2.200", 0);
        SCENE_OURS(struct response, r->attempts[0].responses)[0].has_retry_after = true;
        SCENE_OURS(struct response, r->attempts[0].responses)[0].retry_after_s = 30;
        tell(&s, SIP_INVITE, cases[i].text, cases[i].t);
        s.story.end_ns = SCENE_AT(cases[i].end);
        assert_verdict(scene_run(&s, &rule_failover_retry_after), cases[i].verdict,
                       cases[i].reason);
        scene_end(&s);
    }
}

static void retry_after_of_a_lone_server(void **state) {
    struct scene s;
    struct request *r;

    (void)state;
    scene_begin(&s, 1, NULL);
    r = tell(&s, SIP_REGISTER, "1.503", 0);
    SCENE_OURS(struct response, r->attempts[0].responses)[0].has_retry_after = true;
    SCENE_OURS(struct response, r->attempts[0].responses)[0].retry_after_s = 30;
    tell(&s, SIP_REGISTER, "1.200", 10);
    assert_verdict(scene_run(&s, &rule_failover_retry_after), UNDECIDED(NOWHERE_TO_GO));
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trigger_and_completes),
        cmocka_unit_test(failover_on_decides),
        cmocka_unit_test(lists_of_one_and_none),
        cmocka_unit_test(in_dialog_only_where_asked),
        cmocka_unit_test(only_registered_servers),
        cmocka_unit_test(loss_restart_and_hanging_up_excuse),
        cmocka_unit_test(staying_past_the_timer),
        cmocka_unit_test(a_redirection_is_no_failover),
        cmocka_unit_test(two_configured_servers),
        cmocka_unit_test(retry_after),
        cmocka_unit_test(retry_after_of_a_lone_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
