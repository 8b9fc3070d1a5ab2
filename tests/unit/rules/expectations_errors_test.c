/* Expectations in error: each message to the letter, with the file and the place in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rules/expectations/expectations.h"

#define TEXT(bytes) bytes, sizeof(bytes) - 1
#define KNOWN_AT_TOP                                                                               \
    "name, title, extends, source, servers, outbound_proxies, dns, retry, failover, failback, "    \
    "fallback, registration, zone, tolerance"

struct bad_file {
    const char *bytes;
    size_t len;
    const char *message; /* behind "x.json: " */
};

/* RFC 8259: what it does not allow, and what cJSON would let pass. */
static const struct bad_file bad_syntax[] = {
    {TEXT(""), "line 1, column 1: expected a value, found the end"},
    {TEXT("   "), "line 1, column 4: expected a value, found the end"},
    {TEXT("["), "line 1, column 2: expected a value, found the end"},
    {TEXT("{"), "line 1, column 2: expected a key in '\"', found the end"},
    {TEXT("{\"name\""), "line 1, column 8: expected ':', found the end"},
    {TEXT("{\"name\" 1}"), "line 1, column 9: expected ':', found '1'"},
    {TEXT("{\"name\":"), "line 1, column 9: expected a value, found the end"},
    {TEXT("{\"name\":\"a\",}"), "line 1, column 13: expected a key in '\"', found '}'"},
    {TEXT("{\"name\":\"a\" \"title\":\"b\"}"),
     "line 1, column 13: expected ',' or '}', found '\"'"},
    {TEXT("{'name':'a'}"), "line 1, column 2: expected a key in '\"', found '''"},
    {TEXT("{name:\"a\"}"), "line 1, column 2: expected a key in '\"', found 'n'"},
    {TEXT("{\"name\":\"a\"} x"),
     "line 1, column 14: expected nothing behind the document, found 'x'"},
    {TEXT("{\"name\":\"a\"}\n{\"name\":\"b\"}"),
     "line 2, column 1: expected nothing behind the document, found '{'"},
    {TEXT("{\"retry\":\n {\"t1_s\": 01}}"),
     "line 2, column 12: a number must not begin with a zero"},
    {TEXT("{\"retry\":{\"t1_s\":.5}}"), "line 1, column 18: expected a value, found '.'"},
    {TEXT("{\"retry\":{\"t1_s\":1.}}"), "line 1, column 20: expected a digit, found '}'"},
    {TEXT("{\"retry\":{\"t1_s\":+1}}"), "line 1, column 18: expected a value, found '+'"},
    {TEXT("{\"retry\":{\"t1_s\":1e}}"), "line 1, column 20: expected a digit, found '}'"},
    {TEXT("{\"retry\":{\"t1_s\":-}}"), "line 1, column 19: expected a digit, found '}'"},
    {TEXT("{\"retry\":{\"t1_s\":NaN}}"), "line 1, column 18: expected a value, found 'N'"},
    {TEXT("{\"retry\":{\"t1_s\":Infinity}}"), "line 1, column 18: expected a value, found 'I'"},
    {TEXT("{\"retry\":{\"t1_s\":0x10}}"), "line 1, column 19: expected ',' or '}', found 'x'"},
    {TEXT("{\"zone\":nul}"), "line 1, column 9: expected a value, found 'n'"},
    {TEXT("{\"zone\":True}"), "line 1, column 9: expected a value, found 'T'"},
    {TEXT("{\"name\":\"a\tb\"}"),
     "line 1, column 11: expected no control character in a text, found byte 0x09"},
    {TEXT("{\"name\":\"a\nb\"}"),
     "line 1, column 9: a text that begins here lacks its closing '\"'"},
    {TEXT("{\"name\":\"a"), "line 1, column 9: a text that begins here lacks its closing '\"'"},
    {TEXT("{\"name\":\"\\x\"}"),
     "line 1, column 11: expected one of \" \\ / b f n r t u behind '\\', found 'x'"},
    {TEXT("{\"name\":\"\\u12g4\"}"), "line 1, column 14: expected a hexadecimal digit, found 'g'"},
    {TEXT("{\"name\":\"\\u0000\"}"), "line 1, column 10: \\u0000 has no place in a text"},
    {TEXT("{\"name\":\"\\ud800\"}"),
     "line 1, column 10: the first half of a surrogate pair without its second"},
    {TEXT("{\"name\":\"\\ud800\\u0041\"}"),
     "line 1, column 10: the first half of a surrogate pair without its second"},
    {TEXT("{\"name\":\"\\udc00\"}"),
     "line 1, column 10: the second half of a surrogate pair without its first"},
    {TEXT("{\"name\":\"\377\"}"), "line 1, column 10: expected UTF-8, found byte 0xff"},
    {TEXT("{\"name\":\"\300\200\"}"), "line 1, column 10: expected UTF-8, found byte 0xc0"},
    {TEXT("{\"name\":\"\355\240\200\"}"), "line 1, column 10: expected UTF-8, found byte 0xed"},
    {TEXT("{\"na\000me\":1}"),
     "line 1, column 5: expected no control character in a text, found byte 0x00"},
    {TEXT("\357\273\277{}"), "line 1, column 1: a byte order mark; JSON is UTF-8 without one"},
    {TEXT("// comment\n{}"), "line 1, column 1: expected a value, found '/'"},
    {TEXT("{\"servers\":[1,]}"), "line 1, column 15: expected a value, found ']'"},
    {TEXT("{\"servers\":[}"), "line 1, column 13: expected a value, found '}'"},
    {TEXT("{\"servers\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
     "line 1, column 43: nested deeper than 32 levels"},
    {TEXT("{\"retry\":{\"t1_s\":0.111111111111111111111111111111111111111111111111111111111111}}"),
     "line 1, column 18: a number of more than 60 characters"},
    {TEXT("{\"name\":\"\303\244\",\"titel\"}"), "line 1, column 20: expected ':', found '}'"},
};

/* Contract section 4: unknown keys, wrong types, values out of range. */
static const struct bad_file bad_values[] = {
    {TEXT("{\"nmae\":\"x\"}"), "nmae: unknown key; known here: " KNOWN_AT_TOP},
    {TEXT("[]"), "expected an object, found []"},
    {TEXT("1"), "expected an object, found 1"},
    {TEXT("null"), "expected an object, found null"},
    {TEXT("\"rfc3263\""), "expected an object, found \"rfc3263\""},
    {TEXT("{\"retry\":{\"regster\":{}}}"), "retry.regster: unknown key; known here: register, "
                                           "invite, bye, other, unit, t1_s, t2_s, intervals"},
    {TEXT("{\"retry\":{\"register\":{\"try\":3}}}"),
     "retry.register.try: unknown key; known here: tries, last_tries, give_up_s"},
    {TEXT("{\"name\":\"a\",\"name\":\"b\"}"), "name: given twice"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":1,\"tries\":2}}}"),
     "retry.register.tries: given twice"},
    {TEXT("{\"dns\":[]}"), "dns: expected an object, found []"},
    {TEXT("{\"dns\":null}"), "dns: expected an object, found null"},
    {TEXT("{\"retry\":null}"), "retry: expected an object, found null"},
    {TEXT("{\"retry\":{\"register\":3}}"), "retry.register: expected an object or null, found 3"},
    {TEXT("{\"servers\":{}}"), "servers: expected a list, found an empty object"},
    {TEXT("{\"servers\":null}"), "servers: expected a list, found null"},
    {TEXT("{\"servers\":[\"a\"]}"), "servers.0: expected an object, found \"a\""},
    {TEXT("{\"servers\":[{}]}"), "servers.0.host: missing"},
    {TEXT("{\"servers\":[{\"host\":\"a\"},{\"port\":1}]}"), "servers.1.host: missing"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":0}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found 0"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":65}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found 65"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":2.5}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found 2.5"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":\"3\"}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found \"3\""},
    {TEXT("{\"retry\":{\"register\":{\"tries\":[4,3]}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found [4, 3]"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":[3]}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found [3]"},
    {TEXT("{\"retry\":{\"register\":{\"tries\":[1,2,3]}}}"),
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found [1, 2, 3]"},
    {TEXT("{\"retry\":{\"invite\":{\"last_tries\":true}}}"),
     "retry.invite.last_tries: expected an integer from 1 to 64, [min, max] or null, found true"},
    {TEXT("{\"retry\":{\"bye\":{\"give_up_s\":-1}}}"),
     "retry.bye.give_up_s: expected a number from 0 to 2147483647, [min, max] or null, found -1"},
    {TEXT("{\"retry\":{\"unit\":\"send\"}}"),
     "retry.unit: expected one of try, transaction, found \"send\""},
    {TEXT("{\"retry\":{\"unit\":null}}"),
     "retry.unit: expected one of try, transaction, found null"},
    {TEXT("{\"retry\":{\"t1_s\":0}}"),
     "retry.t1_s: expected a number from 0.001 to 3600 or null, found 0"},
    {TEXT("{\"retry\":{\"intervals\":true}}"),
     "retry.intervals: expected one of rfc3261, any, found true"},
    {TEXT("{\"failover\":{\"on\":\"503\"}}"), "failover.on: expected a list, found \"503\""},
    {TEXT("{\"failover\":{\"on\":[503]}}"), "failover.on.0: expected no-response, transport-error, "
                                            "a status (503) or a range (300-699), found 503"},
    {TEXT("{\"failover\":{\"on\":[\"200\"]}}"),
     "failover.on.0: expected no-response, transport-error, a status (503) or a range (300-699), "
     "found \"200\""},
    {TEXT("{\"failover\":{\"on\":[\"599-500\"]}}"),
     "failover.on.0: expected no-response, transport-error, a status (503) or a range (300-699), "
     "found \"599-500\""},
    {TEXT("{\"failover\":{\"on\":[\"timeout\"]}}"),
     "failover.on.0: expected no-response, transport-error, a status (503) or a range (300-699), "
     "found \"timeout\""},
    {TEXT("{\"failover\":{\"on\":[\"503\",\"503\"]}}"), "failover.on.1: listed twice"},
    {TEXT("{\"failover\":{\"register_first\":\"no\"}}"),
     "failover.register_first: expected true, false or null, found \"no\""},
    {TEXT("{\"failover\":{\"only_registered\":null}}"),
     "failover.only_registered: expected true or false, found null"},
    {TEXT("{\"failover\":{\"max_s\":1e999}}"),
     "failover.max_s: expected a number from 0 to 2147483647 or null, found inf"},
    {TEXT("{\"failback\":{\"mode\":\"new_requests\"}}"),
     "failback.mode: expected one of new-requests, dns-ttl, registration, duration, sticky or "
     "null, found \"new_requests\""},
    {TEXT("{\"failback\":{\"timeout_s\":2147483648}}"),
     "failback.timeout_s: expected a number from 0 to 2147483647 or null, found 2147483648"},
    {TEXT("{\"fallback\":{\"registration\":\"both\"}}"),
     "fallback.registration: expected one of concurrent, successive or null, found \"both\""},
    {TEXT("{\"fallback\":{\"probe_s\":0}}"),
     "fallback.probe_s: expected a number from 1 to 2147483647 or null, found 0"},
    {TEXT("{\"registration\":{\"expires_s\":0}}"),
     "registration.expires_s: expected an integer from 1 to 2147483647 or null, found 0"},
    {TEXT("{\"registration\":{\"expires_s\":1.5}}"),
     "registration.expires_s: expected an integer from 1 to 2147483647 or null, found 1.5"},
    {TEXT("{\"registration\":{\"refresh\":0.5}}"),
     "registration.refresh: expected [low, high], two numbers from 0 to 1, the lower first, found "
     "0.5"},
    {TEXT("{\"registration\":{\"refresh\":[0.9,0.5]}}"),
     "registration.refresh: expected [low, high], two numbers from 0 to 1, the lower first, found "
     "[0.9, 0.5]"},
    {TEXT("{\"registration\":{\"refresh\":[0,2]}}"),
     "registration.refresh: expected [low, high], two numbers from 0 to 1, the lower first, found "
     "[0, 2]"},
    {TEXT("{\"tolerance\":{\"ratio\":-0.1}}"),
     "tolerance.ratio: expected a number from 0 to 1, found -0.1"},
    {TEXT("{\"tolerance\":{\"floor_s\":null}}"),
     "tolerance.floor_s: expected a number from 0 to 2147483647, found null"},
    {TEXT("{\"zone\":{\"port\":65536}}"),
     "zone.port: expected an integer from 0 to 65535 or null, found 65536"},
    {TEXT("{\"zone\":{\"sites\":[{}]}}"), "zone.sites.0.targets: missing"},
    {TEXT("{\"zone\":{\"sites\":[{\"targets\":[]}]}}"),
     "zone.sites.0.targets: expected at least 1 entry, found 0"},
    {TEXT("{\"zone\":{\"sites\":[{\"targets\":[\"a\"],\"priority\":-1}]}}"),
     "zone.sites.0.priority: expected an integer from 0 to 65535 or null, found -1"},
    {TEXT("{\"servers\":[{\"host\":\"a b\"}]}"),
     "servers.0.host: expected a host name or an IP address, found \"a b\""},
    {TEXT("{\"servers\":[{\"host\":\"\"}]}"),
     "servers.0.host: expected a host name or an IP address, found \"\""},
    {TEXT("{\"servers\":[{\"host\":\"1.2.3.256\"}]}"),
     "servers.0.host: expected a host name or an IP address, found \"1.2.3.256\""},
    {TEXT("{\"servers\":[{\"host\":\"a..b\"}]}"),
     "servers.0.host: expected a host name or an IP address, found \"a..b\""},
    {TEXT("{\"servers\":[{\"host\":\"[1.2.3.4]\"}]}"),
     "servers.0.host: expected a host name or an IP address, found \"[1.2.3.4]\""},
    {TEXT("{\"servers\":[{\"host\":\"a\",\"port\":70000}]}"),
     "servers.0.port: expected an integer from 0 to 65535, found 70000"},
    {TEXT("{\"servers\":[{\"host\":\"a\",\"transport\":\"dtls\"}]}"),
     "servers.0.transport: expected one of udp, tcp, tls, naptr, ws, wss, sctp or null, found "
     "\"dtls\""},
    {TEXT("{\"servers\":[{\"host\":\"a\",\"expires\":3600}]}"),
     "servers.0.expires: unknown key; known here: host, port, transport, expires_s, retry, "
     "failover, failback"},
    {TEXT("{\"servers\":[{\"host\":\"a\",\"retry\":{\"register\":{\"tries\":99}}}]}"),
     "servers.0.retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found "
     "99"},
    {TEXT("{\"servers\":[{\"host\":\"a\",\"dns\":{}}]}"),
     "servers.0.dns: unknown key; known here: host, port, transport, expires_s, retry, failover, "
     "failback"},
    {TEXT("{\"dns\":{\"mode\":\"AUTO\"}}"),
     "dns.mode: expected one of auto, naptr, srv, a, configured, found \"AUTO\""},
    {TEXT("{\"dns\":{\"transports\":[]}}"), "dns.transports: expected at least 1 entry, found 0"},
    {TEXT("{\"dns\":{\"transports\":[\"udp\",\"udp\"]}}"), "dns.transports.1: listed twice"},
    {TEXT("{\"dns\":{\"transports\":[\"dtls\"]}}"),
     "dns.transports.0: expected one of udp, tcp, tls, ws, wss, sctp, found \"dtls\""},
    {TEXT("{\"dns\":{\"families\":[\"ipv4\"]}}"),
     "dns.families.0: expected one of a, aaaa, found \"ipv4\""},
    {TEXT("{\"dns\":{\"families\":\"a\"}}"), "dns.families: expected a list, found \"a\""},
    {TEXT("{\"dns\":{\"cache\":0}}"), "dns.cache: expected one of ttl, none, found 0"},
    {TEXT("{\"dns\":{\"known\":{\"prefer\":true}}}"),
     "dns.known.prefer: unknown key; known here: naptr, srv, a"},
    {TEXT("{\"dns\":{\"static\":{\"srv\":[{\"name\":\"_sip._udp.a\"}]}}}"),
     "dns.static.srv.0.target: missing"},
    {TEXT("{\"dns\":{\"static\":{\"a\":[{\"name\":\"a\",\"address\":\"b\"}]}}}"),
     "dns.static.a.0.address: expected an IP address, found \"b\""},
    {TEXT("{\"dns\":{\"static\":{\"naptr\":[{\"name\":\"a\",\"replacement\":\"b\"}]}}}"),
     "dns.static.naptr.0.service: missing"},
    {TEXT("{\"dns\":{\"static\":{\"a\":[{\"name\":\"1.2.3.4\",\"address\":\"::1\"}]}}}"),
     "dns.static.a.0.name: expected a domain name, found \"1.2.3.4\""},
    {TEXT("{\"name\":\"\"}"), "name: expected a line of text from 1 to 100 characters, found \"\""},
    {TEXT("{\"name\":7}"), "name: expected a line of text from 1 to 100 characters, found 7"},
    {TEXT("{\"name\":\"a\\nb\"}"),
     "name: expected a line of text from 1 to 100 characters, found \"a\\u000ab\""},
    {TEXT("{\"extends\":\"nosuch\"}"),
     "extends: nosuch: no such file, and no built-in profile of this name (there are rfc3263, "
     "genesys-sip-cluster, grandstream, yealink and yealink-t2xp)"},
    {TEXT("{\"extends\":[\"rfc3263\"]}"),
     "extends: expected a line of text from 1 to 4096 characters or null, found [\"rfc3263\"]"},
    {TEXT("{\"extends\":\"\"}"),
     "extends: expected a line of text from 1 to 4096 characters or null, found \"\""},
    {TEXT("{\"title\":false}"),
     "title: expected a line of text from 0 to 400 characters or null, found false"},
    {TEXT("{\"retry\":{\"\\u001b[31m\":1}}"), "retry.?[31m: unknown key; known here: register, "
                                              "invite, bye, other, unit, t1_s, t2_s, intervals"},
};

static const struct {
    const char *set, *message; /* behind "--set …: " */
} bad_sets[] = {
    {"nosuch=1", "nosuch: unknown key; known here: " KNOWN_AT_TOP},
    {"", "expected KEY=VALUE"},
    {"x", "expected KEY=VALUE"},
    {"=1", "expected KEY=VALUE"},
    {"retry.register=3", "retry.register: expected an object or null, found 3"},
    {"retry.register.tries=0",
     "retry.register.tries: expected an integer from 1 to 64, [min, max] or null, found 0"},
    {"retry.register.tries.2=3", "retry.register.tries: has no members"},
    {"retry.register.tries.0.1=3", "retry.register.tries: has no members"},
    {"servers.1.host=a", "servers: has 0 entries, so the next is 0, not 1"},
    {"servers.x.host=a", "servers: expected the number of an entry, found x"},
    {"servers.0.port=5", "servers.0.host: missing"},
    {"servers.0.host=a b", "servers.0.host: expected a host name or an IP address, found \"a b\""},
    {"dns.mode=quick",
     "dns.mode: expected one of auto, naptr, srv, a, configured, found \"quick\""},
    {"failover.on=503", "failover.on: expected a list, found 503"},
    {"failover.on.3=200", "failover.on.3: expected no-response, transport-error, a status (503) or "
                          "a range (300-699), found \"200\""},
    {"failover.on.4=404", "failover.on: has 3 entries, so the next is 3, not 4"},
    {"zone.port=[1", "column 3 of the value: expected ',' or ']', found the end"},
    {"extends=grandstream", "extends: cannot be set here; name the profile with --profile"},
    {"zone=1", "zone: expected an object or null, found 1"},
    {"dns.transports=[\"udp\",]", "column 8 of the value: expected a value, found ']'"},
    {"name=", "name: expected a line of text from 1 to 100 characters, found \"\""},
    {"retry..tries=1",
     "retry.: unknown key; known here: register, invite, bye, other, unit, t1_s, t2_s, intervals"},
    {"servers.0.=1", "servers.0.: unknown key; known here: host, port, transport, expires_s, "
                     "retry, failover, failback"},
    {"registration.refresh.0=2", "registration.refresh: expected [low, high], two numbers from 0 "
                                 "to 1, the lower first, found [2, 1]"},
    {"retry.unit.x=1", "retry.unit: has no members"},
    {"servers.-1.host=a", "servers: expected the number of an entry, found -1"},
    {"failback.mode=\"\"", "failback.mode: expected one of new-requests, dns-ttl, registration, "
                           "duration, sticky or null, found \"\""},
};

static void put_file(const char *path, const char *bytes, size_t len) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const char *path, const char *text) {
    put_file(path, text, strlen(text));
}

static void check_files(const struct bad_file *files, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct expectations_error error;
        char message[600];

        put_file("x.json", files[i].bytes, files[i].len);
        snprintf(message, sizeof message, "x.json: %s", files[i].message);
        if (expectations_read("x.json", NULL, 0, &error))
            fail_msg("taken: %s", files[i].bytes);
        assert_string_equal(error.text, message);
    }
}

