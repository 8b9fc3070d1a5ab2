/* HEP: what a capture agent reports becomes the datagram that it saw. Sources in net/hep.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "net/hep.h"
#include "net_log.h"
#include "packets.h"

#define AGENT "198.51.100.1"
#define COLLECTOR "198.51.100.2"
#define SEEN "udp 192.0.2.1:5061>192.0.2.2:5060 'INVITE sip:bob'"

enum { SECONDS = 1313440459, MICROSECONDS = 120000 };

static void put_chunk(struct bytes *to, unsigned vendor, unsigned type, const void *value,
                      size_t len) {
    put_u16(to, vendor);
    put_u16(to, type);
    put_u16(to, (unsigned)(6 + len));
    put(to, value, len);
}

static void put_chunk_u8(struct bytes *to, unsigned type, unsigned v) {
    struct bytes b = {0};
    put_u8(&b, v);
    put_chunk(to, 0, type, b.data, b.len);
}

static void put_chunk_u16(struct bytes *to, unsigned type, unsigned v) {
    struct bytes b = {0};
    put_u16(&b, v);
    put_chunk(to, 0, type, b.data, b.len);
}

static void put_chunk_u32(struct bytes *to, unsigned type, uint32_t v) {
    struct bytes b = {0};
    put_u32(&b, v);
    put_chunk(to, 0, type, b.data, b.len);
}

static void put_chunk_ip(struct bytes *to, unsigned type, const char *text) {
    struct ip_addr addr = ip(text);
    put_chunk(to, 0, type, addr.bytes, addr.len);
}

/* The header before what the chunks are. */
static struct bytes hep3(struct bytes chunks) {
    struct bytes b = {0};
    put(&b, "HEP3", 4);
    put_u16(&b, (unsigned)(6 + chunks.len));
    put_bytes(&b, chunks);
    return b;
}

static struct bytes front(unsigned protocol) {
    struct bytes b = {0};
    put_chunk_u8(&b, 1, 2);
    put_chunk_u8(&b, 2, protocol);
    put_chunk_ip(&b, 3, "192.0.2.1");
    put_chunk_ip(&b, 4, "192.0.2.2");
    put_chunk_u16(&b, 7, 5061);
    put_chunk_u16(&b, 8, 5060);
    put_chunk_u32(&b, 9, SECONDS);
    put_chunk_u32(&b, 10, MICROSECONDS);
    put_chunk_u8(&b, 11, 1);
    put_chunk_u32(&b, 12, 228);
    return b;
}

static struct bytes with_payload(struct bytes b, const char *text) {
    put_chunk(&b, 0, 15, text, strlen(text));
    return b;
}

static struct bytes invite(void) {
    return hep3(with_payload(front(17), "INVITE sip:bob"));
}

/* Through a net, in a datagram to a collector. */
static const char *log_of(struct net_log *log, struct bytes hep, size_t missing) {
    struct net *net = net_log_new(log);
    struct bytes packet = ipv4(AGENT, COLLECTOR, 17, udp(48982, 9060, hep));

    feed(net, 1, 1, 101, &packet, packet.len - missing);
    net_end(net);
    net_free(net);
    return log->text;
}

static struct hep_packet parsed(const struct bytes *b) {
    struct hep_packet packet;
    assert_true(hep_recognise(slice_of(b->data, b->len)));
    assert_int_equal(hep_parse(slice_of(b->data, b->len), &packet), HEP_OK);
    return packet;
}

/* The example of the specification, its last section. */
static void test_specification(void **state) {
    static const char example[] = "HEP3\x00\x71"
                                  "\0\0\0\x01\0\x07\x02"
                                  "\0\0\0\x02\0\x07\x11"
                                  "\0\0\0\x03\0\x0a\xd4\xca\x00\x01"
                                  "\0\0\0\x04\0\x0a\x52\x74\x00\xd3"
                                  "\0\0\0\x07\0\x08\x2e\xea"
                                  "\0\0\0\x08\0\x08\x13\xc4"
                                  "\0\0\0\x09\0\x0a\x4e\x49\x82\xcb"
                                  "\0\0\0\x0a\0\x0a\x00\x01\xd4\xc0"
                                  "\0\0\0\x0b\0\x07\x01"
                                  "\0\0\0\x0c\0\x0a\x00\x00\x00\xe4"
                                  "\0\0\0\x0f\0\x14INVITE sip:bob";
    struct bytes b = {0};
    (void)state;

    put(&b, example, sizeof example - 1);
    struct hep_packet packet = parsed(&b);
    assert_int_equal(packet.transport, TRANSPORT_UDP);
    assert_int_equal(packet.type, HEP_TYPE_SIP);
    assert_true(packet.has_time);
    assert_true(packet.t_ns == INT64_C(1313440459120000000));
    assert_false(packet.compressed);
    assert_true(slice_eq(packet.payload, SLICE_LITERAL("INVITE sip:bob")));
    assert_int_equal(packet.full_len, packet.payload.len);
    char text[ENDPOINT_TEXT_LEN];
    assert_string_equal(endpoint_text(&packet.src, text), "212.202.0.1:12010");
    assert_string_equal(endpoint_text(&packet.dst, text), "82.116.0.211:5060");
}

