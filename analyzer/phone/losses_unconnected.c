/* Requests over a connection of which the capture has nothing: a capture agent reported them (HEP
 * carries messages alone), or they came over SCTP, whose associations are not followed. Whether the
 * phone tried in vain to connect elsewhere just before, the capture cannot show. */
#include "phone/tell.h"

void tell_unconnected_losses(const struct telling *telling, struct phone_draft *phone) {
    const struct collection *c = telling->c;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[phone->txs.items[i]];
        if (!transport_is_reliable(tx->transport) || tx->told.conn_id || !tx->sends.count)
            continue;
        const struct seen *first = &c->seen.items[tx->sends.first];
        *ARRAY_PUSH(&phone->losses) = (struct loss_sign){.kind = LOSS_UNCONNECTED,
                                                         .from_ns = first->t_ns - STORY_T1_NS,
                                                         .to_ns = first->t_ns - 1,
                                                         .frame = first->frame};
    }
}
