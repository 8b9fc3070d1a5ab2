/* What `check` and `show` do alike. */
#include "cli/readers.h"

#include "cli/captures.h"
#include "cli/commands.h"

bool read_as_phone(enum command command, const struct options *options,
                   struct ip_addr **addresses) {
    *addresses = memory_new_zeroed(options->as_phone.n, sizeof **addresses);
    for (size_t i = 0; i < options->as_phone.n; i++) {
        const char *text = options->as_phone.items[i];
        if (!ip_parse(slice_of_text(text), &(*addresses)[i])) {
            cli_misuse(command_name(command), "--as-phone %s: expected an IP address", text);
            return false;
        }
    }
    return true;
}

void say_no_phone(const char *name, const struct options *options, const struct story *story) {
    if (options->phone.n && story->phone_count)
        cli_say("%s: none of its phones is one that --phone asks for ('sipvet show' lists them)",
                name);
    else
        cli_say("%s: no phone in it", name);
}

bool reports_end(const struct report_list *reports, const struct outputs *outputs,
                 enum verdict verdict, const struct summary *summary) {
    /* They were opened in this order: text, JSON. */
    const char *names[] = {outputs->text ? outputs->text_sink.name : outputs->json_sink.name,
                           outputs->json_sink.name};
    bool ok = true;

    for (size_t i = 0; i < reports->n; i++)
        if (!reports->items[i].end(reports->items[i].context, verdict, summary)) {
            output_failed(names[i]);
            ok = false;
        }
    return ok;
}
