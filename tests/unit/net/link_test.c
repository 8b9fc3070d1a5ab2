/* One datagram in every kind of frame, and every prefix of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net_log.h"
#include "packets.h"

enum { MAX_HEAD = 152 };

struct link_case {
    const char *name;
    int link_type;
    size_t head_len;
    char head[MAX_HEAD]; /* what stands before the IP packet */
    bool v6;
    const char *mac_src; /* NULL: none */
    size_t tail;         /* bytes behind it that are no payload */
};

#define MACS "\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
#define INNER "\0\0\0\0\0\x04\0\0\0\0\0\x03"
#define LLC "\xaa\xaa\x03\0\0\0\x08\x00"
#define LLC6 "\xaa\xaa\x03\0\0\0\x86\xdd"
#define A1 "\x02\0\0\0\0\x0a"
#define A2 "\x02\0\0\0\0\x0b"
#define A3 "\x02\0\0\0\0\x0c"
#define A4 "\x02\0\0\0\0\x0d"
#define WLAN_DATA "\x08\x01\0\0" A1 A2 A3 "\x10\x00" LLC
/* Length 108, a packet follows; DLT value; the rest. */
#define PKTAP "\x6c\0\0\0\x01\0\0\0"
#define ZEROS_32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define PKTAP_REST ZEROS_32 ZEROS_32 ZEROS_32
#define CASE(name, type, head, v6, mac) CASE_TAIL(name, type, head, v6, mac, 0)
#define CASE_TAIL(name, type, head, v6, mac, tail)                                                 \
    { name, type, sizeof(head) - 1, head, v6, mac, tail }