static void test_syntax(void **state) {
    (void)state;
    check_files(bad_syntax, sizeof bad_syntax / sizeof *bad_syntax);
}

static void test_values(void **state) {
    (void)state;
    check_files(bad_values, sizeof bad_values / sizeof *bad_values);
}

static void test_sets(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_sets / sizeof *bad_sets; i++) {
        struct expectations_error error;
        char message[600];

        snprintf(message, sizeof message, "--set %s: %s", bad_sets[i].set, bad_sets[i].message);
        assert_null(expectations_read(NULL, &bad_sets[i].set, 1, &error));
        assert_string_equal(error.text, message);
    }
}

/* The --set at fault is the one that made the entry, not the last one given. */
static void test_set_culprit(void **state) {
    static const char *const sets[] = {"title=x", "servers.0.port=5", "name=y"};
    struct expectations_error error;

    (void)state;
    assert_null(expectations_read("grandstream", sets, 3, &error));
    assert_string_equal(error.text, "--set servers.0.port=5: servers.0.host: missing");
}

/* Too long for the table: what is quoted is shortened between two characters. */
static void test_long(void **state) {
    char text[1000] = "{\"title\": \"";
    struct expectations_error error;

    (void)state;
    for (size_t i = 0; i < 401; i++)
        strcat(text, i < 60 ? "\303\244" : "a");
    strcat(text, "\"}");
    put_text("x.json", text);
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_non_null(strstr(error.text, "title: expected a line of text from 0 to 400 characters"));
    assert_int_equal(strlen(strstr(error.text, "found ")),
                     strlen("found ") + 59 + strlen("\342\200\246"));

    memset(text, '[', 33);
    text[33] = '\0';
    put_text("x.json", text);
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_string_equal(error.text, "x.json: line 1, column 33: nested deeper than 32 levels");

    strcpy(text, "{\"retry\": {\"t1_s\": 0.");
    memset(text + strlen(text), '1', 60);
    strcat(text, "}}");
    put_text("x.json", text);
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_string_equal(error.text,
                        "x.json: line 1, column 20: a number of more than 60 characters");
}

