/* Checksums: the sum, what it says of a packet, and when a source is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/checksum.h"
#include "packets.h"

/* The sum as RFC 1071 4.1 takes it, a number in network order. */
static uint16_t plain_sum(const uint8_t *at, size_t len) {
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* As ICMP, which has no pseudo header: right where the sum is all ones. */
static enum checksum as_icmp(const uint8_t *at, size_t len) {
    const struct packet packet = {0};

    return checksum_transport(&packet, PROTOCOL_ICMP, checksum_sum(slice_of(at, len)), 0, len, 1);
}

/* Every length, at the end of its memory; bytes that carry much and bytes that carry nothing. */
static void test_sum(void **state) {
    uint32_t random = 1;

    (void)state;
    for (size_t len = 2; len < 300; len++)
        for (int kind = 0; kind < 3; kind++) {
            uint8_t *bytes = malloc(len);
            assert_non_null(bytes);
            for (size_t i = 0; i < len; i++) {
                random = random * 1103515245 + 12345;
                bytes[i] = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)(random >> 16);
            }
            bytes[0] = bytes[1] = 0;
            uint16_t rest = plain_sum(bytes, len);
            bytes[0] = (uint8_t)(~rest >> 8);
            bytes[1] = (uint8_t)~rest;
            assert_int_equal(as_icmp(bytes, len), CHECKSUM_RIGHT);
            bytes[len - 1] ^= 0x10;
            assert_int_equal(as_icmp(bytes, len), CHECKSUM_WRONG);
            free(bytes);
        }
}

/* RFC 1071 3: the example's sum is ddf2. */
static void test_example(void **state) {
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03,           0xf4,
                                    0xf5, 0xf6, 0xf7, (uint8_t)~0xdd, (uint8_t)~0xf2};

    (void)state;
    assert_int_equal(as_icmp(bytes, sizeof bytes), CHECKSUM_RIGHT);
}

static void test_ip_header(void **state) {
    /* RFC 1071's algorithm on a header of 20 bytes with the checksum b861. */
    static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                     0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    uint8_t other[sizeof header];

    (void)state;
    assert_int_equal(checksum_ip(slice_of(header, sizeof header)), CHECKSUM_RIGHT);
    for (size_t len = 0; len < sizeof header; len++)
        assert_int_equal(checksum_ip(slice_of(header, len)), CHECKSUM_UNKNOWN);
    memcpy(other, header, sizeof header);
    other[8]--; /* a hop less, and the sum not told */
    assert_int_equal(checksum_ip(slice_of(other, sizeof other)), CHECKSUM_WRONG);
    other[10] = other[11] = 0;
    assert_int_equal(checksum_ip(slice_of(other, sizeof other)), CHECKSUM_OFFLOADED);
    other[0] = 0x65; /* IPv6 has none */
    assert_int_equal(checksum_ip(slice_of(other, sizeof other)), CHECKSUM_UNKNOWN);
}

/* A UDP datagram with this checksum field. */
static enum checksum as_udp(const char *src, const char *dst, uint16_t field) {
    static const uint8_t payload[] = "OPTIONS sip:x SIP/2.0";
    const struct packet packet = {.src = {ip(src), 5060}, .dst = {ip(dst), 5062}};
    size_t len = 8 + sizeof payload;

    return checksum_transport(&packet, PROTOCOL_UDP,
                              checksum_sum(slice_of(payload, sizeof payload)),
                              5060u + 5062u + len + field, len, field);
}

static uint16_t folded(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void test_transport(void **state) {
    static const struct {
        const char *src, *dst;
    } ends[] = {{"192.0.2.10", "192.0.2.1"}, {"2001:db8::10", "2001:db8:1:2:3:4:5:6"}};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct ip_addr src = ip(ends[i].src), dst = ip(ends[i].dst);
        static const uint8_t payload[] = "OPTIONS sip:x SIP/2.0";
        uint32_t len = 8 + sizeof payload;
        uint32_t addresses =
            (uint32_t)plain_sum(src.bytes, src.len) + plain_sum(dst.bytes, dst.len);
        uint16_t right = (uint16_t)~folded(addresses + 17 + len + 5060 + 5062 + len +
                                           plain_sum(payload, sizeof payload));
        assert_int_equal(as_udp(ends[i].src, ends[i].dst, right), CHECKSUM_RIGHT);
        assert_int_equal(as_udp(ends[i].src, ends[i].dst, right ^ 0x0100), CHECKSUM_WRONG);
        assert_int_equal(as_udp(ends[i].src, ends[i].dst, folded(addresses + 17 + len)),
                         CHECKSUM_OFFLOADED);
        assert_int_equal(as_udp(ends[i].src, ends[i].dst, folded(addresses + 17)),
                         CHECKSUM_OFFLOADED);
        assert_int_equal(as_udp(ends[i].src, ends[i].dst, 0), CHECKSUM_OFFLOADED);
    }
}

static bool holds(struct net *net, const char *src, enum checksum sum) {
    const struct packet packet = {.frame_no = 1, .src.ip = ip(src), .dst.ip = ip("192.0.2.1")};

    return checksum_holds(net, &packet, CHECKSUM_UNKNOWN, CHECKSUM_UDP, sum);
}

static void test_sources(void **state) {
    const struct net_handler handler = {0};
    struct net *net = net_new(&handler);

    (void)state;
    /* never a right one: offloading, or an edited capture */
    for (int i = 0; i < 5; i++)
        assert_true(holds(net, "192.0.2.10", CHECKSUM_WRONG));
    /* three right ones for a wrong one */
    for (int i = 0; i < 3; i++)
        assert_true(holds(net, "192.0.2.11", CHECKSUM_RIGHT));
    assert_true(holds(net, "192.0.2.11", CHECKSUM_OFFLOADED));
    assert_false(holds(net, "192.0.2.11", CHECKSUM_WRONG));
    assert_true(holds(net, "192.0.2.11", CHECKSUM_WRONG));
    net_free(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),       cmocka_unit_test(test_example),
        cmocka_unit_test(test_ip_header), cmocka_unit_test(test_transport),
        cmocka_unit_test(test_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
