/* Key logs: what is taken, passed over and skipped; and what is found again. */
#include "rfc8448.h"
#include "tls/tls_keylog.h"

#include <stdio.h>
#include <stdlib.h>

#define RANDOM_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define RANDOM_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MASTER                                                                                     \
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e" \
    "2f30"

static struct tls_keylog_lines read_text(struct tls_keylog *keylog, const char *text) {
    return tls_keylog_read(keylog, slice_of_text(text));
}

static const struct tls_secrets *find(const struct tls_keylog *keylog, const char *digits) {
    uint8_t random[1024];

    return tls_keylog_find(keylog, from_hex(digits, random).ptr);
}

static void test_lines(void **state) {
    static const struct {
        const char *text;
        size_t used, passed, skipped;
    } cases[] = {
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\n", 1, 0, 0},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER, 1, 0, 0},
        {"  CLIENT_RANDOM  " RANDOM_A "   " MASTER " \r\n", 1, 0, 0},
        {"# a comment\r\n\r\n\nCLIENT_RANDOM " RANDOM_A " " MASTER "\r\n", 1, 0, 0},
        {"EXPORTER_SECRET " RANDOM_A " " RFC8448_CLIENT_TRAFFIC "\n", 0, 1, 0},
        {"CLIENT_TRAFFIC_SECRET_N " RANDOM_A " " RFC8448_CLIENT_TRAFFIC "\n", 0, 1, 0},
        {"CLIENT_TRAFFIC_SECRET_N 00 " RFC8448_CLIENT_TRAFFIC "\n", 0, 0, 1},
        {"RSA 0011223344556677 " MASTER "\n", 1, 0, 0},
        {"RSA 00112233445566 " MASTER "\n", 0, 0, 1},
        {"RSA 001122334455667788 " MASTER "\n", 0, 0, 1},
        {"RSA 0011223344556677 " RFC8448_CLIENT_TRAFFIC "\n", 0, 0, 1},
        {"RSA Session-ID:0011 Master-Key:" MASTER "\n", 1, 0, 0},
        {"RSA Session-ID:" RANDOM_A " Master-Key:" MASTER "\n", 1, 0, 0},
        {"RSA Session-ID:" RANDOM_A "00 Master-Key:" MASTER "\n", 0, 0, 1},
        {"RSA Session-ID: Master-Key:" MASTER "\n", 0, 0, 1},
        {"RSA Session-ID:0011 " MASTER "\n", 0, 0, 1},
        {RFC8448_KEYLOG, 4, 0, 0},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "00\n", 0, 0, 1},
        {"CLIENT_RANDOM " RANDOM_A " " RFC8448_CLIENT_TRAFFIC "\n", 0, 0, 1},
        {"CLIENT_RANDOM " RANDOM_A "00 " MASTER "\n", 0, 0, 1},
        {"CLIENT_RANDOM 0011 " MASTER "\n", 0, 0, 1},
        {"CLIENT_RANDOM " RANDOM_A "\n", 0, 0, 1},
        {"CLIENT_RANDOM\n", 0, 0, 1},
        {"client_random " RANDOM_A " " MASTER "\n", 0, 0, 1},
        {"CLIENT_TRAFFIC_SECRET_0 " RANDOM_A " 00\n", 0, 0, 1},
        {"CLIENT_TRAFFIC_SECRET_0 " RANDOM_A " zz\n", 0, 0, 1},
        {"", 0, 0, 0},
        {"\0\0\0", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_keylog *keylog = tls_keylog_new(NULL);
        struct tls_keylog_lines lines = read_text(keylog, cases[i].text);
        assert_int_equal(lines.used, cases[i].used);
        assert_int_equal(lines.passed, cases[i].passed);
        assert_int_equal(lines.skipped, cases[i].skipped);
        tls_keylog_free(keylog);
    }
}

static void test_found_again(void **state) {
    struct tls_keylog *first = tls_keylog_new(NULL), *second = tls_keylog_new(first);

    (void)state;
    assert_null(find(NULL, RANDOM_A));
    assert_null(find(second, RANDOM_A));
    read_text(first, "CLIENT_RANDOM " RANDOM_A " " MASTER "\n");
    read_text(second, RFC8448_KEYLOG);
    const struct tls_secrets *a = find(second, RANDOM_A), *b = find(second, RFC8448_RANDOM);
    assert_non_null(a);
    assert_int_equal(a->of[TLS_MASTER_SECRET].len, 48);
    assert_int_equal(a->of[TLS_MASTER_SECRET].bytes[47], 0x30);
    assert_int_equal(a->of[TLS_CLIENT_TRAFFIC_SECRET].len, 0);
    assert_non_null(b);
    assert_int_equal(b->of[TLS_SERVER_TRAFFIC_SECRET].len, 32);
    assert_int_equal(b->of[TLS_SERVER_TRAFFIC_SECRET].bytes[0], 0xa1);
    assert_null(find(second, RANDOM_B));
    assert_null(find(first, RFC8448_RANDOM));
    tls_keylog_free(second);
    tls_keylog_free(first);
}

