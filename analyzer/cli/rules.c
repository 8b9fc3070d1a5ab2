/* `sipvet rules`: the catalogue, or one rule explained. */
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "report/rule_text.h"

int cli_rules(int argc, char **argv) {
    struct options options;
    int status = STATUS_USAGE;
    struct sink sink;

    if (options_parse(COMMAND_RULES, argc, argv, &options, &status) != OPTIONS_OK)
        goto out;
    status = STATUS_USAGE;
    if (options.operands.n > 1) {
        cli_misuse("rules", "one rule at a time");
        goto out;
    }
    const char *pattern = options.operands.n ? options.operands.items[0] : NULL;
    if (pattern && !catalogue_has_match(pattern)) {
        cli_misuse("rules", "there is no rule '%s'", pattern);
        goto out;
    }
    sink_open(&sink, NULL);
    bool color = output_colored(&options, &sink);
    if (pattern)
        rule_text_explain(&sink, color, pattern);
    else
        rule_text_list(&sink, color);
    status = STATUS_OK;
    if (!sink_close(&sink)) {
        output_failed("standard output");
        status = STATUS_USAGE;
    }
out:
    options_fini(&options);
    return status;
}