static const struct link_case cases[] = {
    CASE("Ethernet", 1, MACS "\x08\x00", false, "02:00:00:00:00:01"),
    CASE("Ethernet, IPv6", 1, MACS "\x86\xdd", true, "02:00:00:00:00:01"),
    CASE("VLAN", 1, MACS "\x81\x00\x00\x05\x08\x00", false, "02:00:00:00:00:01"),
    CASE("QinQ", 1, MACS "\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd", true, "02:00:00:00:00:01"),
    CASE("old QinQ", 1, MACS "\x91\x00\x00\x05\x81\x00\x00\x06\x08\x00", false,
         "02:00:00:00:00:01"),
    CASE("PPPoE", 1, MACS "\x88\x64\x11\x00\x00\x01\x00\x23\x00\x21", false, "02:00:00:00:00:01"),
    /* What is behind labels may have come through other routers: their MAC addresses say nothing.
     */
    CASE("MPLS", 1, MACS "\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40", false, NULL),
    CASE("MPLS, Ethernet", 1, MACS "\x88\x47\x00\x01\x01\x40" INNER "\x08\x00", false,
         "00:00:00:00:00:03"),
    CASE("MPLS, Ethernet with control word", 1,
         MACS "\x88\x47\x00\x01\x01\x40\0\0\0\x07" INNER "\x86\xdd", true, "00:00:00:00:00:03"),
    CASE("MPLS, Ethernet that looks like IPv4", 1,
         MACS "\x88\x47\x00\x01\x01\x40\x45\0\x12\x34\0\x04\0\0\0\0\0\x03\x08\x00", false,
         "00:00:00:00:00:03"),
    CASE("MPLS link", 219, "\x00\x01\x01\x40", true, NULL),
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

    /* IEEE 802.3 */
    CASE("LLC, IP", 1, MACS "\x00\x2a\x06\x06\x03", false, "02:00:00:00:00:01"),
    CASE("SNAP of 802.1H", 1, MACS "\x00\x29\xaa\xaa\x03\x00\x00\xf8\x08\x00", false,
         "02:00:00:00:00:01"),
    CASE("LLC, ISO", 1, MACS "\x00\x2a\xfe\xfe\x03\xcc", false, "02:00:00:00:00:01"),
    CASE("jumbo LLC", 1, MACS "\x88\x70" LLC, false, "02:00:00:00:00:01"),
    CASE_TAIL(
        "ISL", 1,
        "\x01\x00\x0c\x00\x00\x00\x02\0\0\0\0\x09\x00\x60\xaa\xaa\x03\0\0\x0c\0\x01\0\0\0\0" INNER
        "\x08\x00",
        false, "00:00:00:00:00:03", 4),
    CASE_TAIL("mPacket", 274, "\x55\x55\x55\x55\x55\x55\x55\xd5" MACS "\x08\x00", false,
              "02:00:00:00:00:01", 4),
    /* Tags */
    CASE("E-TAG", 1, MACS "\x89\x3f\0\0\0\x01\0\0\x08\x00", false, "02:00:00:00:00:01"),
    CASE("VN-tag", 1, MACS "\x89\x26\0\0\0\x01\x81\x00\0\x05\x86\xdd", true, "02:00:00:00:00:01"),
    CASE("Cisco metadata", 1, MACS "\x89\x09\x01\x01\0\x01\0\x07\x08\x00", false,
         "02:00:00:00:00:01"),
    CASE_TAIL("MACsec", 1, MACS "\x88\xe5\x00\x00\0\0\0\x01\x08\x00", false, "02:00:00:00:00:01",
              16),
    CASE_TAIL("MACsec, SCI", 1, MACS "\x88\xe5\x20\x00\0\0\0\x01\x02\0\0\0\0\x01\0\x01\x86\xdd",
              true, "02:00:00:00:00:01", 16),
    CASE("802.1ah", 1, MACS "\x88\xe7\0\0\0\x01" INNER "\x08\x00", false, "00:00:00:00:00:03"),
    CASE("NSH", 1, MACS "\x89\x4f\x0f\xc2\x02\x01\0\0\x01\xff", false, "02:00:00:00:00:01"),
    CASE("NSH, Ethernet", 1, MACS "\x89\x4f\x0f\xc3\x02\x03\0\0\x01\xff\0\0\0\0" INNER "\x86\xdd",
         true, "00:00:00:00:00:03"),
    CASE("DSA by EtherType", 285, MACS "\xda\xda\0\0\xc0\x10\x05\x39\x08\x00", false,
         "02:00:00:00:00:01"),
    CASE("DSA", 284, MACS "\xc0\x10\x05\x39\x08\x00", false, "02:00:00:00:00:01"),
    CASE("Broadcom", 281, MACS "\0\0\x20\x05\x08\x00", false, "02:00:00:00:00:01"),
    CASE("Broadcom, in front", 282, "\0\0\x20\x05" MACS "\x86\xdd", true, "02:00:00:00:00:01"),
    /* PPP */
    CASE("PPP, address left off", 9, "\x00\x21", false, NULL),
    CASE("PPP, protocol of one byte", 9, "\x21", false, NULL),
    CASE("PPP, protocol of one byte, IPv6", 50, "\xff\x03\x57", true, NULL),
    CASE("PPP, MPLS", 9, "\xff\x03\x02\x81\x00\x01\x01\x40", false, NULL),
    CASE("PPP, multilink", 9, "\xff\x03\x00\x3d\xc0\x00\x00\x05\x00\x21", false, NULL),
    CASE("PPP, bridged", 9, "\xff\x03\x00\x31\x00\x01" INNER "\x08\x00", false,
         "00:00:00:00:00:03"),
    CASE("Cisco HDLC for PPP", 9, "\x8f\x00\x08\x00", false, NULL),
    CASE("PPPoE link", 51, "\x11\x00\x00\x01\x00\x37\x00\x57", true, NULL),
    CASE("PPP with direction", 204, "\x01\xff\x03\x00\x21", false, NULL),
    CASE("pppd", 166, "\x01\x03\x00\x21", false, NULL),
    /* Before IP */
    CASE("SLIP", 8, "\x01\x45\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, NULL),
    CASE("enc", 109, "\0\0\0\x02\0\0\x12\x34\0\0\0\0", false, NULL),
    CASE("pflog", 117, "\x0d\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, NULL),
    CASE("IPNET", 226, "\x01\x1a\0\x01\0\0\0\x40\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0", true, NULL),
    CASE("1394", 138, "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\x08\x00", false, NULL),
    /* Linux */
    CASE("cooked, LLC", 113, "\0\0\0\x01\0\x06\x02\0\0\0\0\x09\0\0\0\x04" LLC, false,
         "02:00:00:00:00:09"),
    CASE("cooked, radiotap", 113,
         "\0\0\x03\x23\0\x06\x02\0\0\0\0\x09\0\0\0\x04"
         "\0\0\x08\0\0\0\0\0" WLAN_DATA,
         false, "02:00:00:00:00:0b"),
    CASE("cooked, frame relay", 113, "\0\0\x03\x02\0\0\0\0\0\0\0\0\0\0\0\0\x18\x41\x03\xcc", false,
         NULL),
    CASE("cooked, GRE", 113, "\0\0\x03\x0a\0\x04\x0a\0\0\x01\0\0\0\0\x65\x58" INNER "\x08\x00",
         false, "00:00:00:00:00:03"),
    CASE("cooked 2, PPP", 276, "\0\x07\0\0\0\0\0\x02\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\x03\x00\x57",
         true, NULL),
    CASE("NFLOG", 239,
         "\x02\0\0\0\x08\0\x01\0\x08\0\0\0\x10\0\x08\0\0\x06\0\0\x02\0\0\0\0\x09\0\0"
         "\x25\0\x09\0",
         false, "02:00:00:00:00:09"),
    CASE("NFLOG, big-endian", 239, "\x0a\0\0\0\0\x05\0\x0a\0\0\0\0\0\x39\0\x09", true, NULL),
    CASE("netlink", 253,
         "\0\0\x03\x38\0\0\0\0\0\0\0\0\0\0\0\x0c\x39\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0"
         "\x02\0\0\0\x25\0\x09\0",
         false, NULL),
    /* 802.11 */
    CASE("802.11, ad hoc", 105, "\x08\x00\0\0" A1 A2 A3 "\x10\x00" LLC, false, "02:00:00:00:00:0b"),
    CASE("802.11, to the network", 105, WLAN_DATA, false, "02:00:00:00:00:0b"),
    CASE("802.11, from the network", 105, "\x08\x02\0\0" A1 A2 A3 "\x10\x00" LLC6, true,
         "02:00:00:00:00:0c"),
    CASE("802.11, four addresses", 105, "\x08\x03\0\0" A1 A2 A3 "\x10\x00" A4 LLC, false,
         "02:00:00:00:00:0d"),
    CASE("802.11, QoS", 105, "\x88\x01\0\0" A1 A2 A3 "\x10\x00\x06\0" LLC, false,
         "02:00:00:00:00:0b"),
    CASE("802.11, QoS and HT control", 105, "\x88\x81\0\0" A1 A2 A3 "\x10\x00\x06\0\0\0\0\0" LLC,
         false, "02:00:00:00:00:0b"),
    CASE("802.11, aggregate", 105, "\x88\x02\0\0" A1 A2 A3 "\x10\x00\x80\0" INNER "\x00\x29" LLC,
         false, "00:00:00:00:00:03"),
    CASE("802.11, said to be protected", 105, "\x08\x41\0\0" A1 A2 A3 "\x10\x00" LLC, false,
         "02:00:00:00:00:0b"),
    CASE("radiotap", 127, "\0\0\x12\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0" WLAN_DATA, false,
         "02:00:00:00:00:0b"),
    CASE("radiotap, padded", 127,
         "\0\0\x09\0\x02\0\0\0\x20"
         "\x88\x01\0\0" A1 A2 A3 "\x10\x00\x06\0\0\0" LLC,
         false, "02:00:00:00:00:0b"),
    CASE("radiotap, two words, timer", 127,
         "\0\0\x19\0\x03\0\0\x80\0\0\0\0\0\0\0\0"
         "\0\0\0\0\0\0\0\0"
         "\x00" WLAN_DATA,
         false, "02:00:00:00:00:0b"),
    CASE("Prism", 119,
         "\x44\0\0\0\x18\0\0\0"
         "wlan0\0\0\0\0\0\0\0\0\0\0\0" WLAN_DATA,
         false, "02:00:00:00:00:0b"),
    CASE("Prism, big-endian", 119, "\0\0\0\x44\0\0\0\x08" WLAN_DATA, false, "02:00:00:00:00:0b"),
    CASE("AVS for Prism", 119, "\x80\x21\x10\x01\0\0\0\x0c\0\0\0\0" WLAN_DATA, false,
         "02:00:00:00:00:0b"),
    CASE("AVS", 163, "\x80\x21\x10\x02\0\0\0\x0c\0\0\0\0" WLAN_DATA, false, "02:00:00:00:00:0b"),
    CASE("PPI", 192, "\0\0\x08\0\x69\0\0\0" WLAN_DATA, false, "02:00:00:00:00:0b"),
    CASE("PPI, Ethernet", 192, "\0\0\x0c\0\x01\0\0\0\x05\0\0\0" MACS "\x08\x00", false,
         "02:00:00:00:00:01"),
    /* Wide area and rings */
    CASE("frame relay", 107, "\x18\x41\x03\xcc", false, NULL),
    CASE("frame relay, long address", 107, "\x18\x40\x00\x01\x03\x00\x8e", true, NULL),
    CASE("frame relay, SNAP", 107, "\x18\x41\x03\x00\x80\0\0\0\x08\x00", false, NULL),
    CASE("frame relay, bridged", 107, "\x18\x41\x03\x00\x80\x00\x80\xc2\x00\x07" INNER "\x08\x00",
         false, "00:00:00:00:00:03"),
    CASE("frame relay, Cisco", 107, "\x18\x41\x86\xdd", true, NULL),
    CASE("ATM", 100, LLC, false, NULL),
    CASE("ATM 11", 11, LLC6, true, NULL),
    CASE("ATM, bridged", 100, "\xaa\xaa\x03\x00\x80\xc2\x00\x07\0\0" INNER "\x08\x00", false,
         "00:00:00:00:00:03"),
    CASE("ATM, PPP", 100, "\xfe\xfe\x03\xcf\x00\x21", false, NULL),
    CASE("IP over ATM", 106, LLC, false, NULL),
    CASE("IP over ATM without LLC", 19, "", false, NULL),
    CASE("SunATM", 123, "\x02\x00\x00\x64" LLC, false, NULL),
    CASE("SunATM, LANE", 123, "\x81\x00\x00\x64\0\x01" INNER "\x08\x00", false,
         "00:00:00:00:00:03"),
    CASE("token ring", 6, "\x10\x40" A1 A2 LLC, false, NULL),
    CASE("token ring, routed", 6,
         "\x10\x40" A1 "\x82\0\0\0\0\x0b"
         "\x06\x30\0\x11\0\x20" LLC,
         false, NULL),
    CASE("FDDI", 10, "\x54" A1 A2 LLC6, true, NULL),
    CASE("ARCNET", 7, "\x01\x02\xd4\0\0\x07", false, NULL),
    CASE("ARCNET, Linux", 129, "\x01\x02\0\0\xd4\0\0\x07", false, NULL),
    CASE("ARCNET, RFC 1051", 129, "\x01\x02\0\0\xf0", false, NULL),
    /* macOS */
    CASE("PKTAP", 258, PKTAP "\x01\0\0\0" PKTAP_REST MACS "\x08\x00", false, "02:00:00:00:00:01"),
    CASE("PKTAP, raw", 258, PKTAP "\x0c\0\0\0" PKTAP_REST, true, NULL),
};

static struct bytes frame_of(const struct link_case *c) {
    struct bytes inside = udp(5060, 5061, text_bytes("hello")), frame = {0};

    put(&frame, c->head, c->head_len);
    put_bytes(&frame, c->v6 ? ipv6("2001:db8::1", "2001:db8::2", 17, inside)
                            : ipv4("192.0.2.1", "192.0.2.2", 17, inside));
    for (size_t i = 0; i < c->tail; i++)
        put_u8(&frame, 0xfc);
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
            if (strstr(log->text, "malformed"))
                fail_msg("%s, %zu: %s", cases[i].name, len, log->text);
        }
    }
}

