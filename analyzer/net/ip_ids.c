/* Packets of a host that the capture lacks, told by the IPv4 identification.
 *
 *     41 42 43 44 45 46 47 48 51 52 53     a counter: two packets are missing before 51
 *     41 43 42 44 45 ...                   out of order: none is
 *     41 45 46 52 59 60 ...                some of the host's traffic is not captured: says nothing
 *
 * RFC 6864 4 asks for nothing but that identifications of fragmented datagrams differ; many phones
 * count, others draw them at random or send 0. Only a host that has counted without a hole for a
 * while is believed, and the longer the more holes it shows.
 */
#include "net/inner.h"

#include <stdlib.h>

enum {
    HOSTS_LOG2 = 11, /* looked at side by side; one takes the place of another */
    REGULAR_MIN = 8, /* steps of one before a hole counts */
    REGULAR_MAX = 200,
    MISSING_MAX = 16, /* a wider hole is another part of the host's traffic */
};

/* How a host counts: looked at for each of its packets, and kept small for that. */
struct id_run {
    uint32_t host;       /* its address as it lies in memory; 0: free */
    uint16_t last;       /* in the order in which it counts */
    uint8_t regular;     /* steps of one, halved by each hole */
    uint8_t missing : 7; /* of a hole that is not told yet: its packets may only be late */
    uint8_t swapped : 1; /* the other byte order */
    int64_t t_ns;        /* of the last */
};

struct id_hole {
    uint16_t id; /* the first behind it */
    struct packet_hole hole;
};

struct ip_ids {
    struct id_run runs[1 << HOSTS_LOG2];
    struct id_hole holes[1 << HOSTS_LOG2]; /* where `missing` says that there is one */
};

struct ip_ids *ip_ids_new(void) {
    return memory_new_zeroed(1, sizeof(struct ip_ids));
}

void ip_ids_free(struct ip_ids *ids) {
    free(ids);
}

static struct id_hole *hole_of(struct net *net, const struct id_run *run) {
    return &net->ids->holes[run - net->ids->runs];
}

static uint16_t swap(uint16_t id) {
    return (uint16_t)(id << 8 | id >> 8);
}

static void tell(struct net *net, struct id_run *run) {
    if (!run->missing)
        return;
    struct packet_hole *hole = &hole_of(net, run)->hole;
    hole->missing = run->missing;
    run->missing = 0;
    if (net->handler.hole)
        net->handler.hole(net->handler.context, hole);
}

/* The counter went on by more than one. */
static void skipped(struct net *net, struct id_run *run, const struct ip_addr *host, uint16_t id,
                    unsigned missing) {
    tell(net, run);
    if (missing > MISSING_MAX) {
        run->regular = 0;
        return;
    }
    if (run->regular >= REGULAR_MIN) {
        run->missing = missing & 0x7f;
        *hole_of(net, run) = (struct id_hole){id,
                                              {.host = *host,
                                               .missing = missing,
                                               .from_ns = run->t_ns,
                                               .to_ns = net->t_ns,
                                               .frame_no = net->frame_no}};
    }
    run->regular /= 2;
}

/* A packet from before the last one: out of order, or a copy. */
static void late(struct net *net, struct id_run *run, uint16_t id) {
    if (!run->missing)
        return;
    const struct id_hole *at = hole_of(net, run);
    uint16_t before_hole = (uint16_t)(at->id - id);
    if (before_hole >= 1 && before_hole <= at->hole.missing)
        run->missing--;
}

static void step(struct net *net, struct id_run *run, const struct ip_addr *host, uint16_t id) {
    uint16_t ahead = (uint16_t)(id - run->last);

    if (ahead == 0)
        return; /* a fragment or a copy */
    if (ahead > UINT16_MAX - MISSING_MAX) {
        late(net, run, id);
        return;
    }
    if (ahead == 1) {
        if (run->regular < REGULAR_MAX)
            run->regular++;
        /* The next but one behind the hole: what only came late would be here by now. */
        if (run->missing && id != hole_of(net, run)->id)
            tell(net, run);
    } else {
        skipped(net, run, host, id, ahead - 1u);
    }
    run->last = id;
    run->t_ns = net->t_ns;
}

/* A host without an address yet (RFC 2131 4.1: DHCP from 0.0.0.0) counts as it will with it. */
static void nameless(struct net *net, const struct ip_addr *host, uint16_t id) {
    for (size_t i = 0; i < (size_t)1 << HOSTS_LOG2; i++) {
        struct id_run *run = &net->ids->runs[i];
        uint16_t count = run->swapped ? swap(id) : id;
        if (run->host && run->regular && (uint16_t)(count - run->last) == 1)
            step(net, run, host, count);
    }
}

/* Of another host than the last in this place, or one that does not count, or not so far. */
static void irregular(struct net *net, struct id_run *run, const struct ip_addr *host,
                      uint32_t word, uint16_t id) {
    if (!word) {
        nameless(net, host, id);
        return;
    }
    if (run->host != word) {
        tell(net, run);
        *run = (struct id_run){.host = word, .last = id, .t_ns = net->t_ns};
        return;
    }
    uint16_t count = run->swapped ? swap(id) : id;
    if (!run->regular && (uint16_t)(count - run->last) != 1 &&
        (uint16_t)(swap(count) - swap(run->last)) == 1) {
        run->swapped = !run->swapped;
        run->last = swap(run->last);
        count = swap(count);
    }
    step(net, run, host, count);
}

void ip_ids_feed(struct net *net, const struct ip_addr *host, uint16_t id) {
    uint32_t word;

    memcpy(&word, host->bytes, sizeof word);
    struct id_run *run = &net->ids->runs[word * 0x9e3779b1u >> (32 - HOSTS_LOG2)];
    uint16_t next = (uint16_t)(run->last + 1);
    if (run->host != word || run->missing || !run->regular ||
        (run->swapped ? swap(id) : id) != next) {
        irregular(net, run, host, word, id);
        return;
    }
    if (run->regular < REGULAR_MAX)
        run->regular++;
    run->last = next;
    run->t_ns = net->t_ns;
}

void ip_ids_end(struct net *net) {
    for (size_t i = 0; i < (size_t)1 << HOSTS_LOG2; i++)
        tell(net, &net->ids->runs[i]);
}
