/* The quick scan: RFC 3261 7.3 and 20, RFC 4475 for what is legal and odd or plainly wrong. */
#include "sip_exact.h"

#include "sip/sip_head.h"

static struct slice text;
static struct sip_head head;

static void scan(const char *message) {
    drop(text);
    text = exact(message, strlen(message));
    assert_true(sip_head_scan(text, &head));
}

#define SAME(field, expected) assert_slice(head.field, expected, #field)

static const char a_register[] =
    "REGISTER sip:example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK123\r\n"
    "Via: SIP/2.0/TCP a.example.com, SIP/2.0/UDP b.example.com\r\n"
    "From: \"Bob, the \\\"B\\\" <x>; y\" <sip:bob@example.com;user=phone>;tag=f1\r\n"
    "To: Bob <sip:bob@example.com>\r\n"
    "Call-ID: 1730047149@192.0.2.10\r\n"
    "CSeq: 7 REGISTER\r\n"
    "Contact: <sip:bob@192.0.2.10:5062;transport=TCP>;reg-id=2;expires=120;"
    "+sip.instance=\"<urn:uuid:0;1,2>\", <sip:second@192.0.2.11>\r\n"
    "Authorization: Digest username=\"bob\", realm=\"nonce=\\\"no\\\", x\", nonce=\"n0n,ce=\", "
    "uri=\"sip:example.com\"\r\n"
    "Expires: 180\r\n"
    "Max-Forwards: 70\r\n"
    "User-Agent: Phone 1.0\r\n"
    "Route: \"P, 1\" <sip:p1.example.com;lr>, <sip:p2.example.com>\r\n"
    "Route: <sip:p3.example.com>\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

static void reads_a_request(void **state) {
    (void)state;
    scan(a_register);
    assert_false(head.response || head.malformed);
    assert_int_equal(head.method, SIP_REGISTER);
    SAME(method_text, "REGISTER");
    SAME(uri, "sip:example.com");
    assert_int_equal(head.via_count, 3);
    SAME(via, "SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK123");
    SAME(via_transport, "UDP");
    SAME(via_host, "192.0.2.10");
    assert_int_equal(head.via_port, 5060);
    SAME(branch, "z9hG4bK123");
    SAME(from.uri, "sip:bob@example.com;user=phone");
    SAME(from.tag, "f1");
    SAME(to.value, "Bob <sip:bob@example.com>");
    SAME(to.uri, "sip:bob@example.com");
    SAME(to.tag, "");
    SAME(call_id, "1730047149@192.0.2.10");
    assert_true(head.has_cseq);
    assert_int_equal(head.cseq, 7);
    SAME(cseq_method, "REGISTER");
    SAME(contact_uri, "sip:bob@192.0.2.10:5062;transport=TCP");
    assert_int_equal(head.contact_count, 1);
    assert_false(head.contact_star);
    assert_true(head.has_contact_expires && head.contact_expires == 120);
    assert_true(head.has_reg_id && head.reg_id == 2);
    assert_true(head.has_expires && head.expires == 180);
    assert_true(head.has_authorization);
    SAME(auth_nonce, "n0n,ce=");
    SAME(user_agent, "Phone 1.0");
    SAME(route_uri, "sip:p1.example.com;lr");
    assert_int_equal(head.route_count, 2);
    assert_int_equal(head.record_route_count, 0);
    assert_true(head.has_content_length && head.content_length == 0);
    assert_int_equal(head.head_len, strlen(a_register));
}

static void reads_a_response(void **state) {
    (void)state;
    scan("SIP/2.0 401 Not  allowed\r\n"
         "v:SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bKx;received=192.0.2.1\r\n"
         "f:<sip:bob@[2001:db8::1]:5061>;tag=1\r\n"
         "t:sip:bob@example.com;tag=2\r\n"
         "i:abc\r\n"
         "CSEQ:4294967295 INVITE\r\n"
         "m:*\r\n"
         "WWW-Authenticate: Digest realm=\"r\", stale=TRUE, nonce=\"n1\"\r\n"
         "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n2\"\r\n"
         "Server: S/1\r\n"
         "Retry-After: 120 (in a meeting);duration=60\r\n"
         "Min-Expires: 60\r\n"
         "Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\n"
         "o: presence;id=1\r\n"
         "l:4\r\n"
         "\r\nbody");
    assert_true(head.response);
    assert_int_equal(head.status, 401);
    SAME(reason, "Not  allowed");
    assert_int_equal(head.method, SIP_INVITE);
    SAME(method_text, "INVITE");
    SAME(via_host, "[2001:db8::1]");
    assert_int_equal(head.via_port, 5070);
    SAME(via_transport, "TCP");
    SAME(from.uri, "sip:bob@[2001:db8::1]:5061");
    SAME(to.uri, "sip:bob@example.com");
    SAME(to.tag, "2");
    SAME(call_id, "abc");
    assert_true(head.contact_star);
    SAME(challenge_nonce, "n1");
    assert_true(head.challenge_stale);
    SAME(user_agent, "S/1");
    assert_true(head.has_retry_after && head.retry_after == 120);
    assert_true(head.has_min_expires && head.min_expires == 60);
    assert_int_equal(head.record_route_count, 2);
    SAME(event, "presence;id=1");
    assert_int_equal(head.content_length, 4);
    assert_int_equal(head.head_len, text.len - 4);
    assert_true(head.malformed); /* CSeq is over 2^31 */
}

