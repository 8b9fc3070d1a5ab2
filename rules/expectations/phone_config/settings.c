/* Settings in order of their names: later ones of a name win, and any is found in a few steps. */
#include "rules/expectations/phone_config/settings.h"

#include <stdlib.h>

void settings_add(struct settings *settings, struct slice name, struct slice written,
                  struct slice value, size_t line) {
    struct arena *arena = &settings->arena;
    const char *name_text = arena_text(arena, name);
    bool as_written = slice_eq(name, written);
    const char *written_text = as_written ? name_text : arena_text(arena, written);
    struct setting setting = {name_text, written_text, arena_text(arena, value), line,
                              settings->list.n};

    *ARRAY_ADD(&settings->list) = setting;
}

static int compare(const void *a, const void *b) {
    const struct setting *x = a, *y = b;
    int names = strcmp(x->name, y->name);

    return names ? names : (x->order > y->order) - (x->order < y->order);
}

void settings_settle(struct settings *settings) {
    struct setting *items = settings->list.items;
    size_t kept = 0;

    array_sort(items, settings->list.n, sizeof *items, compare);
    for (size_t i = 0; i < settings->list.n; i++) {
        bool again = kept && strcmp(items[kept - 1].name, items[i].name) == 0;
        items[again ? kept - 1 : kept++] = items[i];
    }
    settings->list.n = kept;
}

size_t settings_from(const struct settings *settings, const char *name) {
    size_t low = 0, high = settings->list.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(settings->list.items[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct setting *settings_find(const struct settings *settings, const char *name) {
    size_t at = settings_from(settings, name);
    const struct setting *found = at < settings->list.n ? &settings->list.items[at] : NULL;

    return found && strcmp(found->name, name) == 0 && *found->value ? found : NULL;
}

void settings_fini(struct settings *settings) {
    ARRAY_FINI(&settings->list);
    arena_fini(&settings->arena);
}
