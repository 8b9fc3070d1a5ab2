/* Where an account stood at a point in time: the server in use (contract section 6, failed over),
 * its registrations, and whether the capture shows how it came there. */
#ifndef RULES_STANDING_H
#define RULES_STANDING_H

#include "rules/rule.h"

struct standing;

/* Of the account under judgement; it lives in the judge's arena. */
const struct standing *standing_of(const struct judge *judge);

/* The last one made, for the rules that come after (judge.standing). To be emptied between
 * accounts.
 */
struct standing_cache {
    const struct account *account;
    const struct server_view *view;
    const struct standing *standing;
};

/* The server of the account's last success before t_ns (no restart since); NULL: none was seen. */
const struct server *standing_in_use(const struct standing *standing, int64_t t_ns);

/* Is there a live registration of the account at this server? */
bool standing_registered(const struct standing *standing, const struct server *server,
                         int64_t t_ns);

/* Does this request, or a connection that stood before it was first seen, show that the account was
 * at work before the capture began, so that an earlier failover may be what sent it there? Asked
 * only while no server in use is known. */
bool standing_midway(const struct standing *standing, const struct request *request,
                     const struct server_list *list);

/* A new request that goes where the account's state puts it: the server in use, or one where it is
 * registered. failback.mode `new-requests` lets no state stand. */
bool standing_allows(const struct standing *standing, const struct server_list *list,
                     const struct server *server, int64_t t_ns);

#endif
