/* Whom does a cut message concern, and since when? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "phone/collect.h"

static struct ip_addr ip_of(const char *text) {
    struct ip_addr ip = {0};

    assert_true(ip_parse(slice_of_text(text), &ip));
    return ip;
}

static void cut(struct collection *c, enum message_kind kind, enum transport transport,
                const struct sip_head *head, int64_t t_ns) {
    const struct message message = {.kind = kind,
                                    .transport = transport,
                                    .sip = head,
                                    .packet = {.t_ns = t_ns,
                                               .src = {.ip = ip_of("192.0.2.10")},
                                               .dst = {.ip = ip_of("192.0.2.1")}}};
    collect_cut(c, &message);
}

static const struct seen_host *host(struct collection *c, const char *text, int64_t t_ns) {
    struct ip_addr ip = ip_of(text);
    uint32_t at = collect_host(c, &ip, t_ns); /* may move the hosts */

    return &c->hosts.items[at];
}

static void a_cut_head_concerns_both_ends(void **state) {
    struct collection c;
    const struct sip_head head = {0}; /* its end was not found */

    (void)state;
    collection_init(&c);
    cut(&c, MESSAGE_SIP, TRANSPORT_UDP, &head, 5);
    cut(&c, MESSAGE_SIP, TRANSPORT_UDP, &head, 9); /* the first counts */
    assert_int_equal(host(&c, "192.0.2.10", 9)->cut_ns, 5);
    assert_int_equal(host(&c, "192.0.2.1", 9)->cut_ns, 5);
    assert_int_equal(host(&c, "192.0.2.10", 9)->cut_stream_ns, 0);
    assert_int_equal(host(&c, "192.0.2.99", 9)->cut_ns, 0);
    collection_fini(&c);
}

static void a_cut_body_is_of_no_account(void **state) {
    struct collection c;
    const struct sip_head head = {.head_len = 300};

    (void)state;
    collection_init(&c);
    cut(&c, MESSAGE_SIP, TRANSPORT_UDP, &head, 5);
    assert_int_equal(host(&c, "192.0.2.10", 5)->cut_ns, 0);
    collection_fini(&c);
}

/* In a stream, it takes what comes behind it along. */
static void a_cut_body_in_a_stream_is(void **state) {
    struct collection c;
    const struct sip_head head = {.head_len = 300};

    (void)state;
    collection_init(&c);
    cut(&c, MESSAGE_SIP, TRANSPORT_TCP, &head, 7);
    assert_int_equal(host(&c, "192.0.2.10", 7)->cut_ns, 7);
    assert_int_equal(host(&c, "192.0.2.10", 7)->cut_stream_ns, 7);
    assert_int_equal(host(&c, "192.0.2.1", 7)->cut_stream_ns, 7);
    collection_fini(&c);
}

static void a_cut_dns_answer_counts(void **state) {
    struct collection c;

    (void)state;
    collection_init(&c);
    cut(&c, MESSAGE_DNS, TRANSPORT_UDP, NULL, 3);
    assert_int_equal(host(&c, "192.0.2.10", 3)->cut_ns, 3);
    collection_fini(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_head_concerns_both_ends),
        cmocka_unit_test(a_cut_body_is_of_no_account),
        cmocka_unit_test(a_cut_body_in_a_stream_is),
        cmocka_unit_test(a_cut_dns_answer_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
