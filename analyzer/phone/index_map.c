/* Hash tables from 64-bit keys to indices, and those that forget (collect.h). */
#include "phone/collect.h"

#include <stdlib.h>

uint64_t index_key(const void *bytes, size_t len, uint64_t basis) {
    uint64_t key = hash_bytes(bytes, len, basis);

    return key ? key : 1; /* 0 marks a free slot */
}

static size_t slot_of(const struct index_map *map, uint64_t key) {
    size_t at = key & (map->cap - 1);

    while (map->slots[at].key && map->slots[at].key != key)
        at = (at + 1) & (map->cap - 1);
    return at;
}

uint32_t index_get(const struct index_map *map, uint64_t key) {
    if (!map->cap)
        return NONE;
    const struct index_slot *slot = &map->slots[slot_of(map, key)];
    return slot->key ? slot->value : NONE;
}

static void grow(struct index_map *map) {
    struct index_map bigger = {.cap = map->cap ? map->cap * 2 : 16, .n = map->n};

    bigger.slots = memory_new_zeroed(bigger.cap, sizeof *bigger.slots);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key)
            bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    *map = bigger;
}

void index_put(struct index_map *map, uint64_t key, uint32_t value) {
    if (map->n * 2 >= map->cap) /* what is looked for is often not there: no long way to the hole */
        grow(map);
    struct index_slot *slot = &map->slots[slot_of(map, key)];
    if (!slot->key)
        map->n++;
    *slot = (struct index_slot){key, value};
}

void index_remove(struct index_map *map, uint64_t key) {
    if (!map->cap)
        return;
    size_t mask = map->cap - 1, hole = slot_of(map, key);
    if (!map->slots[hole].key)
        return;
    map->n--;
    /* Close the hole: move back what would not be found across it. */
    for (size_t at = (hole + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
        size_t home = map->slots[at].key & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].key = 0;
}

void index_fini(struct index_map *map) {
    free(map->slots);
    *map = (struct index_map){0};
}

void passing_turn(struct passing_map *map, int64_t t_ns, int64_t life_ns) {
    if (!map->young.n) {
        map->since_ns = t_ns;
        return;
    }
    if (t_ns - map->since_ns <= life_ns && map->since_ns - t_ns <= life_ns)
        return;
    struct index_map empty = map->old;
    if (empty.cap)
        memset(empty.slots, 0, empty.cap * sizeof *empty.slots);
    empty.n = 0;
    map->old = map->young;
    map->young = empty;
    map->since_ns = t_ns;
}

uint32_t passing_get(struct passing_map *map, uint64_t key) {
    uint32_t value = index_get(&map->young, key);

    if (value != NONE || !map->old.n)
        return value;
    value = index_get(&map->old, key);
    if (value != NONE)
        index_put(&map->young, key, value);
    return value;
}

void passing_put(struct passing_map *map, uint64_t key, uint32_t value) {
    index_put(&map->young, key, value);
}

void passing_fini(struct passing_map *map) {
    index_fini(&map->young);
    index_fini(&map->old);
}
