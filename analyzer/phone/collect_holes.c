/* Packets that the capture lacks (net: holes in a host's IPv4 identifications, fragments that are
 * missing) become signs of loss. What is lost from a call's media can be much: holes close to each
 * other are one sign. */
#include "phone/collect.h"

#define ONE_SIGN_NS ((int64_t)1000000000)

enum { LOOK_BACK = 8, HOLES_MAX = 1 << 14 };

static const enum loss_kind kinds[] = {
    [HOLE_COUNTED] = LOSS_HOLE,
    [HOLE_DAMAGED] = LOSS_DAMAGED,
    [HOLE_FRAGMENTS] = LOSS_FRAGMENTS,
    [HOLE_REPORTED] = LOSS_TCP_GAP,
};

void collect_hole(void *context, const struct packet_hole *hole) {
    struct collection *c = context;
    enum loss_kind kind = kinds[hole->kind];
    /* A fragment was sent at the time when another was captured; another packet was not. */
    int64_t from_ns = hole->kind == HOLE_FRAGMENTS ? hole->from_ns : hole->from_ns + 1;
    size_t end = c->losses.n;

    for (size_t i = end; i-- > 0 && end - i <= LOOK_BACK;) {
        struct seen_loss *loss = &c->losses.items[i];
        if (loss->sign.kind == kind && ip_eq(&loss->host, &hole->host) &&
            ip_eq(&loss->peer, &hole->peer) && hole->from_ns - loss->sign.to_ns < ONE_SIGN_NS &&
            hole->to_ns >= loss->sign.from_ns) {
            if (loss->sign.to_ns < hole->to_ns)
                loss->sign.to_ns = hole->to_ns;
            loss->missing += hole->missing;
            return;
        }
    }
    if (c->hole_count == HOLES_MAX) {
        c->limit_records++;
        return;
    }
    c->hole_count++;
    collect_loss(c, kind, &hole->host, &hole->peer, from_ns, hole->to_ns, hole->frame_no);
    if (c->losses.n > end)
        c->losses.items[end].missing = hole->missing;
}
