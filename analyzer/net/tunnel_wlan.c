/* What access points send on: frames that they overhear (TZSP), and those of their stations
 * (CAPWAP).
 *
 *   TZSP    | 1 | type | encapsulated protocol, 2 bytes | tag, length, value … | tag 1: the frame
 *   CAPWAP  | preamble | length in 4 bytes, radio, binding, flags | fragment | … | frame   RFC
 * 5415 4.3
 */
#include "net/inner.h"

enum {
    TZSP_VERSION = 1,
    TZSP_TRANSMIT = 1,
    TAG_PADDING = 0,
    TAG_END = 1,
    CAPWAP_CLEAR = 0, /* preamble: version 0, not encrypted */
    CAPWAP_HEADER_MIN = 8,
};

/* Of the header's second to fourth byte, HLEN first. */
enum {
    CAPWAP_WORDS_SHIFT = 19,
    CAPWAP_BINDING_SHIFT = 9,
    CAPWAP_BINDING = 0x1f,
    CAPWAP_BINDING_WLAN = 1,
    CAPWAP_NATIVE = 0x000100, /* T: as in the binding, not 802.3 */
    CAPWAP_FRAGMENT = 0x000080,
    CAPWAP_KEEP_ALIVE = 0x000008,
};

bool tunnel_open_tzsp(struct link_packet *p) {
    static const struct {
        uint16_t protocol;
        uint32_t type;
    } protocols[] = {
        {1, LAYER_ETHERNET},
        {18, LAYER_WLAN},
        {119, LAYER_LINK(119)},
        {127, LAYER_AVS},
    };
    uint8_t version, type, tag = TAG_PADDING, len;
    uint16_t protocol;

    if (!slice_take_u8(&p->bytes, &version) || version != TZSP_VERSION ||
        !slice_take_u8(&p->bytes, &type) || type > TZSP_TRANSMIT ||
        !slice_take_u16be(&p->bytes, &protocol))
        return false;
    while (tag != TAG_END)
        if (!slice_take_u8(&p->bytes, &tag) ||
            (tag > TAG_END && (!slice_take_u8(&p->bytes, &len) || !slice_skip(&p->bytes, len))))
            return false;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].protocol == protocol) {
            p->type = protocols[i].type;
            return true;
        }
    return false;
}

/* Fragments of CAPWAP's own are passed over. */
bool tunnel_open_capwap(struct link_packet *p) {
    struct slice in = p->bytes;
    uint8_t preamble, high;
    uint16_t low;

    if (!slice_take_u8(&in, &preamble) || preamble != CAPWAP_CLEAR || !slice_take_u8(&in, &high) ||
        !slice_take_u16be(&in, &low))
        return false;
    uint32_t bits = (uint32_t)high << 16 | low;
    size_t len = (bits >> CAPWAP_WORDS_SHIFT) * 4u;
    if (len < CAPWAP_HEADER_MIN || bits & (CAPWAP_FRAGMENT | CAPWAP_KEEP_ALIVE))
        return false;
    bool wlan = (bits >> CAPWAP_BINDING_SHIFT & CAPWAP_BINDING) == CAPWAP_BINDING_WLAN;
    if (bits & CAPWAP_NATIVE && !wlan)
        return false;
    return link_skip(p, len, bits & CAPWAP_NATIVE ? LAYER_WLAN_SWAPPED : LAYER_ETHERNET);
}
