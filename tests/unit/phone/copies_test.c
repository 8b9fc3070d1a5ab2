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
        {"no identification, at once", {.ms = 0.3}, 1, 0},
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

/* One of some REGISTERs without an identification is there twice, and so are, or are not, the
 * messages around it. */
static void test_neighbours(void **state) {
    static const struct {
        const char *what;
        double after_ms;              /* of all second sightings, */
        unsigned first, last, others; /* of these REGISTERs; of these answers 1 << n */
        size_t sends;
    } cases[] = {
        {"sent twice", 4, 3, 3, 0, 7},
        {"overlapping files", 0, 3, 3, 0, 6},
        {"a mirror port for a moment", 4, 3, 3, 1 << 3, 6},
        {"for a while", 4, 3, 5, 1 << 3 | 1 << 4 | 1 << 5, 6},
        {"each time twice, answered once", 4, 2, 6, 0, 11},
        {"one direction is mirrored", 4, 1, 6, 0, 6},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s = {.builder = story_begin(NULL)};
        for (unsigned n = 1; n <= 6; n++) {
            struct sent in = {.ms = 1000 * n, .text = request("REGISTER", (int)n, "a", "")};
            feed_sent(&s, &in);
            in.ms += cases[i].after_ms;
            if (n >= cases[i].first && n <= cases[i].last)
                feed_sent(&s, &in);
            in = (struct sent){.ms = 1000 * n + 20,
                               .src = SERVER,
                               .dst = PHONE,
                               .text = response((int)n, "200 OK")};
            feed_sent(&s, &in);
            in.ms += cases[i].after_ms;
            if (cases[i].others & 1u << n)
                feed_sent(&s, &in);
        }
        struct story *story = end(&s);
        size_t sends = count_sends(story);
        if (sends != cases[i].sends)
            print_error("%s\n", cases[i].what);
        assert_int_equal(sends, cases[i].sends);
        story_free(story);
    }
}

/* A mirror port gives all packets again; one of them the phone did send twice. */
static void test_twice_and_mirrored(void **state) {
    struct scene s = {.builder = story_begin(NULL)};

    (void)state;
    for (int n = 1; n <= 8; n++)
        for (int again = 0; again < (n == 3 ? 2 : 1); again++) {
            struct sent in = {.ms = 1000 * n + again * 2, .text = request("REGISTER", n, "a", "")};
            feed_sent(&s, &in);
            in.ms += 0.1;
            feed_sent(&s, &in);
        }
    struct story *story = end(&s);
    assert_int_equal(count_sends(story), 9);
    const struct attempt *attempt = &story->phones[0].accounts[0].requests[0].attempts[0];
    assert_int_equal(attempt->send_list[3].t_ns, BASE_NS + MS(3002));
    assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 9);
    story_free(story);
}

/* A mirror port is late for some packets, with those of others between; what has no identification
 * is sent once, or each time twice. */
static void test_mirrored_with_delays(void **state) {
    static const struct {
        const char *what;
        double again_ms;      /* 0: the phone sends each once */
        double delays_ms[4];  /* of the mirror's packets, in turn */
        double answer_ms;     /* of its answers; 0: of each in turn */
        size_t sends, copies; /* of both directions */
    } cases[] = {
        {"each once, at once or not", 0, {0.005, 0.9, 0.2, 0.9}, 0, 8, 16},
        {"each once, mostly at once", 0, {0.005, 0.2, 0.9, 0.01}, 0, 8, 16},
        {"each once, all at once", 0, {0.005, 0.2, 0.002, 0.01}, 0, 8, 16},
        {"each twice, at once", 4, {0.005, 0.005, 0.005, 0.005}, 0.005, 16, 24},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s = {.builder = story_begin(NULL)};
        unsigned turn = 0;
        for (unsigned n = 1; n <= 8; n++) {
            for (int again = 0; again < (cases[i].again_ms > 0 ? 2 : 1); again++) {
                struct sent in = {.ms = 1000 * n + again * cases[i].again_ms,
                                  .text = request("REGISTER", (int)n, "a", "")};
                feed_sent(&s, &in);
                in.ms += cases[i].delays_ms[turn++ % 4];
                feed_sent(&s, &in);
            }
            struct sent in = {.ms = 1000 * n + 20,
                              .src = SERVER,
                              .dst = PHONE,
                              .text = response((int)n, "200 OK")};
            feed_sent(&s, &in);
            in.ms += cases[i].answer_ms > 0 ? cases[i].answer_ms : cases[i].delays_ms[turn++ % 4];
            feed_sent(&s, &in);
        }
        struct story *story = end(&s);
        size_t sends = count_sends(story);
        if (sends != cases[i].sends)
            print_error("%s\n", cases[i].what);
        assert_int_equal(sends, cases[i].sends);
        assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, cases[i].copies);
        story_free(story);
    }
}

