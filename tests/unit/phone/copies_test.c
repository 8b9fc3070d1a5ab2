/* Does a packet that the capture holds more than once count once, and what the phone sent twice
 * twice? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "packets.h"
#include "phone/story.h"

#define MS(n) ((int64_t)((n)*1e6))
#define BASE_NS ((int64_t)1000000000 * 1000000000)
#define PHONE "192.0.2.10"
#define OTHER "192.0.2.11"
#define OUTER "198.51.100.9"
#define SERVER "203.0.113.1"

/* A packet of a SIP message; what is 0 is as usual. */
struct sent {
    double ms; /* 0 for the first: after the last one's */
    const char *src, *dst;
    unsigned src_port, dst_port, id, hops, point;
    const char *text;
};

struct scene {
    struct story_builder *builder;
    uint32_t frames;
};

static const char *request(const char *method, int n, const char *user, const char *more) {
    static char text[4][1024];
    static unsigned at;

    snprintf(text[++at % 4], sizeof text[0],
             "%s sip:x.org SIP/2.0\r\n%sVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK%s%d\r\n"
             "From: <sip:%s@x.org>;tag=1\r\nTo: <sip:%s@x.org>\r\nCall-ID: %s\r\n"
             "CSeq: %d %s\r\nContact: <sip:%s@192.0.2.10>\r\nContent-Length: 0\r\n\r\n",
             method, more, user, n, user, user, user, n, method, user);
    return text[at % 4];
}

static const char *response(int n, const char *status) {
    static char text[1024];

    snprintf(text, sizeof text,
             "SIP/2.0 %s\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKa%d\r\n"
             "From: <sip:a@x.org>;tag=1\r\nTo: <sip:a@x.org>;tag=2\r\nCall-ID: a\r\n"
             "CSeq: %d REGISTER\r\nContent-Length: 0\r\n\r\n",
             status, n, n);
    return text;
}

static void feed_packet(struct scene *s, double ms, struct bytes packet, const struct sent *in) {
    struct frame frame = {.no = ++s->frames,
                          .t_ns = BASE_NS + MS(ms),
                          .link_type = 101,
                          .wire_len = (uint32_t)packet.len,
                          .point = (uint16_t)in->point};

    packet.data[4] = (uint8_t)(in->id >> 8);
    packet.data[5] = (uint8_t)in->id;
    packet.data[8] = (uint8_t)(in->hops ? in->hops : 64);
    frame.bytes = slice_of(packet.data, packet.len);
    story_feed(s->builder, &frame);
}

static void feed_sent(struct scene *s, const struct sent *in) {
    const char *src = in->src ? in->src : PHONE, *dst = in->dst ? in->dst : SERVER;

    feed_packet(s, in->ms,
                ipv4(src, dst, 17,
                     udp(in->src_port ? in->src_port : 5060, in->dst_port ? in->dst_port : 5060,
                         text_bytes(in->text))),
                in);
}

static struct story *end(struct scene *s) {
    return story_end(s->builder, NULL, 0, 0);
}

static size_t count_sends(const struct story *story) {
    size_t sends = 0;

    for (size_t p = 0; p < story->phone_count; p++)
        for (size_t a = 0; a < story->phones[p].account_count; a++) {
            const struct account *account = &story->phones[p].accounts[a];
            for (size_t r = 0; r < account->request_count; r++)
                for (size_t n = 0; n < account->requests[r].attempt_count; n++)
                    sends += account->requests[r].attempts[n].sends;
        }
    return sends;
}

