/* JSON trees as text, made for reading: what fits in a line of thought stays on one line. */
#include "rules/expectations/json_print.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_WIDTH = 90 };

void text_add(struct text_buffer *text, const char *format, ...) {
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len >= 0) {
        size_t need = text->n + (size_t)len + 1;
        if (need > text->cap) {
            text->cap = need * 2;
            text->items = memory_resize(text->items, text->cap, 1);
        }
        vsnprintf(text->items + text->n, (size_t)len + 1, format, again);
        text->n += (size_t)len;
    }
    va_end(again);
}

void json_print_number(struct text_buffer *text, double number) {
    char digits[40];

    if (number > -1e15 && number < 1e15 && trunc(number) >= number && trunc(number) <= number) {
        text_add(text, "%lld", (long long)number);
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (back >= number && back <= number)
            break;
    }
    text_add(text, "%s", digits);
}

static void print_string(struct text_buffer *text, const char *string) {
    text_add(text, "\"");
    for (const char *c = string ? string : ""; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(text, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            text_add(text, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            text_add(text, "%c", *c);
    }
    text_add(text, "\"");
}

/* Does an object or list fit on one line of the usual width? */
static bool fits(const cJSON *value, int indent) {
    struct text_buffer line = {0};

    json_print(&line, value, -1);
    bool short_enough = line.n + (size_t)indent <= LINE_WIDTH;
    free(line.items);
    return short_enough;
}

static void print_members(struct text_buffer *text, const cJSON *value, int indent, bool in_line) {
    bool object = cJSON_IsObject(value);

    text_add(text, object ? "{" : "[");
    for (const cJSON *item = value->child; item; item = item->next) {
        if (!in_line)
            text_add(text, "\n%*s", indent + 2, "");
        if (object) {
            print_string(text, item->string);
            text_add(text, ": ");
        }
        json_print(text, item, in_line ? -1 : indent + 2);
        if (item->next)
            text_add(text, in_line ? ", " : ",");
    }
    if (!in_line)
        text_add(text, "\n%*s", indent, "");
    text_add(text, object ? "}" : "]");
}

void json_print(struct text_buffer *text, const cJSON *value, int indent) {
    if (cJSON_IsObject(value) || cJSON_IsArray(value))
        print_members(text, value, indent,
                      indent < 0 || !value->child || (indent > 0 && fits(value, indent)));
    else if (cJSON_IsString(value))
        print_string(text, value->valuestring);
    else if (cJSON_IsNumber(value))
        json_print_number(text, value->valuedouble);
    else
        text_add(text, "%s",
                 cJSON_IsTrue(value)    ? "true"
                 : cJSON_IsFalse(value) ? "false"
                                        : "null");
}
