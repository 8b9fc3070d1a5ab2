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

/* Eight bytes as one number, the first lowest. */
static inline uint64_t sip_eight(const uint8_t *at) {
    uint64_t word;

    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = (word & 0x00000000ffffffffu) << 32 | (word & 0xffffffff00000000u) >> 32;
    word = (word & 0x0000ffff0000ffffu) << 16 | (word & 0xffff0000ffff0000u) >> 16;
    word = (word & 0x00ff00ff00ff00ffu) << 8 | (word & 0xff00ff00ff00ff00u) >> 8;
#endif
    return word;
}

/* Do x and y, eight bytes (or fewer) each, differ in more than the case of letters? y is in lower
 * case. Bit 5 is a letter's case, and bit 6 is set in letters but not in "-" and digits. */
static inline uint64_t sip_differ(uint64_t x, uint64_t y) {
    return (x ^ y) & ~(y >> 1 & UINT64_C(0x2020202020202020));
}

/* Is text the word, which is of letters, digits and "-" in lower case, whatever the case of text's
 * letters? */
static inline bool sip_word_is(struct slice text, struct slice word) {
    const uint8_t *a = text.ptr, *b = word.ptr;
    size_t n = word.len, at = 0;

    if (text.len != n)
        return false;
    if (n >= 8) {
        for (; at + 8 < n; at += 8)
            if (sip_differ(sip_eight(a + at), sip_eight(b + at)))
                return false;
        return !sip_differ(sip_eight(a + n - 8), sip_eight(b + n - 8));
    }
    for (; at < n; at++)
        if (sip_differ(a[at], b[at]))
            return false;
    return true;
}

/* Of the eight bytes of a word: bit 7 of each that equals c. Behind the first that does, bytes may
 * be marked wrongly. */
static inline uint64_t sip_marks(uint64_t word, uint8_t c) {
    word ^= c * UINT64_C(0x0101010101010101);
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/* Which byte is the first that is marked? */
static inline size_t sip_first_mark(uint64_t marks) {
    return (size_t)__builtin_ctzll(marks) / 8;
}

/* Offset of the first x or y; a.len where there is none. For what is expected to be near. */
static inline size_t sip_find_either(struct slice a, uint8_t x, uint8_t y) {
    size_t at = 0;

    for (; a.len - at >= 8; at += 8) {
        uint64_t word = sip_eight(a.ptr + at), marks = sip_marks(word, x) | sip_marks(word, y);
        if (marks)
            return at + sip_first_mark(marks);
    }
    while (at < a.len && a.ptr[at] != x && a.ptr[at] != y)
        at++;
    return at;
}

/* A name against a literal in lower case. */
#define SIP_NAME_IS(name, literal) sip_word_is((name), SLICE_LITERAL(literal))

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
