/* Expectations documents: found, read, scanned, parsed, checked, laid over what they extend.
 *
 * `extends` names a built-in profile, or a file: its path relative to the folder of the file that
 * says so.
 */
#include "rules/expectations/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rules/expectations/expectations.h"
#include "rules/expectations/json_scan.h"
#include "rules/expectations/merge.h"
#include "rules/expectations/profile_text.h"

enum { FILE_MAX_LEN = 4 << 20, CHAIN_MAX = 16 };

/* A document that is being read, and the one that extends it. */
struct link {
    const struct link *up;
    const char *label;               /* for messages: the path, or the built-in name */
    const char *path;                /* NULL: built in */
    const char *real;                /* the file's one path; NULL: built in */
    const struct profile_text *text; /* NULL: a file */
};

static const struct profile_text *find_profile(const char *name) {
    for (size_t i = 0; i < profile_text_count; i++)
        if (strcmp(profile_texts[i].name, name) == 0)
            return &profile_texts[i];
    return NULL;
}

/* ---- files ---- */

char *document_bytes(const char *path, size_t *len, struct text_buffer *error) {
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    int trouble = 0;

    if (!file) {
        text_add(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    bytes = memory_new(FILE_MAX_LEN + 1);
    errno = 0;
    *len = fread(bytes, 1, FILE_MAX_LEN + 1, file);
    trouble = ferror(file) ? errno : 0;
    fclose(file);
    if (trouble || *len > FILE_MAX_LEN) {
        text_add(error, "%s: %s", path, trouble ? strerror(trouble) : "larger than 4 MiB");
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* Text to tree. NULL: *error. */
static cJSON *parse(const char *label, struct slice text, struct text_buffer *error) {
    struct json_error wrong;

    if (!json_scan(text, &wrong)) {
        text_add(error, "%s: line %zu, column %zu: %s%s%s%s", label, wrong.line, wrong.column,
                 *wrong.found ? "expected " : "", wrong.expected, *wrong.found ? ", found " : "",
                 wrong.found);
        return NULL;
    }
    return tree_checked(cJSON_ParseWithLength((const char *)text.ptr, text.len));
}

static cJSON *load(const struct link *link, struct text_buffer *error) {
    struct text_buffer why = {0};
    size_t len;
    char *bytes = NULL;
    struct slice text;

    if (link->text) {
        text = slice_of(link->text->text, link->text->len);
    } else {
        bytes = document_bytes(link->path, &len, error);
        if (!bytes)
            return NULL;
        text = slice_of(bytes, len);
    }
    cJSON *tree = parse(link->label, text, error);
    free(bytes);
    if (tree && !schema_check(&schema_root, tree, NULL, true, &why)) {
        text_add(error, "%s: %s", link->label, why.items);
        cJSON_Delete(tree);
        tree = NULL;
    }
    free(why.items);
    return tree;
}

/* ---- extends ---- */

static void say_no_profile(struct text_buffer *error, const char *name) {
    text_add(error, "%s: no such file, and no built-in profile of this name (there are ", name);
    for (size_t i = 0; i < profile_text_count; i++)
        text_add(error, "%s%s",
                 !i                           ? ""
                 : i + 1 < profile_text_count ? ", "
                                              : " and ",
                 profile_texts[i].name);
    text_add(error, ")");
}

/* Where a file of this name is, seen from the file that extends it. */
static char *beside(const struct link *up, const char *name, struct arena *arena) {
    const char *slash = up && up->path ? strrchr(up->path, '/') : NULL;

    if (!slash || name[0] == '/')
        return arena_text(arena, slice_of_text(name));
    return arena_printf(arena, "%.*s/%s", (int)(slash - up->path), up->path, name);
}

/* Make the link to a named document. false: *error. */
static bool find(const char *name, const struct link *up, struct link *link, struct arena *arena,
                 struct text_buffer *error) {
    size_t depth = 0;
    char *real;

    *link = (struct link){.up = up, .label = name, .text = find_profile(name)};
    if (link->text)
        return true;
    link->path = link->label = beside(up, name, arena);
    real = realpath(link->path, NULL);
    /* A pipe (`<(…)` in a shell) has a path that leads to no file. */
    if (!real && access(link->path, R_OK) == 0)
        return true;
    if (!real) {
        if (up)
            text_add(error, "%s: extends: ", up->label);
        if (errno == ENOENT || errno == ENOTDIR)
            say_no_profile(error, link->path);
        else
            text_add(error, "%s: %s", link->path, strerror(errno));
        return false;
    }
    link->real = arena_text(arena, slice_of_text(real));
    free(real);
    for (; up; up = up->up, depth++) {
        if (up->real && strcmp(up->real, link->real) == 0) {
            text_add(error, "%s: extends: %s leads back to %s", link->up->label, name, up->label);
            return false;
        }
        if (depth == CHAIN_MAX) {
            text_add(error, "%s: extends: more than %d files, one resting on the other",
                     link->up->label, CHAIN_MAX);
            return false;
        }
    }
    return true;
}

/* The name of expectations that give none: the file's, without folder and ".json". */
static cJSON *name_of_file(const char *path, struct arena *arena) {
    struct text_buffer why = {0};
    const char *slash = strrchr(path, '/');
    struct slice name = slice_of_text(slash ? slash + 1 : path);
    struct slice end = SLICE_LITERAL(".json");

    if (name.len > end.len && slice_eq(slice_between(name, name.len - end.len, name.len), end))
        name.len -= end.len;
    cJSON *value = tree_checked(cJSON_CreateString(arena_text(arena, name)));
    /* A file's name may be any bytes and of any length, a profile's may not. */
    bool fits = schema_check(schema_member(&schema_root, "name"), value, NULL, true, &why);
    for (size_t len; fits && name.len; slice_skip(&name, len))
        fits = (len = utf8_len(name)) > 0;
    free(why.items);
    if (fits)
        return value;
    cJSON_Delete(value);
    return tree_checked(cJSON_CreateString("unnamed"));
}

static cJSON *read_link(const struct link *link, struct arena *arena, struct text_buffer *error) {
    cJSON *tree = load(link, error), *base = NULL, *merged = NULL;
    bool last = link->text == &profile_texts[0];

    if (!tree)
        return NULL;
    const char *extends = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "extends"));
    if (!last) {
        struct link next;
        if (find(extends ? extends : profile_texts[0].name, link, &next, arena, error))
            base = read_link(&next, arena, error);
        if (!base)
            goto out;
    }
    if (link->path && !cJSON_GetObjectItemCaseSensitive(tree, "name"))
        tree_add_member(tree, "name", name_of_file(link->path, arena));
    merged = merge_trees(&schema_root, base, tree);
    /* All is filled in now, so that it rests on nothing else any more: a file with this text needs
     * no other beside it. */
    bool alone = last || (!extends && cJSON_HasObjectItem(tree, "extends"));
    cJSON_ReplaceItemInObjectCaseSensitive(
        merged, "extends",
        tree_checked(alone ? cJSON_CreateNull() : cJSON_CreateString(profile_texts[0].name)));
out:
    cJSON_Delete(tree);
    cJSON_Delete(base);
    return merged;
}

cJSON *document_read(const char *name_or_path, bool *built_in, struct text_buffer *error) {
    struct arena arena = {0};
    struct link link;
    cJSON *tree = NULL;

    if (find(name_or_path, NULL, &link, &arena, error))
        tree = read_link(&link, &arena, error);
    *built_in = tree && link.text;
    arena_fini(&arena);
    return tree;
}
