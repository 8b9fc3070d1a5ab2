/* The clock of a pcapng interface (draft-ietf-opsawg-pcapng, options if_tsresol and if_tsoffset):
 * ticks of some resolution since the epoch, or since a second that is told. */
#ifndef CAPTURE_TICK_CLOCK_H
#define CAPTURE_TICK_CLOCK_H

#include <stdint.h>

struct tick_clock {
    uint8_t resolution;   /* if_tsresol: 10^-n, or 2^-n with the top bit */
    uint64_t ns_per_tick; /* 0: not a whole number, or too many */
    int64_t offset_ns;
};

void tick_clock_set_resolution(struct tick_clock *clock, uint8_t resolution);
void tick_clock_set_offset(struct tick_clock *clock, int64_t offset_s);

/* Nanoseconds since the epoch, never below 0; a time that no clock shows is clamped. */
int64_t tick_clock_ns(const struct tick_clock *clock, uint64_t ticks);

#endif
