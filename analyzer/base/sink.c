/* Text output with errors remembered. */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>

bool sink_open(struct sink *sink, const char *path) {
    *sink = (struct sink){.file = path ? fopen(path, "wb") : stdout,
                          .name = path ? path : "standard output"};
    return sink->file != NULL;
}

static void remember_failure(struct sink *sink) {
    sink->failed = true;
    if (!sink->error)
        sink->error = errno;
}

void sink_write(struct sink *sink, const void *bytes, size_t len) {
    if (len && fwrite(bytes, 1, len, sink->file) != len)
        remember_failure(sink);
}

void sink_text(struct sink *sink, const char *text) {
    sink_write(sink, text, strlen(text));
}

void sink_printf(struct sink *sink, const char *format, ...) {
    va_list args;

    va_start(args, format);
    if (vfprintf(sink->file, format, args) < 0)
        remember_failure(sink);
    va_end(args);
}

bool sink_close(struct sink *sink) {
    errno = 0;
    if (fflush(sink->file) != 0)
        remember_failure(sink);
    if (ferror(sink->file))
        sink->failed = true;
    if (sink->file != stdout && fclose(sink->file) != 0)
        remember_failure(sink);
    sink->file = NULL;
    errno = sink->error ? sink->error : sink->failed ? EIO : 0;
    return !sink->failed;
}
