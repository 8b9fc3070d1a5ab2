/* A host that is seen only in TLS (contract section 6, Encrypted): no request of it can be read,
 * but its connections show where it went, and where it went next. */
#ifndef RULES_ENCRYPTED_H
#define RULES_ENCRYPTED_H

#include "rules/rule.h"

/* What judge held before. */
struct encrypted {
    bool entered;
    const struct account *account;
    const struct server_view *view;
};

/* For an account whose requests are all encrypted: give the judge an account whose requests are its
 * connections, until encrypted_leave. Each ends with a connection that stood; those that failed
 * before it are its failed attempts. Does nothing for other accounts. */
void encrypted_enter(struct judge *judge, struct encrypted *saved);
void encrypted_leave(struct judge *judge, const struct encrypted *saved);

/* Nothing but connections that stood is known of this account: why it went where it went, they do
 * not show, and a fault in their order is not proven. */
bool encrypted_hides(const struct judge *judge);

#endif
