/* The verdict document and the story document, written account by account.
 *
 * In the verdict document the verdicts of the run and of a capture, and the summary, stand before
 * the accounts that they follow from. To judge everything twice would double the work, and standard
 * input cannot be read twice; so the captures go to a temporary file with a hole for each capture's
 * verdict, and are copied behind the head when all is known:
 *
 *   spool   {"captures": [{"files": ["a.pcap"] HOLE, "packets": ...}, {"files": ... HOLE, ...}]}
 *   output  {"format": ..., "verdict": ..., "summary": ..., and the spool behind its brace, filled
 *
 * Memory holds the places of the holes, 24 bytes a capture. The story document has no verdicts and
 * goes straight to its output.
 */
#include "report/json.h"

#include <errno.h>
#include <stdlib.h>

#include "base/temporary.h"
#include "report/json_result.h"
#include "report/json_story.h"
#include "report/json_writer.h"

struct hole {
    off_t at;
    enum verdict verdict;
    enum reason reason;
};

struct document {
    struct sink out;
    struct sink spool;       /* verdict document only; file NULL: none */
    struct json_writer json; /* into the spool, or straight to out */
    const struct story *story;
    const struct expectations *expect; /* NULL: story document */
    const char *version;
    ARRAY_OF(struct hole) holes;
};

/* ---- the parts that both share ---- */

static void write_tool(struct json_writer *json, const char *format, const char *version) {
    json_member_text(json, "format", format);
    json_key(json, "tool");
    json_object_begin(json);
    json_member_text(json, "name", "sipvet");
    json_member_text(json, "version", version);
    json_object_end(json);
}

static void on_capture(void *context, const struct story *story) {
    struct document *document = context;
    struct json_writer *json = &document->json;

    document->story = story;
    json_object_begin(json);
    json_key(json, "files");
    json_array_begin_line(json);
    for (size_t i = 0; i < story->file_count; i++)
        json_text(json, story->files[i]);
    json_array_end(json);
    if (document->expect)
        ARRAY_PUSH(&document->holes)->at = ftello(document->spool.file);
    json_capture_facts(json, story);
    json_key(json, "phones");
    json_array_begin(json);
}

static void on_phone(void *context, const struct phone *phone) {
    struct document *document = context;

    json_object_begin(&document->json);
    json_phone_facts(&document->json, document->story, phone);
    json_key(&document->json, "accounts");
    json_array_begin(&document->json);
}

static void on_account(void *context, const struct phone *phone, const struct account *account,
                       const struct judgement *judgement) {
    struct document *document = context;
    struct json_writer *json = &document->json;

    (void)phone;
    json_object_begin(json);
    json_member_text(json, "aor", account->aor);
    json_member_text(json, "host", account->host);
    if (judgement)
        json_judgement(json, judgement);
    json_account_facts(json, document->story, account);
    json_object_end(json);
}

static void on_phone_end(void *context, const struct phone *phone) {
    struct document *document = context;

    (void)phone;
    json_array_end(&document->json);
    json_object_end(&document->json);
}

static void on_capture_end(void *context, enum verdict verdict, enum reason reason) {
    struct document *document = context;

    if (document->expect) {
        struct hole *hole = &document->holes.items[document->holes.n - 1];
        hole->verdict = verdict;
        hole->reason = reason;
    }
    json_array_end(&document->json);
    json_object_end(&document->json);
}

/* ---- the story document ---- */

static bool end_story(void *context, enum verdict verdict, const struct summary *summary) {
    struct document *document = context;

    (void)verdict;
    (void)summary;
    json_array_end(&document->json);
    json_object_end(&document->json);
    json_end_line(&document->json);
    bool ok = sink_close(&document->out);
    int error = errno;
    free(document);
    errno = error;
    return ok;
}

static struct report report_of(struct document *document,
                               bool (*end)(void *, enum verdict, const struct summary *)) {
    return (struct report){.context = document,
                           .capture = on_capture,
                           .phone = on_phone,
                           .account = on_account,
                           .phone_end = on_phone_end,
                           .capture_end = on_capture_end,
                           .end = end};
}

