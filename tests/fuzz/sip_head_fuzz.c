/* The quick scan and the full parse: what is found lies inside the message, and a message with a
 * head that is whole is the same to the scan whatever follows it. */
#include <stdlib.h>

#include "sip/sip_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice part, struct slice whole) {
    if (part.len && (part.ptr < whole.ptr || part.len > whole.len - (size_t)(part.ptr - whole.ptr)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_of(data, size);
    struct sip_head head, again;
    struct sip_full full;
    struct sip_uri uri;

    if (sip_recognise(bytes, true) != sip_head_scan(bytes, &head))
        abort();
    if (!sip_recognise(bytes, true))
        return 0;
    const struct slice parts[] = {head.method_text,    head.uri,           head.reason,
                                  head.call_id,        head.cseq_method,   head.via,
                                  head.via_host,       head.via_transport, head.branch,
                                  head.from.value,     head.from.uri,      head.from.tag,
                                  head.to.value,       head.to.uri,        head.to.tag,
                                  head.contact,        head.contact_uri,   head.user_agent,
                                  head.route_uri,      head.event,         head.auth_nonce,
                                  head.challenge_nonce};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        check_inside(parts[i], bytes);
        sip_uri_parse(parts[i], &uri);
    }
    if (head.head_len > size)
        abort();
    if (head.head_len &&
        (!sip_head_scan(slice_of(data, head.head_len), &again) || again.head_len != head.head_len ||
         !slice_eq(again.call_id, head.call_id) || again.via_count != head.via_count ||
         again.malformed != head.malformed))
        abort();

    static bool ready;
    if (!ready)
        ready = sip_library_init();
    if (!sip_full_parse(bytes, &full))
        sip_full_of_head(bytes, &head, &full);
    sip_full_fini(&full);
    return 0;
}
