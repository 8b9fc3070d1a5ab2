/* Do datagrams, streams and ICMP errors become the messages that they carry? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stream_line.h"

/* RFC 3261 18.3: Content-Length says where a message ends on a stream. 7.5: line ends between
 * messages are ignored. */
static void messages_are_found_wherever_a_stream_is_split(void **state) {
    static const char text[] = OPTIONS("a") "\r\n\r\n" MESSAGE("b", "5", "hello") OK_200("c");
    size_t len = sizeof text - 1;
    struct line line;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        line_open(&line, 40001, true);
        if (cut)
            line_send(&line, CONN_CLIENT, text, cut, 0, false);
        else
            line.frame_no++;
        line_send(&line, CONN_CLIENT, text + cut, len - cut, 0, false);
        line_close(&line);

        size_t ends[] = {strlen(OPTIONS("a")),
                         strlen(OPTIONS("a") "\r\n\r\n" MESSAGE("b", "5", "hello")), len};
        size_t starts[] = {0, ends[0] + 4, ends[1]};
        char expected[256] = "";
        for (int i = 0; i < 3; i++) {
            static const char *const names[] = {"OPTIONS a", "MESSAGE b", "200 c"};
            size_t n = strlen(expected);
            const char *frames = ends[i] <= cut ? "1[1]" : starts[i] < cut ? "2[1,2]" : "2[2]";
            snprintf(expected + n, sizeof expected - n, "%s %s\n", names[i], frames);
        }
        assert_string_equal(told, expected);
    }
}

static void messages_are_found_byte_by_byte(void **state) {
    static const char text[] = "\r\n" MESSAGE("a", "3", "xyz") OPTIONS("b");
    struct line line;

    (void)state;
    line_open(&line, 5060, false);
    for (size_t i = 0; i < sizeof text - 1; i++)
        line_send(&line, CONN_CLIENT, text + i, 1, 0, false);
    line_close(&line);
    size_t a_end = 2 + strlen(MESSAGE("a", "3", "xyz"));
    char line_b[64];
    assert_ptr_equal(strstr(told, "MESSAGE a "), told);
    assert_non_null(strstr(told, "[3,4,5,"));
    snprintf(line_b, sizeof line_b, "\nOPTIONS b %zu[%zu,", sizeof text - 1, a_end + 1);
    assert_non_null(strstr(told, line_b));
    assert_null(strstr(told, "by-end"));
}

