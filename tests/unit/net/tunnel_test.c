/* One datagram in every kind of tunnel, and every prefix of it; what is on a tunnel's port and is
 * none; tunnels and fragments in one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

enum { MAX_HEAD = 96 };

struct tunnel_case {
    const char *name;
    unsigned protocol, port; /* of UDP; 0: straight on IP */
    bool v6;                 /* what is inside */
    size_t head_len;
    char head[MAX_HEAD]; /* what stands before the inner IP packet */
    bool mac;            /* an Ethernet or 802.11 frame of 02:00:00:00:00:0b */
};

#define MACS "\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b"
#define WLAN "\x08\x01\0\0\x02\0\0\0\0\x01\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x10\x00"
#define SWAPPED "\x01\x08\0\0\x02\0\0\0\0\x01\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x01\x10"
#define LLC "\xaa\xaa\x03\0\0\0\x08\x00"
#define ON_IP(name, protocol, v6, head, mac)                                                       \
    { name, protocol, 0, v6, sizeof(head) - 1, head, mac }
#define ON_UDP(name, port, v6, head, mac)                                                          \
    { name, 17, port, v6, sizeof(head) - 1, head, mac }

static const struct tunnel_case cases[] = {
    ON_IP("IPIP", 4, false, "", false),
    ON_IP("6in4", 41, true, "", false),
    ON_IP("IPIP of old", 94, false, "", false),
    ON_IP("EtherIP", 97, false, "\x30\0" MACS "\x08\x00", true),
    ON_IP("MPLS", 137, false, "\0\x01\x01\x40", false),
    ON_IP("GRE", 47, false, "\0\0\x08\x00", false),
    ON_IP("GRE, checksum", 47, true, "\x80\0\x86\xdd\x12\x34\0\0", false),
    ON_IP("GRE, key and sequence", 47, false, "\x30\0\x08\x00\0\0\0\x07\0\0\0\x01", false),
    ON_IP("GRE, routes", 47, false, "\x40\0\x08\x00\0\0\0\x04\x08\x00\0\x04\xc0\0\x02\x09\0\0\0\0",
          false),
    ON_IP("GRE, Ethernet (NVGRE)", 47, false, "\x20\0\x65\x58\0\x12\x34\0" MACS "\x08\x00", true),
    ON_IP("GRE, VLAN", 47, false, "\0\0\x65\x58" MACS "\x81\0\0\x05\x08\x00", true),
    ON_IP("GRE, MPLS", 47, true, "\0\0\x88\x47\0\x01\x01\x40", false),
    ON_IP("GRE, WCCP", 47, false, "\0\0\x88\x3e\0\x01\0\0", false),
    ON_IP("GRE, metadata", 47, false, "\0\0\x89\x09\x08\0\x01\x01\0\x01\0\x07", false),
    ON_IP("PPTP", 47, false, "\x30\x01\x88\x0b\0\x25\0\x01\0\0\0\x05\xff\x03\0\x21", false),
    ON_IP("PPTP, acknowledgment", 47, true, "\x30\x81\x88\x0b\0\x36\0\x01\0\0\0\x05\0\0\0\x04\x57",
          false),
    ON_IP("EoIP", 47, false, "\x20\x01\x64\x00\0\x2f\x01\0" MACS "\x08\x00", true),
    ON_IP("ERSPAN I", 47, false, "\0\0\x88\xbe" MACS "\x08\x00", true),
    ON_IP("ERSPAN II", 47, false, "\x10\0\x88\xbe\0\0\0\x01\x10\x05\0\x01\0\0\0\0" MACS "\x08\x00",
          true),
    ON_IP("ERSPAN III", 47, true,
          "\x10\0\x22\xeb\0\0\0\x01\x20\x05\0\x01\0\0\0\0\0\0\0\0" MACS "\x86\xdd", true),
    ON_IP("ERSPAN III, platform", 47, false,
          "\x10\0\x22\xeb\0\0\0\x01\x20\x05\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0" MACS
          "\x08\x00",
          true),
    ON_IP("ERSPAN III, IP", 47, false, "\x10\0\x22\xeb\0\0\0\x01\x20\x05\0\x01\0\0\0\0\0\0\x08\0",
          false),
    ON_IP("L2TPv3, Ethernet", 115, false, "\0\0\0\x07" MACS "\x08\x00", true),
    ON_IP("L2TPv3, cookie and sublayer", 115, false,
          "\0\0\0\x07\x99\x88\x77\x66\0\0\0\0" MACS "\x08\x00", true),
    ON_IP("L2TPv3, PPP", 115, false, "\0\0\0\x07\xff\x03\0\x21", false),
    ON_UDP("GRE in UDP", 4754, false, "\0\0\x08\x00", false),
    ON_UDP("MPLS in UDP", 6635, false, "\0\x01\x01\x40", false),
    ON_UDP("VXLAN", 4789, false, "\x08\0\0\0\0\0\x07\0" MACS "\x08\x00", true),
    ON_UDP("VXLAN of Linux", 8472, true, "\x08\0\0\0\0\0\x07\0" MACS "\x81\0\0\x05\x86\xdd", true),
    ON_UDP("VXLAN-GPE", 4790, true, "\x0c\0\0\x02\0\0\x07\0", false),
    ON_UDP("VXLAN-GPE, NSH", 4790, false, "\x0c\0\0\x04\0\0\x07\0\x0f\xc2\x02\x01\0\0\x01\xff",
           false),
    ON_UDP("GENEVE", 6081, false, "\0\0\x65\x58\0\0\x07\0" MACS "\x08\x00", true),
    ON_UDP("GENEVE, options", 6081, false, "\x02\0\x08\0\0\0\x07\0\x01\x02\x80\x01\0\0\0\0", false),
    ON_UDP("GTP-U", 2152, false, "\x30\xff\0\x21\0\0\0\x01", false),
    ON_UDP("GTP-U, extension", 2152, true, "\x34\xff\0\x3d\0\0\0\x01\0\0\0\x85\x01\x10\x01\0",
           false),
    ON_UDP("GTP-U, Ethernet", 2152, false, "\x30\xff\0\x2f\0\0\0\x01" MACS "\x08\x00", true),
    ON_UDP("L2TP", 1701, false, "\0\x02\0\x01\0\x02\xff\x03\0\x21", false),
    ON_UDP("L2TP, length, sequence, offset", 1701, true,
           "\x4a\x02\0\x46\0\x01\0\x02\0\x05\0\x04\0\x02\0\0\x57", false),
    ON_UDP("L2TPv3 in UDP", 1701, false, "\0\x03\0\0\0\0\0\x07" MACS "\x08\x00", true),
    ON_UDP("TZSP", 37008, false, "\x01\0\0\x01\0\x01" MACS "\x08\x00", true),
    ON_UDP("TZSP, 802.11", 37008, false, "\x01\0\0\x12\x0a\x01\x55\x01" WLAN LLC, true),
    ON_UDP("CAPWAP", 5247, false, "\0\x10\0\0\0\0\0\0" MACS "\x08\x00", true),
    ON_UDP("CAPWAP, 802.11", 5247, false, "\0\x10\x03\0\0\0\0\0" WLAN LLC, true),
    ON_UDP("CAPWAP, 802.11 swapped", 5247, false, "\0\x10\x03\0\0\0\0\0" SWAPPED LLC, true),
    ON_UDP("LISP", 4341, false, "\x80\0\0\x01\0\0\0\x01", false),
    ON_UDP("Teredo", 3544, true, "", false),
    ON_UDP("Teredo, origin", 3544, true, "\0\0\x12\x34\xc0\0\x02\x01", false),
    ON_UDP("Teredo, authentication", 3544, true, "\0\x01\0\0\0\0\0\0\0\0\0\0\0", false),
    ON_UDP("AYIYA", 5072, true,
           "\x41\x52\x11\x29\0\0\0\0"
           "the identity has"
           "and the signature 20",
           false),
};

