/* SIP and tel URIs: RFC 3261 19.1.1, RFC 3966. */
#include "sip_exact.h"

#include "sip/sip_head.h"

static const struct {
    const char *text;
    bool ok;
    const char *scheme, *user, *host;
    unsigned port;
    const char *transport;
} cases[] = {
    {"sip:example.com", true, "sip", "", "example.com", 0, ""},
    {"sip:bob@example.com", true, "sip", "bob", "example.com", 0, ""},
    {"sips:bob:secret@example.com:5061", true, "sips", "bob", "example.com", 5061, ""},
    {"SIP:bob@[2001:db8::1]:5062;transport=TCP;lr?a=b:c", true, "SIP", "bob", "[2001:db8::1]", 5062,
     "TCP"},
    {"sip:+1-212;phone-context=x@gw.example.com;user=phone", true, "sip", "+1-212;phone-context=x",
     "gw.example.com", 0, ""},
    {"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1@example.com", true, "sip",
     "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "example.com", 0, ""},
    {"sip:[::1]", true, "sip", "", "[::1]", 0, ""},
    {"sip:host;Transport=udp", true, "sip", "", "host", 0, "udp"},
    {"tel:+1-201-555-0123;phone-context=x", true, "tel", "+1-201-555-0123", "", 0, ""},
    {"sip:", false, "", "", "", 0, ""},
    {"sip:bob@", false, "", "", "", 0, ""},
    {"sip:bob@host:70000", false, "", "", "", 0, ""},
    {"sip:bob@host:x", false, "", "", "", 0, ""},
    {"sip:[::1", false, "", "", "", 0, ""},
    {"tel:", false, "", "", "", 0, ""},
    {"http://example.com", false, "", "", "", 0, ""},
    {"bob@example.com", false, "", "", "", 0, ""},
    {"*", false, "", "", "", 0, ""},
    {"", false, "", "", "", 0, ""},
};

static void parses(void **state) {
    struct sip_uri uri;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = exact(cases[i].text, strlen(cases[i].text));
        if (sip_uri_parse(text, &uri) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        if (cases[i].ok) {
            assert_slice(uri.scheme, cases[i].scheme, cases[i].text);
            assert_slice(uri.user, cases[i].user, cases[i].text);
            assert_slice(uri.host, cases[i].host, cases[i].text);
            assert_slice(uri.transport, cases[i].transport, cases[i].text);
            assert_int_equal(uri.port, cases[i].port);
        }
        drop(text);
    }
}

static void every_prefix(void **state) {
    struct sip_uri uri;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 0; len < strlen(cases[i].text); len++) {
            struct slice text = exact(cases[i].text, len);
            sip_uri_parse(text, &uri);
            drop(text);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(every_prefix)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
