/* SCTP (RFC 9260): user messages out of DATA and I-DATA chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

#define A "192.0.2.1"
#define B "192.0.2.2"
#define FROM "sctp 192.0.2.1:5061>192.0.2.2:5060 "

enum { DATA = 0, SACK = 3, HEARTBEAT = 4, I_DATA = 64, END = 1, BEGIN = 2, UNORDERED = 4, TAG = 7 };

static struct bytes chunk(unsigned type, unsigned flags, struct bytes value) {
    struct bytes b = {0};
    put_u8(&b, type);
    put_u8(&b, flags);
    put_u16(&b, (unsigned)(4 + value.len));
    put_bytes(&b, value);
    while (b.len % 4)
        put_u8(&b, 0);
    return b;
}

static struct bytes data(unsigned flags, uint32_t tsn, const char *text) {
    struct bytes b = {0};
    put_u32(&b, tsn);
    put_u16(&b, 3); /* stream */
    put_u16(&b, 9); /* its sequence number */
    put_u32(&b, 0);
    put(&b, text, strlen(text));
    return chunk(DATA, flags, b);
}

/* number: FSN, or what the payload is. */
static struct bytes i_data(unsigned flags, uint32_t tsn, uint32_t mid, uint32_t number,
                           const char *text) {
    struct bytes b = {0};
    put_u32(&b, tsn);
    put_u32(&b, 3 << 16);
    put_u32(&b, mid);
    put_u32(&b, number);
    put(&b, text, strlen(text));
    return chunk(I_DATA, flags, b);
}

static struct bytes sctp(uint32_t tag, struct bytes chunks) {
    struct bytes b = {0};
    put_u16(&b, 5061);
    put_u16(&b, 5060);
    put_u32(&b, tag);
    put_u32(&b, 0);
    put_bytes(&b, chunks);
    return b;
}

static struct bytes both(struct bytes a, struct bytes b) {
    put_bytes(&a, b);
    return a;
}

static void send(struct net *net, uint32_t no, double t_s, struct bytes chunks) {
    struct bytes packet = ipv4(A, B, 132, sctp(TAG, chunks));
    feed(net, no, t_s, 101, &packet, packet.len);
}

static const char *end(struct net_log *log, struct net *net) {
    net_end(net);
    net_free(net);
    return log->text;
}

static void test_whole(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    send(net, 1, 1, data(BEGIN | END, 1, "one"));
    send(net, 2, 1, data(BEGIN | END | UNORDERED | 8, 2, "two"));
    send(net, 3, 1, i_data(BEGIN | END, 3, 0, 0, "three"));
    assert_string_equal(end(log, net), FROM "'one'\n" FROM "'two'\n" FROM "'three'\n");
}

/* Several chunks in a packet, others between them (6.10). */
static void test_bundled(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    struct bytes others =
        both(chunk(SACK, 0, text_bytes("123456789012")), chunk(HEARTBEAT, 0, text_bytes("h")));

    send(net, 1, 1,
         both(both(others, data(BEGIN | END, 1, "a")),
              both(chunk(0xff, 0, text_bytes("?")), data(BEGIN | END, 2, "bcd"))));
    assert_string_equal(end(log, net), FROM "'a'\n" FROM "'bcd'\n");
}

/* A chunk that is sent again has its TSN again; another direction counts for itself. */
static void test_repeated(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    struct bytes other = ipv4(A, B, 132, sctp(TAG + 1, data(BEGIN | END, 1, "other")));

    send(net, 1, 1, data(BEGIN | END, 5, "five"));
    send(net, 2, 2, data(BEGIN | END, 5, "five"));
    send(net, 3, 2, data(BEGIN | END, 4, "four"));
    send(net, 4, 2, data(BEGIN | END, 4, "four"));
    send(net, 5, 2, data(BEGIN | END, 305, "far"));
    send(net, 6, 2, data(BEGIN | END, 49, "too old to be remembered"));
    send(net, 7, 2, data(BEGIN | END, 50, "fifty"));
    send(net, 8, 2, data(BEGIN | END, 305, "far"));
    feed(net, 9, 3, 101, &other, other.len);
    assert_string_equal(end(log, net), FROM "'five'\n" FROM "'four'\n" FROM "'far'\n" FROM
                                            "'fifty'\n" FROM "'other'\n");
}

