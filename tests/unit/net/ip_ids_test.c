/* Holes in a host's IPv4 identifications (RFC 6864). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/net.h"
#include "packets.h"

static char told[1024];

/* "MISSING FROM-TO/FRAME;" with times in the frames' numbers */
static void see_hole(void *context, const struct packet_hole *hole) {
    char host[IP_TEXT_LEN];
    size_t *at = context;
    int n = snprintf(told + *at, sizeof told - *at, "%s %u %d-%d/%u;", ip_text(&hole->host, host),
                     hole->missing, (int)(hole->from_ns / 1000000000),
                     (int)(hole->to_ns / 1000000000), hole->frame_no);
    *at += (size_t)n;
}

static void feed_id(struct net *net, uint32_t no, const char *host, int id) {
    struct bytes packet = ether(
        0x0800, ipv4_fragment(host, "192.0.2.9", 17, (unsigned)id, 0, udp(1, 2, text_bytes("x"))));
    feed(net, no, no, 1, &packet, packet.len);
}

/* One packet of the host a second, with these identifications; -1 ends them. */
static const char *holes_of(const int *ids) {
    size_t at = 0;
    const struct net_handler handler = {.context = &at, .hole = see_hole};
    struct net *net = net_new(&handler);

    told[0] = '\0';
    for (uint32_t no = 1; ids[no - 1] >= 0; no++)
        feed_id(net, no, "192.0.2.1", ids[no - 1]);
    net_end(net);
    net_free(net);
    return told;
}

#define HOLES(...) holes_of((const int[]){__VA_ARGS__, -1})
#define STEADY 10, 11, 12, 13, 14, 15, 16, 17, 18

static void test_a_hole(void **state) {
    (void)state;
    assert_string_equal(HOLES(STEADY, 20, 21), "192.0.2.1 1 9-10/10;");
    assert_string_equal(HOLES(STEADY, 23), "192.0.2.1 4 9-10/10;"); /* told at the end */
    assert_string_equal(HOLES(STEADY, 19, 20, 21), "");
    /* through 65535 */
    assert_string_equal(HOLES(65530, 65531, 65532, 65533, 65534, 65535, 0, 1, 2, 4, 5),
                        "192.0.2.1 1 9-10/10;");
    /* two, with enough in between */
    assert_string_equal(HOLES(STEADY, 20, 21, 22, 23, 24, 25, 26, 27, 30, 31),
                        "192.0.2.1 1 9-10/10;192.0.2.1 2 17-18/18;");
}

static void test_what_is_none(void **state) {
    (void)state;
    /* too few steps before */
    assert_string_equal(HOLES(10, 11, 12, 13, 14, 15, 16, 17, 19, 20), "");
    /* too wide */
    assert_string_equal(HOLES(STEADY, 36, 37), "");
    assert_string_equal(HOLES(STEADY, 35, 36), "192.0.2.1 16 9-10/10;");
    /* no counter */
    assert_string_equal(HOLES(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0), "");
    assert_string_equal(HOLES(7, 4711, 12, 900, 33, 5, 65000, 3, 44, 46, 47), "");
    assert_string_equal(HOLES(10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36), "");
}

static void test_late_packets(void **state) {
    (void)state;
    /* out of order: nothing is missing, or one of two */
    assert_string_equal(HOLES(STEADY, 20, 19, 21), "");
    assert_string_equal(HOLES(STEADY, 21, 20, 19, 22), "");
    assert_string_equal(HOLES(STEADY, 21, 19, 22), "192.0.2.1 1 9-10/10;");
    /* copies, one by one and in bursts */
    assert_string_equal(
        HOLES(10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19), "");
    assert_string_equal(HOLES(STEADY, 19, 20, 21, 19, 20, 21, 22, 23), "");
}

/* Some count in the byte order of a little-endian processor. */
static void test_swapped(void **state) {
    (void)state;
    assert_string_equal(HOLES(0x0a00, 0x0b00, 0x0c00, 0x0d00, 0x0e00, 0x0f00, 0x1000, 0x1100,
                              0x1200, 0x1300, 0x1500, 0x1600),
                        "192.0.2.1 1 10-11/11;");
    assert_string_equal(HOLES(0xfd00, 0xfe00, 0xff00, 0x0001, 0x0101, 0x0201, 0x0301, 0x0401,
                              0x0501, 0x0601, 0x0701, 0x0901, 0x0a01),
                        "192.0.2.1 1 11-12/12;");
}

/* DHCP comes from 0.0.0.0, with the host's own counter. */
static void test_without_address(void **state) {
    static const int before[] = {STEADY}, after[] = {21, 22};
    size_t at = 0;
    const struct net_handler handler = {.context = &at, .hole = see_hole};
    struct net *net = net_new(&handler);
    uint32_t no = 1;

    (void)state;
    told[0] = '\0';
    for (size_t i = 0; i < sizeof before / sizeof *before; i++, no++)
        feed_id(net, no, "192.0.2.1", before[i]);
    feed_id(net, no++, "0.0.0.0", 19);
    feed_id(net, no++, "0.0.0.0", 20);
    for (size_t i = 0; i < sizeof after / sizeof *after; i++, no++)
        feed_id(net, no, "192.0.2.1", after[i]);
    net_end(net);
    net_free(net);
    assert_string_equal(told, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hole),          cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_late_packets),    cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_without_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
