/* Yealink's static DNS cache: dns_cache_a.N., dns_cache_srv.N., dns_cache_naptr.N. of the guide's
 * appendix B become dns.static.
 *
 * A port of 0 is that of records without one: 5060. The guide's examples write `_sip_tcp.` where
 * `_sip._tcp.` is meant.
 */
#include <stdio.h>

#include "rules/expectations/merge.h"
#include "rules/expectations/phone_config/vendors.h"

enum { RECORDS = 12, NAME_LEN = 128, DEFAULT_PORT = 5060, TEXT_LEN = 256 };

enum field_kind { FIELD_NUMBER, FIELD_NAME, FIELD_TEXT, FIELD_FLAGS, FIELD_PORT };

struct field {
    const char *name, *key;
    enum field_kind kind;
    long low, high, preset;
    bool required; /* no record without it */
};

#define TTL                                                                                        \
    { "ttl", "ttl_s", FIELD_NUMBER, 30, 2147483647, 300, false }
#define BITS16(name, key)                                                                          \
    { name, key, FIELD_NUMBER, 0, 65535, 0, false }

static const struct field A_FIELDS[] = {
    {"name", "name", FIELD_NAME, .required = true},
    {"ip", "address", FIELD_TEXT, .required = true},
    TTL,
};
static const struct field SRV_FIELDS[] = {
    {"name", "name", FIELD_NAME, .required = true},
    {"target", "target", FIELD_TEXT, .required = true},
    {"port", "port", FIELD_PORT, 0, 65535, 0, false},
    BITS16("priority", "priority"),
    BITS16("weight", "weight"),
    TTL,
};
static const struct field NAPTR_FIELDS[] = {
    {"name", "name", FIELD_NAME, .required = true},
    {"replace", "replacement", FIELD_NAME, .required = true},
    {"service", "service", FIELD_TEXT, .required = true},
    {"flags", "flags", FIELD_FLAGS, .required = false},
    BITS16("order", "order"),
    BITS16("preference", "preference"),
    TTL,
};

static const struct kind {
    const char *group, *list;
    const struct field *fields;
    size_t n;
} KINDS[] = {
    {"dns_cache_naptr", "naptr", NAPTR_FIELDS, sizeof NAPTR_FIELDS / sizeof *NAPTR_FIELDS},
    {"dns_cache_srv", "srv", SRV_FIELDS, sizeof SRV_FIELDS / sizeof *SRV_FIELDS},
    {"dns_cache_a", "a", A_FIELDS, sizeof A_FIELDS / sizeof *A_FIELDS},
};

static const struct setting *find(const struct config_source *source, const struct kind *kind,
                                  int number, const char *name) {
    char key[NAME_LEN];

    snprintf(key, sizeof key, "%s.%d.%s", kind->group, number, name);
    return settings_find(source->settings, key);
}

/* _sip_tcp.example.com → _sip._tcp.example.com; all others stay. */
static const char *put_right(const char *name, struct arena *arena) {
    static const char *const misprints[] = {"_sip_udp.", "_sip_tcp.", "_sips_tcp.", "_sip_tls."};

    for (size_t i = 0; i < sizeof misprints / sizeof *misprints; i++) {
        size_t len = strlen(misprints[i]);
        size_t service = strcspn(misprints[i] + 1, "_") + 1;
        if (slice_starts_nocase(slice_of_text(name), slice_of(misprints[i], len)))
            return arena_printf(arena, "%.*s.%s", (int)service, name, name + service);
    }
    return name;
}

static cJSON *value_of(const struct config_source *source, const struct field *field,
                       const struct setting *setting) {
    const char *text = setting ? setting->value : "";
    long n = field->preset;

    switch (field->kind) {
    case FIELD_NUMBER:
    case FIELD_PORT:
        if (setting &&
            !row_number(setting, field->low, field->high, &n, source->arena, source->place))
            return NULL;
        return cJSON_CreateNumber(field->kind == FIELD_PORT && !n ? DEFAULT_PORT : (double)n);
    case FIELD_FLAGS:
        if (*text && (text[1] || !strchr("SAUPsaup", *text))) {
            config_wrong(source->place, setting->line, "%s: expected S, A, U or P, found %s",
                         setting->written, config_quoted(text, source->arena));
            return NULL;
        }
        return cJSON_CreateString(text);
    case FIELD_NAME:
        return cJSON_CreateString(put_right(text, source->arena));
    case FIELD_TEXT:
        break;
    }
    return cJSON_CreateString(text);
}

/* Is the record there? One with a part of what it needs is an error. */
static bool is_there(const struct config_source *source, const struct kind *kind, int number) {
    const struct setting *given = NULL;
    const struct field *missing = NULL;

    for (size_t i = 0; i < kind->n; i++) {
        const struct setting *setting = find(source, kind, number, kind->fields[i].name);
        if (kind->fields[i].required && setting && (!given || setting->line < given->line))
            given = setting;
        else if (kind->fields[i].required && !setting && !missing)
            missing = &kind->fields[i];
    }
    if (given && missing)
        return config_wrong(source->place, given->line, "%s: the record lacks its %s.%d.%s",
                            given->written, kind->group, number, missing->name);
    return given != NULL;
}

void yealink_put_records(struct config_source *source, struct overlay *overlay) {
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        const struct kind *kind = &KINDS[k];
        int index = 0;

        for (int number = 1; number <= RECORDS; number++) {
            if (!is_there(source, kind, number))
                continue;
            for (size_t i = 0; i < kind->n; i++) {
                const struct setting *from = find(source, kind, number, kind->fields[i].name);
                cJSON *value = value_of(source, &kind->fields[i], from);
                if (value)
                    overlay_put(overlay, value, from, "dns.static.%s.%d.%s", kind->list, index,
                                kind->fields[i].key);
            }
            index++;
        }
    }
}
