/* --set KEY=VALUE: a walk down the tree and the table of keys side by side, which makes what is
 * missing on the way, and a value put at its end.
 */
#include <stdlib.h>

#include "rules/expectations/json_scan.h"
#include "rules/expectations/merge.h"

/* The way to the value that a --set names, as far as it exists. */
struct place {
    const struct key *key;
    cJSON *holder; /* the object or list that has it, or will */
    cJSON *value;  /* NULL: not there yet */
    struct key_path path;
};

enum { SET_DEPTH_MAX = 12 };

static bool is_index(const char *step, size_t *index) {
    uint64_t n;

    if (!slice_to_u64(slice_of_text(step), &n) || n > 1000000)
        return false;
    *index = (size_t)n;
    return true;
}

static bool say_path(struct text_buffer *error, const struct key_path *path, const char *what) {
    key_path_print(error, path);
    text_add(error, "%s%s", path ? ": " : "", what);
    return false;
}

/* Put a value where the way ends, in place of the one that is there. */
static void put(struct place *at, cJSON *value) {
    tree_checked(value);
    if (at->value && cJSON_IsArray(at->holder))
        cJSON_ReplaceItemViaPointer(at->holder, at->value, value);
    else if (at->value)
        cJSON_ReplaceItemInObjectCaseSensitive(at->holder, at->key->name, value);
    else if (cJSON_IsArray(at->holder))
        cJSON_AddItemToArray(at->holder, value);
    else
        tree_add_member(at->holder, at->key->name, value);
    at->value = value;
}

static bool step_into_object(struct place *at, const char *step, struct place *next,
                             struct text_buffer *error) {
    next->key = schema_member(at->key, step);
    next->path = (struct key_path){at->path.up || at->path.name ? &at->path : NULL, step, 0};
    if (!next->key) {
        say_path(error, &next->path, "unknown key; known here: ");
        for (size_t i = 0; i < at->key->member_count; i++)
            text_add(error, "%s%s", i ? ", " : "", at->key->members[i].name);
        return false;
    }
    if (!cJSON_IsObject(at->value))
        put(at, cJSON_CreateObject());
    next->holder = at->value;
    next->value = cJSON_GetObjectItemCaseSensitive(at->value, step);
    return true;
}

static bool step_into_list(struct place *at, const char *step, struct place *next,
                           struct text_buffer *error) {
    size_t index, count;

    if (!is_index(step, &index)) {
        say_path(error, &at->path, "expected the number of an entry, found ");
        text_add(error, "%.60s", step);
        return false;
    }
    if (!cJSON_IsArray(at->value))
        put(at, cJSON_CreateArray());
    count = (size_t)cJSON_GetArraySize(at->value);
    if (index > count) {
        key_path_print(error, &at->path);
        text_add(error, ": has %zu entr%s, so the next is %zu, not %zu", count,
                 count == 1 ? "y" : "ies", count, index);
        return false;
    }
    next->key = at->key->members;
    next->path = (struct key_path){&at->path, NULL, index};
    next->holder = at->value;
    next->value = cJSON_GetArrayItem(at->value, (int)index);
    return true;
}

static bool step_into(struct place *at, const char *step, struct place *next,
                      struct text_buffer *error) {
    if (at->key->kind == KEY_OBJECT)
        return step_into_object(at, step, next, error);
    if (at->key->kind == KEY_LIST)
        return step_into_list(at, step, next, error);
    return say_path(error, &at->path, "has no members");
}

/* Does a step go into [low, high], which the table sees as one value? */
static bool names_part(const struct place *at, const char *step, size_t *part) {
    return (at->key->kind == KEY_COUNTS || at->key->kind == KEY_SPANS ||
            at->key->kind == KEY_PARTS) &&
           cJSON_IsArray(at->value) && is_index(step, part) && *part < 2;
}

