/* Where each expectation comes from: key by key against the profiles that it was made from.
 *
 *     value = rfc3263's            the rule's own sources
 *     value = a vendor profile's   that vendor's guide first, then the rule's own
 *     else                         the --set option or the user's file first, then the rule's own
 *
 * A rule rests on the keys that its `steered_by` spells out, and on those that begin with its id.
 */
#include "rules/basis.h"

#include <ctype.h>
#include <string.h>

enum { PROFILES_MAX = 4, SOURCES_MAX = 16 };

struct key {
    const char *name;
    bool (*same)(const struct expectations *a, const struct expectations *b);
};

static bool range_same(const struct int_range *a, const struct int_range *b) {
    return a->set == b->set && (!a->set || (a->low == b->low && a->high == b->high));
}

static bool span_same(const struct ns_range *a, const struct ns_range *b) {
    return a->set == b->set && (!a->set || (a->low_ns == b->low_ns && a->high_ns == b->high_ns));
}

static bool time_same(const struct ns_value *a, const struct ns_value *b) {
    return a->set == b->set && (!a->set || a->ns == b->ns);
}

static bool retry_same(const struct retry_expectations *a, const struct retry_expectations *b,
                       enum retry_method method) {
    const struct retry_expectation *x = &a->method[method], *y = &b->method[method];

    return range_same(&x->tries, &y->tries) && range_same(&x->last_tries, &y->last_tries) &&
           span_same(&x->give_up, &y->give_up);
}

static bool on_same(const struct failover_expectations *a, const struct failover_expectations *b) {
    if (a->on_no_response != b->on_no_response || a->on_transport_error != b->on_transport_error ||
        a->on_status_count != b->on_status_count)
        return false;
    for (size_t i = 0; i < a->on_status_count; i++)
        if (a->on_status[i].low != b->on_status[i].low ||
            a->on_status[i].high != b->on_status[i].high)
            return false;
    return true;
}

/* One comparison of a member, at the top and in each configured server. The base has no servers: an
 * entry is held against the base's top. */
#define AT_EVERY_LEVEL(part, SAME)                                                                 \
    do {                                                                                           \
        if (!(SAME(&a->part, &b->part)))                                                           \
            return false;                                                                          \
        for (size_t i = 0; i < a->server_count; i++)                                               \
            if (!(SAME(&a->servers[i].part, &b->part)))                                            \
                return false;                                                                      \
        for (size_t i = 0; i < a->outbound_proxy_count; i++)                                       \
            if (!(SAME(&a->outbound_proxies[i].part, &b->part)))                                   \
                return false;                                                                      \
        return true;                                                                               \
    } while (0)

#define SAME_FUNCTION(name, part, SAME)                                                            \
    static bool name(const struct expectations *a, const struct expectations *b) {                 \
        AT_EVERY_LEVEL(part, SAME);                                                                \
    }

#define RETRY_REGISTER_SAME(x, y) retry_same((x), (y), RETRY_REGISTER)
#define RETRY_INVITE_SAME(x, y) retry_same((x), (y), RETRY_INVITE)
#define RETRY_BYE_SAME(x, y) retry_same((x), (y), RETRY_BYE)
#define RETRY_OTHER_SAME(x, y) retry_same((x), (y), RETRY_OTHER)
#define UNIT_SAME(x, y) ((x)->unit == (y)->unit)
#define T1_SAME(x, y) time_same(&(x)->t1, &(y)->t1)
#define T2_SAME(x, y) time_same(&(x)->t2, &(y)->t2)
#define INTERVALS_SAME(x, y) ((x)->intervals == (y)->intervals)
#define IN_DIALOG_SAME(x, y) ((x)->in_dialog == (y)->in_dialog)
#define ONLY_REGISTERED_SAME(x, y) ((x)->only_registered == (y)->only_registered)
#define REGISTER_FIRST_SAME(x, y) ((x)->register_first == (y)->register_first)
#define RESUBSCRIBE_SAME(x, y) ((x)->resubscribe == (y)->resubscribe)
#define FAILOVER_MAX_SAME(x, y) time_same(&(x)->max, &(y)->max)
#define FAILBACK_MODE_SAME(x, y) ((x)->mode == (y)->mode)

