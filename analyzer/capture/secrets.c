/* Texts end to end in one buffer, which is used again once they were taken. */
#include "capture/secrets.h"

#include <stdlib.h>

#include "base/memory.h"

static void append(struct secrets *secrets, struct slice text) {
    if (text.len)
        memcpy(secrets->text + secrets->len, text.ptr, text.len);
    secrets->len += text.len;
}

void secrets_add(struct secrets *secrets, struct slice text) {
    bool closed = !text.len || text.ptr[text.len - 1] == '\n';

    if (secrets->taken) {
        secrets->len = 0;
        secrets->taken = false;
    }
    if (text.len >= SECRETS_MAX - secrets->len) {
        secrets->left_out++;
        return;
    }
    if (secrets->cap - secrets->len < text.len + 1) {
        secrets->cap = secrets->cap * 2 > secrets->len + text.len + 1 ? secrets->cap * 2
                                                                      : secrets->len + text.len + 1;
        secrets->text = memory_resize(secrets->text, secrets->cap, 1);
    }
    append(secrets, text);
    if (!closed)
        append(secrets, SLICE_LITERAL("\n"));
}

struct slice secrets_take(struct secrets *secrets) {
    struct slice text = slice_of(secrets->text, secrets->taken ? 0 : secrets->len);

    secrets->taken = true;
    return text;
}

void secrets_fini(struct secrets *secrets) {
    free(secrets->text);
    *secrets = (struct secrets){0};
}
