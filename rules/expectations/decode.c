/* The tree becomes the struct: single values through the offsets in the table of keys, lists by
 * hand.
 */
#include "rules/expectations/decode.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>

#include "base/instant.h"
#include "rules/expectations/schema.h"

static const cJSON *get(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static size_t count(const cJSON *list) {
    return cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
}

/* ---- single values ---- */

/* Whole seconds are kept exactly. */
static int64_t ns_of(const cJSON *value) {
    double whole = trunc(value->valuedouble);

    return (int64_t)whole * NS_PER_S + ns_of_seconds(value->valuedouble - whole);
}

/* The two ends of n or [low, high]. */
static void ends(const cJSON *value, const cJSON **low, const cJSON **high) {
    *low = cJSON_IsArray(value) ? value->child : value;
    *high = cJSON_IsArray(value) ? value->child->next : value;
}

/* Lower case; a name without its closing dot; an address as RFC 5952 writes it, without brackets.
 */
static const char *decode_name(const char *text, struct arena *arena) {
    struct ip_addr ip;
    char ip_chars[IP_TEXT_LEN];

    if (ip_parse(slice_of_text(text), &ip))
        return arena_text(arena, slice_of_text(ip_text(&ip, ip_chars)));
    char *name = arena_text(arena, slice_of_text(text));
    size_t len = strlen(name);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (len > 1 && name[len - 1] == '.')
        name[len - 1] = '\0';
    return name;
}

static unsigned decode_word(const struct key *key, const cJSON *value) {
    unsigned n = 0;

    if (cJSON_IsNull(value))
        return key->null_word;
    while (key->words[n] && strcmp(key->words[n], value->valuestring) != 0)
        n++;
    return key->first_word + n;
}

static void decode_members(const struct key *object, const cJSON *tree, struct arena *arena,
                           void *out);

#define STORE(type, ...) (*(type *)at = (type)__VA_ARGS__)

static void decode_value(const struct key *key, const cJSON *value, struct arena *arena,
                         void *out) {
    void *at = (char *)out + key->offset;
    bool null = cJSON_IsNull(value);
    const cJSON *low, *high;

    switch (key->kind) {
    case KEY_OBJECT:
        decode_members(key, value, arena, at);
        break;
    case KEY_BOOL:
        if (key->nullable)
            STORE(enum tristate, (null                  ? TRISTATE_NULL
                                  : cJSON_IsTrue(value) ? TRISTATE_TRUE
                                                        : TRISTATE_FALSE));
        else
            STORE(bool, (cJSON_IsTrue(value) != 0));
        break;
    case KEY_WORD:
        memcpy(at, &(unsigned){decode_word(key, value)}, sizeof(unsigned));
        break;
    case KEY_TEXT:
    case KEY_FLAGS:
        STORE(const char *, (null ? NULL : arena_text(arena, slice_of_text(value->valuestring))));
        break;
    case KEY_HOST:
    case KEY_DOMAIN:
    case KEY_TARGET:
        STORE(const char *, (decode_name(value->valuestring, arena)));
        break;
    case KEY_ADDRESS:
        if (!ip_parse(slice_of_text(value->valuestring), at))
            assert(false && "an address that passed schema_check");
        break;
    case KEY_PORT:
        STORE(uint16_t, (null ? 0 : value->valuedouble));
        break;
    case KEY_INTEGER:
        STORE(uint32_t, (value->valuedouble));
        break;
    case KEY_SECONDS:
    case KEY_WHOLE_SECONDS:
        STORE(struct ns_value, {.set = !null, .ns = null ? 0 : ns_of(value)});
        break;
    case KEY_NUMBER:
        STORE(double, (value->valuedouble));
        break;
    case KEY_NUMBER_SECONDS:
        STORE(int64_t, (ns_of(value)));
        break;
    case KEY_COUNTS:
        ends(value, &low, &high);
        STORE(struct int_range, {!null, (int)low->valuedouble, (int)high->valuedouble});
        break;
    case KEY_SPANS:
        ends(value, &low, &high);
        STORE(struct ns_range, {!null, ns_of(low), ns_of(high)});
        break;
    case KEY_PARTS:
        ends(value, &low, &high);
        ((double *)at)[0] = low->valuedouble;
        ((double *)at)[1] = high->valuedouble;
        break;
    case KEY_LIST:
    case KEY_TRIGGER:
    case KEY_KIND_COUNT:
        assert(false && "a single value");
        break;
    }
}

/* What the tree leaves out (an entry's own expectations, a null zone) leaves *out as it is. */
static void decode_members(const struct key *object, const cJSON *tree, struct arena *arena,
                           void *out) {
    for (size_t i = 0; i < object->member_count; i++) {
        const cJSON *value = get(tree, object->members[i].name);
        if (value && object->members[i].offset != KEY_NOT_STORED)
            decode_value(&object->members[i], value, arena, out);
    }
}

/* ---- lists ---- */

static void decode_triggers(const cJSON *list, struct failover_expectations *out) {
    if (!list)
        return;
    out->on_no_response = out->on_transport_error = false;
    out->on_status_count = 0;
    for (const cJSON *item = list->child; item; item = item->next) {
        unsigned low, high;

        if (strcmp(item->valuestring, "no-response") == 0) {
            out->on_no_response = true;
        } else if (strcmp(item->valuestring, "transport-error") == 0) {
            out->on_transport_error = true;
        } else if (trigger_statuses(item->valuestring, &low, &high) &&
                   out->on_status_count < FAILOVER_ON_MAX) {
            out->on_status[out->on_status_count].low = low;
            out->on_status[out->on_status_count++].high = high;
        }
    }
}

static void decode_transports(const cJSON *list, bool out[TRANSPORT_COUNT]) {
    for (const cJSON *item = list->child; item; item = item->next) {
        enum transport transport;
        if (transport_parse(slice_of_text(item->valuestring), &transport))
            out[transport] = true;
    }
}

static struct server_expectation *decode_servers(const cJSON *list, const struct expectations *top,
                                                 struct arena *arena) {
    struct server_expectation *servers = ARENA_ARRAY(arena, struct server_expectation, count(list));
    size_t n = 0;

    for (const cJSON *item = list->child; item; item = item->next, n++) {
        /* An entry's own expectations win over those at the top, key by key. */
        servers[n] = (struct server_expectation){
            .retry = top->retry, .failover = top->failover, .failback = top->failback};
        decode_members(&schema_server, item, arena, &servers[n]);
        decode_triggers(get(get(item, "failover"), "on"), &servers[n].failover);
    }
    return servers;
}

static char *lower_text(char *text) {
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

/* `dns.static` or `dns.known`: NAPTR, then SRV, then A and AAAA. */
static struct record_list decode_records(const struct key *key, const cJSON *tree,
                                         struct arena *arena) {
    static const struct {
        const char *list;
        uint16_t type;
    } kinds[] = {{"naptr", DNS_NAPTR}, {"srv", DNS_SRV}, {"a", DNS_A}};
    size_t total = 0, n = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        total += count(get(tree, kinds[i].list));
    struct fact_record *records = ARENA_ARRAY(arena, struct fact_record, total);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct key *item_key = schema_member(key, kinds[i].list)->members;
        const cJSON *list = get(tree, kinds[i].list);

        for (const cJSON *item = list->child; item; item = item->next, n++) {
            struct fact_record *record = &records[n];

            decode_members(item_key, item, arena, record);
            record->section = DNS_ANSWER;
            record->type = kinds[i].type;
            if (record->type == DNS_A && record->address.len == 16)
                record->type = DNS_AAAA;
            if (record->type == DNS_NAPTR) {
                record->flags = lower_text(arena_text(arena, slice_of_text(record->flags)));
                record->service = lower_text(arena_text(arena, slice_of_text(record->service)));
                record->regexp = "";
            }
        }
    }
    return (struct record_list){records, total};
}

static void decode_sites(const struct key *zone, const cJSON *list, struct arena *arena,
                         struct expectations *out) {
    const struct key *key = schema_member(zone, "sites")->members;
    struct zone_site *sites = ARENA_ARRAY(arena, struct zone_site, count(list));
    size_t n = 0;

    for (const cJSON *item = list ? list->child : NULL; item; item = item->next, n++) {
        const cJSON *targets = get(item, "targets");
        const char **names = ARENA_ARRAY(arena, const char *, count(targets));
        size_t i = 0;

        decode_members(key, item, arena, &sites[n]);
        if (!sites[n].name)
            sites[n].name = arena_printf(arena, "site %zu", n + 1);
        sites[n].has_priority = cJSON_IsNumber(get(item, "priority"));
        sites[n].has_weight = cJSON_IsNumber(get(item, "weight"));
        for (const cJSON *target = targets->child; target; target = target->next)
            names[i++] = decode_name(target->valuestring, arena);
        sites[n].targets = names;
        sites[n].target_count = i;
    }
    out->zone.sites = sites;
    out->zone.site_count = n;
}

void decode_expectations(const cJSON *tree, struct arena *arena, struct expectations *out) {
    const struct key *dns = schema_member(&schema_root, "dns");
    const cJSON *dns_tree = get(tree, "dns"), *zone = get(tree, "zone");

    decode_members(&schema_root, tree, arena, out);
    decode_triggers(get(get(tree, "failover"), "on"), &out->failover);

    out->servers = decode_servers(get(tree, "servers"), out, arena);
    out->server_count = count(get(tree, "servers"));
    out->outbound_proxies = decode_servers(get(tree, "outbound_proxies"), out, arena);
    out->outbound_proxy_count = count(get(tree, "outbound_proxies"));

    decode_transports(get(dns_tree, "transports"), out->dns.transports);
    decode_transports(get(dns_tree, "srv_without_naptr"), out->dns.srv_without_naptr);
    for (const cJSON *item = get(dns_tree, "families")->child; item; item = item->next) {
        out->dns.family_a |= strcmp(item->valuestring, "a") == 0;
        out->dns.family_aaaa |= strcmp(item->valuestring, "aaaa") == 0;
    }
    out->dns.static_records =
        decode_records(schema_member(dns, "static"), get(dns_tree, "static"), arena);
    out->dns.known_records =
        decode_records(schema_member(dns, "known"), get(dns_tree, "known"), arena);

    out->zone.set = cJSON_IsObject(zone);
    out->zone.has_port = cJSON_IsNumber(get(zone, "port"));
    decode_sites(schema_member(&schema_root, "zone"), get(zone, "sites"), arena, out);
}
