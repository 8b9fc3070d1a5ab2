/* The readers of phones' configuration files: what they take from each form, every prefix of a file
 * in memory of its exact size, and the form by its content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "rules/expectations/phone_config/readers.h"

/* ---- settings ---- */

static void test_later_settings_win(void **state) {
    static const struct {
        const char *name, *value;
        size_t line;
    } given[] = {{"b", "1", 1}, {"a", "2", 2}, {"b", "3", 3}, {"c", "", 4}, {"b", "4", 3}};
    struct settings settings = {0};

    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        settings_add(&settings, slice_of_text(given[i].name), slice_of_text(given[i].name),
                     slice_of_text(given[i].value), given[i].line);
    settings_settle(&settings);
    assert_int_equal(settings.list.n, 3);
    assert_string_equal(settings_find(&settings, "a")->value, "2");
    assert_string_equal(settings_find(&settings, "b")->value, "4");
    assert_null(settings_find(&settings, "c")); /* empty */
    assert_null(settings_find(&settings, "bb"));
    assert_int_equal(settings_from(&settings, "b"), 1);
    assert_int_equal(settings_from(&settings, "d"), 3);
    settings_fini(&settings);
}

/* ---- reading ---- */

struct reading {
    struct settings settings;
    struct text_buffer why;
    bool ok;
};

/* In memory of its exact size. */
static struct reading read_bytes(const char *bytes, size_t len, enum config_form form) {
    struct reading reading = {0};
    struct config_place place = {.path = "x.cfg", .text = &reading.why};
    char *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    config_recognise(slice_of(exact, len));
    reading.ok = form == CONFIG_GRANDSTREAM_XML
                     ? config_read_xml(slice_of(exact, len), &reading.settings, &place)
                     : config_read_lines(slice_of(exact, len), form, &reading.settings, &place);
    settings_settle(&reading.settings);
    free(exact);
    return reading;
}

static void reading_fini(struct reading *reading) {
    settings_fini(&reading->settings);
    free(reading->why.items);
}

static const char *value(const struct reading *reading, const char *name) {
    const struct setting *setting = settings_find(&reading->settings, name);
    return setting ? setting->value : "(none)";
}

static const char yealink[] = "#!version:1.0.0.1\n"
                              "account.1.user_name = 4605 \r\n"
                              "  static.account.1.sip_server.1.address\t=\tpbx.example.com\n"
                              "#account.1.sip_server.1.port = 1\n"
                              "account.1.label = \"a = b\"\n"
                              "account.1.display_name = \"\n"
                              "account.1.outbound_proxy.Y.port = 0\n"
                              "dns_cache_a.1.name = %NULL%\n"
                              "voice.tone = x\n"
                              "P47 = not here\n"
                              "account.1.sip_server.2.port =";

static void test_yealink_lines(void **state) {
    struct reading reading = read_bytes(yealink, sizeof yealink - 1, CONFIG_YEALINK);

    (void)state;
    assert_true(reading.ok);
    assert_string_equal(value(&reading, "account.1.user_name"), "4605");
    assert_string_equal(value(&reading, "account.1.sip_server.1.address"), "pbx.example.com");
    assert_string_equal(settings_find(&reading.settings, "account.1.sip_server.1.address")->written,
                        "static.account.1.sip_server.1.address");
    assert_int_equal(settings_find(&reading.settings, "account.1.sip_server.1.address")->line, 3);
    assert_string_equal(value(&reading, "account.1.sip_server.1.port"), "(none)");
    assert_string_equal(value(&reading, "account.1.label"), "a = b");
    assert_string_equal(value(&reading, "account.1.display_name"), "\"");
    assert_string_equal(value(&reading, "account.1.outbound_proxy.1.port"), "0");
    assert_string_equal(value(&reading, "account.1.outbound_proxy.2.port"), "0");
    assert_int_equal(settings_find(&reading.settings, "account.1.outbound_proxy.2.port")->line, 7);
    assert_string_equal(value(&reading, "dns_cache_a.1.name"), "(none)");
    assert_string_equal(value(&reading, "voice.tone"), "(none)");
    assert_string_equal(value(&reading, "P47"), "(none)");
    assert_string_equal(value(&reading, "account.1.sip_server.2.port"), "(none)");
    reading_fini(&reading);
}

static const char p_values[] = "# comment\nP47=pbx.example.com\nP48 = \n P103 = 1\r\n"
                               "P1234567890=x\nPx=1\nP=2\naccount.1.sip.userid=7\n";

static void test_p_values(void **state) {
    struct reading reading = read_bytes(p_values, sizeof p_values - 1, CONFIG_GRANDSTREAM_TEXT);

    (void)state;
    assert_true(reading.ok);
    assert_string_equal(value(&reading, "P47"), "pbx.example.com");
    assert_string_equal(value(&reading, "P48"), "(none)");
    assert_string_equal(value(&reading, "P103"), "1");
    assert_string_equal(value(&reading, "account.1.sip.userid"), "7");
    assert_int_equal(reading.settings.list.n, 4);
    reading_fini(&reading);
}

