/* The quick scan and libosip2 must read a message alike: all SIP messages of the shared captures,
 * both ways. Where they differ for a good reason, agree_differences.tsv says who is right and why:
 *
 *   capture TAB frame TAB field TAB quick scan TAB libosip2 TAB who is right TAB why
 *
 * A line there that no message needs any more is a failure too. Messages that libosip2 refuses are
 * counted: the quick scan is all that is said about them.
 */
#include "sip_exact.h"

#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "capture/capture.h"
#include "phone/message.h"
#include "sip/sip_message.h"

static const char table_path[] = "tests/unit/sip/agree_differences.tsv";

struct difference {
    char *key; /* capture TAB frame TAB field TAB quick scan TAB libosip2 */
    bool used;
};

struct run {
    const char *capture;
    size_t messages, refused, unexplained;
    ARRAY_OF(struct difference) known;
};

static void read_table(struct run *run) {
    FILE *file = fopen(table_path, "r");
    char *line = NULL;
    size_t size = 0;

    assert_non_null(file);
    while (getline(&line, &size, file) > 0) {
        char *end = line;
        for (int column = 0; column < 5 && end; column++)
            end = strchr(column ? end + 1 : end, '\t');
        if (line[0] == '#' || !end)
            continue;
        *end = '\0';
        struct difference *known = ARRAY_PUSH(&run->known);
        known->key = memory_new(strlen(line) + 1);
        strcpy(known->key, line);
    }
    free(line);
    fclose(file);
}

/* Text on one line of the table. */
static void put_text(FILE *out, const char *text) {
    fputc('\t', out);
    for (; text && *text; text++)
        if (*text == '\t' || *text == '\n' || *text == '\r')
            fprintf(out, "\\x%02x", (unsigned)*text);
        else
            fputc(*text, out);
    if (!text)
        fputc('-', out);
}

static void compare(struct run *run, uint32_t frame_no, const char *field, const char *scanned,
                    const char *parsed) {
    char *key = NULL;
    size_t len = 0;

    if ((!scanned && !parsed) || (scanned && parsed && strcmp(scanned, parsed) == 0))
        return;
    FILE *out = open_memstream(&key, &len);
    assert_non_null(out);
    fprintf(out, "%s\t%u\t%s", run->capture, frame_no, field);
    put_text(out, scanned);
    put_text(out, parsed);
    fclose(out);
    bool found = false;
    for (size_t i = 0; i < run->known.n; i++)
        if (strcmp(run->known.items[i].key, key) == 0)
            found = run->known.items[i].used = true;
    if (!found) {
        run->unexplained++;
        print_error("%s\n", key);
    }
    free(key);
}

static void compare_numbers(struct run *run, uint32_t frame_no, const char *field, bool has_scanned,
                            uint32_t scanned, bool has_parsed, uint32_t parsed) {
    char texts[2][16];

    snprintf(texts[0], sizeof texts[0], "%u", scanned);
    snprintf(texts[1], sizeof texts[1], "%u", parsed);
    compare(run, frame_no, field, has_scanned ? texts[0] : NULL, has_parsed ? texts[1] : NULL);
}

static void on_message(void *context, const struct message *message) {
    struct run *run = context;
    struct sip_head head;
    struct sip_full a, b;
    uint32_t no = message->packet.frame_no;

    if (message->kind != MESSAGE_SIP || !sip_head_scan(message->bytes, &head))
        return;
    run->messages++;
    if (!sip_full_parse(message->bytes, &b)) {
        run->refused++;
        return;
    }
    sip_full_of_head(message->bytes, &head, &a);
    compare(run, no, "method", a.method, b.method);
    compare_numbers(run, no, "status", true, a.status, true, b.status);
    compare(run, no, "uri", a.uri, b.uri);
    compare(run, no, "call_id", a.call_id, b.call_id);
    compare_numbers(run, no, "cseq", a.has_cseq, a.cseq, b.has_cseq, b.cseq);
    compare(run, no, "cseq_method", a.cseq_method, b.cseq_method);
    compare(run, no, "branch", a.branch, b.branch);
    compare(run, no, "from.uri", a.from_uri, b.from_uri);
    compare(run, no, "from.tag", a.from_tag, b.from_tag);
    compare(run, no, "to.uri", a.to_uri, b.to_uri);
    compare(run, no, "to.tag", a.to_tag, b.to_tag);
    compare_numbers(run, no, "expires", a.has_expires, a.expires, b.has_expires, b.expires);
    compare(run, no, "user_agent", a.user_agent, b.user_agent);
    for (size_t i = 0; i < a.contact_count || i < b.contact_count; i++)
        compare(run, no, "contact", i < a.contact_count ? a.contacts[i] : NULL,
                i < b.contact_count ? b.contacts[i] : NULL);
    sip_full_fini(&a);
    sip_full_fini(&b);
}

static void read_capture(struct run *run, const char *path) {
    struct message_handler handler = {.context = run, .message = on_message};
    struct capture_error error;
    struct frame frame;
    struct capture *capture = capture_open(path, &error);

    if (!capture)
        return;
    struct message_reader *reader = message_reader_new(&handler);
    while (capture_next(capture, &frame, &error) == CAPTURE_OK)
        message_reader_feed(reader, &frame);
    message_reader_end(reader);
    message_reader_free(reader);
    capture_close(capture);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void scan_and_parse_agree(void **state) {
    const char *shared = getenv("SIPVET_SHARED");
    char folder[4096];
    struct stat there;
    struct run run = {0};

    (void)state;
    snprintf(folder, sizeof folder, "%s", shared ? shared : "../shared");
    if (stat(folder, &there) != 0) {
        print_message("skipped: no shared captures (SIPVET_SHARED is not set, %s is not there)\n",
                      folder);
        skip();
    }
    read_table(&run);
    char *roots[] = {folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    assert_non_null(walk);
    for (FTSENT *entry; (entry = fts_read(walk));) {
        run.capture = entry->fts_name;
        struct capture_error error;
        if (entry->fts_info == FTS_F && capture_recognise(entry->fts_path, &error) == CAPTURE_OK)
            read_capture(&run, entry->fts_path);
    }
    fts_close(walk);
    print_message("%zu messages, %zu refused by libosip2\n", run.messages, run.refused);
    for (size_t i = 0; i < run.known.n; i++) {
        if (!run.known.items[i].used) {
            run.unexplained++;
            print_error("not needed: %s\n", run.known.items[i].key);
        }
        free(run.known.items[i].key);
    }
    ARRAY_FINI(&run.known);
    assert_int_equal(run.unexplained, 0);
    assert_true(run.messages > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scan_and_parse_agree)};
    if (!sip_library_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
