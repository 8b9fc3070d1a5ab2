/* What is a SIP start line: RFC 3261 7.1 and 7.2, RFC 4475 for the odd ones; and what is not. */
#include "sip_exact.h"

#include <stdio.h>

#include "sip/sip_head.h"

static const struct {
    const char *bytes;
    bool whole, front; /* with whole_line true, false */
} cases[] = {
    {"REGISTER sip:example.com SIP/2.0\r\n", true, true},
    {"REGISTER sip:example.com SIP/2.0\n", true, true},
    {"REGISTER sip:example.com SIP/2.0", true, true},
    {"REGISTER sip:example.com sip/2.0\r\n", true, true},
    {"SIP/2.0 200 OK\r\n", true, true},
    {"SIP/2.0 200 \r\n", true, true},
    {"SIP/2.0 200\r\n", true, true},
    {"sip/2.0 503 Service Unavailable\r\n", true, true},
    {"!interesting-Method0123456789_*+`.%indeed'~ sip:x@example.com SIP/2.0\r\n", true, true},
    {"OPTIONS * SIP/2.0\r\n", true, true},
    {"INVITE sip:user@example.com; lr SIP/2.0\r\n", true, true},
    {"INVITE <sip:user@example.com> SIP/2.0\r\n", true, true},
    {"INVITE  sip:user@example.com  SIP/2.0 \r\n", true, true},
    /* the front of a line */
    {"R", false, true},
    {"REGISTER", false, true},
    {"REGISTER sip:example.c", false, true},
    {"SIP", false, true},
    {"SIP/2.0", false, true},
    {"SIP/2.0 20", false, true},
    {"SIP/2.0 20x", false, false},
    {"SIP/2.1 200", false, false},
    /* others */
    {"", false, true},
    {"GET / HTTP/1.1\r\n", false, false},
    {"GET / HT", false, false},
    {"HTTP/1.1 200 OK\r\n", false, false},
    {"HTTP/1.1 200 O", false, false},
    {"OPTIONS rtsp://example.com RTSP/1.0\r\n", false, false},
    {"RTSP/1.0 200 OK\r\n", false, false},
    {"MSRP a786hjs2 SEND\r\n", false, false},
    {"SIP/2.0 99 Low\r\n", false, false},
    {"SIP/2.0 4294967301 better not break the receiver\r\n", false, false},
    {"OPTIONS sip:t@example.com SIP/7.0\r\n", false, false},
    {"REGISTER SIP/2.0\r\n", false, false},
    {"\r\n\r\n", false, false},
    {" REGISTER sip:example.com SIP/2.0\r\n", false, false},
    {"Via: SIP/2.0\r\n", false, false},
    {"220 mail.example.com ESMTP\r\n", false, false},
    {"v=0\r\n", false, false},
    {"\200\010\001\002\003\004", false, false},
    {"\026\003\001\002", false, false},
    {"a\001b", false, false},
};

static void recognises(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice bytes = exact(cases[i].bytes, strlen(cases[i].bytes));
        bool whole = sip_recognise(bytes, true), front = sip_recognise(bytes, false);
        if (whole != cases[i].whole || front != cases[i].front)
            fail_msg("\"%s\": %d %d", cases[i].bytes, whole, front);
        drop(bytes);
    }
}

/* Of what is recognised whole, every prefix can still become it. */
static void every_prefix_can_become_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 0; cases[i].whole && len <= strlen(cases[i].bytes); len++) {
            struct slice bytes = exact(cases[i].bytes, len);
            if (!sip_recognise(bytes, false))
                fail_msg("\"%.*s\"", (int)len, cases[i].bytes);
            sip_recognise(bytes, true);
            drop(bytes);
        }
}

/* A method is as long as it likes (RFC 3261 25.1); a line that is not whole yet, up to a bound. */
static void has_no_bound_on_methods(void **state) {
    static const size_t lens[] = {64, 65, 256, 257, 4099, 16000};
    char line[16100];

    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        memset(line, 'M', lens[i]);
        size_t len = lens[i] + (size_t)snprintf(line + lens[i], sizeof line - lens[i],
                                                " sip:example.com SIP/2.0\r\n");
        struct slice whole = exact(line, len), front = exact(line, len - 1);
        assert_true(sip_recognise(whole, true));
        assert_true(sip_recognise(whole, false));
        assert_int_equal(sip_recognise(front, false), lens[i] <= 256);
        drop(whole);
        drop(front);
        line[lens[i]] = '\t';
        struct slice other = exact(line, len);
        assert_false(sip_recognise(other, false));
        drop(other);
    }
}

static void rejects_binary(void **state) {
    static const uint8_t stun[] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 'a', 'b', 'c'};
    static const uint8_t zeros[64];

    (void)state;
    assert_false(sip_recognise(slice_of(stun, sizeof stun), false));
    assert_false(sip_recognise(slice_of(zeros, sizeof zeros), false));
}

static void names_methods(void **state) {
    (void)state;
    for (int method = SIP_ACK; method < SIP_METHOD_COUNT; method++)
        assert_int_equal(sip_method_of(slice_of_text(sip_method_name((enum sip_method)method))),
                         method);
    assert_int_equal(sip_method_of(SLICE_LITERAL("register")), SIP_UNKNOWN_METHOD);
    assert_int_equal(sip_method_of(SLICE_LITERAL("REGISTERS")), SIP_UNKNOWN_METHOD);
    assert_int_equal(sip_method_of(SLICE_LITERAL("")), SIP_UNKNOWN_METHOD);
    assert_int_equal(sip_method_of((struct slice){0}), SIP_UNKNOWN_METHOD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognises),
        cmocka_unit_test(every_prefix_can_become_one),
        cmocka_unit_test(has_no_bound_on_methods),
        cmocka_unit_test(rejects_binary),
        cmocka_unit_test(names_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
