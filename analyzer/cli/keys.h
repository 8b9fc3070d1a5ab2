/* TLS secrets: the file of --keylog, and those that a capture brings itself. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "capture/merge.h"
#include "cli/options.h"
#include "phone/message.h"

/* Read --keylog into *keylog (NULL where it is not given). False: said what is wrong with it, an
 * error of use. One that is empty is none: no secret was logged. */
bool keys_read(enum command command, const struct options *options, struct tls_keylog **keylog);

/* Say where the key log is of no use for a capture, or of some TLS connections of it, the first few
 * of which are named.
 *
 * merge  where its frames are; NULL: in one file
 */
void keys_say_unfit(const char *capture, const struct tls_keylog *keylog,
                    const struct tls_tally *tally, const struct merge *merge);

#endif
