/* HEP packets: whatever the bytes, reading ends, and what is told lies in the packet or, unpacked,
 * in the room for it, and is no longer than it says. */
#include <stdlib.h>

#include "net/hep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t frame = 1;
    struct hep_room room = {0};
    struct hep_packet packet;
    struct datagram datagram = {
        .frames = &frame, .frame_count = 1, .bytes = slice_of(data, size), .full_len = size};
    unsigned sum = 0;

    if (!hep_recognise(datagram.bytes))
        return 0;
    if (hep_unwrap(&room, &datagram, &packet) == HEP_OK) {
        struct slice bytes = datagram.bytes;
        const uint8_t *from = packet.compressed ? room.bytes : data;
        if (!datagram.reported || bytes.len > datagram.full_len)
            abort();
        if (bytes.len &&
            (bytes.ptr < from || (!packet.compressed && bytes.ptr + bytes.len > data + size)))
            abort();
        for (size_t i = 0; i < bytes.len; i++)
            sum += bytes.ptr[i];
        hep_is_wanted(&packet, &datagram);
    } else if (datagram.reported || datagram.bytes.len != size) {
        abort();
    }
    free(room.bytes);
    return sum == 1 ? -1 : 0;
}
