/* Expectations that are right: profiles, merging, --set, and what rules read of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/instant.h"
#include "rules/expectations/expectations.h"

#define S NS_PER_S

static void put_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static struct expectations *read_ok(const char *profile, const char *const *sets, size_t count) {
    struct expectations_error error;
    struct expectations *expectations = expectations_read(profile, sets, count, &error);

    if (!expectations)
        fail_msg("%s", error.text);
    return expectations;
}

static struct expectations *read_text(const char *text) {
    put_text("site.json", text);
    return read_ok("site.json", NULL, 0);
}

static struct expectations *read_set(const char *profile, const char *set) {
    return read_ok(profile, &set, 1);
}

static void check_counts(struct int_range range, int low, int high) {
    assert_true(range.set);
    assert_int_equal(range.low, low);
    assert_int_equal(range.high, high);
}

/* ---- the built-in profiles ---- */

static void test_names(void **state) {
    const char *const *names = expectations_profile_names();

    (void)state;
    assert_string_equal(names[0], "rfc3263");
    assert_null(names[5]);
    assert_string_equal(expectations_profile_title("yealink-t2xp"),
                        "Yealink SIP-T2xP, transport DNS-SRV");
    assert_null(expectations_profile_title("nosuch"));
}

static void test_rfc3263(void **state) {
    struct expectations *e = read_ok(NULL, NULL, 0);

    (void)state;
    assert_string_equal(e->name, "rfc3263");
    assert_null(e->source);
    assert_int_equal(e->server_count + e->outbound_proxy_count, 0);
    assert_int_equal(e->dns.mode, DNS_MODE_AUTO);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        assert_int_equal(e->dns.transports[i], i <= TRANSPORT_TLS);
        assert_int_equal(e->dns.srv_without_naptr[i], i <= TRANSPORT_TLS);
    }
    assert_int_equal(e->dns.weight, DNS_WEIGHT_RFC2782);
    assert_int_equal(e->dns.cache, DNS_CACHE_TTL);
    assert_int_equal(e->dns.additional, DNS_ADDITIONAL_EITHER);
    assert_true(e->dns.family_a && e->dns.family_aaaa && !e->dns.static_prefer);
    for (int i = 0; i < RETRY_METHOD_COUNT; i++)
        assert_false(e->retry.method[i].tries.set || e->retry.method[i].last_tries.set ||
                     e->retry.method[i].give_up.set);
    assert_int_equal(e->retry.unit, RETRY_UNIT_TRY);
    assert_false(e->retry.t1.set);
    assert_true(e->retry.t2.set && e->retry.t2.ns == 4 * (int64_t)S);
    assert_int_equal(e->retry.intervals, RETRY_INTERVALS_RFC3261);
    assert_true(e->failover.on_no_response && e->failover.on_transport_error);
    assert_int_equal(e->failover.on_status_count, 1);
    assert_int_equal(e->failover.on_status[0].low, 503);
    assert_int_equal(e->failover.on_status[0].high, 503);
    assert_int_equal(e->failover.register_first, TRISTATE_NULL);
    assert_false(e->failover.only_registered || e->failover.resubscribe || e->failover.in_dialog);
    assert_false(e->failover.max.set);
    assert_int_equal(e->failback.mode, FAILBACK_NULL);
    assert_true(e->failback.timeout.set && e->failback.timeout.ns == 3600 * (int64_t)S);
    assert_false(e->failback.idle_only || e->failback.min_dwell.set);
    assert_int_equal(e->fallback.registration, FALLBACK_NULL);
    assert_false(e->fallback.after_expiry || e->fallback.probe.set || e->fallback.proxy_probe.set);
    assert_false(e->registration.expires.set);
    assert_float_equal(e->registration.refresh_low, 0, 0);
    assert_float_equal(e->registration.refresh_high, 1, 0);
    assert_false(e->zone.set);
    assert_float_equal(e->tolerance.ratio, 0.1, 0);
    assert_true(e->tolerance.floor_ns == S);
    assert_int_equal(e->from_count, 1);
    assert_string_equal(e->from[0], "profile:rfc3263");
    assert_int_equal(e->override_count, 0);
    expectations_free(e);
}

