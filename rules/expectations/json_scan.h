/* Is this text strict JSON (RFC 8259)? cJSON builds the tree, but lets pass what the standard does
 * not (leading zeros, raw control characters, bytes that are no UTF-8, \u0000, a second text behind
 * the first …) and names no line; so each text goes through here first. */
#ifndef RULES_EXPECTATIONS_JSON_SCAN_H
#define RULES_EXPECTATIONS_JSON_SCAN_H

#include "base/slice.h"

/* Levels of objects and lists; characters of a number (cJSON reads 63). */
enum { JSON_DEPTH_MAX = 32, JSON_NUMBER_MAX = 60 };

struct json_error {
    size_t line, column;  /* both count from 1; columns in characters, not bytes */
    const char *expected; /* "',' or '}'", or a whole sentence where `found` is empty */
    char found[16];       /* "'x'", "the end", "byte 0xff" */
};

/* true: one JSON value fills the text. false: *error says where it stops being one. */
bool json_scan(struct slice text, struct json_error *error);

/* The length of the UTF-8 character at the front; 0: these bytes are none (RFC 3629 section 4). */
size_t utf8_len(struct slice text);

#endif
