/* `check` in words: for each account its verdict, then what failed with the evidence, then what is
 * undecided and what a capture must show to decide it, then what passed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "report/filter.h"
#include "report/frame_text.h"
#include "report/text.h"
#include "report/text_common.h"

enum {
    COLUMN_RULE = 2,
    COLUMN_DETAIL = 8,
    COLUMN_LIST = 18,
    OCCURRENCES_SHOWN = 3, /* of one failed rule, unless all are asked for */
    FRAMES_SHOWN = 12,
};

struct view {
    struct sink sink;
    struct text_writer text;
    bool verbose, any; /* any: something was written, a blank line goes before what is next */
    const struct story *story;
    const struct phone *phone;
    uint64_t captures, phones, accounts;
};

static const struct {
    const char *word;
    enum text_style style;
} verdict_looks[VERDICT_COUNT] = {
    [VERDICT_PASS] = {"PASS", STYLE_PASS},
    [VERDICT_FAIL] = {"FAIL", STYLE_FAIL},
    [VERDICT_INCONCLUSIVE] = {"INCONCLUSIVE", STYLE_OPEN},
    [VERDICT_NOT_APPLICABLE] = {"NOT APPLICABLE", STYLE_QUIET},
};

static void styled(struct text_writer *text, enum text_style style, const char *words) {
    text_style(text, style);
    text_words(text, words);
    text_style(text, STYLE_PLAIN);
}

static void put_verdict(struct text_writer *text, enum verdict verdict) {
    styled(text, verdict_looks[verdict].style, verdict_looks[verdict].word);
}

/* ---- values ---- */

/* "tries 3", "at_least_s 2.5": a key with its value as a reader says it. */
static void put_value(struct text_writer *text, const struct value *value, const char *after) {
    char room[SERVER_TEXT_LEN], low[SECONDS_TEXT_LEN], high[SECONDS_TEXT_LEN];

    text_words(text, value->key);
    switch (value->kind) {
    case VALUE_NULL:
        text_printf(text, "none%s", after);
        break;
    case VALUE_BOOL:
        text_printf(text, "%s%s", value->boolean ? "yes" : "no", after);
        break;
    case VALUE_INT:
        text_printf(text, "%" PRId64 "%s", value->integer, after);
        break;
    case VALUE_SECONDS:
        text_printf(text, "%s%s", seconds_text(value->ns, low), after);
        break;
    case VALUE_RATIO:
        text_printf(text, "%.6g%s", value->ratio, after);
        break;
    case VALUE_TEXT:
        text_printf(text, "%s%s", value->text ? value->text : "none", after);
        break;
    case VALUE_SERVER:
        text_printf(text, "%s%s", server_text(&value->server, room), after);
        break;
    case VALUE_RANGE:
        if (value->range.low == value->range.high)
            text_printf(text, "%" PRId64 "%s", value->range.low, after);
        else
            text_printf(text, "%" PRId64 "-%" PRId64 "%s", value->range.low, value->range.high,
                        after);
        break;
    case VALUE_SECONDS_RANGE:
        text_printf(text, "%s-%s%s", seconds_text(value->range.low, low),
                    seconds_text(value->range.high, high), after);
        break;
    case VALUE_TEXTS:
        for (size_t i = 0; i < value->texts.n; i++)
            text_printf(text, "%s%s", value->texts.items[i], i + 1 < value->texts.n ? " |" : after);
        if (value->texts.n == 0)
            text_printf(text, "none%s", after);
        break;
    }
}

static void put_values(struct text_writer *text, const char *head, const struct value *values,
                       size_t n) {
    if (n == 0)
        return;
    text_margin(text, COLUMN_LIST);
    text_column(text, COLUMN_DETAIL);
    styled(text, STYLE_QUIET, head);
    text_column(text, COLUMN_LIST);
    for (size_t i = 0; i < n; i++)
        put_value(text, &values[i], i + 1 < n ? "," : "");
    text_line(text);
}

/* ---- occurrences ---- */

static void put_filter(struct text_writer *text, const char *head, const char *filter) {
    text_column(text, COLUMN_DETAIL);
    styled(text, STYLE_QUIET, head);
    text_column(text, COLUMN_LIST);
    text_piece(text, filter);
    text_line(text);
}

