/* Connections and streams: each case is a list of segments and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { CLIENT_ISN = 1000, SERVER_ISN = 5000 };

/* seq and ack count from the initial numbers: the first byte has 1. */
struct segment_in {
    char from; /* 'c', 's'; 0: the end of the list */
    int flags;
    uint32_t seq, ack;
    const char *text;
    size_t cut; /* bytes beyond the snapshot length */
};

#define CUT(from_, flags_, seq_, ack_, text_, cut_)                                                \
    { .from = from_, .flags = flags_, .seq = seq_, .ack = ack_, .text = text_, .cut = cut_ }
#define S(from_, flags_, seq_, ack_, text_) CUT(from_, flags_, seq_, ack_, text_, 0)
#define OPENED "1 1 syn c\n2 1 accepted s\n"
#define OPEN S('c', SYN, 0, 0, ""), S('s', SYN | ACK, 0, 1, ""), S('c', ACK, 1, 1, "")

static const struct tcp_case {
    const char *name;
    struct segment_in segments[12];
    const char *log;
    uint32_t client_isn; /* 0: CLIENT_ISN */
} cases[] = {
    {"a conversation",
     {OPEN, S('c', ACK, 1, 1, "hello"), S('s', ACK, 1, 6, "world"), S('c', FIN | ACK, 6, 6, ""),
      S('s', FIN | ACK, 6, 7, ""), S('c', ACK, 7, 7, "")},
     OPENED "4/4 1 c 'hello'\n5/5 1 s 'world'\n6 1 fin c\n7 1 fin s\n1 closed\n",
     0},
    {"sequence numbers wrap",
     {OPEN, S('c', ACK, 1, 1, "hello"), S('c', ACK, 9, 1, "!"), S('c', ACK, 6, 1, "abc")},
     OPENED "4/4 1 c 'hello'\n6/6 1 c 'abc'\n6/5 1 c '!'\n1 closed\n",
     0xfffffffd},
    {"nobody answers",
     {S('c', SYN, 0, 0, ""), S('c', SYN, 0, 0, ""), S('c', SYN, 0, 0, "")},
     "1 1 syn c\n2 1 syn c\n3 1 syn c\n1 closed\n",
     0},
    {"refused, tried again, refused",
     {S('c', SYN, 0, 0, ""), S('s', RST | ACK, 0, 1, ""), S('c', SYN, 0, 0, ""),
      S('s', RST | ACK, 0, 1, "")},
     "1 1 syn c\n2 1 refused s\n3 1 syn c\n4 1 refused s\n1 closed\n",
     0},
    {"reset by the server",
     {OPEN, S('c', ACK, 1, 1, "hello"), S('s', RST, 1, 0, ""), S('s', RST, 1, 0, "")},
     OPENED "4/4 1 c 'hello'\n5 1 reset s\n1 closed\n",
     0},
    {"the ports are used again",
     {OPEN, S('c', SYN, 7000, 0, ""), S('s', SYN | ACK, 9000, 7001, "")},
     OPENED "1 closed\n4 2 syn c\n5 2 accepted s\n2 closed\n",
     0},
    {"an older connection is challenged, RFC 5961",
     {S('c', SYN, 0, 0, ""), S('s', ACK, 77777, 9999999, ""), S('c', RST, 9999999, 0, ""),
      S('c', SYN, 0, 0, ""), S('s', SYN | ACK, 0, 1, "")},
     "1 1 syn c\n4 1 syn c\n5 1 accepted s\n1 closed\n",
     0},
    {"the answer to the SYN is not in the capture",
     {S('c', SYN, 0, 0, ""), S('c', ACK, 1, 1, "hello"), S('s', ACK, 1, 6, "world")},
     "1 1 syn c\n2 1 accepted s\n2/2 1 c 'hello'\n3/3 1 s 'world'\n1 closed\n",
     0},
    {"the answer was captured before the SYN",
     {S('s', SYN | ACK, 0, 1, ""), S('c', SYN, 0, 0, ""), S('c', ACK, 1, 1, "hello")},
     "1 1 accepted s\n2 1 syn c\n3/3 1 c 'hello'\n1 closed\n",
     0},
    {"the refusal was captured before the SYN",
     {S('s', RST | ACK, 0, 1, ""), S('c', SYN, 0, 0, ""), S('c', SYN, 7000, 0, "")},
     "1 1 reset c\n1 closed\n2 2 syn c\n1 2 refused s\n2 closed\n3 3 syn c\n3 closed\n",
     0},
    {"a reset without an acknowledgement refuses nothing that comes later",
     {S('s', RST, 1, 0, ""), S('c', SYN, 0, 0, "")},
     "1 1 reset c\n1 closed\n2 2 syn c\n2 closed\n",
     0},
    {"met in the middle",
     {S('c', ACK, 100, 200, "hello"), S('s', ACK, 200, 105, "world")},
     "1/1 1 c 'hello'\n2/2 1 s 'world'\n1 closed\n",
     0},
    {"met in the middle by a keep-alive",
     {S('c', ACK, 100, 200, "\n"), S('s', ACK, 200, 101, ""), S('c', ACK, 101, 200, "hello")},
     "3/3 1 c 'hello'\n1 closed\n",
     0},
    {"keep-alives, RFC 9293 3.8.4",
     {OPEN, S('c', ACK, 1, 1, "hello"), S('c', ACK, 5, 1, ""), S('c', ACK, 5, 1, "o"),
      S('c', ACK, 6, 1, "!")},
     OPENED "4/4 1 c 'hello'\n7/7 1 c '!'\n1 closed\n",
     0},
    {"sent again",
     {OPEN, S('c', ACK, 1, 1, "hello"), S('c', ACK, 1, 1, "hello"), S('c', ACK, 1, 1, "hello!")},
     OPENED "4/4 1 c 'hello'\n5 1 repeated c\n6/6 1 c '!'\n6 1 repeated c\n1 closed\n",
     0},
    {"out of order",
     {OPEN, S('c', ACK, 7, 1, "ghi"), S('c', ACK, 4, 1, "def"), S('c', ACK, 7, 1, "ghi"),
      S('c', ACK, 1, 1, "abc")},
     OPENED "6 1 repeated c\n7/7 1 c 'abc'\n7/5 1 c 'def'\n7/4 1 c 'ghi'\n1 closed\n",
     0},
    {"overlapping: the first copy counts",
     {OPEN, S('c', ACK, 4, 1, "DE"), S('c', ACK, 3, 1, "cdef"), S('c', ACK, 1, 1, "123456789")},
     OPENED "5 1 repeated c\n6/6 1 c '12'\n6/5 1 c 'c'\n6/4 1 c 'DE'\n6/5 1 c 'f'\n"
            "6/6 1 c '789'\n1 closed\n",
     0},
    {"a hole that the other side did not see",
     {OPEN, S('c', ACK, 1, 1, "abc"), S('c', ACK, 9, 1, "ijk"), S('s', ACK, 1, 12, ""),
      S('s', FIN | ACK, 1, 12, "")},
     OPENED "4/4 1 c 'abc'\nnote gap 5 5\n5/5 1 c 'ijk' gap 5\n7 1 fin s\n1 closed\n",
     0},
    {"a hole that the other side sees too stays open",
     {OPEN, S('c', ACK, 9, 1, "ijk"), S('s', ACK, 1, 1, ""), S('c', ACK, 1, 1, "abcdefgh")},
     OPENED "6/6 1 c 'abcdefgh'\n6/4 1 c 'ijk'\n1 closed\n",
     0},
    {"holes at the end of the capture",
     {OPEN, S('c', ACK, 4, 1, "def"), S('c', ACK, 9, 1, "ijk")},
     OPENED "note gap 4 3\n4/4 1 c 'def' gap 3\nnote gap 5 2\n5/5 1 c 'ijk' gap 2\n1 closed\n",
     0},
    {"bytes that were acknowledged and never seen",
     {OPEN, S('s', ACK, 1, 6, ""), S('c', FIN | ACK, 6, 1, ""), S('s', FIN | ACK, 1, 7, "")},
     OPENED "5 1 fin c\n6 1 fin s\nnote gap 5 5\n5/5 1 c '' gap 5\n1 closed\n",
     0},
    {"cut by the snapshot length",
     {OPEN, CUT('c', ACK, 1, 1, "hello", 2), S('c', ACK, 6, 1, "world")},
     OPENED "note cut 4 2\n4/4 1 c 'hel'\n5/5 1 c 'world' gap 2\n1 closed\n",
     0},
    {"cut, and what follows was captured before",
     {OPEN, S('c', ACK, 6, 1, "world"), CUT('c', ACK, 1, 1, "hello", 2)},
     OPENED "note cut 5 2\n5/5 1 c 'hel'\n5/4 1 c 'world' gap 2\n1 closed\n",
     0},
    {"bytes with the SYN, RFC 7413",
     {S('c', SYN, 0, 0, "hello"), S('s', SYN | ACK, 0, 6, ""), S('c', ACK, 6, 1, "!")},
     "1 1 syn c\n1/1 1 c 'hello'\n2 1 accepted s\n3/3 1 c '!'\n1 closed\n",
     0},
    {"late packets of a closed connection",
     {OPEN, S('c', FIN | ACK, 1, 1, ""), S('s', FIN | ACK, 1, 2, ""), S('c', ACK, 2, 2, ""),
      S('s', FIN | ACK, 1, 2, ""), S('s', SYN | ACK, 0, 1, "")},
     OPENED "4 1 fin c\n5 1 fin s\n1 closed\n",
     0},
};