static void test_unknown(void **state) {
    struct net_log *log = *state;
    struct bytes frame = ether(0x0800, text_bytes("")), lldp = ether(0x88cc, text_bytes("abc"));
    struct net *net = net_log_new(log);

    feed(net, 1, 2, 147, &frame, frame.len); /* USER0 */
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

/* macOS wrote PKTAP as USER2: read where it looks so, left alone where it does not. */
static void test_user2(void **state) {
    struct net_log *log = *state;
    struct bytes frame = {0}, other = text_bytes("something of somebody's own");
    struct net *net = net_log_new(log);

    put(&frame, PKTAP "\x0c\0\0\0" PKTAP_REST, 108);
    put_bytes(&frame, ipv4("192.0.2.1", "192.0.2.2", 17, udp(5060, 5061, text_bytes("hello"))));
    feed(net, 1, 1, 149, &frame, frame.len);
    feed(net, 2, 1, 149, &other, other.len);
    net_free(net);
    assert_string_equal(log->text, "udp 192.0.2.1:5060>192.0.2.2:5061 'hello'\n"
                                   "note link-type 2 149\n");
}

/* A check sequence at the end is no payload, where IP does not say where the packet ends. */
static void test_check_sequence(void **state) {
    struct net_log *log = *state;
    struct bytes frame = {0}, packet = udp(5060, 5061, text_bytes("hello"));

    packet.data[4] = packet.data[5] = 0;
    packet = ipv4("192.0.2.1", "192.0.2.2", 17, packet);
    packet.data[2] = packet.data[3] = 0;
    put(&frame, "\0\0\x09\0\x02\0\0\0\x10" WLAN_DATA, 9 + 24 + 8);
    put_bytes(&frame, packet);
    put(&frame, "\xfc\xfc\xfc\xfc", 4);
    for (size_t cut = 0; cut <= 5; cut++) {
        struct net *net = net_log_new(log);
        feed(net, 1, 1, 127, &frame, frame.len - cut);
        net_free(net);
        assert_non_null(strstr(log->text, cut == 5 ? "'hell' of 5 cut" : "'hello'\n"));
    }
}

#define PASSED(type, expected, frame)                                                              \
    { type, expected, sizeof(frame) - 1, frame }

/* What cannot be read is said, what is of no use is not. */
static void test_passed_over(void **state) {
    static const struct {
        int link_type;
        const char *expected;
        size_t len;
        const char *frame;
    } passed_over[] = {
        PASSED(105, "note hidden 1 1\n",
               "\x08\x41\0\0" A1 A2 A3 "\x10\x00\x12\x34\0\x20\0\0\0\0\x99"),
        PASSED(105, "", "\x80\x00\0\0" A1 A2 A3 "\x10\x00"),             /* beacon */
        PASSED(105, "", "\x48\x01\0\0" A1 A2 A3 "\x10\x00"),             /* null function */
        PASSED(105, "", "\x08\x05\0\0" A1 A2 A3 "\x10\x00" LLC),         /* a fragment */
        PASSED(105, "", "\x08\x01\0\0" A1 A2 A3 "\x11\x00" LLC),         /* another */
        PASSED(1, "note hidden 1 1\n", MACS "\x88\xe5\x0c\0\0\0\0\x01"), /* MACsec, encrypted */
        PASSED(1, "", MACS "\x88\x63\x11\x09\0\0\0\0"),                  /* PPPoE discovery */
        PASSED(1, "", MACS "\x88\x47\0\x01\x01\x40\x10\0\0\x07\0\0"), /* MPLS, associated channel */
        PASSED(9, "", "\xff\x03\xc0\x21\x01\x01\0\x04"),              /* LCP */
        PASSED(127, "", "\0\0\x09\0\x02\0\0\0\x40" WLAN_DATA),        /* damaged on its way */
    };
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++) {
        struct bytes frame = {0};
        struct net *net = net_log_new(log);
        put(&frame, passed_over[i].frame, passed_over[i].len);
        feed(net, 1, 1, passed_over[i].link_type, &frame, frame.len);
        net_free(net);
        assert_string_equal(log->text, passed_over[i].expected);
    }
}