static void what_a_stream_lost_is_noted(void **state) {
    static const struct {
        const char *first, *second;
        uint64_t gap;
        const char *expected;
    } cases[] = {
        /* in the body, whose end is known */
        {MESSAGE("a", "10", "0123"), "89" OPTIONS("b"), 4,
         "MESSAGE a 1[1] by-gap\nOPTIONS b 2[2] after-gap\n"},
        /* up to the very end of it */
        {MESSAGE("a", "10", "0123"), OPTIONS("b"), 6,
         "MESSAGE a 1[1] by-gap\nOPTIONS b 2[2] after-gap\n"},
        /* in the body, which quotes a message */
        {MESSAGE("a", "300", "0123"), OPTIONS("x"), 4, "MESSAGE a 1[1] by-gap\n"},
        /* beyond it: the next start line counts */
        {MESSAGE("a", "10", "0123"), "e: f\r\n\r\nbody\r\n" OPTIONS("b"), 100,
         "MESSAGE a 1[1] by-gap\nOPTIONS b 2[2] after-gap\n"},
        /* in the head */
        {"OPTIONS sip:a SIP/2.0\r\nCall-ID: a\r\nVi", "x: y\r\n\r\n" OPTIONS("b"), 7,
         "OPTIONS a 1[1] by-gap\nOPTIONS b 2[2] after-gap\n"},
        /* between two messages */
        {OPTIONS("a"), OPTIONS("b"), 700, "OPTIONS a 1[1]\nOPTIONS b 2[2] after-gap\n"},
        /* a status line in a sipfrag (RFC 3420) is no message */
        {OPTIONS("a"), "Content-Length: 15\r\n\r\nSIP/2.0 200 OK\r\n\r\n" OPTIONS("b"), 700,
         "OPTIONS a 1[1]\nOPTIONS b 2[2] after-gap\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line line;
        line_open(&line, 40001, true);
        line_text(&line, cases[i].first);
        line_send(&line, CONN_CLIENT, cases[i].second, strlen(cases[i].second), cases[i].gap,
                  false);
        line_close(&line);
        assert_string_equal(told, cases[i].expected);
    }
}

static void a_segment_cut_by_the_snaplen_is_told_at_once(void **state) {
    struct line line;
    const char *text = MESSAGE("a", "10", "01");

    (void)state;
    line_open(&line, 40001, true);
    line_send(&line, CONN_CLIENT, text, strlen(text), 0, true);
    assert_string_equal(told, "MESSAGE a 1[1] snaplen\n");
    text = OPTIONS("b");
    line_send(&line, CONN_CLIENT, text, strlen(text), 8, false);
    line_close(&line);
    assert_string_equal(told, "MESSAGE a 1[1] snaplen\nOPTIONS b 2[2] after-gap\n");
}

static void the_end_of_a_stream_tells_what_is_held(void **state) {
    struct line line;

    (void)state;
    line_open(&line, 40001, true);
    line_text(&line, "INVITE sip:a SIP/2.0\r\nCall-ID: a\r\n");
    line_text(&line, "CSeq: 1");
    assert_string_equal(told, "");
    line_close(&line);
    assert_string_equal(told, "INVITE a 2[1,2] by-end\n");
}

static void a_connection_met_midway_is_searched(void **state) {
    struct line line;

    (void)state;
    line_open(&line, 40001, false);
    line_text(&line, "=0\r\na=b\r\n" OPTIONS("a"));
    line_text(&line, OPTIONS("b"));
    line_close(&line);
    assert_string_equal(told, "OPTIONS a 1[1]\nOPTIONS b 2[2]\n");
}

/* What it says of its length is followed; where that is wrong, the next start line is searched. */
static void a_message_over_the_bounds_is_passed_over(void **state) {
    enum { LARGE = 1048577, PIECE = 4096 };
    static const char head[] =
        SIP_TEXT("MESSAGE sip:example.com SIP/2.0", "MESSAGE", "large", "1048577");
    static const char endless[] =
        SIP_TEXT("MESSAGE sip:example.com SIP/2.0", "MESSAGE", "e", "18446744073709551615");
    static const char after[] = OPTIONS("a") OPTIONS("b");
    uint8_t *body = malloc(LARGE);
    struct line line;

    (void)state;
    memset(body, 'y', LARGE);
    for (int lies = 0; lies < 2; lies++) {
        size_t len = lies ? LARGE - 100 : LARGE;
        line_open(&line, 5060, true);
        for (int messages = lies ? 1 : 2; messages; messages--) {
            line_text(&line, head);
            for (size_t at = 0; at < len; at += PIECE)
                line_send(&line, CONN_CLIENT, body, at + PIECE < len ? PIECE : len - at, 0, false);
        }
        line.frame_no = 0;
        line_text(&line, after);
        line_close(&line);
        assert_string_equal(told, lies ? "OPTIONS b 1[1]\n" : "OPTIONS a 1[1]\nOPTIONS b 1[1]\n");
    }
    line_open(&line, 5060, true);
    line_text(&line, endless);
    line_text(&line, after); /* in its body */
    line_close(&line);
    assert_string_equal(told, "");
    free(body);
}

static void what_is_not_ours_is_left_alone(void **state) {
    static const char *const clients[] = {"GET / HTTP/1.1\r\n\r\n", "EHLO example.com\r\n",
                                          "\023BitTorrent protocol", "SSH-2.0-x\r\n"};
    struct line line;

    (void)state;
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        line_open(&line, 80, true);
        line_text(&line, clients[i]);
        assert_false(line.conn.ignore_data);
        line_send(&line, CONN_SERVER, "HTTP/1.1 200 OK\r\n", 17, 0, false);
        assert_true(line.conn.ignore_data);
        line_close(&line);
        assert_string_equal(told, "");
    }
}

