/* Does the story put right what a capture shows out of order, and nothing else? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "packets.h"
#include "phone/story.h"

#define PHONE "192.0.2.10"
#define SERVER "192.0.2.1"
#define SECOND "192.0.2.2"
#define MS(n) ((int64_t)(n)*1000000)
#define BASE_NS ((int64_t)1000000000 * 1000000000)

struct scene {
    struct story_builder *builder;
    struct story *story;
    uint32_t frames;
};

static void frame(struct scene *s, int64_t t_ns, struct bytes packet) {
    struct frame frame = {.no = ++s->frames,
                          .t_ns = BASE_NS + t_ns,
                          .link_type = 101,
                          .wire_len = (uint32_t)packet.len,
                          .bytes = {packet.data, packet.len}};

    story_feed(s->builder, &frame);
}

static void datagram(struct scene *s, int64_t t_ns, const char *src, const char *dst,
                     const char *text) {
    frame(s, t_ns, ipv4(src, dst, 17, udp(5060, 5060, text_bytes(text))));
}

/* `n` makes branch and CSeq. */
static const char *message(const char *start, int n, const char *method) {
    static char text[1024];

    snprintf(text, sizeof text,
             "%s\r\nVia: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bK%d\r\n"
             "From: <sip:a@x.org>;tag=1\r\nTo: <sip:a@x.org>\r\nCall-ID: c\r\nCSeq: %d %s\r\n"
             "Contact: <sip:a@" PHONE ">\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n",
             start, n, n, method);
    return text;
}

static void ask(struct scene *s, int64_t t_ns, const char *server, int n) {
    datagram(s, t_ns, PHONE, server, message("REGISTER sip:x.org SIP/2.0", n, "REGISTER"));
}

static void ask_with_credentials(struct scene *s, int64_t t_ns, const char *server, int n) {
    datagram(s, t_ns, PHONE, server,
             message("REGISTER sip:x.org SIP/2.0\r\nAuthorization: Digest username=\"a\"", n,
                     "REGISTER"));
}

static void answer(struct scene *s, int64_t t_ns, const char *server, int n, const char *status) {
    char start[64];

    snprintf(start, sizeof start, "SIP/2.0 %s", status);
    datagram(s, t_ns, server, PHONE, message(start, n, "REGISTER"));
}

static void refuse(struct scene *s, int64_t t_ns, const char *server, int n) {
    struct bytes quoted =
        ipv4(PHONE, server, 17,
             udp(5060, 5060, text_bytes(message("REGISTER sip:x.org SIP/2.0", n, "REGISTER"))));
    struct bytes icmp = {0};

    put_u16(&icmp, 3 << 8 | 3);
    put_u16(&icmp, 0);
    put_u32(&icmp, 0);
    put_bytes(&icmp, quoted);
    frame(s, t_ns, ipv4(server, PHONE, 1, icmp));
}

static void begin(struct scene *s) {
    *s = (struct scene){.builder = story_begin(NULL)};
}

/* The phone's only account. */
static const struct account *end(struct scene *s) {
    s->story = story_end(s->builder, NULL, 0, 0);
    assert_int_equal(s->story->phone_count, 1);
    assert_int_equal(s->story->phones[0].account_count, 1);
    return &s->story->phones[0].accounts[0];
}

static bool has_sign(const struct scene *s, enum loss_kind kind) {
    for (size_t i = 0; i < s->story->phones[0].loss_count; i++)
        if (s->story->phones[0].losses[i].kind == kind)
            return true;
    return false;
}

