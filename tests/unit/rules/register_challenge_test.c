/* register.challenge: RFC 3261 22.2 (401), 22.3 (407), 22.4 (stale), 10.2.8 (423). */
#include "scene.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define UNDECIDED(why) VERDICT_INCONCLUSIVE, REASON_##why

/* One REGISTER of the flow and its answer. */
struct step {
    unsigned server;
    const char *credentials; /* nonce; NULL: none */
    uint32_t expires_s;
    unsigned status;   /* 0: silent */
    const char *nonce; /* of the challenge */
    bool stale;
    uint32_t min_expires_s;
};

static struct request *tell(struct scene *s, const struct step *steps, size_t n) {
    struct request *r = scene_request(s, SIP_REGISTER);
    double t = 0;

    for (size_t i = 0; i < n && steps[i].server; i++, t += 0.1) {
        const struct step *step = &steps[i];
        struct attempt *a = scene_attempt(s, r, step->server,
                                          step->status ? OUTCOME_ANSWERED : OUTCOME_SILENT, 1, t);
        struct transaction *transaction = scene_transaction(a);
        transaction->credentials = step->credentials != NULL;
        transaction->nonce = step->credentials
                                 ? intern_text(&s->strings, slice_of_text(step->credentials))
                                 : NULL;
        transaction->expires_s = step->expires_s;
        a->after_challenge = i > 0;
        if (!step->status)
            continue;
        struct response *response = scene_answer(s, a, step->status, t + 0.05);
        response->nonce =
            step->nonce ? intern_text(&s->strings, slice_of_text(step->nonce)) : NULL;
        response->stale = step->stale;
        response->has_min_expires = step->min_expires_s != 0;
        response->min_expires_s = step->min_expires_s;
    }
    return r;
}

static void flows(void **state) {
    static const struct {
        const char *what; /* for the reader */
        struct step steps[5];
        enum verdict verdict;
    } cases[] = {
        {"answered", {{1, NULL, 60, 401, "a", 0, 0}, {1, "a", 60, 200, NULL, 0, 0}}, VERDICT_PASS},
        {"never answered", {{1, NULL, 60, 401, "a", 0, 0}}, VERDICT_FAIL},
        {"at another server",
         {{2, NULL, 60, 401, "a", 0, 0}, {1, "a", 60, 0, NULL, 0, 0}},
         VERDICT_FAIL},
        {"without credentials",
         {{1, NULL, 60, 401, "a", 0, 0},
          {1, NULL, 60, 401, "b", 0, 0},
          {1, "b", 60, 200, NULL, 0, 0}},
         VERDICT_FAIL},
        {"rejected, given up",
         {{1, NULL, 60, 401, "a", 0, 0}, {1, "a", 60, 401, "b", 0, 0}},
         VERDICT_PASS},
        {"rejected, sent again",
         {{1, NULL, 60, 401, "a", 0, 0},
          {1, "a", 60, 401, "b", 0, 0},
          {1, "b", 60, 401, "c", 0, 0}},
         VERDICT_FAIL},
        {"stale, answered again",
         {{1, NULL, 60, 401, "a", 0, 0},
          {1, "a", 60, 401, "b", 1, 0},
          {1, "b", 60, 200, NULL, 0, 0}},
         VERDICT_PASS},
        {"the same nonce again",
         {{1, "old", 60, 401, "a", 0, 0},
          {1, "old", 60, 401, "b", 0, 0},
          {1, "b", 60, 200, NULL, 0, 0}},
         VERDICT_FAIL},
        {"an old nonce, renewed",
         {{1, "old", 60, 401, "a", 0, 0}, {1, "a", 60, 200, NULL, 0, 0}},
         VERDICT_PASS},
        {"proxy and registrar",
         {{1, NULL, 60, 407, "p", 0, 0},
          {1, "p", 60, 401, "r", 0, 0},
          {1, "p", 60, 200, NULL, 0, 0}},
         VERDICT_PASS},
        {"too brief",
         {{1, NULL, 60, 423, NULL, 0, 3600}, {1, NULL, 3600, 200, NULL, 0, 0}},
         VERDICT_PASS},
        {"too brief, longer than asked",
         {{1, NULL, 60, 423, NULL, 0, 3600}, {1, NULL, 7200, 200, NULL, 0, 0}},
         VERDICT_PASS},
        {"too brief again",
         {{1, NULL, 60, 423, NULL, 0, 3600},
          {1, NULL, 60, 423, NULL, 0, 3600},
          {1, NULL, 3600, 200, NULL, 0, 0}},
         VERDICT_FAIL},
        {"too brief, to another server",
         {{1, NULL, 60, 423, NULL, 0, 3600}, {2, NULL, 3600, 200, NULL, 0, 0}},
         VERDICT_FAIL},
        {"too brief, no Min-Expires",
         {{1, NULL, 60, 423, NULL, 0, 0}, {1, NULL, 120, 200, NULL, 0, 0}},
         VERDICT_PASS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        scene_begin(&s, 2, NULL);
        tell(&s, cases[i].steps, 5);
        assert_verdict(scene_run(&s, &rule_register_challenge), cases[i].verdict, REASON_NONE);
        intern_fini(&s.strings);
        scene_end(&s);
    }
}

static void the_capture_may_end_or_lose(void **state) {
    static const struct step steps[] = {{1, NULL, 60, 401, "a", 0, 0}};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    tell(&s, steps, 1);
    s.story.end_ns = SCENE_AT(3);
    assert_verdict(scene_run(&s, &rule_register_challenge), UNDECIDED(ENDS_TOO_EARLY));
    s.story.end_ns = SCENE_AT(1000);
    scene_loss(&s, LOSS_RESPONSE_ONLY, 1, 1);
    assert_verdict(scene_run(&s, &rule_register_challenge), UNDECIDED(CAPTURE_LOSS));
    intern_fini(&s.strings);
    scene_end(&s);
}

/* What comes more than 5 s later is a new request of the story, but the answer all the same. */
static void a_slow_answer_is_an_answer(void **state) {
    static const struct step first[] = {{1, NULL, 60, 401, "a", 0, 0}};
    static const struct step second[] = {{1, "a", 60, 200, NULL, 0, 0}};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, NULL);
    tell(&s, first, 1);
    struct request *r = tell(&s, second, 1);
    SCENE_OURS(struct send, r->attempts[0].send_list)[0].t_ns = SCENE_AT(8);
    assert_verdict(scene_run(&s, &rule_register_challenge), PASS);
    intern_fini(&s.strings);
    scene_end(&s);
}

/* Registered at two configured servers at once: a challenge of one is answered there. */
static void two_registrations_at_once(void **state) {
    static const struct step steps[] = {{1, NULL, 60, 401, "a", 0, 0},
                                        {2, NULL, 60, 401, "b", 0, 0},
                                        {1, "a", 60, 200, NULL, 0, 0},
                                        {2, "b", 60, 200, NULL, 0, 0}};
    struct scene s;

    (void)state;
    scene_begin(&s, 2, "dns.mode=auto", NULL);
    tell(&s, steps, 4);
    assert_verdict(scene_run(&s, &rule_register_challenge), PASS);
    intern_fini(&s.strings);
    scene_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows),
        cmocka_unit_test(the_capture_may_end_or_lose),
        cmocka_unit_test(a_slow_answer_is_an_answer),
        cmocka_unit_test(two_registrations_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