/* ---- DNS over TCP (RFC 1035 4.2.2) ---- */

#define DNS_QUERY                                                                                  \
    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"                                         \
    "a\x00\x00\x01\x00\x01"

static void dns_messages_have_a_length_before_them(void **state) {
    static const char text[] = "\x00\x13" DNS_QUERY "\x00\x13" DNS_QUERY;
    static const uint16_t ports[] = {53, 40001};
    size_t len = sizeof text - 1;
    struct line line;

    (void)state;
    assert_int_equal(len, 2 * 21);
    for (size_t p = 0; p < 2; p++)
        for (size_t cut = 1; cut < len; cut++) {
            line_open(&line, ports[p], true);
            line_send(&line, CONN_CLIENT, text, cut, 0, false);
            line_send(&line, CONN_CLIENT, text + cut, len - cut, 0, false);
            line_close(&line);
            assert_string_equal(told, cut < 21    ? "dns 4660 2[1,2]\ndns 4660 2[2]\n"
                                      : cut == 21 ? "dns 4660 1[1]\ndns 4660 2[2]\n"
                                                  : "dns 4660 1[1]\ndns 4660 2[1,2]\n");
        }
}

/* ---- TLS ---- */

#define HELLO                                                                                      \
    "\x16\x03\x01\x00\x04"                                                                         \
    "\x01\x00\x00\x00"
#define SEAL "\x14\x03\x03\x00\x01\x01"
#define FINISHED_12                                                                                \
    "\x16\x03\x03\x00\x02"                                                                         \
    "ab"
#define DATA                                                                                       \
    "\x17\x03\x03\x00\x03"                                                                         \
    "abc"
#define DATA_35                                                                                    \
    "\x17\x03\x03\x00\x23"                                                                         \
    "0123456789abcdefghijklmnopqrstuvwxy"
#define ALERT "\x15\x03\x03\x00\x02\x02\x28"
#define CLOSE_NOTIFY "\x15\x03\x03\x00\x02\x01\x00"

static void tls_shows_what_is_in_the_clear(void **state) {
    static const struct {
        const char *what;
        size_t client_len, server_len, again_len;
        const char *client, *server, *again;
        const char *expected;
    } cases[] = {
#define ROW(what, a, b, c, expected)                                                               \
    {what, sizeof(a) - 1, sizeof(b) - 1, sizeof(c) - 1, a, b, c, expected}
        ROW("refused", HELLO, ALERT, "", "tls client\ntls server\ntls server alert\n"),
        ROW("closed", HELLO, CLOSE_NOTIFY, "", "tls client\ntls server\n"),
        ROW("1.2", HELLO, HELLO SEAL FINISHED_12 DATA, SEAL FINISHED_12 DATA,
            "tls client\ntls server\ntls server data\ntls client done\ntls client data\n"),
        ROW("1.3: the first protected record of the client is its Finished", HELLO,
            HELLO SEAL DATA_35, SEAL DATA_35 DATA_35,
            "tls client\ntls server\ntls client done\ntls client data\n"),
        ROW("1.3, the client refuses", HELLO, HELLO SEAL DATA_35, ALERT,
            "tls client\ntls server\ntls client alert\n"),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct line line;
        line_open(&line, 5061, true);
        line_send(&line, CONN_CLIENT, cases[i].client, cases[i].client_len, 0, false);
        line_send(&line, CONN_SERVER, cases[i].server, cases[i].server_len, 0, false);
        for (size_t k = 0; k < cases[i].again_len; k++)
            line_send(&line, CONN_CLIENT, cases[i].again + k, 1, 0, false);
        line_close(&line);
        assert_string_equal(told, cases[i].expected);
    }
}

