/* What macOS writes before the packets of all interfaces: a header that names the next one.
 *
 *   | its length | 1: a packet follows | DLT value | interface, process and more … | packet
 *
 * Numbers are little-endian (LINKTYPE_PKTAP). Before it had a number of its own, macOS wrote it
 * under LINKTYPE_USER2.
 */
#include "net/inner.h"

enum { HEADER_MIN = 108, RECORD_PACKET = 1 };

static bool take_header(struct slice frame, uint32_t *len, uint32_t *dlt) {
    struct slice in = frame;
    uint32_t record;

    return slice_take_u32le(&in, len) && slice_take_u32le(&in, &record) &&
           slice_take_u32le(&in, dlt) && *len >= HEADER_MIN && *len <= frame.len &&
           record == RECORD_PACKET && *dlt <= UINT16_MAX;
}

bool link_fits_pktap(struct slice frame) {
    uint32_t len, dlt;

    return take_header(frame, &len, &dlt) && link_find(LAYER_LINK(dlt));
}

bool link_open_pktap(struct link_packet *p) {
    uint32_t len, dlt;

    return take_header(p->bytes, &len, &dlt) && link_skip(p, len, LAYER_LINK(dlt));
}
