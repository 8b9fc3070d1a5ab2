/* The table of keys, in the order of contract section 4.
 *
 * Ranges: what a key may sensibly be. Durations and lifetimes go up to 2^31 - 1 s, the most that
 * phones accept in their settings; statuses are final ones; 16-bit numbers are those of DNS records
 * and ports.
 */
#include "rules/expectations/schema.h"

#include <assert.h>

#include "rules/expectations/expectations.h"

#define MOST_SECONDS 2147483647.0

#define MEMBERS(rows) .members = (rows), .member_count = sizeof(rows) / sizeof *(rows)
#define ITEM(row) .members = &(row), .member_count = 1
#define WORDS(...)                                                                                 \
    .words = (const char *const[]) {                                                               \
        __VA_ARGS__, NULL                                                                          \
    }
#define AT(type, member) .offset = (int)offsetof(struct type, member)
#define NOT_STORED .offset = KEY_NOT_STORED
#define BITS16 .low = 0, .high = 65535

static_assert(sizeof(enum dns_mode) == sizeof(unsigned), "enums are stored as unsigned");

/* ---- retry ---- */

static const struct key retry_method[] = {
    {"tries", KEY_COUNTS, .nullable = true, .low = 1, .high = 64, AT(retry_expectation, tries)},
    {"last_tries", KEY_COUNTS, .nullable = true, .low = 1, .high = 64,
     AT(retry_expectation, last_tries)},
    {"give_up_s", KEY_SPANS, .nullable = true, .low = 0, .high = MOST_SECONDS,
     AT(retry_expectation, give_up)},
};

#define RETRY_METHOD(word, which)                                                                  \
    {                                                                                              \
        word, KEY_OBJECT, .nullable = true, .null_spreads = true, MEMBERS(retry_method),           \
                          .offset = (int)(offsetof(struct retry_expectations, method) +            \
                                          (which) * sizeof(struct retry_expectation))              \
    }

static const struct key retry[] = {
    RETRY_METHOD("register", RETRY_REGISTER),
    RETRY_METHOD("invite", RETRY_INVITE),
    RETRY_METHOD("bye", RETRY_BYE),
    RETRY_METHOD("other", RETRY_OTHER),
    {"unit", KEY_WORD, WORDS("try", "transaction"), AT(retry_expectations, unit)},
    {"t1_s", KEY_SECONDS, .nullable = true, .low = 0.001, .high = 3600, AT(retry_expectations, t1)},
    {"t2_s", KEY_SECONDS, .nullable = true, .low = 0.001, .high = 3600, AT(retry_expectations, t2)},
    {"intervals", KEY_WORD, WORDS("rfc3261", "any"), AT(retry_expectations, intervals)},
};

/* ---- failover, failback ---- */

static const struct key failover_trigger = {NULL, KEY_TRIGGER, .low = 300, .high = 699};

static const struct key failover[] = {
    {"on", KEY_LIST, .unique = true, .high = FAILOVER_ON_MAX, ITEM(failover_trigger), NOT_STORED},
    {"register_first", KEY_BOOL, .nullable = true, AT(failover_expectations, register_first)},
    {"only_registered", KEY_BOOL, AT(failover_expectations, only_registered)},
    {"resubscribe", KEY_BOOL, AT(failover_expectations, resubscribe)},
    {"in_dialog", KEY_BOOL, AT(failover_expectations, in_dialog)},
    {"max_s", KEY_SECONDS, .nullable = true, .low = 0, .high = MOST_SECONDS,
     AT(failover_expectations, max)},
};

static const struct key failback[] = {
    {"mode", KEY_WORD, .nullable = true, .first_word = FAILBACK_NEW_REQUESTS,
     .null_word = FAILBACK_NULL,
     WORDS("new-requests", "dns-ttl", "registration", "duration", "sticky"),
     AT(failback_expectations, mode)},
    {"timeout_s", KEY_SECONDS, .nullable = true, .low = 0, .high = MOST_SECONDS,
     AT(failback_expectations, timeout)},
    {"idle_only", KEY_BOOL, AT(failback_expectations, idle_only)},
    {"min_dwell_s", KEY_SECONDS, .nullable = true, .low = 0, .high = MOST_SECONDS,
     AT(failback_expectations, min_dwell)},
};

/* ---- servers, outbound_proxies ---- */

