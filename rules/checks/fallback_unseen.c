/* What a round may lack: one that brought no answer, and has fewer packets than most. */
#include "rules/checks/fallback_reading.h"

/* Packets alone, without an answer or an error. */
static bool is_silent(const struct fallback_rounds *rounds, const struct fallback_round *round) {
    enum outcome outcome = rounds->steps[round->last_step].attempt->outcome;

    return round->end != ROUND_GRANTED && !round->status &&
           (outcome == OUTCOME_SILENT || outcome == OUTCOME_CUT);
}

void fallback_read_usual(struct fallback_rounds *rounds) {
    enum { MOST = 32 };
    struct {
        size_t rounds;
        int64_t span_ns;
    } by_packets[MOST] = {{0}};
    size_t usual = 0;

    for (size_t i = 0; i < rounds->n; i++) {
        const struct fallback_round *round = &rounds->items[i];
        int64_t span_ns = round->spoke_ns - round->t_ns;
        if (round->side != FALLBACK_WORKING || round->packets >= MOST || !is_silent(rounds, round))
            continue;
        by_packets[round->packets].rounds++;
        if (span_ns > by_packets[round->packets].span_ns)
            by_packets[round->packets].span_ns = span_ns;
    }
    for (size_t packets = 1; packets < MOST; packets++)
        if (by_packets[packets].rounds && by_packets[packets].rounds >= by_packets[usual].rounds)
            usual = packets;
    rounds->usual_packets = usual;
    rounds->usual_span_ns = by_packets[usual].span_ns;
}

int64_t fallback_round_unseen_ns(const struct fallback_rounds *rounds,
                                 const struct fallback_round *round) {
    int64_t span_ns = round->spoke_ns - round->t_ns;

    if (round->packets >= rounds->usual_packets || span_ns >= rounds->usual_span_ns ||
        !is_silent(rounds, round))
        return 0;
    return rounds->usual_span_ns - span_ns;
}
