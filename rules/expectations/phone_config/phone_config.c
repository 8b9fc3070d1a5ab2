/* From a phone's configuration file to expectations:
 *
 *     bytes ── recognise ── reader of the form ── settings ── vendor's tables ── overlays
 *                                                                                  │
 *                               profile ◀─────────── laid over ──────────── one for each account
 *                                                        │
 *                              schema check, --set, decoding, as for files of expectations
 */
#include "rules/expectations/phone_config/phone_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "rules/expectations/assemble.h"
#include "rules/expectations/document.h"
#include "rules/expectations/json_scan.h"
#include "rules/expectations/merge.h"
#include "rules/expectations/phone_config/vendors.h"

static const struct vendor {
    const char *title, *profile;
    bool (*understand)(struct config_source *, struct config_accounts *);
} VENDORS[] = {
    [CONFIG_YEALINK] = {"Yealink configuration", "yealink", yealink_understand},
    [CONFIG_GRANDSTREAM_TEXT] = {"Grandstream configuration", "grandstream",
                                 grandstream_understand},
    [CONFIG_GRANDSTREAM_XML] = {"Grandstream configuration", "grandstream", grandstream_understand},
};

/* A file that was read, and its accounts; the members that a failed reading leaves are freed all
 * the same. */
struct config {
    const char *path;
    const struct vendor *vendor;
    struct settings settings;
    struct config_accounts accounts;
    cJSON *base; /* what the accounts are laid over */
    const char *base_from;
    struct arena arena;
};

bool phone_config_recognised(const char *path) {
    struct text_buffer why = {0};
    struct stat about;
    size_t len;
    char *bytes =
        stat(path, &about) == 0 && S_ISREG(about.st_mode) ? document_bytes(path, &len, &why) : NULL;
    bool is = bytes && config_recognise(slice_of(bytes, len)) != CONFIG_NONE;

    free(bytes);
    free(why.items);
    return is;
}

/* ---- reading ---- */

static bool read_settings(struct config *config, struct slice bytes, struct config_place *place) {
    enum config_form form = config_recognise(bytes);
    bool ok;

    if (form == CONFIG_NONE) {
        text_add(place->text,
                 "%s: no phone's configuration that is known here (Yealink: account.1.… = …; "
                 "Grandstream: XML, or P47=…)",
                 config->path);
        return false;
    }
    config->vendor = &VENDORS[form];
    ok = form == CONFIG_GRANDSTREAM_XML ? config_read_xml(bytes, &config->settings, place)
                                        : config_read_lines(bytes, form, &config->settings, place);
    settings_settle(&config->settings);
    return ok;
}

static bool read_base(struct config *config, const char *profile, struct text_buffer *why) {
    const char *name = profile ? profile : config->vendor->profile;
    bool built_in;

    config->base = document_read(name, &built_in, why);
    config->base_from = arena_printf(&config->arena, "%s:%s", built_in ? "profile" : "file", name);
    return config->base != NULL;
}

static bool read_config(struct config *config, struct slice bytes, const char *profile,
                        struct text_buffer *why) {
    struct config_place place = {.path = config->path, .text = why};

    if (!read_settings(config, bytes, &place) || !read_base(config, profile, why))
        return false;
    struct config_source source = {
        .settings = &config->settings,
        .base = config->base,
        .presets = !profile || strcmp(profile, config->vendor->profile) == 0,
        .arena = &config->arena,
        .place = &place,
    };
    bool ok = config->vendor->understand(&source, &config->accounts);
    if (ok && !config->accounts.n) {
        text_add(why, "%s: no account of it is switched on and has a server", config->path);
        ok = false;
    }
    return ok;
}

static void config_fini(struct config *config) {
    for (size_t i = 0; i < config->accounts.n; i++)
        overlay_fini(&config->accounts.items[i].overlay);
    free(config->accounts.items);
    settings_fini(&config->settings);
    cJSON_Delete(config->base);
    arena_fini(&config->arena);
}

/* ---- one account ---- */

