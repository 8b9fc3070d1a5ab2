/* Is a value what its row of the table asks for? One judge for each kind of value, one walk over
 * objects and lists; the walk goes no deeper than the table. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "rules/expectations/json_print.h"
#include "rules/expectations/json_scan.h"
#include "rules/expectations/schema.h"

enum { FOUND_MAX = 60, NAME_MAX_LEN = 253, LABEL_MAX_LEN = 63 };

/* ---- texts ---- */

bool host_name_valid(const char *name) {
    struct slice rest = slice_of_text(name);
    bool numeric = false;

    if (rest.len && rest.ptr[rest.len - 1] == '.')
        rest.len--;
    if (!rest.len || rest.len > NAME_MAX_LEN)
        return false;
    for (bool more = true; more;) {
        struct slice label = slice_between(rest, 0, slice_find(rest, '.'));

        more = label.len < rest.len;
        slice_skip(&rest, more ? label.len + 1 : rest.len);
        if (!label.len || label.len > LABEL_MAX_LEN)
            return false;
        numeric = true;
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = label.ptr[i], lower = c | 0x20;
            bool digit = c >= '0' && c <= '9';
            if (!digit && !(lower >= 'a' && lower <= 'z') && c != '-' && c != '_')
                return false;
            numeric = numeric && digit;
        }
    }
    return !numeric;
}

static bool is_address(const char *text) {
    struct ip_addr ip;

    /* Brackets are for IPv6 alone. */
    return ip_parse(slice_of_text(text), &ip) && (text[0] != '[' || ip.len == 16);
}

bool trigger_statuses(const char *trigger, unsigned *low, unsigned *high) {
    struct slice rest = slice_of_text(trigger), from, to;
    uint64_t first, last;

    if (!slice_take(&rest, 3, &from))
        return false;
    to = from;
    if (rest.len &&
        (rest.ptr[0] != '-' || !slice_skip(&rest, 1) || !slice_take(&rest, 3, &to) || rest.len))
        return false;
    if (!slice_to_u64(from, &first) || !slice_to_u64(to, &last) || first > last)
        return false;
    *low = (unsigned)first;
    *high = (unsigned)last;
    return true;
}

static bool is_trigger(const char *text, double low, double high) {
    unsigned first, last;

    return strcmp(text, "no-response") == 0 || strcmp(text, "transport-error") == 0 ||
           (trigger_statuses(text, &first, &last) && first >= low && last <= high);
}

/* From low to high characters, none of them a control character. */
static bool is_text(const char *text, double low, double high) {
    double n = 0;

    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
        n += (*c & 0xc0) != 0x80;
    }
    return n >= low && n <= high;
}

static bool is_flags(const char *text, double high) {
    return strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
               strlen(text) &&
           (double)strlen(text) <= high;
}