static void test_yealink(void **state) {
    struct expectations *e = read_ok("yealink", NULL, 0);

    (void)state;
    assert_true(e->dns.srv_without_naptr[TRANSPORT_UDP]);
    assert_false(e->dns.srv_without_naptr[TRANSPORT_TCP] ||
                 e->dns.srv_without_naptr[TRANSPORT_TLS]);
    assert_int_equal(e->dns.weight, DNS_WEIGHT_HIGHEST_FIRST);
    for (int i = 0; i < RETRY_METHOD_COUNT; i++)
        check_counts(e->retry.method[i].tries, 3, 4);
    assert_int_equal(e->failover.register_first, TRISTATE_FALSE);
    assert_int_equal(e->failback.mode, FAILBACK_NEW_REQUESTS);
    assert_true(e->failback.idle_only && e->fallback.after_expiry);
    assert_int_equal(e->fallback.registration, FALLBACK_CONCURRENT);
    assert_true(e->fallback.probe.ns == 120 * (int64_t)S);
    assert_true(e->fallback.proxy_probe.ns == 3600 * (int64_t)S);
    assert_true(e->registration.expires.set && e->registration.expires.ns == 3600 * (int64_t)S);
    expectations_free(e);

    e = read_ok("yealink-t2xp", NULL, 0);
    assert_int_equal(e->dns.mode, DNS_MODE_NAPTR);
    assert_true(e->failover.in_dialog);
    assert_int_equal(e->failover.on_status[0].low, 500);
    assert_int_equal(e->failover.on_status[0].high, 599);
    expectations_free(e);
}

static void test_others(void **state) {
    struct expectations *e = read_ok("grandstream", NULL, 0);

    (void)state;
    check_counts(e->retry.method[RETRY_BYE].tries, 3, 3);
    assert_false(e->retry.method[RETRY_OTHER].tries.set);
    assert_int_equal(e->failback.mode, FAILBACK_REGISTRATION);
    assert_string_equal(e->from[0], "profile:grandstream");
    expectations_free(e);

    e = read_ok("genesys-sip-cluster", NULL, 0);
    assert_int_equal(e->dns.mode, DNS_MODE_SRV);
    assert_int_equal(e->dns.weight, DNS_WEIGHT_ANY);
    assert_int_equal(e->failback.mode, FAILBACK_STICKY);
    assert_true(e->zone.set && !e->zone.has_port && e->zone.site_count == 0);
    assert_int_equal(e->zone.uniform, TRISTATE_TRUE);
    expectations_free(e);
}

/* What is printed, read again, gives the same text: for the profiles and for a file with all there
 * is.
 */
static const char everything[] =
    "{\"title\": \"all \\\"there\\\" is, \\u00e4 \\\\\", \"source\": \"a guide\", \"extends\": "
    "\"yealink\","
    "\"servers\": [{\"host\": \"PBX.Example.com.\", \"retry\": {\"register\": {\"tries\": 2},"
    "  \"bye\": null}, \"failover\": {\"on\": [\"408\"]}, \"failback\": {\"mode\": null}},"
    "  {\"host\": \"[2001:DB8:0::1]\", \"port\": 5061, \"transport\": \"tls\", \"expires_s\": 60}],"
    "\"outbound_proxies\": [{\"host\": \"192.0.2.9\", \"transport\": \"naptr\"}],"
    "\"dns\": {\"static\": {\"prefer\": true,"
    "  \"a\": [{\"name\": \"A.example.com\", \"address\": \"192.0.2.1\", \"ttl_s\": 30},"
    "          {\"name\": \"a.example.com\", \"address\": \"2001:db8::2\"}],"
    "  \"srv\": [{\"name\": \"_SIP._udp.example.com\", \"priority\": 1, \"weight\": 65535,"
    "            \"port\": 5070, \"target\": \"a.example.com.\", \"ttl_s\": 2147483647}],"
    "  \"naptr\": [{\"name\": \"example.com\", \"order\": 2, \"preference\": 3, \"flags\": \"S\","
    "              \"service\": \"SIP+D2U\", \"replacement\": \"_sip._udp.example.com\"}]}},"
    "\"retry\": {\"invite\": {\"last_tries\": 7, \"give_up_s\": [4.5, 32]}, \"t1_s\": 0.5,"
    "  \"unit\": \"transaction\"},"
    "\"zone\": {\"port\": 5060, \"sites\": [{\"name\": \"dc1\", \"priority\": 10, \"weight\": 0,"
    "  \"targets\": [\"B.example.com\"]}, {\"targets\": [\"c.example.com\"]}]},"
    "\"registration\": {\"refresh\": [0.333333333333, 0.9]}, \"tolerance\": {\"floor_s\": 0.25}}";

static void check_round_trip(const char *profile) {
    struct expectations *e = read_ok(profile, NULL, 0);
    char *first = expectations_json(e);

    put_text("again.json", first);
    expectations_free(e);
    e = read_ok("again.json", NULL, 0);
    char *second = expectations_json(e);
    assert_string_equal(second, first);
    expectations_free(e);
    free(first);
    free(second);
}