/* TSNs begin again at 0 (1.6). */
static void test_wrap(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    send(net, 1, 1, data(BEGIN, 0xfffffffe, "a"));
    send(net, 2, 1, data(END, 0, "c"));
    send(net, 3, 1, data(0, 0xffffffff, "b"));
    send(net, 4, 1, data(BEGIN | END, 0xffffffff, "again"));
    send(net, 5, 1, data(BEGIN | END, 1, "d"));
    assert_string_equal(end(log, net), FROM "'abc' frames 1,2,3\n" FROM "'d'\n");
}

/* 6.9: the fragments of a message, in any order, between other messages. */
static void test_fragments(void **state) {
    static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct net *net = net_log_new(log);
        struct bytes fragments[] = {data(BEGIN, 11, "in"), data(0, 12, "vi"), data(END, 13, "te")};
        send(net, 1, 1, data(END, 10, "the end of another"));
        for (uint32_t n = 0; n < 3; n++)
            send(net, 2 + n, 1, fragments[orders[i][n]]);
        send(net, 5, 1, data(BEGIN, 14, "the start of another"));
        if (strcmp(end(log, net), FROM "'invite' frames 2,3,4\n") != 0)
            fail_msg("%zu: %s", i, log->text);
    }
    /* All in one packet: one frame. */
    struct net *net = net_log_new(log);
    send(net, 1, 1, both(data(BEGIN, 1, "in"), both(data(0, 2, "vi"), data(END, 3, "te"))));
    assert_string_equal(end(log, net), FROM "'invite'\n");
    /* Two messages in turn, of which the middle of one is missing. */
    net = net_log_new(log);
    send(net, 1, 1, both(data(BEGIN, 1, "a"), data(END, 3, "c")));
    send(net, 2, 1, both(data(BEGIN, 4, "d"), data(END, 5, "e")));
    assert_string_equal(end(log, net), FROM "'de'\n");
}

/* RFC 8260 2.1: fragments of two messages, one in the other; the same MID, unordered, is another.
 */
static void test_interleaved(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    send(net, 1, 1, i_data(BEGIN, 1, 0, 0, "a"));
    send(net, 2, 1, i_data(BEGIN, 2, 1, 0, "1"));
    send(net, 3, 1, i_data(0, 3, 0, 1, "b"));
    send(net, 4, 1, i_data(BEGIN | UNORDERED, 4, 0, 0, "x"));
    send(net, 5, 1, i_data(END, 5, 1, 1, "2"));
    send(net, 6, 1, i_data(END, 6, 0, 2, "c"));
    send(net, 7, 1, i_data(END | UNORDERED, 7, 0, 1, "y"));
    assert_string_equal(end(log, net), FROM "'12' frames 2,5\n" FROM "'abc' frames 1,3,6\n" FROM
                                            "'xy' frames 4,7\n");
}

/* What was not completed after half a minute is given up: later fragments do not join it. */
static void test_age(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    send(net, 1, 1, data(BEGIN, 1, "a"));
    send(net, 2, 32, data(END, 2, "b"));
    send(net, 3, 33, data(BEGIN | END, 3, "c"));
    assert_string_equal(end(log, net), FROM "'c'\n");
}

/* A sender that never ends a message does not fill the memory. */
static void test_bounds(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);

    send(net, 1, 1, data(BEGIN, 0, "a"));
    for (uint32_t tsn = 1; tsn < 1024; tsn++)
        send(net, 1 + tsn, 1, data(0, tsn, "a"));
    assert_string_equal(log->text, "");
    send(net, 1025, 1, data(0, 1024, "a"));
    assert_string_equal(log->text, "note limit-sctp 1025 1\n");
    send(net, 1026, 1, data(BEGIN | END, 1025, "b"));
    assert_string_equal(end(log, net), "note limit-sctp 1025 1\n" FROM "'b'\n");

    net = net_log_new(log);
    for (uint32_t tag = 0; tag < 4100; tag++) {
        struct bytes packet = ipv4(A, B, 132, sctp(tag, data(BEGIN, 1, "a")));
        feed(net, 1 + tag, 1, 101, &packet, packet.len);
    }
    assert_non_null(strstr(end(log, net), "note limit-sctp 4100 1\n"));
}

