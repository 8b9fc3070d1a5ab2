/* The option table and its reader.
 *
 * GNU habits: `--name VALUE` and `--name=VALUE`, `-p VALUE` and `-pVALUE`, single letters together
 * (`-qv`), options and operands in any order, `--` ends the options, `-` is an operand. An optional
 * value is given with `=` only. Names are not abbreviated: what a script says today means the same
 * when new options come.
 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

enum value_need { VALUE_NONE, VALUE_OWED, VALUE_OPTIONAL };

enum option_id {
    OPTION_PROFILE,
    OPTION_PHONE_CONFIG,
    OPTION_SET,
    OPTION_PHONE,
    OPTION_AS_PHONE,
    OPTION_KEYLOG,
    OPTION_RULE,
    OPTION_SKIP,
    OPTION_STRICT,
    OPTION_REQUIRE,
    OPTION_MERGE,
    OPTION_JSON,
    OPTION_TEXT,
    OPTION_MESSAGES,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_COLOR,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_COUNT,
};

#define IN(command) (1u << (command))
#define IN_ALL (IN(COMMAND_COUNT) - 1)
#define IN_READERS (IN(COMMAND_CHECK) | IN(COMMAND_SHOW))

struct option_row {
    const char *name;
    char letter; /* 0: none */
    enum value_need need;
    const char *value; /* its name in the help */
    unsigned commands;
    const char *help;
};

static const struct option_row table[OPTION_COUNT] = {
    [OPTION_PROFILE] = {"profile", 'p', VALUE_OWED, "NAME|FILE", IN(COMMAND_CHECK),
                        "expectations: a built-in profile or a JSON file (default rfc3263)"},
    [OPTION_PHONE_CONFIG] = {"phone-config", 'c', VALUE_OWED, "FILE", IN(COMMAND_CHECK),
                             "expectations from the phone's provisioning file (Yealink, "
                             "Grandstream), on top of its vendor's profile or of --profile"},
    [OPTION_SET] = {"set", 0, VALUE_OWED, "KEY=VALUE", IN(COMMAND_CHECK) | IN(COMMAND_PROFILE),
                    "override one expectation: --set retry.register.tries=2; repeatable"},
    [OPTION_PHONE] = {"phone", 0, VALUE_OWED, "SELECTOR", IN_READERS,
                      "only these phones: IP address, MAC address, AoR, or a part of the "
                      "User-Agent; repeatable"},
    [OPTION_AS_PHONE] = {"as-phone", 0, VALUE_OWED, "ADDRESS", IN_READERS,
                         "take this host for a phone whatever it looks like; repeatable"},
    [OPTION_KEYLOG] = {"keylog", 0, VALUE_OWED, "FILE", IN_READERS,
                       "TLS secrets in the NSS key log format (SSLKEYLOGFILE): what they open is "
                       "read; those inside a pcapng file are used in any case"},
    [OPTION_RULE] = {"rule", 0, VALUE_OWED, "RULE", IN(COMMAND_CHECK),
                     "only these rules; a trailing * matches a group (dns.*); repeatable"},
    [OPTION_SKIP] = {"skip", 0, VALUE_OWED, "RULE", IN(COMMAND_CHECK),
                     "not these rules; repeatable"},
    [OPTION_STRICT] = {"strict", 0, VALUE_NONE, NULL, IN(COMMAND_CHECK),
                       "a rule that was exercised but could not be decided counts as a failure "
                       "in the exit status"},
    [OPTION_REQUIRE] = {"require", 0, VALUE_OWED, "RULE", IN(COMMAND_CHECK),
                        "this rule (or group) must pass on every account, else exit status 1; "
                        "repeatable"},
    [OPTION_MERGE] = {"merge", 0, VALUE_NONE, NULL, IN_READERS,
                      "take all captures as one timeline: a rotated ring of files, or several "
                      "capture points of the same traffic, whose clocks may differ"},
    [OPTION_JSON] = {"json", 0, VALUE_OPTIONAL, "FILE", IN_READERS,
                     "write the JSON document to FILE, or to standard output"},
    [OPTION_TEXT] = {"text", 0, VALUE_OPTIONAL, "FILE", IN_READERS,
                     "write the text to FILE, or to standard output (the default output)"},
    [OPTION_MESSAGES] = {"messages", 0, VALUE_NONE, NULL, IN(COMMAND_SHOW),
                         "every DNS and SIP message, one JSON object a line"},
    [OPTION_QUIET] = {"quiet", 'q', VALUE_NONE, NULL, IN_READERS,
                      "print no text: the exit status and --json=FILE, --text=FILE tell"},
    [OPTION_VERBOSE] = {"verbose", 'v', VALUE_NONE, NULL, IN_READERS,
                        "tell everything: occurrences of rules that passed, and what would decide "
                        "those that are open"},
    [OPTION_COLOR] = {"color", 0, VALUE_OWED, "auto|always|never", IN_READERS,
                      "colour the text; auto (the default): on a terminal without NO_COLOR"},
    [OPTION_VERSION] = {"version", 0, VALUE_NONE, NULL, IN_ALL, "print the version and leave"},
    [OPTION_HELP] = {"help", 'h', VALUE_NONE, NULL, IN_ALL, "print this help and leave"},
};

