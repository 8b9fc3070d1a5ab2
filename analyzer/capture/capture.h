/* A capture file becomes frames, front to back, never held.
 *
 * pcap is read with libpcap (both byte orders, microseconds and nanoseconds), pcapng by our own
 * walk over its blocks (draft-ietf-opsawg-pcapng): libpcap refuses files that mix link types and
 * drops comments and drop counters.
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

struct frame {
    uint32_t no;        /* Wireshark's: 1-based, in file order */
    int64_t t_ns;       /* since the epoch; always in nanoseconds, whatever the file's resolution */
    int link_type;      /* LINKTYPE_ value of tcpdump.org's list, as the file says it */
    uint32_t wire_len;  /* what was on the wire; more than bytes.len: cut by the snapshot length */
    struct slice bytes; /* valid until the next call */
};

enum capture_status {
    CAPTURE_OK,
    CAPTURE_END,         /* all was read */
    CAPTURE_OPEN_FAILED, /* missing, no permission, a folder */
    CAPTURE_EMPTY,       /* a file of no bytes */
    CAPTURE_UNKNOWN,     /* neither pcap nor pcapng */
    CAPTURE_DAMAGED,     /* cut or broken; what came before stands */
};

/* What is wrong, for a message: "trace.pcap: frame 17, byte 9244: the packet ends after 12 of 60
 * bytes". */
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

void capture_close(struct capture *capture);

/* "EN10MB" for 1: the names of pcap_datalink_val_to_name; NULL for a number without a name. */
const char *capture_link_type_name(int link_type);

/* Whether the file begins as one of the formats above (folders: what is not is passed over). */
bool capture_recognised(const char *path);

#endif