static bool takes_text(const struct key *key) {
    switch (key->kind) {
    case KEY_WORD:
    case KEY_TEXT:
    case KEY_HOST:
    case KEY_DOMAIN:
    case KEY_TARGET:
    case KEY_ADDRESS:
    case KEY_FLAGS:
    case KEY_TRIGGER:
        return true;
    case KEY_OBJECT:
    case KEY_LIST:
    case KEY_BOOL:
    case KEY_PORT:
    case KEY_INTEGER:
    case KEY_SECONDS:
    case KEY_WHOLE_SECONDS:
    case KEY_NUMBER:
    case KEY_NUMBER_SECONDS:
    case KEY_COUNTS:
    case KEY_SPANS:
    case KEY_PARTS:
    case KEY_KIND_COUNT:
        break;
    }
    return false;
}

/* What stands behind the '=': JSON, or a bare word; a number or a truth is a word where the key
 * takes texts (`failover.on.3=408`). NULL: *error. */
static cJSON *read_value(const struct key *key, const char *text, struct text_buffer *error) {
    struct json_error wrong;
    bool json = json_scan(slice_of_text(text), &wrong);
    cJSON *value = json ? cJSON_Parse(text) : NULL;

    if (!json && *text && strchr("{[\"", *text)) {
        text_add(error, "column %zu of the value: %s%s%s%s", wrong.column,
                 *wrong.found ? "expected " : "", wrong.expected, *wrong.found ? ", found " : "",
                 wrong.found);
        return NULL;
    }
    for (struct slice rest = slice_of_text(text); rest.len;) {
        size_t len = utf8_len(rest);
        if (!slice_skip(&rest, len) || !len) {
            text_add(error, "the value is no UTF-8");
            cJSON_Delete(value);
            return NULL;
        }
    }
    if (value && takes_text(key) && (cJSON_IsNumber(value) || cJSON_IsBool(value))) {
        cJSON_Delete(value);
        value = NULL;
    }
    return value ? value : tree_checked(cJSON_CreateString(text));
}

/* Walk to the value that `steps` (which is cut up) names. NULL: *error. *part: which number of
 * [low, high] is meant; 2: the value as a whole. */
static struct place *walk(struct place way[SET_DEPTH_MAX + 1], char *steps, size_t *part,
                          struct text_buffer *error) {
    struct place *at = way;

    *part = 2;
    for (char *rest = steps; rest;) {
        const char *step = strsep(&rest, ".");

        if (!rest && names_part(at, step, part))
            break;
        if (at == way + SET_DEPTH_MAX) {
            text_add(error, "the key has too many parts");
            return NULL;
        }
        if (!step_into(at, step, at + 1, error))
            return NULL;
        at++;
    }
    if (at->key == schema_member(&schema_root, "extends")) {
        text_add(error, "extends: cannot be set here; name the profile with --profile");
        return NULL;
    }
    return at;
}

bool merge_set(cJSON *tree, const char *assignment, struct text_buffer *error) {
    const char *equals = strchr(assignment, '=');
    struct place way[SET_DEPTH_MAX + 1] = {{.key = &schema_root, .value = tree}};
    struct arena arena = {0};
    size_t part;
    bool done = false;

    if (!equals || equals == assignment) {
        text_add(error, "expected KEY=VALUE");
        return false;
    }
    char *steps = arena_text(&arena, slice_of(assignment, (size_t)(equals - assignment)));
    struct place *at = walk(way, steps, &part, error);
    cJSON *value = at ? read_value(at->key, equals + 1, error) : NULL;

    if (value && part < 2) {
        cJSON *pair = tree_checked(cJSON_Duplicate(at->value, true));
        cJSON_ReplaceItemInArray(pair, (int)part, value);
        value = pair;
    }
    if (value && schema_check(at->key, value, &at->path, false, error)) {
        put(at, merge_trees(at->key, at->value, value));
        done = true;
    }
    cJSON_Delete(value);
    arena_fini(&arena);
    return done;
}