/* What means something else to `show`. */
static const char *const show_help[OPTION_COUNT] = {
    [OPTION_VERBOSE] = "tell everything: every send and answer, with nothing folded",
};

static const struct {
    const char *name, *operands, *does;
} commands[COMMAND_COUNT] = {
    [COMMAND_CHECK] = {"check", "[OPTION]... CAPTURE...",
                       "judge whether the phones kept the failover that they promise"},
    [COMMAND_SHOW] = {"show", "[OPTION]... CAPTURE...",
                      "reconstruct what the phones did, without judging it"},
    [COMMAND_RULES] = {"rules", "[RULE]", "list the rules; explain one, with its sources"},
    [COMMAND_PROFILE] =
        {"profile", "[--set KEY=VALUE]... [NAME|FILE]",
         "list the profiles; print one resolved; validate a file; explain a phone's configuration"},
};

/* NULL: of the tool. */
static const char *statuses_of(const enum command *command) {
    if (!command)
        return "Exit status: 0 passed (or done), 1 a rule failed, 2 wrong use, 3 a capture could "
               "not "
               "be read\nto its end, 4 nothing could be concluded.\n";
    if (*command == COMMAND_CHECK)
        return "Exit status: 0 passed, 1 a rule failed, 2 wrong use, 3 a capture could not be read "
               "to its\nend, 4 nothing could be concluded.\n";
    if (IN(*command) & IN_READERS)
        return "Exit status: 0 done, 2 wrong use, 3 a capture could not be read to its end.\n";
    return "Exit status: 0 done, 2 wrong use.\n";
}

enum command command_find(const char *name) {
    enum command command = COMMAND_CHECK;

    while (command < COMMAND_COUNT && strcmp(commands[command].name, name) != 0)
        command++;
    return command;
}

const char *command_name(enum command command) {
    return commands[command].name;
}

/* ---- help ---- */

enum { HELP_COLUMN = 26, HELP_WIDTH = 96 };

/* Text from HELP_COLUMN on, broken at blanks. */
static void print_help_text(const char *text) {
    while (strlen(text) > HELP_WIDTH - HELP_COLUMN) {
        size_t len = HELP_WIDTH - HELP_COLUMN;
        while (len > 1 && text[len] != ' ')
            len--;
        printf("%.*s\n%*s", (int)len, text, HELP_COLUMN, "");
        text += len + 1;
    }
    puts(text);
}

static int printed(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    cli_say("cannot write standard output");
    return STATUS_USAGE;
}

