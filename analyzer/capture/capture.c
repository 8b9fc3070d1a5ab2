/* Opening a capture: its format is told by its first bytes, never by its name. */
#include "capture/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/reader.h"

enum { HEAD_LEN = 512 };

struct capture {
    struct input in;
    const struct format *format;
    struct reader *reader;
    struct capture_error end; /* status other than CAPTURE_OK: nothing more is read */
};

struct magic {
    struct slice bytes;
    const struct format *format; /* NULL: known, but no capture that is read */
    const char *name;
};

/* SLICE_LITERAL as a constant initialiser. */
#define MAGIC(text)                                                                                \
    { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct magic magics[] = {
    /* tcpdump's own, with nanoseconds, and with Kuznetsov's longer packet header */
    {MAGIC("\xd4\xc3\xb2\xa1"), &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\xc3\xd4"), &format_pcap, "pcap"},
    {MAGIC("\x4d\x3c\xb2\xa1"), &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\x3c\x4d"), &format_pcap, "pcap"},
    {MAGIC("\x34\xcd\xb2\xa1"), &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\xcd\x34"), &format_pcap, "pcap"},
    {MAGIC("\x0a\x0d\x0d\x0a"), &format_pcapng, "pcapng"},
    {MAGIC("\x1f\x8b"), NULL, "a file compressed with gzip: compressed captures are not read yet"},
    {MAGIC("\x28\xb5\x2f\xfd"), NULL,
     "a file compressed with zstd: compressed captures are not read yet"},
    {MAGIC("\xfd"
           "7zXZ"),
     NULL, "a file compressed with xz: compressed captures are not read yet"},
    {MAGIC("\x04\x22\x4d\x18"), NULL,
     "a file compressed with lz4: compressed captures are not read yet"},
    {MAGIC("BZh"), NULL, "a file compressed with bzip2: compressed captures are not read yet"},
    {MAGIC("PK\x03\x04"), NULL, "a zip archive"},
    {MAGIC("snoop\0\0\0"), NULL, "a snoop capture"},
    {MAGIC("GMBU"), NULL, "a Network Monitor capture"},
    {MAGIC("RTSS"), NULL, "a Network Monitor capture"},
    {MAGIC("\x7f"
           "ELF"),
     NULL, "a program"},
    {MAGIC("%PDF"), NULL, "a PDF document"},
};

static const struct magic *magic_of(struct slice head) {
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (slice_starts(head, magics[i].bytes))
            return &magics[i];
    return NULL;
}

/* No control characters but those that lines are made of. */
static bool is_text(struct slice head) {
    for (size_t i = 0; i < head.len; i++) {
        uint8_t c = head.ptr[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7f)
            return false;
    }
    return true;
}

static void say(struct capture_error *error, enum capture_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct capture_error *error, enum capture_status status, const char *format, ...) {
    va_list args;

    *error = (struct capture_error){.status = status};
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

enum capture_status capture_damaged(struct capture_error *error, uint32_t frame_no, uint64_t byte,
                                    const char *format, ...) {
    va_list args;
    char what[192];

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (frame_no)
        say(error, CAPTURE_DAMAGED, "frame %u, byte %llu: %s", frame_no, (unsigned long long)byte,
            what);
    else
        say(error, CAPTURE_DAMAGED, "byte %llu: %s", (unsigned long long)byte, what);
    error->frame_no = frame_no;
    error->byte = byte;
    return CAPTURE_DAMAGED;
}

static void say_unknown(struct capture_error *error, struct slice head, const struct magic *magic) {
    static const char expected[] = "expected a pcap or pcapng file, found";
    uint8_t b[4] = {0};

    if (magic) {
        say(error, CAPTURE_UNKNOWN, "%s %s", expected, magic->name);
    } else if (is_text(head)) {
        say(error, CAPTURE_UNKNOWN, "%s text", expected);
    } else if (head.len < sizeof b) {
        say(error, CAPTURE_UNKNOWN, "%s a file of %zu byte%s", expected, head.len,
            head.len == 1 ? "" : "s");
    } else {
        memcpy(b, head.ptr, sizeof b);
        say(error, CAPTURE_UNKNOWN, "%s data that begins with %02x %02x %02x %02x", expected, b[0],
            b[1], b[2], b[3]);
    }
}

struct capture *capture_open(const char *path, struct capture_error *error) {
    struct capture *capture = memory_new_zeroed(1, sizeof *capture);
    int failed = input_open(&capture->in, path);

    *error = (struct capture_error){0};
    if (failed) {
        say(error, CAPTURE_OPEN_FAILED, "cannot open it: %s",
            failed == EISDIR ? "it is a folder" : strerror(failed));
        free(capture);
        return NULL;
    }

    struct slice head = input_peek(&capture->in, HEAD_LEN);
    const struct magic *magic = magic_of(head);
    if (!head.len && capture->in.error)
        say(error, CAPTURE_OPEN_FAILED, "cannot read it: %s", strerror(capture->in.error));
    else if (!head.len)
        say(error, CAPTURE_EMPTY, "the file is empty");
    else if (!magic || !magic->format)
        say_unknown(error, head, magic);
    else
        capture->format = magic->format;

    if (capture->format)
        capture->reader = capture->format->open(&capture->in, error);
    if (!capture->reader) {
        input_close(&capture->in);
        free(capture);
        return NULL;
    }
    return capture;
}

enum capture_status capture_next(struct capture *capture, struct frame *frame,
                                 struct capture_error *error) {
    if (capture->end.status == CAPTURE_OK) {
        enum capture_status status = capture->format->next(capture->reader, frame, &capture->end);
        if (status == CAPTURE_OK) {
            if (frame->t_ns > CAPTURE_TIME_MAX_NS)
                frame->t_ns = CAPTURE_TIME_MAX_NS;
            return CAPTURE_OK;
        }
        capture->end.status = status;
    }
    if (capture->end.status == CAPTURE_DAMAGED)
        *error = capture->end;
    return capture->end.status;
}

uint64_t capture_dropped(const struct capture *capture) {
    return capture->format->dropped(capture->reader);
}

void capture_close(struct capture *capture) {
    if (!capture)
        return;
    capture->format->close(capture->reader);
    input_close(&capture->in);
    free(capture);
}

/* Where a LINKTYPE_ differs from the DLT_ of the same name (the latter differ between systems). */
static const struct {
    int link_type, dlt;
} dlts[] = {
    {100, DLT_ATM_RFC1483}, {101, DLT_RAW},    {102, DLT_SLIP_BSDOS},
    {103, DLT_PPP_BSDOS},   {104, DLT_C_HDLC}, {108, DLT_LOOP},
};

const char *capture_link_type_name(int link_type) {
    int dlt = link_type;

    for (size_t i = 0; i < sizeof dlts / sizeof *dlts; i++)
        if (dlts[i].link_type == link_type)
            dlt = dlts[i].dlt;
    return pcap_datalink_val_to_name(dlt);
}

bool capture_recognised(const char *path) {
    struct input in;

    if (input_open(&in, path) != 0)
        return false;
    const struct magic *magic = magic_of(input_peek(&in, 16));
    input_close(&in);
    return magic && magic->format;
}
