/* Ticks of any resolution in nanoseconds, without overflow and, where they fit, without loss. */
#include "capture/tick_clock.h"

#include "base/instant.h"

void tick_clock_set_resolution(struct tick_clock *clock, uint8_t resolution) {
    clock->resolution = resolution;
    clock->ns_per_tick = 0;
    if (resolution <= 9) {
        clock->ns_per_tick = 1;
        for (int i = resolution; i < 9; i++)
            clock->ns_per_tick *= 10;
    }
}

void tick_clock_set_offset(struct tick_clock *clock, int64_t offset_s) {
    const int64_t bound = INT64_MAX / NS_PER_S;

    clock->offset_ns = (offset_s > bound    ? bound
                        : offset_s < -bound ? -bound
                                            : offset_s) *
                       NS_PER_S;
}

/* ticks / denominator seconds. */
static uint64_t ns_of_fraction(uint64_t ticks, uint64_t denominator) {
    __extension__ typedef unsigned __int128 u128;
    u128 ns = (u128)ticks * NS_PER_S / denominator;

    return ns > INT64_MAX ? INT64_MAX : (uint64_t)ns;
}

int64_t tick_clock_ns(const struct tick_clock *clock, uint64_t ticks) {
    uint64_t ns, denominator = 1;
    uint8_t power = clock->resolution & 0x7f;

    if (clock->ns_per_tick) {
        ns = ticks > INT64_MAX / clock->ns_per_tick ? INT64_MAX : ticks * clock->ns_per_tick;
    } else if (clock->resolution & 0x80) {
        ns = power > 63 ? 0 : ns_of_fraction(ticks, (uint64_t)1 << power);
    } else {
        for (uint8_t i = 0; i < power && i < 19; i++)
            denominator *= 10;
        ns = power > 19 ? 0 : ns_of_fraction(ticks, denominator);
    }

    int64_t t_ns = (int64_t)ns, offset = clock->offset_ns;
    if (offset > 0)
        return t_ns > INT64_MAX - offset ? INT64_MAX : t_ns + offset;
    return t_ns < -offset ? 0 : t_ns + offset;
}
