/* The pcap writer and the headers below DNS, SIP and RTP (RFC 894, 791, 768, 9293, 826).
 *
 *   | 14 Ethernet | 20 IPv4 | 8 UDP or 20 TCP | payload |
 */
#include "wire.h"

#include <string.h>

enum { ETHERNET = 14, IPV4 = 20, UDP = 8, TCP = 20, FILE_BUFFER = 1 << 20 };

#define FIRST_S UINT32_C(1767225600) /* 2026-01-01 00:00:00 UTC */

static void put_u16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value) {
    put_u16(at, value >> 16);
    put_u16(at + 2, value & 0xffff);
}

bool wire_open(struct wire *wire, const char *path) {
    /* In the byte order of this machine, as capture programs write it. */
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, snap_len, link_type;
    } header = {0xa1b2c3d4, 2, 4, 0, 0, 262144, 1};

    *wire = (struct wire){.file = fopen(path, "wb")};
    if (!wire->file)
        return false;
    setvbuf(wire->file, NULL, _IOFBF, FILE_BUFFER);
    wire->bytes = sizeof header;
    wire->failed = fwrite(&header, sizeof header, 1, wire->file) != 1;
    return true;
}

bool wire_close(struct wire *wire) {
    bool closed = fclose(wire->file) == 0;

    return closed && !wire->failed;
}

static void put_record(struct wire *wire, uint64_t t_us, const uint8_t *frame, size_t len) {
    const uint32_t header[4] = {FIRST_S + (uint32_t)(t_us / US_PER_S), (uint32_t)(t_us % US_PER_S),
                                (uint32_t)len, (uint32_t)len};

    if (fwrite(header, sizeof header, 1, wire->file) != 1 || fwrite(frame, len, 1, wire->file) != 1)
        wire->failed = true;
    wire->bytes += sizeof header + len;
    wire->frames++;
}

/* The Internet checksum (RFC 1071), not yet folded. */
static uint32_t sum(const uint8_t *bytes, size_t len, uint32_t start) {
    uint32_t total = start;

    for (size_t i = 0; i + 1 < len; i += 2)
        total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (len & 1)
        total += (uint32_t)bytes[len - 1] << 8;
    return total;
}

static unsigned fold(uint32_t total) {
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

/* What is in 10.255.0.0/16 stands behind the router. */
static void put_mac(uint8_t *at, uint32_t ip) {
    bool far = ip >> 16 == (10 << 8 | 255);

    put_u16(at, 0x0200);
    put_u32(at + 2, far ? UINT32_C(0x0aff0001) : ip);
}

/* Ethernet and IPv4 around what already stands behind them; checksum_at: of the transport header,
 * from its start. */
static void put_ip(struct wire *wire, uint64_t t_us, uint8_t *frame, unsigned protocol,
                   uint32_t from, uint32_t to, size_t len, size_t checksum_at) {
    uint8_t *ip = frame + ETHERNET, *transport = ip + IPV4;

    put_mac(frame, to);
    put_mac(frame + 6, from);
    put_u16(frame + 12, 0x0800);
    memset(ip, 0, IPV4);
    ip[0] = 0x45;
    put_u16(ip + 2, (unsigned)(IPV4 + len));
    put_u16(ip + 4, wire->ip_id++);
    put_u16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = (uint8_t)protocol;
    put_u32(ip + 12, from);
    put_u32(ip + 16, to);
    put_u16(ip + 10, fold(sum(ip, IPV4, 0)));

    uint32_t pseudo = sum(ip + 12, 8, protocol + (uint32_t)len);
    unsigned checksum = fold(sum(transport, len, pseudo));
    put_u16(transport + checksum_at, checksum ? checksum : 0xffff);
    put_record(wire, t_us, frame, ETHERNET + IPV4 + len);
}

void wire_udp(struct wire *wire, uint64_t t_us, struct place from, struct place to,
              const void *payload, size_t len) {
    uint8_t frame[ETHERNET + IPV4 + UDP + WIRE_MSS];
    uint8_t *udp = frame + ETHERNET + IPV4;

    put_u16(udp, from.port);
    put_u16(udp + 2, to.port);
    put_u16(udp + 4, (unsigned)(UDP + len));
    put_u16(udp + 6, 0);
    memcpy(udp + UDP, payload, len);
    put_ip(wire, t_us, frame, 17, from.ip, to.ip, UDP + len, 6);
}

void wire_tcp(struct wire *wire, uint64_t t_us, struct place from, struct place to, uint32_t seq,
              uint32_t ack, unsigned flags, const void *payload, size_t len) {
    uint8_t frame[ETHERNET + IPV4 + TCP + WIRE_MSS];
    uint8_t *tcp = frame + ETHERNET + IPV4;

    put_u16(tcp, from.port);
    put_u16(tcp + 2, to.port);
    put_u32(tcp + 4, seq);
    put_u32(tcp + 8, ack);
    put_u16(tcp + 12, 0x5000 | flags);
    put_u16(tcp + 14, 64240);
    put_u32(tcp + 16, 0);
    if (len)
        memcpy(tcp + TCP, payload, len);
    put_ip(wire, t_us, frame, 6, from.ip, to.ip, TCP + len, 16);
}

void wire_arp(struct wire *wire, uint64_t t_us, uint32_t asker, uint32_t target) {
    uint8_t frame[60] = {0};

    memset(frame, 0xff, 6);
    put_mac(frame + 6, asker);
    put_u16(frame + 12, 0x0806);
    put_u16(frame + 14, 1);
    put_u16(frame + 16, 0x0800);
    put_u16(frame + 18, 0x0604);
    put_u16(frame + 20, 1);
    put_mac(frame + 22, asker);
    put_u32(frame + 28, asker);
    put_u32(frame + 38, target);
    put_record(wire, t_us, frame, sizeof frame);
}
