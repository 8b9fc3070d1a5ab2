/* The file of --keylog. */
#include "cli/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"

enum { KEYLOG_FILE_MAX = 64 * 1024 * 1024 };

struct text {
    uint8_t *items;
    size_t n, cap;
};

/* All bytes of a file; false: errno says why, EFBIG where it is too large. */
static bool read_file(const char *path, struct text *text) {
    FILE *file = fopen(path, "rb");
    bool ok = file;

    while (ok && !feof(file)) {
        if (text->n > KEYLOG_FILE_MAX) {
            errno = EFBIG;
            ok = false;
            break;
        }
        if (text->n == text->cap) {
            text->cap = text->cap ? 2 * text->cap : 4096;
            text->items = memory_resize(text->items, text->cap, 1);
        }
        text->n += fread(text->items + text->n, 1, text->cap - text->n, file);
        ok = !ferror(file);
    }
    int error = errno;
    if (file)
        fclose(file);
    errno = error;
    return ok;
}

bool keys_read(enum command command, const struct options *options, struct tls_keylog **keylog) {
    const char *name = command_name(command), *path = options->keylog;
    struct text text = {0};
    bool ok = false;

    *keylog = NULL;
    if (!path)
        return true;
    if (!read_file(path, &text)) {
        cli_misuse(name, "--keylog %s: %s", path, strerror(errno));
    } else {
        *keylog = tls_keylog_new(NULL);
        struct tls_keylog_lines lines = tls_keylog_read(*keylog, slice_of(text.items, text.n));
        ok = lines.used > 0;
        if (!ok)
            cli_misuse(name,
                       "--keylog %s: no line in it is a TLS secret; expected lines of the NSS key "
                       "log format, as CLIENT_RANDOM or CLIENT_TRAFFIC_SECRET_0, the client random "
                       "and the secret in hexadecimal digits",
                       path);
        else if (lines.skipped)
            cli_say("%s: %zu line%s passed over that %s no line of a key log", path, lines.skipped,
                    lines.skipped == 1 ? "" : "s", lines.skipped == 1 ? "is" : "are");
    }
    free(text.items);
    return ok;
}

void keys_say_unfit(const char *capture, const struct tls_keylog *keylog, uint64_t connections,
                    uint64_t keyed) {
    if (!keylog || keyed)
        return;
    if (!connections)
        cli_say("%s: no TLS connection in it: the key log is of no use", capture);
    else
        cli_say("%s: the key log has secrets of none of its %" PRIu64 " TLS connection%s", capture,
                connections, connections == 1 ? "" : "s");
}
