/* ICMP errors and what they quote; ARP and neighbour discovery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

#define PHONE "192.0.2.1"
#define SERVER "192.0.2.2"
#define ROUTER "198.51.100.1"
#define PHONE6 "2001:db8::1"
#define SERVER6 "2001:db8::2"

static struct bytes icmp(unsigned type, unsigned code, uint32_t rest, struct bytes quote) {
    struct bytes b = {0};

    put_u8(&b, type);
    put_u8(&b, code);
    put_u16(&b, 0);
    put_u32(&b, rest);
    put_bytes(&b, quote);
    return b;
}

static const char *log_of(struct net_log *log, struct bytes packet, int link_type) {
    struct net *net = net_log_new(log);

    feed(net, 1, 1, link_type, &packet, packet.len);
    net_end(net);
    net_free(net);
    return log->text;
}

static struct bytes quoted(void) {
    return ipv4(PHONE, SERVER, 17, udp(5060, 5061, text_bytes("OPTIONS")));
}

static const char *icmpv4(struct net_log *log, unsigned type, unsigned code, struct bytes quote) {
    return log_of(log, ipv4(ROUTER, PHONE, 1, icmp(type, code, 0, quote)), 101);
}

/* RFC 792 */
static void test_icmp(void **state) {
    struct net_log *log = *state;
    struct bytes whole = quoted();
    struct bytes tcp = ipv4(PHONE, SERVER, 6,
                            text_bytes("\x13\xc4\x13\xc5"
                                       "1234"));

#define FLOW " by 198.51.100.1: 17 192.0.2.1:5060>192.0.2.2:5061 "
    assert_string_equal(icmpv4(log, 3, 3, whole), "icmp 3/3 unreachable" FLOW "'OPTIONS'\n");
    assert_string_equal(icmpv4(log, 3, 13, whole), "icmp 3/13 unreachable" FLOW "'OPTIONS'\n");
    /* RFC 1191: the path is narrow, nobody is unreachable */
    assert_string_equal(icmpv4(log, 3, 4, whole), "icmp 3/4" FLOW "'OPTIONS'\n");
    assert_string_equal(icmpv4(log, 11, 0, whole), "icmp 11/0" FLOW "'OPTIONS'\n");
    /* eight bytes of the packet are all that is owed */
    assert_string_equal(icmpv4(log, 3, 1, slice_bytes(whole, 0, 28)),
                        "icmp 3/1 unreachable" FLOW "''\n");
    assert_string_equal(icmpv4(log, 3, 1, tcp),
                        "icmp 3/1 unreachable by 198.51.100.1: 6 192.0.2.1:5060>192.0.2.2:5061 "
                        "''\n");
    assert_string_equal(icmpv4(log, 8, 0, whole), ""); /* echo */
    assert_string_equal(icmpv4(log, 3, 1, slice_bytes(whole, 0, 19)), "note malformed 1 20\n");
    /* a later fragment has no ports */
    struct bytes later = ipv4_fragment(PHONE, SERVER, 17, 1, 5, text_bytes("12345678"));
    assert_string_equal(icmpv4(log, 3, 1, later),
                        "icmp 3/1 unreachable by 198.51.100.1: 17 192.0.2.1:0>192.0.2.2:0 ''\n");
}

/* RFC 4884: extensions stand behind the quoted packet. */
static void test_extensions(void **state) {
    struct net_log *log = *state;
    struct bytes quote = ipv4(PHONE, SERVER, 17, udp(5060, 5061, text_bytes("OPTIONS sip:")));

    put(&quote, "\x20\0\0\0", 4);
    quote.data[3] = 60; /* the packet itself was longer than what is quoted of it */
    quote.data[25] = 40;
    assert_string_equal(log_of(log, ipv4(ROUTER, PHONE, 1, icmp(3, 3, 10 << 16, quote)), 101),
                        "icmp 3/3 unreachable" FLOW "'OPTIONS sip:'\n");
}

