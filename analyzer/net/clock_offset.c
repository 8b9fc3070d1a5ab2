/* The estimate: agreement, sides, the middle, and whether it moves. */
#include "net/clock_offset.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"

enum { LEAST_FOR_DRIFT = 8, FASTEST_DRIFT_PPB = 500000 };

/* Of packets that are truly the same, differences lie within this: two delays and a drift. */
#define AGREEMENT_NS ((int64_t)4 * NS_PER_S)
/* Less than this between the halves of a capture may be the network's doing; in no time, less than
 * that. */
#define DRIFT_LEAST_NS ((int64_t)NS_PER_S / 50)
#define STEP_LEAST_NS ((int64_t)NS_PER_S / 10)

static int64_t difference(const struct sighting *sighting) {
    return sighting->b_ns - sighting->a_ns;
}

static int by_difference(const void *one, const void *other) {
    int64_t a = difference(one), b = difference(other);

    return a < b ? -1 : a > b;
}

static int by_hosts(const void *one, const void *other) {
    const struct sighting *a = one, *b = other;

    if (a->hosts != b->hosts)
        return a->hosts < b->hosts ? -1 : 1;
    if (a->from_lower != b->from_lower)
        return a->from_lower < b->from_lower ? -1 : 1;
    return by_difference(one, other);
}

/* The largest group whose differences lie within AGREEMENT_NS, the first among equals; sorts. */
static struct sighting *agreeing(struct sighting *all, size_t count, size_t *agreed) {
    size_t best = 0, from = 0;

    *agreed = 0;
    if (!count)
        return all;
    qsort(all, count, sizeof *all, by_difference);
    for (size_t to = 0; to < count; to++) {
        while (difference(&all[to]) - difference(&all[from]) > AGREEMENT_NS)
            from++;
        if (to - from + 1 > *agreed) {
            *agreed = to - from + 1;
            best = from;
        }
    }
    return all + best;
}

/* ---- sides ---- */

/* What is known of the differences in one stretch of time. */
struct sides {
    ARRAY_OF(int64_t) forth; /* of packets that a saw first */
    ARRAY_OF(int64_t) back;
};

static int by_value(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

    return a < b ? -1 : a > b;
}

static bool within(const struct sighting *sighting, int64_t from_ns, int64_t to_ns) {
    return sighting->a_ns >= from_ns && sighting->a_ns < to_ns;
}

/* Tell the sides by the medians of the two directions between two hosts; hosts of which one
 * direction alone was seen tell nothing. `list` is sorted by_hosts. */
static void tell_sides(const struct sighting *list, size_t count, int64_t from_ns, int64_t to_ns,
                       struct sides *sides) {
    for (size_t i = 0, split, end; i < count; i = end) {
        for (split = i; split < count && list[split].hosts == list[i].hosts; split++)
            if (list[split].from_lower)
                break;
        for (end = split; end < count && list[end].hosts == list[i].hosts;)
            end++;
        if (split == i || split == end)
            continue;
        bool lower_is_a =
            difference(&list[split + (end - split) / 2]) > difference(&list[i + (split - i) / 2]);
        for (size_t k = i; k < end; k++) {
            if (!within(&list[k], from_ns, to_ns))
                continue;
            if (list[k].from_lower == lower_is_a)
                *ARRAY_ADD(&sides->forth) = difference(&list[k]);
            else
                *ARRAY_ADD(&sides->back) = difference(&list[k]);
        }
    }
    if (sides->forth.n)
        qsort(sides->forth.items, sides->forth.n, sizeof *sides->forth.items, by_value);
    if (sides->back.n)
        qsort(sides->back.items, sides->back.n, sizeof *sides->back.items, by_value);
}

/* The middle between the least delays of both directions: the least but for one in twenty, since a
 * wrong match may be among many. false: one direction alone was seen. */
static bool middle(const struct sighting *list, size_t count, int64_t from_ns, int64_t to_ns,
                   int64_t *offset_ns, size_t *used) {
    struct sides sides = {0};
    bool both;

    tell_sides(list, count, from_ns, to_ns, &sides);
    both = sides.forth.n && sides.back.n;
    if (both) {
        int64_t forth = sides.forth.items[sides.forth.n / 20];
        int64_t back = sides.back.items[sides.back.n - 1 - sides.back.n / 20];
        *offset_ns = back + (forth - back) / 2;
    }
    *used = sides.forth.n < sides.back.n ? sides.forth.n : sides.back.n;
    ARRAY_FINI(&sides.forth);
    ARRAY_FINI(&sides.back);
    return both;
}

/* ---- drift ---- */

static int by_time(const void *one, const void *other) {
    const struct sighting *a = one, *b = other;

    return a->a_ns < b->a_ns ? -1 : a->a_ns > b->a_ns;
}

/* Does the offset of the later half differ from that of the earlier one? */
static void find_drift(struct clock_offset *out, const struct sighting *list, size_t count,
                       int64_t first_ns, int64_t half_ns, int64_t last_ns) {
    int64_t early_ns, late_ns;
    size_t early_used, late_used;

    if (!middle(list, count, first_ns, half_ns, &early_ns, &early_used) ||
        !middle(list, count, half_ns, last_ns + 1, &late_ns, &late_used) ||
        early_used < LEAST_FOR_DRIFT || late_used < LEAST_FOR_DRIFT ||
        llabs(late_ns - early_ns) < DRIFT_LEAST_NS)
        return;
    /* The middles of the two stretches are half of the whole apart. */
    double apart_ns = (double)(last_ns - first_ns) / 2;
    double ppb = (double)(late_ns - early_ns) / apart_ns * NS_PER_S;
    if (ppb > FASTEST_DRIFT_PPB || ppb < -FASTEST_DRIFT_PPB)
        out->stepped = llabs(late_ns - early_ns) > STEP_LEAST_NS;
    else
        out->drift_ppb = (int32_t)ppb;
    if (out->drift_ppb)
        out->offset_ns = early_ns + (late_ns - early_ns) / 2;
}

struct clock_offset clock_offset_estimate(struct sighting *sightings, size_t count) {
    struct clock_offset out = {0};
    struct sighting *list = agreeing(sightings, count, &out.agreed);
    size_t n = out.agreed, used;

    out.known = n && n * 5 >= count * 3;
    if (!n)
        return out;
    for (size_t i = 0; i < n; i++) {
        out.lone += list[i].lone;
        out.unique += list[i].unique;
    }
    out.offset_ns = difference(&list[n / 2]);
    out.same = difference(&list[0]) == 0 && difference(&list[n - 1]) == 0;
    qsort(list, n, sizeof *list, by_time);
    int64_t first_ns = list[0].a_ns, last_ns = list[n - 1].a_ns;
    int64_t half_ns = first_ns + (last_ns - first_ns) / 2;
    qsort(list, n, sizeof *list, by_hosts);
    out.two_way = middle(list, n, INT64_MIN, INT64_MAX, &out.offset_ns, &used);
    find_drift(&out, list, n, first_ns, half_ns, last_ns);
    out.at_a_ns = half_ns;
    out.at_b_ns = half_ns + out.offset_ns;
    return out;
}

struct clock_offset clock_offset_reversed(const struct clock_offset *offset) {
    struct clock_offset out = *offset;

    out.offset_ns = -offset->offset_ns;
    out.drift_ppb = -offset->drift_ppb;
    out.at_a_ns = offset->at_b_ns;
    out.at_b_ns = offset->at_a_ns;
    return out;
}