SAME_FUNCTION(same_retry_register, retry, RETRY_REGISTER_SAME)
SAME_FUNCTION(same_retry_invite, retry, RETRY_INVITE_SAME)
SAME_FUNCTION(same_retry_bye, retry, RETRY_BYE_SAME)
SAME_FUNCTION(same_retry_other, retry, RETRY_OTHER_SAME)
SAME_FUNCTION(same_unit, retry, UNIT_SAME)
SAME_FUNCTION(same_t1, retry, T1_SAME)
SAME_FUNCTION(same_t2, retry, T2_SAME)
SAME_FUNCTION(same_intervals, retry, INTERVALS_SAME)
SAME_FUNCTION(same_on, failover, on_same)
SAME_FUNCTION(same_in_dialog, failover, IN_DIALOG_SAME)
SAME_FUNCTION(same_only_registered, failover, ONLY_REGISTERED_SAME)
SAME_FUNCTION(same_register_first, failover, REGISTER_FIRST_SAME)
SAME_FUNCTION(same_resubscribe, failover, RESUBSCRIBE_SAME)
SAME_FUNCTION(same_failover_max, failover, FAILOVER_MAX_SAME)
SAME_FUNCTION(same_failback_mode, failback, FAILBACK_MODE_SAME)

static bool same_mode(const struct expectations *a, const struct expectations *b) {
    return a->dns.mode == b->dns.mode;
}

static bool same_transports(const struct expectations *a, const struct expectations *b) {
    return memcmp(a->dns.transports, b->dns.transports, sizeof a->dns.transports) == 0;
}

static bool same_srv_without_naptr(const struct expectations *a, const struct expectations *b) {
    return memcmp(a->dns.srv_without_naptr, b->dns.srv_without_naptr,
                  sizeof a->dns.srv_without_naptr) == 0;
}

static bool same_weight(const struct expectations *a, const struct expectations *b) {
    return a->dns.weight == b->dns.weight;
}

static bool same_additional(const struct expectations *a, const struct expectations *b) {
    return a->dns.additional == b->dns.additional;
}

static bool same_families(const struct expectations *a, const struct expectations *b) {
    return a->dns.family_a == b->dns.family_a && a->dns.family_aaaa == b->dns.family_aaaa;
}

static bool same_static(const struct expectations *a, const struct expectations *b) {
    return a->dns.static_records.n == b->dns.static_records.n &&
           a->dns.static_prefer == b->dns.static_prefer;
}

static bool same_refresh(const struct expectations *a, const struct expectations *b) {
    return !(a->registration.refresh_low < b->registration.refresh_low) &&
           !(a->registration.refresh_low > b->registration.refresh_low) &&
           !(a->registration.refresh_high < b->registration.refresh_high) &&
           !(a->registration.refresh_high > b->registration.refresh_high);
}

static const struct key KEYS[] = {
    {"dns.mode", same_mode},
    {"dns.transports", same_transports},
    {"dns.srv_without_naptr", same_srv_without_naptr},
    {"dns.weight", same_weight},
    {"dns.additional", same_additional},
    {"dns.families", same_families},
    {"dns.static", same_static},
    {"retry.register", same_retry_register},
    {"retry.invite", same_retry_invite},
    {"retry.bye", same_retry_bye},
    {"retry.other", same_retry_other},
    {"retry.unit", same_unit},
    {"retry.t1_s", same_t1},
    {"retry.t2_s", same_t2},
    {"retry.intervals", same_intervals},
    {"failover.on", same_on},
    {"failover.in_dialog", same_in_dialog},
    {"failover.only_registered", same_only_registered},
    {"failover.register_first", same_register_first},
    {"failover.resubscribe", same_resubscribe},
    {"failover.max_s", same_failover_max},
    {"failback.mode", same_failback_mode},
    {"registration.refresh", same_refresh},
};

enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

/* The guides, by the longest beginning of a key that is theirs. */
struct guide {
    const char *profile, *key, *document, *section;
};

static const struct guide GUIDES[] = {
    {"yealink", "", GUIDE_YEALINK, "Configuring Server Redundancy Using Configuration Files"},
    {"yealink", "dns.", GUIDE_YEALINK, "Appendix A: DNS SRV"},
    {"yealink", "dns.srv_without_naptr", GUIDE_YEALINK, "Appendix B: Static DNS Cache"},
    {"yealink", "dns.static", GUIDE_YEALINK, "Appendix B: Static DNS Cache"},
    {"yealink", "retry.", GUIDE_YEALINK, "Failover Scenario"},
    {"yealink-t2xp", "", GUIDE_YEALINK_T2XP, "Feature Introduction"},
    {"yealink-t2xp", "dns.", GUIDE_YEALINK_T2XP, "DNS-SRV Process"},
    {"grandstream", "", GUIDE_GRANDSTREAM, "Registration Process"},
    {"grandstream", "dns.", GUIDE_GRANDSTREAM, "DNS-SRV Lookup"},
    {"grandstream", "failback.", GUIDE_GRANDSTREAM, "Configuring DNS-SRV On GRP26XX"},
    {"genesys-sip-cluster", "", GUIDE_GENESYS,
     "SIP registration in failover scenarios based on SRV records"},
    {"genesys-sip-cluster", "dns.", GUIDE_GENESYS, "Configuring DNS Records"},
};

struct made {
    const struct rule *rule;
    const struct source *sources;
    size_t count;
};

struct basis_table {
    struct made *made;
    size_t n;
};

