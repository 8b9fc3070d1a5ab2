/* The file of --keylog. */
#include "cli/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "report/frame_text.h"

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
        ok = lines.used > 0 || !lines.skipped;
        if (!lines.used && ok)
            cli_say("%s: there is no secret in this key log that records are protected by", path);
        else if (!ok)
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

/* One connection that could not be read, and why. */
static void say_connection(const char *capture, const struct tls_keylog *keylog,
                           const struct tls_unfit *unfit, const struct merge *merge) {
    const struct tls_secrets *known = tls_keylog_find(keylog, unfit->client_random);
    const struct tls_secret *secret = known ? &known->of[unfit->secret] : NULL;
    bool from_client = unfit->side == CONN_CLIENT;
    char frame[FRAME_TEXT_LEN], from[ENDPOINT_TEXT_LEN], to[ENDPOINT_TEXT_LEN], line[32] = "";
    const char *label = tls_secret_label(unfit->secret);

    frame_text(merge, unfit->frame_no, frame);
    endpoint_text(from_client ? &unfit->client : &unfit->server, from);
    endpoint_text(from_client ? &unfit->server : &unfit->client, to);
    if (secret && secret->len)
        snprintf(line, sizeof line, " (line %" PRIu32 ")", secret->line);
    switch (unfit->reason) {
    case TLS_UNFIT_WRONG:
        cli_say("%s: frame %s: %s%s does not open what %s sent to %s: it is the secret of another "
                "connection, or damaged",
                capture, frame, label, line, from, to);
        break;
    case TLS_UNFIT_MISSING:
        cli_say("%s: frame %s: what %s sent to %s cannot be opened: the key log has other secrets "
                "of this connection, but no %s",
                capture, frame, from, to, label);
        break;
    case TLS_UNFIT_SUITE:
        cli_say("%s: frame %s: what %s sent to %s cannot be opened: the cipher suite of this "
                "connection is not known",
                capture, frame, from, to);
        break;
    }
}

void keys_say_unfit(const char *capture, const struct tls_keylog *keylog,
                    const struct tls_tally *tally, const struct merge *merge) {
    uint64_t named = tally->unfit < TLS_UNFIT_KEPT ? tally->unfit : TLS_UNFIT_KEPT;

    for (uint64_t i = 0; i < named; i++)
        say_connection(capture, keylog, &tally->first[i], merge);
    if (tally->unfit > named)
        cli_say("%s: %" PRIu64 " more TLS connection%s could not be opened with the secrets that "
                "are there for %s",
                capture, tally->unfit - named, tally->unfit - named == 1 ? "" : "s",
                tally->unfit - named == 1 ? "it" : "them");
    if (!keylog || tally->keyed)
        return;
    if (!tally->connections)
        cli_say("%s: no TLS connection in it: the key log is of no use", capture);
    else
        cli_say("%s: the key log has secrets of none of its %" PRIu64 " TLS connection%s%s",
                capture, tally->connections, tally->connections == 1 ? "" : "s",
                tally->holds == TLS_KEYLOG_PREMASTERS_ONLY
                    ? ": it has lines labelled RSA alone, which open RSA key exchange"
                    : "");
}
