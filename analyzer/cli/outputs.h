/* Where results go: the outputs that the options ask for, opened before anything is read. */
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include "base/sink.h"
#include "cli/captures.h"
#include "cli/options.h"

struct outputs {
    bool json, text; /* asked for */
    struct sink json_sink, text_sink;
    bool text_color;
};

/* Open what is asked for; text to standard output where nothing is, unless -q. false: said on
 * standard error, nothing is left open; the status is STATUS_USAGE. */
bool outputs_open(struct outputs *outputs, enum command command, const struct options *options,
                  const struct captures *captures);

/* Say on standard error that an output could not be written (errno), unless its reader went away.
 */
void output_failed(const char *name);

/* Whether text to this sink is to be coloured. */
bool output_colored(const struct options *options, const struct sink *sink);

#endif