/* RFC 4475 3.1.1.1: a short tortuous INVITE. */
static void reads_folds_and_blanks(void **state) {
    (void)state;
    scan("INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\n"
         "TO :\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\n"
         "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n"
         "Call-ID: wsinv.ndaksdj@192.0.2.1\n"
         "Content-Length   : 0\n"
         "cseq: 0009\n  INVITE\n"
         "Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n"
         "s :\n"
         "NewFangledHeader:   newfangled value\n continued newfangled value\n"
         "Via  : SIP  / 2.0  /TCP     spindle.example.com   ;\n  branch  =   z9hG4bK9ikj8  ,\n"
         " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n"
         "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\n"
         "      newvalue ;\n  secondparam ; q = 0.33\n"
         "\n");
    assert_false(head.malformed);
    SAME(to.uri, "sip:vivekg@chair-dnrc.example.com");
    SAME(to.tag, "1918181833n");
    SAME(from.uri, "sip:jdrosen@example.com");
    SAME(from.tag, "98asjd8");
    assert_int_equal(head.cseq, 9);
    SAME(cseq_method, "INVITE");
    SAME(via_transport, "UDP");
    SAME(via_host, "192.0.2.2");
    SAME(branch, "390skdjuw");
    assert_int_equal(head.via_count, 3);
    SAME(contact_uri, "sip:jdrosen@example.com");
    assert_int_equal(head.head_len, text.len);
    scan("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP first.example.com : 4000;ttl=16\r\n\r\n");
    SAME(via_host, "first.example.com");
    assert_int_equal(head.via_port, 4000);
}

#define LINES(lines) "OPTIONS sip:a@example.com SIP/2.0\r\n" lines "\r\n"

