/* DNS messages: RFC 1035 4.1, RFC 2136 (update), RFC 6891 (EDNS); what is taken for DNS. */
#include "dns_build.h"

#include "dns/dns_message.h"

#define Q_SRV "\4_sip\4_udp\7example\3com\0\0\41\0\1"

static struct dns_message message;

static void srv_answer(struct build *b) {
    b->len = 0;
    add_header(b, 0x8580, 1, 2, 0, 2);
    ADD(b, Q_SRV);
    ADD_RECORD(b, "\300\14", 33, "\0\1\0\2\23\304\2s1\300\26");
    ADD_RECORD(b, "\300\14", 33, "\0\2\0\2\23\304\0");
    ADD_RECORD(b, "\2s1\300\26", 1, "\300\0\2\1");
    ADD(b, "\0\0\51\20\0\0\0\0\0\0\0"); /* OPT, 4096 bytes */
}

static void reads_an_answer(void **state) {
    struct build b;
    char text[DNS_NAME_TEXT_LEN];
    struct dns_srv srv;
    struct ip_addr ip;

    (void)state;
    srv_answer(&b);
    struct slice bytes = exact(b.bytes, b.len);
    assert_true(dns_parse(bytes, false, &message));
    assert_int_equal(message.id, 0x1234);
    assert_true(message.response && message.authoritative && !message.truncated);
    assert_int_equal(message.rcode, 0);
    assert_false(message.cut || message.malformed);
    assert_int_equal(message.question_count, 1);
    assert_int_equal(message.questions[0].type, DNS_SRV);
    assert_true(dns_name_text(bytes, message.questions[0].name_at, text, NULL));
    assert_string_equal(text, "_sip._udp.example.com");
    assert_int_equal(message.record_count, 4);
    assert_int_equal(message.udp_size, 4096);
    assert_int_equal(message.records[2].section, DNS_ADDITIONAL);
    assert_int_equal(message.records[0].ttl_s, 3600);
    assert_true(dns_record_srv(&message, &message.records[0], &srv));
    assert_int_equal(srv.priority, 1);
    assert_int_equal(srv.port, 5060);
    assert_true(dns_name_text(bytes, srv.target_at, text, NULL));
    assert_string_equal(text, "s1.example.com");
    assert_true(dns_record_srv(&message, &message.records[1], &srv));
    assert_true(dns_name_text(bytes, srv.target_at, text, NULL));
    assert_string_equal(text, ".");
    assert_true(dns_record_address(&message.records[2], &ip));
    assert_int_equal(ip.len, 4);
    assert_false(dns_record_address(&message.records[0], &ip));
    drop(bytes);
}

/* Each prefix yields the records that are whole in it; cut by the snapshot length is not malformed.
 */
static void every_prefix_is_cut(void **state) {
    struct build b;

    (void)state;
    srv_answer(&b);
    size_t records_before = 0;
    for (size_t len = 0; len < b.len; len++) {
        struct slice bytes = exact(b.bytes, len);
        assert_int_equal(dns_parse(bytes, true, &message), len >= 12);
        if (len >= 12) {
            assert_true(message.cut);
            assert_false(message.malformed);
            assert_true(message.record_count >= records_before);
            records_before = message.record_count;
            assert_true(dns_parse(bytes, false, &message));
            assert_true(message.cut && message.malformed);
        }
        drop(bytes);
    }
    assert_int_equal(records_before, 3);
}

static void odd_messages(void **state) {
    static const struct {
        const char *title, *bytes;
        size_t len;
        size_t questions, records;
        bool cut, malformed;
    } cases[] = {
#define MESSAGE(title, bytes, ...) {title, bytes, sizeof(bytes) - 1, __VA_ARGS__}
        MESSAGE("response without question", "\0\1\201\202\0\0\0\0\0\0\0\0", 0, 0, false, false),
        MESSAGE("truncated, no answers", "\0\1\203\200\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 1, 0, false,
                false),
        MESSAGE("update that deletes: empty data",
                "\0\1\50\0\0\1\0\0\0\1\0\0\1a\0\0\6\0\1\1b\0\0\1\0\377\0\0\0\0\0\0", 1, 1, false,
                false),
        MESSAGE("pointer loop in a question", "\0\1\1\0\0\1\0\0\0\0\0\0\300\14\0\1\0\1", 1, 0,
                false, true),
        MESSAGE("label kind 01", "\0\1\1\0\0\1\0\0\0\0\0\0\101a\0\0\1\0\1", 0, 0, false, true),
        MESSAGE("counts promise more", "\0\1\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1", 1, 0, true, true),
        MESSAGE("address of three octets",
                "\0\1\201\0\0\0\0\1\0\0\0\0\1a\0\0\1\0\1\0\0\0\0\0\3\1\2\3", 0, 1, false, true),
        MESSAGE("SRV without target",
                "\0\1\201\0\0\0\0\1\0\0\0\0\1a\0\0\41\0\1\0\0\0\0\0\6\0\1\0\1\0\1", 0, 1, false,
                true),
        MESSAGE("data past the end", "\0\1\201\0\0\0\0\1\0\0\0\0\1a\0\0\1\0\1\0\0\0\0\0\4\1\2\3", 0,
                0, true, true),
        MESSAGE("bytes behind it", "\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1xyz", 1, 0, false, false),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice bytes = exact(cases[i].bytes, cases[i].len);
        assert_true(dns_parse(bytes, false, &message));
        if (message.question_count != cases[i].questions ||
            message.record_count != cases[i].records || message.cut != cases[i].cut ||
            message.malformed != cases[i].malformed)
            fail_msg("%s: %zu %zu %d %d", cases[i].title, message.question_count,
                     message.record_count, message.cut, message.malformed);
        drop(bytes);
    }
}

