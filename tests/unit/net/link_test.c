/* One datagram in every kind of frame, and every prefix of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

enum { MAX_HEAD = 40 };

struct link_case {
    const char *name;
    int link_type;
    size_t head_len;
    char head[MAX_HEAD]; /* what stands before the IP packet */
    bool v6;
    const char *mac_src; /* NULL: none */
};

#define MACS "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
#define CASE(name, type, head, v6, mac)                                                            \
    { name, type, sizeof(head) - 1, head, v6, mac }

static const struct link_case cases[] = {
    CASE("Ethernet", 1, MACS "\x08\x00", false, "02:00:00:00:00:01"),
    CASE("Ethernet, IPv6", 1, MACS "\x86\xdd", true, "02:00:00:00:00:01"),
    CASE("VLAN", 1, MACS "\x81\x00\x00\x05\x08\x00", false, "02:00:00:00:00:01"),
    CASE("QinQ", 1, MACS "\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd", true, "02:00:00:00:00:01"),
    CASE("old QinQ", 1, MACS "\x91\x00\x00\x05\x81\x00\x00\x06\x08\x00", false,
         "02:00:00:00:00:01"),
    CASE("PPPoE", 1, MACS "\x88\x64\x11\x00\x00\x01\x00\x23\x00\x21", false, "02:00:00:00:00:01"),
    CASE("MPLS", 1, MACS "\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40", false, "02:00:00:00:00:01"),
    CASE("SNAP", 1, MACS "\x00\x29\xaa\xaa\x03\x00\x00\x00\x08\x00", false, "02:00:00:00:00:01"),
    CASE("cooked", 113, "\0\0\0\x01\0\x06\x02\0\0\0\0\x09\0\0\x08\x00", false, "02:00:00:00:00:09"),
    CASE("cooked, no address", 113, "\0\0\x03\x04\0\0\0\0\0\0\0\0\0\0\x86\xdd", true, NULL),
    CASE("cooked, VLAN", 113, "\0\0\0\x01\0\x06\x02\0\0\0\0\x09\0\0\x81\x00\0\x05\x08\x00", false,
         "02:00:00:00:00:09"),
    CASE("cooked 2", 276, "\x08\x00\0\0\0\0\0\x02\0\x01\x04\x06\x02\0\0\0\0\x09\0\0", false,
         "02:00:00:00:00:09"),
    CASE("raw", 101, "", false, NULL),
    CASE("raw, IPv6", 101, "", true, NULL),
    CASE("raw 12", 12, "", false, NULL),
    CASE("raw 14", 14, "", true, NULL),
    CASE("IPv4", 228, "", false, NULL),
    CASE("IPv6", 229, "", true, NULL),
    CASE("null, little-endian", 0, "\x02\0\0\0", false, NULL),
    CASE("null, big-endian", 0, "\0\0\0\x02", false, NULL),
    CASE("null, Linux", 0, "\x0a\0\0\0", true, NULL),
    CASE("null, NetBSD", 0, "\x18\0\0\0", true, NULL),
    CASE("null, FreeBSD", 0, "\0\0\0\x1c", true, NULL),
    CASE("null, macOS", 0, "\x1e\0\0\0", true, NULL),
    CASE("loop", 108, "\0\0\0\x02", false, NULL),
    CASE("PPP", 9, "\xff\x03\x00\x21", false, NULL),
    CASE("PPP in HDLC", 50, "\xff\x03\x00\x57", true, NULL),
    CASE("Cisco HDLC for PPP in HDLC", 50, "\x0f\x00\x08\x00", false, NULL),
    CASE("Cisco HDLC", 104, "\x0f\x00\x08\x00", false, NULL),
};

static struct bytes frame_of(const struct link_case *c) {
    struct bytes inside = udp(5060, 5061, text_bytes("hello")), frame = {0};

    put(&frame, c->head, c->head_len);
    put_bytes(&frame, c->v6 ? ipv6("2001:db8::1", "2001:db8::2", 17, inside)
                            : ipv4("192.0.2.1", "192.0.2.2", 17, inside));
    return frame;
}

struct seen {
    int datagrams;
    struct mac_addr mac_src;
};

static void see(void *context, const struct datagram *datagram) {
    struct seen *seen = context;

    seen->datagrams++;
    seen->mac_src = datagram->packet.mac_src;
}

static void test_each_link_type(void **state) {
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct link_case *c = &cases[i];
        struct bytes frame = frame_of(c);
        struct net *net = net_log_new(log);
        feed(net, 1, 1, c->link_type, &frame, frame.len);
        net_free(net);
        if (strcmp(log->text, c->v6 ? "udp [2001:db8::1]:5060>[2001:db8::2]:5061 'hello'\n"
                                    : "udp 192.0.2.1:5060>192.0.2.2:5061 'hello'\n") != 0)
            fail_msg("%s: %s", c->name, log->text);

        struct seen seen = {0};
        const struct net_handler handler = {.context = &seen, .datagram = see};
        char mac[MAC_TEXT_LEN];
        net = net_new(&handler);
        feed(net, 1, 1, c->link_type, &frame, frame.len);
        net_free(net);
        assert_int_equal(seen.datagrams, 1);
        assert_int_equal(seen.mac_src.known, c->mac_src != NULL);
        if (c->mac_src)
            assert_string_equal(mac_text(&seen.mac_src, mac), c->mac_src);
    }
}

/* Cut by the snapshot length: one note, and never more bytes than there are. */
static void test_each_prefix(void **state) {
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes frame = frame_of(&cases[i]);
        for (size_t len = 0; len < frame.len; len++) {
            struct net *net = net_log_new(log);
            feed(net, 1, 1, cases[i].link_type, &frame, len);
            net_end(net);
            net_free(net);
            assert_int_equal(strncmp(log->text, "note cut 1 ", 11), 0);
            assert_null(strstr(log->text, "malformed"));
        }
    }
}

static void test_unknown(void **state) {
    struct net_log *log = *state;
    struct bytes frame = ether(0x0800, text_bytes("")), lldp = ether(0x88cc, text_bytes("abc"));
    struct net *net = net_log_new(log);

    feed(net, 1, 2, 147, &frame, frame.len);
    feed(net, 2, 1, 1, &lldp, lldp.len);
    net_free(net);
    assert_string_equal(log->text, "note link-type 1 147\nnote backwards 2 1000000000\n");
}

/* More tags than anybody uses: given up, not followed for ever. */
static void test_many_tags(void **state) {
    struct net_log *log = *state;
    struct bytes inside = {0};

    for (int i = 0; i < 500; i++)
        put_u32(&inside, 0x00018100);
    struct bytes frame = ether(0x8100, inside);
    struct net *net = net_log_new(log);
    feed(net, 1, 1, 1, &frame, frame.len);
    net_free(net);
    assert_string_equal(log->text, "");
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_each_link_type, &log),
        cmocka_unit_test_prestate(test_each_prefix, &log),
        cmocka_unit_test_prestate(test_unknown, &log),
        cmocka_unit_test_prestate(test_many_tags, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