/* A short text of one line; what no text of a document may hold becomes '?'. */
static const char *plain_text(const char *text, struct arena *arena) {
    enum { MAX_LEN = 60 };
    struct slice rest = slice_of_text(text);
    struct text_buffer plain = {0};

    for (size_t chars = 0; rest.len && chars < MAX_LEN; chars++) {
        size_t len = utf8_len(rest);
        bool good = len && rest.ptr[0] >= 0x20 && rest.ptr[0] != 0x7f;
        text_add(&plain, "%.*s", good ? (int)len : 1, good ? (const char *)rest.ptr : "?");
        slice_skip(&rest, len ? len : 1);
    }
    const char *copy = arena_text(arena, slice_of(plain.items, plain.n));
    free(plain.items);
    return copy;
}

/* The file's name without its folder. */
static const char *file_name(const struct config *config, struct arena *arena) {
    const char *slash = strrchr(config->path, '/');

    return plain_text(slash ? slash + 1 : config->path, arena);
}

/* "servers.0.host: expected …, found …" of the schema's check, as an error of the file's line. */
static void say_unfit(const struct config *config, const struct overlay *overlay,
                      const struct text_buffer *wrong, struct text_buffer *why) {
    struct arena arena = {0};
    size_t len = strcspn(wrong->items, ":");
    const char *key = arena_text(&arena, slice_of(wrong->items, len));
    const struct origin *origin = overlay_origin(overlay, key);

    if (origin && origin->setting)
        text_add(why, "%s:%zu: %s%s", config->path, origin->setting->line, origin->setting->written,
                 wrong->items + len);
    else
        text_add(why, "%s: %s", config->path, wrong->items);
    arena_fini(&arena);
}

static struct expectations *assemble(struct config *config, struct config_account *account,
                                     const char *const *overrides, size_t override_count,
                                     struct text_buffer *why) {
    struct overlay *overlay = &account->overlay;
    struct text_buffer wrong = {0};
    const char *name = arena_printf(&config->arena, "account %u of %s", account->number,
                                    file_name(config, &config->arena));
    const char *const from[] = {config->base_from,
                                arena_printf(&config->arena, "phone-config:%s", config->path)};

    cJSON_DeleteItemFromObjectCaseSensitive(overlay->tree, "name");
    tree_add_member(overlay->tree, "name", cJSON_CreateString(name));
    if (!schema_check(&schema_root, overlay->tree, NULL, true, &wrong)) {
        say_unfit(config, overlay, &wrong, why);
        free(wrong.items);
        return NULL;
    }
    free(wrong.items);
    for (size_t i = 0; i < override_count; i++)
        overlay_make_way(overlay, overrides[i]);
    return expectations_assemble(merge_trees(&schema_root, config->base, overlay->tree), from, 2,
                                 overrides, override_count, why);
}

/* ---- all accounts ---- */

struct expectations *phone_config_parse(const char *path, struct slice bytes, const char *profile,
                                        const char *const *overrides, size_t override_count,
                                        struct expectations_error *error) {
    struct config config = {.path = path};
    struct text_buffer why = {0};
    struct expectations *all = NULL;
    struct account_expectations *accounts = NULL;
    size_t n = 0;
    bool ok = read_config(&config, bytes, profile, &why);

    if (ok)
        accounts = ARENA_ARRAY(&config.arena, struct account_expectations, config.accounts.n);
    while (ok && n < config.accounts.n) {
        struct config_account *account = &config.accounts.items[n];
        accounts[n].user = account->user;
        accounts[n].expect = assemble(&config, account, overrides, override_count, &why);
        ok = accounts[n].expect != NULL;
        n += ok;
    }
    if (ok) {
        const char *const from[] = {config.base_from,
                                    arena_printf(&config.arena, "phone-config:%s", path)};
        all = expectations_assemble(tree_checked(cJSON_Duplicate(config.base, true)), from, 2,
                                    overrides, override_count, &why);
    }
    if (all)
        expectations_adopt(all, accounts, n);
    for (size_t i = 0; !all && i < n; i++)
        expectations_free(accounts[i].expect);
    if (!all)
        expectations_give_error(error, &why);
    free(why.items);
    config_fini(&config);
    return all;
}

struct expectations *phone_config_read(const char *path, const char *profile,
                                       const char *const *overrides, size_t override_count,
                                       struct expectations_error *error) {
    struct text_buffer why = {0};
    struct expectations *all = NULL;
    size_t len;
    char *bytes = document_bytes(path, &len, &why);

    if (bytes)
        all = phone_config_parse(path, slice_of(bytes, len), profile, overrides, override_count,
                                 error);
    else
        expectations_give_error(error, &why);
    free(bytes);
    free(why.items);
    return all;
}

