/* Checked allocation, arenas of doubling blocks, growing arrays. */
#include "base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The largest blocks are as large as a large page of the processor. */
enum {
    FIRST_BLOCK = 4096,
    LARGE_PAGE = 2 << 20,
    LARGEST_BLOCK = LARGE_PAGE,
    CLEANED_AHEAD = 1024, /* bytes that are zeroed in one go for the small things to come */
    FIRST_ITEMS = 128,    /* bytes of a growing array */
};

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    size_t clean; /* up to here the unused bytes are zero */
    alignas(max_align_t) uint8_t bytes[];
};

void memory_exhausted(void) {
    fputs("sipvet: out of memory\n", stderr);
    exit(3);
}

static void *checked(void *p) {
    if (!p)
        memory_exhausted();
    return p;
}

void *memory_new(size_t size) {
    return checked(malloc(size ? size : 1));
}

void *memory_new_zeroed(size_t count, size_t size) {
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *memory_resize(void *old, size_t count, size_t size) {
    return checked(reallocarray(old, count ? count : 1, size ? size : 1));
}

/* A block of LARGE_PAGE bytes on one large page, where the system has any to give: what is kept of
 * a capture is walked here and there, and each small page would have to be found anew. */
static struct arena_block *new_large_block(void) {
    struct arena_block *block = checked(aligned_alloc(LARGE_PAGE, LARGE_PAGE));

#ifdef MADV_HUGEPAGE
    (void)madvise(block, LARGE_PAGE, MADV_HUGEPAGE);
#endif
    return block;
}

static void add_block(struct arena *arena, size_t size) {
    struct arena_block *newest = arena->blocks, *block;
    size_t room = !newest                            ? FIRST_BLOCK
                  : newest->size < LARGEST_BLOCK / 2 ? newest->size * 2
                                                     : LARGEST_BLOCK - sizeof *block;

    if (room < size)
        room = size;
    block =
        sizeof *block + room == LARGE_PAGE ? new_large_block() : memory_new(sizeof *block + room);
    *block = (struct arena_block){.next = newest, .size = room};
    arena->blocks = block;
}

/* Zero what the next size bytes lack, and some more. */
static void clean(struct arena_block *block, size_t size) {
    size_t to = block->used + size;

    if (block->size - to > CLEANED_AHEAD)
        to += CLEANED_AHEAD;
    else
        to = block->size;
    memset(block->bytes + block->clean, 0, to - block->clean);
    block->clean = to;
}

void *arena_new(struct arena *arena, size_t size) {
    const size_t align = alignof(max_align_t);

    size = (size + align - 1) / align * align;
    if (!arena->blocks || arena->blocks->size - arena->blocks->used < size)
        add_block(arena, size);
    struct arena_block *block = arena->blocks;
    if (block->clean - block->used < size)
        clean(block, size);
    void *p = block->bytes + block->used;
    block->used += size;
    return p;
}

char *arena_text(struct arena *arena, struct slice text) {
    char *copy = arena_new(arena, text.len + 1);

    if (text.len)
        memcpy(copy, text.ptr, text.len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_new(arena, len < 0 ? 1 : (size_t)len + 1);
    if (len >= 0)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void arena_clear(struct arena *arena) {
    struct arena_block *newest = arena->blocks, *block = newest ? newest->next : NULL;

    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    if (newest) {
        newest->next = NULL;
        newest->used = newest->clean = 0;
    }
}

void arena_fini(struct arena *arena) {
    arena_clear(arena);
    free(arena->blocks);
    arena->blocks = NULL;
}

void *array_room(void *items, size_t *cap, size_t n, size_t size) {
    if (n < *cap)
        return items;
    *cap = *cap ? *cap * 2 : size < FIRST_ITEMS / 4 ? FIRST_ITEMS / size : 4;
    return memory_resize(items, *cap, size);
}

void array_sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *)) {
    const uint8_t *at = items;

    for (size_t i = 1; i < n; i++, at += size) {
        if (compare(at, at + size) > 0) {
            qsort(items, n, size, compare);
            return;
        }
    }
}