static void test_round_trip(void **state) {
    (void)state;
    for (const char *const *name = expectations_profile_names(); *name; name++)
        check_round_trip(*name);
    put_text("site.json", everything);
    check_round_trip("site.json");
}

/* ---- files ---- */

static void test_everything(void **state) {
    struct expectations *e = read_text(everything);
    const struct record_list *records = &e->dns.static_records;
    char text[IP_TEXT_LEN];

    (void)state;
    assert_string_equal(e->name, "site");
    assert_string_equal(e->title, "all \"there\" is, \303\244 \\");
    assert_string_equal(e->source, "a guide");
    assert_string_equal(e->from[0], "file:site.json");

    assert_int_equal(e->server_count, 2);
    assert_string_equal(e->servers[0].host, "pbx.example.com");
    assert_int_equal(e->servers[0].port, 0);
    assert_int_equal(e->servers[0].transport, SERVER_TRANSPORT_UNSET);
    assert_false(e->servers[0].expires.set);
    assert_string_equal(e->servers[1].host, "2001:db8::1");
    assert_int_equal(e->servers[1].port, 5061);
    assert_int_equal(e->servers[1].transport, SERVER_TLS);
    assert_true(e->servers[1].expires.ns == 60 * (int64_t)S);
    assert_string_equal(e->outbound_proxies[0].host, "192.0.2.9");
    assert_int_equal(e->outbound_proxies[0].transport, SERVER_NAPTR);

    /* An entry's own wins, key by key; the rest is the top's. */
    check_counts(e->servers[0].retry.method[RETRY_REGISTER].tries, 2, 2);
    check_counts(e->servers[0].retry.method[RETRY_INVITE].tries, 3, 4);
    check_counts(e->servers[0].retry.method[RETRY_INVITE].last_tries, 7, 7);
    assert_false(e->servers[0].retry.method[RETRY_BYE].tries.set);
    assert_int_equal(e->servers[0].retry.unit, RETRY_UNIT_TRANSACTION);
    assert_false(e->servers[0].failover.on_no_response);
    assert_int_equal(e->servers[0].failover.on_status_count, 1);
    assert_int_equal(e->servers[0].failover.on_status[0].low, 408);
    assert_int_equal(e->servers[0].failover.register_first, TRISTATE_FALSE);
    assert_int_equal(e->servers[0].failback.mode, FAILBACK_NULL);
    assert_true(e->servers[0].failback.idle_only);
    check_counts(e->servers[1].retry.method[RETRY_REGISTER].tries, 3, 4);
    assert_int_equal(e->servers[1].failback.mode, FAILBACK_NEW_REQUESTS);
    assert_true(e->servers[1].failover.on_no_response);

    /* NAPTR, SRV, A and AAAA, whatever the order in the file. */
    assert_true(e->dns.static_prefer);
    assert_int_equal(records->n, 4);
    assert_int_equal(records->items[0].type, DNS_NAPTR);
    assert_string_equal(records->items[0].name, "example.com");
    assert_int_equal(records->items[0].order, 2);
    assert_int_equal(records->items[0].preference, 3);
    assert_string_equal(records->items[0].flags, "s");
    assert_string_equal(records->items[0].service, "sip+d2u");
    assert_string_equal(records->items[0].target, "_sip._udp.example.com");
    assert_int_equal(records->items[0].ttl_s, 300);
    assert_int_equal(records->items[1].type, DNS_SRV);
    assert_string_equal(records->items[1].name, "_sip._udp.example.com");
    assert_int_equal(records->items[1].priority, 1);
    assert_int_equal(records->items[1].weight, 65535);
    assert_int_equal(records->items[1].port, 5070);
    assert_string_equal(records->items[1].target, "a.example.com");
    assert_true(records->items[1].ttl_s == 2147483647);
    assert_int_equal(records->items[2].type, DNS_A);
    assert_string_equal(records->items[2].name, "a.example.com");
    assert_string_equal(ip_text(&records->items[2].address, text), "192.0.2.1");
    assert_int_equal(records->items[2].ttl_s, 30);
    assert_int_equal(records->items[3].type, DNS_AAAA);
    assert_string_equal(ip_text(&records->items[3].address, text), "2001:db8::2");
    assert_int_equal(e->dns.known_records.n, 0);

    assert_true(e->retry.method[RETRY_INVITE].give_up.low_ns == 4500000000);
    assert_true(e->retry.method[RETRY_INVITE].give_up.high_ns == 32 * (int64_t)S);
    assert_true(e->retry.t1.set && e->retry.t1.ns == 500000000);
    assert_true(e->zone.has_port && e->zone.port == 5060);
    assert_int_equal(e->zone.uniform, TRISTATE_NULL);
    assert_int_equal(e->zone.site_count, 2);
    assert_true(e->zone.sites[0].has_priority && e->zone.sites[0].priority == 10);
    assert_true(e->zone.sites[0].has_weight && e->zone.sites[0].weight == 0);
    assert_string_equal(e->zone.sites[0].targets[0], "b.example.com");
    assert_string_equal(e->zone.sites[1].name, "site 2");
    assert_false(e->zone.sites[1].has_priority || e->zone.sites[1].has_weight);
    assert_float_equal(e->registration.refresh_low, 0.333333333333, 0);
    assert_float_equal(e->tolerance.ratio, 0.1, 0);
    assert_true(e->tolerance.floor_ns == 250000000);
    expectations_free(e);
}

