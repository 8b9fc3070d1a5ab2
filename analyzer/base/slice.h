/* A run of bytes that somebody else owns: string, record and cursor in one.
 *
 * The take functions read from the front in network order (or little-endian where named so) and
 * advance the slice; they return false and leave it alone where too few bytes are left. A length
 * field is turned into a slice of its own with slice_take, so that what reads a record cannot see
 * its neighbour.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr;
    size_t len;
};

#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct slice slice_of(const void *ptr, size_t len) {
    return (struct slice){(const uint8_t *)ptr, len};
}

static inline struct slice slice_of_text(const char *text) {
    return slice_of(text, strlen(text));
}

/* Two texts, either of which may be NULL: then they are not equal. */
static inline bool text_eq(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

static inline bool slice_skip(struct slice *in, size_t n) {
    if (in->len < n)
        return false;
    in->ptr += n;
    in->len -= n;
    return true;
}

/* Take the next n bytes as a slice of their own. */
static inline bool slice_take(struct slice *in, size_t n, struct slice *out) {
    if (in->len < n)
        return false;
    *out = slice_of(in->ptr, n);
    in->ptr += n;
    in->len -= n;
    return true;
}

static inline bool slice_take_u8(struct slice *in, uint8_t *v) {
    if (in->len < 1)
        return false;
    *v = in->ptr[0];
    return slice_skip(in, 1);
}

static inline bool slice_take_u16be(struct slice *in, uint16_t *v) {
    if (in->len < 2)
        return false;
    *v = (uint16_t)(in->ptr[0] << 8 | in->ptr[1]);
    return slice_skip(in, 2);
}

static inline bool slice_take_u32be(struct slice *in, uint32_t *v) {
    if (in->len < 4)
        return false;
    *v = (uint32_t)in->ptr[0] << 24 | (uint32_t)in->ptr[1] << 16 | (uint32_t)in->ptr[2] << 8 |
         in->ptr[3];
    return slice_skip(in, 4);
}

static inline bool slice_take_u16le(struct slice *in, uint16_t *v) {
    if (in->len < 2)
        return false;
    *v = (uint16_t)(in->ptr[1] << 8 | in->ptr[0]);
    return slice_skip(in, 2);
}

static inline bool slice_take_u32le(struct slice *in, uint32_t *v) {
    if (in->len < 4)
        return false;
    *v = (uint32_t)in->ptr[3] << 24 | (uint32_t)in->ptr[2] << 16 | (uint32_t)in->ptr[1] << 8 |
         in->ptr[0];
    return slice_skip(in, 4);
}

/* The bytes from offset `from` up to (not with) `to`; both clamped to the slice. */
static inline struct slice slice_between(struct slice in, size_t from, size_t to) {
    if (to > in.len)
        to = in.len;
    if (from > to)
        from = to;
    return slice_of(in.ptr ? in.ptr + from : NULL, to - from);
}

static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters compare without case. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice a, struct slice prefix);
bool slice_starts_nocase(struct slice a, struct slice prefix);

/* Offset of the first byte c, or a.len. */
static inline size_t slice_find(struct slice a, uint8_t c) {
    const uint8_t *at = a.len ? memchr(a.ptr, c, a.len) : NULL;
    return at ? (size_t)(at - a.ptr) : a.len;
}

/* Without blanks, tabs, CR and LF at both ends. */
struct slice slice_trim(struct slice a);

/* An unsigned decimal number that fills the whole slice; false where it does not, or overflows. */
bool slice_to_u64(struct slice a, uint64_t *v);

#endif
