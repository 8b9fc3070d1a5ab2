/* Records, handshake messages, hellos. */
#include "rfc8448.h"
#include "tls/tls_handshake.h"
#include "tls/tls_hello.h"
#include "tls/tls_record.h"

#include <stdlib.h>

static struct slice body_of(const char *record, uint8_t room[1024]) {
    struct slice bytes = from_hex(record, room);

    return slice_between(bytes, TLS_HEADER_LEN + 4, bytes.len);
}

static void test_record(void **state) {
    uint8_t room[1024];
    struct slice all = from_hex(RFC8448_CLIENT_DATA RFC8448_CLIENT_ALERT, room);
    struct tls_record record;

    (void)state;
    for (size_t n = 0; n <= all.len; n++) {
        struct slice in = slice_between(all, 0, n);
        size_t taken = 0;
        while (tls_record_take(&in, &record) == TLS_TAKE_OK)
            taken++;
        assert_int_equal(tls_record_take(&in, &record), TLS_TAKE_PARTIAL);
        assert_int_equal(taken, (n >= 72) + (n >= 96));
    }
    for (size_t at = 0; at < 3; at++) {
        from_hex(RFC8448_CLIENT_DATA, room);
        room[at] = 0x99;
        struct slice in = slice_of(room, 72);
        assert_int_equal(tls_record_take(&in, &record), TLS_TAKE_INVALID);
    }
}

static void test_client_hello(void **state) {
    uint8_t room[1024], random[1024];
    struct slice body = body_of(RFC8448_CLIENT_HELLO, room);
    struct tls_client_hello hello;

    (void)state;
    assert_true(tls_client_hello_parse(body, &hello));
    assert_true(slice_eq(hello.random, from_hex(RFC8448_RANDOM, random)));
    assert_true(slice_eq(hello.server_name, slice_of_text("server")));
    assert_int_equal(hello.version, TLS_1_3);
    assert_int_equal(hello.session_id.len, 0);
    assert_false(hello.early_data);
    for (size_t n = 0; n < body.len; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, body.ptr, n);
        /* Without any extension it is whole, too. */
        assert_int_equal(tls_client_hello_parse(slice_of(exact, n), &hello), n == 45);
        free(exact);
    }
}

static void test_server_hello(void **state) {
    uint8_t room[1024];
    struct slice body = body_of(RFC8448_SERVER_HELLO, room);
    struct tls_server_hello hello;

    (void)state;
    assert_true(tls_server_hello_parse(body, &hello));
    assert_int_equal(hello.version, TLS_1_3);
    assert_int_equal(hello.suite, 0x1301);
    assert_false(hello.retry);
    for (size_t n = 0; n < body.len; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, body.ptr, n);
        assert_int_equal(tls_server_hello_parse(slice_of(exact, n), &hello), n == 38);
        free(exact);
    }
    from_hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", room + 9 + 2);
    assert_true(tls_server_hello_parse(body, &hello));
    assert_true(hello.retry);
}

static void test_1_2_extensions(void **state) {
    /* version, random, session id of one byte, a suite, no compression; ALPN sip/2 and h2 */
    uint8_t room[1024];
    struct tls_client_hello client;
    struct tls_server_hello server;

    (void)state;
    assert_true(tls_client_hello_parse(from_hex("0303" RFC8448_RANDOM "0177"
                                                "0002c02f0100"
                                                "00130010000b00090573"
                                                "69702f3202683200"
                                                "2a0000",
                                                room),
                                       &client));
    assert_true(slice_eq(client.protocol, slice_of_text("sip/2")));
    assert_int_equal(client.version, TLS_1_2);
    assert_int_equal(client.session_id.len, 1);
    assert_true(client.early_data);
    assert_true(tls_server_hello_parse(
        from_hex("0303" RFC8448_RANDOM "0177c02700000400160000", room), &server));
    assert_true(server.encrypt_then_mac);
    assert_int_equal(server.version, TLS_1_2);
    assert_int_equal(server.suite, 0xc027);
}

/* A hello in pieces of each size, behind and before messages that are passed over. */
static void test_handshake_pieces(void **state) {
    uint8_t room[1024], hello[1024];
    struct slice wanted = body_of(RFC8448_CLIENT_HELLO, hello);
    size_t before = from_hex("0b000003aabbcc"
                             "00000000",
                             room)
                        .len;
    struct slice message = from_hex(RFC8448_CLIENT_HELLO, room + before);

    (void)state;
    memmove(room + before, message.ptr + TLS_HEADER_LEN, message.len - TLS_HEADER_LEN);
    size_t len = before + message.len - TLS_HEADER_LEN;
    memcpy(room + len, "\x14\0\0\x02zz", 6);
    len += 6;
    for (size_t step = 1; step <= len; step++) {
        struct tls_handshake handshake = {0};
        size_t found = 0;
        for (size_t at = 0; at < len; at += step) {
            struct slice piece = slice_between(slice_of(room, len), at, at + step), body;
            while (tls_handshake_read(&handshake, &piece, &body)) {
                assert_true(slice_eq(body, wanted));
                found++;
            }
        }
        assert_int_equal(found, 1);
        tls_handshake_clear(&handshake);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),           cmocka_unit_test(test_client_hello),
        cmocka_unit_test(test_server_hello),     cmocka_unit_test(test_1_2_extensions),
        cmocka_unit_test(test_handshake_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
