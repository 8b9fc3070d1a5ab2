/* Where an account is registered, for the rules that ask it of a server before a request goes
 * there: not only whether the capture shows it, but also whether it can tell that it is not so.
 */
#ifndef RULES_CHECKS_REGISTERED_H
#define RULES_CHECKS_REGISTERED_H

#include "rules/rule.h"

enum registered {
    REGISTERED_LIVE,   /* a registration was granted there, and has not run out */
    REGISTERED_NOT,    /* there is none */
    REGISTERED_LOST,   /* none was seen, but the capture may have missed it */
    REGISTERED_BEFORE, /* none was seen, but one from before the capture may still last */
};

/* A REGISTER sent once and neither answered nor repeated: the answer was there, and the capture
 * missed it, or nobody knows. */
struct open_register {
    struct server server;
    int64_t t_ns;
    bool unregister;
};

struct registered_account {
    const struct judge *judge;
    const struct open_register *open; /* in order of time */
    size_t open_count;
    int64_t longest_ns; /* the longest lifetime that a registration of the account may have */
    bool midway;        /* the account was at work before the capture began */
};

void registered_account_init(struct registered_account *account, const struct judge *judge);

/* At this address and port, just before t_ns; `live` gets the registration, NULL: none. The 200 and
 * the clock of the phone may differ by the tolerance's floor. */
enum registered registered_at(const struct registered_account *account, const struct server *server,
                              int64_t t_ns, const struct registration **live);

/* The newest live registration of the account at any server; NULL: none. */
const struct registration *registered_anywhere(const struct registered_account *account,
                                               int64_t t_ns);

/* What would decide REGISTERED_BEFORE. */
#define NEEDS_REGISTRATIONS "starts before the phone registers"

#endif
