/* What goes to standard error: one line that begins with the tool's name. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/commands.h"

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args) {
    /* Captures' bytes and file names may be anything: no control character reaches a terminal. */
    char line[2048];

    vsnprintf(line, sizeof line, format, args);
    fputs("sipvet: ", stderr);
    for (const char *c = line; *c; c++)
        fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, stderr);
    fputc('\n', stderr);
}

void cli_say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
}

int cli_misuse(const char *command, const char *format, ...) {
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    fprintf(stderr, "Try 'sipvet %s%s--help'.\n", command ? command : "", command ? " " : "");
    return STATUS_USAGE;
}