static bool is_word(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* ---- numbers ---- */

static bool is_number(const cJSON *value, double low, double high) {
    return cJSON_IsNumber(value) && value->valuedouble >= low && value->valuedouble <= high;
}

static bool is_integer(const cJSON *value, double low, double high) {
    return is_number(value, low, high) && value->valuedouble <= trunc(value->valuedouble) &&
           value->valuedouble >= trunc(value->valuedouble);
}

/* [low, high], in order. */
static bool is_pair(const cJSON *value, double low, double high,
                    bool (*is)(const cJSON *, double, double)) {
    const cJSON *first = cJSON_IsArray(value) ? value->child : NULL;
    const cJSON *second = first ? first->next : NULL;

    return first && second && !second->next && is(first, low, high) && is(second, low, high) &&
           first->valuedouble <= second->valuedouble;
}

/* A value that is neither object nor list to the table. */
static bool is_valid(const struct key *key, const cJSON *value) {
    const char *text = cJSON_IsString(value) ? value->valuestring : NULL;

    if (cJSON_IsNull(value))
        return key->nullable;
    switch (key->kind) {
    case KEY_BOOL:
        return cJSON_IsBool(value);
    case KEY_WORD:
        return text && is_word(text, key->words);
    case KEY_TEXT:
        return text && is_text(text, key->low, key->high);
    case KEY_HOST:
        return text && (host_name_valid(text) || is_address(text));
    case KEY_DOMAIN:
        return text && host_name_valid(text);
    case KEY_TARGET:
        return text && (strcmp(text, ".") == 0 || host_name_valid(text) || is_address(text));
    case KEY_ADDRESS:
        return text && is_address(text);
    case KEY_FLAGS:
        return text && is_flags(text, key->high);
    case KEY_TRIGGER:
        return text && is_trigger(text, key->low, key->high);
    case KEY_PORT:
    case KEY_INTEGER:
    case KEY_WHOLE_SECONDS:
        return is_integer(value, key->low, key->high);
    case KEY_SECONDS:
    case KEY_NUMBER:
    case KEY_NUMBER_SECONDS:
        return is_number(value, key->low, key->high);
    case KEY_COUNTS:
        return is_integer(value, key->low, key->high) ||
               is_pair(value, key->low, key->high, is_integer);
    case KEY_SPANS:
        return is_number(value, key->low, key->high) ||
               is_pair(value, key->low, key->high, is_number);
    case KEY_PARTS:
        return is_pair(value, key->low, key->high, is_number);
    case KEY_OBJECT:
        return cJSON_IsObject(value);
    case KEY_LIST:
        return cJSON_IsArray(value);
    case KEY_KIND_COUNT:
        break;
    }
    assert(false && "a kind of value");
    return false;
}

/* ---- wording ---- */

/* A key as the file has it: whatever characters, whatever length. */
static void print_name(struct text_buffer *text, const char *name) {
    size_t len = strlen(name), cut = len;

    if (len > FOUND_MAX)
        for (cut = FOUND_MAX; cut && (name[cut] & 0xc0) == 0x80;)
            cut--;
    for (size_t i = 0; i < cut; i++) {
        bool control = (unsigned char)name[i] < 0x20 || name[i] == 0x7f;
        text_add(text, "%c", control ? '?' : name[i]);
    }
    text_add(text, "%s", cut < len ? "…" : "");
}

void key_path_print(struct text_buffer *text, const struct key_path *path) {
    enum { DEEPEST = 16 };
    const struct key_path *steps[DEEPEST];
    size_t n = 0;

    for (; path && n < DEEPEST; path = path->up)
        steps[n++] = path;
    for (size_t i = n; i-- > 0;) {
        if (steps[i]->name)
            print_name(text, steps[i]->name);
        else
            text_add(text, "%zu", steps[i]->index);
        if (i)
            text_add(text, ".");
    }
}

static void print_names(struct text_buffer *text, const char *const *words) {
    for (size_t i = 0; words[i]; i++)
        text_add(text, "%s%s", i ? ", " : "", words[i]);
}

static void print_range(struct text_buffer *text, const char *what, const struct key *key) {
    text_add(text, "%s from ", what);
    json_print_number(text, key->low);
    text_add(text, " to ");
    json_print_number(text, key->high);
}

void schema_expected(struct text_buffer *text, const struct key *key) {
    /* How each kind is called; the ones with a range, words or length get those behind it. */
    static const char *const names[] = {
        [KEY_OBJECT] = "an object",
        [KEY_LIST] = "a list",
        [KEY_BOOL] = "true or false",
        [KEY_WORD] = "one of ",
        [KEY_TEXT] = "a line of text",
        [KEY_HOST] = "a host name or an IP address",
        [KEY_DOMAIN] = "a domain name",
        [KEY_TARGET] = "a domain name, an IP address or \".\"",
        [KEY_ADDRESS] = "an IP address",
        [KEY_FLAGS] = "letters and digits",
        [KEY_TRIGGER] = "no-response, transport-error, a status (503) or a range",
        [KEY_PORT] = "an integer",
        [KEY_INTEGER] = "an integer",
        [KEY_SECONDS] = "a number",
        [KEY_WHOLE_SECONDS] = "an integer",
        [KEY_NUMBER] = "a number",
        [KEY_NUMBER_SECONDS] = "a number",
        [KEY_COUNTS] = "an integer",
        [KEY_SPANS] = "a number",
        [KEY_PARTS] = "[low, high], two numbers",
    };
    static_assert(sizeof names / sizeof *names == KEY_KIND_COUNT, "each kind has a name");
    const char *close = key->nullable ? " or null" : "";

    switch (key->kind) {
    case KEY_WORD:
        text_add(text, "%s", names[key->kind]);
        print_names(text, key->words);
        break;
    case KEY_TEXT:
        print_range(text, names[key->kind], key);
        text_add(text, " characters");
        break;
    case KEY_TRIGGER:
        text_add(text, "%s (%.0f-%.0f)", names[key->kind], key->low, key->high);
        break;
    case KEY_FLAGS:
        text_add(text, "%s, at most %.0f", names[key->kind], key->high);
        break;
    case KEY_PORT:
    case KEY_INTEGER:
    case KEY_SECONDS:
    case KEY_WHOLE_SECONDS:
    case KEY_NUMBER:
    case KEY_NUMBER_SECONDS:
        print_range(text, names[key->kind], key);
        break;
    case KEY_COUNTS:
    case KEY_SPANS:
        print_range(text, names[key->kind], key);
        text_add(text, key->nullable ? ", [min, max]" : " or [min, max]");
        break;
    case KEY_PARTS:
        print_range(text, names[key->kind], key);
        text_add(text, ", the lower first");
        break;
    case KEY_OBJECT:
    case KEY_LIST:
    case KEY_BOOL:
    case KEY_HOST:
    case KEY_DOMAIN:
    case KEY_TARGET:
    case KEY_ADDRESS:
    case KEY_KIND_COUNT:
        text_add(text, "%s",
                 key->kind == KEY_BOOL && key->nullable ? "true, false" : names[key->kind]);
        break;
    }
    text_add(text, "%s", close);
}

/* The value as it was written, or what it is where that is long. */
static void print_found(struct text_buffer *text, const cJSON *value) {
    struct text_buffer found = {0};

    if (cJSON_IsObject(value)) {
        text_add(text, value->child ? "an object" : "an empty object");
        return;
    }
    json_print(&found, value, -1);
    if (found.n <= FOUND_MAX) {
        text_add(text, "%s", found.items);
    } else if (cJSON_IsArray(value)) {
        text_add(text, "a list of %d", cJSON_GetArraySize(value));
    } else {
        size_t cut = FOUND_MAX;
        while (cut && (found.items[cut] & 0xc0) == 0x80)
            cut--;
        text_add(text, "%.*s…", (int)cut, found.items);
    }
    free(found.items);
}

static bool wrong(struct text_buffer *error, const struct key *key, const cJSON *value,
                  const struct key_path *path) {
    key_path_print(error, path);
    text_add(error, "%sexpected ", path ? ": " : "");
    schema_expected(error, key);
    text_add(error, ", found ");
    print_found(error, value);
    return false;
}

static bool said(struct text_buffer *error, const struct key_path *path, const char *what) {
    key_path_print(error, path);
    text_add(error, ": %s", what);
    return false;
}

static bool unknown(struct text_buffer *error, const struct key *object,
                    const struct key_path *path) {
    key_path_print(error, path);
    text_add(error, ": unknown key; known here: ");
    for (size_t i = 0; i < object->member_count; i++)
        text_add(error, "%s%s", i ? ", " : "", object->members[i].name);
    return false;
}

/* ---- the walk ---- */

static bool check_object(const struct key *key, const cJSON *object, const struct key_path *up,
                         bool complete, struct text_buffer *error) {
    for (const cJSON *value = object->child; value; value = value->next) {
        const struct key_path path = {up, value->string, 0};
        const struct key *member = schema_member(key, value->string);

        if (!member)
            return unknown(error, key, &path);
        for (const cJSON *before = object->child; before != value; before = before->next)
            if (strcmp(before->string, value->string) == 0)
                return said(error, &path, "given twice");
        if (!schema_check(member, value, &path, complete, error))
            return false;
    }
    for (size_t i = 0; complete && i < key->member_count; i++) {
        const struct key_path path = {up, key->members[i].name, 0};
        if (key->members[i].required &&
            !cJSON_GetObjectItemCaseSensitive(object, key->members[i].name))
            return said(error, &path, "missing");
    }
    return true;
}

static bool check_list(const struct key *key, const cJSON *list, const struct key_path *up,
                       bool complete, struct text_buffer *error) {
    size_t n = 0;

    for (const cJSON *item = list->child; item; item = item->next, n++) {
        const struct key_path path = {up, NULL, n};

        if ((double)n >= key->high) {
            key_path_print(error, up);
            text_add(error, ": expected at most %.0f entries", key->high);
            return false;
        }
        if (!schema_check(key->members, item, &path, complete, error))
            return false;
        for (const cJSON *before = list->child; key->unique && before != item;
             before = before->next)
            if (cJSON_Compare(before, item, true))
                return said(error, &path, "listed twice");
    }
    if (complete && (double)n < key->low) {
        key_path_print(error, up);
        text_add(error, ": expected at least %.0f entr%s, found %zu", key->low,
                 key->low > 1 ? "ies" : "y", n);
        return false;
    }
    return true;
}

bool schema_check(const struct key *key, const cJSON *value, const struct key_path *path,
                  bool complete, struct text_buffer *error) {
    if (!is_valid(key, value))
        return wrong(error, key, value, path);
    if (key->kind == KEY_OBJECT && cJSON_IsObject(value))
        return check_object(key, value, path, complete, error);
    if (key->kind == KEY_LIST && cJSON_IsArray(value))
        return check_list(key, value, path, complete, error);
    return true;
}
