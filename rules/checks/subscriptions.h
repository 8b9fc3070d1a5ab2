/* The subscriptions of an account as time goes by (RFC 6665 4.1.2): which of them are up.
 *
 * A subscription is what the phone asked of one target and event package: renewed in its dialog or
 * in a new one it stays the same. It is up from the 2xx until the granted time is over, the phone
 * or the notifier ends it, a renewal is refused for good, or the phone restarts.
 */
#ifndef RULES_CHECKS_SUBSCRIPTIONS_H
#define RULES_CHECKS_SUBSCRIPTIONS_H

#include "rules/rule.h"

enum { SUBSCRIPTIONS_MAX = 512 }; /* of one account at a time; more are not followed */

/* What was subscribed to. */
struct topic {
    const char *target;   /* URI */
    struct slice user;    /* of the target; empty: none */
    struct slice package; /* the event, without parameters */
};

struct topic topic_of(const struct request *subscribe);
bool topic_same_package(const struct topic *a, const struct topic *b);
bool topic_same_target(const struct topic *a, const struct topic *b);

struct subscription {
    struct topic topic;
    const char *call_id;
    struct server server;
    int64_t since_ns, until_ns;
    uint32_t frame; /* of its 2xx */
    bool unsure;    /* its 2xx was not seen, but the phone did not repeat the SUBSCRIBE either */
};

struct subscriptions {
    const struct judge *judge;
    struct subscription up[SUBSCRIPTIONS_MAX];
    size_t up_count;
    struct subscription_change *changes; /* in order of time; the next one to take in */
    size_t change_count, change_next;
    int64_t seen_ns;
};

/* NULL: the account subscribes to nothing. In the judge's arena. */
struct subscriptions *subscriptions_new(const struct judge *judge);

/* Take in everything up to t_ns, which may not go back. true: the phone restarted since the last
 * time. */
bool subscriptions_go_on(struct subscriptions *subscriptions, int64_t t_ns);

/* Does a SUBSCRIBE end its subscription (Expires 0)? */
bool subscription_is_ended_by(const struct attempt *attempt);

#endif
