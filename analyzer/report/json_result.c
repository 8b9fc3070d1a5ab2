/* Results and occurrences in JSON, in the key order of contract section 3. */
#include "report/json_result.h"

#include <stdlib.h>

#include "report/filter.h"
#include "report/json_frames.h"
#include "report/json_story.h"

static void write_value(struct json_writer *json, const struct value *value) {
    char text[SERVER_TEXT_LEN];

    switch (value->kind) {
    case VALUE_NULL:
        json_null(json);
        break;
    case VALUE_BOOL:
        json_bool(json, value->boolean);
        break;
    case VALUE_INT:
        json_int(json, value->integer);
        break;
    case VALUE_SECONDS:
        json_seconds(json, value->ns);
        break;
    case VALUE_RATIO:
        json_double(json, value->ratio);
        break;
    case VALUE_TEXT:
        json_text(json, value->text);
        break;
    case VALUE_SERVER:
        json_text(json, server_text(&value->server, text));
        break;
    case VALUE_RANGE:
        json_array_begin_line(json);
        json_int(json, value->range.low);
        json_int(json, value->range.high);
        json_array_end(json);
        break;
    case VALUE_SECONDS_RANGE:
        json_array_begin_line(json);
        json_seconds(json, value->range.low);
        json_seconds(json, value->range.high);
        json_array_end(json);
        break;
    case VALUE_TEXTS:
        json_array_begin_line(json);
        for (size_t i = 0; i < value->texts.n; i++)
            json_text(json, value->texts.items[i]);
        json_array_end(json);
        break;
    }
}

static void member_values(struct json_writer *json, const char *key, const struct value *values,
                          size_t n) {
    json_key(json, key);
    json_object_begin(json);
    for (size_t i = 0; i < n; i++) {
        json_key(json, values[i].key);
        write_value(json, &values[i]);
    }
    json_object_end(json);
}

/* One file: one filter. */
static void member_filter(struct json_writer *json, const struct occurrence *occurrence) {
    char *filter = occurrence->frame_count
                       ? filter_text(occurrence->frames, occurrence->frame_count, FILTER_EVERY)
                       : NULL;

    json_member_text(json, "filter", filter);
    json_member_null(json, "filters");
    free(filter);
}

/* A display filter is of one file: where frames are in several, each has one. */
static void member_filters(struct json_writer *json, const struct merge *merge,
                           const struct occurrence *occurrence) {
    struct file_filters filters =
        filters_by_file(merge, occurrence->frames, occurrence->frame_count, FILTER_EVERY);

    json_member_text(json, "filter", filters.n == 1 ? filters.items[0].text : NULL);
    json_key(json, "filters");
    json_array_begin(json);
    for (size_t i = 0; i < filters.n; i++) {
        json_object_begin(json);
        json_member_uint(json, "file", filters.items[i].file);
        json_member_text(json, "filter", filters.items[i].text);
        json_object_end(json);
    }
    json_array_end(json);
    file_filters_fini(&filters);
}

static void write_occurrence(struct json_writer *json, const struct story *story,
                             const struct occurrence *occurrence) {
    json_object_begin(json);
    json_member_text(json, "verdict", verdict_name(occurrence->verdict));
    json_member_seconds(json, "t", story_offset_ns(story, occurrence->t_ns));
    json_member_instant(json, "time", occurrence->t_ns);
    member_values(json, "expected", occurrence->expected, occurrence->expected_count);
    member_values(json, "observed", occurrence->observed, occurrence->observed_count);
    json_member_places(json, story->merge, FRAMES_KEYS, occurrence->frames,
                       occurrence->frame_count);
    if (story->merge)
        member_filters(json, story->merge, occurrence);
    else
        member_filter(json, occurrence);
    json_member_text(json, "reason", reason_name(occurrence->reason));
    json_member_text(json, "message", occurrence->message);
    json_object_end(json);
}

static void write_result(struct json_writer *json, const struct story *story,
                         const struct result *result) {
    json_object_begin(json);
    json_member_text(json, "rule", result->rule->id);
    json_member_text(json, "verdict", verdict_name(result->verdict));
    json_member_text(json, "reason", reason_name(result->reason));
    json_member_text(json, "message", result->message);
    json_key(json, "occurrences");
    json_array_begin(json);
    for (size_t i = 0; i < result->occurrence_count; i++)
        write_occurrence(json, story, &result->occurrences[i]);
    json_array_end(json);
    json_key(json, "sources");
    json_array_begin(json);
    for (size_t i = 0; i < result->source_count; i++) {
        json_object_begin(json);
        json_member_text(json, "basis", basis_name(result->sources[i].basis));
        json_member_text(json, "document", result->sources[i].document);
        json_member_text(json, "section", result->sources[i].section);
        json_object_end(json);
    }
    json_array_end(json);
    json_member_text(json, "needs", result->needs);
    json_object_end(json);
}

void json_judgement(struct json_writer *json, const struct judgement *judgement) {
    json_member_text(json, "verdict", verdict_name(judgement->verdict));
    json_member_text(json, "expectations", judgement->expect->name);
    json_key(json, "results");
    json_array_begin(json);
    for (size_t i = 0; i < judgement->result_count; i++)
        write_result(json, judgement->story, &judgement->results[i]);
    json_array_end(json);
}
