/* IPv4, IPv6 and UDP headers; fragments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

#define A "192.0.2.1"
#define B "192.0.2.2"
#define A6 "2001:db8::1"
#define B6 "2001:db8::2"
#define HELLO "udp 192.0.2.1:1>192.0.2.2:2 'hello'\n"
#define HELLO6 "udp [2001:db8::1]:1>[2001:db8::2]:2 'hello'\n"

static struct bytes hello(void) {
    return udp(1, 2, text_bytes("hello"));
}

static const char *log_of(struct net_log *log, struct bytes packet, size_t captured) {
    struct net *net = net_log_new(log);

    feed(net, 1, 1, 101, &packet, captured);
    net_end(net);
    net_free(net);
    return log->text;
}

static struct bytes changed(struct bytes packet, size_t at, unsigned value) {
    packet.data[at] = (uint8_t)value;
    return packet;
}

/* RFC 791 3.1 */
static void test_ipv4(void **state) {
    struct net_log *log = *state;
    struct bytes packet = ipv4(A, B, 17, hello()), with_options = {0}, padded = packet;

    assert_string_equal(log_of(log, packet, packet.len), HELLO);

    put(&with_options, packet.data, 20);
    put(&with_options, "\x94\x04\0\0\x01\x01\x01\x00", 8); /* router alert, padding */
    put(&with_options, packet.data + 20, packet.len - 20);
    with_options.data[0] = 0x47;
    with_options.data[3] = (uint8_t)with_options.len;
    assert_string_equal(log_of(log, with_options, with_options.len), HELLO);

    put(&padded, "\0\0\0\0\0\0", 6); /* Ethernet's */
    assert_string_equal(log_of(log, padded, padded.len), HELLO);
    assert_string_equal(log_of(log, changed(packet, 3, 0), packet.len), HELLO); /* TSO */

    assert_string_equal(log_of(log, changed(packet, 0, 0x44), packet.len), "note malformed 1 0\n");
    assert_string_equal(log_of(log, changed(packet, 3, 19), packet.len), "note malformed 1 0\n");
    assert_string_equal(log_of(log, changed(packet, 0, 0x4f), packet.len), "note malformed 1 0\n");
    /* longer than its frame, which was not cut */
    assert_string_equal(log_of(log, changed(packet, 3, 60), packet.len),
                        "note malformed 1 0\n" HELLO);
    assert_string_equal(log_of(log, packet, packet.len - 2),
                        "note cut 1 2\nudp 192.0.2.1:1>192.0.2.2:2 'hel' of 5 cut\n");
}

/* RFC 8200 4: any chain of extension headers */
static void test_ipv6(void **state) {
    struct net_log *log = *state;
    static const struct {
        const char *name;
        unsigned next;
        const char *headers;
        size_t len;
    } cases[] = {
        {"none", 17, "", 0},
        {"hop-by-hop", 0, "\x11\0\x05\x02\0\0\x01\0", 8},
        {"destination, 16 bytes", 60, "\x11\x01\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0", 16},
        {"hop-by-hop, routing", 0, "\x2b\0\x05\x02\0\0\x01\0\x11\0\0\0\0\0\0\0", 16},
        {"authentication", 51, "\x11\x01\0\0\0\0\0\0\0\0\0\0", 12},
        {"atomic fragment, RFC 6946", 44, "\x11\0\0\0\0\0\0\x09", 8},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes inside = {0};
        put(&inside, cases[i].headers, cases[i].len);
        put_bytes(&inside, hello());
        struct bytes packet = ipv6(A6, B6, cases[i].next, inside);
        if (strcmp(log_of(log, packet, packet.len), HELLO6) != 0)
            fail_msg("%s: %s", cases[i].name, log->text);
        for (size_t len = 0; len < packet.len; len++)
            assert_null(strstr(log_of(log, packet, len), "malformed"));
    }
    /* an extension that reaches beyond the packet */
    struct bytes inside = text_bytes("\x11\x7f......");
    struct bytes packet = ipv6(A6, B6, 60, inside);
    assert_string_equal(log_of(log, packet, packet.len), "note malformed 1 0\n");
    /* a chain without end */
    struct bytes chain = {0};
    for (int i = 0; i < 100; i++)
        put(&chain, "\x3c\0\0\0\0\0\0\0", 8);
    packet = ipv6(A6, B6, 60, chain);
    assert_string_equal(log_of(log, packet, packet.len), "note malformed 1 0\n");
}

