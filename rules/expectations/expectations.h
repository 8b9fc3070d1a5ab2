/* What should have happened: the expectations (contract section 4) as rules read them.
 *
 * Values are complete: all defaults are filled in from the profile that is extended, at last from
 * rfc3263. What JSON writes as null is `set` false (ranges, numbers) or the *_NULL enum value.
 */
#ifndef RULES_EXPECTATIONS_EXPECTATIONS_H
#define RULES_EXPECTATIONS_EXPECTATIONS_H

#include "base/address.h"
#include "base/memory.h"
#include "phone/story.h"

/* [low, high], both within; a single number n is [n, n]. */
struct int_range {
    bool set;
    int low, high;
};
struct ns_range {
    bool set;
    int64_t low_ns, high_ns;
};
struct ns_value {
    bool set;
    int64_t ns;
};
enum tristate { TRISTATE_NULL, TRISTATE_FALSE, TRISTATE_TRUE };

struct retry_expectation {
    struct int_range tries, last_tries;
    struct ns_range give_up;
};

enum retry_method { RETRY_REGISTER, RETRY_INVITE, RETRY_BYE, RETRY_OTHER, RETRY_METHOD_COUNT };
enum retry_unit { RETRY_UNIT_TRY, RETRY_UNIT_TRANSACTION };
enum retry_intervals { RETRY_INTERVALS_RFC3261, RETRY_INTERVALS_ANY };

struct retry_expectations {
    struct retry_expectation method[RETRY_METHOD_COUNT];
    enum retry_unit unit;
    struct ns_value t1, t2;
    enum retry_intervals intervals;
};

enum { FAILOVER_ON_MAX = 64 };

struct failover_expectations {
    bool on_no_response, on_transport_error;
    struct {
        unsigned low, high;
    } on_status[FAILOVER_ON_MAX];
    size_t on_status_count;
    enum tristate register_first;
    bool only_registered, resubscribe, in_dialog;
    struct ns_value max;
};

enum failback_mode {
    FAILBACK_NULL,
    FAILBACK_NEW_REQUESTS,
    FAILBACK_DNS_TTL,
    FAILBACK_REGISTRATION,
    FAILBACK_DURATION,
    FAILBACK_STICKY,
};

struct failback_expectations {
    enum failback_mode mode;
    struct ns_value timeout;
    bool idle_only;
    struct ns_value min_dwell;
};

enum server_transport {
    SERVER_UDP,
    SERVER_TCP,
    SERVER_TLS,
    SERVER_NAPTR,
    SERVER_WS,
    SERVER_WSS,
    SERVER_SCTP,
    SERVER_TRANSPORT_UNSET
};

/* An entry of servers[] or outbound_proxies[]. */
struct server_expectation {
    const char *host; /* lower case */
    uint16_t port;    /* 0: not set */
    enum server_transport transport;
    struct ns_value expires;
    /* What applies to what is sent there: its own where the entry has some, else the top's. */
    struct retry_expectations retry;
    struct failover_expectations failover;
    struct failback_expectations failback;
};

enum dns_mode { DNS_MODE_AUTO, DNS_MODE_NAPTR, DNS_MODE_SRV, DNS_MODE_A, DNS_MODE_CONFIGURED };
enum dns_weight { DNS_WEIGHT_RFC2782, DNS_WEIGHT_HIGHEST_FIRST, DNS_WEIGHT_ANY };
enum dns_cache { DNS_CACHE_TTL, DNS_CACHE_NONE };
enum dns_additional { DNS_ADDITIONAL_USE, DNS_ADDITIONAL_IGNORE, DNS_ADDITIONAL_EITHER };

struct record_list {
    const struct fact_record *items;
    size_t n;
};

struct dns_expectations {
    enum dns_mode mode;
    bool transports[TRANSPORT_COUNT]; /* supported; in no order */
    bool srv_without_naptr[TRANSPORT_COUNT];
    enum dns_weight weight;
    enum dns_cache cache;
    enum dns_additional additional;
    bool family_a, family_aaaa;
    bool static_prefer;
    struct record_list static_records, known_records; /* NAPTR, then SRV, then A and AAAA */
};

enum fallback_registration { FALLBACK_NULL, FALLBACK_CONCURRENT, FALLBACK_SUCCESSIVE };

struct zone_site {
    const char *name;
    bool has_priority, has_weight;
    uint16_t priority, weight;
    const char *const *targets; /* lower case */
    size_t target_count;
};

struct expectations {
    const char *name, *title, *source; /* title, source: NULL where not given */
    struct server_expectation *servers, *outbound_proxies;
    size_t server_count, outbound_proxy_count;
    struct dns_expectations dns;
    struct retry_expectations retry;
    struct failover_expectations failover;
    struct failback_expectations failback;
    struct {
        enum fallback_registration registration;
        bool after_expiry;
        struct ns_value probe, proxy_probe;
    } fallback;
    struct {
        struct ns_value expires;
        double refresh_low, refresh_high; /* parts of the lifetime */
    } registration;
    struct {
        bool set;
        enum tristate uniform;
        bool has_port;
        uint16_t port;
        const struct zone_site *sites;
        size_t site_count;
    } zone;
    struct {
        double ratio;
        int64_t floor_ns;
    } tolerance;
    const char *const *from; /* "profile:grandstream", "file:site.json", in the order read */
    size_t from_count;
    const char *const *overrides; /* "retry.register.tries=2": the --set options */
    size_t override_count;
    /* With a phone's configuration: what each of its accounts is judged by. What holds this list is
     * for accounts that fit none of them. Their own lists are empty. */
    const struct account_expectations *accounts;
    size_t account_count;
};

struct account_expectations {
    const char *user; /* of the address of record; NULL: any */
    struct expectations *expect;
};

/* How far off a time may be: max(floor, ratio × t). */
int64_t expectations_tolerance_ns(const struct expectations *expectations, int64_t t_ns);

/* Is this failed attempt's end one that failover.on lists? (outcome, and its final status) */
bool failover_lists(const struct failover_expectations *failover, const struct attempt *attempt);

/* One sentence for the user, with path or line: "retry.register.tries: expected …". */
struct expectations_error {
    char text[512];
};

/* Read the expectations that the options ask for.
 *
 * profile    a built-in name or the path of a JSON file; NULL: rfc3263
 * overrides  KEY=VALUE of --set, in order; the last wins
 *
 * Returns NULL, with *error filled in, where anything is wrong. Owned by the caller. */
struct expectations *expectations_read(const char *profile, const char *const *overrides,
                                       size_t override_count, struct expectations_error *error);
void expectations_free(struct expectations *expectations);

/* The same as one resolved JSON text (two-space indentation, all keys, contract's order), malloced.
 */
char *expectations_json(const struct expectations *expectations);

/* The built-in profiles, by name; NULL ends. */
const char *const *expectations_profile_names(void);
const char *expectations_profile_title(const char *name);

#endif
