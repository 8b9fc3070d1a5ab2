/* Messages in memory of exactly their size, so that the sanitizer sees a read one byte past the
 * end. */
#ifndef TESTS_SIP_EXACT_H
#define TESTS_SIP_EXACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

static inline struct slice exact(const void *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return slice_of(copy, len);
}

static inline void drop(struct slice copy) {
    free((void *)(uintptr_t)copy.ptr);
}

static inline void assert_slice(struct slice a, const char *text, const char *what) {
    if (!slice_eq(a, slice_of_text(text)))
        fail_msg("%s: \"%.*s\", expected \"%s\"", what, (int)a.len,
                 a.len ? (const char *)a.ptr : "", text);
}

#endif
