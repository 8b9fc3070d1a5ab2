/* Each doubted send is held against the messages nearest to it in time, of its own host and of
 * others: its neighbours. */
#include "phone/sent_twice.h"

#include <stdlib.h>

enum {
    DOUBTS_MAX = 1 << 16,
};

/* A message that may be there twice, or not. */
struct witness {
    uint64_t host, to; /* that sent it, and that it was sent to */
    int64_t t_ns;
    uint32_t frame, copies;
    bool late;                      /* one of the copies did not come at once */
    bool any_single, mostly_single; /* of its host's, some are there once, or most */
};

/* All of them, in order of sender and time, and of target and time. */
struct witnesses {
    struct witness *items;
    size_t n, cap;
    struct witness *by_target;
};

void sent_twice_note(struct doubts *doubts, const struct doubt *doubt) {
    if (doubts->list.n < DOUBTS_MAX)
        *ARRAY_ADD(&doubts->list) = *doubt;
}

/* Put a sighting where it belongs in time. */
static void insert_send(struct collection *c, struct seen_list *list, const struct doubt *doubt) {
    uint32_t last = list->last;

    seen_add(c, list, doubt->frame, doubt->t_ns);
    if (list->last == last || c->seen.items[last].t_ns <= doubt->t_ns)
        return;
    uint32_t made = list->last, before = list->first;
    while (before != last && c->seen.items[c->seen.items[before].next].t_ns <= doubt->t_ns)
        before = c->seen.items[before].next;
    c->seen.items[made].next = c->seen.items[before].next;
    c->seen.items[before].next = made;
    c->seen.items[last].next = NONE;
    list->last = last;
}

/* When the send that was first seen in this frame was. */
static int64_t seen_time(const struct collection *c, const struct seen_list *list, uint32_t frame) {
    uint32_t at = list->first;

    for (uint32_t i = 0; i + 1 < list->count && c->seen.items[at].frame != frame; i++)
        at = c->seen.items[at].next;
    return c->seen.items[at].t_ns;
}

/* ---- witnesses ---- */

static int by_frame(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

    return a < b ? -1 : a > b;
}

/* How often a sorted list has this frame. */
static uint32_t count_frame(const uint32_t *frames, size_t n, uint32_t frame) {
    size_t low = 0, high = n;
    uint32_t count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frames[middle] < frame)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && frames[low] == frame; low++)
        count++;
    return count;
}

static uint64_t host_key(const struct ip_addr *ip) {
    return index_key(ip, sizeof *ip, 47);
}

static void add_witness(struct witnesses *all, const struct doubts *doubts, uint64_t host,
                        uint64_t to, uint32_t frame, int64_t t_ns) {
    if (count_frame(doubts->unsaid.items, doubts->unsaid.n, frame))
        return;
    *ARRAY_ADD(all) =
        (struct witness){.host = host,
                         .to = to,
                         .t_ns = t_ns,
                         .frame = frame,
                         .copies = count_frame(doubts->copied.items, doubts->copied.n, frame),
                         .late = count_frame(doubts->late.items, doubts->late.n, frame)};
}

static void add_list(struct witnesses *all, const struct collection *c, const struct doubts *doubts,
                     uint64_t host, uint64_t to, const struct seen_list *list) {
    uint32_t at = list->first;

    for (uint32_t i = 0; i < list->count; i++, at = c->seen.items[at].next)
        add_witness(all, doubts, host, to, c->seen.items[at].frame, c->seen.items[at].t_ns);
}