/* A display filter is of one file: of a merged set there may be several. */
static void put_filters(struct view *view, const struct occurrence *occurrence) {
    const struct merge *merge = view->story->merge;

    if (!merge) {
        char *filter = filter_text(occurrence->frames, occurrence->frame_count, FILTER_RANGES);
        put_filter(&view->text, "filter", filter);
        free(filter);
        return;
    }
    struct file_filters filters =
        filters_by_file(merge, occurrence->frames, occurrence->frame_count, FILTER_RANGES);
    for (size_t i = 0; i < filters.n; i++) {
        char head[24];
        snprintf(head, sizeof head, "file %u", filters.items[i].file + 1);
        put_filter(&view->text, head, filters.items[i].text);
    }
    file_filters_fini(&filters);
}

static void put_evidence(struct view *view, const struct occurrence *occurrence) {
    const struct merge *merge = view->story->merge;
    struct text_writer *text = &view->text;
    size_t count = occurrence->frame_count;
    char room[32], frame[FRAME_TEXT_LEN];

    text_margin(text, COLUMN_LIST);
    text_column(text, COLUMN_DETAIL);
    styled(text, STYLE_QUIET, "seen");
    text_column(text, COLUMN_LIST);
    text_printf(text, "at %s s", text_offset(view->story, occurrence->t_ns, room));
    if (count) {
        text_printf(text, "in frame%s", count == 1 ? "" : "s");
        for (size_t i = 0; i < count && i < FRAMES_SHOWN; i++)
            text_words(text, frame_text(merge, occurrence->frames[i], frame));
        if (count > FRAMES_SHOWN)
            text_printf(text, "... %s (%zu frames)",
                        frame_text(merge, occurrence->frames[count - 1], frame), count);
    }
    text_line(text);
    if (count)
        put_filters(view, occurrence);
}

static void put_occurrence(struct view *view, const struct occurrence *occurrence,
                           const char *headline) {
    struct text_writer *text = &view->text;

    text_margin(text, COLUMN_DETAIL);
    if (occurrence->message && (!headline || strcmp(headline, occurrence->message) != 0)) {
        text_column(text, COLUMN_DETAIL);
        text_words(text, occurrence->message);
        text_line(text);
    }
    put_values(text, "expected", occurrence->expected, occurrence->expected_count);
    put_values(text, "observed", occurrence->observed, occurrence->observed_count);
    put_evidence(view, occurrence);
}

/* "RFC 3263, 4.3 (rfc); Grandstream ... Guide, Registration Process (vendor)" */
static void put_sources(struct text_writer *text, const struct result *result) {
    if (result->source_count == 0)
        return;
    text_margin(text, COLUMN_LIST);
    text_column(text, COLUMN_DETAIL);
    styled(text, STYLE_QUIET, "source");
    text_column(text, COLUMN_LIST);
    for (size_t i = 0; i < result->source_count; i++) {
        const struct source *source = &result->sources[i];
        text_printf(text, "%s%s%s (%s)%s", source->document, source->section ? ", " : "",
                    source->section ? source->section : "", basis_name(source->basis),
                    i + 1 < result->source_count ? ";" : "");
    }
    text_line(text);
}

static void put_rule_head(struct view *view, const struct result *result) {
    struct text_writer *text = &view->text;

    text_margin(text, COLUMN_DETAIL);
    text_column(text, COLUMN_RULE);
    styled(text, verdict_looks[result->verdict].style, verdict_name(result->verdict));
    text_column(text, COLUMN_DETAIL);
    styled(text, STYLE_HEAD, result->rule->id);
    if (result->reason)
        text_printf(text, "(%s)", reason_name(result->reason));
    text_line(text);
}

/* An occurrence that could not be decided, among others that could. */
static void put_undecided(struct view *view, const struct occurrence *occurrence) {
    text_margin(&view->text, COLUMN_DETAIL);
    text_column(&view->text, COLUMN_DETAIL);
    styled(&view->text, STYLE_OPEN, "undecided");
    text_printf(&view->text, "(%s)", reason_name(occurrence->reason));
    text_line(&view->text);
}

static void put_occurrences(struct view *view, const struct result *result, enum verdict verdict,
                            size_t limit) {
    size_t shown = 0, left = 0;

    for (size_t i = 0; i < result->occurrence_count; i++) {
        if (result->occurrences[i].verdict != verdict)
            continue;
        if (shown < limit) {
            if (verdict == VERDICT_INCONCLUSIVE && verdict != result->verdict)
                put_undecided(view, &result->occurrences[i]);
            put_occurrence(view, &result->occurrences[i], shown == 0 ? result->message : NULL);
            shown++;
        } else {
            left++;
        }
    }
    if (left) {
        text_column(&view->text, COLUMN_DETAIL);
        text_printf(&view->text, "and %zu more like this (-v shows all)", left);
        text_line(&view->text);
    }
}

