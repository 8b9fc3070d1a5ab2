/* Segments that the capture holds more than once, as mirror ports, bridges and merged captures give
 * them. What TCP itself sends again has another IP identification, and comes later (RFC 6298 2.4:
 * a second; practice: 200 ms).
 */
#ifndef NET_TCP_COPIES_H
#define NET_TCP_COPIES_H

#include "net/net.h"

struct seen_segment {
    int64_t t_ns; /* 0 in an unused place, with frame 0 */
    uint32_t seq, ack, len, frame_no;
    uint16_t ip_id, point;
    uint8_t flags;
    bool from_server;
};

enum { SEEN_SEGMENTS = 8 };

/* The newest of a connection: a mirror port may give a burst of packets, then all of them again. */
struct seen_segments {
    uint32_t count;
    struct seen_segment newest[SEEN_SEGMENTS];
};

void seen_segments_add(struct seen_segments *seen, const struct seen_segment *segment);
bool seen_segments_hold(const struct seen_segments *seen, const struct seen_segment *segment);

/* Is what was captured at t a copy, by time, of what was captured before_ns? Copies follow each
 * other at once; between two capture points lies the network, but less than RFC 3261's T1. */
bool copy_in_time(int64_t t_ns, uint16_t point, int64_t before_ns, uint16_t before_point);

#endif
