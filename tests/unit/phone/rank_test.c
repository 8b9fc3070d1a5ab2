/* From records to the ranked list: RFC 3263 4.1 and 4.2, RFC 2782, RFC 3403. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "phone/rank.h"

enum { RECORDS_MAX = 16 };

/* A zone as a phone saw it: every name that has a record was asked, with an answer. */
struct zone {
    struct fact_record records[RECORDS_MAX];
    size_t count;
    const struct fact_record *answer[RECORDS_MAX];
    struct intern *strings;
};

static bool zone_lookup(void *context, const char *name, uint16_t type,
                        struct lookup_answer *answer) {
    struct zone *zone = context;
    size_t n = 0;

    for (size_t i = 0; i < zone->count; i++)
        if (zone->records[i].type == type && strcmp(zone->records[i].name, name) == 0)
            zone->answer[n++] = &zone->records[i];
    *answer = (struct lookup_answer){zone->answer, n, 0};
    return n > 0;
}

static struct fact_record address(const char *name, const char *ip) {
    struct fact_record r = {.name = name, .type = DNS_A, .ttl_s = 300};

    assert_true(ip_parse(slice_of_text(ip), &r.address));
    if (r.address.len == 16)
        r.type = DNS_AAAA;
    return r;
}

static struct fact_record srv(const char *name, uint16_t priority, uint16_t port,
                              const char *target) {
    return (struct fact_record){
        .name = name, .type = DNS_SRV, .priority = priority, .port = port, .target = target};
}

static struct fact_record naptr(const char *name, uint16_t order, uint16_t preference,
                                const char *flags, const char *service, const char *target) {
    return (struct fact_record){.name = name,
                                .type = DNS_NAPTR,
                                .order = order,
                                .preference = preference,
                                .flags = flags,
                                .service = service,
                                .regexp = "",
                                .target = target};
}

static void expect_list(struct zone *zone, struct rank_order order, const char *const *expected) {
    struct intern strings = {0};
    struct arena arena = {0};
    struct ranked_server *servers;
    bool complete;

    if (!order.host)
        order.host = "example.com";
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        order.supported[i] = true;
    size_t count = rank_servers(&order, zone_lookup, zone, &strings, &arena, &servers, &complete);
    for (size_t i = 0; i < count; i++) {
        char text[SERVER_TEXT_LEN], line[SERVER_TEXT_LEN + 16];
        snprintf(line, sizeof line, "%u %s", servers[i].rank,
                 server_text(&servers[i].server, text));
        assert_non_null(expected[i]);
        assert_string_equal(line, expected[i]);
    }
    assert_null(expected[count]);
    arena_fini(&arena);
    intern_fini(&strings);
}

/* RFC 2782: the lowest priority number first, whatever the order in the answer; equal priorities
 * and all addresses of a name share a rank. */
static void test_srv_priorities(void **state) {
    (void)state;
    struct zone zone = {
        .records = {srv("_sip._udp.example.com", 20, 5060, "b.example.com"),
                    srv("_sip._udp.example.com", 10, 5062, "a.example.com"),
                    srv("_sip._udp.example.com", 20, 5060, "c.example.com"),
                    address("a.example.com", "192.0.2.1"), address("a.example.com", "2001:db8::1"),
                    address("b.example.com", "192.0.2.2"), address("c.example.com", "192.0.2.3")},
        .count = 7};
    struct rank_order order = {
        .start = RANK_SRV, .srv_transports = {TRANSPORT_UDP}, .srv_transport_count = 1};

    expect_list(&zone, order,
                (const char *const[]){"1 192.0.2.1:5062/udp", "1 [2001:db8::1]:5062/udp",
                                      "2 192.0.2.2:5060/udp", "2 192.0.2.3:5060/udp", NULL});
}

/* RFC 3403 4.1: order before preference; RFC 3263 4.1: the service gives the transport; services
 * that are not SIP's are passed over. An empty flag leads to another NAPTR lookup. */
