/* HEP over a stream: agents send their packets over TCP too, one after the other. */
#ifndef PHONE_MESSAGE_HEP_H
#define PHONE_MESSAGE_HEP_H

#include "phone/message_hold.h"

/* What a stream of HEP packets lacks, on the agent's clock. Zero-initialised: nothing. */
struct hep_stream {
    bool begun;       /* a packet was read, */
    int64_t t_ns;     /* the last by the agent's clock, */
    int64_t ahead_ns; /* which is so much ahead of the capturing host's */
    bool gap;         /* bytes are missing since then, */
    int64_t gap_ns;   /* behind what the capturing host saw at this time */
};

/* Does the front of a stream begin as HEP, or may it, as far as it goes? */
bool message_hep_recognise(struct slice rest);

/* Does a packet begin there, as far as its header and its first chunk tell? */
bool message_hep_begins(struct slice rest);

/* Bytes of a stream that was met in the middle, or after a hole: the offset of the first packet in
 * them, or of a packet's payload chunk with SIP in it; rest.len: nothing in them says HEP. */
size_t message_hep_find(struct slice rest);

/* Bytes are missing behind what was captured at t. Any phone's packets may have been in them: once
 * the agent's time behind the hole is known, the handler is told (HOLE_REPORTED). */
void message_hep_gap(struct hep_stream *stream, int64_t t_ns);

/* Nothing more comes; packet: the last of the stream. */
void message_hep_end(const struct message_target *target, struct hep_stream *stream,
                     const struct packet *packet);

/* Take one packet from the view's bytes from `at` on, and tell the SIP or DNS message in it, as the
 * agent saw it: without connection.
 *
 * stream  what is known of it, kept by the caller
 * packet  of the stream; what the agent does not say is its
 * cut     no more bytes follow: MESSAGE_CUT_BY_…, or 0
 * skip    *out: so many bytes of the packet are still to come and of no use
 *
 * Returns how many bytes are dealt with; 0: wait for more. */
size_t message_hep_take(struct message_target *target, struct hep_stream *stream,
                        struct message_view *view, size_t at, const struct packet *packet,
                        unsigned cut, uint64_t *skip);

#endif