static void put_failure(struct view *view, const struct result *result) {
    put_rule_head(view, result);
    if (result->message) {
        text_column(&view->text, COLUMN_DETAIL);
        text_words(&view->text, result->message);
        text_line(&view->text);
    }
    put_occurrences(view, result, VERDICT_FAIL, view->verbose ? SIZE_MAX : OCCURRENCES_SHOWN);
    put_sources(&view->text, result);
    text_gap(&view->text);
}

static void put_verbose(struct view *view, const struct result *result) {
    put_rule_head(view, result);
    if (result->message) {
        text_column(&view->text, COLUMN_DETAIL);
        text_words(&view->text, result->message);
        text_line(&view->text);
    }
    put_occurrences(view, result, VERDICT_PASS, SIZE_MAX);
    put_occurrences(view, result, VERDICT_INCONCLUSIVE, SIZE_MAX);
    if (result->needs) {
        text_margin(&view->text, COLUMN_LIST);
        text_column(&view->text, COLUMN_DETAIL);
        styled(&view->text, STYLE_QUIET, "needs");
        text_column(&view->text, COLUMN_LIST);
        text_printf(&view->text, "a capture that %s", result->needs);
        text_line(&view->text);
    }
    text_gap(&view->text);
}

/* ---- lists of rules ---- */

static bool is_open(const struct result *result) {
    return result->verdict == VERDICT_INCONCLUSIVE && result->reason != REASON_NOT_EXERCISED;
}

static bool is_not_exercised(const struct result *result) {
    return result->verdict == VERDICT_INCONCLUSIVE && result->reason == REASON_NOT_EXERCISED;
}

static bool is_pass(const struct result *result) {
    return result->verdict == VERDICT_PASS;
}

static bool is_not_applicable(const struct result *result) {
    return result->verdict == VERDICT_NOT_APPLICABLE;
}

/* "passed            dns.chain, dns.ttl, ...": the rules of one kind; nothing where there are none.
 */
static void put_rules(struct view *view, const struct judgement *judgement, const char *head,
                      enum text_style style, bool (*of_kind)(const struct result *)) {
    struct text_writer *text = &view->text;
    const struct result *last = NULL;

    for (size_t i = 0; i < judgement->result_count; i++)
        if (of_kind(&judgement->results[i]))
            last = &judgement->results[i];
    if (!last)
        return;
    text_margin(text, COLUMN_LIST);
    text_column(text, COLUMN_RULE);
    styled(text, style, head);
    text_column(text, COLUMN_LIST);
    for (size_t i = 0; i < judgement->result_count; i++)
        if (of_kind(&judgement->results[i]))
            text_printf(text, "%s%s", judgement->results[i].rule->id,
                        &judgement->results[i] == last ? "" : ",");
    text_line(text);
}

/* Undecided rules, folded: those with one reason and one need stand together. */
static void put_open(struct view *view, const struct judgement *judgement) {
    struct text_writer *text = &view->text;

    for (size_t i = 0; i < judgement->result_count; i++) {
        const struct result *result = &judgement->results[i];
        bool told = false;
        if (!is_open(result))
            continue;
        for (size_t k = 0; k < judgement->result_count; k++) {
            const struct result *other = &judgement->results[k];
            const char *a = result->needs ? result->needs : "",
                       *b = other->needs ? other->needs : "";
            if (!is_open(other) || other->reason != result->reason || strcmp(a, b) != 0)
                continue;
            if (k < i) { /* with an earlier one */
                told = true;
                break;
            }
            if (k == i) {
                text_margin(text, COLUMN_LIST);
                text_column(text, COLUMN_RULE);
                styled(text, STYLE_OPEN, verdict_name(result->verdict));
                text_column(text, COLUMN_LIST);
            } else {
                sink_text(text->sink, ",");
                text->column++;
            }
            styled(text, STYLE_HEAD, other->rule->id);
        }
        if (told)
            continue;
        text_line(text);
        text_column(text, COLUMN_LIST);
        text_printf(text, "%s:", reason_name(result->reason));
        text_words(text, result->message ? result->message : "");
        text_line(text);
        if (result->needs) {
            text_column(text, COLUMN_LIST);
            text_printf(text, "needs a capture that %s", result->needs);
            text_line(text);
        }
    }
}

