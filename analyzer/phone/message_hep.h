/* HEP over a stream: agents send their packets over TCP too, one after the other. */
#ifndef PHONE_MESSAGE_HEP_H
#define PHONE_MESSAGE_HEP_H

#include "phone/message_hold.h"

/* Does the front of a stream begin as HEP, or may it, as far as it goes? */
bool message_hep_recognise(struct slice rest);

/* Take one packet from the view's bytes from `at` on, and tell the SIP or DNS message in it, as the
 * agent saw it: without connection.
 *
 * packet  of the stream; what the agent does not say is its
 * cut     no more bytes follow: MESSAGE_CUT_BY_…, or 0
 * skip    *out: so many bytes of the packet are still to come and of no use
 *
 * Returns how many bytes are dealt with; 0: wait for more. */
size_t message_hep_take(struct message_target *target, struct message_view *view, size_t at,
                        const struct packet *packet, unsigned cut, uint64_t *skip);

#endif
