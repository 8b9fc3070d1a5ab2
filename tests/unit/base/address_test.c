/* Addresses read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"

/* RFC 5952 section 4 for IPv6 */
static void test_ip_text(void **state) {
    static const struct {
        const char *in, *out; /* out NULL: not an address */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"::", "::"},
        {"192.0.2", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.1 ", NULL},
        {"[192.0.2.1", NULL},
        {"2001:db8::1::2", NULL},
        {"example.com", NULL},
        {"", NULL},
        {"0000000000000000000000000000000000000000000000000000000000", NULL},
    };
    char text[IP_TEXT_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_addr ip;
        bool ok = ip_parse(slice_of_text(cases[i].in), &ip);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok)
            assert_string_equal(ip_text(&ip, text), cases[i].out);
    }
    struct ip_addr none = {0};
    assert_string_equal(ip_text(&none, text), "");
}

static void test_server_text(void **state) {
    struct server server = {.port = 5060, .transport = TRANSPORT_UDP};
    char text[SERVER_TEXT_LEN];

    (void)state;
    ip_parse(SLICE_LITERAL("192.0.2.1"), &server.ip);
    assert_string_equal(server_text(&server, text), "192.0.2.1:5060/udp");
    ip_parse(SLICE_LITERAL("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), &server.ip);
    server.port = 65535;
    server.transport = TRANSPORT_TLS;
    assert_string_equal(server_text(&server, text),
                        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535/tls");
}

static void test_order(void **state) {
    struct ip_addr a, b, c;

    (void)state;
    ip_parse(SLICE_LITERAL("9.255.0.0"), &a);
    ip_parse(SLICE_LITERAL("10.0.0.0"), &b);
    ip_parse(SLICE_LITERAL("::1"), &c);
    assert_true(ip_compare(&a, &b) < 0);
    assert_true(ip_compare(&c, &b) > 0);
    assert_int_equal(ip_compare(&a, &a), 0);
    assert_false(ip_eq(&a, &c));
}

static void test_multicast(void **state) {
    static const char *const yes[] = {"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"};
    static const char *const no[] = {"223.255.255.255", "240.0.0.1", "192.0.2.255", "fe80::1"};
    struct ip_addr ip;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        ip_parse(slice_of_text(yes[i]), &ip);
        assert_true(ip_is_multicast(&ip));
        ip_parse(slice_of_text(no[i]), &ip);
        assert_false(ip_is_multicast(&ip));
    }
}

static void test_transport(void **state) {
    enum transport transport;

    (void)state;
    assert_true(transport_parse(SLICE_LITERAL("TLS"), &transport));
    assert_int_equal(transport, TRANSPORT_TLS);
    assert_true(transport_parse(SLICE_LITERAL("wss"), &transport));
    assert_int_equal(transport, TRANSPORT_WSS);
    assert_false(transport_parse(SLICE_LITERAL("dtls"), &transport));
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        assert_true(transport_parse(slice_of_text(transport_name((enum transport)i)), &transport));
        assert_int_equal(transport, i);
        assert_int_equal(transport_is_reliable(transport), i != TRANSPORT_UDP);
    }
    assert_string_equal(transport_name(TRANSPORT_TCP), "tcp");
    assert_true(transport_is_secure(TRANSPORT_TLS) && transport_is_secure(TRANSPORT_WSS));
    assert_false(transport_is_secure(TRANSPORT_WS) || transport_is_secure(TRANSPORT_TCP));
    assert_int_equal(transport_default_port(TRANSPORT_UDP), 5060);
    assert_int_equal(transport_default_port(TRANSPORT_TLS), 5061);
    assert_int_equal(transport_default_port(TRANSPORT_WS), 80);
    assert_int_equal(transport_default_port(TRANSPORT_WSS), 443);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip_text),   cmocka_unit_test(test_server_text),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_multicast),
        cmocka_unit_test(test_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