static struct bytes inner(bool v6) {
    struct bytes inside = udp(5060, 5061, text_bytes("hello"));

    return v6 ? ipv6("2001:db8::1", "2001:db8::2", 17, inside)
              : ipv4("10.0.0.1", "10.0.0.2", 17, inside);
}

static struct bytes transport_of(const struct tunnel_case *c) {
    struct bytes inside = {0};

    put(&inside, c->head, c->head_len);
    put_bytes(&inside, inner(c->v6));
    return c->port ? udp(40000, c->port, inside) : inside;
}

static const char *expected(bool v6) {
    return v6 ? "udp [2001:db8::1]:5060>[2001:db8::2]:5061 'hello'\n"
              : "udp 10.0.0.1:5060>10.0.0.2:5061 'hello'\n";
}

static void see_mac(void *context, const struct datagram *datagram) {
    struct mac_addr *mac = context;

    *mac = datagram->packet.mac_src;
}

static void test_each(void **state) {
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tunnel_case *c = &cases[i];
        struct bytes frames[] = {
            ether(0x0800, ipv4("192.0.2.1", "192.0.2.2", c->protocol, transport_of(c))),
            ether(0x86dd, ipv6("2001:db8:1::1", "2001:db8:1::2", c->protocol, transport_of(c))),
        };
        for (size_t n = 0; n < 2; n++) {
            struct net *net = net_log_new(log);
            feed(net, 1, 1, 1, &frames[n], frames[n].len);
            net_free(net);
            if (strcmp(log->text, expected(c->v6)) != 0)
                fail_msg("%s: %s", c->name, log->text);

            /* The outer MAC address is a router's. */
            struct mac_addr mac = {0};
            const struct net_handler handler = {.context = &mac, .datagram = see_mac};
            net = net_new(&handler);
            feed(net, 1, 1, 1, &frames[n], frames[n].len);
            net_free(net);
            if (mac.known != c->mac || (c->mac && mac.bytes[5] != 0x0b))
                fail_msg("%s: another MAC address", c->name);
        }
    }
}

