/* The last step of the message reader: bytes that are taken for a message are read and handed on.
 */
#ifndef PHONE_MESSAGE_DELIVER_H
#define PHONE_MESSAGE_DELIVER_H

#include "phone/message.h"

/* What the parts of the message reader share. */
struct message_target {
    const struct message_handler *handler;
    struct dns_message dns;    /* where the DNS message at hand is read; too large for the stack */
    ARRAY_OF(uint32_t) frames; /* frame list of the stream message at hand */
    size_t buffered;           /* bytes held by all streams */
};

/* Read message->bytes as SIP or DNS, fill in what message->kind asks for and the notes that follow
 * from the content, call the handler. message is filled in but for kind, sip and dns.
 *
 * sure: the place is known to begin a message (a datagram, or a stream that was in step); where it
 * is not, a start line alone is not enough: the body of a NOTIFY may hold one (RFC 3420).
 *
 * head: the message's head, where it was scanned before; NULL: it is scanned here.
 *
 * Return whether it was a message. */
bool message_deliver_sip(struct message_target *target, struct message *message, bool sure,
                         const struct sip_head *head);
bool message_deliver_dns(struct message_target *target, struct message *message);

#endif
