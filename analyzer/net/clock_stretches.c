/* Packets are gone through in their order; a new stretch begins where several in a row do not fit
 * the one at hand, but one another. Then neighbours that the way may explain are taken as one. */
#include "net/clock_stretches.h"

#include <stdlib.h>

#include "base/instant.h"
#include "base/memory.h"

enum {
    LEVELS = 32, /* hosts and directions of which the last difference is kept */
    RUNS_MOST = 64,
    DRIFT_MOST_PPB = 100000, /* what drifts more slowly is no step */
};

/* By so much one packet may be later than another; and, where one direction alone was seen, the
 * one point's packets than the other's (net/tcp_copies.h). */
#define STEP_NS ((int64_t)NS_PER_S / 10)
#define WAY_NS ((int64_t)NS_PER_S * 4 / 10)

struct level {
    uint64_t hosts;
    bool from_lower;
    int64_t t_ns, difference_ns;
};

/* Packets in a row that fit one another. */
struct run {
    size_t first, count; /* in the list of those that belong to any */
    struct level levels[LEVELS];
    size_t level_count, next;
};

struct search {
    const struct sighting *all; /* in order, without the drift */
    ARRAY_OF(size_t) kept;      /* indices of those that belong to a run */
    struct run run;             /* at hand */
    struct {
        size_t first, count;
    } runs[RUNS_MOST];
    size_t run_count;
    bool lost; /* too many: there is no order in it */
};

static int by_frame(const void *one, const void *other) {
    const struct sighting *a = one, *b = other;

    if (a->a_no != b->a_no)
        return a->a_no < b->a_no ? -1 : 1;
    if (a->b_no != b->b_no)
        return a->b_no < b->b_no ? -1 : 1;
    return a->strong != b->strong ? (a->strong ? -1 : 1) : 0;
}

static int64_t difference(const struct sighting *sighting) {
    return sighting->b_ns - sighting->a_ns;
}

static int64_t drifted_ns(int64_t span_ns, int32_t drift_ppb) {
    return (int64_t)((double)span_ns * drift_ppb / NS_PER_S);
}

/* ---- runs ---- */

static struct level *level_of(struct run *run, const struct sighting *sighting) {
    for (size_t i = 0; i < run->level_count; i++)
        if (run->levels[i].hosts == sighting->hosts &&
            run->levels[i].from_lower == sighting->from_lower)
            return &run->levels[i];
    return NULL;
}

static bool is_near(const struct level *level, const struct sighting *sighting) {
    int64_t apart_ns = llabs(sighting->a_ns - level->t_ns);

    return llabs(difference(sighting) - level->difference_ns) <=
           STEP_NS + drifted_ns(apart_ns, DRIFT_MOST_PPB);
}

/* It is as the last of its hosts and direction, or, if there was none, as any. */
static bool fits(struct run *run, const struct sighting *sighting) {
    const struct level *own = level_of(run, sighting);

    if (own)
        return is_near(own, sighting);
    for (size_t i = 0; i < run->level_count; i++)
        if (is_near(&run->levels[i], sighting))
            return true;
    return false;
}

static void take(struct run *run, const struct sighting *sighting) {
    struct level *level = level_of(run, sighting);

    if (!level && run->level_count < LEVELS)
        level = &run->levels[run->level_count++];
    else if (!level)
        level = &run->levels[run->next++ % LEVELS];
    *level =
        (struct level){sighting->hosts, sighting->from_lower, sighting->a_ns, difference(sighting)};
}

/* The run at hand is at its end. One packet counts where nothing else comes before or after it. */
static void close_run(struct search *search, bool outermost) {
    struct run *run = &search->run;
    size_t n = search->kept.n - run->first;

    if (n == 1 && !(outermost && search->all[search->kept.items[run->first]].strong))
        search->kept.n = run->first;
    else if (search->run_count == RUNS_MOST)
        search->lost = true;
    else if (n) {
        search->runs[search->run_count].first = run->first;
        search->runs[search->run_count++].count = n;
    }
    run->first = search->kept.n;
    run->level_count = run->next = 0;
}

