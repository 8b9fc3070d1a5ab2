/* The lexical ground of SIP (RFC 3261 25.1): token characters, blanks, quoted strings. */
#ifndef SIP_SIP_TEXT_H
#define SIP_SIP_TEXT_H

#include "base/slice.h"

extern const uint8_t sip_token_chars[256]; /* 1: may be in a token */

/* Linear white space: blanks, and the line ends of a folded header. */
static inline bool sip_is_blank(uint8_t c) {
    return c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static inline uint8_t sip_lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline struct slice sip_skip_blanks(struct slice a) {
    while (a.len && sip_is_blank(a.ptr[0]))
        slice_skip(&a, 1);
    return a;
}

/* slice_trim for the hot path: most values have one blank in front and CR behind. */
static inline struct slice sip_trim(struct slice a) {
    a = sip_skip_blanks(a);
    while (a.len && sip_is_blank(a.ptr[a.len - 1]))
        a.len--;
    return a;
}

static inline bool sip_words_differ(const uint8_t *a, const char *b, size_t at) {
    uint64_t x, y;

    memcpy(&x, a + at, 8);
    memcpy(&y, b + at, 8);
    return (x | 0x2020202020202020u) != y;
}

/* Are the n bytes (24 at most) at a those at b, a word in lower case, whatever the case of a's
 * letters? Setting bit 5 makes letters lower case and makes no other token character one that
 * occurs in the words that are asked for. By eights, which overlap where n is no multiple of them.
 */
static inline bool sip_word_is(const uint8_t *a, const char *b, size_t n) {
    uint32_t x, y, v, w;

    if (n >= 8)
        return !sip_words_differ(a, b, 0) && !sip_words_differ(a, b, n - 8) &&
               (n <= 16 || !sip_words_differ(a, b, 8));
    if (n >= 4) {
        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        memcpy(&v, a + n - 4, 4);
        memcpy(&w, b + n - 4, 4);
        return (x | 0x20202020u) == y && (v | 0x20202020u) == w;
    }
    for (size_t i = 0; i < n; i++)
        if ((a[i] | 0x20) != (uint8_t)b[i])
            return false;
    return true;
}

/* A parameter's or header's name against a literal in lower case. */
#define SIP_NAME_IS(name, literal)                                                                 \
    ((name).len == sizeof(literal) - 1 && sip_word_is((name).ptr, (literal), sizeof(literal) - 1))

/* From offset `from` to the end; empty where that lies behind it. */
static inline struct slice sip_from(struct slice a, size_t from) {
    return slice_between(a, from, a.len);
}

/* The digits at the front: how many. The number is clamped to UINT64_MAX. */
static inline size_t sip_digits(struct slice a, uint64_t *v) {
    uint64_t n = 0;
    size_t i = 0;

    for (; i < a.len && a.ptr[i] >= '0' && a.ptr[i] <= '9'; i++)
        n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(a.ptr[i] - '0');
    *v = n;
    return i;
}

/* Length of the token at the front. */
static inline size_t sip_token_len(struct slice a) {
    size_t n = 0;

    while (n < a.len && sip_token_chars[a.ptr[n]])
        n++;
    return n;
}

/* a begins with a quotation mark: the offset of the one that closes it, or a.len. */
size_t sip_quote_end(struct slice a);

/* Offset of the first `stop` that is neither in a quoted string nor, where asked for, between angle
 * brackets; a.len where there is none. */
size_t sip_find_outside(struct slice a, uint8_t stop, bool brackets);

#endif