static int compare_times(const struct witness *a, const struct witness *b) {
    if (a->t_ns != b->t_ns)
        return a->t_ns < b->t_ns ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

static int by_target(const void *one, const void *other) {
    const struct witness *a = one, *b = other;

    return a->to != b->to ? (a->to < b->to ? -1 : 1) : compare_times(a, b);
}

static int by_host(const void *one, const void *other) {
    const struct witness *a = one, *b = other;

    return a->host != b->host ? (a->host < b->host ? -1 : 1) : compare_times(a, b);
}

/* What went over UDP: requests, responses, questions and answers. */
static void gather(struct witnesses *all, const struct collection *c, const struct doubts *doubts) {
    for (size_t i = 0; i < c->txs.n; i++) {
        const struct tx *tx = &c->txs.items[i];
        uint64_t from = host_key(&c->hosts.items[wording_of(c, tx)->host].ip);
        uint64_t to = host_key(&tx->dst.ip);
        if (tx->transport != TRANSPORT_UDP)
            continue;
        add_list(all, c, doubts, from, to, &tx->sends);
        for (uint32_t at = tx->first_response; at != NONE; at = c->responses.items[at].next)
            add_witness(all, doubts, to, from, c->responses.items[at].told.frame,
                        c->responses.items[at].told.t_ns);
    }
    for (size_t i = 0; i < c->queries.n; i++) {
        const struct seen_query *seen = &c->queries.items[i];
        const struct query *query = seen->query;
        uint64_t from = host_key(&seen->client), to = host_key(&query->resolver.ip);
        if (query->transport != TRANSPORT_UDP)
            continue;
        add_list(all, c, doubts, from, to, &seen->sends);
        if (query->answer_frame)
            add_witness(all, doubts, to, from, query->answer_frame, query->answer_t_ns);
    }
    if (!all->n)
        return;
    all->by_target = memory_new(all->n * sizeof *all->by_target);
    memcpy(all->by_target, all->items, all->n * sizeof *all->by_target);
    qsort(all->items, all->n, sizeof *all->items, by_host);
    for (size_t from = 0, to; from < all->n; from = to) {
        size_t singles = 0;
        for (to = from; to < all->n && all->items[to].host == all->items[from].host; to++)
            singles += !all->items[to].copies;
        for (size_t i = from; i < to; i++) {
            all->items[i].any_single = singles;
            all->items[i].mostly_single = singles * 2 > to - from;
        }
    }
    qsort(all->by_target, all->n, sizeof *all->by_target, by_target);
}

/* ---- what they say ---- */

/* The neighbours of a send: how many are there, how many are there twice, and how often, those that
 * are. */
struct neighbours {
    unsigned single, doubled;
    uint32_t copies; /* the most: on one side of it the capture may double less; 0: none is */
    bool late;       /* not all of these came at once */
    bool any_single, mostly_single;
};

static void hear(struct neighbours *of, const struct witness *witness) {
    if (witness->copies) {
        of->doubled++;
        if (witness->copies > of->copies)
            of->copies = witness->copies;
        of->late |= witness->late;
    } else {
        of->single++;
    }
}

/* The host's own before and after it. */
static struct neighbours hear_own(const struct witnesses *all, const struct witness *send) {
    struct neighbours own = {0};
    size_t low = 0, high = all->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_host(&all->items[middle], send) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && all->items[low - 1].host == send->host)
        hear(&own, &all->items[low - 1]);
    size_t after = low < all->n && all->items[low].frame == send->frame ? low + 1 : low;
    if (after < all->n && all->items[after].host == send->host)
        hear(&own, &all->items[after]);
    for (size_t i = low ? low - 1 : 0; i <= low && i < all->n; i++)
        if (all->items[i].host == send->host) {
            own.any_single = all->items[i].any_single;
            own.mostly_single = all->items[i].mostly_single;
        }
    return own;
}

/* The nearest of those sent to this target, before (step -1) the place or from there on (1): of the
 * first few one that is there once, or again later; what is there twice at once may be in the
 * overlap of two files. NULL: there is none. */
static const struct witness *most_telling(const struct witnesses *all, size_t place, int step,
                                          uint64_t to) {
    enum { LOOK_AT = 8 };
    const struct witness *nearest = NULL;

    for (size_t i = 0; i < LOOK_AT; i++) {
        size_t at = step < 0 ? place - 1 - i : place + i;
        if ((step < 0 && i >= place) || at >= all->n || all->by_target[at].to != to)
            break;
        const struct witness *witness = &all->by_target[at];
        if (!witness->copies || witness->late)
            return witness;
        if (!nearest)
            nearest = witness;
    }
    return nearest;
}

/* What its host was sent before and after it: that took the same way through the network. */
static struct neighbours hear_others(const struct witnesses *all, const struct witness *send) {
    const struct witness at = {.to = send->host, .t_ns = send->t_ns, .frame = send->frame};
    struct neighbours others = {0};
    size_t low = 0, high = all->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_target(&all->by_target[middle], &at) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct witness *before = most_telling(all, low, -1, at.to);
    const struct witness *after = most_telling(all, low, 1, at.to);
    if (before)
        hear(&others, before);
    if (after)
        hear(&others, after);
    return others;
}

/* The sightings of a send that is in doubt: those at first, and those with each doubt. */
struct sightings {
    uint32_t first, least_later;
};

