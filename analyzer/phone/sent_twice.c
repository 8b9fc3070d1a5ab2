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
                         .copies = count_frame(doubts->copied.items, doubts->copied.n, frame)};
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
    uint32_t copies; /* the least of those that are doubled; 0: none is */
    bool any_single, mostly_single;
};

static void hear(struct neighbours *of, const struct witness *witness) {
    if (witness->copies) {
        if (!of->doubled++ || witness->copies < of->copies)
            of->copies = witness->copies;
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
    if (low > 0 && all->by_target[low - 1].to == at.to)
        hear(&others, &all->by_target[low - 1]);
    if (low < all->n && all->by_target[low].to == at.to)
        hear(&others, &all->by_target[low]);
    return others;
}

/* How often more than once the capture holds what was sent once, where this send is, which it holds
 * so often more than once. Where it is not clear, it was sent once. */
static uint32_t usual_copies(const struct witnesses *all, const struct witness *send) {
    struct neighbours own = hear_own(all, send);
    struct neighbours others = hear_others(all, send);
    uint32_t doubled = own.doubled ? own.copies : others.doubled ? others.copies : send->copies;

    if (!own.doubled && !others.doubled)
        return own.single || others.single ? 0 : doubled;
    /* Only what this host sends is there twice: always, or now and then? */
    if (!others.doubled && (others.single ? own.any_single : own.mostly_single))
        return 0;
    return doubled;
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

void sent_twice_settle(struct collection *c, struct doubts *doubts) {
    struct witnesses all = {0};

    if (!doubts->list.n)
        return;
    qsort(doubts->list.items, doubts->list.n, sizeof *doubts->list.items, by_place);
    qsort(doubts->copied.items, doubts->copied.n, sizeof(uint32_t), by_frame);
    if (doubts->unsaid.n)
        qsort(doubts->unsaid.items, doubts->unsaid.n, sizeof(uint32_t), by_frame);
    gather(&all, c, doubts);
    for (size_t i = 0, n; i < doubts->list.n; i += n) {
        const struct doubt *first = &doubts->list.items[i];
        const struct tx *tx = &c->txs.items[first->tx];
        struct witness send = {.host = host_key(&c->hosts.items[wording_of(c, tx)->host].ip),
                               .t_ns = seen_time(c, &tx->sends, first->of),
                               .frame = first->of,
                               .copies =
                                   count_frame(doubts->copied.items, doubts->copied.n, first->of)};
        n = same_send(doubts, i);
        uint32_t usual = usual_copies(&all, &send);
        for (size_t k = usual; k < n; k += usual + 1) {
            insert_send(c, &c->txs.items[first->tx].sends, &first[k]);
            c->copy_count--;
        }
    }
    ARRAY_FINI(&all);
    free(all.by_target);
}

void sent_twice_fini(struct doubts *doubts) {
    ARRAY_FINI(&doubts->list);
    ARRAY_FINI(&doubts->copied);
    ARRAY_FINI(&doubts->unsaid);
}
