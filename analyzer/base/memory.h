/* Memory: checked allocation, arenas, growing arrays.
 *
 * Running out of memory ends the program with a message and status 3 (a capture could not be read
 * to its end): every table that a capture can make grow is bounded elsewhere, so that this happens
 * only on a machine that is out of memory itself, where nothing useful can be said any more.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* As malloc, calloc and realloc, but never NULL. */
void *memory_new(size_t size);
void *memory_new_zeroed(size_t count, size_t size);
void *memory_resize(void *old, size_t count, size_t size);

/* A library ran out of memory: the same end. */
_Noreturn void memory_exhausted(void);

/* It will be read soon, and lies where nothing was read lately: the processor is to bring it. */
static inline void memory_expect(const void *p, size_t size) {
    enum { LINE = 64 };

    for (size_t at = 0; at < size; at += LINE)
        __builtin_prefetch((const uint8_t *)p + at);
}

/* Many small things that die together. Zero-initialised is valid and empty. */
struct arena {
    struct arena_block *blocks;
};

/* size bytes, zeroed, aligned for any type; they live until arena_clear or arena_fini. */
void *arena_new(struct arena *arena, size_t size);
#define ARENA_ARRAY(arena, type, count) ((type *)arena_new((arena), sizeof(type) * (count)))

/* A copy with a closing NUL. */
char *arena_text(struct arena *arena, struct slice text);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void arena_clear(struct arena *arena); /* free all but the newest block, which is used again */
void arena_fini(struct arena *arena);

/* Growing arrays: struct { type *items; size_t n, cap; }. ARRAY_PUSH gives the new, zeroed item. */
#define ARRAY_OF(type)                                                                             \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t n, cap;                                                                             \
    }
#define ARRAY_PUSH(array)                                                                          \
    ((array)->items =                                                                              \
         array_room((array)->items, &(array)->cap, (array)->n, sizeof *(array)->items),            \
     memset(&(array)->items[(array)->n], 0, sizeof *(array)->items),                               \
     &(array)->items[(array)->n++])
#define ARRAY_FINI(array)                                                                          \
    (free((array)->items), (array)->items = NULL, (array)->n = (array)->cap = 0)

/* The same, for an item that is written whole at once: what is there is not zeroed. */
#define ARRAY_ADD(array)                                                                           \
    ((array)->items =                                                                              \
         array_room((array)->items, &(array)->cap, (array)->n, sizeof *(array)->items),            \
     &(array)->items[(array)->n++])

/* qsort, for arrays that are nearly always in order already: they are looked through first. */
void array_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *));

/* Make room for one item after the n that are there; returns where the items are now. */
void *array_room(void *items, size_t *cap, size_t n, size_t size);

#endif
