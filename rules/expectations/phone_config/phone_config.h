/* Expectations from the configuration file of a phone: what its vendor's guide says that its
 * settings promise, one set of expectations for each account, on top of the vendor's profile.
 */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_H

#include "rules/expectations/expectations.h"

/* Read the file at `path`, whose vendor is recognised by its content.
 *
 * profile    what the settings are laid over: a built-in name, or a file; NULL: the vendor's own
 * overrides  KEY=VALUE of --set, in order, laid over each account's
 *
 * Returns the expectations for accounts of a capture that fit none of the file's (those of the
 * profile); its `accounts` are those for accounts that do. NULL, with *error filled in, where
 * anything is wrong. Free it with expectations_free. */
struct expectations *phone_config_read(const char *path, const char *profile,
                                       const char *const *overrides, size_t override_count,
                                       struct expectations_error *error);

/* The same of bytes that are there already; `path` is for messages and names. */
struct expectations *phone_config_parse(const char *path, struct slice bytes, const char *profile,
                                        const char *const *overrides, size_t override_count,
                                        struct expectations_error *error);

/* Is this a file (no pipe, which can be read but once) with a phone's configuration in it? */
bool phone_config_recognised(const char *path);

/* What the file was understood to mean, for an engineer: each expectation of each account, with the
 * line that it comes from, or 'vendor default'. Malloced; NULL: *error. */
char *phone_config_text(const char *path, const char *const *overrides, size_t override_count,
                        struct expectations_error *error);

#endif
