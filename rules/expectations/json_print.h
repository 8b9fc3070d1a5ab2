/* JSON trees as text. */
#ifndef RULES_EXPECTATIONS_JSON_PRINT_H
#define RULES_EXPECTATIONS_JSON_PRINT_H

#include <cjson/cJSON.h>

#include "base/memory.h"

struct text_buffer {
    char *items; /* NUL-terminated after text_add */
    size_t n, cap;
};

void text_add(struct text_buffer *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Indented by two blanks a level from `indent` on; what an inner object or list holds stays on one
 * line where it fits there. `indent` < 0: all on one line. */
void json_print(struct text_buffer *text, const cJSON *value, int indent);

/* A number as JSON: whole ones without decimals, others with as few digits as give it back. */
void json_print_number(struct text_buffer *text, double number);

#endif
