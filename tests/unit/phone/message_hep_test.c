/* What capture agents report (HEP) as messages: over TCP, and over which transport they went. */
#include "net/hep.h"
#include "stream_line.h"

#define PACKET_MAX 2048

struct packet_text {
    size_t len;
    char text[PACKET_MAX];
};

static void add(struct packet_text *to, const void *bytes, size_t len) {
    assert_true(to->len + len <= PACKET_MAX);
    memcpy(to->text + to->len, bytes, len);
    to->len += len;
}

/* type: of the payload; 0: not said */
static void add_typed(struct packet_text *to, char type, const char *payload, size_t value_len) {
    static const char front[] = "\0\0\0\x02\0\x07\x06"
                                "\0\0\0\x03\0\x0a\xc0\0\x02\x01"
                                "\0\0\0\x04\0\x0a\xc0\0\x02\x02";
    char type_chunk[7] = {0, 0, 0, 11, 0, 7, type};
    size_t type_len = type ? sizeof type_chunk : 0;
    size_t len = 6 + sizeof front - 1 + type_len + 6 + value_len;
    char header[6] = {'H', 'E', 'P', '3', (char)(len >> 8), (char)len};
    char chunk[6] = {0, 0, 0, 15, (char)((6 + value_len) >> 8), (char)(6 + value_len)};

    add(to, header, sizeof header);
    add(to, front, sizeof front - 1);
    add(to, type_chunk, type_len);
    add(to, chunk, sizeof chunk);
    add(to, payload, value_len);
}

static void add_packet(struct packet_text *to, const char *payload) {
    add_typed(to, HEP_TYPE_SIP, payload, strlen(payload));
}

static void close_line(struct line *line) {
    line_close(line);
    free(line->target.hep_room.bytes);
}

static void packets_are_found_wherever_a_stream_is_split(void **state) {
    struct packet_text all = {0};
    struct line line;

    (void)state;
    add_packet(&all, OPTIONS("a"));
    size_t first = all.len;
    add_packet(&all, OK_200("b"));
    for (size_t cut = 0; cut <= all.len; cut++) {
        line_open(&line, 9060, true);
        if (cut)
            line_send(&line, CONN_CLIENT, all.text, cut, 0, false);
        else
            line.frame_no++;
        line_send(&line, CONN_CLIENT, all.text + cut, all.len - cut, 0, false);
        close_line(&line);
        char expected[128];
        snprintf(expected, sizeof expected, "OPTIONS a %s\n200 b %s\n",
                 cut >= first ? "1[1]"
                 : cut        ? "2[1,2]"
                              : "2[2]",
                 cut == all.len ? "1[1]"
                 : cut > first  ? "2[1,2]"
                                : "2[2]");
        if (strcmp(told, expected) != 0)
            fail_msg("split at %zu: %s", cut, told);
    }
}

static void after_a_hole_the_next_packet_is_found(void **state) {
    struct packet_text one = {0}, two = {0};
    struct line line;

    (void)state;
    add_packet(&one, OPTIONS("a"));
    add_packet(&two, OPTIONS("b"));
    line_open(&line, 9060, true);
    line_send(&line, CONN_CLIENT, one.text, one.len, 0, false);
    line_send(&line, CONN_CLIENT, one.text, one.len - 20, 0, false);
    line_send(&line, CONN_CLIENT, "rest of another", 15, 1000, false);
    line_send(&line, CONN_CLIENT, two.text, two.len, 0, false);
    close_line(&line);
    assert_string_equal(told, "OPTIONS a 1[1]\nOPTIONS a 2[2] by-gap\nOPTIONS b 4[4]\n");
}

static void on_hole(void *context, const struct packet_hole *hole) {
    (void)context;
    assert_int_equal(hole->kind, HOLE_REPORTED);
    assert_int_equal(hole->host.len, 0);
    put("hole %d-%d/%u\n", (int)hole->from_ns, (int)hole->to_ns, hole->frame_no);
}

/* Of the agent's own there is nothing. */
static void on_reported_message(void *context, const struct message *message) {
    assert_null(message->conn);
    on_message(context, message);
}

static const struct message_handler reported = {
    .details = true, .message = on_reported_message, .hole = on_hole};

/* Packets of any phone may have been in it, between those before and behind. */
static void a_hole_is_one_of_what_is_reported(void **state) {
    struct packet_text one = {0};
    struct line line;

    (void)state;
    add_packet(&one, OPTIONS("a"));
    line_open(&line, 9060, true);
    line.target.handler = &reported;
    line_send(&line, CONN_CLIENT, one.text, one.len, 0, false);
    line_send(&line, CONN_CLIENT, "rest of another", 15, 1000, false);
    line_send(&line, CONN_CLIENT, one.text, one.len, 0, false);
    line_send(&line, CONN_CLIENT, "", 0, 1000, false);
    close_line(&line);
    assert_string_equal(told, "OPTIONS a 1[1]\nhole 1-3/3\nOPTIONS a 3[3]\nhole 3-3/4\n");
}