/* Objects are merged key by key, lists and values replaced, null wins like any other value. */
static void test_merge(void **state) {
    struct expectations *e =
        read_text("{\"name\": \"mine\", \"extends\": \"yealink\","
                  "\"retry\": {\"register\": {\"tries\": null, \"give_up_s\": 8},"
                  "            \"bye\": null},"
                  "\"dns\": {\"srv_without_naptr\": [\"tls\"]},"
                  "\"failback\": {\"mode\": null}}");

    (void)state;
    assert_string_equal(e->name, "mine");
    assert_false(e->retry.method[RETRY_REGISTER].tries.set);
    assert_true(e->retry.method[RETRY_REGISTER].give_up.low_ns == 8 * (int64_t)S);
    check_counts(e->retry.method[RETRY_INVITE].tries, 3, 4);
    assert_false(e->retry.method[RETRY_BYE].tries.set);
    assert_false(e->dns.srv_without_naptr[TRANSPORT_UDP]);
    assert_true(e->dns.srv_without_naptr[TRANSPORT_TLS]);
    assert_int_equal(e->dns.weight, DNS_WEIGHT_HIGHEST_FIRST);
    assert_int_equal(e->failback.mode, FAILBACK_NULL);
    assert_true(e->failback.idle_only);
    expectations_free(e);

    e = read_text("{\"extends\": \"genesys-sip-cluster\", \"zone\": {\"port\": 5060}}");
    assert_int_equal(e->zone.uniform, TRISTATE_TRUE);
    assert_true(e->zone.has_port);
    expectations_free(e);
    e = read_text("{\"extends\": \"genesys-sip-cluster\", \"zone\": null}");
    assert_false(e->zone.set);
    expectations_free(e);

    e = read_text(" {} \r\n");
    assert_string_equal(e->name, "site");
    assert_int_equal(e->retry.intervals, RETRY_INTERVALS_RFC3261);
    expectations_free(e);
}

/* `extends` is relative to the file that says so; the name is the file's own. */
static void test_extends_file(void **state) {
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    put_text("sub/top.json", "{\"extends\": \"../site.json\", \"retry\": {\"t2_s\": 8}}");
    put_text("site.json",
             "{\"name\": \"below\", \"title\": \"of below\", \"extends\": \"sub/base.json\"}");
    put_text("sub/base.json", "{\"extends\": \"grandstream\", \"retry\": {\"t1_s\": 1}}");

    struct expectations *e = read_ok("sub/top.json", NULL, 0);
    assert_string_equal(e->name, "top");
    assert_string_equal(e->title, "of below");
    assert_string_equal(e->from[0], "file:sub/top.json");
    assert_int_equal(e->from_count, 1);
    assert_true(e->retry.t1.ns == S && e->retry.t2.ns == 8 * (int64_t)S);
    check_counts(e->retry.method[RETRY_REGISTER].tries, 3, 3);
    expectations_free(e);
    unlink("sub/top.json");
    unlink("sub/base.json");
    rmdir("sub");
}

/* ---- --set ---- */