static const char xml[] =
    "<?xml version=\"1.0\"?>\n"
    "<gs_provision version=\"1\"><config>\n"
    "<!-- <P47>comment</P47> -->\n"
    "<P47 para=\"x\"> a &amp; b\n</P47><P48/>\n"
    "<P103><![CDATA[1]]></P103>\n"
    "<item name=\"account.1.sip.userid\">7</item>\n"
    "<item name=\"account.1.network\">\n"
    " <part name=\"dnsMode\">SRV</part> <part name=\"backupIp.1\">::1</part>\n"
    "</item>\n"
    "<part name=\"stray\">x</part><item>y</item><Pq>z</Pq>\n"
    "</config></gs_provision>\n";

static void test_xml(void **state) {
    struct reading reading = read_bytes(xml, sizeof xml - 1, CONFIG_GRANDSTREAM_XML);

    (void)state;
    if (!reading.ok)
        fail_msg("%s", reading.why.items);
    assert_string_equal(value(&reading, "P47"), "a & b");
    assert_int_equal(settings_find(&reading.settings, "P47")->line, 4);
    assert_string_equal(value(&reading, "P48"), "(none)");
    assert_string_equal(value(&reading, "P103"), "1");
    assert_string_equal(value(&reading, "account.1.sip.userid"), "7");
    assert_string_equal(value(&reading, "account.1.network.dnsMode"), "SRV");
    assert_string_equal(value(&reading, "account.1.network.backupIp.1"), "::1");
    assert_int_equal(settings_find(&reading.settings, "account.1.network.dnsMode")->line, 9);
    assert_string_equal(value(&reading, "stray"), "(none)");
    reading_fini(&reading);
}

/* A cut file gives the settings before the cut, or an error; of XML an error always. */
static void test_every_prefix(void **state) {
    (void)state;
    for (size_t len = 0; len < sizeof yealink; len++) {
        struct reading reading = read_bytes(yealink, len, CONFIG_YEALINK);
        assert_true(reading.ok || strstr(reading.why.items, "expected NAME = VALUE"));
        reading_fini(&reading);
    }
    for (size_t len = 0; len < sizeof p_values; len++) {
        struct reading reading = read_bytes(p_values, len, CONFIG_GRANDSTREAM_TEXT);
        assert_true(reading.ok || strstr(reading.why.items, "expected NAME = VALUE"));
        reading_fini(&reading);
    }
    for (size_t len = 0; len < sizeof xml - sizeof "\n"; len++) {
        struct reading reading = read_bytes(xml, len, CONFIG_GRANDSTREAM_XML);
        assert_false(reading.ok);
        assert_non_null(strstr(reading.why.items, "no well-formed XML"));
        reading_fini(&reading);
    }
}

/* ---- recognising ---- */

static void test_recognise(void **state) {
    static const struct {
        const char *text;
        enum config_form form;
    } cases[] = {
        {"", CONFIG_NONE},
        {"\n\n# nothing\n", CONFIG_NONE},
        {"{\"name\": \"x\"}", CONFIG_NONE},
        {"#!version:1.0.0.1\n", CONFIG_YEALINK},
        {"\xef\xbb\xbf#!version:1.0.0.1\n", CONFIG_YEALINK},
        {"# x\n\r\nvoice.tone = 1\naccount.2.enable = 1\n", CONFIG_YEALINK},
        {"static.account.2.enable = 1", CONFIG_YEALINK},
        {"dns_cache_a.1.ip = 192.0.2.1", CONFIG_YEALINK},
        {"account.1.enable", CONFIG_NONE},
        {"P47=x", CONFIG_GRANDSTREAM_TEXT},
        {"# GRP\n P271 = 1\n", CONFIG_GRANDSTREAM_TEXT},
        {"account.1.sip.server.1.address=x", CONFIG_GRANDSTREAM_TEXT},
        {"P=1\nPq=2\nPATH=/bin\n", CONFIG_NONE},
        {"  \n<gs_provision>", CONFIG_GRANDSTREAM_XML},
        {"\xef\xbb\xbf<?xml", CONFIG_GRANDSTREAM_XML},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (config_recognise(slice_of_text(cases[i].text)) != cases[i].form)
            fail_msg("%s", cases[i].text);
}

/* ---- messages ---- */

static void test_the_first_error_stays(void **state) {
    struct text_buffer why = {0};
    struct config_place place = {.path = "x.cfg", .text = &why};

    (void)state;
    assert_false(config_wrong(&place, 7, "seven %d", 7));
    config_wrong(&place, 9, "nine");
    assert_string_equal(why.items, "x.cfg:7: seven 7");
    config_wrong(&place, 3, "three");
    config_wrong(&place, 3, "three again");
    assert_string_equal(why.items, "x.cfg:3: three");
    free(why.items);
}

static void test_quoted(void **state) {
    struct arena arena = {0};
    char many[200];

    (void)state;
    assert_string_equal(config_quoted("", &arena), "\"\"");
    assert_string_equal(config_quoted("a\033b\xff\x7f", &arena), "\"a?b??\"");
    assert_string_equal(config_quoted("\xc3\xa4", &arena), "\"\xc3\xa4\"");
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_int_equal(strlen(config_quoted(many, &arena)), 60 + strlen("\"...\""));
    for (size_t i = 0; i + 4 < sizeof many; i += 4)
        memcpy(many + i, "\xf0\x9f\x98\x80", 4);
    assert_int_equal(strlen(config_quoted(many, &arena)), 49 * 4 + 3 + 2);
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_settings_win),
        cmocka_unit_test(test_yealink_lines),
        cmocka_unit_test(test_p_values),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_the_first_error_stays),
        cmocka_unit_test(test_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
