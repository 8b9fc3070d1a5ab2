/* A streaming JSON writer (RFC 8259): values go to the sink as they are named, nothing is kept but
 * one bit of state a level, nothing is allocated.
 *
 *     json_object_begin(&json);                      {
 *     json_key(&json, "frame");                        "frame":
 *     json_uint(&json, 26);                              26,
 *     json_member_text(&json, "kind", "sip");          "kind": "sip"
 *     json_object_end(&json);                        }
 *     json_end_line(&json);                          and a line end
 *
 * Two layouts: JSON_LINE, all on one line with one blank after each colon and comma, as in the
 * contract's examples; JSON_INDENTED, two blanks a level, a member a line, `[]` and `{}` where
 * nothing is inside. json_array_begin_line starts an array that stays on one line in both.
 *
 * Keys are written as given: plain ASCII without quotes. Where an object's members are not
 * balanced, or nesting goes past JSON_DEPTH_MAX, that is a fault of the caller (assert).
 */
#ifndef REPORT_JSON_WRITER_H
#define REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sink.h"
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 32 };

enum json_layout { JSON_LINE, JSON_INDENTED };

struct json_writer {
    struct sink *sink; /* borrowed */
    enum json_layout layout;
    unsigned depth; /* open objects and arrays */
    unsigned flat;  /* depth from which all stays on one line; 0: none */
    bool after_key; /* a key was written, its value comes next */
    bool non_utf8;  /* a string had bytes that are no UTF-8, since json_take_non_utf8 */
    bool filled[JSON_DEPTH_MAX + 1]; /* this level has a member already */
};

struct json_writer json_writer_of(struct sink *sink, enum json_layout layout);

void json_object_begin(struct json_writer *json);
void json_object_end(struct json_writer *json);
void json_array_begin(struct json_writer *json);
void json_array_begin_line(struct json_writer *json);
void json_array_end(struct json_writer *json);
/* A line end after a finished document or line of JSON Lines. */
void json_end_line(struct json_writer *json);

void json_key(struct json_writer *json, const char *key);

void json_null(struct json_writer *json);
void json_bool(struct json_writer *json, bool v);
void json_int(struct json_writer *json, int64_t v);
void json_uint(struct json_writer *json, uint64_t v);
void json_seconds(struct json_writer *json, int64_t ns);   /* 51.844: exact, see seconds_text */
void json_instant(struct json_writer *json, int64_t t_ns); /* "2026-01-01T00:00:51.844000Z" */
/* At most six decimals, trailing zeros removed; null where it is no finite number. */
void json_double(struct json_writer *json, double v);
/* text NULL, or a slice whose ptr is NULL: null. Quotes, backslashes, control characters and what
 * some readers take for a line end are escaped; each ill-formed UTF-8 sequence becomes one U+FFFD
 * (Unicode 3.9, "maximal subparts"). */
void json_text(struct json_writer *json, const char *text);
void json_slice(struct json_writer *json, struct slice text);
/* A string as printf writes it; longer than 1023 bytes is cut. */
void json_printf(struct json_writer *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A finished piece of JSON (of another library, say), put in as it is. */
void json_raw(struct json_writer *json, struct slice text);

/* Were there bytes that are no UTF-8 since the last call (for the note that the contract asks for)?
 */
bool json_take_non_utf8(struct json_writer *json);

/* Whether json_text would find bytes that are no UTF-8: for a note that comes before the string. */
bool json_is_utf8(struct slice text);

/* A key and its value in one. */
void json_member_null(struct json_writer *json, const char *key);
void json_member_bool(struct json_writer *json, const char *key, bool v);
void json_member_int(struct json_writer *json, const char *key, int64_t v);
void json_member_uint(struct json_writer *json, const char *key, uint64_t v);
void json_member_seconds(struct json_writer *json, const char *key, int64_t ns);
void json_member_instant(struct json_writer *json, const char *key, int64_t t_ns);
void json_member_text(struct json_writer *json, const char *key, const char *text);
void json_member_slice(struct json_writer *json, const char *key, struct slice text);
/* "frames": [1, 2, 3], on one line. */
void json_member_frames(struct json_writer *json, const char *key, const uint32_t *frames,
                        size_t count);

#endif
