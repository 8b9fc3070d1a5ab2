#include "net/tcp_copies.h"

#include "base/instant.h"

#define COPY_WITHIN_NS (10LL * NS_PER_S / 1000)
#define POINTS_WITHIN_NS (400LL * NS_PER_S / 1000)

bool copy_in_time(int64_t t_ns, uint16_t point, int64_t before_ns, uint16_t before_point) {
    int64_t most_ns = point == before_point ? COPY_WITHIN_NS : POINTS_WITHIN_NS;

    return t_ns - before_ns < most_ns && before_ns - t_ns < most_ns;
}

void seen_segments_add(struct seen_segments *seen, const struct seen_segment *segment) {
    seen->newest[seen->count++ % SEEN_SEGMENTS] = *segment;
}

bool seen_segments_hold(const struct seen_segments *seen, const struct seen_segment *segment) {
    for (size_t i = 0; i < SEEN_SEGMENTS; i++) {
        const struct seen_segment *other = &seen->newest[i];
        if (other->seq == segment->seq && other->ack == segment->ack &&
            other->len == segment->len && other->flags == segment->flags &&
            other->from_server == segment->from_server && other->ip_id == segment->ip_id &&
            other->frame_no &&
            copy_in_time(segment->t_ns, segment->point, other->t_ns, other->point))
            return true;
    }
    return false;
}