/* ---- the report ---- */

static void on_capture(void *context, const struct story *story) {
    struct view *view = context;

    if (view->any)
        text_gap(&view->text);
    view->any = true;
    view->story = story;
    view->captures++;
    text_capture_head(&view->text, story);
}

static void put_who(struct view *view, const struct phone *phone) {
    struct text_writer *text = &view->text;

    text_margin(text, COLUMN_RULE);
    text_column(text, COLUMN_RULE);
    text_phone(text, phone);
    text_line(text);
}

static void on_phone(void *context, const struct phone *phone) {
    struct view *view = context;

    view->phones++;
    view->phone = phone;
    if (phone->account_count)
        return;
    text_gap(&view->text);
    put_verdict(&view->text, VERDICT_INCONCLUSIVE);
    text_no_account(&view->text);
    text_line(&view->text);
    put_who(view, phone);
}

static void on_account(void *context, const struct phone *phone, const struct account *account,
                       const struct judgement *judgement) {
    struct view *view = context;
    struct text_writer *text = &view->text;

    view->accounts++;
    text_margin(text, COLUMN_RULE);
    text_gap(text);
    put_verdict(text, judgement->verdict);
    styled(text, STYLE_HEAD, account->aor ? account->aor : "(address of record not known)");
    if (account->host)
        text_printf(text, "at %s,", account->host);
    text_printf(text, "judged by %s", judgement->expect->name);
    text_line(text);
    put_who(view, phone);
    text_gap(text);

    for (size_t i = 0; i < judgement->result_count; i++)
        if (judgement->results[i].verdict == VERDICT_FAIL)
            put_failure(view, &judgement->results[i]);
    if (view->verbose) {
        for (size_t i = 0; i < judgement->result_count; i++)
            if (is_pass(&judgement->results[i]) ||
                judgement->results[i].verdict == VERDICT_INCONCLUSIVE)
                put_verbose(view, &judgement->results[i]);
    } else {
        put_open(view, judgement);
        put_rules(view, judgement, "not exercised", STYLE_QUIET, is_not_exercised);
        put_rules(view, judgement, "passed", STYLE_PASS, is_pass);
    }
    if (view->verbose)
        put_rules(view, judgement, "not applicable", STYLE_QUIET, is_not_applicable);
    text_margin(text, 0);
}

static void on_capture_end(void *context, enum verdict verdict, enum reason reason) {
    struct view *view = context;

    (void)verdict;
    if (reason != REASON_NO_PHONE)
        return;
    text_gap(&view->text);
    put_verdict(&view->text, VERDICT_INCONCLUSIVE);
    text_printf(&view->text, "(%s)", reason_name(reason));
    text_no_phone(&view->text, view->story);
    text_line(&view->text);
}

static bool end(void *context, enum verdict verdict, const struct summary *summary) {
    struct view *view = context;
    struct text_writer *text = &view->text;

    text_margin(text, 0);
    if (view->captures) {
        text_gap(text);
        put_verdict(text, verdict);
        text_margin(text, COLUMN_RULE);
        text_printf(text, "%" PRIu64 " capture%s, %" PRIu64 " phone%s, %" PRIu64 " account%s;",
                    view->captures, view->captures == 1 ? "" : "s", view->phones,
                    view->phones == 1 ? "" : "s", view->accounts, view->accounts == 1 ? "" : "s");
        char counts[160];
        snprintf(counts, sizeof counts,
                 "rules: %" PRIu64 " failed, %" PRIu64 " passed, %" PRIu64 " inconclusive, %" PRIu64
                 " not applicable",
                 summary->count[VERDICT_FAIL], summary->count[VERDICT_PASS],
                 summary->count[VERDICT_INCONCLUSIVE], summary->count[VERDICT_NOT_APPLICABLE]);
        text_piece(text, counts);
        text_line(text);
    }
    bool ok = sink_close(&view->sink);
    int error = errno;
    free(view);
    errno = error;
    return ok;
}

void text_verdict_report(struct report *report, const struct sink *sink, bool color, bool verbose) {
    struct view *view = memory_new_zeroed(1, sizeof *view);

    view->sink = *sink;
    view->text = text_writer_of(&view->sink, color);
    view->verbose = verbose;
    *report = (struct report){.context = view,
                              .capture = on_capture,
                              .phone = on_phone,
                              .account = on_account,
                              .capture_end = on_capture_end,
                              .end = end};
}