/* Cut by the snapshot length: nothing contradicts itself, and what is read of the inner packet is
 * known to be cut. */
static void test_each_prefix(void **state) {
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes frame = ether(
            0x0800, ipv4("192.0.2.1", "192.0.2.2", cases[i].protocol, transport_of(&cases[i])));
        for (size_t len = 0; len < frame.len; len++) {
            struct net *net = net_log_new(log);
            feed(net, 1, 1, 1, &frame, len);
            net_end(net);
            net_free(net);
            if (strstr(log->text, "malformed"))
                fail_msg("%s, %zu: %s", cases[i].name, len, log->text);
            if (strstr(log->text, "udp ") && !strstr(log->text, " cut\n"))
                fail_msg("%s, %zu: %s", cases[i].name, len, log->text);
        }
        /* All but the last byte: the inner datagram, and no other. */
        assert_non_null(strstr(log->text, "'hell' of 5 cut\n"));
    }
}

/* What does not fit is what UDP says: SIP and RTP on the port of a tunnel. */
static void test_no_tunnel(void **state) {
    struct net_log *log = *state;
    const char *sip = "OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:4789\r\n";
    struct bytes rtp = {0};

    put_u32(&rtp, 0x80000001);
    for (int i = 0; i < 42; i++)
        put_u32(&rtp, 0xd5d5d5d5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!cases[i].port)
            continue;
        const struct bytes payloads[] = {text_bytes(sip), rtp};
        for (size_t n = 0; n < 2; n++) {
            struct bytes frame =
                ether(0x0800, ipv4("192.0.2.1", "192.0.2.2", 17,
                                   udp(cases[i].port, cases[i].port, payloads[n])));
            struct net *net = net_log_new(log);
            feed(net, 1, 1, 1, &frame, frame.len);
            net_free(net);
            if (strncmp(log->text, "udp 192.0.2.1:", 14) != 0)
                fail_msg("%s: %s", cases[i].name, log->text);
        }
    }
}