static struct bytes segment_of(const struct segment_in *in, uint32_t client_isn) {
    bool client = in->from == 'c';
    struct bytes b = {0};

    put_u16(&b, client ? 40000 : 5060);
    put_u16(&b, client ? 5060 : 40000);
    put_u32(&b, in->seq + (client ? client_isn : SERVER_ISN));
    put_u32(&b, in->flags & ACK ? in->ack + (client ? SERVER_ISN : client_isn) : 0);
    put_u16(&b, 0x6000 | (unsigned)in->flags);
    put_u16(&b, 65535);
    put_u32(&b, 0);
    put_u32(&b, 0x01010101); /* options */
    put_bytes(&b, text_bytes(in->text));
    return client ? ipv4("192.0.2.1", "192.0.2.2", 6, b) : ipv4("192.0.2.2", "192.0.2.1", 6, b);
}

static void feed_case(struct net *net, const struct tcp_case *c) {
    uint32_t client_isn = c->client_isn ? c->client_isn : CLIENT_ISN;

    for (uint32_t i = 0; i < 12 && c->segments[i].from; i++) {
        const struct segment_in *in = &c->segments[i];
        struct bytes packet = segment_of(in, client_isn);
        packet.data[5] = (uint8_t)(i + 1); /* what is sent again is another packet */
        feed(net, i + 1, 1, 101, &packet, packet.len - in->cut);
    }
}