/* One REGISTER, and what follows it. */
static void test_pairs(void **state) {
    static const struct {
        const char *what;
        struct sent next;
        size_t sends;
        unsigned id;
    } cases[] = {
        {"mirror port", {.ms = 0.01, .id = 7}, 1, 7},
        {"captured before", {.ms = -0.01, .id = 7}, 1, 7},
        {"within some milliseconds", {.ms = 9, .id = 7}, 1, 7},
        {"router", {.ms = 0.2, .id = 7, .hops = 63}, 1, 7},
        {"router, far side first", {.ms = 0.2, .id = 7, .hops = 65}, 1, 7},
        {"retransmission", {.ms = 500, .id = 8}, 2, 7},
        {"retransmission, no identification", {.ms = 500}, 2, 0},
        {"retransmission, constant identification", {.ms = 500, .id = 7}, 2, 7},
        {"sent twice", {.ms = 2, .id = 8}, 2, 7},
        {"NAT", {.ms = 0.2, .id = 7, .hops = 63, .src = OUTER, .src_port = 40000}, 1, 7},
        {"NAT that numbers", {.ms = 0.2, .id = 9, .hops = 63, .src = OUTER}, 1, 7},
        {"no identification, another way", {.ms = 0.2, .hops = 63}, 1, 0},
        {"another point", {.ms = 150, .id = 7, .hops = 60, .point = 1}, 1, 7},
        {"another point, too late", {.ms = 450, .id = 7, .hops = 60, .point = 1}, 2, 7},
        {"another port of the server", {.ms = 0.1, .id = 8, .dst_port = 5080}, 2, 7},
        {"another server", {.ms = 0.1, .id = 8, .dst = "203.0.113.2"}, 2, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s = {.builder = story_begin(NULL)};
        const char *text = request("REGISTER", 1, "a", "");
        struct sent first = {.ms = 1000, .id = cases[i].id, .text = text}, next = cases[i].next;
        next.ms += 1000;
        next.text = text;
        feed_sent(&s, &first);
        feed_sent(&s, &next);
        struct story *story = end(&s);
        size_t sends = count_sends(story);
        if (sends != cases[i].sends || story->phone_count != 1)
            print_error("%s\n", cases[i].what);
        assert_int_equal(sends, cases[i].sends);
        assert_int_equal(story->phone_count, 1);
        assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 2 - sends);
        story_free(story);
    }
}

/* Packets without an identification: those of a host all come twice, or some do. */
static void test_pattern(void **state) {
    (void)state;
    for (int doubled = 1; doubled <= 8; doubled++) {
        struct scene s = {.builder = story_begin(NULL)};
        for (int n = 1; n <= 8; n++) {
            struct sent in = {.ms = 1000 * n, .text = request("REGISTER", n, "a", "")};
            feed_sent(&s, &in);
            in.ms += 1;
            if (n <= doubled)
                feed_sent(&s, &in);
        }
        struct story *story = end(&s);
        assert_int_equal(count_sends(story), doubled >= 4 ? 8 : 8 + doubled);
        story_free(story);
    }
}

/* A burst, then all of it again. */
static void test_burst(void **state) {
    struct scene s = {.builder = story_begin(NULL)};

    (void)state;
    for (int again = 0; again < 3; again++)
        for (int n = 1; n <= 6; n++) {
            struct sent in = {.ms = 1000 + again * 2 + n * 0.1,
                              .id = (unsigned)n,
                              .text = request("OPTIONS", n, "a", "")};
            feed_sent(&s, &in);
        }
    struct story *story = end(&s);
    assert_int_equal(count_sends(story), 6);
    assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 12);
    story_free(story);
}

/* Two phones behind one address stay two, each with one send and one answer. */
static void test_two_behind_a_nat(void **state) {
    struct scene s = {.builder = story_begin(NULL)};

    (void)state;
    for (int n = 1; n <= 2; n++) {
        bool first = n == 1;
        const char *text = request("REGISTER", 1, first ? "a" : "b", "");
        struct sent in = {.ms = 1000 * n, .id = 7, .text = text, .src = first ? PHONE : OTHER};
        feed_sent(&s, &in);
        in = (struct sent){.ms = 1000 * n + 0.2,
                           .id = 7,
                           .hops = 63,
                           .src = OUTER,
                           .src_port = first ? 5060 : 1024,
                           .text = text};
        feed_sent(&s, &in);
    }
    struct story *story = end(&s);
    assert_int_equal(story->phone_count, 2);
    assert_int_equal(count_sends(story), 2);
    story_free(story);
}

