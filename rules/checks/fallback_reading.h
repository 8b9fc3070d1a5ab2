/* What the parts share that read an account's REGISTERs as rounds (fallback_rounds.h). */
#ifndef RULES_CHECKS_FALLBACK_READING_H
#define RULES_CHECKS_FALLBACK_READING_H

#include "rules/checks/fallback_rounds.h"

enum { FALLBACK_LISTS_SEEN = 64 }; /* different server lists of one account that are kept */

/* ---- fallback_sides.c: which of the two a REGISTER went to ---- */

struct fallback_sides {
    const struct judge *judge;
    const struct server_expectation *entries;             /* the two */
    const struct server_list *lists[FALLBACK_LISTS_SEEN]; /* of the working server, or the other */
    size_t list_count;
};

/* Keeps the lists of the account's REGISTERs; judge and entries are filled in. */
void fallback_sides_read(struct fallback_sides *sides);

/* FALLBACK_WORKING, FALLBACK_SERVER, or FALLBACK_SIDES: neither. own: the request is one of the
 * account under judgement. */
unsigned fallback_side_of(const struct fallback_sides *sides, const struct request *request,
                          bool own, const struct server *server);

/* ---- fallback_steps.c: sends and final answers in order of time ---- */

/* In the judge's arena, *count of them; REGISTERs to neither server are counted in rounds. */
struct fallback_step *fallback_steps(struct fallback_rounds *rounds,
                                     const struct fallback_sides *sides, size_t *count);

/* ---- fallback_in_vain.c: connections that failed ---- */

struct fallback_in_vain {
    const struct judge *judge;
    const struct connection **list; /* by first frame; NULL: not yet */
    size_t count;
};

/* The connection in vain that a step is; NULL: it is none. */
const struct connection *fallback_in_vain_of(struct fallback_in_vain *in_vain,
                                             const struct fallback_step *step);

/* When the phone was done with a connection that it tried in vain: at the error; else when a
 * further SYN was due, as the pause doubles from one to the next (RFC 6298 5.5). */
int64_t fallback_done_ns(struct fallback_in_vain *in_vain, const struct fallback_step *step);

/* ---- fallback_unseen.c, fallback_restarts.c: what is read from all rounds ---- */

void fallback_read_usual(struct fallback_rounds *rounds);
void fallback_read_restarts(struct fallback_rounds *rounds, const struct fallback_sides *sides);

#endif
