#include "phone/sent_twice.h"

#include <stdlib.h>

enum {
    DOUBTS_MAX = 1 << 16,
    DOUBLED_MOST = 8, /* mirror ports upon mirror ports */
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

static uint32_t host_of(const struct collection *c, const struct doubt *doubt) {
    return wording_of(c, &c->txs.items[doubt->tx])->host;
}

void sent_twice_settle(struct collection *c, struct doubts *doubts) {
    struct excess {
        uint32_t sends;              /* that may have doubts */
        uint32_t with[DOUBLED_MOST]; /* so many have one at least, two … */
    } * hosts;

    if (!doubts->list.n)
        return;
    qsort(doubts->list.items, doubts->list.n, sizeof *doubts->list.items, by_place);
    hosts = memory_new_zeroed(c->hosts.n, sizeof *hosts);
    for (size_t i = 0; i < c->txs.n; i++)
        if (c->txs.items[i].transport == TRANSPORT_UDP)
            hosts[wording_of(c, &c->txs.items[i])->host].sends += c->txs.items[i].sends.count;
    for (size_t i = 0; i < c->hosts.n; i++)
        hosts[i].sends -=
            c->hosts.items[i].pieced < hosts[i].sends ? c->hosts.items[i].pieced : hosts[i].sends;
    for (size_t i = 0, n; i < doubts->list.n; i += n) {
        n = same_send(doubts, i);
        for (size_t k = 0; k < n && k < DOUBLED_MOST; k++)
            hosts[host_of(c, &doubts->list.items[i])].with[k]++;
    }
    for (size_t i = 0, n; i < doubts->list.n; i += n) {
        const struct excess *excess = &hosts[host_of(c, &doubts->list.items[i])];
        size_t usual = 0;
        n = same_send(doubts, i);
        while (usual < DOUBLED_MOST && excess->with[usual] * 2 >= excess->sends)
            usual++;
        for (size_t k = usual; k < n; k += usual + 1) {
            const struct doubt *doubt = &doubts->list.items[i + k];
            insert_send(c, &c->txs.items[doubt->tx].sends, doubt);
            c->copy_count--;
        }
    }
    free(hosts);
}
