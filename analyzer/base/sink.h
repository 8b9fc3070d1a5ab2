/* Where text goes: a file being written, with errors remembered until sink_close asks. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stdbool.h>
#include <stdio.h>

#include "base/slice.h"

struct sink {
    FILE *file;       /* not owned where it is standard output */
    const char *name; /* for messages: the path, or "standard output" */
    bool failed;
    int error; /* errno of the first failure; 0: none, or not known */
};

/* Open path for writing, or standard output where path is NULL. false: errno says why. */
bool sink_open(struct sink *sink, const char *path);
void sink_write(struct sink *sink, const void *bytes, size_t len);
void sink_text(struct sink *sink, const char *text);
void sink_printf(struct sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Flush and close. false: something could not be written, now or before; errno says why. */
bool sink_close(struct sink *sink);

#endif
