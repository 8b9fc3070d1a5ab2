/* Points in time: nanoseconds since the epoch, as the capture file gives them. */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdint.h>

#define NS_PER_S 1000000000

enum { INSTANT_TEXT_LEN = 40, SECONDS_TEXT_LEN = 32 };

static inline int64_t ns_of_seconds(double s) {
    return (int64_t)(s * NS_PER_S + (s < 0 ? -0.5 : 0.5));
}

static inline double seconds_of_ns(int64_t ns) {
    return (double)ns / NS_PER_S;
}

/* "2026-01-01T00:00:51.844000Z": RFC 3339, UTC, six decimals. */
char *instant_text(int64_t t_ns, char text[INSTANT_TEXT_LEN]);

/* Seconds with at most six decimals (rounded half away from zero), trailing zeros removed:
 * "51.844", "0", "-0.5". Exact: integer arithmetic. */
char *seconds_text(int64_t ns, char text[SECONDS_TEXT_LEN]);

#endif
