/* What rules/rule.h leaves out of the server lists: building them for many accounts of a phone. */
#ifndef RULES_SERVER_VIEW_H
#define RULES_SERVER_VIEW_H

#include "rules/record_index.h"
#include "rules/rule.h"

/* server_view_build with an index of the phone's records that is made once for all its accounts. */
void server_view_build_with(struct server_view *view, struct record_index *records,
                            const struct account *account, const struct expectations *expect,
                            struct arena *arena);

/* Does the account go to the servers or proxies that the expectations name (view.matched)? */
bool server_view_fits(struct record_index *records, const struct account *account,
                      const struct expectations *expect, struct arena *arena);

#endif