static void test_cases(void **state) {
    struct net_log *log = *state;
    bool ok = true;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net *net = net_log_new(log);
        feed_case(net, &cases[i]);
        net_end(net);
        net_free(net);
        if (strcmp(log->text, cases[i].log) != 0) {
            print_error("%s:\n%sexpected:\n%s", cases[i].name, log->text, cases[i].log);
            ok = false;
        }
    }
    assert_true(ok);
}

/* Facts come, bytes do not. */
static void test_ignored(void **state) {
    struct net_log *log = *state;

    log->ignore_data = true;
    struct net *net = net_log_new(log);
    feed_case(net, &cases[0]);
    net_end(net);
    net_free(net);
    log->ignore_data = false;
    assert_string_equal(log->text, OPENED "6 1 fin c\n7 1 fin s\n1 closed\n");
}

/* Every prefix of a segment: cut by the snapshot length, and as a packet that ends there. */
static void test_each_prefix(void **state) {
    struct net_log *log = *state;
    const struct segment_in in = S('c', ACK, 1, 1, "hello");
    struct bytes packet = segment_of(&in, CLIENT_ISN);

    for (size_t len = 0; len < packet.len; len++) {
        struct net *net = net_log_new(log);
        feed(net, 1, 1, 101, &packet, len);
        net_end(net);
        net_free(net);
        assert_null(strstr(log->text, "malformed"));

        struct bytes shorter = slice_bytes(packet, 0, len);
        if (len >= 4)
            shorter.data[3] = (uint8_t)len;
        net = net_log_new(log);
        feed(net, 1, 1, 101, &shorter, len);
        net_end(net);
        net_free(net);
        assert_int_equal(strstr(log->text, "malformed") != NULL, len > 0 && len < 44);
    }
}

