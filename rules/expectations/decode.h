/* The tree of all expectations becomes the struct that rules read. */
#ifndef RULES_EXPECTATIONS_DECODE_H
#define RULES_EXPECTATIONS_DECODE_H

#include <cjson/cJSON.h>

#include "rules/expectations/expectations.h"

/* tree: complete, as merge_trees makes it from rfc3263 up. What is made lives in the arena. */
void decode_expectations(const cJSON *tree, struct arena *arena, struct expectations *out);

#endif
