/* Packets made by hand, from the inside out: each function wraps what it is given in one more
 * header. */
#ifndef SUPPORT_PACKETS_H
#define SUPPORT_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "net/net.h"

struct bytes {
    size_t len;
    uint8_t data[4096];
};

static inline void put(struct bytes *to, const void *bytes, size_t len) {
    memcpy(to->data + to->len, bytes, len);
    to->len += len;
}

static inline void put_u8(struct bytes *to, unsigned v) {
    uint8_t b = (uint8_t)v;
    put(to, &b, 1);
}

static inline void put_u16(struct bytes *to, unsigned v) {
    put_u8(to, v >> 8);
    put_u8(to, v);
}

static inline void put_u32(struct bytes *to, uint32_t v) {
    put_u16(to, v >> 16);
    put_u16(to, v);
}

static inline void put_u32le(struct bytes *to, uint32_t v) {
    for (int i = 0; i < 4; i++)
        put_u8(to, v >> (8 * i));
}

static inline void put_bytes(struct bytes *to, struct bytes from) {
    put(to, from.data, from.len);
}

static inline struct bytes text_bytes(const char *text) {
    struct bytes b = {0};
    put(&b, text, strlen(text));
    return b;
}

static inline struct ip_addr ip(const char *text) {
    struct ip_addr addr = {0};
    if (!ip_parse(slice_of_text(text), &addr))
        abort();
    return addr;
}

static inline void put_ip(struct bytes *to, const char *text) {
    struct ip_addr addr = ip(text);
    put(to, addr.bytes, addr.len);
}

static inline struct bytes ether(unsigned type, struct bytes inside) {
    struct bytes b = {0};
    put(&b, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
    put_u16(&b, type);
    put_bytes(&b, inside);
    return b;
}

enum { MORE = 0x2000 };

/* bits: flags and offset in 8 bytes. */
static inline struct bytes ipv4_fragment(const char *src, const char *dst, unsigned protocol,
                                         unsigned id, unsigned bits, struct bytes inside) {
    struct bytes b = {0};
    put_u16(&b, 0x4500);
    put_u16(&b, (unsigned)(20 + inside.len));
    put_u16(&b, id);
    put_u16(&b, bits);
    put_u16(&b, 0x4000 | protocol);
    put_u16(&b, 0);
    put_ip(&b, src);
    put_ip(&b, dst);
    put_bytes(&b, inside);
    return b;
}

static inline struct bytes ipv4(const char *src, const char *dst, unsigned protocol,
                                struct bytes inside) {
    return ipv4_fragment(src, dst, protocol, 0, 0, inside);
}

static inline struct bytes ipv6(const char *src, const char *dst, unsigned next,
                                struct bytes inside) {
    struct bytes b = {0};
    put_u32(&b, 0x60000000);
    put_u16(&b, (unsigned)inside.len);
    put_u8(&b, next);
    put_u8(&b, 64);
    put_ip(&b, src);
    put_ip(&b, dst);
    put_bytes(&b, inside);
    return b;
}

static inline struct bytes udp(unsigned src, unsigned dst, struct bytes inside) {
    struct bytes b = {0};
    put_u16(&b, src);
    put_u16(&b, dst);
    put_u16(&b, (unsigned)(8 + inside.len));
    put_u16(&b, 0);
    put_bytes(&b, inside);
    return b;
}

static inline struct bytes slice_bytes(struct bytes all, size_t from, size_t to) {
    struct bytes b = {0};
    put(&b, all.data + from, to - from);
    return b;
}

/* Feed a frame from memory of exactly its size. */
static inline void feed(struct net *net, uint32_t no, double t_s, int link_type,
                        const struct bytes *b, size_t captured) {
    uint8_t *exact = malloc(captured ? captured : 1);
    struct frame frame = {
        .no = no,
        .t_ns = (int64_t)(t_s * 1e9),
        .link_type = link_type,
        .wire_len = (uint32_t)b->len,
        .bytes = {exact, captured},
    };
    memcpy(exact, b->data, captured);
    net_feed(net, &frame);
    free(exact);
}

#endif
