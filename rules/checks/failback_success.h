/* What moves the state of an account: the successes of its new requests. */
#ifndef RULES_CHECKS_FAILBACK_SUCCESS_H
#define RULES_CHECKS_FAILBACK_SUCCESS_H

#include "rules/rule.h"

/* Where and when a request succeeded. */
struct failback_success {
    const struct attempt *attempt; /* NULL: nowhere */
    int64_t first_ns, t_ns;        /* the first answer that shows it; the final one */
    uint32_t frame;
};

/* New requests of the phone's own purpose: not a ping, not a flow beside the first (RFC 5626), not
 * what follows a redirection, and with two configured servers no REGISTER, which is the business of
 * fallback.registration. */
bool failback_counts(const struct judge *judge, const struct request *request);

/* The success of a request at the server of its last attempt: a 2xx; for INVITE any answer above
 * 100, and for others than REGISTER any final one (a callee who is busy was reached all the same).
 * Not one that asks for credentials, or calls for a failover. */
struct failback_success failback_success_of(const struct judge *judge,
                                            const struct request *request);

#endif
