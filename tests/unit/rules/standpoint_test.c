/* Which of a phone configuration's accounts an account of the capture is judged by. */
#include "rules/expectations/phone_config/phone_config.h"
#include "rules/standpoint.h"
#include "scene.h"

/* Accounts 1 (alice) and 2 (bob) at 192.0.2.1, 3 (any user) at 192.0.2.2, 4 (alice) at 192.0.2.3;
 * 5 (carol) at a name. */
static const char config[] = "account.1.user_name = alice\n"
                             "account.1.sip_server.1.address = 192.0.2.1\n"
                             "account.2.user_name = bob\n"
                             "account.2.sip_server.1.address = 192.0.2.1\n"
                             "account.3.sip_server.1.address = 192.0.2.2\n"
                             "account.4.user_name = alice\n"
                             "account.4.sip_server.1.address = 192.0.2.3\n"
                             "account.5.user_name = carol\n"
                             "account.5.sip_server.1.address = pbx.example.com\n"
                             "account.6.enable = 0\n"
                             "account.6.sip_server.1.address = 192.0.2.6\n";

/* aor NULL: not known. Returns the name of the expectations. */
static const char *judged_by(struct scene *s, const char *aor, unsigned server, char name[64]) {
    struct expectations_error error;
    struct expectations *all =
        phone_config_parse("x.cfg", slice_of_text(config), NULL, NULL, 0, &error);
    struct arena whole = {0}, of_phone = {0}, of_account = {0};

    if (!all)
        fail_msg("%s", error.text);
    scene_begin(s, 0, NULL);
    s->account.aor = aor;
    s->account.host = NULL;
    struct request *request = scene_request(s, SIP_REGISTER);
    scene_answer(s, scene_attempt(s, request, server, OUTCOME_ANSWERED, 1, 0.0), 200, 0.01);
    scene_run(s, &rule_retry_register); /* finishes the story */
    struct standpoints *standpoints = standpoints_new(&s->story, all, &whole);
    standpoints_enter(standpoints, &s->phone, &of_phone);
    const struct standpoint *standpoint = standpoints_for(standpoints, &s->account, &of_account);
    assert_non_null(standpoint->basis);
    assert_non_null(standpoint->records);
    assert_non_null(standpoint->health);
    snprintf(name, 64, "%s", standpoint->expect->name);
    standpoints_leave(standpoints);
    arena_fini(&of_account);
    arena_fini(&of_phone);
    arena_fini(&whole);
    expectations_free(all);
    scene_end(s);
    return name;
}

static void test_who_fits(void **state) {
    static const struct {
        const char *aor;
        unsigned server;
        const char *name;
    } cases[] = {
        {"sip:alice@192.0.2.1", 1, "account 1 of x.cfg"},
        {"sip:bob@example.com", 1, "account 2 of x.cfg"},
        {"sip:alice@example.com", 3, "account 4 of x.cfg"}, /* the same user elsewhere */
        {"sip:dave@example.com", 2, "account 3 of x.cfg"},  /* no user is named there */
        {"sip:alice@example.com", 2, "account 3 of x.cfg"},
        {"sip:dave@example.com", 1, "yealink"},
        {"sip:Alice@example.com", 1, "yealink"}, /* users are told apart by case */
        {"sip:alice@example.com", 9, "yealink"},
        {"sip:carol@pbx.example.com", 9, "account 5 of x.cfg"}, /* the domain is the server's */
        {"sip:dave@example.com", 6, "yealink"},                 /* switched off */
        {NULL, 2, "account 3 of x.cfg"},
        {NULL, 1, "yealink"}, /* alice or bob: nobody can tell */
        {NULL, 9, "yealink"},
    };
    struct scene s;
    char name[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(judged_by(&s, cases[i].aor, cases[i].server, name), cases[i].name);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
