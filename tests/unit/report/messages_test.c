/* Are the lines of `show --messages` those of contract section 3, key by key? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/messages.h"

enum { LINKTYPE_RAW = 101, IP_LEN = 20, UDP_LEN = 8, PACKET_MAX = 1500 };

/* A raw IPv4 frame from 192.0.2.1 to 192.0.2.2. */
static size_t udp_packet(uint8_t *out, uint16_t sport, uint16_t dport, const void *bytes,
                         size_t len) {
    size_t udp_len = UDP_LEN + len, ip_len = IP_LEN + udp_len;
    uint8_t head[IP_LEN + UDP_LEN] = {0x45,
                                      0,
                                      (uint8_t)(ip_len >> 8),
                                      (uint8_t)ip_len,
                                      0,
                                      0,
                                      0,
                                      0,
                                      64,
                                      17,
                                      0,
                                      0,
                                      192,
                                      0,
                                      2,
                                      1,
                                      192,
                                      0,
                                      2,
                                      2,
                                      (uint8_t)(sport >> 8),
                                      (uint8_t)sport,
                                      (uint8_t)(dport >> 8),
                                      (uint8_t)dport,
                                      (uint8_t)(udp_len >> 8),
                                      (uint8_t)udp_len};

    assert_true(sizeof head + len <= PACKET_MAX);
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, bytes, len);
    return ip_len;
}

/* The second frame of a capture holds `bytes`; what is the line? */
static void expect_line(uint16_t sport, uint16_t dport, const void *bytes, size_t len,
                        const char *expected) {
    char *text = NULL;
    size_t text_len = 0;
    struct sink sink = {.file = open_memstream(&text, &text_len), .name = "memory"};
    struct messages_report *report = messages_report_new(&sink, NULL);
    struct message_handler handler = messages_report_handler(report);
    struct message_reader *reader = message_reader_new(&handler);
    uint8_t packet[PACKET_MAX];
    struct frame frame = {.no = 1, .t_ns = 1000000000, .link_type = LINKTYPE_RAW};

    frame.wire_len = (uint32_t)udp_packet(packet, 1, 2, "\x80", 1);
    frame.bytes = slice_of(packet, frame.wire_len);
    messages_report_frame(report, &frame);
    message_reader_feed(reader, &frame);
    frame.no = 2;
    frame.t_ns += 51844000000;
    frame.wire_len = (uint32_t)udp_packet(packet, sport, dport, bytes, len);
    frame.bytes.len = frame.wire_len;
    messages_report_frame(report, &frame);
    message_reader_feed(reader, &frame);
    message_reader_end(reader);
    message_reader_free(reader);
    messages_report_free(report);
    assert_true(sink_close(&sink));
    assert_string_equal(text, expected);
    free(text);
}

#define EXPECT_LINE(sport, dport, bytes, expected)                                                 \
    expect_line(sport, dport, bytes, sizeof(bytes) - 1, expected)

#define PLACE(kind, src, dst)                                                                      \
    "{\"frame\": 2, \"frames\": [2], \"t\": 51.844, \"kind\": \"" kind                             \
    "\", \"transport\": \"udp\", \"src\": \"192.0.2.1:" src "\", \"dst\": \"192.0.2.2:" dst "\", "

static void a_request_has_every_key(void **state) {
    (void)state;
    EXPECT_LINE(
        5062, 5060,
        "REGISTER sip:example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKx\r\n"
        "From: \"J\xE9\" <sip:j@example.com>;tag=f\r\n"
        "To: <sip:j@example.com>\r\n"
        "Call-ID: c@d\r\n"
        "CSeq: 7 REGISTER\r\n"
        "Contact: <sip:j@192.0.2.1:5062>;expires=60, <sip:k@192.0.2.1;lr>\r\n"
        "Max-Forwards: 70\r\n"
        "User-Agent: T\xE9st\r\n"
        "Content-Length: 0\r\n\r\n",
        PLACE("sip", "5062",
              "5060") "\"method\": \"REGISTER\", \"status\": null, \"uri\": \"sip:example.com\", "
                      "\"call_id\": \"c@d\", \"cseq\": 7, \"cseq_method\": \"REGISTER\", "
                      "\"branch\": \"z9hG4bKx\", "
                      "\"from\": {\"uri\": \"sip:j@example.com\", \"tag\": \"f\"}, "
                      "\"to\": {\"uri\": \"sip:j@example.com\", \"tag\": null}, "
                      "\"contact\": [\"sip:j@192.0.2.1:5062\", \"sip:k@192.0.2.1;lr\"], "
                      "\"expires\": 60, \"user_agent\": \"T\xEF\xBF\xBDst\", "
                      "\"notes\": [\"non-utf8\"]}\n");
}

static void what_a_message_does_not_say_is_null(void **state) {
    (void)state;
    EXPECT_LINE(
        5060, 5060, "SIP/2.0 480 Gone\r\n\r\n",
        PLACE("sip", "5060",
              "5060") "\"method\": null, \"status\": 480, \"uri\": null, \"call_id\": null, "
                      "\"cseq\": null, \"cseq_method\": null, \"branch\": null, "
                      "\"from\": {\"uri\": null, \"tag\": null}, \"to\": {\"uri\": null, \"tag\": "
                      "null}, "
                      "\"contact\": [], \"expires\": null, \"user_agent\": null, \"notes\": "
                      "[\"malformed\"]}\n");
}

static void dns_records_are_in_presentation_format(void **state) {
    (void)state;
    EXPECT_LINE(
        53, 1025,
        "\x00\x02\x81\x80\x00\x01\x00\x02\x00\x00\x00\x01"
        "\x04_sip\x04_tcp\x01"
        "a\x00\x00\x21\x00\x01"
        "\xC0\x0C\x00\x21\x00\x01\x00\x00\x0E\x10\x00\x0B\x00\x01\x00\x00\x13\xC4\x02uc\xC0\x16"
        "\xC0\x0C\x00\x41\x00\x01\x00\x00\x00\x00\x00\x02\xAB\xCD"
        "\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x00",
        PLACE(
            "dns", "53",
            "1025") "\"id\": 2, \"response\": true, \"rcode\": \"NOERROR\", \"truncated\": false, "
                    "\"question\": [{\"name\": \"_sip._tcp.a\", \"type\": \"SRV\"}], "
                    "\"records\": [{\"section\": \"answer\", \"name\": \"_sip._tcp.a\", \"type\": "
                    "\"SRV\", "
                    "\"ttl_s\": 3600, \"data\": \"1 0 5060 uc.a\"}, "
                    "{\"section\": \"answer\", \"name\": \"_sip._tcp.a\", \"type\": \"TYPE65\", "
                    "\"ttl_s\": 0, \"data\": \"\\\\# 2 abcd\"}, "
                    "{\"section\": \"additional\", \"name\": \".\", \"type\": \"OPT\", "
                    "\"ttl_s\": 32768, \"data\": \"\\\\# 0\"}], \"notes\": []}\n");
}

static void a_question_has_no_rcode(void **state) {
    (void)state;
    EXPECT_LINE(
        1025, 53, "\x00\x03\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01",
        PLACE("dns", "1025",
              "53") "\"id\": 3, \"response\": false, \"rcode\": null, \"truncated\": false, "
                    "\"question\": [{\"name\": \".\", \"type\": \"NS\"}], \"records\": [], "
                    "\"notes\": []}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_every_key),
        cmocka_unit_test(what_a_message_does_not_say_is_null),
        cmocka_unit_test(dns_records_are_in_presentation_format),
        cmocka_unit_test(a_question_has_no_rcode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
