/* HEP packets taken apart.
 *
 *   version 3   | "HEP3" or "EEP3" | total length | chunk | chunk | …
 *       chunk   | vendor | type | length with these 6 bytes | value |
 *
 *   1 and 2     | version | header length | family | protocol | port, port |
 *               | source, destination: 4 or 16 bytes each |
 *       2 only  | seconds, microseconds, agent, padding: 4 + 4 + 2 + 2, in the agent's byte order |
 *               | payload |
 */
#include "net/hep.h"

#define ZLIB_CONST /* zlib does not write to its input */
#include <zlib.h>

#include "base/instant.h"
#include "net/inner.h"

enum hep_chunk {
    CHUNK_PROTOCOL = 2,
    CHUNK_SRC_IPV4,
    CHUNK_DST_IPV4,
    CHUNK_SRC_IPV6,
    CHUNK_DST_IPV6,
    CHUNK_SRC_PORT,
    CHUNK_DST_PORT,
    CHUNK_SECONDS,
    CHUNK_MICROSECONDS,
    CHUNK_TYPE,
    CHUNK_PAYLOAD = 15,
    CHUNK_PAYLOAD_COMPRESSED = 16,
    CHUNK_COUNT,
};

enum {
    CHUNK_HEADER_LEN = 6,
    OLD_HEADER_LEN = 8,
    OLD_TIME_LEN = 12,
    OLD_IPV4_LEN = OLD_HEADER_LEN + 2 * 4,
    OLD_IPV6_LEN = OLD_HEADER_LEN + 2 * 16,
    FAMILY_IPV4 = 2, /* AF_INET, everywhere; AF_INET6 is another number on each system */
    PROTOCOL_ID_TCP = 6,
    PROTOCOL_ID_UDP = 17,
    PROTOCOL_ID_IDP = 22, /* borrowed for TLS */
    PROTOCOL_ID_SCTP = 132,
    ROOM_LEN = 128 * 1024, /* a payload before it was compressed: two datagrams' worth */
};

static enum transport transport_of(uint8_t protocol) {
    switch (protocol) {
    case PROTOCOL_ID_TCP:
        return TRANSPORT_TCP;
    case PROTOCOL_ID_IDP:
        return TRANSPORT_TLS;
    case PROTOCOL_ID_SCTP:
        return TRANSPORT_SCTP;
    default:
        return TRANSPORT_UDP;
    }
}

/* Seconds of 0 are those of an agent that has no clock. */
static void set_time(struct hep_packet *out, uint32_t seconds, uint32_t microseconds) {
    out->has_time = seconds && microseconds < 1000000;
    out->t_ns = (int64_t)seconds * NS_PER_S + (int64_t)microseconds * 1000;
}

static void take_old_addresses(struct slice *in, size_t len, struct hep_packet *out) {
    struct slice src, dst;

    slice_take(in, len, &src);
    slice_take(in, len, &dst);
    out->src.ip = ip_of_bytes(src.ptr, (uint8_t)len);
    out->dst.ip = ip_of_bytes(dst.ptr, (uint8_t)len);
}

/* Length of the fixed part; 0: it is not HEP. The length byte of version 2 counts the time or does
 * not, as the agent likes. */
static size_t old_header_len(struct slice in) {
    if (in.len < OLD_HEADER_LEN || in.ptr[0] < 1 || in.ptr[0] > 2)
        return 0;
    size_t time_len = in.ptr[0] == 2 ? OLD_TIME_LEN : 0, told = in.ptr[1];
    bool ipv4 = in.ptr[2] == FAMILY_IPV4;
    size_t len = ipv4 ? OLD_IPV4_LEN : OLD_IPV6_LEN;

    return told == len || told == len + time_len ? len + time_len : 0;
}

bool hep_is_v1_or_2(struct slice in) {
    size_t len = old_header_len(in);

    if (!len || in.len <= len)
        return false;
    uint8_t first = in.ptr[len] | 0x20; /* a SIP method, or "SIP/2.0" */
    return first >= 'a' && first <= 'z';
}