void json_story_report(struct report *report, const struct sink *sink, const char *version) {
    struct document *document = memory_new_zeroed(1, sizeof *document);

    document->out = *sink;
    document->json = json_writer_of(&document->out, JSON_INDENTED);
    json_object_begin(&document->json);
    write_tool(&document->json, "sipvet-story/1", version);
    json_key(&document->json, "captures");
    json_array_begin(&document->json);
    *report = report_of(document, end_story);
}

/* ---- the verdict document ---- */

static void write_texts(struct json_writer *json, const char *key, const char *const *items,
                        size_t n) {
    json_key(json, key);
    json_array_begin_line(json);
    for (size_t i = 0; i < n; i++)
        json_text(json, items[i]);
    json_array_end(json);
}

static void write_head(struct document *document, enum verdict verdict,
                       const struct summary *summary) {
    struct json_writer head = json_writer_of(&document->out, JSON_INDENTED);

    json_object_begin(&head);
    write_tool(&head, "sipvet-verdict/1", document->version);
    json_key(&head, "expectations");
    json_object_begin(&head);
    json_member_text(&head, "name", document->expect->name);
    write_texts(&head, "from", document->expect->from, document->expect->from_count);
    write_texts(&head, "overrides", document->expect->overrides, document->expect->override_count);
    json_object_end(&head);
    json_member_text(&head, "verdict", verdict_name(verdict));
    json_key(&head, "summary");
    json_object_begin(&head);
    for (enum verdict v = 0; v < VERDICT_COUNT; v++)
        json_member_uint(&head, verdict_name(v), summary->count[v]);
    json_object_end(&head);
    sink_text(&document->out, ",");
    /* The spool goes on with "captures", and closes the object. */
}

/* Copy the spool up to `to`. */
static bool copy_spool(struct document *document, off_t to) {
    char bytes[1 << 16];
    off_t at = ftello(document->spool.file);

    while (at < to) {
        size_t want = (size_t)(to - at) < sizeof bytes ? (size_t)(to - at) : sizeof bytes;
        size_t n = fread(bytes, 1, want, document->spool.file);
        if (n == 0)
            return false;
        sink_write(&document->out, bytes, n);
        at += (off_t)n;
    }
    return true;
}

static bool fill_out(struct document *document) {
    off_t end = ftello(document->spool.file);

    if (document->spool.failed || end < 0 || fflush(document->spool.file) != 0 ||
        fseeko(document->spool.file, 1, SEEK_SET) != 0)
        return false;
    for (size_t i = 0; i < document->holes.n; i++) {
        const struct hole *hole = &document->holes.items[i];
        if (!copy_spool(document, hole->at))
            return false;
        sink_printf(&document->out, ",\n      \"verdict\": \"%s\",\n      \"reason\": ",
                    verdict_name(hole->verdict));
        if (hole->reason)
            sink_printf(&document->out, "\"%s\"", reason_name(hole->reason));
        else
            sink_text(&document->out, "null");
    }
    return copy_spool(document, end);
}

static bool end_verdict(void *context, enum verdict verdict, const struct summary *summary) {
    struct document *document = context;

    json_array_end(&document->json);
    json_object_end(&document->json);
    json_end_line(&document->json);
    write_head(document, verdict, summary);
    errno = 0;
    bool spooled = fill_out(document);
    int error = errno ? errno : EIO;
    bool closed = sink_close(&document->out);
    if (spooled)
        error = errno;
    fclose(document->spool.file);
    ARRAY_FINI(&document->holes);
    free(document);
    errno = error;
    return spooled && closed;
}

bool json_verdict_report(struct report *report, const struct sink *sink, const char *version,
                         const struct expectations *expect) {
    FILE *file = temporary_file();

    if (!file)
        return false;
    struct document *document = memory_new_zeroed(1, sizeof *document);
    document->out = *sink;
    document->spool = (struct sink){.file = file, .name = "temporary file"};
    document->expect = expect;
    document->version = version;
    document->json = json_writer_of(&document->spool, JSON_INDENTED);
    json_object_begin(&document->json);
    json_key(&document->json, "captures");
    json_array_begin(&document->json);
    *report = report_of(document, end_verdict);
    return true;
}
