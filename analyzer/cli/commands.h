/* The subcommands (contract section 2). Each takes the arguments after its own name, reads them
 * through the option table (cli/options.h), runs, and returns the exit status.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

/* Exit statuses. */
enum {
    STATUS_OK = 0,
    STATUS_FAILED = 1,    /* check: a rule failed, or --strict or --require is not met */
    STATUS_USAGE = 2,     /* wrong use, expectations in error, an output that cannot be written */
    STATUS_UNREAD = 3,    /* a capture could not be read to its end */
    STATUS_UNDECIDED = 4, /* check: nothing could be concluded */
};

int cli_check(int argc, char **argv);
int cli_show(int argc, char **argv);
int cli_rules(int argc, char **argv);
int cli_profile(int argc, char **argv);

/* Say what is wrong, "sipvet: " before and a line end after it, on standard error. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An error of use: the same, with a hint at `sipvet COMMAND --help`. Returns STATUS_USAGE.
 * command  NULL: the tool as a whole */
int cli_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
