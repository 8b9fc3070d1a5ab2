#include "net/clock_belief.h"

#include <stdlib.h>

#include "base/instant.h"

enum {
    LEAST_AGREED = 3,  /* packets: fewer may be chance, where each may have been sent again */
    LEAST_AGAINST = 8, /* where the IP identification speaks against it */
    LEAST_UNIQUE = 2,  /* where no identification speaks for it */
};

/* Nothing is sent again so long after (RFC 3261 17.1: 32 s; RFC 6298: SYNs over a minute). */
#define AGAIN_NS ((int64_t)64 * NS_PER_S)

/* What an estimate is like. */
struct traits {
    const struct clock_offset *of;
    bool apart, most, again;
};

static bool is_sure_by_id(const struct traits *t) {
    if (t->apart)
        return (t->of->two_way && t->of->agreed > 1) || (t->of->unique && !t->again);
    return t->of->two_way || t->of->agreed >= LEAST_AGREED || t->of->unique;
}

static bool is_sure_by_content(const struct traits *t) {
    const struct clock_offset *of = t->of;

    if (t->apart && !t->again && of->unique >= (of->two_way ? LEAST_UNIQUE : LEAST_AGREED))
        return t->most;
    if (t->apart)
        return t->most && of->two_way && of->agreed >= LEAST_AGREED;
    return of->agreed >= LEAST_AGREED || (of->unique >= LEAST_UNIQUE && (of->two_way || !t->again));
}

static bool is_sure(const struct traits *t, enum evidence evidence) {
    if (!t->of->known || (t->apart && !t->of->two_way && t->again))
        return false;
    if (evidence == EVIDENCE_ID)
        return is_sure_by_id(t);
    if (evidence == EVIDENCE_CONTENT)
        return is_sure_by_content(t);
    return evidence == EVIDENCE_AGAINST && t->most && !t->apart && t->of->agreed >= LEAST_AGAINST;
}

static bool is_doubted(const struct traits *t, enum evidence evidence) {
    const struct clock_offset *of = t->of;

    if (evidence == EVIDENCE_ID)
        return of->lone || of->unique || of->agreed > 1;
    if (evidence == EVIDENCE_CONTENT)
        return t->apart ? (of->two_way && t->most) || (of->unique && !t->again)
                        : of->lone || of->agreed > 1;
    if (evidence == EVIDENCE_REPEATED)
        return of->unique && !(t->apart && t->again);
    return t->most && of->two_way && (!t->apart || (of->unique && !t->again));
}

enum belief clock_belief(const struct clock_offset *offset, enum evidence evidence, size_t samples,
                         bool apart) {
    struct traits traits = {.of = offset,
                            .apart = apart,
                            .most = offset->agreed * 2 >= samples,
                            .again = llabs(offset->offset_ns) <= AGAIN_NS};

    if (!offset->agreed || (apart && llabs(offset->offset_ns) <= BELIEF_COPY_NS))
        return BELIEF_NONE; /* a mirror port's copies on both sides of a boundary */
    return is_sure(&traits, evidence)      ? BELIEF_SURE
           : is_doubted(&traits, evidence) ? BELIEF_DOUBTED
                                           : BELIEF_NONE;
}
