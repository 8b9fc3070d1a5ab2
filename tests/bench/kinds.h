/* The kinds of traffic. Each is a crowd of actors; an actor sends one frame when its time comes and
 * says when it wants the next turn, so that the frames of all come in the order of time.
 */
#ifndef BENCH_KINDS_H
#define BENCH_KINDS_H

#include "speak.h"

struct plan {
    uint32_t phones;
    uint32_t call_s; /* calls: how long one lasts */
    uint32_t calls;  /* calls: of each phone; 0: until the file ends */
    uint64_t seed;
};

#define NEVER UINT64_MAX

struct kind {
    const char *name;
    uint32_t phones; /* where nothing else is asked for */
    const char *help;
    /* How many actors there are for so many phones. */
    uint32_t (*actors)(const struct plan *plan);
    void *(*begin)(const struct plan *plan); /* NULL: out of memory */
    void (*end)(void *state);
    /* The actor sends its next frame at t_us (or none); returns when the one after is due. */
    uint64_t (*step)(void *state, uint32_t actor, uint64_t t_us, struct wire *wire);
};

extern const struct kind kind_storm, kind_calls, kind_tcp, kind_office;

/* ---- what several kinds do ---- */

/* A phone that looks its servers up and registers, over and over: where the first server is dead
 * with eleven sends until timer F, then at the second. */
struct registering {
    struct speaker speaker;
    int at;        /* its place in the cycle */
    unsigned send; /* sends of the first REGISTER so far */
    unsigned rank; /* of the server that it speaks to */
};

struct registering registering_make(uint32_t id, uint64_t seed);

/* Sends the frame that is due; returns the pause before the next, or 0: the cycle has ended. */
uint64_t registering_step(struct registering *phone, uint64_t t_us, struct wire *wire);

#endif
