/* The catalogue and its rules, explained. */
#include "report/rule_text.h"

#include "report/text_writer.h"

enum { COLUMN_TITLE = 26, COLUMN_TEXT = 14 };

void rule_text_list(struct sink *sink, bool color) {
    struct text_writer text = text_writer_of(sink, color);
    size_t n;
    const struct rule *const *rules = catalogue(&n);

    for (size_t i = 0; i < n; i++) {
        text_margin(&text, 0);
        text_style(&text, STYLE_HEAD);
        text_words(&text, rules[i]->id);
        text_style(&text, STYLE_PLAIN);
        text_margin(&text, COLUMN_TITLE);
        text_column(&text, COLUMN_TITLE);
        text_words(&text, rules[i]->title);
        text_line(&text);
    }
}

/* lead: what stands before the words; NULL: nothing */
static void paragraph(struct text_writer *text, const char *head, const char *lead,
                      const char *words) {
    if (!words)
        return;
    text_margin(text, 0);
    text_style(text, STYLE_QUIET);
    text_words(text, head);
    text_style(text, STYLE_PLAIN);
    text_margin(text, COLUMN_TEXT);
    text_column(text, COLUMN_TEXT);
    if (lead)
        text_words(text, lead);
    text_words(text, words);
    text_line(text);
}

static void explain(struct text_writer *text, const struct rule *rule) {
    text_margin(text, 0);
    text_style(text, STYLE_HEAD);
    text_words(text, rule->id);
    text_style(text, STYLE_PLAIN);
    text_words(text, "-");
    text_words(text, rule->title);
    text_line(text);
    text_line(text);
    paragraph(text, "checks", NULL, rule->checks);
    paragraph(text, "matters", NULL, rule->matters);
    paragraph(text, "steered by", NULL, rule->steered_by);
    paragraph(text, "passes", NULL, rule->passes);
    paragraph(text, "fails", NULL, rule->fails);
    paragraph(text, "departures", NULL, rule->departures);
    paragraph(text, "exercised", "by a capture that", rule->needs);
    for (size_t i = 0; i < rule->source_count; i++) {
        const struct source *source = &rule->sources[i];
        text_margin(text, 0);
        text_style(text, STYLE_QUIET);
        if (i == 0)
            text_words(text, "sources");
        text_style(text, STYLE_PLAIN);
        text_margin(text, COLUMN_TEXT);
        text_column(text, COLUMN_TEXT);
        text_printf(text, "%s%s%s (%s)", source->document, source->section ? ", " : "",
                    source->section ? source->section : "", basis_name(source->basis));
        text_line(text);
    }
}

void rule_text_explain(struct sink *sink, bool color, const char *pattern) {
    struct text_writer text = text_writer_of(sink, color);
    size_t n, told = 0;
    const struct rule *const *rules = catalogue(&n);

    for (size_t i = 0; i < n; i++) {
        if (!rule_matches(rules[i], pattern))
            continue;
        if (told++)
            text_line(&text);
        explain(&text, rules[i]);
    }
}