/* ---- what it was understood to mean ---- */

enum { KEY_COLUMNS = 62 };

struct printer {
    struct text_buffer *text;
    const struct overlay *overlay;
    const char *const *overrides;
    size_t override_count;
    struct arena *arena;
};

/* Does a --set name this key, or what is around it? */
static const char *set_by(const struct printer *printer, const char *key) {
    for (size_t i = printer->override_count; i-- > 0;) {
        size_t len = strcspn(printer->overrides[i], "=");
        if (strncmp(printer->overrides[i], key, len) == 0 && (!key[len] || key[len] == '.'))
            return printer->overrides[i];
    }
    return NULL;
}

static void print_value(const struct printer *printer, const char *key, const cJSON *value) {
    const struct origin *origin = overlay_origin(printer->overlay, key);
    const struct setting *setting = origin ? origin->setting : NULL;
    struct text_buffer line = {0};

    text_add(&line, "  %s = ", key);
    json_print(&line, value, -1);
    text_add(printer->text, "%-*s  ", KEY_COLUMNS, line.items);
    free(line.items);
    if (set_by(printer, key)) {
        text_add(printer->text, "--set\n");
        return;
    }
    if (setting)
        text_add(printer->text, "line %zu: %s = %s", setting->line, setting->written,
                 plain_text(setting->value, printer->arena));
    else
        text_add(printer->text, "vendor default");
    if (origin && origin->note)
        text_add(printer->text, " (%s)", origin->note);
    text_add(printer->text, "\n");
}

/* Each value that is no object and no list of objects has a line of its own. */
static void print_tree(const struct printer *printer, const char *key, const cJSON *tree,
                       struct arena *arena) {
    bool list = cJSON_IsArray(tree) && cJSON_IsObject(tree->child);
    size_t index = 0;

    if (!list && !(cJSON_IsObject(tree) && tree->child)) {
        print_value(printer, key, tree);
        return;
    }
    for (const cJSON *item = tree->child; item; item = item->next, index++) {
        const char *dot = *key ? "." : "";
        const char *inner = list ? arena_printf(arena, "%s%s%zu", key, dot, index)
                                 : arena_printf(arena, "%s%s%s", key, dot, item->string);
        print_tree(printer, inner, item, arena);
    }
}

static void print_account(struct config *config, const struct config_account *account,
                          const struct expectations *expect, const struct printer *printer) {
    static const char *const about[] = {"name", "title", "extends", "source"};
    cJSON *tree = tree_checked(cJSON_Duplicate(expectations_tree(expect), true));

    for (size_t i = 0; i < sizeof about / sizeof *about; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(tree, about[i]);
    text_add(printer->text, "\naccount %u", account->number);
    if (account->user)
        text_add(printer->text, ", user %s", config_quoted(account->user, &config->arena));
    text_add(printer->text, "\n");
    print_tree(printer, "", tree, &config->arena);
    cJSON_Delete(tree);
}

char *phone_config_text(const char *path, const char *const *overrides, size_t override_count,
                        struct expectations_error *error) {
    struct config config = {.path = path};
    struct text_buffer why = {0}, text = {0};
    size_t len;
    char *bytes = document_bytes(path, &len, &why);
    bool ok = bytes && read_config(&config, slice_of(bytes, len), NULL, &why);

    if (ok)
        text_add(&text, "%s: %s, on top of the profile %s\n", path, config.vendor->title,
                 config.vendor->profile);
    for (size_t i = 0; ok && i < config.accounts.n; i++) {
        struct config_account *account = &config.accounts.items[i];
        struct printer printer = {&text, &account->overlay, overrides, override_count,
                                  &config.arena};
        struct expectations *expect = assemble(&config, account, overrides, override_count, &why);

        ok = expect != NULL;
        if (ok)
            print_account(&config, account, expect, &printer);
        expectations_free(expect);
    }
    if (!ok)
        expectations_give_error(error, &why);
    free(bytes);
    free(why.items);
    config_fini(&config);
    if (ok)
        return text.items;
    free(text.items);
    return NULL;
}