static enum hep_result parse_old(struct slice in, struct hep_packet *out) {
    size_t len = old_header_len(in);
    bool timed = in.ptr[0] == 2, ipv4 = in.ptr[2] == FAMILY_IPV4;
    uint32_t seconds = 0, microseconds = 0;

    if (in.len < len)
        return HEP_SHORT;
    out->transport = transport_of(in.ptr[3]);
    slice_skip(&in, 4);
    slice_take_u16be(&in, &out->src.port);
    slice_take_u16be(&in, &out->dst.port);
    take_old_addresses(&in, ipv4 ? 4 : 16, out);
    if (timed) {
        slice_take_u32le(&in, &seconds);
        slice_take_u32le(&in, &microseconds);
        slice_skip(&in, 4);
        set_time(out, seconds, microseconds);
    }
    out->type = HEP_TYPE_SIP;
    out->payload = in;
    out->full_len = in.len;
    return HEP_OK;
}

static uint8_t chunk_u8(struct slice value, uint8_t otherwise) {
    return value.len == 1 ? value.ptr[0] : otherwise;
}

static uint16_t chunk_u16(struct slice value) {
    uint16_t v = 0;

    if (value.len == 2)
        slice_take_u16be(&value, &v);
    return v;
}

static uint32_t chunk_u32(struct slice value, uint32_t otherwise) {
    uint32_t v = otherwise;

    if (value.len == 4)
        slice_take_u32be(&value, &v);
    return v;
}

static struct ip_addr chunk_ip(const struct slice values[CHUNK_COUNT], enum hep_chunk v4,
                               enum hep_chunk v6) {
    if (values[v4].len == 4)
        return ip_of_bytes(values[v4].ptr, 4);
    if (values[v6].len == 16)
        return ip_of_bytes(values[v6].ptr, 16);
    return (struct ip_addr){0};
}

static void read_chunks(const struct slice values[CHUNK_COUNT], struct hep_packet *out) {
    out->transport = transport_of(chunk_u8(values[CHUNK_PROTOCOL], PROTOCOL_ID_UDP));
    out->src = (struct endpoint){chunk_ip(values, CHUNK_SRC_IPV4, CHUNK_SRC_IPV6),
                                 chunk_u16(values[CHUNK_SRC_PORT])};
    out->dst = (struct endpoint){chunk_ip(values, CHUNK_DST_IPV4, CHUNK_DST_IPV6),
                                 chunk_u16(values[CHUNK_DST_PORT])};
    set_time(out, chunk_u32(values[CHUNK_SECONDS], 0),
             chunk_u32(values[CHUNK_MICROSECONDS], UINT32_MAX));
    out->type = chunk_u8(values[CHUNK_TYPE], HEP_TYPE_SIP);
    out->compressed = !values[CHUNK_PAYLOAD].len && values[CHUNK_PAYLOAD_COMPRESSED].len;
    out->payload = values[out->compressed ? CHUNK_PAYLOAD_COMPRESSED : CHUNK_PAYLOAD];
}

static enum hep_result parse_v3(struct slice in, struct hep_packet *out) {
    struct slice values[CHUNK_COUNT] = {{0}};
    size_t missing = 0; /* of the payload */
    uint16_t total = 0, vendor, type, len;
    struct slice rest = in;

    slice_skip(&rest, 4);
    slice_take_u16be(&rest, &total);
    if (total < HEP_HEADER_LEN)
        return HEP_BAD;
    bool cut = in.len < total;
    rest = slice_between(in, HEP_HEADER_LEN, total);
    while (rest.len) {
        if (rest.len < CHUNK_HEADER_LEN) {
            if (!cut)
                return HEP_BAD;
            break;
        }
        slice_take_u16be(&rest, &vendor);
        slice_take_u16be(&rest, &type);
        slice_take_u16be(&rest, &len);
        if (len < CHUNK_HEADER_LEN)
            return HEP_BAD;
        len = (uint16_t)(len - CHUNK_HEADER_LEN);
        struct slice value = slice_between(rest, 0, len);
        slice_skip(&rest, value.len);
        if (value.len < len && !cut)
            return HEP_BAD;
        if (vendor || type >= CHUNK_COUNT || values[type].len)
            continue; /* not for us */
        values[type] = value;
        if (type == CHUNK_PAYLOAD || type == CHUNK_PAYLOAD_COMPRESSED)
            missing = len - value.len;
    }
    read_chunks(values, out);
    if (!out->src.ip.len || out->src.ip.len != out->dst.ip.len)
        return cut ? HEP_SHORT : HEP_BAD;
    out->full_len = out->payload.len + missing;
    return !out->payload.len && cut ? HEP_SHORT : HEP_OK;
}

