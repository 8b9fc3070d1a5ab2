/* What a phone did at its two configured servers: the REGISTERs of an account as rounds, one for
 * each time that it turned to a server (contract section 6: the story shows one request through
 * both lists where the phone's behaviour reads so; the rules re-read it).
 *
 *     sends      1 1  1    2     1 1  1     2       1 ok
 *     rounds    [1 1  1]  [2]   [1 1  1]   [2]     [1 ok]
 *                working   fallback …
 *
 * A round holds the sends of one registration, repetitions, the way through the servers of one list
 * and what a challenge adds; another round at the same server begins where 5 s lie between.
 *
 * One account may have two addresses of record, each with the name of one configured server
 * (sip:300@working.example, sip:300@192.0.2.9): the rounds of both are taken together. */
#ifndef RULES_CHECKS_FALLBACK_ROUNDS_H
#define RULES_CHECKS_FALLBACK_ROUNDS_H

#include "rules/rule.h"

enum { FALLBACK_WORKING, FALLBACK_SERVER, FALLBACK_SIDES };

enum round_end {
    ROUND_GRANTED, /* 2xx */
    ROUND_FAILED,  /* as failover.on says */
    ROUND_REFUSED, /* another final answer, or a challenge that was left at that */
    ROUND_OPEN,    /* provisional answers alone, cut by the capture's end or a restart */
};

struct fallback_round {
    unsigned side; /* FALLBACK_WORKING or FALLBACK_SERVER */
    struct server server;
    int64_t t_ns, last_ns; /* first and last send */
    int64_t end_ns;        /* the final answer; else last_ns */
    enum round_end end;
    size_t packets;               /* sends; for a connection in vain, its SYNs */
    int64_t spoke_ns;             /* the last of these packets */
    unsigned status;              /* of the final answer; 0: none */
    uint32_t granted_s;           /* ROUND_GRANTED */
    uint32_t asked_s;             /* 0: not said */
    bool unregister, credentials; /* as the first send has them */
    size_t first_step, last_step; /* of the steps below */
    size_t other;                 /* the next round at the other side that registers; SIZE_MAX */
};

/* A send or a final answer; private but for fallback_round_frames. */
struct fallback_step {
    int64_t t_ns;
    uint32_t frame;
    unsigned side;
    unsigned status; /* of an answer; 0: a send */
    size_t round;
    const struct request *request;
    const struct attempt *attempt;
    size_t index; /* of the send, or of the response */
};

struct fallback_rounds {
    const struct judge *judge;
    const struct server_expectation *entries; /* the two */
    bool proxies;
    struct fallback_round *items; /* in order of their first send */
    size_t n;
    size_t strangers; /* REGISTERs to neither */
    int64_t first_stranger_ns;
    const struct fallback_step *steps;
    size_t step_count;
    const int64_t *boots; /* restarts that are no guess from the rounds themselves */
    size_t boot_count;
    const int64_t *restarts; /* these, and those that the story reads from the working side */
    size_t restart_count;
    size_t usual_packets; /* of most rounds at the working server that brought no answer; 0: none */
    int64_t usual_span_ns; /* from the first of them to the last */
};

/* Are two servers configured, so that there is anything to fall back to? */
bool fallback_configured(const struct judge *judge);
bool fallback_uses_proxies(const struct judge *judge);

const struct fallback_rounds *fallback_rounds_new(const struct judge *judge);

/* The frames of a round's sends and final answers. */
void fallback_round_frames(const struct fallback_rounds *rounds, struct judge *judge,
                           struct occurrence *occurrence, const struct fallback_round *round);

/* How much sooner a round that brought no answer may have begun, or how much longer it may have
 * gone on, than the capture shows: it has fewer packets than most, and may lack its first or its
 * last. */
int64_t fallback_round_unseen_ns(const struct fallback_rounds *rounds,
                                 const struct fallback_round *round);

/* Is this round, the first of the account or after a restart, the start of the account: a boot or
 * lookups before it (contract section 6, Fallback)? `before`: the round before it; NULL: none. */
bool fallback_starts(const struct fallback_rounds *rounds, const struct fallback_round *before,
                     const struct fallback_round *round);
/* Did the phone boot in (from, to]? */
bool fallback_booted(const struct fallback_rounds *rounds, int64_t from_ns, int64_t to_ns);
/* Did it restart, as far as can be told: a boot, or a fresh start at the working server? */
bool fallback_restarted(const struct fallback_rounds *rounds, int64_t from_ns, int64_t to_ns);

/* The lifetime that a round asked for; where it does not say, that of the expectations. */
int64_t fallback_lifetime_ns(const struct fallback_rounds *rounds,
                             const struct fallback_round *round, unsigned side);

/* How long a phone may take from one server to the other: 64*T1 and 5 s, with tolerance. */
int64_t fallback_patience_ns(const struct judge *judge);

#endif
