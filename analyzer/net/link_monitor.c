/* What capturing hosts put before the 802.11 frames that they overhear.
 *
 *   radiotap  | 0 | pad | length | present, 4 bytes … | fields in the order of their bits …
 *             (little-endian; www.radiotap.org)
 *   PPI       | 0 | flags | length | DLT value, 4 bytes | fields: type, length, value …
 *             (little-endian; LINKTYPE_PPI)
 *   Prism     | message code, 4 bytes | length, 4 bytes | …     (in the host's byte order)
 *   AVS       | 80 21 1x xx | length, 4 bytes | …
 */
#include "net/inner.h"

enum {
    FCS_LEN = 4,
    PRESENT_TSFT = 1 << 0,
    PRESENT_FLAGS = 1 << 1,
    RADIOTAP_FCS = 0x10,
    RADIOTAP_PADDED = 0x20,
    RADIOTAP_DAMAGED = 0x40,
    PPI_COMMON = 2, /* 802.11-Common: TSF timer, flags … */
    PPI_COMMON_FCS = 0x01,
    PPI_COMMON_DAMAGED = 0x04,
};

#define PRESENT_MORE UINT32_C(0x80000000)

/* The flags field: in the first namespace, behind the timer. */
static uint8_t radiotap_flags(struct slice header) {
    struct slice in = header;
    uint32_t present = 0, first;
    uint8_t flags = 0;

    slice_skip(&in, 4);
    if (!slice_take_u32le(&in, &first) || !(first & PRESENT_FLAGS))
        return 0;
    for (present = first; present & PRESENT_MORE;)
        if (!slice_take_u32le(&in, &present))
            return 0;
    if (first & PRESENT_TSFT) { /* eight bytes, at a multiple of eight */
        size_t at = header.len - in.len;
        slice_skip(&in, (8 - at % 8) % 8 + 8);
    }
    slice_take_u8(&in, &flags);
    return flags;
}

bool link_open_radiotap(struct link_packet *p) {
    struct slice in = p->bytes, header;
    uint16_t len;

    if (!slice_skip(&in, 2) || !slice_take_u16le(&in, &len) || p->bytes.ptr[0] != 0 ||
        !slice_take(&p->bytes, len, &header))
        return false;
    uint8_t flags = radiotap_flags(header);
    if (flags & RADIOTAP_DAMAGED)
        return false; /* nobody received it as it is here */
    if (flags & RADIOTAP_FCS)
        link_drop_end(p, FCS_LEN);
    p->type = flags & RADIOTAP_PADDED ? LAYER_WLAN_PADDED : LAYER_WLAN;
    return true;
}

bool link_open_ppi(struct link_packet *p) {
    struct slice in = p->bytes, header, field;
    uint16_t len, type, field_len, flags;
    uint32_t dlt;

    if (!slice_skip(&in, 2) || !slice_take_u16le(&in, &len) || !slice_take_u32le(&in, &dlt) ||
        len < 8 || dlt > UINT16_MAX || !slice_take(&p->bytes, len, &header))
        return false;
    p->type = LAYER_LINK(dlt);
    if (p->type != LAYER_WLAN)
        return true;
    slice_skip(&header, 8);
    while (slice_take_u16le(&header, &type) && slice_take_u16le(&header, &field_len) &&
           slice_take(&header, field_len, &field))
        if (type == PPI_COMMON && slice_skip(&field, 8) && slice_take_u16le(&field, &flags)) {
            if (flags & PPI_COMMON_DAMAGED)
                return false;
            if (flags & PPI_COMMON_FCS)
                link_drop_end(p, FCS_LEN);
        }
    return true;
}

/* The length in whichever order it fits. */
bool link_open_prism(struct link_packet *p) {
    struct slice little = p->bytes, big = p->bytes;
    uint32_t code, len;

    if (!slice_take_u32be(&big, &code))
        return false;
    if (code >> 12 == 0x80211) { /* AVS, written under Prism's number */
        p->type = LAYER_AVS;
        return true;
    }
    slice_skip(&little, 4);
    if (!slice_take_u32le(&little, &len))
        return false;
    if (len > UINT16_MAX)
        slice_take_u32be(&big, &len);
    return link_skip(p, len, LAYER_WLAN);
}

bool link_open_avs(struct link_packet *p) {
    struct slice in = p->bytes;
    uint32_t len;

    return slice_skip(&in, 4) && slice_take_u32be(&in, &len) && len >= 8 &&
           link_skip(p, len, LAYER_WLAN);
}
