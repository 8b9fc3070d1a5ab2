/* `sipvet show`: captures in, what the phones did out; or every message, with --messages. */
#include <stdlib.h>

#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/readers.h"
#include "report/json.h"
#include "report/messages.h"
#include "report/text.h"

/* ---- stories ---- */

static int show_stories(const struct options *options, const struct captures *captures,
                        const struct ip_addr *as_phone) {
    struct story_options story_options = {.as_phone = as_phone,
                                          .as_phone_count = options->as_phone.n};
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
    for (size_t i = 0; i < captures->paths.n; i++) {
        const char *path = captures->paths.items[i];
        struct told_capture told_capture = capture_tell(path, &story_options);
        struct told told = report_story(told_capture.story, &selection, &reports);
        if (told.phones == 0 && told_capture.opened)
            say_no_phone(path, options, told_capture.story);
        if (!told_capture.complete)
            status = STATUS_UNREAD;
        story_free(told_capture.story);
    }
    if (!reports_end(&reports, &outputs, VERDICT_NOT_APPLICABLE, &(struct summary){0}))
        status = STATUS_USAGE;
    return status;
}

/* ---- messages ---- */

static bool show_messages_of(const char *path, struct sink *sink) {
    struct capture_error error = {0};
    struct capture *capture = capture_open(path, &error);
    enum capture_status status = error.status;

    if (capture) {
        struct messages_report *report = messages_report_new(sink);
        struct message_handler handler = messages_report_handler(report);
        struct message_reader *reader = message_reader_new(&handler);
        struct frame frame;

        while ((status = capture_next(capture, &frame, &error)) == CAPTURE_OK) {
            messages_report_frame(report, &frame);
            message_reader_feed(reader, &frame);
        }
        message_reader_end(reader);
        message_reader_free(reader);
        messages_report_free(report);
        capture_close(capture);
    }
    if (capture && status == CAPTURE_END)
        return true;
    cli_say("%s: %s", capture_label(path), error.text);
    return false;
}

static int show_messages(const struct options *options, const struct captures *captures) {
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
    for (size_t i = 0; i < captures->paths.n; i++)
        if (!show_messages_of(captures->paths.items[i], &outputs.json_sink))
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
    struct captures captures = {0};

    if (options_parse(COMMAND_SHOW, argc, argv, &options, &status) != OPTIONS_OK)
        goto out;
    status = STATUS_USAGE;
    if (options.operands.n == 0) {
        cli_misuse("show", "no capture is named");
        goto out;
    }
    if (!read_as_phone(COMMAND_SHOW, &options, &as_phone))
        goto out;
    captures_list(&captures, &options.operands);
    status = options.messages ? show_messages(&options, &captures)
                              : show_stories(&options, &captures, as_phone);
out:
    captures_fini(&captures);
    free(as_phone);
    options_fini(&options);
    return status;
}