static const struct key server[] = {
    {"host", KEY_HOST, .required = true, AT(server_expectation, host)},
    {"port", KEY_PORT, BITS16, .fallback = "0", AT(server_expectation, port)},
    {"transport", KEY_WORD, .nullable = true, .first_word = SERVER_UDP,
     .null_word = SERVER_TRANSPORT_UNSET, WORDS("udp", "tcp", "tls", "naptr", "ws", "wss", "sctp"),
     .fallback = "null", AT(server_expectation, transport)},
    {"expires_s", KEY_WHOLE_SECONDS, .nullable = true, .low = 1, .high = MOST_SECONDS,
     .fallback = "null", AT(server_expectation, expires)},
    {"retry", KEY_OBJECT, MEMBERS(retry), AT(server_expectation, retry)},
    {"failover", KEY_OBJECT, MEMBERS(failover), AT(server_expectation, failover)},
    {"failback", KEY_OBJECT, MEMBERS(failback), AT(server_expectation, failback)},
};

const struct key schema_server = {NULL, KEY_OBJECT, MEMBERS(server)};

/* ---- dns ---- */

static const struct key naptr_members[] = {
    {"name", KEY_DOMAIN, .required = true, AT(fact_record, name)},
    {"order", KEY_PORT, BITS16, .fallback = "0", AT(fact_record, order)},
    {"preference", KEY_PORT, BITS16, .fallback = "0", AT(fact_record, preference)},
    {"flags", KEY_FLAGS, .high = 8, .fallback = "\"s\"", AT(fact_record, flags)},
    {"service", KEY_TEXT, .required = true, .high = 64, AT(fact_record, service)},
    {"replacement", KEY_TARGET, .required = true, AT(fact_record, target)},
    {"ttl_s", KEY_INTEGER, .high = MOST_SECONDS, .fallback = "300", AT(fact_record, ttl_s)},
};
static const struct key srv_members[] = {
    {"name", KEY_DOMAIN, .required = true, AT(fact_record, name)},
    {"priority", KEY_PORT, BITS16, .fallback = "0", AT(fact_record, priority)},
    {"weight", KEY_PORT, BITS16, .fallback = "0", AT(fact_record, weight)},
    {"port", KEY_PORT, BITS16, .fallback = "5060", AT(fact_record, port)},
    {"target", KEY_TARGET, .required = true, AT(fact_record, target)},
    {"ttl_s", KEY_INTEGER, .high = MOST_SECONDS, .fallback = "300", AT(fact_record, ttl_s)},
};
static const struct key address_members[] = {
    {"name", KEY_DOMAIN, .required = true, AT(fact_record, name)},
    {"address", KEY_ADDRESS, .required = true, AT(fact_record, address)},
    {"ttl_s", KEY_INTEGER, .high = MOST_SECONDS, .fallback = "300", AT(fact_record, ttl_s)},
};
static const struct key naptr_record = {NULL, KEY_OBJECT, MEMBERS(naptr_members)};
static const struct key srv_record = {NULL, KEY_OBJECT, MEMBERS(srv_members)};
static const struct key address_record = {NULL, KEY_OBJECT, MEMBERS(address_members)};

enum { RECORDS_MAX = 4096 };

#define RECORD_LISTS                                                                               \
    {"naptr", KEY_LIST, .high = RECORDS_MAX, ITEM(naptr_record), NOT_STORED},                      \
        {"srv", KEY_LIST, .high = RECORDS_MAX, ITEM(srv_record), NOT_STORED}, {                    \
        "a", KEY_LIST, .high = RECORDS_MAX, ITEM(address_record), NOT_STORED                       \
    }

static const struct key dns_static[] = {
    {"prefer", KEY_BOOL, AT(dns_expectations, static_prefer)},
    RECORD_LISTS,
};
static const struct key dns_known[] = {RECORD_LISTS};

static const struct key transport_item = {NULL, KEY_WORD,
                                          WORDS("udp", "tcp", "tls", "ws", "wss", "sctp")};
static const struct key family_item = {NULL, KEY_WORD, WORDS("a", "aaaa")};

static const struct key dns[] = {
    {"mode", KEY_WORD, WORDS("auto", "naptr", "srv", "a", "configured"),
     AT(dns_expectations, mode)},
    {"transports", KEY_LIST, .unique = true, .low = 1, .high = TRANSPORT_COUNT,
     ITEM(transport_item), NOT_STORED},
    {"srv_without_naptr", KEY_LIST, .unique = true, .high = TRANSPORT_COUNT, ITEM(transport_item),
     NOT_STORED},
    {"weight", KEY_WORD, WORDS("rfc2782", "highest-first", "any"), AT(dns_expectations, weight)},
    {"cache", KEY_WORD, WORDS("ttl", "none"), AT(dns_expectations, cache)},
    {"additional", KEY_WORD, WORDS("use", "ignore", "either"), AT(dns_expectations, additional)},
    {"families", KEY_LIST, .unique = true, .low = 1, .high = 2, ITEM(family_item), NOT_STORED},
    {"static", KEY_OBJECT, MEMBERS(dns_static)},
    {"known", KEY_OBJECT, MEMBERS(dns_known)},
};