static void test_naptr_services(void **state) {
    (void)state;
    struct zone zone = {
        .records = {naptr("example.com", 20, 1, "s", "sip+d2u", "_sip._udp.example.com"),
                    naptr("example.com", 10, 50, "s", "sip+d2t", "_sip._tcp.example.com"),
                    naptr("example.com", 10, 10, "s", "smtp+d2t", "_smtp._tcp.example.com"),
                    naptr("example.com", 10, 20, "", "", "more.example.com"),
                    naptr("more.example.com", 1, 1, "a", "sips+d2t", "tls.example.com"),
                    srv("_sip._udp.example.com", 1, 5060, "a.example.com"),
                    srv("_sip._tcp.example.com", 1, 5060, "a.example.com"),
                    address("a.example.com", "192.0.2.1"), address("tls.example.com", "192.0.2.9")},
        .count = 9};

    expect_list(&zone, (struct rank_order){.start = RANK_NAPTR},
                (const char *const[]){"1 192.0.2.9:5061/tls", "2 192.0.2.1:5060/tcp",
                                      "3 192.0.2.1:5060/udp", NULL});
}

/* NAPTR records that lead back to themselves end after a few steps. */
static void test_naptr_loop(void **state) {
    (void)state;
    struct zone zone = {.records = {naptr("example.com", 1, 1, "", "", "example.com"),
                                    naptr("example.com", 2, 1, "", "", "example.com")},
                        .count = 2};

    expect_list(&zone, (struct rank_order){.start = RANK_NAPTR}, (const char *const[]){NULL});
}

/* RFC 2782: the root as target says that there is no such service; then nothing else is tried. */
static void test_root_target(void **state) {
    (void)state;
    struct zone zone = {
        .records = {srv("_sip._udp.example.com", 0, 0, "."), address("example.com", "192.0.2.1")},
        .count = 2};
    struct rank_order order = {
        .start = RANK_SRV, .srv_transports = {TRANSPORT_UDP}, .srv_transport_count = 1};

    expect_list(&zone, order, (const char *const[]){NULL});
}

/* RFC 3263 4.2: without SRV records the addresses of the name itself, at the default port. */
static void test_falls_back_on_addresses(void **state) {
    (void)state;
    struct zone zone = {
        .records = {address("example.com", "192.0.2.1"), address("example.com", "192.0.2.2")},
        .count = 2};
    struct rank_order order = {
        .start = RANK_NAPTR, .srv_transports = {TRANSPORT_UDP}, .srv_transport_count = 1};

    expect_list(&zone, order,
                (const char *const[]){"1 192.0.2.1:5060/udp", "1 192.0.2.2:5060/udp", NULL});
}

/* RFC 3263 4.2: a numeric host needs no lookup; the configured port and transport hold. */
static void test_numeric_host(void **state) {
    (void)state;
    struct zone zone = {.count = 0};
    struct rank_order order = {
        .host = "2001:db8::5", .start = RANK_NAPTR, .port = 5070, .transport = TRANSPORT_TCP};

    expect_list(&zone, order, (const char *const[]){"1 [2001:db8::5]:5070/tcp", NULL});
}

/* Two records that lead to one place give one server. */
static void test_same_place_once(void **state) {
    (void)state;
    struct zone zone = {.records = {srv("_sip._udp.example.com", 1, 5060, "a.example.com"),
                                    srv("_sip._udp.example.com", 2, 5060, "b.example.com"),
                                    address("a.example.com", "192.0.2.1"),
                                    address("b.example.com", "192.0.2.1")},
                        .count = 4};
    struct rank_order order = {
        .start = RANK_SRV, .srv_transports = {TRANSPORT_UDP}, .srv_transport_count = 1};

    expect_list(&zone, order, (const char *const[]){"1 192.0.2.1:5060/udp", NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_srv_priorities),
        cmocka_unit_test(test_naptr_services),
        cmocka_unit_test(test_naptr_loop),
        cmocka_unit_test(test_root_target),
        cmocka_unit_test(test_falls_back_on_addresses),
        cmocka_unit_test(test_numeric_host),
        cmocka_unit_test(test_same_place_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
