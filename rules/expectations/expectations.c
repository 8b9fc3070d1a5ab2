/* Expectations from a built-in profile or a file, those it extends, and --set:
 *
 *   rfc3263 ◀─ extends ─ grandstream ◀─ extends ─ site.json ◀─ --set …
 *
 * Each document is scanned, parsed and checked by itself, so that an error can name its file; then
 * it is laid over what it extends.
 */
#include "rules/expectations/expectations.h"

#include <stdio.h>
#include <stdlib.h>

#include "rules/expectations/assemble.h"
#include "rules/expectations/decode.h"
#include "rules/expectations/document.h"
#include "rules/expectations/merge.h"
#include "rules/expectations/profile_text.h"

/* What expectations_read hands out, with what it rests on. */
struct loaded {
    struct expectations expectations; /* first: the one is the other */
    struct arena arena;
    cJSON *tree;
};

void expectations_give_error(struct expectations_error *out, const struct text_buffer *error) {
    size_t len = error->n < sizeof out->text ? error->n : sizeof out->text - 1;

    /* Not in the middle of a character. */
    while (len && len < error->n && (error->items[len] & 0xc0) == 0x80)
        len--;
    memcpy(out->text, error->n ? error->items : "", len);
    out->text[len] = '\0';
}

/* ---- --set ---- */

/* Does the way to the value of a --set ("servers.2.port=0") go through, or lead to, what a message
 * ("servers.2.host: missing") is about? */
static bool is_about(const char *assignment, const char *message) {
    size_t holder = strcspn(message, ":");

    while (holder && message[holder - 1] != '.')
        holder--;
    return strncmp(assignment, message, holder) == 0;
}

/* Apply the --set options to the tree, which is exchanged. */
static bool apply_overrides(cJSON **tree, const char *const *overrides, size_t count,
                            struct text_buffer *error) {
    struct text_buffer why = {0};
    const char *culprit = NULL;

    for (size_t i = 0; i < count && !culprit; i++)
        if (!merge_set(*tree, overrides[i], &why))
            culprit = overrides[i];
    /* What a new entry of a list lacks shows only when all of them have been applied. */
    if (!culprit && count && !schema_check(&schema_root, *tree, NULL, true, &why)) {
        culprit = overrides[count - 1];
        for (size_t i = count; i-- > 0;)
            if (is_about(overrides[i], why.items)) {
                culprit = overrides[i];
                break;
            }
    }
    if (culprit)
        text_add(error, "--set %.100s: %s", culprit, why.items);
    free(why.items);
    if (culprit)
        return false;
    cJSON *merged = merge_trees(&schema_root, NULL, *tree);
    cJSON_Delete(*tree);
    *tree = merged;
    return true;
}

/* ---- reading ---- */

struct expectations *expectations_assemble(cJSON *tree, const char *const *from, size_t from_count,
                                           const char *const *overrides, size_t override_count,
                                           struct text_buffer *why) {
    if (!apply_overrides(&tree, overrides, override_count, why)) {
        cJSON_Delete(tree);
        return NULL;
    }

    struct loaded *loaded = memory_new_zeroed(1, sizeof *loaded);
    struct expectations *out = &loaded->expectations;
    const char **from_copy = ARENA_ARRAY(&loaded->arena, const char *, from_count);
    const char **set = ARENA_ARRAY(&loaded->arena, const char *, override_count);

    loaded->tree = tree;
    decode_expectations(tree, &loaded->arena, out);
    for (size_t i = 0; i < from_count; i++)
        from_copy[i] = arena_text(&loaded->arena, slice_of_text(from[i]));
    out->from = from_copy;
    out->from_count = from_count;
    for (size_t i = 0; i < override_count; i++)
        set[i] = arena_text(&loaded->arena, slice_of_text(overrides[i]));
    out->overrides = set;
    out->override_count = override_count;
    return out;
}

struct expectations *expectations_read(const char *profile, const char *const *overrides,
                                       size_t override_count, struct expectations_error *error) {
    const char *name = profile ? profile : profile_texts[0].name;
    struct text_buffer why = {0};
    struct arena arena = {0};
    struct expectations *out = NULL;
    bool built_in;
    cJSON *tree = document_read(name, &built_in, &why);

    if (tree) {
        const char *from = arena_printf(&arena, "%s:%s", built_in ? "profile" : "file", name);
        out = expectations_assemble(tree, &from, 1, overrides, override_count, &why);
    }
    if (!out)
        expectations_give_error(error, &why);
    free(why.items);
    arena_fini(&arena);
    return out;
}

const cJSON *expectations_tree(const struct expectations *expectations) {
    return ((const struct loaded *)expectations)->tree;
}

void expectations_adopt(struct expectations *expectations,
                        const struct account_expectations *accounts, size_t count) {
    struct arena *arena = &((struct loaded *)expectations)->arena;
    struct account_expectations *copy = ARENA_ARRAY(arena, struct account_expectations, count);

    for (size_t i = 0; i < count; i++) {
        copy[i].expect = accounts[i].expect;
        copy[i].user = accounts[i].user ? arena_text(arena, slice_of_text(accounts[i].user)) : NULL;
    }
    expectations->accounts = copy;
    expectations->account_count = count;
}

void expectations_free(struct expectations *expectations) {
    struct loaded *loaded = (struct loaded *)expectations;

    if (!loaded)
        return;
    for (size_t i = 0; i < expectations->account_count; i++)
        expectations_free(expectations->accounts[i].expect);
    cJSON_Delete(loaded->tree);
    arena_fini(&loaded->arena);
    free(loaded);
}

char *expectations_json(const struct expectations *expectations) {
    const struct loaded *loaded = (const struct loaded *)expectations;
    struct text_buffer text = {0};

    json_print(&text, loaded->tree, 0);
    text_add(&text, "\n");
    return text.items;
}

/* ---- the built-in profiles ---- */

const char *const *expectations_profile_names(void) {
    return profile_names;
}

const char *expectations_profile_title(const char *name) {
    for (size_t i = 0; i < profile_text_count; i++)
        if (strcmp(profile_texts[i].name, name) == 0)
            return profile_texts[i].title;
    return NULL;
}
