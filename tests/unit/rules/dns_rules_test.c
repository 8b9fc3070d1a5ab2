/* dns.chain, dns.naptr and order.transport over lookups told by hand (RFC 3263 4.1, 4.2). */
#include "lookups.h"

#define PASS VERDICT_PASS, REASON_NONE
#define FAIL VERDICT_FAIL, REASON_NONE
#define UNDECIDED(why) VERDICT_INCONCLUSIVE, REASON_##why
#define NOT_ASKED VERDICT_NOT_APPLICABLE, REASON_NONE

#define MAX_STEPS 8

struct step {
    const char *question, *records[3];
};

struct example {
    const char *what;
    const char *set; /* an expectation; NULL: none */
    struct step steps[MAX_STEPS];
    unsigned server; /* where the REGISTER goes; 0: there is none */
    unsigned port;
    enum transport transport;
    enum verdict chain;
    enum reason chain_reason;
    enum verdict naptr;
    enum reason naptr_reason;
    enum verdict at; /* order.transport */
    enum reason at_reason;
};

#define NAPTR_UDP                                                                                  \
    {                                                                                              \
        "NAPTR example.com", {                                                                     \
            "10 10 s sip+d2u _sip._udp.example.com"                                                \
        }                                                                                          \
    }
#define NAPTR_BOTH                                                                                 \
    {                                                                                              \
        "NAPTR example.com", {                                                                     \
            "10 10 s sip+d2t _sip._tcp.example.com", "20 10 s sip+d2u _sip._udp.example.com"       \
        }                                                                                          \
    }
#define SRV_UDP                                                                                    \
    {                                                                                              \
        "SRV _sip._udp.example.com", {                                                             \
            "10 0 5060 sip1.example.com", "20 0 5060 sip2.example.com"                             \
        }                                                                                          \
    }
#define SRV_TCP                                                                                    \
    {                                                                                              \
        "SRV _sip._tcp.example.com", {                                                             \
            "10 0 5070 sip1.example.com", "20 0 5070 sip2.example.com"                             \
        }                                                                                          \
    }
#define A_1                                                                                        \
    {                                                                                              \
        "A sip1.example.com", {                                                                    \
            "192.0.2.1"                                                                            \
        }                                                                                          \
    }
#define A_2                                                                                        \
    {                                                                                              \
        "A sip2.example.com", {                                                                    \
            "192.0.2.2"                                                                            \
        }                                                                                          \
    }
#define A_HOST                                                                                     \
    {                                                                                              \
        "A example.com", {                                                                         \
            "192.0.2.3"                                                                            \
        }                                                                                          \
    }