/* A hole that is never filled holds up only so much. */
static void test_stream_limit(void **state) {
    struct net_log *log = *state;
    static char text[1001];
    struct net *net = net_log_new(log);
    struct segment_in in = {.from = 'c', .flags = SYN, .text = ""};
    uint32_t no = 1;

    struct bytes packet = segment_of(&in, CLIENT_ISN);
    feed(net, no, 1, 101, &packet, packet.len);
    memset(text, 'x', sizeof text - 1);
    in = (struct segment_in){.from = 'c', .flags = ACK, .seq = 11, .ack = 1, .text = text};
    while (!strstr(log->text, "limit-streams")) {
        packet = segment_of(&in, CLIENT_ISN);
        feed(net, ++no, 1, 101, &packet, packet.len);
        in.seq += 1000;
        assert_true(no < 300);
    }
    assert_true(no > 200);
    assert_non_null(strstr(log->text, "gap 10\n"));
    net_free(net);
}

/* More connections than are kept: the oldest goes, with its last call. */
static void test_table_limit(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    const struct segment_in syn = {.from = 'c', .flags = SYN, .text = ""};
    struct bytes packet = segment_of(&syn, CLIENT_ISN);

    for (uint32_t i = 0; i < 65537; i++) {
        packet.data[14] = (uint8_t)(i >> 16); /* source address and port */
        packet.data[20] = (uint8_t)(i >> 8);
        packet.data[21] = (uint8_t)i;
        if (i <= 65535)
            log->len = 0;
        feed(net, i + 1, 1, 101, &packet, packet.len);
    }
    assert_string_equal(log->text, "65536 65536 syn c\nnote limit-connections 65537 1\n1 closed\n"
                                   "65537 65537 syn c\n");
    net_free(net);
}

/* What nobody ever answered is forgotten after a while. */
static void test_age(void **state) {
    struct net_log *log = *state;
    struct net *net = net_log_new(log);
    const struct segment_in syn = {.from = 'c', .flags = SYN, .text = ""};
    struct bytes packet = segment_of(&syn, CLIENT_ISN);

    feed(net, 1, 1, 101, &packet, packet.len);
    packet.data[21]++;
    feed(net, 2, 122, 101, &packet, packet.len);
    assert_string_equal(log->text, "1 1 syn c\n1 closed\n2 2 syn c\n");
    net_free(net);
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_cases, &log),
        cmocka_unit_test_prestate(test_ignored, &log),
        cmocka_unit_test_prestate(test_each_prefix, &log),
        cmocka_unit_test_prestate(test_stream_limit, &log),
        cmocka_unit_test_prestate(test_table_limit, &log),
        cmocka_unit_test_prestate(test_age, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
