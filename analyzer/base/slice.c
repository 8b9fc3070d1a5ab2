/* Comparing, trimming and reading numbers from runs of bytes. */
#include "base/slice.h"

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool slice_eq_nocase(struct slice a, struct slice b) {
    return a.len == b.len && slice_starts_nocase(a, b);
}

bool slice_starts(struct slice a, struct slice prefix) {
    return slice_eq(slice_between(a, 0, prefix.len), prefix);
}

bool slice_starts_nocase(struct slice a, struct slice prefix) {
    if (a.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (lower(a.ptr[i]) != lower(prefix.ptr[i]))
            return false;
    return true;
}

struct slice slice_trim(struct slice a) {
    while (a.len && is_space(a.ptr[0]))
        slice_skip(&a, 1);
    while (a.len && is_space(a.ptr[a.len - 1]))
        a.len--;
    return a;
}

bool slice_to_u64(struct slice a, uint64_t *v) {
    uint64_t n = 0;

    if (!a.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned digit = (unsigned)a.ptr[i] - '0';
        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *v = n;
    return true;
}
