/* Record data, types and response codes as text: RFC 1035 5.1, RFC 2782, RFC 3403, RFC 3597 5. */
#include "dns_build.h"

#include "dns/dns_message.h"

static struct dns_message message;

/* The first record of a response that asks for example.com (offset 12, com at 20). */
static char *text_of(const struct build *b) {
    struct slice bytes = exact(b->bytes, b->len);
    assert_true(dns_parse(bytes, false, &message));
    assert_int_equal(message.record_count, 1);
    char *text = dns_record_text(&message, &message.records[0]);
    drop(bytes);
    return text;
}

static void begin(struct build *b) {
    b->len = 0;
    add_header(b, 0x8180, 1, 1, 0, 0);
    ADD(b, "\7example\3com\0\0\1\0\1");
}

struct text_case {
    unsigned type;
    const char *data;
    size_t len;
    const char *text;
};
#define DATA(type, data, text)                                                                     \
    { type, data, sizeof(data) - 1, text }

static const struct text_case cases[] = {
    DATA(1, "\300\0\2\1", "192.0.2.1"),
    DATA(28, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1"),
    DATA(2, "\3Ns1\300\14", "Ns1.example.com"),
    DATA(5, "\300\14", "example.com"),
    DATA(5, "\0", "."),
    DATA(6, "\2ns\300\14\5admin\300\14\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5",
         "ns.example.com admin.example.com 1 2 3 4 5"),
    DATA(12, "\300\14", "example.com"),
    DATA(15, "\0\12\2mx\300\14", "10 mx.example.com"),
    DATA(16, "\5hello\3a\"b", "\"hello\" \"a\\\"b\""),
    DATA(33, "\0\1\0\0\23\304\3uc2\300\14", "1 0 5060 uc2.example.com"),
    DATA(33, "\0\0\0\0\0\0\0", "0 0 0 ."),
    DATA(35, "\0\12\0\62\1s\7SIP+D2U\0\4_sip\4_udp\300\14",
         "10 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.com"),
    DATA(35, "\0\12\0\62\1u\7E2U+sip\26!^.*$!sip:a@b.example!\0",
         "10 50 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.example!\" ."),
    DATA(41, "", "\\# 0"),
    DATA(41, "\0\12\0\2\1\2", "\\# 6 000a00020102"),
    DATA(65, "\0\1\0", "\\# 3 000100"),
    DATA(4711, "\1\2\3\377", "\\# 4 010203ff"),
    /* What its type cannot read. */
    DATA(1, "\1\2\3", "\\# 3 010203"),
    DATA(33, "\0\1\0\0\23\304\5abc",
         "\\# 10 00010000"
         "13c405616263"),
    DATA(35, "\0\12\0\62\377s", "\\# 6 000a0032ff73"),
    DATA(16, "\5ab", "\\# 3 056162"),
    DATA(1, "", "\\# 0"),
};

static void writes_record_data(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build b;
        begin(&b);
        add_record(&b, "\300\14", 2, cases[i].type, cases[i].data, cases[i].len);
        char *text = text_of(&b);
        if (strcmp(text, cases[i].text) != 0)
            fail_msg("type %u: \"%s\", expected \"%s\"", cases[i].type, text, cases[i].text);
        free(text);
    }
}

/* All types over all data: there is always a text. */
static void writes_every_prefix_of_every_type(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 0; len < cases[i].len; len++)
            for (unsigned type = 0; type < 70; type++) {
                struct build b;
                begin(&b);
                add_record(&b, "\300\14", 2, type, cases[i].data, len);
                char *text = text_of(&b);
                assert_non_null(text);
                free(text);
            }
}

static void names_types_and_codes(void **state) {
    static const struct {
        uint16_t type;
        const char *text;
    } types[] = {{1, "A"},       {2, "NS"},      {5, "CNAME"},  {6, "SOA"},
                 {12, "PTR"},    {16, "TXT"},    {28, "AAAA"},  {33, "SRV"},
                 {35, "NAPTR"},  {41, "OPT"},    {46, "RRSIG"}, {255, "ANY"},
                 {64, "TYPE64"}, {65, "TYPE65"}, {0, "TYPE0"},  {65535, "TYPE65535"}};
    char text[16];

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_string_equal(dns_type_text(types[i].type, text), types[i].text);
    for (unsigned type = 0; type <= 65535; type++)
        assert_true(strlen(dns_type_text((uint16_t)type, text)) > 0);
    assert_string_equal(dns_rcode_text(0, text), "NOERROR");
    assert_string_equal(dns_rcode_text(3, text), "NXDOMAIN");
    assert_string_equal(dns_rcode_text(5, text), "REFUSED");
    assert_string_equal(dns_rcode_text(12, text), "RCODE12");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_record_data),
        cmocka_unit_test(writes_every_prefix_of_every_type),
        cmocka_unit_test(names_types_and_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
