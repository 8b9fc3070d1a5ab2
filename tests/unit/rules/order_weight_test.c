/* order.weight (RFC 2782 "Weight"; Yealink, Appendix A: highest weight first). */
#include "lookups.h"

enum { CHOICES_MAX = 200 };

/* One request for each digit: the target it goes to, answered. */
static void choose(struct scene *s, const char *digits, bool anew, struct lookups *l,
                   const char *const *srv) {
    s->requests = ARENA_ARRAY(&s->arena, struct request, CHOICES_MAX);
    s->account.requests = s->requests;
    for (size_t i = 0; digits[i]; i++) {
        double t = 1 + (double)i * 4;
        struct request *request = &s->requests[s->account.request_count++];
        if (!i || anew) {
            lookup(l, t - .1, "SRV _sip._udp.example.com", srv[0], srv[1], srv[2], NULL);
            if (!i)
                for (int n = 1; n <= 3; n++)
                    lookup(l, t - .05, arena_printf(&s->arena, "A sip%d.example.com", n),
                           arena_printf(&s->arena, "192.0.2.%d", n), NULL);
            lookups_walk(l, "example.com");
        }
        request->method = SIP_REGISTER;
        request->method_text = "REGISTER";
        request->attempts = ARENA_ARRAY(&s->arena, struct attempt, SCENE_ATTEMPTS);
        scene_answer(s,
                     scene_attempt(s, request, (unsigned)(digits[i] - '0'), OUTCOME_ANSWERED, 1, t),
                     200, t + .1);
    }
}

#define TEN(x) x x x x x x x x x x

static void shares(void **state) {
    static const struct {
        const char *srv[3], *digits;
        enum verdict verdict;
        enum reason reason;
    } cases[] = {
        {{"10 1 5060 sip1.example.com", "10 1 5060 sip2.example.com"},
         TEN("1212"),
         VERDICT_PASS,
         0},
        {{"10 1 5060 sip1.example.com", "10 1 5060 sip2.example.com"},
         TEN("1111"),
         VERDICT_FAIL,
         0},
        {{"10 3 5060 sip1.example.com", "10 1 5060 sip2.example.com"},
         TEN("1112"),
         VERDICT_PASS,
         0},
        {{"10 3 5060 sip1.example.com", "10 1 5060 sip2.example.com"},
         TEN("2221"),
         VERDICT_FAIL,
         0},
        /* weight 0 has a very small chance, not none */
        {{"10 0 5060 sip1.example.com", "10 100 5060 sip2.example.com"},
         TEN("2222"),
         VERDICT_PASS,
         0},
        {{"10 0 5060 sip1.example.com", "10 100 5060 sip2.example.com"},
         "1" TEN("2222"),
         VERDICT_PASS,
         0},
        {{"10 0 5060 sip1.example.com", "10 100 5060 sip2.example.com"},
         TEN("1222"),
         VERDICT_FAIL,
         0},
        {{"10 0 5060 sip1.example.com", "10 0 5060 sip2.example.com"},
         TEN("1212"),
         VERDICT_PASS,
         0},
        {{"10 1 5060 sip1.example.com", "10 1 5060 sip2.example.com"},
         TEN("12"),
         VERDICT_INCONCLUSIVE,
         REASON_TOO_FEW_CHOICES},
        /* another priority is no choice */
        {{"10 1 5060 sip1.example.com", "20 1 5060 sip2.example.com"},
         TEN("1111"),
         VERDICT_INCONCLUSIVE,
         REASON_NOT_EXERCISED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct lookups l = {.scene = &s};
        print_message("case %zu\n", i);
        scene_begin(&s, 0, NULL);
        choose(&s, cases[i].digits, true, &l, cases[i].srv);
        assert_verdict(lookups_run(&l, &rule_order_weight), cases[i].verdict, cases[i].reason);
        lookups_end(&l);
    }
}

/* A phone that stays with its server chose once; one that moves about chooses each time. */
static void staying_is_no_choice(void **state) {
    static const char *const srv[] = {"10 1 5060 sip1.example.com", "10 1 5060 sip2.example.com",
                                      NULL};
    struct scene s;
    struct lookups l = {.scene = &s};

    (void)state;
    scene_begin(&s, 0, NULL);
    choose(&s, TEN("1111"), false, &l, srv);
    assert_verdict(lookups_run(&l, &rule_order_weight), VERDICT_INCONCLUSIVE,
                   REASON_TOO_FEW_CHOICES);
    lookups_end(&l);

    l = (struct lookups){.scene = &s};
    scene_begin(&s, 0, NULL);
    choose(&s, TEN("1221"), false, &l, srv);
    assert_verdict(lookups_run(&l, &rule_order_weight), VERDICT_PASS, REASON_NONE);
    lookups_end(&l);
}

static void highest_first(void **state) {
    static const struct {
        const char *digits; /* the first request's attempts; all but the last are silent */
        enum verdict verdict;
    } cases[] = {
        {"2", VERDICT_PASS},  {"1", VERDICT_FAIL},  {"3", VERDICT_FAIL},
        {"23", VERDICT_PASS}, {"21", VERDICT_FAIL}, {"231", VERDICT_PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        struct lookups l = {.scene = &s};
        print_message("%s\n", cases[i].digits);
        scene_begin(&s, 0, "dns.weight=highest-first", NULL);
        lookup(&l, 0.1, "SRV _sip._udp.example.com", "0 1 5060 sip1.example.com",
               "0 3 5060 sip2.example.com", "0 2 5060 sip3.example.com", NULL);
        for (int n = 1; n <= 3; n++)
            lookup(&l, 0.2, arena_printf(&s.arena, "A sip%d.example.com", n),
                   arena_printf(&s.arena, "192.0.2.%d", n), NULL);
        lookups_walk(&l, "example.com");
        struct request *request = scene_request(&s, SIP_REGISTER);
        for (size_t k = 0; cases[i].digits[k]; k++) {
            unsigned server = (unsigned)(cases[i].digits[k] - '0');
            double t = 1 + (double)k * 4;
            if (cases[i].digits[k + 1])
                scene_attempt(&s, request, server, OUTCOME_SILENT, 2, t, t + .5);
            else
                scene_answer(&s, scene_attempt(&s, request, server, OUTCOME_ANSWERED, 1, t), 200,
                             t + .1);
        }
        assert_verdict(lookups_run(&l, &rule_order_weight), cases[i].verdict, REASON_NONE);
        lookups_end(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares),
                                       cmocka_unit_test(staying_is_no_choice),
                                       cmocka_unit_test(highest_first)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