static const struct example EXAMPLES[] = {
    {"the whole chain",
     NULL,
     {NAPTR_UDP, SRV_UDP, A_1, A_2},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     PASS,
     PASS},
    {"addresses in turn",
     NULL,
     {NAPTR_UDP, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     PASS,
     PASS},
    {"only the backup's address",
     NULL,
     {NAPTR_UDP, SRV_UDP, A_2},
     2,
     5060,
     TRANSPORT_UDP,
     FAIL,
     PASS,
     PASS},
    {"no SRV", NULL, {NAPTR_UDP, A_HOST}, 3, 5060, TRANSPORT_UDP, FAIL, PASS, PASS},
    {"a chain that begins with SRV",
     NULL,
     {SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"the same where NAPTR is due",
     "dns.mode=naptr",
     {SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"NAPTR where SRV is due",
     "dns.mode=srv",
     {NAPTR_UDP, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     NOT_ASKED,
     PASS},
    {"A alone", "dns.mode=a", {A_HOST}, 3, 5060, TRANSPORT_UDP, PASS, NOT_ASKED, PASS},
    {"SRV where A alone is due",
     "dns.mode=a",
     {SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     NOT_ASKED,
     UNDECIDED(NO_SERVER_LIST)},
    {"empty answers",
     NULL,
     {{"NAPTR example.com", {NULL}}, {"SRV _sip._udp.example.com", {NULL}}, A_HOST},
     3,
     5060,
     TRANSPORT_UDP,
     PASS,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"an empty NAPTR, then A at once",
     NULL,
     {{"NAPTR example.com", {NULL}}, A_HOST},
     3,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"after empty answers the port is 5060",
     NULL,
     {{"NAPTR example.com", {NULL}}, {"SRV _sip._udp.example.com", {NULL}}, A_HOST},
     3,
     5080,
     TRANSPORT_UDP,
     PASS,
     UNDECIDED(NOT_EXERCISED),
     FAIL},
    {"no answer to NAPTR",
     NULL,
     {{"NAPTR example.com", {"?"}}, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     UNDECIDED(NOT_EXERCISED),
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"an empty flag",
     NULL,
     {{"NAPTR example.com", {"10 10 - sip+d2u voice.example.com"}},
      {"NAPTR voice.example.com", {"10 10 s sip+d2u _sip._udp.example.com"}},
      SRV_UDP,
      A_1},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     PASS,
     PASS},
    {"an empty flag not followed",
     NULL,
     {{"NAPTR example.com", {"10 10 - sip+d2u voice.example.com"}}, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"flag a",
     NULL,
     {{"NAPTR example.com", {"10 10 a sip+d2t sip1.example.com"}}, A_1},
     1,
     5060,
     TRANSPORT_TCP,
     PASS,
     PASS,
     PASS},
    {"the lowest order",
     NULL,
     {NAPTR_BOTH, SRV_TCP, A_1},
     1,
     5070,
     TRANSPORT_TCP,
     PASS,
     PASS,
     PASS},
    {"a higher order", NULL, {NAPTR_BOTH, SRV_UDP, A_1}, 1, 5060, TRANSPORT_UDP, PASS, FAIL, PASS},
    {"the same of a phone without TCP",
     "dns.transports=[\"udp\"]",
     {NAPTR_BOTH, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     PASS,
     PASS},
    {"the better service has no servers",
     NULL,
     {NAPTR_BOTH, {"SRV _sip._tcp.example.com", {NULL}}, SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     PASS,
     PASS},
    {"the port of another service",
     NULL,
     {NAPTR_BOTH, SRV_TCP, A_1},
     1,
     5060,
     TRANSPORT_TCP,
     PASS,
     PASS,
     FAIL},
    {"UDP to the TCP service",
     NULL,
     {NAPTR_BOTH, SRV_TCP, A_1},
     1,
     5070,
     TRANSPORT_UDP,
     PASS,
     FAIL,
     FAIL},
    {"the host's address instead of a target's",
     NULL,
     {SRV_UDP, A_HOST, A_1},
     3,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     UNDECIDED(NOT_EXERCISED)},
    {"no service",
     NULL,
     {{"SRV _sip._udp.example.com", {"0 0 0 ."}}},
     0,
     0,
     TRANSPORT_UDP,
     PASS,
     UNDECIDED(NOT_EXERCISED),
     UNDECIDED(NOT_EXERCISED)},
    {"no service, but the host's address",
     NULL,
     {{"SRV _sip._udp.example.com", {"0 0 0 ."}}, A_HOST},
     3,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     UNDECIDED(NO_SERVER_LIST)},
    {"additional addresses",
     NULL,
     {{"SRV _sip._udp.example.com",
       {"10 0 5060 sip1.example.com", "+A sip1.example.com 192.0.2.1"}}},
     1,
     5060,
     TRANSPORT_UDP,
     PASS,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"additional addresses that must not serve",
     "dns.additional=ignore",
     {{"SRV _sip._udp.example.com",
       {"10 0 5060 sip1.example.com", "+A sip1.example.com 192.0.2.1"}}},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     UNDECIDED(NO_SERVER_LIST)},
    {"additional addresses that must serve",
     "dns.additional=use",
     {{"SRV _sip._udp.example.com",
       {"10 0 5060 sip1.example.com", "+A sip1.example.com 192.0.2.1"}},
      A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     UNDECIDED(NOT_EXERCISED),
     PASS},
    {"a configured port",
     "servers=[{\"host\":\"example.com\",\"port\":5080}]",
     {A_HOST},
     3,
     5080,
     TRANSPORT_UDP,
     PASS,
     NOT_ASKED,
     PASS},
    {"a configured port, not used",
     "servers=[{\"host\":\"example.com\",\"port\":5080}]",
     {A_HOST},
     3,
     5060,
     TRANSPORT_UDP,
     PASS,
     NOT_ASKED,
     FAIL},
    {"a configured transport",
     "servers=[{\"host\":\"example.com\",\"transport\":\"tcp\"}]",
     {SRV_TCP, A_1},
     1,
     5070,
     TRANSPORT_TCP,
     PASS,
     NOT_ASKED,
     PASS},
    {"a configured transport, SRV of another",
     "servers=[{\"host\":\"example.com\",\"transport\":\"tcp\"}]",
     {SRV_UDP, A_1},
     1,
     5060,
     TRANSPORT_UDP,
     FAIL,
     NOT_ASKED,
     UNDECIDED(NO_SERVER_LIST)},
};

static void judge_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof EXAMPLES[0]; i++) {
        const struct example *e = &EXAMPLES[i];
        struct scene s;
        struct lookups l = {.scene = &s};
        print_message("%s\n", e->what);
        scene_begin(&s, 0, e->set, NULL);
        for (size_t k = 0; k < MAX_STEPS && e->steps[k].question; k++)
            lookup(&l, .1 * (double)k, e->steps[k].question, e->steps[k].records[0],
                   e->steps[k].records[1], e->steps[k].records[2], NULL);
        lookups_walk(&l, "example.com");
        if (e->server) {
            struct request *request = scene_request(&s, SIP_REGISTER);
            struct attempt *attempt =
                scene_attempt(&s, request, e->server, OUTCOME_ANSWERED, 1, 2.0);
            scene_answer(&s, attempt, 200, 2.1);
            attempt->server.port = (uint16_t)e->port;
            attempt->server.transport = e->transport;
        }
        assert_verdict(lookups_run(&l, &rule_dns_chain), e->chain, e->chain_reason);
        assert_verdict(lookups_run(&l, &rule_dns_naptr), e->naptr, e->naptr_reason);
        assert_verdict(lookups_run(&l, &rule_order_transport), e->at, e->at_reason);
        lookups_end(&l);
    }
}

/* RFC 3261 18.1.1: over 1300 bytes a request goes over TCP. */
static void large_request(void **state) {
    struct scene s;
    struct lookups l = {.scene = &s};

    (void)state;
    scene_begin(&s, 0, NULL);
    lookup(&l, 0, "SRV _sip._udp.example.com", "10 0 5060 sip1.example.com", NULL);
    lookup(&l, .1, "A sip1.example.com", "192.0.2.1", NULL);
    lookups_walk(&l, "example.com");
    struct request *request = scene_request(&s, SIP_INVITE);
    struct attempt *attempt = scene_attempt(&s, request, 1, OUTCOME_ANSWERED, 1, 2.0);
    scene_answer(&s, attempt, 486, 2.1);
    attempt->server.transport = TRANSPORT_TCP;
    assert_verdict(lookups_run(&l, &rule_order_transport), FAIL);
    scene_transaction(attempt)->size = 1301;
    assert_verdict(lookups_run(&l, &rule_order_transport), PASS);
    lookups_end(&l);
}

/* A cached record serves as long as it lives, and a renewed address conforms. */
static void caches(void **state) {
    static const struct {
        double t;
        const char *question, *record;
        enum verdict verdict;
    } cases[] = {
        {100, "A sip1.example.com", "192.0.2.1", VERDICT_PASS}, /* renewed */
        {100, "SRV _sip._udp.example.com", "10 0 5060 sip1.example.com",
         VERDICT_PASS}, /* NAPTR lives */
        {900, "SRV _sip._udp.example.com", "10 0 5060 sip1.example.com", VERDICT_FAIL},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct lookups l = {.scene = &s};
        scene_begin(&s, 0, "dns.mode=naptr", NULL);
        lookup(&l, 0, "NAPTR example.com", "10 10 s sip+d2u _sip._udp.example.com", NULL);
        lookup(&l, .1, "SRV _sip._udp.example.com", "10 0 5060 sip1.example.com", NULL);
        lookup(&l, .2, "A sip1.example.com", "192.0.2.1", NULL);
        lookups_walk(&l, "example.com");
        lookup(&l, cases[i].t, cases[i].question, cases[i].record, NULL);
        lookups_walk(&l, "example.com");
        struct request *request = scene_request(&s, SIP_REGISTER);
        scene_answer(&s, scene_attempt(&s, request, 1, OUTCOME_ANSWERED, 1, cases[i].t + 1), 200,
                     cases[i].t + 1.1);
        assert_verdict(lookups_run(&l, &rule_dns_chain), cases[i].verdict, REASON_NONE);
        lookups_end(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(judge_examples),
                                       cmocka_unit_test(large_request), cmocka_unit_test(caches)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
