/* Points are given out in the order of the files, each the first that none of those it shares
 * packets with has. */
#include "net/capture_points.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"

/* In the year 2000: what is earlier is a clock that was never set. */
#define EARLIEST_SET_NS ((int64_t)946684800 * NS_PER_S)

enum { POINTS_MOST = 4096, UNPLACED = 0xffff };

static bool is_of(const struct common_link *link, size_t file, uint32_t *other) {
    *other = link->a == file ? link->b : link->a;
    return link->a == file || link->b == file;
}

static bool is_linked(const struct common_link *links, size_t link_count, size_t file) {
    uint32_t other;

    for (size_t i = 0; i < link_count; i++)
        if (is_of(&links[i], file, &other))
            return true;
    return false;
}

/* The first point that no file linked with this one has. */
static uint16_t free_point(const struct common_link *links, size_t link_count, size_t file,
                           const struct capture_point *points, bool *taken) {
    uint16_t point = 0;
    uint32_t other;

    memset(taken, 0, POINTS_MOST * sizeof *taken);
    for (size_t i = 0; i < link_count; i++)
        if (is_of(&links[i], file, &other) && points[other].point < POINTS_MOST)
            taken[points[other].point] = true;
    while (point + 1 < POINTS_MOST && taken[point])
        point++;
    return point;
}

/* Hold its clock against that of the file of point 0 with which it shares most. */
static void hold_against(const struct common_link *links, size_t link_count, size_t file,
                         struct capture_point *points) {
    const struct common_link *best = NULL;
    uint32_t other;

    for (size_t i = 0; i < link_count; i++)
        if (is_of(&links[i], file, &other) && points[other].point == 0 &&
            (!best || links[i].offset.agreed > best->offset.agreed))
            best = &links[i];
    if (!best)
        return;
    is_of(best, file, &points[file].reference);
    points[file].offset = best->b == file ? best->offset : clock_offset_reversed(&best->offset);
}

/* How long after one the other begins; INT64_MAX: they overlap. */
static int64_t apart_ns(const struct capture_span *a, const struct capture_span *b) {
    return b->first_ns >= a->last_ns   ? b->first_ns - a->last_ns
           : a->first_ns >= b->last_ns ? a->first_ns - b->last_ns
                                       : INT64_MAX;
}

static void join_neighbour(const struct capture_span *spans, size_t count, const bool *linked,
                           size_t file, struct capture_point *points) {
    int64_t least_ns = INT64_MAX;

    for (size_t i = 0; i < count && spans[file].any; i++) {
        if (!linked[i] || apart_ns(&spans[file], &spans[i]) >= least_ns)
            continue;
        least_ns = apart_ns(&spans[file], &spans[i]);
        points[file] = points[i];
        if (!points[i].offset.known)
            points[file].reference = (uint32_t)file;
    }
    points[file].offset.agreed = 0;
}

void capture_points_tell(const struct capture_span *spans, size_t count,
                         const struct common_link *links, size_t link_count,
                         struct capture_point *points) {
    bool *taken = memory_new_zeroed(POINTS_MOST, sizeof *taken);
    bool *linked = memory_new_zeroed(count, sizeof *linked);

    for (size_t i = 0; i < count; i++) {
        points[i] = (struct capture_point){.point = UNPLACED, .reference = (uint32_t)i};
        linked[i] = is_linked(links, link_count, i);
    }
    for (int unset = 0; unset < 2; unset++)
        for (size_t i = 0; i < count; i++)
            if (linked[i] && unset == (spans[i].first_ns < EARLIEST_SET_NS))
                points[i].point = free_point(links, link_count, i, points, taken);
    for (size_t i = 0; i < count; i++) {
        if (linked[i] && points[i].point)
            hold_against(links, link_count, i, points);
        if (!linked[i])
            points[i].point = 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!linked[i])
            join_neighbour(spans, count, linked, i, points);
    free(taken);
    free(linked);
}
