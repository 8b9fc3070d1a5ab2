/* sipvet: the subcommand is found and called; what it returns is the exit status. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"

static int (*const run[COMMAND_COUNT])(int argc, char **argv) = {
    [COMMAND_CHECK] = cli_check,
    [COMMAND_SHOW] = cli_show,
    [COMMAND_RULES] = cli_rules,
    [COMMAND_PROFILE] = cli_profile,
};

int main(int argc, char **argv) {
    /* A reader that stops reading is seen when the output is closed, and named nowhere. */
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2)
        return cli_misuse(NULL, "no command: check, show, rules or profile");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_tool();
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    enum command command = command_find(argv[1]);
    if (command == COMMAND_COUNT)
        return cli_misuse(NULL,
                          argv[1][0] == '-'
                              ? "unknown option '%s'"
                              : "unknown command '%s': expected check, show, rules or profile",
                          argv[1]);
    return run[command](argc - 2, argv + 2);
}
