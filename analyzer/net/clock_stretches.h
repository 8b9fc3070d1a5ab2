/* Where one of two clocks was set: stretches of shared packets, each with an offset of its own.
 *
 *   offset   5 s  ●●●●●●●●●                     first stretch
 *           35 s            ●●●●●●●●●●●●●●      second: one of the clocks was set by 30 s
 *
 * What the way explains is no step: packets of one direction that come late, routes that change,
 * one packet alone that does not fit. Which of the two clocks was set nobody can tell.
 */
#ifndef NET_CLOCK_STRETCHES_H
#define NET_CLOCK_STRETCHES_H

#include "net/clock_offset.h"

enum { CLOCK_STRETCHES_MOST = 16 };

/* From these frames on, of the one and of the other file, to those of the next stretch. */
struct clock_stretch {
    uint32_t from_a, from_b;
    struct clock_offset offset;
};

/* drift_ppb  how the offset is known to grow; that is no step
 * Returns how many there are: 1 or less where no clock was set. So many at most; if there are more,
 * the last of them goes on to the end. The sightings are sorted. */
size_t clock_stretches_find(struct sighting *sightings, size_t count, int32_t drift_ppb,
                            struct clock_stretch stretches[CLOCK_STRETCHES_MOST]);

#endif
