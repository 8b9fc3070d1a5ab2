/* Points are given out in the order of the files, each the first that none of those it shares
 * packets with has. */
#include "net/capture_points.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"

/* In the year 2000: what is earlier is a clock that was never set. */
#define EARLIEST_SET_NS ((int64_t)946684800 * NS_PER_S)

enum { POINTS_MOST = 4096, UNPLACED = 0xffff, DRIFT_MOST_PPB = 500000 };

/* Copies are known as such so far apart (net/tcp_copies.h): of one point, and of two. */
#define COPY_NS ((int64_t)NS_PER_S / 100)
#define WAY_NS ((int64_t)NS_PER_S * 4 / 10)

/* Of each file the first of those that it is linked with, directly or by others; itself: it is with
 * none. same: only links of files that have one clock. */
static void group_by_links(const struct common_link *links, size_t link_count, bool same,
                           size_t count, uint32_t *group) {
    for (size_t i = 0; i < count; i++)
        group[i] = (uint32_t)i;
    for (size_t i = 0; i < link_count; i++) {
        uint32_t a = group[links[i].a], b = group[links[i].b];
        if (links[i].doubted || (same && !links[i].offset.same))
            continue;
        for (size_t k = 0; k < count; k++)
            if (group[k] == a || group[k] == b)
                group[k] = a < b ? a : b;
    }
}

struct set {
    const struct common_link *links;
    size_t link_count;
    const uint32_t *group; /* by file */
};

/* Does the link tell of this group and another? */
static bool is_of(const struct set *set, const struct common_link *link, size_t group,
                  uint32_t *other) {
    uint32_t a = set->group[link->a], b = set->group[link->b];

    *other = a == group ? link->b : link->a;
    return !link->doubted && a != b && (a == group || b == group);
}

static bool is_linked(const struct set *set, size_t group) {
    uint32_t other;

    for (size_t i = 0; i < set->link_count; i++)
        if (is_of(set, &set->links[i], group, &other))
            return true;
    return false;
}

/* The first point that no file linked with this group has. */
static uint16_t free_point(const struct set *set, size_t group, const struct capture_point *points,
                           bool *taken) {
    uint16_t point = 0;
    uint32_t other;

    memset(taken, 0, POINTS_MOST * sizeof *taken);
    for (size_t i = 0; i < set->link_count; i++)
        if (is_of(set, &set->links[i], group, &other) &&
            points[set->group[other]].point < POINTS_MOST)
            taken[points[set->group[other]].point] = true;
    while (point + 1 < POINTS_MOST && taken[point])
        point++;
    return point;
}

/* Its clock less that of the file it shares packets with. */
static struct clock_offset offset_of(const struct set *set, const struct common_link *link,
                                     size_t group) {
    return set->group[link->b] == group ? link->offset : clock_offset_reversed(&link->offset);
}

/* The files of a point have one clock: what they say of another's differs by what its way takes,
 * or one of the clocks was set. */
static bool differs(const struct clock_offset *a, const struct clock_offset *b) {
    double drift_ns = (double)llabs(a->at_b_ns - b->at_b_ns) * DRIFT_MOST_PPB / NS_PER_S;

    return llabs(a->offset_ns - b->offset_ns) > WAY_NS + (int64_t)drift_ns;
}

/* Hold the group's clock against that of the file of point 0 with which it shares most. */
static void hold_against(const struct set *set, size_t group, struct capture_point *points) {
    const struct common_link *best = NULL;
    uint32_t other;

    for (size_t i = 0; i < set->link_count; i++)
        if (is_of(set, &set->links[i], group, &other) && points[set->group[other]].point == 0 &&
            (!best || set->links[i].offset.agreed > best->offset.agreed))
            best = &set->links[i];
    if (!best)
        return;
    is_of(set, best, group, &points[group].reference);
    points[group].offset = offset_of(set, best, group);
    if (best->a == group || best->b == group)
        points[group].link = best;
    for (size_t i = 0; i < set->link_count; i++)
        if (is_of(set, &set->links[i], group, &other) && points[set->group[other]].point == 0) {
            struct clock_offset offset = offset_of(set, &set->links[i], group);
            points[group].offset.stepped |=
                offset.stepped || differs(&offset, &points[group].offset);
        }
}

/* One clock: what is known of the first file's is known of all. */
static void join_group(const struct set *set, size_t file, struct capture_point *points) {
    points[file] = points[set->group[file]];
    if (!points[file].offset.known)
        points[file].reference = (uint32_t)file;
    points[file].offset.agreed = 0;
    points[file].link = NULL;
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
    points[file].link = NULL;
}

static int64_t put_right_ns(const struct capture_point *point) {
    return point->offset.known ? point->offset.offset_ns : 0;
}

/* Files that share packets, whose clocks are not known otherwise. */
static void doubt(const struct common_link *link, struct capture_point *points) {
    struct capture_point *a = &points[link->a], *b = &points[link->b];
    int64_t left_ns = link->offset.offset_ns - (put_right_ns(b) - put_right_ns(a));
    int64_t most_ns = a->point == b->point ? COPY_NS : WAY_NS;

    if (link->offset.known && llabs(left_ns) <= most_ns)
        return;
    struct capture_point *later = link->a < link->b ? b : a;
    later->doubted = true;
    later->doubted_with = link->a < link->b ? link->a : link->b;
}

void capture_points_tell(const struct capture_span *spans, size_t count,
                         const struct common_link *links, size_t link_count,
                         struct capture_point *points) {
    bool *taken = memory_new_zeroed(POINTS_MOST, sizeof *taken);
    bool *linked = memory_new_zeroed(count, sizeof *linked);
    uint32_t *group = memory_new_zeroed(count, sizeof *group);
    const struct set set = {links, link_count, group};

    group_by_links(links, link_count, true, count, group);
    for (size_t i = 0; i < count; i++) {
        points[i] = (struct capture_point){.point = UNPLACED, .reference = (uint32_t)i};
        linked[i] = is_linked(&set, group[i]);
    }
    for (int unset = 0; unset < 2; unset++)
        for (size_t i = 0; i < count; i++)
            if (linked[i] && group[i] == i && unset == (spans[i].first_ns < EARLIEST_SET_NS))
                points[i].point = free_point(&set, i, points, taken);
    for (size_t i = 0; i < count; i++) {
        if (linked[i] && group[i] == i && points[i].point)
            hold_against(&set, i, points);
        if (linked[i] && group[i] != i)
            join_group(&set, i, points);
        if (!linked[i])
            points[i].point = 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!linked[i])
            join_neighbour(spans, count, linked, i, points);
    group_by_links(links, link_count, false, count, group);
    for (size_t i = 0; i < link_count; i++)
        if (links[i].doubted && group[links[i].a] != group[links[i].b])
            doubt(&links[i], points);
    free(taken);
    free(linked);
    free(group);
}