/* By the front of what it is encrypted to; and each secret knows its line. */
static void test_premaster(void **state) {
    static const uint8_t encrypted[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    struct tls_keylog *first = tls_keylog_new(NULL), *second = tls_keylog_new(first);

    (void)state;
    assert_false(tls_keylog_has_premasters(NULL));
    assert_null(tls_keylog_find_premaster(second, slice_of(encrypted, sizeof encrypted)));
    read_text(first, "# keys\n\nCLIENT_RANDOM " RANDOM_A " " MASTER "\n");
    assert_false(tls_keylog_has_premasters(second));
    assert_int_equal(find(second, RANDOM_A)->of[TLS_MASTER_SECRET].line, 3);
    read_text(first, "\nRSA 0011223344556677 " MASTER "\n");
    assert_true(tls_keylog_has_premasters(second));
    const struct tls_secret *found =
        tls_keylog_find_premaster(second, slice_of(encrypted, sizeof encrypted));
    assert_non_null(found);
    assert_int_equal(found->len, TLS_MASTER_SECRET_LEN);
    assert_int_equal(found->line, 2);
    assert_null(tls_keylog_find_premaster(second, slice_of(encrypted + 1, 8)));
    assert_string_equal(tls_secret_label(TLS_PREMASTER_SECRET), "RSA");
    assert_string_equal(tls_secret_label(TLS_MASTER_SECRET), "CLIENT_RANDOM");
    assert_string_equal(tls_secret_label(TLS_SERVER_TRAFFIC_SECRET), "SERVER_TRAFFIC_SECRET_0");
    tls_keylog_free(second);
    tls_keylog_free(first);
}

static void test_session_id(void **state) {
    struct tls_keylog *keylog = tls_keylog_new(NULL);
    const uint8_t id[TLS_RANDOM_LEN + 1] = {0x12, 0x34};

    (void)state;
    read_text(keylog, "RSA Session-ID:1234 Master-Key:" MASTER "\n");
    const struct tls_secret *found = tls_keylog_find_session(keylog, slice_of(id, 2));
    assert_non_null(found);
    assert_int_equal(found->bytes[47], 0x30);
    assert_null(tls_keylog_find_session(keylog, slice_of(id, 1)));
    assert_null(tls_keylog_find_session(keylog, slice_of(id, 0)));
    assert_null(tls_keylog_find_session(keylog, slice_of(id, sizeof id)));
    assert_null(tls_keylog_find_premaster(keylog, slice_of(id, TLS_PREMASTER_ID_LEN)));
    tls_keylog_free(keylog);
}

static void test_holds(void **state) {
    struct tls_keylog *given = tls_keylog_new(NULL), *inside = tls_keylog_new(given);

    (void)state;
    assert_int_equal(tls_keylog_holds(NULL), TLS_KEYLOG_NOT_GIVEN);
    assert_int_equal(tls_keylog_holds(given), TLS_KEYLOG_NOT_GIVEN);
    assert_int_equal(tls_keylog_holds(inside), TLS_KEYLOG_EMPTY);
    read_text(given, "RSA 0011223344556677 " MASTER "\n");
    assert_int_equal(tls_keylog_holds(inside), TLS_KEYLOG_PREMASTERS_ONLY);
    read_text(inside, RFC8448_KEYLOG);
    assert_int_equal(tls_keylog_holds(inside), TLS_KEYLOG_SECRETS);
    tls_keylog_free(inside);
    tls_keylog_free(given);
}

/* The table grows; a secret that comes again replaces the one before. */
static void test_many(void **state) {
    struct tls_keylog *keylog = tls_keylog_new(NULL);
    char line[256];

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "CLIENT_TRAFFIC_SECRET_0 %064x %064x\n", i % 500, i);
        assert_int_equal(read_text(keylog, line).used, 1);
    }
    for (unsigned i = 0; i < 501; i++) {
        snprintf(line, sizeof line, "%064x", i);
        const struct tls_secrets *found = find(keylog, line);
        if (i == 500) {
            assert_null(found);
            break;
        }
        const uint8_t *secret = found->of[TLS_CLIENT_TRAFFIC_SECRET].bytes;
        assert_int_equal(secret[30] << 8 | secret[31], 500 + i);
    }
    tls_keylog_free(keylog);
}

/* Flush against its end, each prefix: no byte beyond is looked at. */
static void test_prefixes(void **state) {
    size_t len = strlen(RFC8448_KEYLOG);

    (void)state;
    for (size_t n = 0; n <= len; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        struct tls_keylog *keylog = tls_keylog_new(NULL);
        memcpy(exact, RFC8448_KEYLOG, n);
        struct tls_keylog_lines lines = tls_keylog_read(keylog, slice_of(exact, n));
        assert_true(lines.used + lines.skipped <= 4);
        tls_keylog_free(keylog);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_premaster),
        cmocka_unit_test(test_found_again), cmocka_unit_test(test_many),
        cmocka_unit_test(test_session_id),  cmocka_unit_test(test_holds),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
