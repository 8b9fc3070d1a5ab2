/* The key log text of a pcapng file's decryption secrets blocks, until somebody takes it. */
#ifndef CAPTURE_SECRETS_H
#define CAPTURE_SECRETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { SECRETS_MAX = 16 * 1024 * 1024 };

/* Zero-initialised is valid and empty. */
struct secrets {
    uint8_t *text;
    size_t len, cap;
    bool taken;        /* all of it; what is added next begins anew */
    uint64_t left_out; /* blocks that were dropped */
};

/* One block's worth, closed with a line end where it has none. What goes beyond SECRETS_MAX is
 * dropped, whole blocks at a time. */
void secrets_add(struct secrets *secrets, struct slice text);

/* All that was added since the last call, valid until the next secrets_add. */
struct slice secrets_take(struct secrets *secrets);

void secrets_fini(struct secrets *secrets);

#endif
