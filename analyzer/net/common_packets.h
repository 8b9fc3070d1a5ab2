/* Which captures of a set saw the same packets, and how their clocks differ.
 *
 *     struct common_packets *common = common_packets_new(files);
 *     for each file, the smaller ones first: common_packets_begin, _feed for each frame, _end
 *     common_packets_links(common, &count)
 *
 * Memory is bounded: of each file a sample is kept. What is in the sample is decided by the content
 * alone (the packets with the lowest hashes), so that two files sample the same packets; and what
 * one file has in its sample is looked for in every packet of the files after it: a small file
 * finds itself in a large one. Signalling (SIP, DNS) has a sample of its own, so that media do not
 * crowd it out. Content is the payload of UDP and TCP, and the initial sequence number of a TCP
 * connection, which a router or NAT leaves alone.
 *
 * A packet whose content occurs more than once in a file (a retransmission) says nothing, unless
 * the IP identification (RFC 6864) tells which is which.
 */
#ifndef NET_COMMON_PACKETS_H
#define NET_COMMON_PACKETS_H

#include "net/clock_stretches.h"
#include "net/net.h"

struct common_packets;

/* Two files that saw the same packets. */
struct common_link {
    uint32_t a, b;
    struct clock_offset offset; /* b's clock less a's */
    bool doubted;               /* it is not: it is a guess, or not known at all */
    /* Where one of the clocks was set: what the offset was when. The offset above is that of the
     * stretch with most packets. */
    uint32_t stretches; /* the first of them; see common_packets_stretches */
    uint32_t stretch_count;
};

struct common_packets *common_packets_new(size_t file_count);

void common_packets_begin(struct common_packets *common, uint32_t file);
void common_packets_feed(struct common_packets *common, const struct frame *frame);
void common_packets_end(struct common_packets *common);

/* Found so far; in the order in which they were found. */
const struct common_link *common_packets_links(const struct common_packets *common, size_t *count);

/* The stretches that links tell of. */
const struct clock_stretch *common_packets_stretches(const struct common_packets *common);

void common_packets_free(struct common_packets *common);

#endif
