/* The full parse (libosip2): what `show --messages` prints, and what it leaves to the quick scan.
 */
#include "sip_exact.h"

#include "sip/sip_message.h"

static const char a_register[] =
    "REGISTER sip:example.com SIP/2.0\r\n"
    "Via: SIP/2.0/TCP 192.0.2.10:5060;branch=29hg4bk109393139\r\n"
    "From: \"Bob\" <sip:b%c3%a9b@example.com>;tag=1445564399\r\n"
    "To: <sip:bob@example.com>\r\n"
    "Call-ID: 1730047149@192.0.2.10\r\n"
    "CSeq: 1 REGISTER\r\n"
    "Contact: <sip:bob@192.0.2.10:5062;transport=TCP>;expires=180, \"x, y\" <sip:c@[::1]>\r\n"
    "Contact: sip:d@example.com\r\n"
    "User-Agent: Phone 2.60\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

static void check_register(const struct sip_full *full) {
    assert_string_equal(full->method, "REGISTER");
    assert_int_equal(full->status, 0);
    assert_string_equal(full->uri, "sip:example.com");
    assert_string_equal(full->call_id, "1730047149@192.0.2.10");
    assert_true(full->has_cseq);
    assert_int_equal(full->cseq, 1);
    assert_string_equal(full->cseq_method, "REGISTER");
    assert_string_equal(full->branch, "29hg4bk109393139");
    assert_string_equal(full->from_uri, "sip:b%c3%a9b@example.com"); /* as on the wire */
    assert_string_equal(full->from_tag, "1445564399");
    assert_string_equal(full->to_uri, "sip:bob@example.com");
    assert_null(full->to_tag);
    assert_int_equal(full->contact_count, 3);
    assert_string_equal(full->contacts[0], "sip:bob@192.0.2.10:5062;transport=TCP");
    assert_string_equal(full->contacts[1], "sip:c@[::1]");
    assert_string_equal(full->contacts[2], "sip:d@example.com");
    assert_true(full->has_expires);
    assert_int_equal(full->expires, 180);
    assert_string_equal(full->user_agent, "Phone 2.60");
}

static void parses_a_request(void **state) {
    struct slice bytes = exact(a_register, sizeof a_register - 1);
    struct sip_head head;
    struct sip_full full;

    (void)state;
    assert_true(sip_full_parse(bytes, &full));
    check_register(&full);
    sip_full_fini(&full);
    assert_true(sip_head_scan(bytes, &head));
    sip_full_of_head(bytes, &head, &full);
    check_register(&full);
    sip_full_fini(&full);
    drop(bytes);
}

static void parses_a_response(void **state) {
    static const char message[] =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 2 REGISTER\r\nContact: *\r\nExpires: 0\r\n"
        "Server: S\r\nContent-Length: 0\r\n\r\n";
    struct sip_full full;

    (void)state;
    assert_true(sip_full_parse(slice_of_text(message), &full));
    assert_null(full.method);
    assert_null(full.uri);
    assert_int_equal(full.status, 200);
    assert_string_equal(full.user_agent, "S");
    assert_string_equal(full.to_tag, "2");
    assert_int_equal(full.contact_count, 1);
    assert_string_equal(full.contacts[0], "*");
    assert_true(full.has_expires && full.expires == 0);
    sip_full_fini(&full);
}

/* What libosip2 refuses is empty, and freeing it is harmless. */
static void refuses(void **state) {
    struct sip_full full;

    (void)state;
    assert_false(sip_full_parse(SLICE_LITERAL(""), &full));
    sip_full_fini(&full);
    assert_false(sip_full_parse(SLICE_LITERAL("garbage\r\n\r\n"), &full));
    assert_null(full.call_id);
    sip_full_fini(&full);
    assert_false(
        sip_full_parse(SLICE_LITERAL("OPTIONS sip:a SIP/2.0\r\nSubject: \0\r\n\r\n"), &full));
    sip_full_fini(&full);
    assert_false(sip_full_parse(
        SLICE_LITERAL("OPTIONS sip:a SIP/2.0\r\nCall-ID: x\r\r\nCSeq: 1 OPTIONS\r\n\r\n"), &full));
    assert_null(full.call_id);
    sip_full_fini(&full);
    /* It would take the Via for the reason. */
    assert_false(sip_full_parse(SLICE_LITERAL("SIP/2.0 200\r\nVia: SIP/2.0/UDP a;branch=b\r\n"
                                              "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
                                              "Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"),
                                &full));
    sip_full_fini(&full);
}

static void every_prefix(void **state) {
    struct sip_full full;

    (void)state;
    for (size_t len = 0; len < sizeof a_register; len++) {
        struct slice bytes = exact(a_register, len);
        sip_full_parse(bytes, &full);
        sip_full_fini(&full);
        drop(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_request),
        cmocka_unit_test(parses_a_response),
        cmocka_unit_test(refuses),
        cmocka_unit_test(every_prefix),
    };
    if (!sip_library_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