/* RFC 4443 */
static void test_icmpv6(void **state) {
    struct net_log *log = *state;
    struct bytes quote = ipv6(PHONE6, SERVER6, 17, udp(5060, 5061, text_bytes("OPTIONS")));
    static const struct {
        unsigned type, code;
        const char *log;
    } cases[] = {
        {1, 4,
         "icmpv6 1/4 unreachable by 2001:db8::9: 17 [2001:db8::1]:5060>[2001:db8::2]:5061 "
         "'OPTIONS'\n"},
        {2, 0, "icmpv6 2/0 by 2001:db8::9: 17 [2001:db8::1]:5060>[2001:db8::2]:5061 'OPTIONS'\n"},
        {128, 0, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes packet =
            ipv6("2001:db8::9", PHONE6, 58, icmp(cases[i].type, cases[i].code, 0, quote));
        assert_string_equal(log_of(log, packet, 101), cases[i].log);
    }
}

static void test_each_prefix(void **state) {
    struct net_log *log = *state;
    struct bytes packet = ipv4(ROUTER, PHONE, 1, icmp(3, 3, 0, quoted()));

    for (size_t len = 0; len < packet.len; len++) {
        struct net *net = net_log_new(log);
        feed(net, 1, 1, 101, &packet, len);
        net_end(net);
        net_free(net);
        assert_null(strstr(log->text, "malformed"));
    }
}

static struct bytes arp(unsigned operation, const char *sender, const char *target) {
    struct bytes b = {0};

    put(&b, "\0\x01\x08\0\x06\x04", 6);
    put_u16(&b, operation);
    put(&b, "\x02\0\0\0\0\x07", 6);
    put_ip(&b, sender);
    put(&b, "\0\0\0\0\0\0", 6);
    put_ip(&b, target);
    return ether(0x0806, b);
}

/* RFC 826, RFC 5227 */
static void test_arp(void **state) {
    struct net_log *log = *state;

    assert_string_equal(log_of(log, arp(1, PHONE, SERVER), 1), "192.0.2.1 asks 192.0.2.2 -\n");
    assert_string_equal(log_of(log, arp(2, SERVER, PHONE), 1),
                        "192.0.2.2 answers 192.0.2.2 02:00:00:00:00:07\n");
    assert_string_equal(log_of(log, arp(1, "0.0.0.0", PHONE), 1), "0.0.0.0 asks 192.0.2.1 -\n");
    assert_string_equal(log_of(log, arp(1, PHONE, PHONE), 1),
                        "192.0.2.1 answers 192.0.2.1 02:00:00:00:00:07\n");
    assert_string_equal(log_of(log, arp(8, PHONE, SERVER), 1), "");
    struct bytes token_ring = arp(1, PHONE, SERVER);
    token_ring.data[18] = 2;
    assert_string_equal(log_of(log, token_ring, 1), "");
}

/* RFC 4861 4.3, 4.4 */
static void test_neighbour_discovery(void **state) {
    struct net_log *log = *state;
    struct bytes body = {0};

    put_ip(&body, SERVER6);
    put(&body, "\x01\x01\x02\0\0\0\0\x01", 8); /* source's address */
    struct bytes asks = ipv6(PHONE6, "ff02::1:ff00:2", 58, icmp(135, 0, 0, body));
    assert_string_equal(log_of(log, asks, 101), "2001:db8::1 asks 2001:db8::2 -\n");

    body.data[16] = 2; /* target's address */
    struct bytes answers = ipv6(SERVER6, PHONE6, 58, icmp(136, 0, 0x60000000, body));
    assert_string_equal(log_of(log, answers, 101),
                        "2001:db8::2 answers 2001:db8::2 02:00:00:00:00:01\n");
    struct bytes bare = ipv6(SERVER6, PHONE6, 58, icmp(136, 0, 0, slice_bytes(body, 0, 16)));
    assert_string_equal(log_of(log, ether(0x86dd, bare), 1),
                        "2001:db8::2 answers 2001:db8::2 02:00:00:00:00:01\n");
    body.data[17] = 0; /* an option of no length: RFC 4861 4.6 */
    struct bytes broken = ipv6(SERVER6, PHONE6, 58, icmp(136, 0, 0, body));
    assert_string_equal(log_of(log, broken, 101), "2001:db8::2 answers 2001:db8::2 -\n");
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_icmp, &log),
        cmocka_unit_test_prestate(test_extensions, &log),
        cmocka_unit_test_prestate(test_icmpv6, &log),
        cmocka_unit_test_prestate(test_each_prefix, &log),
        cmocka_unit_test_prestate(test_arp, &log),
        cmocka_unit_test_prestate(test_neighbour_discovery, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
