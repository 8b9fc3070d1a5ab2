/* The last step of the message reader: bytes that are taken for a message are read and handed on.
 */
#ifndef PHONE_MESSAGE_DELIVER_H
#define PHONE_MESSAGE_DELIVER_H

#include "net/hep.h"
#include "phone/message.h"

/* What the parts of the message reader share. */
struct message_target {
    const struct message_handler *handler;
    struct net *net;
    struct dns_message dns;    /* where the DNS message at hand is read; too large for the stack */
    ARRAY_OF(uint32_t) frames; /* frame list of the stream message at hand */
    size_t buffered;           /* bytes held by all streams */
    struct hep_room hep_room;  /* for what agents send over TCP */
    size_t inflates;           /* WebSocket directions with compressed messages */
    const struct tls_keylog *keylog; /* NULL: none */
    struct tls_tally tls;
};

/* Tell the handler, if it listens. */
static inline void message_note(const struct message_target *target, enum net_note note,
                                uint32_t frame_no) {
    if (target->handler->note)
        target->handler->note(target->handler->context, note, frame_no, 0);
}

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

/* message_reader.c: is what came as a datagram SIP or DNS? Then it is delivered. message is filled
 * in as for delivery. */
void message_recognise(struct message_target *target, struct message *message);

/* The transport of a SIP message that a capture agent reports (HEP).
 *
 * Agents have the IP protocol, and what runs inside TCP they cannot say or say as they like:
 * Kamailio 22 for TLS and WebSocket, Sofia-SIP 22 for TLS, TCP for WebSocket, Asterisk UDP for all
 * or TCP for all but UDP. The Via at the top names the transport of just this hop (RFC 3261
 * 18.1.1), for a response too. It is believed where it names one over TCP. */
enum transport message_reported_transport(enum transport said, struct slice bytes);

#endif
