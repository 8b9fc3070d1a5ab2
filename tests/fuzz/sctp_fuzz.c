/* SCTP packets, each with flags, a pause and a length in front: no more user data is delivered than
 * was fed, however it is cut up, repeated and put together. */
#include <stdlib.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IPV4_LEN = 20, REPLY = 1, CUT = 2, PROTOCOL = 132 };

struct seen {
    size_t fed, delivered;
};

static void see_datagram(void *context, const struct datagram *datagram) {
    struct seen *seen = context;

    if (!datagram->frame_count || datagram->bytes.len > datagram->full_len ||
        datagram->transport != TRANSPORT_SCTP)
        abort();
    for (size_t i = 1; i < datagram->frame_count; i++)
        if (datagram->frames[i - 1] >= datagram->frames[i])
            abort();
    seen->delivered += datagram->bytes.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen seen = {0};
    const struct net_handler handler = {.context = &seen, .datagram = see_datagram};
    struct net *net = net_new(&handler);
    struct slice in = slice_of(data, size);
    struct frame frame = {.link_type = 101}; /* raw IP */
    uint8_t flags, pause_s;
    uint16_t len;

    while (slice_take_u8(&in, &flags) && slice_take_u8(&in, &pause_s) &&
           slice_take_u16be(&in, &len)) {
        struct slice bytes = slice_between(in, 0, len);
        size_t total = IPV4_LEN + bytes.len;
        slice_skip(&in, bytes.len);
        uint8_t *packet = memory_new(total);
        memset(packet, 0, IPV4_LEN);
        packet[0] = 0x45;
        packet[2] = (uint8_t)(total >> 8);
        packet[3] = (uint8_t)total;
        packet[9] = PROTOCOL;
        packet[flags & REPLY ? 15 : 19] = 1; /* 0.0.0.0 and 0.0.0.1 */
        if (bytes.len)
            memcpy(packet + IPV4_LEN, bytes.ptr, bytes.len);
        frame.no++;
        frame.t_ns += pause_s * INT64_C(1000000000);
        frame.wire_len = (uint32_t)total;
        frame.bytes = slice_of(packet, flags & CUT && bytes.len ? total - 1 : total);
        seen.fed += bytes.len;
        if (total <= 0xffff)
            net_feed(net, &frame);
        free(packet);
    }
    net_end(net);
    net_free(net);
    if (seen.delivered > seen.fed)
        abort();
    return 0;
}
