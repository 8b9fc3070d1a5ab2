/* Values of settings: numbers with their ranges and units, words, numbers of tries. */
#include "rules/expectations/phone_config/rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/expectations/merge.h"

enum { DIGITS_MAX = 10 };

static bool parse_number(const char *text, long *number) {
    bool minus = *text == '-';
    uint64_t n;
    struct slice digits = slice_of_text(text + minus);

    if (!digits.len || digits.len > DIGITS_MAX || !slice_to_u64(digits, &n))
        return false;
    *number = minus ? -(long)n : (long)n;
    return true;
}

/* Equal but for case and blanks? */
static bool is_spelled(struct slice spelling, const char *text) {
    for (;; text++) {
        while (spelling.len && spelling.ptr[0] == ' ')
            slice_skip(&spelling, 1);
        while (*text == ' ')
            text++;
        if (!*text || !spelling.len)
            return !*text && !spelling.len;
        if (tolower((unsigned char)*text) != tolower(spelling.ptr[0]))
            return false;
        slice_skip(&spelling, 1);
    }
}

static const struct choice *find_choice(const struct choice *choices, const char *text) {
    for (; choices->spelled; choices++) {
        struct slice rest = slice_of_text(choices->spelled);
        while (rest.len) {
            struct slice one = slice_between(rest, 0, slice_find(rest, '|'));
            if (is_spelled(one, text))
                return choices;
            slice_skip(&rest, one.len < rest.len ? one.len + 1 : one.len);
        }
    }
    return NULL;
}

/* NULL with *ok: the value says nothing of the key. */
static cJSON *value_of(const struct row *row, const char *text, bool *ok) {
    const struct choice *choice;
    long n;

    *ok = true;
    if (row->kind == ROW_CHOICE) {
        choice = find_choice(row->choices, text);
        *ok = choice != NULL;
        return choice && choice->json ? tree_checked(cJSON_Parse(choice->json)) : NULL;
    }
    *ok = parse_number(text, &n) && n >= row->low && n <= row->high;
    if (!*ok)
        return NULL;
    if (row->kind == ROW_TRIES) {
        const double both[] = {n < 1 ? 1 : (double)n, (double)n + 1};
        return tree_checked(both[0] < both[1] ? cJSON_CreateDoubleArray(both, 2)
                                              : cJSON_CreateNumber(both[0]));
    }
    if (n > 0 && n < row->least)
        n = row->least;
    return tree_checked(cJSON_CreateNumber((double)n * (double)row->unit));
}

/* "expected an integer from 0 to 3", or the spellings. */
static void say_expected(const struct row *row, const struct setting *setting, struct arena *arena,
                         struct config_place *place) {
    const char *found = config_quoted(setting->value, arena);
    struct text_buffer words = {0};

    if (row->kind != ROW_CHOICE || row->high > row->low) {
        config_wrong(place, setting->line, "%s: expected an integer from %ld to %ld, found %s",
                     setting->written, row->low, row->high, found);
        return;
    }
    for (const struct choice *choice = row->choices; choice->spelled; choice++) {
        bool first = choice == row->choices, last = !choice[1].spelled;
        const char *bar = strchr(choice->spelled, '|');
        int len = bar ? (int)(bar - choice->spelled) : (int)strlen(choice->spelled);
        text_add(&words, "%s%.*s%s%s%s",
                 first  ? ""
                 : last ? " or "
                        : ", ",
                 len, choice->spelled, bar ? " (" : "", bar ? bar + 1 : "", bar ? ")" : "");
    }
    config_wrong(place, setting->line, "%s: expected %s, found %s", setting->written, words.items,
                 found);
    free(words.items);
}

cJSON *row_value(const struct row *row, const struct setting *setting, struct arena *arena,
                 struct config_place *place) {
    bool ok;
    cJSON *value = value_of(row, setting->value, &ok);

    if (!ok)
        say_expected(row, setting, arena, place);
    return value;
}

cJSON *row_preset(const struct row *row) {
    bool ok;

    return row->preset ? value_of(row, row->preset, &ok) : NULL;
}

void row_put(const struct row *row, const struct setting *setting, struct overlay *overlay,
             struct config_place *place) {
    cJSON *value = setting ? row_value(row, setting, overlay->arena, place) : NULL;

    if (value)
        overlay_put(overlay, value, setting, "%s", row->key);
}

bool row_number(const struct setting *setting, long low, long high, long *number,
                struct arena *arena, struct config_place *place) {
    if (parse_number(setting->value, number) && *number >= low && *number <= high)
        return true;
    return config_wrong(place, setting->line, "%s: expected an integer from %ld to %ld, found %s",
                        setting->written, low, high, config_quoted(setting->value, arena));
}
