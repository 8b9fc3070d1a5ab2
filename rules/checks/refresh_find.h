/* A registration's lifetime, and what the phone did about it: for register.refresh. */
#ifndef RULES_CHECKS_REFRESH_FIND_H
#define RULES_CHECKS_REFRESH_FIND_H

#include "rules/loss_index.h"
#include "rules/rule.h"

enum { REFRESH_LOOKED_AT = 64 }; /* REGISTERs in one lifetime, registrations beside one */

/* An attempt of a REGISTER, in order of server, then time. */
struct visit {
    struct server server;
    int64_t t_ns;
    const struct request *request;
};

/* The registrations by time, each with the two that last longest up to it. */
struct lasting {
    size_t first, second; /* SIZE_MAX: none */
};

struct refresher {
    struct judge *judge;
    struct visit *visits;
    size_t visit_count;
    const struct request **registers; /* in order of time */
    size_t register_count;
    struct lasting *lasting;
    int64_t *boots; /* restarts that a DHCP exchange shows */
    size_t boot_count;
    const struct loss_index *losses; /* NULL: not needed so far */
};

/* One registration and its times. */
struct lifetime {
    const struct registration *at;
    const struct request *request; /* the REGISTER that made it */
    int64_t life_ns, end_ns, earliest_ns, latest_ns;
    const struct request *refresh; /* NULL: none at this server */
    int64_t begun_ns;              /* of the refresh; INT64_MAX: none */
};

/* Gathers what the functions below search; judge is filled in. */
void refresh_gather(struct refresher *refresher);

/* Another registration of the account that is live at this moment; NULL: none. */
const struct registration *refresh_live_beside(const struct refresher *refresher, size_t index,
                                               int64_t t_ns);

/* Fills in the refresh: the first REGISTER with an attempt at this server after the 200. */
void refresh_find(const struct refresher *refresher, struct lifetime *life);

/* The first REGISTER that begins between two moments, wherever it goes; NULL: none. */
const struct request *refresh_register_between(const struct refresher *refresher,
                                               const struct lifetime *life, int64_t from_ns,
                                               int64_t to_ns);

/* The registration that the account has made elsewhere since, on the same list and reg-id, and that
 * is live still when the refresh comes: then the phone came back with it, and renewed nothing.
 * NULL: none. */
const struct registration *refresh_superseding(const struct refresher *refresher, size_t index,
                                               const struct lifetime *life);

/* A boot after the end, with nothing heard of the account between: when the phone went down cannot
 * be seen. */
bool refresh_booted_after(const struct refresher *refresher, const struct lifetime *life);

/* refresh_held_up.c: was a lookup or a connection of the account left unanswered at a moment? */
bool refresh_held_up(const struct refresher *refresher, const struct lifetime *life, int64_t t_ns);

#endif