/* ---- fallback, registration, zone, tolerance ---- */

static const struct key fallback[] = {
    {"registration", KEY_WORD, .nullable = true, .first_word = FALLBACK_CONCURRENT,
     .null_word = FALLBACK_NULL, WORDS("concurrent", "successive"),
     AT(expectations, fallback.registration)},
    {"after_expiry", KEY_BOOL, AT(expectations, fallback.after_expiry)},
    {"probe_s", KEY_SECONDS, .nullable = true, .low = 1, .high = MOST_SECONDS,
     AT(expectations, fallback.probe)},
    {"proxy_probe_s", KEY_SECONDS, .nullable = true, .low = 1, .high = MOST_SECONDS,
     AT(expectations, fallback.proxy_probe)},
};

static const struct key registration[] = {
    {"expires_s", KEY_WHOLE_SECONDS, .nullable = true, .low = 1, .high = MOST_SECONDS,
     AT(expectations, registration.expires)},
    {"refresh", KEY_PARTS, .low = 0, .high = 1, AT(expectations, registration.refresh_low)},
};

static const struct key zone_target = {NULL, KEY_HOST, NOT_STORED};

/* A site's numbers may be unknown: decode.c tells that from 0. */
static const struct key site_members[] = {
    {"name", KEY_TEXT, .nullable = true, .low = 1, .high = 64, .fallback = "null",
     AT(zone_site, name)},
    {"priority", KEY_PORT, .nullable = true, BITS16, .fallback = "null", AT(zone_site, priority)},
    {"weight", KEY_PORT, .nullable = true, BITS16, .fallback = "null", AT(zone_site, weight)},
    {"targets", KEY_LIST, .required = true, .unique = true, .low = 1, .high = RECORDS_MAX,
     ITEM(zone_target), NOT_STORED},
};
static const struct key site = {NULL, KEY_OBJECT, MEMBERS(site_members)};

static const struct key zone[] = {
    {"uniform", KEY_BOOL, .nullable = true, .fallback = "null", AT(expectations, zone.uniform)},
    {"sites", KEY_LIST, .nullable = true, .high = RECORDS_MAX, ITEM(site), .fallback = "null",
     NOT_STORED},
    {"port", KEY_PORT, .nullable = true, BITS16, .fallback = "null", AT(expectations, zone.port)},
};

static const struct key tolerance[] = {
    {"ratio", KEY_NUMBER, .low = 0, .high = 1, AT(expectations, tolerance.ratio)},
    {"floor_s", KEY_NUMBER_SECONDS, .low = 0, .high = MOST_SECONDS,
     AT(expectations, tolerance.floor_ns)},
};

/* ---- the document ---- */

static const struct key document[] = {
    {"name", KEY_TEXT, .low = 1, .high = 100, AT(expectations, name)},
    {"title", KEY_TEXT, .nullable = true, .high = 400, .fallback = "null", AT(expectations, title)},
    {"extends", KEY_TEXT, .nullable = true, .low = 1, .high = 4096, .fallback = "null", NOT_STORED},
    {"source", KEY_TEXT, .nullable = true, .high = 400, .fallback = "null",
     AT(expectations, source)},
    {"servers", KEY_LIST, .high = RECORDS_MAX, ITEM(schema_server), NOT_STORED},
    {"outbound_proxies", KEY_LIST, .high = RECORDS_MAX, ITEM(schema_server), NOT_STORED},
    {"dns", KEY_OBJECT, MEMBERS(dns), AT(expectations, dns)},
    {"retry", KEY_OBJECT, MEMBERS(retry), AT(expectations, retry)},
    {"failover", KEY_OBJECT, MEMBERS(failover), AT(expectations, failover)},
    {"failback", KEY_OBJECT, MEMBERS(failback), AT(expectations, failback)},
    {"fallback", KEY_OBJECT, MEMBERS(fallback)},
    {"registration", KEY_OBJECT, MEMBERS(registration)},
    {"zone", KEY_OBJECT, .nullable = true, MEMBERS(zone)},
    {"tolerance", KEY_OBJECT, MEMBERS(tolerance)},
};

const struct key schema_root = {NULL, KEY_OBJECT, MEMBERS(document)};

const struct key *schema_member(const struct key *object, const char *name) {
    for (size_t i = 0; i < object->member_count; i++)
        if (strcmp(object->members[i].name, name) == 0)
            return &object->members[i];
    return NULL;
}
