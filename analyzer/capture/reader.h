/* What the readers of the two formats share. */
#ifndef CAPTURE_READER_H
#define CAPTURE_READER_H

#include "capture/capture.h"
#include "capture/input.h"

struct reader;

/* A file format. New ones are a row in capture.c. */
struct format {
    /* Take the file header. On failure NULL, and *error says why. */
    struct reader *(*open)(struct input *in, struct capture_error *error);
    enum capture_status (*next)(struct reader *reader, struct frame *frame,
                                struct capture_error *error);
    uint64_t (*dropped)(const struct reader *reader);
    void (*close)(struct reader *reader);
};

extern const struct format format_pcap, format_pcapng;

/* Fill in *error as CAPTURE_DAMAGED; the text begins with frame (where not 0) and byte. */
enum capture_status capture_damaged(struct capture_error *error, uint32_t frame_no, uint64_t byte,
                                    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