/* All of it comes twice at once, and some of it is mirrored once more, some milliseconds later:
 * also next to what is not, before it and behind it. */
static void test_a_stretch_mirrored_once_more(void **state) {
    static const double delays_ms[] = {0, 0.1, 4, 4.1};
    struct scene s = {.builder = story_begin(NULL)};

    (void)state;
    for (unsigned n = 1; n <= 8; n++) {
        struct sent asked = {.text = request("REGISTER", (int)n, "a", "")};
        struct sent told = {.src = SERVER, .dst = PHONE, .text = response((int)n, "200 OK")};
        for (size_t i = 0; i < (n >= 3 && n <= 5 ? 4 : 2); i++) {
            asked.ms = 1000 * n + delays_ms[i];
            feed_sent(&s, &asked);
        }
        for (size_t i = 0; i < (n >= 3 && n <= 5 ? 4 : 2); i++) {
            told.ms = 1000 * n + 20 + delays_ms[i];
            feed_sent(&s, &told);
        }
    }
    struct story *story = end(&s);
    assert_int_equal(count_sends(story), 8);
    assert_int_equal(story->warnings[WARNING_DUPLICATE_PACKETS].count, 2 * (5 * 1 + 3 * 3));
    story_free(story);
}

/* A copy that was captured later, of an earlier time: that is when it was sent. */
static void test_first_time(void **state) {
    struct scene s = {.builder = story_begin(NULL)};
    struct sent in = {.ms = 1000.1, .id = 7, .text = request("REGISTER", 1, "a", "")};

    (void)state;
    feed_sent(&s, &in);
    in.ms = 1000;
    feed_sent(&s, &in);
    struct story *story = end(&s);
    const struct attempt *attempt = &story->phones[0].accounts[0].requests[0].attempts[0];
    assert_int_equal(attempt->sends, 1);
    assert_int_equal(attempt->send_list[0].t_ns, BASE_NS + MS(1000));
    story_free(story);
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

static bool has_sign(const struct story *story, enum loss_kind kind) {
    for (size_t i = 0; i < story->phones[0].loss_count; i++)
        if (story->phones[0].losses[i].kind == kind)
            return true;
    return false;
}

/* An answer that passed the server's side, and was not seen at the phone's: what the phone does
 * after it tells whether it came there. */
static void test_far_answer(void **state) {
    static const struct {
        const char *what;
        double then_ms;   /* after the answer; 0: nothing comes */
        const char *dst;  /* the same there; NULL: the same again */
        bool heard, sign; /* it came; a sign of loss */
    } cases[] = {
        {"nothing more", 0, NULL, true, false},
        {"sent again", 475, NULL, false, true},
        {"crossed by a repetition", 200, NULL, true, false},
        {"gone elsewhere", 3975, "203.0.113.2", false, true},
        {"long after", 60000, "203.0.113.2", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s = {.builder = story_begin(NULL)};
        exchange(&s, 1, 1000, true);
        exchange(&s, 2, 60000, false);
        struct sent in = {.ms = 60025 + cases[i].then_ms,
                          .id = 50,
                          .dst = cases[i].dst,
                          .text = request("REGISTER", cases[i].dst ? 3 : 2, "a", "")};
        if (cases[i].then_ms != 0)
            feed_sent(&s, &in);
        struct story *story = end(&s);
        assert_int_equal(story->phone_count, 1);
        const struct account *account = &story->phones[0].accounts[0];
        const struct attempt *heard = &account->requests[0].attempts[0];
        assert_int_equal(heard->outcome, OUTCOME_ANSWERED);
        assert_int_equal(heard->final_frame, 4); /* where the phone got it */
        assert_int_equal(heard->final_ns, BASE_NS + MS(1045));
        const struct attempt *far = &account->requests[1].attempts[0];
        if (far->response_count != cases[i].heard ||
            has_sign(story, LOSS_FAR_ONLY) != cases[i].sign)
            print_error("%s\n", cases[i].what);
        assert_int_equal(far->response_count, cases[i].heard);
        assert_int_equal(has_sign(story, LOSS_FAR_ONLY), cases[i].sign);
        if (cases[i].heard) /* not before the phone's last send */
            assert_true(far->responses[0].t_ns > far->send_list[far->send_count - 1].t_ns);
        story_free(story);
    }
}

/* An answer without its request, outside of a NAT first, is a sign of loss of the phone inside. */
static void test_lone_answer_behind_a_nat(void **state) {
    struct scene s = {.builder = story_begin(NULL)};
    struct sent in = {.ms = 1000, .id = 7, .text = request("REGISTER", 1, "a", "")};

    (void)state;
    feed_sent(&s, &in);
    in = (struct sent){.ms = 50000,
                       .src = SERVER,
                       .dst = OUTER,
                       .dst_port = 40000,
                       .id = 9,
                       .hops = 60,
                       .text = response(2, "200 OK")};
    feed_sent(&s, &in);
    in.ms += 0.1;
    in.dst = PHONE;
    in.dst_port = 5060;
    in.hops = 59;
    feed_sent(&s, &in);
    struct story *story = end(&s);
    assert_int_equal(story->phone_count, 1);
    assert_true(has_sign(story, LOSS_RESPONSE_ONLY));
    story_free(story);
}

static void feed_segment(struct scene *s, double ms, const char *src, unsigned src_port,
                         const char *dst, unsigned dst_port, unsigned seq, const char *text) {
    struct sent in = {.id = s->frames + 1};
    struct bytes b = {0};

    put_u16(&b, src_port);
    put_u16(&b, dst_port);
    put_u32(&b, seq);
    put_u32(&b, 100);
    put_u16(&b, 0x5018); /* PSH, ACK */
    put_u16(&b, 65535);
    put_u32(&b, 0);
    put_bytes(&b, text_bytes(text));
    feed_packet(s, ms, ipv4(src, dst, 6, b), &in);
}

/* A connection met in the middle, on both sides of a NAT, is one, whichever side speaks first. */
static void test_midway_behind_a_nat(void **state) {
    (void)state;
    for (int server_first = 0; server_first < 2; server_first++) {
        struct scene s = {.builder = story_begin(NULL)};
        unsigned seq = 1000;
        if (server_first) {
            const char *text = response(9, "200 OK");
            feed_segment(&s, 500, SERVER, 5060, OUTER, 40000, 1, text);
            feed_segment(&s, 500.1, SERVER, 5060, PHONE, 5060, 1, text);
        }
        for (int n = 1; n <= 2; n++) {
            const char *text = request("REGISTER", n, "a", "");
            feed_segment(&s, 1000 * n, PHONE, 5060, SERVER, 5060, seq, text);
            feed_segment(&s, 1000 * n + 0.1, OUTER, 40000, SERVER, 5060, seq, text);
            seq += (unsigned)strlen(text);
        }
        struct story *story = end(&s);
        char address[IP_TEXT_LEN];
        assert_int_equal(story->phone_count, 1);
        assert_int_equal(story->phones[0].address_count, 1);
        assert_string_equal(ip_text(&story->phones[0].addresses[0], address), PHONE);
        assert_int_equal(count_sends(story), 2);
        story_free(story);
    }
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
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_two_behind_a_nat),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_far_answer),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_twice_and_mirrored),
        cmocka_unit_test(test_mirrored_with_delays),
        cmocka_unit_test(test_a_stretch_mirrored_once_more),
        cmocka_unit_test(test_first_time),
        cmocka_unit_test(test_lone_answer_behind_a_nat),
        cmocka_unit_test(test_midway_behind_a_nat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
