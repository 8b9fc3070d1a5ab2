/* From records to the ranked list of servers: RFC 3263 4.1 and 4.2, RFC 2782, RFC 3403. */
#ifndef PHONE_RANK_H
#define PHONE_RANK_H

#include "phone/story.h"

/* What one lookup (name, type) brought. */
struct lookup_answer {
    const struct fact_record *const *records; /* of the type asked for */
    size_t count;                             /* 0: an empty or negative answer */
    int64_t got_ns;
};

/* Where answers come from: a phone's lookups, a profile's records, or both. false: not known,
 * nobody asked. The answer's array stays valid until the next call. */
typedef bool rank_lookup(void *context, const char *name, uint16_t type,
                         struct lookup_answer *answer);

enum rank_start { RANK_NAPTR, RANK_SRV, RANK_ADDRESS };

struct rank_order {
    const char *host; /* lower case; a name or a numeric address */
    enum rank_start start;
    bool supported[TRANSPORT_COUNT]; /* NAPTR services of other transports are passed over */
    /* SRV names to ask where NAPTR gives nothing, or with RANK_SRV: these transports in this order.
     */
    enum transport srv_transports[TRANSPORT_COUNT];
    size_t srv_transport_count;
    uint16_t port; /* where no record says it; 0: the default of the transport */
    bool port_known;
    enum transport transport; /* where no record says it */
    bool transport_known;
};

/* Walk the lookups and list the servers, best first.
 *
 * strings   for names that have to be made (SRV names of a host)
 * arena     holds *servers
 * complete  false: some name of the list has not been looked up
 *
 * Returns their number; 0: the walk leads nowhere (not asked, or no service). */
size_t rank_servers(const struct rank_order *order, rank_lookup *lookup, void *context,
                    struct intern *strings, struct arena *arena, struct ranked_server **servers,
                    bool *complete);

/* "sip+d2u" -> UDP, "sip+d2t" -> TCP, "sips+d2t" -> TLS, "sip+d2s" -> SCTP (RFC 3263 4.1),
 * "sip+d2w" -> WebSocket, "sips+d2w" -> the same over TLS (RFC 7118 10.3); false: another service.
 */
bool rank_service_transport(const char *service, enum transport *transport);

/* "_sip._udp.example.com": the name that is asked by SRV for a host (RFC 3263 4.1). */
const char *rank_srv_name(struct intern *strings, enum transport transport, const char *host);

/* The other way round: host and transport of an SRV name; false: it is none of SIP's. */
bool rank_srv_name_parse(const char *name, enum transport *transport, const char **host);

#endif
