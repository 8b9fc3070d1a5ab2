/* TLS secrets: the file of --keylog, and those that a capture brings itself. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/options.h"
#include "tls/tls_keylog.h"

/* Read --keylog into *keylog (NULL where it is not given). False: said what is wrong with it, an
 * error of use. */
bool keys_read(enum command command, const struct options *options, struct tls_keylog **keylog);

/* Say so where a key log was given and fits none of a capture's TLS connections. */
void keys_say_unfit(const char *capture, const struct tls_keylog *keylog, uint64_t connections,
                    uint64_t keyed);

#endif
