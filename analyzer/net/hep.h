/* HEP, the HOMER Encapsulation Protocol: what a capture agent beside a server saw, sent to a
 * collector, each packet with the addresses, the transport and the time that it had there.
 *
 * Source: HEP3 Network Protocol Specification, rev. 37 (2025-06-25), by R. Haenel and A. Dubovikov;
 * versions 1 and 2, older than any specification, as Kamailio's siptrace and sipcapture have them.
 */
#ifndef NET_HEP_H
#define NET_HEP_H

#include "net/net.h"

enum {
    HEP_HEADER_LEN = 6, /* identifier and length */
    HEP_TYPE_SIP = 1,   /* "capture protocol type" */
    HEP_TYPE_DNS = 53,  /* said to be JSON */
};

struct hep_packet {
    struct endpoint src, dst;
    /* Of the protocol ID: UDP (17), TCP (6), SCTP (132), and TLS (22), as Kamailio and Sofia-SIP
     * say for want of a number. What runs inside TCP no agent says, and some say UDP whatever it
     * was: the Via of the message knows better. */
    enum transport transport;
    bool has_time; /* both parts are there and make sense */
    int64_t t_ns;
    uint8_t type;
    bool compressed;      /* the payload is: hep_inflate */
    struct slice payload; /* as far as it is there; empty: a keep-alive */
    size_t full_len;      /* as the packet says */
};

enum hep_result {
    HEP_OK,
    HEP_SHORT, /* ends before its payload, or before the addresses are known */
    HEP_BAD,   /* contradicts itself, or lacks an address */
};

/* Does a datagram begin as HEP? Version 3 by its identifier, the older ones, which have none, by a
 * header that makes sense before a payload that may be SIP. */
static inline bool hep_is_v3(struct slice in) {
    return in.len >= HEP_HEADER_LEN && (in.ptr[0] == 'H' || in.ptr[0] == 'E') &&
           memcmp(in.ptr + 1, "EP3", 3) == 0;
}
bool hep_is_v1_or_2(struct slice in);

static inline bool hep_recognise(struct slice in) {
    if (!in.len || in.ptr[0] > 'H' ||
        (in.ptr[0] != 'H' && in.ptr[0] != 'E' && in.ptr[0] != 1 && in.ptr[0] != 2))
        return false; /* nearly all that passes is RTP */
    return hep_is_v3(in) || hep_is_v1_or_2(in);
}

/* Read a packet that was recognised. out->payload points into in. */
enum hep_result hep_parse(struct slice in, struct hep_packet *out);

/* Where compressed payloads are unpacked. Zero-initialised is valid; its owner frees bytes. */
struct hep_room {
    uint8_t *bytes;
};

/* Make of the datagram that carries a HEP packet, or of a packet out of a stream, the datagram that
 * the agent saw: addresses, transport, time and payload are those that it reports, MAC addresses
 * and the IP identification are not known, frames stay those that brought it.
 *
 * room      kept by the caller; the payload may point into it until the next call
 * datagram  rewritten on HEP_OK only; its bytes are empty where the agent only says that it lives
 * packet    what the packet itself says
 */
enum hep_result hep_unwrap(struct hep_room *room, struct datagram *datagram,
                           struct hep_packet *packet);

/* Is it of a kind that the analyzer reads: SIP, and DNS unless turned into JSON? */
bool hep_is_wanted(const struct hep_packet *packet, const struct datagram *datagram);

#endif
