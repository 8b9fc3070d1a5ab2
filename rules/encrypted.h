/* TLS whose content could not be read (contract section 6, Encrypted).
 *
 * Of a host that is seen only in such TLS no request can be read, but its connections show where it
 * went, and where it went next. Where some of a phone's TLS was read, the rest may hide what would
 * excuse a fault.
 */
#ifndef RULES_ENCRYPTED_H
#define RULES_ENCRYPTED_H

#include "rules/rule.h"

/* What would decide what is hidden. */
#define NEEDS_SECRETS "is read with the TLS secrets of the phone (--keylog)"
/* The same where some are given. */
#define NEEDS_OTHER_SECRETS                                                                        \
    "is read with the secrets of these TLS connections: those given do not open them (--keylog)"

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

/* Of such an account: may what a fault of t_ns rests on be otherwise in what could not be read? A
 * server that was passed over may have refused in a connection that stood before; where nothing but
 * connections that stood is known, why it went where it went does not show at all. `passed`: that
 * server; NULL: whichever. */
bool encrypted_hides(const struct judge *judge, const struct ip_addr *passed, int64_t t_ns);

/* An account of which some TLS was read: the connections to its servers of which none was, as signs
 * that the capture does not show all. For judge_loss. */
struct hidden_signs {
    const struct loss_sign *signs;
    size_t count;
    bool told; /* the sign that judge_loss gave last was one of these */
};
void hidden_signs_init(struct hidden_signs *hidden, const struct judge *judge);
const struct loss_sign *hidden_signs_find(const struct hidden_signs *hidden, int64_t from_ns,
                                          int64_t to_ns, const struct ip_addr *server);

#endif