static void test_datagram(void **state) {
    struct net_log *log = *state;
    struct bytes later = invite();

    assert_string_equal(log_of(log, invite(), 0),
                        "reported 1313440459.120000\n" SEEN " reported\n");
    memcpy(later.data, "EEP3", 4);
    assert_string_equal(log_of(log, later, 0), "reported 1313440459.120000\n" SEEN " reported\n");
    /* Bytes behind the packet's own length are not its. */
    put(&later, "more", 4);
    assert_string_equal(log_of(log, later, 0), "reported 1313440459.120000\n" SEEN " reported\n");
}

static void test_ipv6(void **state) {
    struct net_log *log = *state;
    struct bytes b = {0};

    put_chunk_ip(&b, 5, "2001:db8::1");
    put_chunk_ip(&b, 6, "2001:db8::2");
    put_chunk_u16(&b, 7, 1);
    put_chunk_u16(&b, 8, 2);
    assert_string_equal(log_of(log, hep3(with_payload(b, "hello")), 0),
                        "udp [2001:db8::1]:1>[2001:db8::2]:2 'hello' reported\n");
}

/* Protocol IDs, among them those that agents borrow. */
static void test_transport(void **state) {
    static const struct {
        unsigned protocol;
        enum transport transport;
    } cases[] = {{17, TRANSPORT_UDP},   {6, TRANSPORT_TCP}, {22, TRANSPORT_TLS},
                 {132, TRANSPORT_SCTP}, {0, TRANSPORT_UDP}, {1, TRANSPORT_UDP}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes whole = hep3(with_payload(front(cases[i].protocol), "x"));
        assert_int_equal(parsed(&whole).transport, cases[i].transport);
    }
}

