/* The options of all subcommands: one table gives their parsing, their help and "unknown option".
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

enum command {
    COMMAND_CHECK,
    COMMAND_SHOW,
    COMMAND_RULES,
    COMMAND_PROFILE,
    COMMAND_COUNT,
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* An output: not asked for, standard output (path NULL) or a file. */
struct output_option {
    bool asked;
    const char *path;
};

struct text_list {
    const char **items;
    size_t n, cap;
};

/* What a command line asks for; texts point into argv. */
struct options {
    const char *profile, *phone_config, *keylog;
    struct text_list set, phone, as_phone, rule, skip, require;
    bool strict, merge, messages, quiet, verbose;
    enum color color;
    struct output_option json, text;
    struct text_list operands; /* captures, a rule, a profile */
};

enum options_status {
    OPTIONS_OK,
    OPTIONS_DONE,  /* --help or --version was printed: leave with *status */
    OPTIONS_WRONG, /* said on standard error: leave with *status */
};

/* Read the arguments after the subcommand's name. `options` is filled in on OPTIONS_OK;
 * options_fini is owed in every case. */
enum options_status options_parse(enum command command, int argc, char **argv,
                                  struct options *options, int *status);
void options_fini(struct options *options);

/* The command of that name; COMMAND_COUNT: there is none. */
enum command command_find(const char *name);
const char *command_name(enum command command);

/* Help of the whole tool on standard output, and of one command. */
int help_tool(void);
int help_command(enum command command);
int print_version(void);

#endif
