/* The last step of all ways to expectations: a complete tree, --set laid over it, becomes what
 * rules read. */
#ifndef RULES_EXPECTATIONS_ASSEMBLE_H
#define RULES_EXPECTATIONS_ASSEMBLE_H

#include <cjson/cJSON.h>

#include "rules/expectations/expectations.h"
#include "rules/expectations/json_print.h"

/* tree  complete, as document_read gives it; it is used up
 * from  copied
 *
 * NULL: *why. */
struct expectations *expectations_assemble(cJSON *tree, const char *const *from, size_t from_count,
                                           const char *const *overrides, size_t override_count,
                                           struct text_buffer *why);
/* The tree that they were made from, complete. */
const cJSON *expectations_tree(const struct expectations *expectations);
/* Hang the expectations of a phone's accounts below those for all others; they become theirs. */
void expectations_adopt(struct expectations *expectations,
                        const struct account_expectations *accounts, size_t count);
/* *error, without a cut in the middle of a character. */
void expectations_give_error(struct expectations_error *error, const struct text_buffer *why);

#endif
