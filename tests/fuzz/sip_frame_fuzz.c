/* A stream: each step but PARTIAL takes at least one byte and no more than there are; what comes
 * out as a message begins as one. */
#include <stdlib.h>

#include "sip/sip_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice stream = slice_of(data, size);
    struct sip_head head;
    size_t len;

    while (stream.len) {
        enum sip_frame_status status = sip_frame(stream, &head, &len);
        if (status == SIP_FRAME_PARTIAL)
            return 0;
        if (len == 0 || len > stream.len)
            abort();
        if (status == SIP_FRAME_OK && !sip_recognise(slice_of(stream.ptr, len), true))
            abort();
        slice_skip(&stream, len);
    }
    return 0;
}
