/* order.priority (RFC 2782 "Priority", RFC 3263 4.3; contract section 6, Known-dead servers, Failed
 * over, Failback). */
#include "lookups.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define UNDECIDED(why) VERDICT_INCONCLUSIVE, REASON_##why

/* Requests, ten seconds apart, as "1S2A 2A": 1S is silent at server 1, A answered with 200, U
 * unavailable, R refused, P provisional only; a small letter is a BYE's (in a dialog). */
static void tell(struct scene *s, const char *text) {
    double t = 1;

    for (const char *at = text; *at; t += 100) {
        struct request *request = scene_request(s, SIP_REGISTER);
        double now = t;
        for (; *at && *at != ' '; at += 2, now += 4) {
            unsigned server = (unsigned)(at[0] - '0');
            struct attempt *attempt;
            if (at[1] == 'S') {
                attempt =
                    scene_attempt(s, request, server, OUTCOME_SILENT, 3, now, now + .5, now + 1.5);
            } else if (at[1] == 'R') {
                attempt = scene_attempt(s, request, server, OUTCOME_REFUSED, 1, now);
            } else if (at[1] == 'P') {
                attempt = scene_attempt(s, request, server, OUTCOME_STALLED, 1, now);
                scene_answer(s, attempt, 100, now + .1);
            } else if (at[1] == 'U') {
                attempt = scene_attempt(s, request, server, OUTCOME_UNAVAILABLE, 1, now);
                scene_answer(s, attempt, 503, now + .1);
            } else {
                attempt = scene_attempt(s, request, server, OUTCOME_ANSWERED, 1, now);
                scene_answer(s, attempt, 200, now + .1);
                request->in_dialog = at[1] == 'a';
            }
        }
        while (*at == ' ')
            at++;
    }
}

static void configured_list(void **state) {
    static const struct {
        const char *text, *mode;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        {"1A", "null", PASS},
        {"2A", "null", FAIL},
        {"3A", "null", FAIL},
        {"1S2A", "null", PASS},
        {"1R2R3A", "null", PASS},
        {"1S3A", "null", FAIL}, /* 2 was not tried */
        {"1U2U3A", "null", PASS},
        {"1S2S1A", "null", FAIL},   /* 3 was not tried */
        {"1S2S3S1A", "null", PASS}, /* round the list */
        /* failed over: the server in use, until it fails; the primary is known dead */
        {"1S2A 2A", "null", PASS},
        {"1S2A 2A", "sticky", PASS},
        {"1S2A 2A", "new-requests", PASS}, /* known dead: failback.mode's business */
        {"1S2A 1A 2A", "new-requests", FAIL},
        {"1S2A 1A 1A", "null", PASS},
        {"1S2A 1A 2A", "null", FAIL},
        {"1S2A 3A", "null", FAIL},   /* worse than the one in use */
        {"1S2A 2S3A", "null", PASS}, /* down */
        {"1S2A 2S1A", "null", PASS}, /* or up again */
        {"1S2S3A 3S1A", "sticky", PASS},
        {"1S2S3A 2A", "null", PASS}, /* 1 is known dead */
        /* elsewhere */
        {"9A", "null", FAIL},
        {"1S9A", "null", FAIL},
        /* not its business */
        {"2a", "null", UNDECIDED(NOT_EXERCISED)},
        {"1P3A", "null", PASS}, /* after stalled, moving on is neither demanded nor forbidden */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        char mode[64];
        snprintf(mode, sizeof mode, "failback.mode=%s", cases[i].mode);
        print_message("%s %s\n", cases[i].text, cases[i].mode);
        scene_begin(&s, 3, mode, NULL);
        tell(&s, cases[i].text);
        assert_verdict(scene_run(&s, &rule_order_priority), cases[i].verdict, cases[i].reason);
        scene_end(&s);
    }
}

/* The scene's own memory, which the story shows as const. */
static void *writable(const void *p) {
    return (void *)(uintptr_t)p;
}

static void exemptions(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL); /* an un-register */
    tell(&s, "2A");
    s.requests[0].unregister = true;
    assert_verdict(scene_run(&s, &rule_order_priority), UNDECIDED(NOT_EXERCISED));
    scene_end(&s);

    scene_begin(&s, 2, NULL); /* credentials at once: it was at work before */
    tell(&s, "2A 2A");
    scene_transaction(writable(&s.requests[0].attempts[0]))->credentials = true;
    struct result result = scene_run(&s, &rule_order_priority);
    assert_verdict(result, PASS); /* the second: there it is in use */
    assert_int_equal(result.occurrences[0].reason, REASON_STARTS_MIDWAY);
    scene_end(&s);

    scene_begin(&s, 2, NULL); /* 503 with Retry-After, then another request */
    tell(&s, "1U2A 2A 2A");
    struct response *response = writable(&s.requests[0].attempts[0].responses[0]);
    response->has_retry_after = true;
    response->retry_after_s = 500;
    assert_verdict(scene_run(&s, &rule_order_priority), PASS);
    scene_end(&s);

    scene_begin(&s, 3, NULL); /* what the capture lost may have been the tries at 2 */
    tell(&s, "1S3A");
    scene_loss(&s, LOSS_DROP_COUNTER, 0, 1000);
    assert_int_equal(scene_run(&s, &rule_order_priority).occurrences[1].reason,
                     REASON_CAPTURE_LOSS);
    scene_end(&s);

    scene_begin(&s, 0, NULL); /* nobody gives the order */
    tell(&s, "2A");
    assert_verdict(scene_run(&s, &rule_order_priority), UNDECIDED(NO_SERVER_LIST));
    scene_end(&s);
}

