/* A table of strings by content: open addressing with linear probing. */
#include "base/intern.h"

#include <stdlib.h>

/* A multiply-and-fold hash in the manner of wyhash: sixteen bytes a step, 128-bit product folded.
 */
static uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const uint8_t *at, size_t len) {
    uint64_t word = 0;

    memcpy(&word, at, len);
    return word;
}

/* Up to seven bytes as one number, without a loop: two fours that overlap, or first, middle, last.
 */
static uint64_t load_short(const uint8_t *at, size_t len) {
    if (len >= 4)
        return load(at, 4) << 32 | load(at + len - 4, 4);
    return len ? (uint64_t)at[0] << 16 | (uint64_t)at[len / 2] << 8 | at[len - 1] : 0;
}

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t basis) {
    const uint8_t *p = ptr;
    uint64_t hash = basis ^ 0x9e3779b97f4a7c15u;
    size_t left = len;

    for (; left >= 16; p += 16, left -= 16)
        hash = fold(hash ^ load(p, 8), load(p + 8, 8) ^ 0xa0761d6478bd642fu);
    for (; left >= 8; p += 8, left -= 8)
        hash = fold(hash ^ load(p, 8), 0x8ebc6af09c88c6e3u);
    /* What is left, together with bytes before it where there are any. */
    uint64_t last = left && len >= 8 ? load(p + left - 8, 8) : load_short(p, left);
    return fold(hash ^ last, 0xe7037ed1a0b428dbu ^ len);
}

static void grow(struct intern *table) {
    size_t cap = table->cap ? table->cap * 2 : 64;
    struct intern_slot *slots = memory_new_zeroed(cap, sizeof *slots);

    for (size_t i = 0; i < table->cap; i++) {
        if (!table->slots[i].text)
            continue;
        size_t at = table->slots[i].hash & (cap - 1);
        while (slots[at].text)
            at = (at + 1) & (cap - 1);
        slots[at] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->cap = cap;
}

const char *intern_text(struct intern *table, struct slice text) {
    uint64_t whole = hash_bytes(text.ptr, text.len, 0);
    uint32_t hash = (uint32_t)(whole ^ whole >> 32), len = (uint32_t)text.len;

    if (table->n * 4 >= table->cap * 3)
        grow(table);
    size_t at = hash & (table->cap - 1);
    for (; table->slots[at].text; at = (at + 1) & (table->cap - 1)) {
        const struct intern_slot *known = &table->slots[at];
        if (known->hash == hash && known->len == len &&
            (!len || memcmp(known->text, text.ptr, len) == 0))
            return known->text;
    }
    table->slots[at] = (struct intern_slot){arena_text(&table->arena, text), hash, len};
    table->n++;
    return table->slots[at].text;
}

const char *intern_lower(struct intern *table, struct slice text) {
    uint8_t small[512];
    uint8_t *copy = text.len <= sizeof small ? small : memory_new(text.len);

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        copy[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    const char *kept = intern_text(table, slice_of(copy, text.len));
    if (copy != small)
        free(copy);
    return kept;
}

void intern_fini(struct intern *table) {
    arena_fini(&table->arena);
    free(table->slots);
    *table = (struct intern){0};
}