static void a_stream_met_within_a_packet_is_one_of_packets(void **state) {
    struct packet_text all = {0};
    struct line line;

    (void)state;
    add_packet(&all, OPTIONS("a"));
    size_t first = all.len;
    add_packet(&all, OPTIONS("b"));
    for (size_t from = 1; from < first; from++) {
        line_open(&line, 9060, false);
        line.target.handler = &reported;
        line_send(&line, CONN_CLIENT, all.text + from, all.len - from, 0, false);
        close_line(&line);
        if (strcmp(told, "OPTIONS b 1[1]\n") != 0)
            fail_msg("from %zu: %s", from, told);
    }
    /* The first segment ends where its packet does: its last chunk tells, */
    size_t payload = first - strlen(OPTIONS("a"));
    for (size_t from = 1; from <= payload - 6; from++) {
        line_open(&line, 9060, false);
        line.target.handler = &reported;
        line_send(&line, CONN_CLIENT, all.text + from, first - from, 0, false);
        line_send(&line, CONN_CLIENT, all.text + first, all.len - first, 0, false);
        close_line(&line);
        if (strcmp(told, "OPTIONS b 2[2]\n") != 0)
            fail_msg("from %zu: %s", from, told);
    }
    /* or, where that is not there, the next packet. */
    line_open(&line, 9060, false);
    line_send(&line, CONN_CLIENT, all.text + payload, first - payload, 0, false);
    line_send(&line, CONN_CLIENT, all.text + first, all.len - first, 0, false);
    close_line(&line);
    assert_string_equal(told, "OPTIONS a 1[1]\nOPTIONS b 2[2]\n");
}

static void a_packet_that_is_none_ends_nothing(void **state) {
    struct packet_text all = {0};
    struct line line;

    (void)state;
    add(&all, "HEP3\0\0", 6); /* a length below its own */
    add(&all,
        "HEP3\0\x0c"
        "chunk.",
        12);
    add_packet(&all, OPTIONS("a"));
    line_open(&line, 9060, true);
    line_send(&line, CONN_CLIENT, all.text, all.len, 0, false);
    close_line(&line);
    assert_string_equal(told, "OPTIONS a 1[1]\n");
}

/* What else an agent reports is read as over UDP: DNS too, but not as JSON; RTCP not at all. */
static void dns_is_read_and_the_rest_is_not(void **state) {
    static const char query[] = "\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01x\0\0\x01\0\x01";
    static const char json[] = "{\"id\":8}";
    enum { TYPE_RTCP = 5 };
    struct packet_text all = {0};
    struct line line;

    (void)state;
    add_typed(&all, HEP_TYPE_DNS, query, sizeof query - 1);
    add_typed(&all, HEP_TYPE_DNS, json, sizeof json - 1);
    add_typed(&all, TYPE_RTCP, query, sizeof query - 1);
    add_packet(&all, OPTIONS("a"));
    line_open(&line, 9060, true);
    line_send(&line, CONN_CLIENT, all.text, all.len, 0, false);
    close_line(&line);
    assert_string_equal(told, "dns 7 1[1]\nOPTIONS a 1[1]\n");
}

/* The Via names what an agent cannot say. */
static void the_via_names_the_transport(void **state) {
    static const struct {
        enum transport said;
        const char *via;
        enum transport expected;
    } cases[] = {
        {TRANSPORT_UDP, "UDP", TRANSPORT_UDP},   {TRANSPORT_UDP, "TCP", TRANSPORT_TCP},
        {TRANSPORT_UDP, "TLS", TRANSPORT_TLS},   {TRANSPORT_TCP, "TCP", TRANSPORT_TCP},
        {TRANSPORT_TCP, "TLS", TRANSPORT_TLS},   {TRANSPORT_TCP, "WS", TRANSPORT_WS},
        {TRANSPORT_TLS, "WSS", TRANSPORT_WSS},   {TRANSPORT_TLS, "TLS", TRANSPORT_TLS},
        {TRANSPORT_TLS, "?", TRANSPORT_TLS},     {TRANSPORT_TCP, "UDP", TRANSPORT_TCP},
        {TRANSPORT_SCTP, "UDP", TRANSPORT_SCTP}, {TRANSPORT_UDP, "SCTP", TRANSPORT_SCTP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/%s 192.0.2.1;branch=z9hG4bK1\r\n\r\n",
                 cases[i].via);
        assert_int_equal(message_reported_transport(cases[i].said, slice_of_text(text)),
                         cases[i].expected);
    }
    assert_int_equal(message_reported_transport(TRANSPORT_TCP, SLICE_LITERAL("no SIP")),
                     TRANSPORT_TCP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_found_wherever_a_stream_is_split),
        cmocka_unit_test(after_a_hole_the_next_packet_is_found),
        cmocka_unit_test(a_hole_is_one_of_what_is_reported),
        cmocka_unit_test(a_stream_met_within_a_packet_is_one_of_packets),
        cmocka_unit_test(a_packet_that_is_none_ends_nothing),
        cmocka_unit_test(dns_is_read_and_the_rest_is_not),
        cmocka_unit_test(the_via_names_the_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
