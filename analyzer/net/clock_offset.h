/* How two clocks differ, from packets that both saw.
 *
 * A packet from a's side is seen at b one delay later, one from b's side one delay earlier:
 *
 *   a  ──●────────────○──       t_b - t_a =  offset + delay   of packets that a saw first
 *          ╲        ╱           t_b - t_a =  offset - delay   of packets that b saw first
 *   b  ─────●─────●─────
 *
 * so that the offset is the middle between the least of the one and the greatest of the other (as
 * RFC 5905 8 has it), if the way takes as long there as back. Which host is on which side follows
 * from the times themselves: of two hosts, what comes from a's side has the greater differences.
 */
#ifndef NET_CLOCK_OFFSET_H
#define NET_CLOCK_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One packet that both saw. */
struct sighting {
    int64_t a_ns, b_ns;  /* when, by the clock of each, */
    uint32_t a_no, b_no; /* in which of its frames */
    uint64_t hosts;      /* the two hosts that it went between, in either direction */
    bool from_lower;     /* its direction between them */
    bool lone;           /* signalling; neither has the like of it a second time */
    bool unique;         /* nobody sends the like of it but as a retransmission */
    bool strong;         /* alone it is evidence of a packet that both saw */
};

struct clock_offset {
    bool known;
    int64_t offset_ns;        /* b's clock less a's, */
    int64_t at_a_ns, at_b_ns; /* at about this time */
    int32_t drift_ppb;        /* how the offset grows: b runs faster by so many billionths */
    bool stepped;             /* it changed by more than clocks drift: one was set in between */
    bool two_way;             /* packets of both directions were seen */
    bool same;                /* all at exactly the same time: it is one clock */
    size_t agreed;            /* sightings that it rests on, */
    size_t lone, unique;      /* and how many of them are */
};

/* known: three fifths of all sightings agree within some seconds (enough for a delay, and for
 * clocks that drift). Whether so many are enough is for the caller to say. The sightings are
 * sorted. */
struct clock_offset clock_offset_estimate(struct sighting *sightings, size_t count);

/* The same seen from b. */
struct clock_offset clock_offset_reversed(const struct clock_offset *offset);

#endif