static void test_set(void **state) {
    static const char *const sets[] = {
        "retry.register.tries=2",
        "retry.register.tries=[2,5]",
        "retry.register.tries.0=4",
        "failback.mode=sticky",
        "servers.0.host=A.example.com",
        "servers.0.port=5070",
        "servers.1={\"host\": \"192.0.2.2\", \"transport\": \"tcp\"}",
        "servers.1.retry.bye.tries=9",
        "failover.on.3=408",
        "failover.on.0=\"500-599\"",
        "zone.port=5060",
        "title=a word = more",
        "registration.expires_s=null",
    };
    struct expectations *e = read_ok("grandstream", sets, sizeof sets / sizeof *sets);

    (void)state;
    check_counts(e->retry.method[RETRY_REGISTER].tries, 4, 5);
    assert_int_equal(e->failback.mode, FAILBACK_STICKY);
    assert_int_equal(e->server_count, 2);
    assert_string_equal(e->servers[0].host, "a.example.com");
    assert_int_equal(e->servers[0].port, 5070);
    assert_int_equal(e->servers[1].transport, SERVER_TCP);
    check_counts(e->servers[1].retry.method[RETRY_BYE].tries, 9, 9);
    check_counts(e->servers[1].retry.method[RETRY_INVITE].tries, 3, 3);
    assert_false(e->failover.on_no_response);
    assert_true(e->failover.on_transport_error);
    assert_int_equal(e->failover.on_status_count, 3);
    assert_int_equal(e->failover.on_status[0].low, 500);
    assert_int_equal(e->failover.on_status[2].low, 408);
    assert_true(e->zone.set && e->zone.has_port && e->zone.port == 5060);
    assert_string_equal(e->title, "a word = more");
    assert_false(e->registration.expires.set);
    assert_string_equal(e->from[0], "profile:grandstream");
    assert_int_equal(e->override_count, sizeof sets / sizeof *sets);
    assert_string_equal(e->overrides[0], "retry.register.tries=2");
    expectations_free(e);

    e = read_set("yealink", "retry.invite=null");
    assert_false(e->retry.method[RETRY_INVITE].tries.set);
    expectations_free(e);
    e = read_set("yealink", "retry={\"invite\":{\"tries\":1}}");
    check_counts(e->retry.method[RETRY_INVITE].tries, 1, 1);
    check_counts(e->retry.method[RETRY_BYE].tries, 3, 4);
    expectations_free(e);
}

/* ---- what rules ask ---- */

static void test_tolerance(void **state) {
    struct expectations *e = read_ok(NULL, NULL, 0);

    (void)state;
    assert_true(expectations_tolerance_ns(e, 0) == S);
    assert_true(expectations_tolerance_ns(e, 9 * (int64_t)S) == S);
    assert_true(expectations_tolerance_ns(e, 100 * (int64_t)S) == 10 * (int64_t)S);
    assert_true(expectations_tolerance_ns(e, -100 * (int64_t)S) == 10 * (int64_t)S);
    e->tolerance.ratio = 1;
    assert_true(expectations_tolerance_ns(e, INT64_MAX) == INT64_MAX / 2);
    expectations_free(e);
}

static void test_failover_lists(void **state) {
    static const struct {
        const char *on;
        enum outcome outcome;
        unsigned status;
        bool listed;
    } cases[] = {
        {"[\"no-response\"]", OUTCOME_SILENT, 0, true},
        {"[\"transport-error\",\"503\"]", OUTCOME_SILENT, 0, false},
        {"[\"transport-error\"]", OUTCOME_REFUSED, 0, true},
        {"[\"no-response\"]", OUTCOME_REFUSED, 0, false},
        {"[\"503\"]", OUTCOME_UNAVAILABLE, 503, true},
        {"[\"500-599\"]", OUTCOME_UNAVAILABLE, 503, true},
        {"[\"500-502\"]", OUTCOME_UNAVAILABLE, 503, false},
        {"[\"500-599\"]", OUTCOME_ANSWERED, 500, true},
        {"[\"500-599\"]", OUTCOME_ANSWERED, 599, true},
        {"[\"500-599\"]", OUTCOME_ANSWERED, 600, false},
        {"[\"503\",\"408\"]", OUTCOME_ANSWERED, 408, true},
        {"[\"503\"]", OUTCOME_ANSWERED, 200, false},
        {"[\"no-response\",\"transport-error\",\"300-699\"]", OUTCOME_STALLED, 0, false},
        {"[\"no-response\",\"transport-error\",\"300-699\"]", OUTCOME_CUT, 0, false},
        {"[]", OUTCOME_SILENT, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attempt attempt = {.outcome = cases[i].outcome, .final_status = cases[i].status};
        char set[100];

        snprintf(set, sizeof set, "failover.on=%s", cases[i].on);
        struct expectations *e = read_set(NULL, set);
        if (failover_lists(&e->failover, &attempt) != cases[i].listed)
            fail_msg("case %zu: %s", i, cases[i].on);
        expectations_free(e);
    }
}

static char folder[] = "/tmp/sipvet-XXXXXX";

static int enter(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
    (void)state;
    unlink("site.json");
    unlink("again.json");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rfc3263),
        cmocka_unit_test(test_yealink),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_extends_file),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_failover_lists),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}
