/* Expectations documents, from the program or from files, with what they extend. */
#ifndef RULES_EXPECTATIONS_DOCUMENT_H
#define RULES_EXPECTATIONS_DOCUMENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/slice.h"
#include "rules/expectations/json_print.h"

/* The complete tree of a built-in profile or of a file, laid over what it extends, down to rfc3263.
 *
 * NULL: *error says why, with the file and the place in it. Else the tree is the caller's, and
 * *built_in says which it was. */
cJSON *document_read(const char *name_or_path, bool *built_in, struct text_buffer *error);

/* All bytes of a file of 4 MiB at most; NULL: *error. The caller frees them. */
char *document_bytes(const char *path, size_t *len, struct text_buffer *error);

#endif
