/* Whether what two files seem to share tells how their clocks differ.
 *
 * Files of a ring share no packets, but what was sent again after their boundary, or is the same
 * whenever a phone boots, may look as if they did; and a wrong offset is worse than none. On the
 * other hand, files that do share packets, with clocks that nobody can hold against each other, are
 * no basis for a time: that is BELIEF_DOUBTED.
 */
#ifndef NET_CLOCK_BELIEF_H
#define NET_CLOCK_BELIEF_H

#include "net/clock_offset.h"

/* How two sights of one content are known to be of one packet, the surest way first. */
enum evidence {
    EVIDENCE_ID,       /* the IP identification is the same */
    EVIDENCE_CONTENT,  /* it is, or at least one has none */
    EVIDENCE_AGAINST,  /* it differs: sent again, unless something on the way writes its own */
    EVIDENCE_REPEATED, /* as CONTENT, of what was sent again: which is which nobody can tell */
    EVIDENCE_COUNT,
};

enum belief {
    BELIEF_NONE,    /* they may well share nothing */
    BELIEF_DOUBTED, /* they share packets, and how their clocks differ is not known */
    BELIEF_SURE,
};

/* So close by their own clocks, two sights may be copies of a mirror port. */
#define BELIEF_COPY_NS ((int64_t)NS_PER_S / 50)

/* offset   the estimate from all sightings of this evidence
 * samples  of the file that has fewer
 * apart    one file ends before the other begins, by their own clocks
 */
enum belief clock_belief(const struct clock_offset *offset, enum evidence evidence, size_t samples,
                         bool apart);

#endif