int help_tool(void) {
    puts("Usage: sipvet COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "Judges the failover of SIP phones from packet captures.\n\nCommands:");
    for (enum command c = COMMAND_CHECK; c < COMMAND_COUNT; c++)
        printf("  %-8s %s\n", commands[c].name, commands[c].does);
    printf("\n`sipvet COMMAND --help` tells a command's options, `sipvet --version` the version.\n"
           "\n%s",
           statuses_of(NULL));
    return printed();
}

int help_command(enum command command) {
    printf("Usage: sipvet %s %s\n\n%c%s.\n", commands[command].name, commands[command].operands,
           commands[command].does[0] - 'a' + 'A', commands[command].does + 1);
    if (IN(command) & IN_READERS)
        puts(
            "CAPTURE is a pcap, pcapng, snoop or Network Monitor file, as it is or compressed with "
            "gzip,\nzstd, xz, lz4 or bzip2; a folder (every capture in it, recursively); or - for "
            "standard input.");
    puts("\nOptions:");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &table[i];
        char left[64];

        if (!(row->commands & IN(command)))
            continue;
        int len = snprintf(left, sizeof left, "  %c%c%s--%s%s%s%s", row->letter ? '-' : ' ',
                           row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
                           row->need == VALUE_OPTIONAL ? "[="
                           : row->need                 ? " "
                                                       : "",
                           row->value ? row->value : "", row->need == VALUE_OPTIONAL ? "]" : "");
        if (len >= HELP_COLUMN)
            printf("%s\n%*s", left, HELP_COLUMN, "");
        else
            printf("%-*s", HELP_COLUMN, left);
        print_help_text(command == COMMAND_SHOW && show_help[row - table] ? show_help[row - table]
                                                                          : row->help);
    }
    printf("\n%s", statuses_of(&command));
    return printed();
}

int print_version(void) {
    puts("sipvet " SIPVET_VERSION);
    return printed();
}

/* ---- parsing ---- */

static void list_add(struct text_list *list, const char *text) {
    *ARRAY_PUSH(list) = text;
}

static struct output_option output_of(const char *value) {
    return (struct output_option){true, value && strcmp(value, "-") != 0 ? value : NULL};
}

