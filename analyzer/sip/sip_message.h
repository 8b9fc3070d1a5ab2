/* The full parse of a SIP message by libosip2: structure where the quick scan has only places. Slow
 * (some µs, many allocations): for `show --messages` and for what is seen for the first time.
 */
#ifndef SIP_SIP_MESSAGE_H
#define SIP_SIP_MESSAGE_H

#include "sip/sip_head.h"

/* To be called once in a process, before the first sip_full_parse: libosip2 fills in its own tables
 * of header names. false: out of memory. */
bool sip_library_init(void);

/* What the contract's `show --messages` prints. Strings are owned by it and NULL where the message
 * does not say; URIs stand as on the wire, without angle brackets. */
struct sip_full {
    char *method;    /* requests */
    unsigned status; /* responses; 0: a request */
    char *uri;       /* requests */
    char *call_id;
    bool has_cseq;
    uint32_t cseq;
    char *cseq_method;
    char *branch; /* of the top Via */
    char *from_uri, *from_tag, *to_uri, *to_tag;
    char **contacts; /* URIs, of all Contact headers; "*" stands for itself */
    size_t contact_count;
    bool has_expires; /* the Expires header, else the first Contact parameter that is a number */
    uint32_t expires;
    char *user_agent; /* User-Agent, else Server of a response */
};

/* Parse one whole message (head and body).
 *
 * false: libosip2 does not take it: cut inside its head, a header that must be there is missing, a
 * value that its grammar refuses; or it would read less than is there (bytes of value 0, a CR
 * without LF). *full is empty then, and what sip_head_scan finds is all there is to say;
 * sip_full_of_head says it in the same form. */
bool sip_full_parse(struct slice bytes, struct sip_full *full);

/* The same from the quick scan of the same bytes, for messages that libosip2 refuses. */
void sip_full_of_head(struct slice bytes, const struct sip_head *head, struct sip_full *full);

void sip_full_fini(struct sip_full *full);

#endif