static void keep(struct search *search, size_t at) {
    *ARRAY_ADD(&search->kept) = at;
    take(&search->run, &search->all[at]);
}

static void find_runs(struct search *search, size_t count) {
    struct run aside = {.level_count = 0};
    size_t waiting = 0; /* index + 1 of one that does not fit */

    for (size_t i = 0; i < count && !search->lost; i++) {
        const struct sighting *sighting = &search->all[i];
        if (!search->run.level_count || fits(&search->run, sighting)) {
            keep(search, i);
            waiting = 0;
            continue;
        }
        if (waiting && fits(&aside, sighting)) {
            close_run(search, search->run_count == 0);
            keep(search, waiting - 1);
            keep(search, i);
            waiting = 0;
            continue;
        }
        waiting = i + 1;
        aside.level_count = aside.next = 0;
        take(&aside, sighting);
    }
    close_run(search, search->run_count == 0);
    if (waiting) {
        keep(search, waiting - 1);
        close_run(search, true);
    }
}

/* ---- stretches ---- */

static struct clock_offset estimate(const struct search *search, const struct sighting *from,
                                    size_t first, size_t count, struct sighting *room) {
    for (size_t i = 0; i < count; i++)
        room[i] = from[search->kept.items[first + i]];
    return clock_offset_estimate(room, count);
}

/* May the way explain how these two differ? */
static bool is_one(const struct clock_offset *a, const struct clock_offset *b) {
    int64_t most_ns = a->two_way && b->two_way ? STEP_NS : WAY_NS;

    return llabs(b->offset_ns - a->offset_ns) <=
           most_ns + drifted_ns(llabs(b->at_a_ns - a->at_a_ns), DRIFT_MOST_PPB);
}

static void join_runs(struct search *search, struct sighting *room) {
    struct clock_offset offsets[RUNS_MOST];
    size_t n = 0;

    for (size_t i = 0; i < search->run_count; i++) {
        search->runs[n] = search->runs[i];
        offsets[n] =
            estimate(search, search->all, search->runs[n].first, search->runs[n].count, room);
        while (n && is_one(&offsets[n - 1], &offsets[n])) {
            n--;
            search->runs[n].count += search->runs[n + 1].count;
            offsets[n] =
                estimate(search, search->all, search->runs[n].first, search->runs[n].count, room);
        }
        n++;
    }
    search->run_count = n;
}

size_t clock_stretches_find(struct sighting *sightings, size_t count, int32_t drift_ppb,
                            struct clock_stretch stretches[CLOCK_STRETCHES_MOST]) {
    struct search search = {.lost = false};
    size_t n = 0;

    if (count < 2)
        return 0;
    qsort(sightings, count, sizeof *sightings, by_frame);
    struct sighting *straight = memory_new_zeroed(count, sizeof *straight);
    struct sighting *room = memory_new_zeroed(count, sizeof *room);
    memcpy(straight, sightings, count * sizeof *straight);
    for (size_t i = 0; i < count; i++)
        straight[i].b_ns -= drifted_ns(straight[i].a_ns - straight[0].a_ns, drift_ppb);
    search.all = straight;
    find_runs(&search, count);
    if (!search.lost)
        join_runs(&search, room);
    for (; !search.lost && n < search.run_count && n < CLOCK_STRETCHES_MOST; n++) {
        const struct sighting *first = &sightings[search.kept.items[search.runs[n].first]];
        stretches[n].from_a = n ? first->a_no : 0;
        stretches[n].from_b = n ? first->b_no : 0;
        stretches[n].offset =
            estimate(&search, sightings, search.runs[n].first, search.runs[n].count, room);
    }
    ARRAY_FINI(&search.kept);
    free(straight);
    free(room);
    return n;
}