/* How often more than once the capture holds what was sent once, where this send is, which it holds
 * so often more than once. Where it is not clear, it was sent once. */
static uint32_t usual_copies(const struct witnesses *all, const struct witness *send,
                             const struct sightings *seen) {
    struct neighbours own = hear_own(all, send);
    struct neighbours others = hear_others(all, send);

    if (!own.doubled && !others.doubled)
        return own.single || others.single ? 0 : send->copies;
    /* What is there twice at once says of one that came later only that it may be as well. */
    if (!own.late && !others.late && (own.single || others.single))
        return 0;
    /* Only what this host sends is there twice: always, or now and then? */
    if (!others.doubled && (others.single ? own.any_single : own.mostly_single))
        return 0;
    /* At first, and each time later, it is there as often at once as what others sent. */
    if (others.doubled && !others.late && seen->first > others.copies &&
        seen->least_later > others.copies)
        return others.copies;
    return own.doubled ? own.copies : others.copies;
}

static int by_place(const void *left, const void *right) {
    const struct doubt *a = left, *b = right;

    if (a->tx != b->tx)
        return a->tx < b->tx ? -1 : 1;
    if (a->of != b->of)
        return a->of < b->of ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

/* The doubts behind `at` that are of the same send. */
static size_t same_send(const struct doubts *doubts, size_t at) {
    const struct doubt *first = &doubts->list.items[at];
    size_t n = 1;

    while (at + n < doubts->list.n && first[n].tx == first->tx && first[n].of == first->of)
        n++;
    return n;
}

/* How often it was seen at the time of this doubt. */
static uint32_t seen_with(const struct doubts *doubts, const struct doubt *doubt) {
    return 1 + count_frame(doubts->joined.items, doubts->joined.n, doubt->frame);
}

/* Doubts of one send, in order. What is seen at once is of one time that it was sent, and each time
 * it is seen as often as is usual, or less. */
static void settle_send(struct collection *c, const struct doubts *doubts,
                        const struct witnesses *all, const struct doubt *first, size_t n) {
    struct tx *tx = &c->txs.items[first->tx];
    struct witness send = {.host = host_key(&c->hosts.items[wording_of(c, tx)->host].ip),
                           .t_ns = seen_time(c, &tx->sends, first->of),
                           .frame = first->of,
                           .copies =
                               count_frame(doubts->copied.items, doubts->copied.n, first->of)};
    struct sightings seen = {.first = send.copies + 1, .least_later = UINT32_MAX};

    for (size_t i = 0; i < n; i++) {
        uint32_t later = seen_with(doubts, &first[i]);
        seen.first -= later < seen.first ? later : seen.first;
        if (later < seen.least_later)
            seen.least_later = later;
    }
    uint32_t usual = usual_copies(all, &send, &seen), so_far = seen.first;
    for (size_t i = 0; i < n; i++) {
        uint32_t later = seen_with(doubts, &first[i]);
        so_far += later;
        if (so_far <= usual + 1)
            continue;
        insert_send(c, &tx->sends, &first[i]);
        c->copy_count--;
        so_far = later;
    }
}

static void sort_frames(uint32_t *frames, size_t n) {
    if (n)
        qsort(frames, n, sizeof *frames, by_frame);
}

void sent_twice_settle(struct collection *c, struct doubts *doubts) {
    struct witnesses all = {0};

    if (!doubts->list.n)
        return;
    qsort(doubts->list.items, doubts->list.n, sizeof *doubts->list.items, by_place);
    sort_frames(doubts->copied.items, doubts->copied.n);
    sort_frames(doubts->late.items, doubts->late.n);
    sort_frames(doubts->joined.items, doubts->joined.n);
    sort_frames(doubts->unsaid.items, doubts->unsaid.n);
    gather(&all, c, doubts);
    for (size_t i = 0, n; i < doubts->list.n; i += n) {
        n = same_send(doubts, i);
        settle_send(c, doubts, &all, &doubts->list.items[i], n);
    }
    ARRAY_FINI(&all);
    free(all.by_target);
}

void sent_twice_fini(struct doubts *doubts) {
    ARRAY_FINI(&doubts->list);
    ARRAY_FINI(&doubts->copied);
    ARRAY_FINI(&doubts->late);
    ARRAY_FINI(&doubts->joined);
    ARRAY_FINI(&doubts->unsaid);
}
