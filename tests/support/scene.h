/* A small story told by hand, for the unit tests of rules: one phone (192.0.2.10), one account,
 * servers 1, 2, 3 … at 192.0.2.1, .2, .3 in a configured list. Times are seconds; frames count by
 * themselves.
 *
 *     struct scene s;
 *     scene_begin(&s, 2, "retry.register.tries=3", NULL);
 *     struct request *r = scene_request(&s, SIP_REGISTER);
 *     scene_attempt(&s, r, 1, OUTCOME_SILENT, 3, 0.0, 0.5, 1.5);
 *     scene_answer(&s, scene_attempt(&s, r, 2, OUTCOME_ANSWERED, 1, 3.5), 200, 3.51);
 *     assert_verdict(scene_run(&s, &rule_retry_register), VERDICT_PASS, REASON_NONE);
 *     scene_end(&s);
 */
#ifndef TESTS_SUPPORT_SCENE_H
#define TESTS_SUPPORT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/rule.h"

enum { SCENE_REQUESTS = 16, SCENE_ATTEMPTS = 8, SCENE_SENDS = 32, SCENE_RESPONSES = 8 };

struct scene {
    struct intern strings;
    struct arena arena, judged;
    struct expectations *expect;
    struct story story;
    struct phone phone;
    struct account account;
    struct request *requests;
    struct ip_addr own[2];
    struct loss_sign losses[4];
    int64_t restarts[2];
    struct registration registrations[4];
    uint32_t frame;
    unsigned branches;
    struct judge judge;
    enum transport transport;
};

/* The scene made it, so it may change it: what the story shows as const. */
#define SCENE_OURS(type, pointer) ((type *)(uintptr_t)(pointer))

#define SCENE_AT(s) ((int64_t)1000000000 * NS_PER_S + ns_of_seconds(s))

static inline struct ip_addr scene_ip(const char *text) {
    struct ip_addr ip = {0};

    assert_true(ip_parse(slice_of_text(text), &ip));
    return ip;
}

static inline struct server scene_server(const struct scene *s, unsigned n) {
    char text[32];

    snprintf(text, sizeof text, "192.0.2.%u", n);
    return (struct server){.ip = scene_ip(text), .port = 5060, .transport = s->transport};
}

/* `servers` of them configured (0: no list); then --set overrides, NULL ends. The story lasts 1000
 * s. */
static inline void scene_begin(struct scene *s, unsigned servers, ...) {
    const char *overrides[16];
    struct expectations_error error;
    size_t n = 0;
    va_list args;

    *s = (struct scene){.transport = TRANSPORT_UDP};
    if (servers) {
        char *list = arena_new(&s->arena, 64 * servers + 16);
        strcpy(list, "servers=[");
        for (unsigned i = 1; i <= servers; i++)
            sprintf(list + strlen(list), "%s{\"host\":\"192.0.2.%u\",\"transport\":\"naptr\"}",
                    i > 1 ? "," : "", i);
        strcat(list, "]");
        overrides[n++] = "dns.mode=configured";
        overrides[n++] = list;
    }
    va_start(args, servers);
    while (n < 16 && (overrides[n] = va_arg(args, const char *)) != NULL)
        n++;
    va_end(args);
    s->expect = expectations_read(NULL, overrides, n, &error);
    if (!s->expect)
        fail_msg("%s", error.text);
    s->requests = ARENA_ARRAY(&s->arena, struct request, SCENE_REQUESTS);
    s->own[0] = scene_ip("192.0.2.10");
    s->phone.addresses = s->own;
    s->phone.address_count = 1;
    s->phone.accounts = &s->account;
    s->phone.account_count = 1;
    s->phone.first_ns = SCENE_AT(0);
    s->phone.last_ns = SCENE_AT(1000);
    s->phone.losses = s->losses;
    s->phone.restarts_ns = s->restarts;
    s->account.aor = "sip:alice@example.com";
    s->account.host = "192.0.2.1";
    s->account.registers = true;
    s->account.requests = s->requests;
    s->account.registrations = s->registrations;
    s->story.start_ns = SCENE_AT(0);
    s->story.end_ns = SCENE_AT(1000);
    s->story.phones = &s->phone;
    s->story.phone_count = 1;
}

static inline struct request *scene_request(struct scene *s, enum sip_method method) {
    struct request *request = &s->requests[s->account.request_count++];

    assert_true(s->account.request_count <= SCENE_REQUESTS);
    request->method = method;
    request->method_text = sip_method_name(method);
    request->call_id = arena_printf(&s->arena, "call-%zu", s->account.request_count);
    request->uri = "sip:example.com";
    request->attempts = ARENA_ARRAY(&s->arena, struct attempt, SCENE_ATTEMPTS);
    request->follows = ARENA_ARRAY(&s->arena, struct follow, SCENE_RESPONSES);
    return request;
}

