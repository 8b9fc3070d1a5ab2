/* Strings kept once: equal bytes give the same pointer, so that names compare as pointers. */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include "base/memory.h"
#include "base/slice.h"

struct intern_slot {
    const char *text; /* NULL: free */
    uint32_t hash, len;
};

struct intern {
    struct arena arena;
    struct intern_slot *slots; /* open addressing; a power of two */
    size_t n, cap;
};

/* The one NUL-terminated copy of text; it lives until intern_fini. Bytes after a NUL in the text
 * are kept but not seen by C string functions. */
const char *intern_text(struct intern *table, struct slice text);
/* The same with ASCII letters in lower case. */
const char *intern_lower(struct intern *table, struct slice text);
void intern_fini(struct intern *table);

/* A good hash of bytes that is the same in every run (no seed: output must be reproducible). */
uint64_t hash_bytes(const void *ptr, size_t len, uint64_t basis);

#endif