/* What a clock may not say is not believed: the frame's time stands. */
static void test_time(void **state) {
    static const struct {
        bool seconds, microseconds;
        uint32_t seconds_v, microseconds_v;
        bool has_time;
    } cases[] = {
        {true, true, SECONDS, 0, true},
        {true, true, UINT32_MAX, 999999, true},
        {true, true, 0, 5, false},
        {true, true, SECONDS, 1000000, false},
        {true, false, SECONDS, 0, false},
        {false, true, 0, 5, false},
        {true, true, SECONDS, UINT32_MAX, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = {0};
        put_chunk_ip(&b, 3, "192.0.2.1");
        put_chunk_ip(&b, 4, "192.0.2.2");
        if (cases[i].seconds)
            put_chunk_u32(&b, 9, cases[i].seconds_v);
        if (cases[i].microseconds)
            put_chunk_u32(&b, 10, cases[i].microseconds_v);
        struct bytes whole = hep3(with_payload(b, "x"));
        struct hep_packet packet = parsed(&whole);
        assert_int_equal(packet.has_time, cases[i].has_time);
        if (packet.has_time)
            assert_true(packet.t_ns == (int64_t)cases[i].seconds_v * 1000000000 +
                                           (int64_t)cases[i].microseconds_v * 1000);
    }
}

/* Chunks of vendors, unknown ones, second ones, values of a wrong length. */
static void test_other_chunks(void **state) {
    struct net_log *log = *state;
    struct bytes b = {0};

    put_chunk(&b, 4, 3, "\x0a\0\0\1", 4);
    put_chunk(&b, 0, 0x29, "group", 5);
    put_chunk(&b, 0, 0xffff, "", 0);
    put_chunk(&b, 0, 3, "\x0a\0\0", 3);
    put_bytes(&b, front(17));
    put_chunk(&b, 0, 17, "call-1@192.0.2.1", 16);
    put_chunk_u16(&b, 18, 4095);
    b = with_payload(b, "INVITE sip:bob");
    b = with_payload(b, "second");
    /* the address of a wrong length came first */
    assert_string_equal(log_of(log, hep3(b), 0), "note malformed 1 20\n");
    b = front(17);
    put_chunk(&b, 4, 15, "vendor", 6);
    put_chunk(&b, 0, 0x29, "group", 5);
    put_chunk(&b, 0, 17, "call-1@192.0.2.1", 16);
    put_chunk_u16(&b, 18, 4095);
    b = with_payload(with_payload(b, "INVITE sip:bob"), "second");
    assert_string_equal(log_of(log, hep3(b), 0), "reported 1313440459.120000\n" SEEN " reported\n");
}

/* What is neither SIP nor DNS is passed over; its time counts. */
static void test_types(void **state) {
    struct net_log *log = *state;
    static const struct {
        unsigned type;
        const char *payload;
        bool told;
    } cases[] = {{1, "INVITE sip:bob", true}, {5, "{\"rtcp\":1}", false},
                 {53, "{\"dns\":1}", false},  {53, "INVITE sip:bob", true},
                 {100, "log", false},         {1, "", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = front(17);
        b.data[7 + 7 + 10 + 10 + 8 + 8 + 10 + 10 + 6] = (uint8_t)cases[i].type;
        log_of(log, hep3(with_payload(b, cases[i].payload)), 0);
        assert_string_equal(log->text, cases[i].told ? "reported 1313440459.120000\n" SEEN
                                                       " reported\n"
                                                     : "reported 1313440459.120000\n");
    }
}

static void test_malformed(void **state) {
    struct net_log *log = *state;
    struct bytes b = front(17), none = {0}, whole = invite();

    put(&b, "\0\0\0\x0f\0\x05", 6); /* shorter than its own header */
    assert_string_equal(log_of(log, hep3(b), 0), "note malformed 1 20\n");
    b = front(17);
    put(&b, "\0\0\0\x0f\0\x20INVITE", 12); /* longer than the packet */
    assert_string_equal(log_of(log, hep3(b), 0), "note malformed 1 20\n");
    b = front(17);
    put(&b, "\0\0\0", 3);
    assert_string_equal(log_of(log, hep3(b), 0), "note malformed 1 20\n");
    assert_string_equal(log_of(log, hep3(with_payload(none, "INVITE sip:bob")), 0),
                        "note malformed 1 20\n");
    whole.data[5] = 5; /* the whole packet shorter than its header */
    assert_string_equal(log_of(log, whole, 0), "note malformed 1 20\n");
    put_chunk_ip(&none, 3, "192.0.2.1");
    put_chunk_ip(&none, 6, "2001:db8::2");
    assert_string_equal(log_of(log, hep3(with_payload(none, "x")), 0), "note malformed 1 20\n");
}

/* Cut by the snapshot length: what is there of the payload is told, nothing is called malformed. */
static void test_cut(void **state) {
    struct net_log *log = *state;
    struct bytes whole = invite();

    assert_string_equal(log_of(log, whole, 4),
                        "note cut 1 4\nreported 1313440459.120000\n"
                        "udp 192.0.2.1:5061>192.0.2.2:5060 'INVITE sip' of 14 cut reported\n");
    for (size_t missing = 1; missing < whole.len; missing++)
        assert_null(strstr(log_of(log, whole, missing), "malformed"));
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *exact = malloc(len ? len : 1);
        struct hep_packet packet;
        memcpy(exact, whole.data, len);
        if (hep_recognise(slice_of(exact, len)))
            assert_int_equal(hep_parse(slice_of(exact, len), &packet),
                             len > whole.len - 14 ? HEP_OK : HEP_SHORT);
        free(exact);
    }
}

/* windows: as zlib counts them: 15 zlib, 31 gzip, -15 bare. */
static struct bytes deflated(const char *text, size_t len, int windows) {
    struct bytes b = {0};
    union {
        const char *from;
        Bytef *to;
    } in = {.from = text};
    z_stream stream = {
        .avail_in = (uInt)len, .next_in = in.to, .avail_out = sizeof b.data, .next_out = b.data};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, windows, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    b.len = sizeof b.data - stream.avail_out;
    deflateEnd(&stream);
    return b;
}

static struct bytes compressed(struct bytes packed) {
    struct bytes b = front(17);
    put_chunk(&b, 0, 16, packed.data, packed.len);
    return hep3(b);
}

static void test_compressed(void **state) {
    static const int windows[] = {15, 31, -15};
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        assert_string_equal(log_of(log, compressed(deflated("INVITE sip:bob", 14, windows[i])), 0),
                            "reported 1313440459.120000\n" SEEN " reported\n");
    struct bytes packed = deflated("INVITE sip:bob", 14, 15);
    assert_string_equal(log_of(log, compressed(text_bytes("INVITE sip:bob")), 0),
                        "note malformed 1 20\n");
    assert_string_equal(log_of(log, compressed(slice_bytes(packed, 0, packed.len - 6)), 0),
                        "note malformed 1 20\n");
    log_of(log, compressed(packed), 4); /* its end was not captured: what came out, and more */
    assert_non_null(strstr(log->text, "'INVITE sip:bob' of 15 cut reported"));
    for (size_t missing = 1; missing < 100; missing++)
        assert_null(strstr(log_of(log, compressed(packed), missing), "malformed"));
}

/* A megabyte of blanks in a kilobyte: it does not fit what a message may be. */
static void test_bomb(void **state) {
    struct net_log *log = *state;
    enum { LEN = 1 << 20 };
    char *blanks = malloc(LEN);

    memset(blanks, ' ', LEN);
    struct bytes packed = deflated(blanks, LEN, 15);
    free(blanks);
    assert_string_equal(log_of(log, compressed(packed), 0), "note malformed 1 20\n");
}

/* told: the length byte. */
static struct bytes old(unsigned version, unsigned told, unsigned family, const char *src,
                        const char *dst, const char *payload) {
    struct bytes b = {0};
    put_u8(&b, version);
    put_u8(&b, told);
    put_u8(&b, family);
    put_u8(&b, 6);
    put_u16(&b, 5061);
    put_u16(&b, 5060);
    put_ip(&b, src);
    put_ip(&b, dst);
    if (version == 2) {
        put_u32le(&b, SECONDS);
        put_u32le(&b, MICROSECONDS);
        put_u32(&b, 0xe4000000);
    }
    put(&b, payload, strlen(payload));
    return b;
}

static void test_old_versions(void **state) {
    static const struct {
        const char *name;
        unsigned version, told, family;
        const char *payload;
        bool hep, ipv6;
    } cases[] = {
        {"version 1", 1, 16, 2, "INVITE sip:bob", true, false},
        {"version 2 as Kamailio", 2, 16, 2, "INVITE sip:bob", true, false},
        {"version 2 as Sofia-SIP", 2, 28, 2, "INVITE sip:bob", true, false},
        {"version 1, IPv6", 1, 40, 10, "INVITE sip:bob", true, true},
        {"version 2, IPv6 of a BSD", 2, 52, 28, "INVITE sip:bob", true, true},
        {"no version", 3, 16, 2, "INVITE sip:bob", false, false},
        {"a length that does not fit", 1, 28, 2, "INVITE sip:bob", false, false},
        {"no text", 1, 16, 2, "\x80", false, false},
        {"nothing inside", 1, 16, 2, "", false, false},
    };
    struct net_log *log = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = old(cases[i].version, cases[i].told, cases[i].family,
                             cases[i].ipv6 ? "2001:db8::1" : "192.0.2.1",
                             cases[i].ipv6 ? "2001:db8::2" : "192.0.2.2", cases[i].payload);
        log_of(log, b, 0);
        if (!cases[i].hep) {
            if (!strstr(log->text, "udp 198.51.100.1:48982>198.51.100.2:9060"))
                fail_msg("%s: %s", cases[i].name, log->text);
            continue;
        }
        struct hep_packet packet = parsed(&b);
        assert_int_equal(packet.transport, TRANSPORT_TCP);
        assert_int_equal(packet.has_time, cases[i].version == 2);
        if (packet.has_time)
            assert_true(packet.t_ns == INT64_C(1313440459120000000));
        if (!strstr(log->text, cases[i].ipv6
                                   ? "tcp [2001:db8::1]:5061>[2001:db8::2]:5060 'INVITE sip:bob'"
                                   : "tcp 192.0.2.1:5061>192.0.2.2:5060 'INVITE sip:bob'"))
            fail_msg("%s: %s", cases[i].name, log->text);
        for (size_t missing = 1; missing < b.len; missing++)
            assert_null(strstr(log_of(log, b, missing), "malformed"));
        assert_non_null(strstr(log_of(log, b, 4), "'INVITE sip' of 14 cut reported"));
    }
}

/* RTP, STUN, DNS, a SIP message are no HEP. */
static void test_others(void **state) {
    static const char *const others[] = {"\x80\x08rtp",
                                         "\x01\x01\x10\x10stun",
                                         "HELLO",
                                         "HEP",
                                         "EEP2..",
                                         "",
                                         "\x02\x10\x81\x80\x01\x01"};
    (void)state;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(hep_recognise(slice_of_text(others[i])));
}

int main(void) {
    static struct net_log log;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification),
        cmocka_unit_test_prestate(test_datagram, &log),
        cmocka_unit_test_prestate(test_ipv6, &log),
        cmocka_unit_test(test_transport),
        cmocka_unit_test(test_time),
        cmocka_unit_test_prestate(test_other_chunks, &log),
        cmocka_unit_test_prestate(test_types, &log),
        cmocka_unit_test_prestate(test_malformed, &log),
        cmocka_unit_test_prestate(test_cut, &log),
        cmocka_unit_test_prestate(test_compressed, &log),
        cmocka_unit_test_prestate(test_bomb, &log),
        cmocka_unit_test_prestate(test_old_versions, &log),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