/* RFC 768 */
static void test_udp_length(void **state) {
    struct net_log *log = *state;
    struct bytes packet = ipv4(A, B, 17, hello()),
                 empty = ipv4(A, B, 17, udp(1, 2, text_bytes("")));

    assert_string_equal(log_of(log, empty, empty.len), "udp 192.0.2.1:1>192.0.2.2:2 ''\n");
    assert_string_equal(log_of(log, changed(packet, 25, 0), packet.len), HELLO);
    assert_string_equal(log_of(log, changed(packet, 25, 10), packet.len),
                        "udp 192.0.2.1:1>192.0.2.2:2 'he'\n");
    assert_string_equal(log_of(log, changed(packet, 25, 7), packet.len), "note malformed 1 20\n");
    assert_string_equal(log_of(log, changed(packet, 25, 40), packet.len),
                        "note malformed 1 20\nudp 192.0.2.1:1>192.0.2.2:2 'hello' of 32 cut\n");
    struct bytes stub = ipv4(A, B, 17, text_bytes("1234567"));
    assert_string_equal(log_of(log, stub, stub.len), "note malformed 1 20\n");
}

/* Fragments: {id, from, to, more} of one datagram of 8 + 24 bytes, at one second each. */
struct piece {
    unsigned from, to;
    bool last;
    double t_s;
};

static const char letters[] = "abcdefghijklmnopqrstuvwx";

#define WHOLE(frames) "udp 192.0.2.1:1>192.0.2.2:2 'abcdefghijklmnopqrstuvwx' frames " frames "\n"

static const struct fragment_case {
    const char *name;
    struct piece pieces[8];
    const char *log;
} fragment_cases[] = {
    {"in order", {{0, 16, false, 1}, {16, 32, true, 1}}, WHOLE("1,2")},
    {"reversed", {{24, 32, true, 1}, {16, 24, false, 1}, {0, 16, false, 1}}, WHOLE("1,2,3")},
    {"a copy of each, as a mirror port gives them",
     {{0, 16, false, 1}, {0, 16, false, 1}, {16, 32, true, 1}, {16, 32, true, 1}},
     "note copy 2 0\n" WHOLE("1,3") "note copy 4 0\n"},
    {"overlapping", {{0, 24, false, 1}, {8, 32, true, 1}}, WHOLE("1,2")},
    {"covering", {{8, 16, false, 1}, {24, 32, true, 1}, {0, 32, false, 1}}, WHOLE("1,2,3")},
    {"first missing", {{16, 32, true, 1}}, "note fragment-lost 1 1\n"},
    {"last missing", {{0, 16, false, 1}, {16, 24, false, 1}}, "note fragment-lost 1 2\n"},
    {"just in time", {{0, 16, false, 1}, {16, 32, true, 31}}, WHOLE("1,2")},
    {"too late",
     {{0, 16, false, 1}, {16, 32, true, 31.5}},
     "note fragment-lost 1 1\nnote fragment-lost 2 1\n"},
    {"the identification used again",
     {{0, 16, false, 1}, {16, 32, true, 1}, {0, 16, false, 2}, {16, 32, true, 2}},
     WHOLE("1,2") WHOLE("3,4")},
    {"not a multiple of eight", {{0, 12, false, 1}}, "note malformed 1 20\n"},
};

static void feed_pieces(struct net *net, const struct fragment_case *c, bool v6) {
    struct bytes whole = udp(1, 2, text_bytes(letters));

    for (unsigned i = 0; i < 8 && c->pieces[i].to; i++) {
        const struct piece *piece = &c->pieces[i];
        struct bytes part = slice_bytes(whole, piece->from, piece->to), packet = {0};
        if (v6) {
            struct bytes inside = {0};
            put_u16(&inside, 0x1100);
            put_u16(&inside, piece->from | !piece->last);
            put_u32(&inside, 77);
            put_bytes(&inside, part);
            packet = ipv6(A6, B6, 44, inside);
        } else {
            packet = ipv4_fragment(A, B, 17, 77, piece->from / 8 | (piece->last ? 0 : MORE), part);
        }
        feed(net, i + 1, piece->t_s, 101, &packet, packet.len);
    }
}

static void test_fragments(void **state) {
    struct net_log *log = *state;
    const size_t n = sizeof fragment_cases / sizeof *fragment_cases;

    for (size_t i = 0; i < n; i++) {
        struct net *net = net_log_new(log);
        feed_pieces(net, &fragment_cases[i], false);
        net_end(net);
        net_free(net);
        if (strcmp(log->text, fragment_cases[i].log) != 0)
            fail_msg("%s: %s", fragment_cases[i].name, log->text);
    }
    /* the same of IPv6 */
    struct net *net = net_log_new(log);
    feed_pieces(net, &fragment_cases[1], true);
    net_end(net);
    net_free(net);
    assert_string_equal(log->text, "udp [2001:db8::1]:1>[2001:db8::2]:2 "
                                   "'abcdefghijklmnopqrstuvwx' frames 1,2,3\n");
}

/* The first copy of a byte counts. */
static void test_first_copy_wins(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    struct bytes one = udp(1, 2, text_bytes("aaaaaaaabbbbbbbb"));
    struct bytes two = udp(1, 2, text_bytes("xxxxxxxxyyyyyyyy"));
    struct bytes packet = ipv4_fragment(A, B, 17, 5, MORE, slice_bytes(one, 0, 16));

    feed(net, 1, 1, 101, &packet, packet.len);
    packet = ipv4_fragment(A, B, 17, 5, 1, slice_bytes(two, 8, 24));
    feed(net, 2, 1, 101, &packet, packet.len);
    net_free(net);
    assert_string_equal(log->text, "udp 192.0.2.1:1>192.0.2.2:2 'aaaaaaaayyyyyyyy' frames 1,2\n");
}

