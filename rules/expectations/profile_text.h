/* The texts of the built-in profiles: rules/profiles as rules/profiles/embed.cmake puts them into
 * the program. rfc3263, which all others rest on, is the first. */
#ifndef RULES_EXPECTATIONS_PROFILE_TEXT_H
#define RULES_EXPECTATIONS_PROFILE_TEXT_H

#include <stddef.h>

struct profile_text {
    const char *name, *title;
    const unsigned char *text; /* JSON, no closing NUL */
    size_t len;
};

extern const struct profile_text profile_texts[];
extern const size_t profile_text_count;
extern const char *const profile_names[]; /* in the same order; NULL ends */

#endif
