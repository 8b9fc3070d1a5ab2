/* The settings of a phone's configuration file: names, values, lines, whatever the form of the
 * file. The readers of the forms fill it in; what the names mean is the vendor's file's business.
 */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_SETTINGS_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_SETTINGS_H

#include "base/memory.h"

struct setting {
    const char *name;    /* as the vendor's tables have it */
    const char *written; /* as the file has it, for messages */
    const char *value;   /* without blanks around it; empty: as if the setting were not there */
    size_t line;         /* from 1 on */
    size_t order;        /* in the file */
};

/* Zero-initialised is valid and empty. */
struct settings {
    struct arena arena;
    ARRAY_OF(struct setting) list;
};

/* Texts are copied. Settings come in the order of the file. */
void settings_add(struct settings *settings, struct slice name, struct slice written,
                  struct slice value, size_t line);
/* All are there: of those of one name the last stays. They are in order of their names then. */
void settings_settle(struct settings *settings);
/* The setting of that name, after settings_settle. NULL: not there, or empty. */
const struct setting *settings_find(const struct settings *settings, const char *name);
/* The first one whose name is not before this one, in order of names; list.n: none. */
size_t settings_from(const struct settings *settings, const char *name);
void settings_fini(struct settings *settings);

#endif
