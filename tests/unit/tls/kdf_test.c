/* Keys from secrets. The vectors of TLS 1.2 are those of the TLS working group's list (message
 * 03416), the one of TLS 1.0 is by `openssl kdf`; those of TLS 1.3 are RFC 8448's. */
#include "rfc8448.h"
#include "tls/tls_kdf.h"

static void test_prf_sha256(void **state) {
    uint8_t secret[1024], seed[1024], expected[1024], out[100];

    (void)state;
    from_hex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e"
        "14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a7"
        "2e5a5110fff70187347b66",
        expected);
    assert_true(tls_prf(EVP_sha256(), from_hex("9bbe436ba940f017b17652849a71db35", secret),
                        "test label", from_hex("a0ba9f936cda311827a6f796ffd5198c", seed), out,
                        sizeof out));
    assert_memory_equal(out, expected, sizeof out);
    /* What is asked for less is the front of it. */
    assert_true(
        tls_prf(EVP_sha256(), slice_of(secret, 16), "test label", slice_of(seed, 16), out, 33));
    assert_memory_equal(out, expected, 33);
}

static void test_prf_sha384(void **state) {
    uint8_t secret[1024], seed[1024], expected[1024], out[48];

    (void)state;
    from_hex("7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b"
             "1233c9146a0",
             expected);
    assert_true(tls_prf(EVP_sha384(), from_hex("b80b733d6ceefcdc71566ea48e5567df", secret),
                        "test label", from_hex("cd665cf6a8447dd6ff8b27555edb7465", seed), out,
                        sizeof out));
    assert_memory_equal(out, expected, sizeof out);
}

/* An odd length: both halves have the byte in the middle. */
static void test_prf_before_1_2(void **state) {
    uint8_t secret[1024], seed[1024], expected[1024], out[48];

    (void)state;
    from_hex("e834e50f574a4f570451f73407ca73639a5a1115f95876a9815e539821b465a1af1c7afa78f6c08c31911"
             "007c77ea98d",
             expected);
    assert_true(tls_prf(NULL, from_hex("b80b733d6ceefcdc71566ea48e5567df01", secret), "test label",
                        from_hex("cd665cf6a8447dd6ff8b27555edb7465", seed), out, sizeof out));
    assert_memory_equal(out, expected, sizeof out);
}

static void test_expand_label(void **state) {
    static const struct {
        const char *secret, *label, *expected;
    } cases[] = {
        {RFC8448_CLIENT_TRAFFIC, "key", "17422dda596ed5d9acd890e3c63f5051"},
        {RFC8448_CLIENT_TRAFFIC, "iv", "5b78923dee08579033e523d9"},
        {RFC8448_SERVER_TRAFFIC, "key", "9f02283b6c9c07efc26bb9f2ac92e356"},
        {RFC8448_SERVER_TRAFFIC, "iv", "cf782b88dd83549aadf1e984"},
        {RFC8448_CLIENT_HANDSHAKE, "key", "dbfaa693d1762c5b666af5d950258d01"},
        {RFC8448_CLIENT_HANDSHAKE, "iv", "5bd3c71b836e0b76bb73265f"},
        {RFC8448_SERVER_HANDSHAKE, "iv", "5d313eb2671276ee13000b30"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t secret[1024], expected[1024], out[64];
        struct slice wanted = from_hex(cases[i].expected, expected);
        assert_true(tls_expand_label(EVP_sha256(), from_hex(cases[i].secret, secret),
                                     cases[i].label, out, wanted.len));
        assert_memory_equal(out, wanted.ptr, wanted.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prf_sha256),
        cmocka_unit_test(test_prf_sha384),
        cmocka_unit_test(test_prf_before_1_2),
        cmocka_unit_test(test_expand_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