/* A datagram whose first fragment was cut by the snapshot length ends there, at once: the rest
 * would stand behind a hole. A later one that was cut ends the whole. */
static void test_cut_fragment(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    struct bytes whole = udp(1, 2, text_bytes(letters));
    struct bytes one = ipv4_fragment(A, B, 17, 5, MORE, slice_bytes(whole, 0, 24));
    struct bytes two = ipv4_fragment(A, B, 17, 5, 3, slice_bytes(whole, 24, 32));

    feed(net, 1, 1, 101, &one, one.len - 6);
    feed(net, 2, 1, 101, &two, two.len);
    net_end(net);
    net_free(net);
    assert_string_equal(log->text,
                        "note cut 1 6\nudp 192.0.2.1:1>192.0.2.2:2 'abcdefghij' of 24 cut\n");

    net = net_log_new(log);
    feed(net, 1, 1, 101, &two, two.len - 2);
    feed(net, 2, 1, 101, &one, one.len);
    net_end(net);
    net_free(net);
    assert_string_equal(log->text, "note cut 1 2\nudp 192.0.2.1:1>192.0.2.2:2 "
                                   "'abcdefghijklmnopqrstuv' of 24 cut frames 1,2\n");
}

/* The tables stay bounded, and say so. */
static void test_fragment_limits(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    for (unsigned id = 0; id < 2050; id++) {
        struct bytes packet = ipv4_fragment(A, B, 17, id, MORE, text_bytes("12345678"));
        feed(net, id + 1, 1, 101, &packet, packet.len);
    }
    assert_string_equal(log->text, "note limit-fragments 1 1\nnote fragment-lost 1 1\n"
                                   "note limit-fragments 2 1\nnote fragment-lost 2 1\n");
    net_free(net);
    /* one packet in more pieces than anybody sends */
    net = net_log_new(log);
    for (unsigned i = 0; i < 140; i++) {
        struct bytes packet = ipv4_fragment(A, B, 17, 1, MORE | (i * 2), text_bytes("12345678"));
        feed(net, i + 1, 1, 101, &packet, packet.len);
    }
    assert_non_null(strstr(log->text, "note limit-fragments 129 1\n"));
    net_free(net);
}

static void see_hole(void *context, const struct packet_hole *hole) {
    char host[IP_TEXT_LEN], peer[IP_TEXT_LEN];
    char *told = context;
    size_t at = strlen(told);

    assert_int_equal(hole->kind, HOLE_FRAGMENTS);
    snprintf(told + at, 256 - at, "%s>%s %g-%g/%u;", ip_text(&hole->host, host),
             ip_text(&hole->peer, peer), (double)hole->from_ns / 1e9, (double)hole->to_ns / 1e9,
             hole->frame_no);
}

/* What stays incomplete is missing between its hosts, unless it is media, or TCP's. */
static void test_fragments_are_missing(void **state) {
    struct bytes rtp = {0};
    char told[256] = "";
    const struct net_handler handler = {.context = told, .hole = see_hole};
    struct net *net = net_new(&handler);

    (void)state;
    feed_pieces(net, &fragment_cases[0], false); /* whole */
    feed_pieces(net, &(struct fragment_case){.pieces = {{16, 24, false, 11}, {24, 32, true, 12}}},
                false);
    feed_pieces(net, &(struct fragment_case){.pieces = {{16, 32, true, 13}}}, true);
    put(&rtp, "\x80\x60\0\1\0\0\0\1\0\0\0\1media123", 20);
    struct bytes media = udp(4000, 4002, rtp);
    struct bytes packet = ipv4_fragment(A, B, 17, 78, MORE, slice_bytes(media, 0, 24));
    feed(net, 5, 14, 101, &packet, packet.len);
    packet = ipv4_fragment(A, B, 6, 79, MORE, text_bytes("0123456789abcdef"));
    feed(net, 6, 14, 101, &packet, packet.len);
    net_end(net);
    net_free(net);
    assert_string_equal(told, "192.0.2.1>192.0.2.2 11-12/1;2001:db8::1>2001:db8::2 13-13/1;");
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_ipv4, &log),
        cmocka_unit_test_prestate(test_ipv6, &log),
        cmocka_unit_test_prestate(test_udp_length, &log),
        cmocka_unit_test_prestate(test_fragments, &log),
        cmocka_unit_test_prestate(test_first_copy_wins, &log),
        cmocka_unit_test_prestate(test_cut_fragment, &log),
        cmocka_unit_test_prestate(test_fragment_limits, &log),
        cmocka_unit_test(test_fragments_are_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
