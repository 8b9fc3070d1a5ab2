/* `sipvet show`: captures in, what the phones did out; or every message, with --messages. */
#include <stdlib.h>

#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/outputs.h"
#include "cli/readers.h"
#include "report/frame_text.h"
#include "report/json.h"
#include "report/messages.h"
#include "report/text.h"

/* ---- stories ---- */

static int show_stories(const struct options *options, const struct captures *captures,
                        const struct ip_addr *as_phone, const struct tls_keylog *keylog) {
    struct story_options story_options = {
        .as_phone = as_phone, .as_phone_count = options->as_phone.n, .keylog = keylog};
    struct phone_selection selection = {options->phone.items, options->phone.n};
    int status = captures->incomplete ? STATUS_UNREAD : STATUS_OK;
    struct report_list reports = {0};
    struct outputs outputs;

    if (!outputs_open(&outputs, COMMAND_SHOW, options, captures))
        return STATUS_USAGE;
    if (outputs.text)
        text_story_report(&reports.items[reports.n++], &outputs.text_sink, outputs.text_color,
                          options->verbose);
    if (outputs.json)
        json_story_report(&reports.items[reports.n++], &outputs.json_sink, SIPVET_VERSION);
    for (size_t i = 0; i < captures_count(captures); i++) {
        struct told_capture told_capture = capture_tell(captures, i, &story_options);
        struct told told = report_story(told_capture.story, &selection, &reports);
        if (told.phones == 0 && told_capture.opened)
            say_no_phone(captures_name(captures, i), options, told_capture.story);
        if (!told_capture.complete)
            status = STATUS_UNREAD;
        told_capture_fini(&told_capture);
    }
    if (!reports_end(&reports, &outputs, VERDICT_NOT_APPLICABLE, &(struct summary){0}))
        status = STATUS_USAGE;
    return status;
}

/* ---- messages ---- */

/* Messages have no place for what a report says of a set's files. */
static void say_clocks(const struct merge *merge) {
    char text[CLOCK_TEXT_LEN];

    for (size_t i = 0; i < merge_file_count(merge); i++)
        if (*clock_text(merge, i, text))
            cli_say("%s: %s", merge_file(merge, i)->label, text);
}

static bool show_messages_of(const struct captures *captures, size_t index,
                             const struct tls_keylog *keylog, struct sink *sink) {
    struct tls_keylog *secrets = tls_keylog_new(keylog);
    struct reading reading;
    struct frame frame;

    reading_begin(&reading, captures, index);
    const struct merge *merge = reading.set ? merged_set_merge(reading.set) : NULL;
    struct messages_report *report = messages_report_new(sink, merge);
    struct message_handler handler = messages_report_handler(report);
    struct message_reader *reader = message_reader_new(&handler);

    if (merge)
        say_clocks(merge);
    message_reader_secrets(reader, secrets);
    while (reading_next(&reading, &frame)) {
        reading_read_secrets(&reading, secrets);
        messages_report_frame(report, &frame);
        message_reader_feed(reader, &frame);
    }
    message_reader_end(reader);
    keys_say_unfit(captures_name(captures, index), keylog, message_reader_tls(reader), merge);
    message_reader_free(reader);
    tls_keylog_free(secrets);
    messages_report_free(report);
    free(reading_end(&reading));
    bool complete = reading.complete;
    reading_fini(&reading);
    return complete;
}

static int show_messages(const struct options *options, const struct captures *captures,
                         const struct tls_keylog *keylog) {
    int status = captures->incomplete ? STATUS_UNREAD : STATUS_OK;
    struct options lines = *options;
    struct outputs outputs;

    if (options->text.asked)
        return cli_misuse("show", "--messages writes JSON lines: --text does not go with it");
    if (options->phone.n || options->as_phone.n)
        return cli_misuse("show", "--messages shows every message: --phone and --as-phone do not "
                                  "go with it");
    lines.json.asked = lines.json.asked || !options->quiet;
    if (!lines.json.asked)
        lines.json = (struct output_option){true, "/dev/null"};
    if (!outputs_open(&outputs, COMMAND_SHOW, &lines, captures))
        return STATUS_USAGE;
    for (size_t i = 0; i < captures_count(captures); i++)
        if (!show_messages_of(captures, i, keylog, &outputs.json_sink))
            status = STATUS_UNREAD;
    if (!sink_close(&outputs.json_sink)) {
        output_failed(outputs.json_sink.name);
        status = STATUS_USAGE;
    }
    return status;
}

int cli_show(int argc, char **argv) {
    struct options options;
    int status = STATUS_USAGE;
    struct ip_addr *as_phone = NULL;
    struct tls_keylog *keylog = NULL;
    struct captures captures = {0};

    if (options_parse(COMMAND_SHOW, argc, argv, &options, &status) != OPTIONS_OK)
        goto out;
    status = STATUS_USAGE;
    if (options.operands.n == 0) {
        cli_misuse("show", "no capture is named");
        goto out;
    }
    if (!read_as_phone(COMMAND_SHOW, &options, &as_phone) ||
        !keys_read(COMMAND_SHOW, &options, &keylog))
        goto out;
    captures_list(&captures, &options.operands, options.merge);
    status = options.messages ? show_messages(&options, &captures, keylog)
                              : show_stories(&options, &captures, as_phone, keylog);
out:
    captures_fini(&captures);
    free(as_phone);
    tls_keylog_free(keylog);
    options_fini(&options);
    return status;
}
