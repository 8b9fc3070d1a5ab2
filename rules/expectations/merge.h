/* Expectations as trees: one document laid over another, and --set laid over both. */
#ifndef RULES_EXPECTATIONS_MERGE_H
#define RULES_EXPECTATIONS_MERGE_H

#include "rules/expectations/json_print.h"
#include "rules/expectations/schema.h"

/* The tree that results where `over` is laid over `base`: objects are merged key by key, lists and
 * values replaced; keys come in the order of the table, and what nobody gives takes the table's
 * fallback. Either may be NULL; both have passed schema_check. The result is the caller's. */
cJSON *merge_trees(const struct key *key, const cJSON *base, const cJSON *over);

/* Apply one KEY=VALUE to a tree that merge_trees made (`servers.0.port=0`). VALUE is JSON, or else
 * a bare word: a text. false: *error says why, without naming the --set. */
bool merge_set(cJSON *tree, const char *assignment, struct text_buffer *error);

/* cJSON's answers, but memory does not run out. */
cJSON *tree_checked(cJSON *tree);
void tree_add_member(cJSON *object, const char *name, cJSON *value);

#endif