static void test_response_before_its_request(void **state) {
    static const struct {
        int64_t before_ns;
        bool joins;
    } cases[] = {{MS(0), true}, {MS(2), true}, {MS(5), true}, {MS(6), false}, {MS(500), false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        begin(&s);
        answer(&s, MS(1000) - cases[i].before_ns, SERVER, 1, "200 OK");
        ask(&s, MS(1000), SERVER, 1);
        ask(&s, MS(60000), SERVER, 2);
        answer(&s, MS(60010), SERVER, 2, "200 OK");
        const struct attempt *attempt = &end(&s)->requests[0].attempts[0];
        assert_int_equal(attempt->response_count, cases[i].joins);
        assert_int_equal(has_sign(&s, LOSS_RESPONSE_ONLY), !cases[i].joins);
        if (cases[i].joins) {
            assert_int_equal(attempt->final_frame, 1);
            assert_true(attempt->final_ns >= attempt->t_ns);
        }
        story_free(s.story);
    }
}

/* More wait than there is room for: the oldest are what they seem to be. */
static void test_room(void **state) {
    struct scene s;

    (void)state;
    begin(&s);
    for (int n = 1; n <= 40; n++)
        answer(&s, MS(1000) + n, SERVER, n, "200 OK");
    for (int n = 40; n > 0; n--)
        ask(&s, MS(1001) + n, SERVER, n);
    const struct account *account = end(&s);
    size_t answered = 0;
    for (size_t r = 0; r < account->request_count; r++)
        answered += account->requests[r].outcome == OUTCOME_ANSWERED;
    assert_int_equal(answered, 16);
    assert_true(has_sign(&s, LOSS_RESPONSE_ONLY));
    story_free(s.story);
}

/* The REGISTER with credentials is captured before the 401 that asked for it. */
static void test_next_request_before_the_answer(void **state) {
    struct scene s;

    (void)state;
    begin(&s);
    ask(&s, MS(1000), SERVER, 1);
    ask_with_credentials(&s, MS(1004), SERVER, 2);
    answer(&s, MS(1005), SERVER, 1, "401 Unauthorized");
    answer(&s, MS(1020), SERVER, 2, "200 OK");
    const struct request *request = &end(&s)->requests[0];
    assert_int_equal(request->attempt_count, 2);
    assert_int_equal(request->attempts[0].final_status, 401);
    assert_false(request->attempts[0].responses[0].late);
    assert_true(request->attempts[0].final_ns < request->attempts[1].t_ns);
    assert_true(request->attempts[1].after_challenge);
    story_free(s.story);
}

/* A phone that moved on, and was answered well after that; or in that very moment, which is not why
 * it moved. */
static void test_late_answer_stays_late(void **state) {
    static const struct {
        int64_t after_ns;
        const char *status;
    } cases[] = {{MS(20), "200 OK"}, {MS(2), "200 OK"}, {MS(2), "401 Unauthorized"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s;
        begin(&s);
        ask(&s, MS(1000), SERVER, 1);
        ask(&s, MS(5000), SECOND, 2);
        answer(&s, MS(5000) + cases[i].after_ns, SERVER, 1, cases[i].status);
        answer(&s, MS(5030), SECOND, 2, "200 OK");
        const struct request *request = &end(&s)->requests[0];
        assert_int_equal(request->attempts[0].outcome, OUTCOME_SILENT);
        assert_true(request->attempts[0].responses[0].late);
        story_free(s.story);
    }
}

/* Only the order of the frames is wrong: a repetition before its answer. */
static void test_times_that_step_back(void **state) {
    struct scene s;

    (void)state;
    begin(&s);
    ask(&s, MS(1000), SERVER, 1);
    answer(&s, MS(1501), SERVER, 1, "200 OK");
    ask(&s, MS(1500), SERVER, 1);
    const struct attempt *attempt = &end(&s)->requests[0].attempts[0];
    assert_int_equal(attempt->sends, 2);
    assert_int_equal(attempt->final_ns, BASE_NS + MS(1501));
    assert_false(has_sign(&s, LOSS_RESPONSE_ONLY));
    story_free(s.story);
}

static void test_error_before_its_packet(void **state) {
    static const struct {
        int64_t before_ns;
        enum outcome outcome;
    } cases[] = {{MS(1), OUTCOME_REFUSED}, {MS(300), OUTCOME_SILENT}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        begin(&s);
        refuse(&s, MS(1000) - cases[i].before_ns, SERVER, 1);
        ask(&s, MS(1000), SERVER, 1);
        ask(&s, MS(1500), SECOND, 2);
        answer(&s, MS(1510), SECOND, 2, "200 OK");
        const struct request *request = &end(&s)->requests[0];
        assert_int_equal(request->attempts[0].outcome, cases[i].outcome);
        assert_int_equal(has_sign(&s, LOSS_ERROR_ONLY), cases[i].outcome != OUTCOME_REFUSED);
        story_free(s.story);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_before_its_request),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_next_request_before_the_answer),
        cmocka_unit_test(test_late_answer_stays_late),
        cmocka_unit_test(test_times_that_step_back),
        cmocka_unit_test(test_error_before_its_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