/* Not there is told apart from in error. */
static void test_not_there(void **state) {
    static const char there_are[] =
        ": no such file, and no built-in profile of this name (there are "
        "rfc3263, genesys-sip-cluster, grandstream, yealink and yealink-t2xp)";
    struct expectations_error error;
    char message[600];

    (void)state;
    snprintf(message, sizeof message, "yaelink%s", there_are);
    assert_null(expectations_read("yaelink", NULL, 0, &error));
    assert_string_equal(error.text, message);
    assert_null(expectations_read(".", NULL, 0, &error));
    assert_string_equal(error.text, ".: Is a directory");

    put_text("x.json", "{\"extends\": \"sub/y.json\"}");
    snprintf(message, sizeof message, "x.json: extends: sub/y.json%s", there_are);
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_string_equal(error.text, message);
}

static void test_cycle(void **state) {
    struct expectations_error error;

    (void)state;
    put_text("x.json", "{\"extends\": \"y.json\"}");
    put_text("y.json", "{\"extends\": \"./x.json\"}");
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_string_equal(error.text, "y.json: extends: ./x.json leads back to x.json");
    put_text("y.json", "{\"extends\": \"y.json\"}");
    assert_null(expectations_read("y.json", NULL, 0, &error));
    assert_string_equal(error.text, "y.json: extends: y.json leads back to y.json");
}

/* An error in what a file extends names the file that has it. */
static void test_error_below(void **state) {
    struct expectations_error error;

    (void)state;
    put_text("x.json", "{\"extends\": \"y.json\"}");
    put_text("y.json", "{\"retry\": {\"register\": {\"tries\": 0}}}");
    assert_null(expectations_read("x.json", NULL, 0, &error));
    assert_string_equal(error.text,
                        "y.json: retry.register.tries: expected an integer from 1 to 64, "
                        "[min, max] or null, found 0");
}

static char folder[] = "/tmp/sipvet-XXXXXX";

static int enter(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    unlink("x.json");
    unlink("y.json");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax), cmocka_unit_test(test_values),
        cmocka_unit_test(test_sets),   cmocka_unit_test(test_set_culprit),
        cmocka_unit_test(test_long),   cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_cycle),  cmocka_unit_test(test_error_below),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}
