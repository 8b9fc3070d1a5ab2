/* Of what capture points the files of a set are, and how their clocks are put right.
 *
 * Files that saw the same packets are of different points; a ring's files, which follow one
 * another, are of one. Point 0 is that of the first file whose clock was ever set, and its clock is
 * the set's: each file of another point is held against the file of point 0 with which it shares
 * most. A file that shares nothing with any other belongs to the point of the file that it follows,
 * or is followed by, most closely, by their own clocks; where no file shares anything, all are of
 * point 0, and clocks stay as they are. Files that have the same packets at exactly the same times
 * (those of a ring may overlap) are of one point.
 */
#ifndef NET_CAPTURE_POINTS_H
#define NET_CAPTURE_POINTS_H

#include "net/common_packets.h"

/* What is known of a file; times by its own clock. */
struct capture_span {
    bool any; /* it has frames */
    int64_t first_ns, last_ns;
};

struct capture_point {
    uint16_t point;
    uint32_t reference;         /* the file whose clock it was held against; its own index: none */
    struct clock_offset offset; /* its clock less the reference's; not known: no correction */
    const struct common_link *link; /* that tells so, of this very file; NULL: another's */
    bool doubted;          /* its clock cannot be held against that of this file, which has */
    uint32_t doubted_with; /* packets that it has, too */
};

/* points  as many as files; written; they point to the links */
void capture_points_tell(const struct capture_span *spans, size_t count,
                         const struct common_link *links, size_t link_count,
                         struct capture_point *points);

#endif