/* More records than there is room for: the first ones, and cut. */
static void too_many_records(void **state) {
    enum { COUNT = DNS_RECORDS_MAX + 1, RECORD_LEN = 11 };
    static uint8_t bytes[12 + COUNT * RECORD_LEN] = {0, 1, 0x81, 0, 0, 0, COUNT >> 8, COUNT & 0xff};

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        bytes[12 + i * RECORD_LEN + 2] = 2;
    struct slice copy = exact(bytes, sizeof bytes);
    assert_true(dns_parse(copy, false, &message));
    assert_int_equal(message.record_count, DNS_RECORDS_MAX);
    assert_true(message.cut);
    assert_false(message.malformed);
    drop(copy);
}

static void recognises_dns(void **state) {
    static const struct {
        const char *title, *bytes;
        size_t len;
        bool any_port, port_53;
    } cases[] = {
#define BYTES(title, bytes, any, at_53) {title, bytes, sizeof(bytes) - 1, any, at_53}
        BYTES("query", "\22\64\1\0\0\1\0\0\0\0\0\0" Q_SRV, true, true),
        BYTES("query with OPT", "\22\64\1\40\0\1\0\0\0\0\0\1" Q_SRV "\0\0\51\20\0\0\0\0\0\0\0",
              true, true),
        BYTES("NXDOMAIN", "\22\64\201\203\0\1\0\0\0\0\0\0" Q_SRV, true, true),
        BYTES("update", "\22\64\50\0\0\1\0\0\0\5\0\0\7example\3com\0\0\6\0\1", true, true),
        BYTES("opcode 7", "\22\64\71\0\0\1\0\0\0\0\0\0" Q_SRV, false, true),
        BYTES("opcode 3", "\22\64\31\0\0\1\0\0\0\0\0\0" Q_SRV, false, true),
        BYTES("Z", "\22\64\1\100\0\1\0\0\0\0\0\0" Q_SRV, false, true),
        BYTES("query with answers", "\22\64\1\0\0\1\0\3\0\0\0\0" Q_SRV, false, true),
        BYTES("query with RCODE", "\22\64\1\3\0\1\0\0\0\0\0\0" Q_SRV, false, true),
        BYTES("two questions", "\22\64\1\0\0\2\0\0\0\0\0\0" Q_SRV, false, true),
        BYTES("unknown class", "\22\64\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\7", false, true),
        BYTES("unknown type", "\22\64\1\0\0\1\0\0\0\0\0\0\1a\0\17\1\0\1", false, true),
        BYTES("pointer in the question", "\22\64\1\0\0\1\0\0\0\0\0\0\300\14\0\1\0\1", false, true),
        BYTES("no question", "\22\64\201\202\0\0\0\0\0\0\0\0", false, true),
        BYTES("header alone, question cut off", "\22\64\1\0\0\1\0\0\0\0\0\0", false, true),
        BYTES("11 bytes", "\22\64\1\0\0\1\0\0\0\0\0", false, false),
        BYTES("zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, false),
        BYTES("RTP, PCMU silence", "\200\0\1\0\0\1\0\0\0\0\0\1\377\377\377\377\377\377\377\377",
              false, true),
        BYTES("RTP of zeros", "\200\0\1\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", false, true),
        BYTES("STUN binding request", "\0\1\0\0\41\22\244\102abcdefghijkl", false, true),
        BYTES("STUN, RFC 3489", "\0\1\0\0\0\1\0\0\0\0\0\0abcdefgh", false, true),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice bytes = exact(cases[i].bytes, cases[i].len);
        bool any_port = dns_recognise(bytes, false), port_53 = dns_recognise(bytes, true);
        if (any_port != cases[i].any_port || port_53 != cases[i].port_53)
            fail_msg("%s: %d %d", cases[i].title, any_port, port_53);
        drop(bytes);
        for (size_t len = 0; len < cases[i].len; len++) {
            bytes = exact(cases[i].bytes, len);
            dns_recognise(bytes, false);
            dns_recognise(bytes, true);
            drop(bytes);
        }
    }
    assert_false(dns_recognise(SLICE_LITERAL("REGISTER sip:example.com SIP/2.0\r\n"), false));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_answer), cmocka_unit_test(every_prefix_is_cut),
        cmocka_unit_test(odd_messages),    cmocka_unit_test(too_many_records),
        cmocka_unit_test(recognises_dns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
