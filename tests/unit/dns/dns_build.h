/* DNS messages as lists of bytes, in memory of exactly their size, so that the sanitizer sees a
 * read one byte past the end. */
#ifndef TESTS_DNS_BUILD_H
#define TESTS_DNS_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

struct build {
    uint8_t bytes[4096];
    size_t len;
};

static inline void add(struct build *b, const void *bytes, size_t len) {
    assert_true(len <= sizeof b->bytes - b->len);
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
}

static inline void add_u16(struct build *b, unsigned v) {
    uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    add(b, bytes, 2);
}

#define ADD(b, literal) add((b), (literal), sizeof(literal) - 1)

/* id 0x1234, flags, four counts */
static inline void add_header(struct build *b, unsigned flags, unsigned qd, unsigned an,
                              unsigned ns, unsigned ar) {
    add_u16(b, 0x1234);
    add_u16(b, flags);
    add_u16(b, qd);
    add_u16(b, an);
    add_u16(b, ns);
    add_u16(b, ar);
}

/* name, type, class IN, ttl 3600, data */
static inline void add_record(struct build *b, const void *name, size_t name_len, unsigned type,
                              const void *data, size_t data_len) {
    add(b, name, name_len);
    add_u16(b, type);
    add_u16(b, 1);
    add_u16(b, 0);
    add_u16(b, 3600);
    add_u16(b, (unsigned)data_len);
    add(b, data, data_len);
}
#define ADD_RECORD(b, name, type, data)                                                            \
    add_record((b), (name), sizeof(name) - 1, (type), (data), sizeof(data) - 1)

static inline struct slice exact(const void *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return slice_of(copy, len);
}

static inline void drop(struct slice copy) {
    free((void *)(uintptr_t)copy.ptr);
}

#endif