static bool color_parse(const char *value, enum color *color) {
    static const char *const names[] = {
        [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

    for (enum color c = COLOR_AUTO; c <= COLOR_NEVER; c++)
        if (strcmp(value, names[c]) == 0) {
            *color = c;
            return true;
        }
    return false;
}

/* Take one option in; value NULL: none given. */
static enum options_status apply(enum command command, enum option_id id, const char *value,
                                 struct options *options, int *status) {
    switch (id) {
    case OPTION_PROFILE:
    case OPTION_PHONE_CONFIG: {
        const char **file = id == OPTION_PROFILE ? &options->profile : &options->phone_config;
        if (*file) {
            *status = cli_misuse(command_name(command), "--%s was given twice", table[id].name);
            return OPTIONS_WRONG;
        }
        *file = value;
        break;
    }
    case OPTION_SET:
        list_add(&options->set, value);
        break;
    case OPTION_PHONE:
        list_add(&options->phone, value);
        break;
    case OPTION_AS_PHONE:
        list_add(&options->as_phone, value);
        break;
    case OPTION_KEYLOG:
        options->keylog = value;
        break;
    case OPTION_RULE:
        list_add(&options->rule, value);
        break;
    case OPTION_SKIP:
        list_add(&options->skip, value);
        break;
    case OPTION_STRICT:
        options->strict = true;
        break;
    case OPTION_REQUIRE:
        list_add(&options->require, value);
        break;
    case OPTION_MERGE:
        options->merge = true;
        break;
    case OPTION_JSON:
    case OPTION_TEXT: {
        struct output_option *output = id == OPTION_JSON ? &options->json : &options->text;
        if (output->asked) {
            *status = cli_misuse(command_name(command), "--%s was given twice", table[id].name);
            return OPTIONS_WRONG;
        }
        *output = output_of(value);
        break;
    }
    case OPTION_MESSAGES:
        options->messages = true;
        break;
    case OPTION_QUIET:
        options->quiet = true;
        break;
    case OPTION_VERBOSE:
        options->verbose = true;
        break;
    case OPTION_COLOR:
        if (!color_parse(value, &options->color)) {
            *status = cli_misuse(command_name(command),
                                 "--color: expected auto, always or never, got '%s'", value);
            return OPTIONS_WRONG;
        }
        break;
    case OPTION_VERSION:
        *status = print_version();
        return OPTIONS_DONE;
    case OPTION_HELP:
        *status = help_command(command);
        return OPTIONS_DONE;
    case OPTION_COUNT:
        break;
    }
    return OPTIONS_OK;
}

/* The row of this command that `len` bytes of a long name, or a letter, mean; OPTION_COUNT: none.
 */
static enum option_id find_option(enum command command, const char *name, size_t len, char letter) {
    enum option_id id = 0;

    for (; id < OPTION_COUNT; id++) {
        const struct option_row *row = &table[id];
        if (!(row->commands & IN(command)))
            continue;
        if (name ? strlen(row->name) == len && memcmp(row->name, name, len) == 0
                 : row->letter == letter)
            break;
    }
    return id;
}

/* An option that this command does not know may be another's: say whose. */
static int unknown_option(enum command command, const char *name, size_t len, char letter) {
    char option[64], other[64] = "";

    snprintf(option, sizeof option, "-%s%.*s", name ? "-" : "", name ? (int)len : 1,
             name ? name : &letter);
    for (enum command c = COMMAND_CHECK; c < COMMAND_COUNT && !*other; c++)
        if (find_option(c, name, len, letter) != OPTION_COUNT)
            snprintf(other, sizeof other, " (it is one of 'sipvet %s')", command_name(c));
    return cli_misuse(command_name(command), "unknown option '%s'%s", option, other);
}

struct arguments {
    int argc;
    char **argv;
    int at;
};

/* "--name", "--name=value", "--name value". */
static enum options_status parse_long(enum command command, struct arguments *in,
                                      struct options *options, int *status) {
    const char *text = in->argv[in->at++];
    const char *name = text + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    enum option_id id = find_option(command, name, len, 0);
    const char *value = equals ? equals + 1 : NULL;

    *status = STATUS_USAGE;
    if (id == OPTION_COUNT) {
        unknown_option(command, name, len, 0);
        return OPTIONS_WRONG;
    }
    if (value && table[id].need == VALUE_NONE) {
        cli_misuse(command_name(command), "option '--%s' takes no value", table[id].name);
        return OPTIONS_WRONG;
    }
    if (!value && table[id].need == VALUE_OWED && in->at < in->argc)
        value = in->argv[in->at++];
    if (table[id].need != VALUE_NONE && (value ? !*value : table[id].need == VALUE_OWED)) {
        cli_misuse(command_name(command), "option '--%s' needs a value: %s", table[id].name,
                   table[id].value);
        return OPTIONS_WRONG;
    }
    return apply(command, id, value, options, status);
}

/* "-q", "-qv", "-pNAME", "-p NAME". */
static enum options_status parse_letters(enum command command, struct arguments *in,
                                         struct options *options, int *status) {
    for (const char *letter = in->argv[in->at++] + 1; *letter; letter++) {
        enum option_id id = find_option(command, NULL, 0, *letter);
        const char *value = NULL;
        bool last = false;

        *status = STATUS_USAGE;
        if (id == OPTION_COUNT) {
            unknown_option(command, NULL, 0, *letter);
            return OPTIONS_WRONG;
        }
        if (table[id].need == VALUE_OWED) {
            last = true;
            if (letter[1])
                value = letter + 1;
            else if (in->at < in->argc)
                value = in->argv[in->at++];
            if (!value || !*value) {
                cli_misuse(command_name(command), "option '-%c' needs a value: %s", *letter,
                           table[id].value);
                return OPTIONS_WRONG;
            }
        }
        enum options_status done = apply(command, id, value, options, status);
        if (done != OPTIONS_OK || last)
            return done;
    }
    return OPTIONS_OK;
}

enum options_status options_parse(enum command command, int argc, char **argv,
                                  struct options *options, int *status) {
    struct arguments in = {argc, argv, 0};

    *options = (struct options){0};
    while (in.at < argc) {
        const char *text = argv[in.at];
        enum options_status done = OPTIONS_OK;

        if (strcmp(text, "--") == 0) {
            for (in.at++; in.at < argc; in.at++)
                list_add(&options->operands, argv[in.at]);
        } else if (strncmp(text, "--", 2) == 0) {
            done = parse_long(command, &in, options, status);
        } else if (text[0] == '-' && text[1]) {
            done = parse_letters(command, &in, options, status);
        } else {
            list_add(&options->operands, text);
            in.at++;
        }
        if (done != OPTIONS_OK)
            return done;
    }
    return OPTIONS_OK;
}

void options_fini(struct options *options) {
    struct text_list *lists[] = {&options->set,     &options->phone, &options->as_phone,
                                 &options->rule,    &options->skip,  &options->require,
                                 &options->operands};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ARRAY_FINI(lists[i]);
}