/* Several packets in one frame: an aggregate, netlink messages, frames of a serial line with their
 * escapes. */
static void test_several(void **state) {
    struct net_log *log = *state;
    struct bytes one = ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, text_bytes("one")));
    struct bytes two = ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, text_bytes("two}~")));
    struct bytes aggregate = {0}, netlink = {0}, serial = {0};

    put(&aggregate, "\x88\x02\0\0" A1 A2 A3 "\x10\x00\x80\0" INNER "\0\x27" LLC, 48);
    put_bytes(&aggregate, one);
    put(&aggregate, "\0\0\0" INNER "\0\x29" LLC, 3 + 22);
    put_bytes(&aggregate, two);

    put(&netlink, "\0\0\x03\x38\0\0\0\0\0\0\0\0\0\0\0\x0c", 16);
    put(&netlink, "\x37\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x23\0\x09\0", 24);
    put_bytes(&netlink, one);
    put(&netlink, "\0\x39\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x25\0\x09\0", 25);
    put_bytes(&netlink, two);

    put(&serial, "\x7e\xff\x7d\x23\x00\x21", 6);
    put_bytes(&serial, one);
    put(&serial, "\xcc\xcc\x7e\x7e\x21", 5);
    for (size_t i = 0; i < two.len; i++) {
        bool escape = two.data[i] == 0x7d || two.data[i] == 0x7e;
        if (escape)
            put_u8(&serial, 0x7d);
        put_u8(&serial, escape ? two.data[i] ^ 0x20 : two.data[i]);
    }
    put(&serial, "\xcc\xcc\x7e", 3);

    const struct {
        int link_type;
        const struct bytes *frame;
    } frames[] = {{105, &aggregate}, {253, &netlink}, {9, &serial}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct net *net = net_log_new(log);
        feed(net, 1, 1, frames[i].link_type, frames[i].frame, frames[i].frame->len);
        net_free(net);
        assert_string_equal(log->text, "udp 192.0.2.1:1>192.0.2.2:2 'one'\n"
                                       "udp 192.0.2.1:1>192.0.2.2:2 'two}~'\n");
        for (size_t len = 0; len < frames[i].frame->len; len++) {
            net = net_log_new(log);
            feed(net, 1, 1, frames[i].link_type, frames[i].frame, len);
            net_free(net);
            if (strstr(log->text, "malformed"))
                fail_msg("%s, %zu: %s", cases[i].name, len, log->text);
        }
    }
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_each_link_type, &log),
        cmocka_unit_test_prestate(test_each_prefix, &log),
        cmocka_unit_test_prestate(test_unknown, &log),
        cmocka_unit_test_prestate(test_many_tags, &log),
        cmocka_unit_test_prestate(test_user2, &log),
        cmocka_unit_test_prestate(test_check_sequence, &log),
        cmocka_unit_test_prestate(test_passed_over, &log),
        cmocka_unit_test_prestate(test_several, &log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