static bool starts(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_key_char(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Does the text name the key, or one below it? "dns.weight" is not in "adns.weight". What stands
 * behind a semicolon bears on the rule, but is not what it judges. */
static bool names_key(const char *text, const char *key) {
    size_t len = strlen(key), end = text ? strcspn(text, ";") : 0;

    for (const char *at = text ? strstr(text, key) : NULL; at && at < text + end;
         at = strstr(at + 1, key)) {
        bool begins = at == text || !is_key_char(at[-1]);
        if (begins && (at[len] == '.' || !is_key_char(at[len])))
            return true;
    }
    return false;
}

static bool rests_on(const struct rule *rule, const struct key *key) {
    return names_key(rule->steered_by, key->name) || strcmp(rule->id, key->name) == 0;
}

static const struct guide *guide_find(const char *profile, const char *key) {
    const struct guide *best = NULL;

    for (size_t i = 0; i < sizeof GUIDES / sizeof GUIDES[0]; i++)
        if (strcmp(GUIDES[i].profile, profile) == 0 && starts(key, GUIDES[i].key) &&
            (!best || strlen(GUIDES[i].key) > strlen(best->key)))
            best = &GUIDES[i];
    return best;
}

static bool source_same(const struct source *a, const struct source *b) {
    return a->basis == b->basis && strcmp(a->document, b->document) == 0 &&
           strcmp(a->section, b->section) == 0;
}

struct list {
    struct source items[SOURCES_MAX];
    size_t n;
};

static void list_add(struct list *list, struct source source) {
    for (size_t i = 0; i < list->n; i++)
        if (source_same(&list->items[i], &source))
            return;
    if (list->n < SOURCES_MAX)
        list->items[list->n++] = source;
}

struct profile {
    const char *name;
    struct expectations *values;
};

/* The user's own option or file that sets a key; false: neither does. */
static bool site_source(const struct expectations *expect, const char *key, struct source *source) {
    const char *file = NULL;

    for (size_t i = expect->override_count; i-- > 0;)
        if (starts(expect->overrides[i], key)) {
            *source = (struct source){BASIS_SITE, "--set", expect->overrides[i]};
            return true;
        }
    for (size_t i = 0; i < expect->from_count; i++) {
        const char *colon = strchr(expect->from[i], ':');
        if (!starts(expect->from[i], "profile:"))
            file = colon ? colon + 1 : expect->from[i];
    }
    if (!file)
        return false;
    *source = (struct source){BASIS_SITE, file, key};
    return true;
}

static bool key_source(const struct expectations *expect, const struct key *key,
                       const struct expectations *base, const struct profile *profiles, size_t n,
                       struct source *source) {
    if (key->same(expect, base))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct guide *guide = guide_find(profiles[i].name, key->name);
        if (guide && key->same(expect, profiles[i].values)) {
            *source = (struct source){BASIS_VENDOR, guide->document, guide->section};
            return true;
        }
    }
    return site_source(expect, key->name, source);
}

/* Is this source a standard, or the guide of a profile in use? */
static bool bears_on(const struct source *source, const struct profile *profiles, size_t n) {
    if (source->basis != BASIS_VENDOR)
        return true;
    for (size_t i = 0; i < n; i++) {
        const struct guide *guide = guide_find(profiles[i].name, "");
        if (guide && strcmp(guide->document, source->document) == 0)
            return true;
    }
    return false;
}

static void make(struct made *made, const struct rule *rule, const struct source *key_sources,
                 const bool *differs, const struct profile *profiles, size_t profile_count,
                 struct arena *arena) {
    struct list list = {.n = 0};

    for (size_t k = 0; k < KEY_COUNT; k++)
        if (differs[k] && rests_on(rule, &KEYS[k]))
            list_add(&list, key_sources[k]);
    for (size_t i = 0; i < rule->source_count; i++)
        if (bears_on(&rule->sources[i], profiles, profile_count))
            list_add(&list, rule->sources[i]);
    struct source *sources = ARENA_ARRAY(arena, struct source, list.n + 1);
    memcpy(sources, list.items, list.n * sizeof *sources);
    made->rule = rule;
    made->sources = sources;
    made->count = list.n;
}

struct basis_table *basis_new(const struct expectations *expect, struct arena *arena) {
    struct basis_table *basis = arena_new(arena, sizeof *basis);
    struct profile profiles[PROFILES_MAX];
    struct source key_sources[KEY_COUNT];
    bool differs[KEY_COUNT];
    struct expectations_error error;
    struct expectations *base = expectations_read(NULL, NULL, 0, &error);
    size_t n = 0;

    if (!base)
        return basis;
    for (size_t i = 0; i < expect->from_count && n < PROFILES_MAX; i++) {
        if (!starts(expect->from[i], "profile:"))
            continue;
        profiles[n].name = expect->from[i] + strlen("profile:");
        profiles[n].values = expectations_read(profiles[n].name, NULL, 0, &error);
        if (profiles[n].values)
            n++;
    }
    for (size_t k = 0; k < KEY_COUNT; k++)
        differs[k] = key_source(expect, &KEYS[k], base, profiles, n, &key_sources[k]);
    const struct rule *const *rules = catalogue(&basis->n);
    basis->made = ARENA_ARRAY(arena, struct made, basis->n);
    for (size_t i = 0; i < basis->n; i++)
        make(&basis->made[i], rules[i], key_sources, differs, profiles, n, arena);
    for (size_t i = 0; i < n; i++)
        expectations_free(profiles[i].values);
    expectations_free(base);
    return basis;
}

const struct source *basis_sources(const struct basis_table *basis, const struct rule *rule,
                                   size_t *count) {
    for (size_t i = 0; basis && i < basis->n; i++) {
        if (basis->made[i].rule == rule) {
            *count = basis->made[i].count;
            return basis->made[i].sources;
        }
    }
    *count = rule->source_count;
    return rule->sources;
}