/* A proxy beside the phone adds a Via and sends to somebody else. */
static void test_proxy(void **state) {
    struct scene s = {.builder = story_begin(NULL)};
    struct sent in = {.ms = 1000, .id = 7, .text = request("INVITE", 1, "a", "")};

    (void)state;
    feed_sent(&s, &in);
    in = (struct sent){
        .ms = 1000.2,
        .id = 7,
        .hops = 63,
        .src = SERVER,
        .dst = "203.0.113.2",
        .text = request("INVITE", 1, "a", "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKproxy\r\n")};
    feed_sent(&s, &in);
    struct story *story = end(&s);
    assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 0);
    assert_int_equal(story->phone_count, 1);
    story_free(story);
}

static void exchange(struct scene *s, int n, double ms, bool near) {
    struct sent in = {.ms = ms, .id = (unsigned)n, .text = request("REGISTER", n, "a", "")};

    feed_sent(s, &in);
    in.ms += 20;
    in.point = 1;
    in.hops = 60;
    feed_sent(s, &in);
    in = (struct sent){.ms = ms + 25,
                       .src = SERVER,
                       .dst = PHONE,
                       .id = 100 + (unsigned)n,
                       .point = 1,
                       .text = response(n, "200 OK")};
    feed_sent(s, &in);
    in.ms += 20;
    in.point = 0;
    in.hops = 60;
    if (near)
        feed_sent(s, &in);
}

/* An answer that passed the server's side and never came to the phone's. */
static void test_far_answer(void **state) {
    struct scene s = {.builder = story_begin(NULL)};
    bool sign = false;

    (void)state;
    exchange(&s, 1, 1000, true);
    exchange(&s, 2, 60000, false);
    struct story *story = end(&s);
    const struct phone *phone = &story->phones[0];
    assert_int_equal(story->phone_count, 1);
    const struct account *account = &phone->accounts[0];
    assert_int_equal(account->request_count, 2);
    const struct attempt *heard = &account->requests[0].attempts[0];
    assert_int_equal(heard->outcome, OUTCOME_ANSWERED);
    assert_int_equal(heard->final_frame, 4); /* where the phone got it */
    assert_int_equal(heard->final_ns, BASE_NS + MS(1045));
    assert_int_equal(account->requests[1].attempts[0].response_count, 0);
    for (size_t i = 0; i < phone->loss_count; i++)
        sign |= phone->losses[i].kind == LOSS_FAR_ONLY;
    assert_true(sign);
    story_free(story);
}

/* An error that a mirror port gives twice is one. */
static void test_error(void **state) {
    struct scene s = {.builder = story_begin(NULL)};
    struct sent in = {.ms = 1000, .id = 7, .text = request("REGISTER", 1, "a", "")};
    struct bytes icmp = {0};

    (void)state;
    feed_sent(&s, &in);
    put_u16(&icmp, 3 << 8 | 3);
    put_u16(&icmp, 0);
    put_u32(&icmp, 0);
    put_bytes(&icmp, ipv4(PHONE, SERVER, 17, udp(5060, 5060, text_bytes(in.text))));
    for (int i = 0; i < 3; i++) {
        in = (struct sent){.id = 9 + (unsigned)(i == 2)};
        feed_packet(&s, 1001 + i, ipv4(SERVER, PHONE, 1, icmp), &in);
    }
    struct story *story = end(&s);
    assert_int_equal(story->phones[0].accounts[0].requests[0].attempts[0].icmp_count, 2);
    assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 1);
    story_free(story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs), cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_burst), cmocka_unit_test(test_two_behind_a_nat),
        cmocka_unit_test(test_proxy), cmocka_unit_test(test_far_answer),
        cmocka_unit_test(test_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