/* Tunnels in tunnels, up to the bound. */
static void test_depth(void **state) {
    struct net_log *log = *state;

    for (int depth = 1; depth <= 9; depth++) {
        struct bytes packet = inner(false);
        for (int i = 0; i < depth; i++)
            packet = ipv4("192.0.2.1", "192.0.2.2", 4, packet);
        struct bytes frame = ether(0x0800, packet);
        struct net *net = net_log_new(log);
        feed(net, 1, 1, 1, &frame, frame.len);
        net_free(net);
        assert_string_equal(log->text, depth <= 8 ? expected(false) : "note limit-tunnels 1 9\n");
    }
}

/* A tunnel's packet in fragments, and fragments in tunnels, and both. */
static void test_fragments(void **state) {
    struct net_log *log = *state;
    struct bytes packet = udp(5060, 5061, text_bytes("hello, this is longer than one"));
    struct bytes parts[2], outer[4];

    for (size_t i = 0; i < 2; i++) {
        struct bytes gre = text_bytes("");
        put(&gre, "\0\0\x08\0", 4);
        put_bytes(&gre, ipv4_fragment("10.0.0.1", "10.0.0.2", 17, 7, i ? 3 : MORE,
                                      slice_bytes(packet, i ? 24 : 0, i ? packet.len : 24)));
        parts[i] = gre;
    }
    struct net *net = net_log_new(log);
    for (unsigned i = 0; i < 2; i++) {
        struct bytes frame = ether(0x0800, ipv4("192.0.2.1", "192.0.2.2", 47, parts[i]));
        feed(net, i + 1, 1, 1, &frame, frame.len);
    }
    net_end(net);
    net_free(net);
    assert_string_equal(log->text, "udp 10.0.0.1:5060>10.0.0.2:5061 'hello, this is longer than "
                                   "one' frames 1,2\n");

    net = net_log_new(log);
    for (unsigned i = 0; i < 4; i++) {
        const struct bytes *part = &parts[i / 2];
        outer[i] = ether(0x0800,
                         ipv4_fragment("192.0.2.1", "192.0.2.2", 47, 9 + i / 2, i % 2 ? 2 : MORE,
                                       slice_bytes(*part, i % 2 ? 16 : 0, i % 2 ? part->len : 16)));
        feed(net, i + 1, 1, 1, &outer[i], outer[i].len);
    }
    net_end(net);
    net_free(net);
    assert_string_equal(log->text, "udp 10.0.0.1:5060>10.0.0.2:5061 'hello, this is longer than "
                                   "one' frames 1,2,3,4\n");
}

/* ARP and ICMP errors of a network that is seen in a tunnel. */
static void test_neighbours(void **state) {
    struct net_log *log = *state;
    struct bytes arp = {0}, error = {0}, quoted = inner(false);

    put(&arp, "\x08\0\0\0\0\0\x07\0" MACS "\x08\x06\0\x01\x08\0\x06\x04\0\x01", 8 + 14 + 8);
    put(&arp, "\x02\0\0\0\0\x0b\x0a\0\0\x01\0\0\0\0\0\0\x0a\0\0\x02", 20);
    put(&error, "\x03\x03\0\0\0\0\0\0", 8);
    put_bytes(&error, quoted);
    struct bytes frames[] = {
        ether(0x0800, ipv4("192.0.2.1", "192.0.2.2", 17, udp(40000, 4789, arp))),
        ether(0x0800, ipv4("192.0.2.1", "192.0.2.2", 4, ipv4("10.0.0.2", "10.0.0.1", 1, error))),
    };
    struct net *net = net_log_new(log);
    feed(net, 1, 1, 1, &frames[0], frames[0].len);
    feed(net, 2, 1, 1, &frames[1], frames[1].len);
    net_free(net);
    assert_string_equal(
        log->text, "10.0.0.1 asks 10.0.0.2 -\n"
                   "icmp 3/3 unreachable by 10.0.0.2: 17 10.0.0.1:5060>10.0.0.2:5061 'hello'\n");
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_each, &log),
        cmocka_unit_test_prestate(test_each_prefix, &log),
        cmocka_unit_test_prestate(test_no_tunnel, &log),
        cmocka_unit_test_prestate(test_depth, &log),
        cmocka_unit_test_prestate(test_fragments, &log),
        cmocka_unit_test_prestate(test_neighbours, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
