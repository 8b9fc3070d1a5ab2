/* Opening of outputs, with the mistakes that can be seen beforehand. */
#include "cli/outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"

void output_failed(const char *name) {
    if (errno != EPIPE)
        cli_say("cannot write %s: %s", name, strerror(errno));
}

bool output_colored(const struct options *options, const struct sink *sink) {
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org */
    const char *term = getenv("TERM");

    if (options->color != COLOR_AUTO)
        return options->color == COLOR_ALWAYS;
    return !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0) &&
           isatty(fileno(sink->file));
}

static bool same_file(const char *a, const char *b) {
    struct stat one, other;

    return strcmp(a, b) == 0 ||
           (stat(a, &one) == 0 && stat(b, &other) == 0 && S_ISREG(one.st_mode) &&
            one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

/* An output in place of a capture would destroy it. */
static bool is_capture(const char *path, const struct captures *captures) {
    for (size_t i = 0; i < captures->paths.n; i++)
        if (same_file(path, captures->paths.items[i]))
            return true;
    return false;
}

static bool open_output(struct sink *sink, const struct output_option *option, enum command command,
                        const struct captures *captures) {
    if (option->path && is_capture(option->path, captures)) {
        cli_misuse(command_name(command), "the output %s is a capture to be read", option->path);
        return false;
    }
    if (!sink_open(sink, option->path)) {
        cli_say("cannot write %s: %s", option->path, strerror(errno));
        return false;
    }
    return true;
}

bool outputs_open(struct outputs *outputs, enum command command, const struct options *options,
                  const struct captures *captures) {
    struct output_option json = options->json, text = options->text;

    *outputs = (struct outputs){0};
    if (!json.asked && !text.asked && !options->quiet)
        text.asked = true;
    if (json.asked && text.asked &&
        (json.path && text.path ? same_file(json.path, text.path) : !json.path && !text.path)) {
        cli_misuse(command_name(command), "--json and --text cannot go to one place");
        return false;
    }
    if (json.asked && !open_output(&outputs->json_sink, &json, command, captures))
        return false;
    if (text.asked && !open_output(&outputs->text_sink, &text, command, captures)) {
        if (json.asked)
            sink_close(&outputs->json_sink);
        return false;
    }
    outputs->json = json.asked;
    outputs->text = text.asked;
    outputs->text_color = text.asked && output_colored(options, &outputs->text_sink);
    return true;
}
