/* Opening a capture: its format, and how often and with what it is compressed, is told by its first
 * bytes, never by its name. */
#include "capture/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "capture/reader.h"
#include "capture/unpack.h"

enum { HEAD_LEN = 512 };

struct capture {
    struct input in;
    const struct format *format;
    struct reader *reader;
    struct capture_error end; /* status other than CAPTURE_OK: nothing more is read */
};

struct magic {
    struct slice bytes;
    size_t at;                   /* offset in the file */
    const struct format *format; /* NULL: known, but no capture that is read */
    const char *name;
};

/* SLICE_LITERAL as a constant initialiser. */
#define MAGIC(text)                                                                                \
    { (const uint8_t *)(text), sizeof(text) - 1 }

#define EDITCAP ": editcap makes one"

static const struct magic magics[] = {
    /* tcpdump's own, with nanoseconds, and with Kuznetsov's longer packet header */
    {MAGIC("\xd4\xc3\xb2\xa1"), 0, &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\xc3\xd4"), 0, &format_pcap, "pcap"},
    {MAGIC("\x4d\x3c\xb2\xa1"), 0, &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\x3c\x4d"), 0, &format_pcap, "pcap"},
    {MAGIC("\x34\xcd\xb2\xa1"), 0, &format_pcap, "pcap"},
    {MAGIC("\xa1\xb2\xcd\x34"), 0, &format_pcap, "pcap"},
    {MAGIC("\x0a\x0d\x0d\x0a"), 0, &format_pcapng, "pcapng"},
    {MAGIC("snoop\0\0\0"), 0, &format_snoop, "snoop"},
    /* Network Monitor 1.x and 2.x */
    {MAGIC("RTSS"), 0, &format_netmon, "Network Monitor"},
    {MAGIC("GMBU"), 0, &format_netmon, "Network Monitor"},
    /* archives */
    {MAGIC("PK\x03\x04"), 0, NULL, "a zip archive: unpack it"},
    {MAGIC("PK\x05\x06"), 0, NULL, "a zip archive of no files"},
    {MAGIC("7z\xbc\xaf\x27\x1c"), 0, NULL, "a 7-Zip archive: unpack it"},
    {MAGIC("Rar!\x1a\x07"), 0, NULL, "a RAR archive: unpack it"},
    {MAGIC("ustar"), 257, NULL, "a tar archive: unpack it"},
    {MAGIC("\x1f\x9d"), 0, NULL, "a file compressed with compress: unpack it"},
    {MAGIC("\x02\x21\x4c\x18"), 0, NULL, "a file compressed with lz4's old format: unpack it"},
    /* captures of other formats, which a program that comes with Wireshark converts */
    {MAGIC("btsnoop\0"), 0, NULL, "a Bluetooth snoop capture" EDITCAP},
    {MAGIC("TRSNIFF data    \x1a"), 0, NULL, "a Sniffer capture" EDITCAP},
    {MAGIC("XCP\0"), 0, NULL, "a NetXRay capture" EDITCAP},
    {MAGIC("\x7fver"), 0, NULL, "an Omnipeek capture" EDITCAP},
    {MAGIC("\x1c\x00\x01\xac"), 0, NULL, "an Ixia capture" EDITCAP},
    {MAGIC("\xac\x01\x00\x1c"), 0, NULL, "an Ixia capture" EDITCAP},
    {MAGIC("\x1c\x00\x01\xab"), 0, NULL, "an Ixia capture" EDITCAP},
    {MAGIC("\xab\x01\x00\x1c"), 0, NULL, "an Ixia capture" EDITCAP},
};

/* What lies beside captures, and nobody would look for one in. */
static const struct magic others[] = {
    {MAGIC("\x7f"
           "ELF"),
     0, NULL, "a program"},
    {MAGIC("%PDF"), 0, NULL, "a PDF document"},
};

#define COUNT_OF(rows) (sizeof(rows) / sizeof *(rows))

static const struct magic *magic_of(const struct magic *rows, size_t n, struct slice head) {
    for (size_t i = 0; i < n; i++)
        if (slice_starts(slice_between(head, rows[i].at, head.len), rows[i].bytes))
            return &rows[i];
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

enum capture_status capture_damaged(struct capture_error *error, const struct input *in,
                                    uint32_t frame_no, uint64_t byte, const char *format, ...) {
    const char *counted = in->unpacker ? " (uncompressed)" : "";
    va_list args;
    char what[192];

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (frame_no)
        say(error, CAPTURE_DAMAGED, "frame %u, byte %llu%s: %s", frame_no, (unsigned long long)byte,
            counted, what);
    else
        say(error, CAPTURE_DAMAGED, "byte %llu%s: %s", (unsigned long long)byte, counted, what);
    error->frame_no = frame_no;
    error->byte = byte;
    return CAPTURE_DAMAGED;
}

void capture_header_short(struct capture_error *error, const struct input *in, size_t got,
                          size_t header_len) {
    if (in->why[0])
        capture_damaged(error, in, 0, got, "cannot read on: %s", in->why);
    else
        capture_damaged(error, in, 0, got, "the file header ends after %zu of %zu bytes", got,
                        header_len);
}

enum capture_status capture_frame_short(struct capture_error *error, const struct input *in,
                                        uint32_t frame_no, uint64_t byte, size_t got, size_t before,
                                        size_t wanted) {
    if (in->why[0])
        return capture_damaged(error, in, frame_no, byte, "cannot read on: %s", in->why);
    return capture_damaged(error, in, frame_no, byte, "the packet%s ends after %zu of %zu bytes",
                           before ? "" : "'s header", got - before, wanted - before);
}

void capture_cut_fcs(struct frame *frame, uint32_t fcs_len) {
    if (fcs_len > frame->wire_len)
        return;
    frame->wire_len -= fcs_len;
    frame->bytes = slice_between(frame->bytes, 0, frame->wire_len);
}

/* " compressed with gzip and xz": what the content is wrapped in, from within. */
static void compression_of(const struct input *in, char *text, size_t size) {
    const char *before = " compressed with ";
    size_t at = 0;

    text[0] = '\0';
    for (; in->unpacker; in = unpacker_packed(in->unpacker)) {
        int added =
            snprintf(text + at, size - at, "%s%s", before, unpacker_codec(in->unpacker)->name);
        at += (size_t)added < size - at ? (size_t)added : size - at - 1;
        before = " and ";
    }
}

/* known: what it is, where that is known */
static void say_unknown(struct capture_error *error, const struct input *in, struct slice head,
                        const struct magic *known) {
    static const char expected[] = "expected a pcap, pcapng, snoop or Network Monitor file, found";
    const struct magic *other = magic_of(others, COUNT_OF(others), head);
    char compression[96];
    uint8_t b[4] = {0};

    compression_of(in, compression, sizeof compression);
    if (known) {
        int name_len = (int)strcspn(known->name, ":");
        say(error, CAPTURE_OTHER, "%s %.*s%s%s", expected, name_len, known->name, compression,
            known->name + name_len);
    } else if (other) {
        say(error, CAPTURE_UNKNOWN, "%s %s%s", expected, other->name, compression);
    } else if (is_text(head)) {
        say(error, CAPTURE_UNKNOWN, "%s text%s", expected, compression);
    } else if (head.len < sizeof b) {
        say(error, CAPTURE_UNKNOWN, "%s a file of %zu byte%s%s", expected, head.len,
            head.len == 1 ? "" : "s", compression);
    } else {
        memcpy(b, head.ptr, sizeof b);
        say(error, CAPTURE_UNKNOWN, "%s data%s that begins with %02x %02x %02x %02x", expected,
            compression, b[0], b[1], b[2], b[3]);
    }
}

/* The format of what comes out of *in once all compression is taken off; NULL: *error says why. */
static const struct format *find_format(struct input *in, struct capture_error *error) {
    struct slice head = input_peek(in, HEAD_LEN);
    const struct codec *codec;

    for (int depth = 0; (codec = unpack_codec_of(head)); depth++) {
        if (depth == CAPTURE_COMPRESSION_MAX) {
            say(error, CAPTURE_DAMAGED, "it is compressed more than %d times over", depth);
            return NULL;
        }
        input_unpack(in, codec);
        head = input_peek(in, HEAD_LEN);
    }

    const struct magic *magic = magic_of(magics, COUNT_OF(magics), head);
    char compression[96];
    compression_of(in, compression, sizeof compression);
    if (magic && magic->format)
        return magic->format;
    if (in->why[0])
        say(error, in->unpacker ? CAPTURE_DAMAGED : CAPTURE_OPEN_FAILED, "cannot read it: %s",
            in->why);
    else if (!head.len && in->unpacker)
        say(error, CAPTURE_EMPTY, "it holds a file of no bytes%s", compression);
    else if (!head.len)
        say(error, CAPTURE_EMPTY, "the file is empty");
    else
        say_unknown(error, in, head, magic);
    return NULL;
}

/* Open path as far as its format is known. NULL: nothing is left open, and *error says why. */
static const struct format *open_input(struct input *in, const char *path,
                                       struct capture_error *error) {
    int failed = input_open(in, path);

    *error = (struct capture_error){0};
    if (failed) {
        say(error, CAPTURE_OPEN_FAILED, "cannot open it: %s",
            failed == EISDIR ? "it is a folder" : strerror(failed));
        return NULL;
    }
    const struct format *format = find_format(in, error);
    if (!format)
        input_close(in);
    return format;
}

struct capture *capture_open(const char *path, struct capture_error *error) {
    struct capture *capture = memory_new_zeroed(1, sizeof *capture);

    capture->format = open_input(&capture->in, path, error);
    if (!capture->format) {
        free(capture);
        return NULL;
    }
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
    return capture->format->dropped ? capture->format->dropped(capture->reader) : 0;
}

struct slice capture_take_secrets(struct capture *capture) {
    return capture->format->take_secrets ? capture->format->take_secrets(capture->reader)
                                         : (struct slice){0};
}

uint64_t capture_secrets_left_out(const struct capture *capture) {
    return capture->format->take_secrets ? capture->format->secrets_left_out(capture->reader) : 0;
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

/* Names of tcpdump.org's list that libpcap does not know, or not in all versions. */
static const struct {
    int link_type;
    const char *name;
} link_type_names[] = {
    {147, "USER0"},
    {148, "USER1"},
    {149, "USER2"},
    {150, "USER3"},
    {151, "USER4"},
    {152, "USER5"},
    {153, "USER6"},
    {154, "USER7"},
    {155, "USER8"},
    {156, "USER9"},
    {157, "USER10"},
    {158, "USER11"},
    {159, "USER12"},
    {160, "USER13"},
    {161, "USER14"},
    {162, "USER15"},
    {252, "WIRESHARK_UPPER_PDU"},
    {290, "ETW"},
    {291, "NETANALYZER_NG"},
    {292, "ZBOSS_NCP"},
    {293, "USB_2_0_LOW_SPEED"},
    {294, "USB_2_0_FULL_SPEED"},
    {295, "USB_2_0_HIGH_SPEED"},
    {296, "AUERSWALD_LOG"},
    {297, "ZWAVE_TAP"},
    {298, "SILABS_DEBUG_CHANNEL"},
    {299, "FIRA_UCI"},
    {300, "MDB"},
    {301, "DECT_NR"},
    {CAPTURE_LINK_TYPE_OTHER, "OTHER"},
};

const char *capture_link_type_name(int link_type) {
    int dlt = link_type;

    for (size_t i = 0; i < sizeof link_type_names / sizeof *link_type_names; i++)
        if (link_type_names[i].link_type == link_type)
            return link_type_names[i].name;
    for (size_t i = 0; i < sizeof dlts / sizeof *dlts; i++)
        if (dlts[i].link_type == link_type)
            dlt = dlts[i].dlt;
    return pcap_datalink_val_to_name(dlt);
}

enum capture_status capture_recognise(const char *path, struct capture_error *error) {
    struct input in;

    if (!open_input(&in, path, error))
        return error->status;
    input_close(&in);
    return CAPTURE_OK;
}
