/* What the readers of all formats share. */
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
    uint64_t (*dropped)(const struct reader *reader);          /* NULL: the format cannot say */
    struct slice (*take_secrets)(struct reader *reader);       /* NULL: it holds none */
    uint64_t (*secrets_left_out)(const struct reader *reader); /* with take_secrets */
    void (*close)(struct reader *reader);
};

extern const struct format format_pcap, format_pcapng, format_snoop, format_netmon;

/* Fill in *error as CAPTURE_DAMAGED; the text begins with frame (where not 0) and byte, and says so
 * where that is counted in uncompressed bytes. */
enum capture_status capture_damaged(struct capture_error *error, const struct input *in,
                                    uint32_t frame_no, uint64_t byte, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The file ends, or cannot be read on, within its header of header_len bytes, of which `got` are
 * there; */
void capture_header_short(struct capture_error *error, const struct input *in, size_t got,
                          size_t header_len);
/* or within the frame that begins at `byte`: `got` of `wanted` bytes are there, of which `before`
 * are the frame's own header, whole (0: it ends in that). */
enum capture_status capture_frame_short(struct capture_error *error, const struct input *in,
                                        uint32_t frame_no, uint64_t byte, size_t got, size_t before,
                                        size_t wanted);

/* A frame check sequence of fcs_len bytes (0: none, or not known) is no part of the packet: where
 * it was captured, wholly or in part, it goes. */
void capture_cut_fcs(struct frame *frame, uint32_t fcs_len);

#endif
