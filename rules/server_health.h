/* Known-dead servers (contract section 6): which servers a phone has seen fail since their last
 * answer that was no failure, and which asked to be left alone (503 with Retry-After), at any point
 * in time. */
#ifndef RULES_SERVER_HEALTH_H
#define RULES_SERVER_HEALTH_H

#include "rules/expectations/expectations.h"

struct server_health;

struct server_health *server_health_new(const struct phone *phone,
                                        const struct failover_expectations *failover,
                                        struct arena *arena);

/* What the phone knew of a server just before t_ns. */
bool server_health_dead(const struct server_health *health, const struct server *server,
                        int64_t t_ns);
bool server_health_retry_after(const struct server_health *health, const struct server *server,
                               int64_t t_ns);

#endif
