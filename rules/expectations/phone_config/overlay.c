/* A tree that grows by dotted keys, and remembers who put what. */
#include "rules/expectations/phone_config/overlay.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/expectations/merge.h"

enum { KEY_LEN = 128 };

void overlay_init(struct overlay *overlay, struct arena *arena) {
    *overlay = (struct overlay){.arena = arena, .tree = tree_checked(cJSON_CreateObject())};
}

void overlay_fini(struct overlay *overlay) {
    cJSON_Delete(overlay->tree);
    free(overlay->origins.items);
}

/* ---- dotted keys ---- */

/* The next step of a key, cut off from its front. */
static bool next_step(const char **key, char step[KEY_LEN]) {
    size_t len = strcspn(*key, ".");

    if (!len || len >= KEY_LEN)
        return false;
    memcpy(step, *key, len);
    step[len] = '\0';
    *key += (*key)[len] ? len + 1 : len;
    return true;
}

static cJSON *member(const cJSON *holder, const char *step) {
    if (!cJSON_IsArray(holder))
        return cJSON_GetObjectItemCaseSensitive(holder, step);
    return isdigit((unsigned char)step[0]) ? cJSON_GetArrayItem(holder, atoi(step)) : NULL;
}

cJSON *tree_at(const cJSON *tree, const char *key) {
    cJSON *at = (cJSON *)(uintptr_t)tree;
    char step[KEY_LEN];

    while (at && *key)
        at = next_step(&key, step) ? member(at, step) : NULL;
    return at;
}

static void add_member(cJSON *holder, const char *step, cJSON *value) {
    if (cJSON_IsArray(holder))
        cJSON_AddItemToArray(holder, tree_checked(value));
    else
        tree_add_member(holder, step, value);
}

/* ---- putting ---- */

static void put(cJSON *tree, const char *key, cJSON *value) {
    cJSON *holder = tree, *there;
    char step[KEY_LEN];

    while (next_step(&key, step) && *key) {
        there = member(holder, step);
        if (!there) {
            there = isdigit((unsigned char)*key) ? cJSON_CreateArray() : cJSON_CreateObject();
            add_member(holder, step, there);
        }
        holder = there;
    }
    there = member(holder, step);
    if (!there)
        add_member(holder, step, value);
    else if (cJSON_IsArray(holder))
        cJSON_ReplaceItemViaPointer(holder, there, value);
    else
        cJSON_ReplaceItemInObjectCaseSensitive(holder, step, value);
}

void overlay_put(struct overlay *overlay, cJSON *value, const struct setting *from, const char *key,
                 ...) {
    char text[KEY_LEN];
    va_list args;

    va_start(args, key);
    vsnprintf(text, sizeof text, key, args);
    va_end(args);
    put(overlay->tree, text, tree_checked(value));
    *ARRAY_PUSH(&overlay->origins) =
        (struct origin){arena_text(overlay->arena, slice_of_text(text)), from, NULL};
}

void overlay_note(struct overlay *overlay, const char *note) {
    overlay->origins.items[overlay->origins.n - 1].note = note;
}

/* Delete what the key names in an entry (or a part of), and the objects around it that are empty
 * then. */
static void clear(cJSON *object, const char *key) {
    char step[KEY_LEN];
    cJSON *inner;

    if (!next_step(&key, step))
        return;
    inner = cJSON_GetObjectItemCaseSensitive(object, step);
    if (*key && cJSON_IsObject(inner))
        clear(inner, key);
    if (inner && (!*key || !cJSON_IsObject(inner) || !inner->child))
        cJSON_DeleteItemFromObjectCaseSensitive(object, step);
}

void overlay_make_way(struct overlay *overlay, const char *assignment) {
    static const char *const lists[] = {"servers", "outbound_proxies"};
    static const char *const groups[] = {"retry", "failover", "failback"};
    size_t len = strcspn(assignment, "="), group = strcspn(assignment, ".=");
    bool both = false; /* at the top and in entries */

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        both = both || slice_eq(slice_of(assignment, group), slice_of_text(groups[i]));
    if (!both)
        return;
    const char *key = arena_text(overlay->arena, slice_of(assignment, len));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const cJSON *list = tree_at(overlay->tree, lists[i]);
        for (cJSON *entry = list ? list->child : NULL; entry; entry = entry->next)
            clear(entry, key);
    }
}

const struct origin *overlay_origin(const struct overlay *overlay, const char *key) {
    for (size_t i = overlay->origins.n; i-- > 0;) {
        const struct origin *origin = &overlay->origins.items[i];
        size_t len = strlen(origin->key);

        if (strncmp(key, origin->key, len) == 0 && (!key[len] || key[len] == '.'))
            return origin;
    }
    return NULL;
}
