/* The ClientKeyExchange of RSA, and the transcript within its bounds. What comes out of them is
 * held against OpenSSL by tests/tls/suites.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls/tls_premaster.h"

/* RFC 5246 7.4.7.1: its length, and nothing behind it. Flush against its end, each prefix. */
static void test_encrypted(void **state) {
    static const uint8_t body[] = {0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct slice encrypted;

    (void)state;
    for (size_t n = 0; n <= sizeof body; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, body, n);
        assert_int_equal(tls_premaster_encrypted(slice_of(exact, n), &encrypted), n == 11);
        free(exact);
    }
    assert_true(tls_premaster_encrypted(slice_of(body, 11), &encrypted));
    assert_int_equal(encrypted.len, 9);
    assert_int_equal(encrypted.ptr[0], 1);
    assert_false(tls_premaster_encrypted(SLICE_LITERAL("\0\x07"
                                                       "1234567"),
                                         &encrypted));
}

static void test_transcript(void **state) {
    static const uint8_t piece[1000];
    struct tls_transcript transcript = {0};
    size_t most = 0;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        tls_transcript_add(&transcript, slice_of(piece, sizeof piece));
        most = transcript.len > most ? transcript.len : most;
    }
    assert_true(most > 200 * 1024 && most <= 256 * 1024);
    assert_true(transcript.broken);
    assert_int_equal(transcript.len, 0);
    tls_transcript_clear(&transcript, false);
    tls_transcript_add(&transcript, slice_of(piece, sizeof piece));
    assert_int_equal(transcript.len, sizeof piece);
    tls_transcript_clear(&transcript, true);
    tls_transcript_add(&transcript, slice_of(piece, sizeof piece));
    assert_int_equal(transcript.len, 0);
}

/* Only an extended master secret needs the transcript (RFC 7627 4). */
static void test_master(void **state) {
    static const uint8_t client[TLS_RANDOM_LEN] = {1}, server[TLS_RANDOM_LEN] = {2};
    const struct tls_secret premaster = {.len = TLS_MASTER_SECRET_LEN, .bytes = {3, 3}, .line = 7};
    struct tls_transcript transcript = {.broken = true};
    struct tls_secret plain, other;
    struct tls_suite suite;

    (void)state;
    assert_true(tls_suite_find(0x002f, &suite)); /* TLS_RSA_WITH_AES_128_CBC_SHA */
    struct tls_agreed agreed = {&suite, TLS_1_2, client, server, false};
    assert_true(tls_master_from_premaster(&plain, &premaster, &agreed, &transcript));
    assert_int_equal(plain.len, TLS_MASTER_SECRET_LEN);
    assert_int_equal(plain.line, 7);
    agreed.version = TLS_1_0;
    assert_true(tls_master_from_premaster(&other, &premaster, &agreed, &transcript));
    assert_memory_not_equal(plain.bytes, other.bytes, TLS_MASTER_SECRET_LEN);
    agreed.extended_master = true;
    assert_false(tls_master_from_premaster(&other, &premaster, &agreed, &transcript));
    transcript.broken = false;
    tls_transcript_add(&transcript, SLICE_LITERAL("hello"));
    assert_true(tls_master_from_premaster(&other, &premaster, &agreed, &transcript));
    tls_transcript_clear(&transcript, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_transcript),
        cmocka_unit_test(test_master),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