static void notes_what_is_malformed(void **state) {
    static const struct {
        const char *lines;
        bool malformed;
    } cases[] = {
        {LINES(""), false},
        {LINES("Subject:\r\n"), false},
        {LINES("no header\r\n"), true},
        {LINES(": value\r\n"), true},
        {LINES("bad name: value\r\n"), true},
        {LINES("Expires: 4294967295\r\n"), false},
        {LINES("Expires: 4294967296\r\n"), true},
        {LINES("Expires: 100000000000000000000000000000000\r\n"), true},
        {LINES("Expires: -1\r\n"), true},
        {LINES("Expires:\r\n"), true},
        {LINES("CSeq: 36893488147419103232 OPTIONS\r\n"), true},
        {LINES("CSeq: 1 OPTIONS\r\n"), false},
        {LINES("CSeq: 1 INVITE\r\n"), true},
        {LINES("CSeq: OPTIONS\r\n"), true},
        {LINES("CSeq: 1\r\n"), true},
        {LINES("Content-Length: -999\r\n"), true},
        {LINES("Content-Length: 1\r\nl: 1\r\n"), true},
        {LINES("From: <sip:a@b>\r\nf: <sip:c@d>\r\n"), true},
        {LINES("To:\r\n"), true},
        {LINES("Call-ID: 1\r\nCall-ID: 2\r\n"), true},
        {LINES("Via: SIP/2.0/UDP a:99999;branch=b\r\n"), true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scan(cases[i].lines);
        if (head.malformed != cases[i].malformed)
            fail_msg("%s", cases[i].lines);
    }
    static const char zero[] = LINES("Subject: a\0b\r\n"), quoted[] = LINES("To: \"\\\0\" <x>\r\n");
    assert_true(sip_head_scan(slice_of(zero, sizeof zero - 1), &head) && head.malformed);
    assert_true(sip_head_scan(slice_of(quoted, sizeof quoted - 1), &head) && !head.malformed);
    scan(LINES("Expires: 4294967296\r\nCSeq: 36893488147419103232 OPTIONS\r\n"));
    assert_false(head.has_expires || head.has_cseq);
}

static void reads_odd_addresses(void **state) {
    static const struct {
        const char *lines, *uri, *tag;
    } cases[] = {
        {LINES("From: sip:a@b\r\n"), "sip:a@b", ""},
        {LINES("From: sip:a@b;tag=x;y=z\r\n"), "sip:a@b", "x"},
        {LINES("From: <sip:a@b;tag=no>\r\n"), "sip:a@b;tag=no", ""},
        {LINES("From:<sip:a@b>;x=\"1;tag=no\";TAG=yes\r\n"), "sip:a@b", "yes"},
        {LINES("From: Unquoted, comma <sip:a@b>;tag=1\r\n"), "sip:a@b", "1"},
        {LINES("From: \"never closed <sip:a@b>;tag=1\r\n"), "sip:a@b", "1"},
        {LINES("From: \"<sip:no@no>\" < sip:a@b >;tag=1\r\n"), "sip:a@b", "1"},
        {LINES("From: \"a\\\\\" <sip:a@b>\r\n"), "sip:a@b", ""},
        {LINES("From: <sip:a@b\r\n"), "sip:a@b", ""},
        {LINES("From: <sip:a@b>;tag\r\n"), "sip:a@b", ""},
        {LINES("From: <sip:a@b> ; tag = 1 \r\n"), "sip:a@b", "1"},
        {LINES("From: <tel:+1-201;phone-context=x>;tag=1\r\n"), "tel:+1-201;phone-context=x", "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scan(cases[i].lines);
        assert_slice(head.from.uri, cases[i].uri, cases[i].lines);
        assert_slice(head.from.tag, cases[i].tag, cases[i].lines);
    }
}

static void first_expires_of_any_contact(void **state) {
    (void)state;
    scan(LINES("Contact: <sip:a@b>, <sip:c@d>;expires=60\r\nContact: <sip:e@f>;expires=1\r\n"));
    assert_true(head.has_contact_expires);
    assert_int_equal(head.contact_expires, 60);
    assert_int_equal(head.contact_count, 2);
    SAME(contact_uri, "sip:a@b");
}

/* A value is whole or absent, never a part of what was sent. */
static void every_prefix(void **state) {
    (void)state;
    for (size_t len = 0; len < sizeof a_register - 1; len++) {
        struct slice cut = exact(a_register, len);
        if (sip_head_scan(cut, &head)) {
            assert_int_equal(head.head_len, 0);
            assert_false(head.malformed);
            assert_true(head.call_id.len == 0 ||
                        head.call_id.len == strlen("1730047149@192.0.2.10"));
            assert_true(head.branch.len == 0 || head.branch.len == strlen("z9hG4bK123"));
        }
        drop(cut);
    }
}

static void takes_lists_apart(void **state) {
    struct slice list = SLICE_LITERAL("\"a, b\" <sip:a;x,y@b>;expires=1 , ,sip:c@d;q=1,*"), params,
                 name, value;
    struct sip_address address;

    (void)state;
    assert_true(sip_address_take(&list, &address, &params));
    assert_slice(address.uri, "sip:a;x,y@b", "first");
    assert_true(sip_param_take(&params, &name, &value));
    assert_slice(name, "expires", "name");
    assert_slice(value, "1", "value");
    assert_false(sip_param_take(&params, &name, &value));
    assert_true(sip_address_take(&list, &address, NULL));
    assert_slice(address.uri, "sip:c@d", "second");
    assert_slice(address.value, "sip:c@d;q=1", "second");
    assert_true(sip_address_take(&list, &address, NULL));
    assert_slice(address.uri, "*", "third");
    assert_false(sip_address_take(&list, &address, NULL));
    params = SLICE_LITERAL(";lr;a=\"x;y\" ; b = ;; c");
    assert_true(sip_param_take(&params, &name, &value));
    assert_slice(name, "lr", "flag");
    assert_true(sip_param_take(&params, &name, &value));
    assert_slice(value, "\"x;y\"", "quoted");
    assert_true(sip_param_take(&params, &name, &value));
    assert_slice(name, "b", "no value");
    assert_slice(value, "", "no value");
    assert_true(sip_param_take(&params, &name, &value));
    assert_slice(name, "c", "last");
    assert_false(sip_param_take(&params, &name, &value));
}

int main(void) {
    text = exact("", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_request),        cmocka_unit_test(reads_a_response),
        cmocka_unit_test(reads_folds_and_blanks), cmocka_unit_test(notes_what_is_malformed),
        cmocka_unit_test(reads_odd_addresses),    cmocka_unit_test(first_expires_of_any_contact),
        cmocka_unit_test(every_prefix),           cmocka_unit_test(takes_lists_apart),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    drop(text);
    return failed;
}