/* ---- datagrams and ICMP, as frames of raw IPv4 ---- */

enum { LINKTYPE_RAW = 101, IP_LEN = 20, UDP_LEN = 8 };

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
                                      (uint8_t)udp_len,
                                      0,
                                      0};

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, bytes, len);
    return ip_len;
}

static size_t icmp_packet(uint8_t *out, const uint8_t *quoted, size_t len) {
    size_t ip_len = IP_LEN + 8 + len;
    uint8_t head[IP_LEN + 8] = {0x45,
                                0,
                                (uint8_t)(ip_len >> 8),
                                (uint8_t)ip_len,
                                0,
                                0,
                                0,
                                0,
                                64,
                                1,
                                0,
                                0,
                                192,
                                0,
                                2,
                                2,
                                192,
                                0,
                                2,
                                1,
                                3,
                                3};

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, quoted, len);
    return ip_len;
}

/* Feed one packet, of which the capture has the first `kept` bytes. */
static void read_packet(const uint8_t *bytes, size_t len, size_t kept) {
    struct message_reader *reader = message_reader_new(&handler);
    uint8_t *copy = malloc(kept ? kept : 1);
    struct frame frame = {.no = 9, .t_ns = 1, .link_type = LINKTYPE_RAW, .wire_len = (uint32_t)len};

    assert_non_null(copy);
    memcpy(copy, bytes, kept);
    frame.bytes = slice_of(copy, kept);
    told[0] = '\0';
    message_reader_feed(reader, &frame);
    message_reader_end(reader);
    message_reader_free(reader);
    free(copy);
}

static void datagrams_are_recognised_by_content(void **state) {
    static const char mdns[] = DNS_QUERY;
    static const struct {
        const char *bytes;
        size_t len;
        uint16_t sport, dport;
        const char *expected;
    } cases[] = {
#define ROW(bytes, sport, dport, expected) {bytes, sizeof(bytes) - 1, sport, dport, expected}
        ROW(OPTIONS("a"), 40000, 40001, "OPTIONS a 9[9]\n"),
        ROW("\r\n\r\n" OK_200("a"), 5060, 5060, "200 a 9[9]\n"),
        ROW(OPTIONS("a"), 53, 137, "OPTIONS a 9[9]\n"),
        ROW("\r\n\r\n", 5060, 5060, ""),
        ROW(SIP_TEXT("!odd%method sip:x SIP/2.0", "!odd%method", "a", "0"), 5060, 5060,
            "!odd%method a 9[9]\n"),
        ROW("OPTIONS sip:a SIP/2.0\r\nCall-ID: a\r\n", 5060, 5060, "OPTIONS a 9[9] malformed\n"),
        ROW(MESSAGE("a", "9", "short"), 5060, 5060, "MESSAGE a 9[9] malformed\n"),
        ROW(MESSAGE("a", "2", "long"), 5060, 5060, "MESSAGE a 9[9]\n"),
        ROW(DNS_QUERY, 40000, 53, "dns 4660 9[9]\n"),
        ROW(DNS_QUERY, 40000, 40001, "dns 4660 9[9]\n"),
        ROW(DNS_QUERY, 5353, 5353, ""),
        ROW(DNS_QUERY, 40000, 5355, ""),
        ROW(DNS_QUERY, 137, 137, ""),
        ROW("\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01payload of a voice packet", 16384,
            16386, ""),
        ROW("\x00\x01\x00\x00\x21\x12\xa4\x42zzzzzzzzzzzz", 40000, 3478, ""),
        ROW("\x01\x01\x06\x00", 68, 67, "dhcp 9\n"),
        ROW("", 5060, 5060, ""),
#undef ROW
    };
    uint8_t packet[1024];

    (void)state;
    assert_int_equal(sizeof mdns - 1, 19);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len =
            udp_packet(packet, cases[i].sport, cases[i].dport, cases[i].bytes, cases[i].len);
        read_packet(packet, len, len);
        assert_string_equal(told, cases[i].expected);
    }
}

