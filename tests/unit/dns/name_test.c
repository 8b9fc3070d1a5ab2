/* Names: RFC 1035 3.1, 4.1.4 (pointers), 5.1 (presentation), 2.3.4 (lengths). */
#include "dns_build.h"

#include "dns/dns_message.h"

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"
#define L63 "\77aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "\75aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L62 "\76aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define T63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define T61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct name_case {
    const char *title;
    const char *bytes; /* behind 12 bytes of header */
    size_t len, at;    /* offsets in the whole message */
    bool ok;
    const char *text;
    size_t after; /* 0: not found */
};
#define NAME(title, bytes, at, ok, text, after)                                                    \
    { title, HEADER bytes, sizeof(HEADER bytes) - 1, at, ok, text, after }

static const struct name_case cases[] = {
    NAME("plain", "\3www\7Example\3com\0", 12, true, "www.Example.com", 29),
    NAME("root", "\0", 12, true, ".", 13),
    NAME("pointer", "\3com\0\3www\300\14", 17, true, "www.com", 23),
    NAME("pointer alone", "\3com\0\300\14", 17, true, "com", 19),
    NAME("pointer to pointer", "\3com\0\1b\300\14\1a\300\21", 21, true, "a.b.com", 25),
    NAME("pointer to the root", "\0\1a\300\14", 13, true, "a", 17),
    NAME("pointer to itself", "\300\14", 12, false, "", 14),
    NAME("pointer into its own run", "\1a\300\14", 12, false, "", 16),
    NAME("two that point at each other", "\300\16\300\14", 14, false, "", 16),
    NAME("forward pointer", "\300\20\0\0\1a\0", 12, false, "", 14),
    NAME("pointer into the header", "\1a\300\0", 12, false, "", 16),
    NAME("pointer past the end", "\1a\377\377", 12, false, "", 16),
    NAME("half a pointer", "\1a\300", 12, false, "", 0),
    NAME("label past the end", "\5abc", 12, false, "", 0),
    NAME("no end", "\3abc", 12, false, "", 0),
    NAME("reserved label kind 01", "\101abc\0", 12, false, "", 0),
    NAME("reserved label kind 10", "\201abc\0", 12, false, "", 0),
    NAME("dot and backslash in a label", "\3a.b\3c\\d\0", 12, true, "a\\.b.c\\\\d", 21),
    NAME("octets that cannot be seen", "\4\000 \177\377\0", 12, true, "\\000\\032\\127\\255", 18),
    NAME("zone file specials", "\4;()@\0", 12, true, "\\;\\(\\)@", 18),
    NAME("255 octets", L63 L63 L63 L61 "\0", 12, true, T63 "." T63 "." T63 "." T61, 12 + 255),
    NAME("256 octets", L63 L63 L63 L62 "\0", 12, false, "", 0),
    NAME("offset past the end", "\0", 13, false, "", 0),
};

static void reads_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct name_case *c = &cases[i];
        struct slice message = exact(c->bytes, c->len);
        char text[DNS_NAME_TEXT_LEN];
        size_t after = 0;
        bool ok = dns_name_text(message, c->at, text, &after);
        if (ok != c->ok || strcmp(text, c->text) != 0 || after != c->after)
            fail_msg("%s: %d \"%s\" %zu", c->title, ok, text, after);
        drop(message);
    }
}

static void reads_every_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 0; len < cases[i].len; len++) {
            struct slice message = exact(cases[i].bytes, len);
            char text[DNS_NAME_TEXT_LEN];
            dns_name_text(message, cases[i].at, text, NULL);
            drop(message);
        }
}

/* 255 octets of which each becomes \DDD fill the text to its last byte. */
static void longest_text_fits(void **state) {
    uint8_t bytes[12 + 255] = {0};
    char *text = malloc(DNS_NAME_TEXT_LEN);
    size_t at = 12;

    (void)state;
    for (int label = 0; label < 4; label++) {
        uint8_t len = label < 3 ? 63 : 61;
        bytes[at++] = len;
        memset(bytes + at, 0x80, len);
        at += len;
    }
    struct slice message = exact(bytes, sizeof bytes);
    assert_true(dns_name_text(message, 12, text, NULL));
    assert_int_equal(strlen(text), 250 * 4 + 3);
    drop(message);
    free(text);
}

/* A chain of pointers that falls all the way down is bounded. */
static void pointer_chain_is_bounded(void **state) {
    uint8_t bytes[12 + 1000] = {0};

    (void)state;
    for (size_t at = 13; at + 1 < sizeof bytes; at += 2) {
        size_t target = at == 13 ? 12 : at - 2;
        bytes[at] = (uint8_t)(0xc0 | target >> 8);
        bytes[at + 1] = (uint8_t)target;
    }
    struct slice message = exact(bytes, sizeof bytes);
    char text[DNS_NAME_TEXT_LEN];
    assert_true(dns_name_text(message, 13, text, NULL));
    assert_false(dns_name_text(message, 13 + 2 * 400, text, NULL));
    drop(message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names),
        cmocka_unit_test(reads_every_prefix),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(pointer_chain_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