static void test_malformed(void **state) {
    struct net_log *log = *state;
    struct bytes stub = ipv4(A, B, 132, text_bytes("12345678901"));
    struct bytes short_chunk = sctp(TAG, text_bytes("\x01\x03\x01\x03"));
    struct bytes long_chunk = sctp(TAG, data(BEGIN | END, 1, "hello"));
    struct net *net = net_log_new(log);

    feed(net, 1, 1, 101, &stub, stub.len);
    short_chunk.data[14] = 0; /* a length of 3 */
    short_chunk.data[15] = 3;
    struct bytes packet = ipv4(A, B, 132, short_chunk);
    feed(net, 2, 1, 101, &packet, packet.len);
    long_chunk.data[15] = 60;
    packet = ipv4(A, B, 132, long_chunk);
    feed(net, 3, 1, 101, &packet, packet.len);
    send(net, 4, 1,
         chunk(DATA, BEGIN | END, text_bytes("no user data"))); /* 6.2: none is an error */
    assert_string_equal(end(log, net),
                        "note malformed 1 20\nnote malformed 2 32\nnote malformed 3 32\n");
}

static void test_cut(void **state) {
    struct net_log *log = *state;
    struct bytes packet = ipv4(A, B, 132, sctp(TAG, data(BEGIN | END, 1, "hello")));
    struct net *net = net_log_new(log);

    feed(net, 1, 1, 101, &packet, packet.len - 5); /* two bytes, three of padding */
    assert_string_equal(end(log, net), "note cut 1 5\n" FROM "'hel' of 4 cut\n");
    for (size_t len = 0; len < packet.len; len++) {
        net = net_log_new(log);
        feed(net, 1, 1, 101, &packet, len);
        assert_null(strstr(end(log, net), "malformed"));
    }
    /* Of a message in fragments: up to the cut. */
    net = net_log_new(log);
    send(net, 1, 1, data(BEGIN, 1, "hello "));
    packet = ipv4(A, B, 132, sctp(TAG, data(END, 2, "world")));
    feed(net, 2, 1, 101, &packet, packet.len - 5);
    assert_string_equal(end(log, net), "note cut 2 5\n" FROM "'hello wor' of 10 cut frames 1,2\n");
    net = net_log_new(log);
    packet = ipv4(A, B, 132, sctp(TAG, data(BEGIN, 1, "hello")));
    feed(net, 1, 1, 101, &packet, packet.len - 5);
    assert_string_equal(end(log, net), "note cut 1 5\n" FROM "'hel' of 4 cut\n");
}

/* RFC 6951: over UDP, known by its port and a content that makes sense. */
static void test_over_udp(void **state) {
    struct net_log *log = *state;
    struct bytes inside = sctp(TAG, data(BEGIN | END, 1, "hello"));
    struct bytes packet = ipv4(A, B, 17, udp(40000, 9899, inside));
    struct bytes other_port = ipv4(A, B, 17, udp(40000, 9898, inside));
    struct bytes other = ipv4(A, B, 17, udp(40000, 9899, text_bytes("OPTIONS sip:b SIP/2.0\r\n")));
    struct net *net = net_log_new(log);

    feed(net, 1, 1, 101, &packet, packet.len);
    feed(net, 2, 1, 101, &other, other.len);
    assert_string_equal(log->text, FROM "'hello'\n"
                                        "udp 192.0.2.1:40000>192.0.2.2:9899 "
                                        "'OPTIONS sip:b SIP/2.0\r\n'\n");
    feed(net, 3, 1, 101, &other_port, other_port.len);
    assert_non_null(strstr(end(log, net), "udp 192.0.2.1:40000>192.0.2.2:9898 "));
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_whole, &log),
        cmocka_unit_test_prestate(test_bundled, &log),
        cmocka_unit_test_prestate(test_repeated, &log),
        cmocka_unit_test_prestate(test_wrap, &log),
        cmocka_unit_test_prestate(test_fragments, &log),
        cmocka_unit_test_prestate(test_interleaved, &log),
        cmocka_unit_test_prestate(test_age, &log),
        cmocka_unit_test_prestate(test_bounds, &log),
        cmocka_unit_test_prestate(test_malformed, &log),
        cmocka_unit_test_prestate(test_cut, &log),
        cmocka_unit_test_prestate(test_over_udp, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