/* One attempt, one transaction; `sends` times follow. */
static inline struct attempt *scene_attempt(struct scene *s, struct request *request,
                                            unsigned server, enum outcome outcome, int sends, ...) {
    struct attempt *attempt =
        SCENE_OURS(struct attempt, &request->attempts[request->attempt_count++]);
    struct transaction *transaction = ARENA_ARRAY(&s->arena, struct transaction, 1);
    struct send *list = ARENA_ARRAY(&s->arena, struct send, SCENE_SENDS);
    va_list args;

    assert_true(request->attempt_count <= SCENE_ATTEMPTS && sends <= SCENE_SENDS);
    va_start(args, sends);
    for (int i = 0; i < sends; i++)
        list[i] = (struct send){.frame = ++s->frame, .t_ns = SCENE_AT(va_arg(args, double))};
    va_end(args);
    *transaction =
        (struct transaction){.branch = arena_printf(&s->arena, "z9hG4bK%u", ++s->branches),
                             .call_id = request->call_id,
                             .source = {s->own[0], 5060},
                             .via_ip = s->own[0],
                             .via_port = 5060,
                             .has_expires = true,
                             .expires_s = 60,
                             .send_count = (size_t)sends,
                             .size = 500};
    attempt->server = scene_server(s, server);
    attempt->outcome = outcome;
    attempt->sends = (unsigned)sends;
    attempt->tries = s->transport == TRANSPORT_UDP ? (unsigned)sends : 1;
    attempt->transactions = 1;
    attempt->retransmissions = (unsigned)sends - 1;
    attempt->call_id = request->call_id;
    attempt->t_ns = list[0].t_ns;
    attempt->end_ns = list[sends - 1].t_ns;
    attempt->transaction_list = transaction;
    attempt->send_list = list;
    attempt->send_count = (size_t)sends;
    attempt->responses = ARENA_ARRAY(&s->arena, struct response, SCENE_RESPONSES);
    if (request->attempt_count == 1)
        request->t_ns = attempt->t_ns;
    request->end_ns = attempt->end_ns;
    request->outcome = outcome;
    return attempt;
}

/* A response to the attempt's transaction; the last added is the last seen. */
static inline struct response *scene_answer(struct scene *s, struct attempt *attempt,
                                            unsigned status, double t) {
    struct response *response =
        SCENE_OURS(struct response, &attempt->responses[attempt->response_count++]);

    *response = (struct response){.frame = ++s->frame, .t_ns = SCENE_AT(t), .status = status};
    attempt->end_ns = response->t_ns;
    if (status >= 200) {
        attempt->final_status = status;
        attempt->final_frame = response->frame;
        attempt->final_ns = response->t_ns;
    }
    return response;
}

static inline struct transaction *scene_transaction(struct attempt *attempt) {
    return SCENE_OURS(struct transaction, attempt->transaction_list);
}

static inline void scene_follow(struct scene *s, struct request *request, enum sip_method method,
                                unsigned server, size_t attempt, double t) {
    struct follow *follow = SCENE_OURS(struct follow, &request->follows[request->follow_count++]);

    *follow = (struct follow){.method = method,
                              .frame = ++s->frame,
                              .t_ns = SCENE_AT(t),
                              .server = scene_server(s, server),
                              .attempt = attempt,
                              .of_non_2xx = method == SIP_ACK};
}

static inline void scene_loss(struct scene *s, enum loss_kind kind, double from, double to) {
    s->losses[s->phone.loss_count++] =
        (struct loss_sign){.kind = kind, .from_ns = SCENE_AT(from), .to_ns = SCENE_AT(to)};
}

/* What the rule says of it; valid until the next run or scene_end. Without details, when passed
 * occurrences are only counted, it must say the same. */
static inline struct result scene_run(struct scene *s, const struct rule *rule) {
    static struct server_view view;
    struct result result;
    enum verdict brief;

    arena_clear(&s->judged);
    ARRAY_FINI(&s->judge.occurrences);
    s->judge = (struct judge){.story = &s->story,
                              .phone = &s->phone,
                              .account = &s->account,
                              .expect = s->expect,
                              .view = &view,
                              .arena = &s->judged};
    server_view_build(&view, &s->phone, &s->account, s->expect, &s->judged);
    brief = rule_run(rule, &s->judge).verdict;
    s->judge.details = true;
    result = rule_run(rule, &s->judge);
    assert_int_equal(brief, result.verdict);
    return result;
}

static inline void scene_end(struct scene *s) {
    ARRAY_FINI(&s->judge.occurrences);
    arena_fini(&s->judged);
    arena_fini(&s->arena);
    expectations_free(s->expect);
}

static inline void scene_assert(struct result result, enum verdict verdict, enum reason reason,
                                const char *file, int line) {
    if (result.verdict != verdict || result.reason != reason) {
        print_error("%s: %s %s (%s), expected %s %s\n", result.rule->id,
                    verdict_name(result.verdict), result.reason ? reason_name(result.reason) : "",
                    result.message ? result.message : "-", verdict_name(verdict),
                    reason ? reason_name(reason) : "");
        _fail(file, line);
    }
}
#define assert_verdict(result, ...) scene_assert((result), __VA_ARGS__, __FILE__, __LINE__)

#endif
