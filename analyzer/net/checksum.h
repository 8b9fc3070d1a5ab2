/* Checksums (RFC 1071): of the IPv4 header, and of UDP, TCP, ICMP and ICMPv6 with the pseudo header
 * of RFC 768, RFC 9293 3.1 and RFC 8200 8.1.
 *
 * A packet whose checksum is wrong is dropped by whoever it is for: nobody received it. Two kinds
 * only look so. The capturing host hands its packets to a network card that fills the checksum in
 * (offloading), and the capture has them as they were before: with the sum of the pseudo header
 * alone, with nothing, or with leftovers. And a capture that was edited (names or addresses made
 * unknowable) has the old sums. So a host's packets to another are believed only as long as right
 * checksums outweigh wrong ones among them.
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "net/inner.h"

enum checksum {
    CHECKSUM_UNKNOWN, /* not all of it was captured, or there is none */
    CHECKSUM_RIGHT,
    CHECKSUM_OFFLOADED, /* left to the network card */
    CHECKSUM_WRONG,
};

enum checksum_kind { CHECKSUM_IPV4, CHECKSUM_UDP, CHECKSUM_TCP, CHECKSUM_ICMP, CHECKSUM_KINDS };

/* The sum of the bytes, of at most a packet: as words of 16 bits in the machine's order, with zeros
 * behind the last, it is right modulo 2^16 - 1. Beyond that it tells bytes that differ apart. */
uint64_t checksum_sum(struct slice bytes);

/* An IP header, options included, as captured. IPv6 has none. */
enum checksum checksum_ip(struct slice header);

/* What is carried in IP between the two addresses. sum: of its bytes; numbers: the sum of fields of
 * 16 bits before these bytes, as numbers; len: of all; field: the checksum as it stands in the
 * packet (it is among the bytes or numbers as well). */
enum checksum checksum_transport(const struct packet *packet, uint8_t protocol, uint64_t sum,
                                 uint64_t numbers, size_t len, uint16_t field);

struct checksum_sources *checksum_sources_new(void);
void checksum_sources_free(struct checksum_sources *sources);

/* Was the packet received, as far as its checksums tell? ip: of its IPv4 header; own: of what it
 * carries. If not, the note is given. */
bool checksum_holds(struct net *net, const struct packet *packet, enum checksum ip,
                    enum checksum_kind kind, enum checksum own);

#endif