static void a_datagram_cut_by_the_snaplen_says_so(void **state) {
    static const char text[] = MESSAGE("a", "4", "body");
    uint8_t packet[1024];
    size_t len = udp_packet(packet, 5060, 5060, text, sizeof text - 1);

    (void)state;
    for (size_t kept = 0; kept < len; kept++) {
        read_packet(packet, len, kept);
        bool line = kept > IP_LEN + UDP_LEN + strlen("MESSAGE sip:example.com SIP/2.0\r\n");
        bool call_id = kept > IP_LEN + UDP_LEN + (size_t)(strstr(text, "a\r\nCSeq") - text) + 2;
        if (call_id)
            assert_string_equal(told, "MESSAGE a 9[9] snaplen\n");
        else if (line)
            assert_non_null(strstr(told, " 9[9] snaplen\n"));
    }
}

/* A first fragment that is cut will not have more bytes when the rest comes: it is told at once. */
static void a_first_fragment_cut_by_the_snaplen_is_told(void **state) {
    static const char text[] = MESSAGE("a", "4", "body");
    uint8_t packet[1024];
    size_t len = udp_packet(packet, 5060, 5060, text, sizeof text - 1);

    (void)state;
    assert_true((len - IP_LEN) % 8 != 0);
    len -= (len - IP_LEN) % 8;
    packet[2] = (uint8_t)(len >> 8);
    packet[3] = (uint8_t)len;
    packet[6] = 0x20; /* more fragments */
    read_packet(packet, len, len);
    assert_string_equal(told, "");
    read_packet(packet, len, len - 1);
    assert_string_equal(told, "MESSAGE a 9[9] snaplen\n");
}

/* RFC 792: at least the IP header and eight bytes are quoted; RFC 1812 4.3.2.3: as much as fits. */
static void what_an_icmp_error_quotes_is_a_message(void **state) {
    static const char text[] = OPTIONS("a");
    uint8_t packet[1024], icmp[1024];
    size_t len = udp_packet(packet, 5062, 5060, text, sizeof text - 1);

    (void)state;
    size_t all = icmp_packet(icmp, packet, len);
    read_packet(icmp, all, all);
    assert_string_equal(told, "icmp 9\nOPTIONS a 9[9] quoted from 5062\n");
    size_t some = icmp_packet(icmp, packet, len - 20);
    read_packet(icmp, some, some);
    assert_string_equal(told, "icmp 9\nOPTIONS a 9[9] quoted from 5062\n");
    size_t least = icmp_packet(icmp, packet, IP_LEN + UDP_LEN);
    read_packet(icmp, least, least);
    assert_string_equal(told, "icmp 9\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_wherever_a_stream_is_split),
        cmocka_unit_test(messages_are_found_byte_by_byte),
        cmocka_unit_test(what_a_stream_lost_is_noted),
        cmocka_unit_test(a_segment_cut_by_the_snaplen_is_told_at_once),
        cmocka_unit_test(the_end_of_a_stream_tells_what_is_held),
        cmocka_unit_test(a_connection_met_midway_is_searched),
        cmocka_unit_test(a_message_over_the_bounds_is_passed_over),
        cmocka_unit_test(what_is_not_ours_is_left_alone),
        cmocka_unit_test(dns_messages_have_a_length_before_them),
        cmocka_unit_test(tls_shows_what_is_in_the_clear),
        cmocka_unit_test(datagrams_are_recognised_by_content),
        cmocka_unit_test(a_datagram_cut_by_the_snaplen_says_so),
        cmocka_unit_test(a_first_fragment_cut_by_the_snaplen_is_told),
        cmocka_unit_test(what_an_icmp_error_quotes_is_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