enum hep_result hep_parse(struct slice in, struct hep_packet *out) {
    *out = (struct hep_packet){0};
    return hep_is_v3(in) ? parse_v3(in, out) : parse_old(in, out);
}

/* Unpack zlib (RFC 1950), gzip (RFC 1952) or bare deflate (RFC 1951). Whether it ended as it
 * should, within the room: *complete. */
static struct slice inflate_payload(struct slice packed, uint8_t *room, bool *complete) {
    /* The largest window; with 32 zlib or gzip as it comes, negative: bare deflate. */
    static const int windows[] = {MAX_WBITS + 32, -MAX_WBITS};
    struct slice out = {room, 0};

    *complete = false;
    for (size_t i = 0; i < sizeof windows / sizeof *windows && !out.len; i++) {
        z_stream stream = {.next_in = packed.ptr,
                           .avail_in = (uInt)packed.len,
                           .next_out = room,
                           .avail_out = ROOM_LEN};
        if (inflateInit2(&stream, windows[i]) != Z_OK)
            continue;
        *complete = inflate(&stream, Z_FINISH) == Z_STREAM_END;
        out.len = ROOM_LEN - stream.avail_out;
        inflateEnd(&stream);
    }
    return out;
}

enum hep_result hep_unwrap(struct hep_room *room, struct datagram *datagram,
                           struct hep_packet *packet) {
    enum hep_result result = hep_parse(datagram->bytes, packet);
    struct slice payload = packet->payload;
    size_t full_len = packet->full_len;

    if (result != HEP_OK)
        return result;
    if (!hep_is_v3(datagram->bytes)) /* the older ones end where their datagram does */
        full_len += datagram->full_len - datagram->bytes.len;
    if (packet->compressed) {
        bool cut = payload.len < full_len, complete;
        if (!room->bytes)
            room->bytes = memory_new(ROOM_LEN);
        payload = inflate_payload(payload, room->bytes, &complete);
        if (!complete && !cut)
            return HEP_BAD;
        full_len = payload.len + (complete ? 0 : 1); /* how much more, nobody knows */
    }
    datagram->packet.src = packet->src;
    datagram->packet.dst = packet->dst;
    datagram->packet.mac_src = datagram->packet.mac_dst = (struct mac_addr){0};
    datagram->packet.has_ip_id = false;
    if (packet->has_time)
        datagram->packet.t_ns = packet->t_ns;
    datagram->packet.cut = payload.len < full_len;
    datagram->transport = packet->transport;
    datagram->reported = true;
    datagram->checksum = 0;
    datagram->ip_header = (struct slice){0};
    datagram->bytes = payload;
    datagram->full_len = full_len;
    return HEP_OK;
}

bool hep_is_wanted(const struct hep_packet *packet, const struct datagram *datagram) {
    return datagram->bytes.len && (packet->type == HEP_TYPE_SIP ||
                                   (packet->type == HEP_TYPE_DNS && datagram->bytes.ptr[0] != '{'));
}

void hep_feed(struct net *net, const struct ip_packet *ip, struct datagram *datagram) {
    struct hep_packet packet;
    enum hep_result result = hep_unwrap(&net->hep_room, datagram, &packet);

    if (result == HEP_BAD || (result == HEP_SHORT && !ip->packet.cut))
        net_malformed(net, ip, ip->bytes.ptr);
    if (result != HEP_OK)
        return;
    if (packet.has_time && net->handler.reported)
        net->handler.reported(net->handler.context, datagram->packet.t_ns);
    if (hep_is_wanted(&packet, datagram) && net->handler.datagram)
        net->handler.datagram(net->handler.context, datagram);
}