static void restart_forgets(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    tell(&s, "1S2A 2A");
    s.restarts[0] = SCENE_AT(50);
    s.phone.restart_count = 1;
    assert_verdict(scene_run(&s, &rule_order_priority), FAIL);
    scene_end(&s);
}

/* Two configured servers, registered at both at once: a call goes through the first. */
static void two_servers(void **state) {
    static const struct {
        unsigned invite;
        enum verdict verdict;
    } cases[] = {{1, VERDICT_PASS}, {2, VERDICT_FAIL}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        scene_begin(&s, 2, "dns.mode=auto", NULL);
        tell(&s, "1A 2A");
        struct request *invite = scene_request(&s, SIP_INVITE);
        scene_answer(&s, scene_attempt(&s, invite, cases[i].invite, OUTCOME_ANSWERED, 1, 300.), 486,
                     300.1);
        for (unsigned n = 0; n < 2; n++)
            s.registrations[n] = (struct registration){.server = scene_server(&s, n + 1),
                                                       .t_ns = SCENE_AT(2 + 100 * n),
                                                       .expires_s = 3600,
                                                       .until_ns = SCENE_AT(1000)};
        s.account.registration_count = 2;
        assert_verdict(scene_run(&s, &rule_order_priority), cases[i].verdict, REASON_NONE);
        scene_end(&s);
    }
}

/* A ping of the backup neither breaks the order nor puts the backup in use. */
static void ping(void **state) {
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    tell(&s, "1A 2A 1A");
    s.requests[1].method = SIP_OPTIONS;
    assert_verdict(scene_run(&s, &rule_order_priority), PASS);
    scene_end(&s);
    scene_begin(&s, 2, NULL);
    tell(&s, "1A 2A 2A");
    s.requests[1].method = SIP_OPTIONS;
    assert_verdict(scene_run(&s, &rule_order_priority), FAIL);
    scene_end(&s);
}

/* Lookups: equal priorities, addresses asked when their turn comes, targets passed over. */
static void looked_up(void **state) {
    static const struct {
        const char *srv[3];
        const char *asked; /* of which targets addresses were asked */
        const char *text;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "12", "1A", PASS},
        {{"20 0 5060 sip2", "10 0 5060 sip1"}, "12", "1A", PASS},
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "12", "2A", FAIL},
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "1", "1A", PASS},
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "2", "2A", FAIL}, /* sip1 was never asked */
        {{"10 0 5060 sip1", "10 0 5060 sip2"}, "12", "2A", PASS},
        {{"10 0 5060 sip1", "10 0 5060 sip2", "20 0 5060 sip3"}, "123", "1S2A", PASS},
        {{"10 0 5060 sip1", "10 0 5060 sip2", "20 0 5060 sip3"}, "123", "1S3A", FAIL},
        {{"10 0 5060 sip1", "10 0 5060 sip2", "20 0 5060 sip3"}, "13", "1S3A", FAIL},
        {{"10 0 5060 .", "20 0 5060 sip2"}, "2", "2A", PASS},
        /* an address that no lookup gave may be the one of a target that nobody asked */
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "2", "1A", UNDECIDED(STARTS_MIDWAY)},
        {{"10 0 5060 sip1", "20 0 5060 sip2"}, "12", "7A", FAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct lookups l = {.scene = &s};
        const char *srv[3] = {NULL, NULL, NULL};
        print_message("case %zu\n", i);
        scene_begin(&s, 0, NULL);
        for (size_t k = 0; k < 3 && cases[i].srv[k]; k++)
            srv[k] = strchr(cases[i].srv[k], '.')
                         ? cases[i].srv[k]
                         : arena_printf(&s.arena, "%s.example.com", cases[i].srv[k]);
        lookup(&l, 0.1, "SRV _sip._udp.example.com", srv[0], srv[1], srv[2], NULL);
        for (const char *at = cases[i].asked; *at; at++)
            lookup(&l, 0.2, arena_printf(&s.arena, "A sip%c.example.com", *at),
                   arena_printf(&s.arena, "192.0.2.%c", *at), NULL);
        lookups_walk(&l, "example.com");
        tell(&s, cases[i].text);
        assert_verdict(lookups_run(&l, &rule_order_priority), cases[i].verdict, cases[i].reason);
        lookups_end(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(configured_list),
                                       cmocka_unit_test(exemptions),
                                       cmocka_unit_test(restart_forgets),
                                       cmocka_unit_test(two_servers),
                                       cmocka_unit_test(ping),
                                       cmocka_unit_test(looked_up)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
