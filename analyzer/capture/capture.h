/* A capture file becomes frames, front to back, never held.
 *
 * pcap (draft-ietf-opsawg-pcap) in both byte orders, with microseconds and nanoseconds, and pcapng
 * (draft-ietf-opsawg-pcapng) are walked by readers of our own: libpcap refuses files that mix link
 * types and drops comments and drop counters. So are snoop (RFC 1761) and the files of Microsoft's
 * Network Monitor. Each may be compressed with gzip, zstd, xz, lz4 or bzip2, up to
 * CAPTURE_COMPRESSION_MAX times over, and is unpacked as it is read.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct capture;

/* In the year 2106, where the 32-bit seconds of pcap end. A time stamp beyond it is a damaged one
 * and becomes this, so that times can be added to and taken from each other without overflow. */
#define CAPTURE_TIME_MAX_NS ((int64_t)4294967296 * 1000000000)

enum { CAPTURE_COMPRESSION_MAX = 4 };

/* The link type of what formats other than pcap and pcapng have and tcpdump.org's list has not. */
enum { CAPTURE_LINK_TYPE_OTHER = 0xffff };

/* Frames come in the order of the file. Packets of different interfaces may be a little out of the
 * order of time in it, as each interface has a buffer of its own. */
struct frame {
    uint32_t no;        /* Wireshark's: 1-based, in file order; of a merged set: capture/merge.h */
    int64_t t_ns;       /* since the epoch; always in nanoseconds, whatever the file's resolution */
    int link_type;      /* LINKTYPE_ value of tcpdump.org's list, as the file says it */
    uint32_t interface; /* index of the interface in its pcapng section; else 0 */
    uint32_t wire_len;  /* on the wire, without frame check sequence; never less than bytes.len;
                           more: cut by the snapshot length */
    struct slice bytes; /* valid until the next call */
    uint16_t point;     /* of a merged set: the capture point that saw it; else 0 */
    int64_t before_ns;  /* of a merged set: when the frame before it in its file was; else 0 */
};

enum capture_status {
    CAPTURE_OK,
    CAPTURE_END,         /* all was read */
    CAPTURE_OPEN_FAILED, /* missing, no permission, a folder */
    CAPTURE_EMPTY,       /* a file of no bytes, or that unpacks to none */
    CAPTURE_OTHER,       /* an archive, or a capture of a format that is not read: it has a name */
    CAPTURE_UNKNOWN,     /* none of these, compressed or not */
    CAPTURE_DAMAGED,     /* cut or broken; what came before stands */
};

/* What is wrong, for a message: "trace.pcap: frame 17, byte 9244: the packet ends after 12 of 60
 * bytes", "trace.pcap.gz: frame 17, byte 9244 (uncompressed): cannot read on: the gzip data stops
 * at its byte 1234: the file ends there". */
struct capture_error {
    enum capture_status status;
    uint32_t frame_no; /* the frame that could not be read; 0 where the file header is at fault */
    uint64_t byte;     /* offset in the (uncompressed) file where it begins */
    char text[256];    /* the whole sentence without the file's name */
};

/* Open path ("-": standard input). On failure NULL, and *error says why. */
struct capture *capture_open(const char *path, struct capture_error *error);

/* The next frame: CAPTURE_OK, CAPTURE_END or CAPTURE_DAMAGED (then *error is filled in, and every
 * later call gives the same). */
enum capture_status capture_next(struct capture *capture, struct frame *frame,
                                 struct capture_error *error);

/* Packets that the capturing side says it dropped (pcapng interface statistics), summed over the
 * interfaces; 0 where the file does not say. Final after CAPTURE_END. */
uint64_t capture_dropped(const struct capture *capture);

/* The TLS secrets that the file holds (pcapng decryption secrets blocks of the NSS key log format),
 * those met since the last call, end to end; each block's text ends with a line end. Empty if none;
 * valid until the next call of capture_next. Secrets stand in front of the packets that need them:
 * ask after each frame. A file gives 16 MiB of them at most; blocks that go beyond are left out. */
struct slice capture_take_secrets(struct capture *capture);
/* Blocks of secrets that were left out so far. */
uint64_t capture_secrets_left_out(const struct capture *capture);

void capture_close(struct capture *capture);

/* "EN10MB" for 1: the name in tcpdump.org's list, as pcap_datalink_val_to_name has it; "OTHER" for
 * CAPTURE_LINK_TYPE_OTHER; NULL for a number without a name. */
const char *capture_link_type_name(int link_type);

/* Does the file begin as one of the formats above, compressed or not (folders: what does not is
 * passed over)? CAPTURE_OK: yes; CAPTURE_EMPTY, CAPTURE_OTHER, CAPTURE_UNKNOWN: no.
 * CAPTURE_OPEN_FAILED, CAPTURE_DAMAGED: it cannot be opened, or not be unpacked far enough to tell.
 * *error says why where it is not CAPTURE_OK. */
enum capture_status capture_recognise(const char *path, struct capture_error *error);

#endif
