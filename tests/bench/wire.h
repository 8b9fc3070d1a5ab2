/* Frames of made-up traffic, written to a classic pcap file: Ethernet, IPv4, UDP and TCP with right
 * checksums. Hosts have addresses, ports and nothing else; their MAC follows from the address.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define US_PER_S ((uint64_t)1000000)
#define WIRE_MSS 1460

struct place {
    uint32_t ip; /* host order */
    uint16_t port;
};

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

struct wire {
    FILE *file;
    uint64_t bytes, frames;
    uint16_t ip_id;
    bool failed; /* a write did not succeed */
};

/* Both return false, with errno set, where the file cannot be written. */
bool wire_open(struct wire *wire, const char *path);
bool wire_close(struct wire *wire);

/* t_us: microseconds since the first moment of the capture; not less than that of the frame
 * before. len: at most WIRE_MSS. */
void wire_udp(struct wire *wire, uint64_t t_us, struct place from, struct place to,
              const void *payload, size_t len);
void wire_tcp(struct wire *wire, uint64_t t_us, struct place from, struct place to, uint32_t seq,
              uint32_t ack, unsigned flags, const void *payload, size_t len);
/* Who has `target`? */
void wire_arp(struct wire *wire, uint64_t t_us, uint32_t asker, uint32_t target);

#endif
