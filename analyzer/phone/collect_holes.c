/* Holes in a host's IPv4 identifications (net/ip_ids.c) become signs of loss. What is lost from a
 * call's media can be much: holes close to each other are one sign. */
#include "phone/collect.h"

#define ONE_SIGN_NS ((int64_t)1000000000)

enum { LOOK_BACK = 8, HOLES_MAX = 1 << 14 };

void collect_hole(void *context, const struct packet_hole *hole) {
    static const struct ip_addr nobody = {.len = 0};
    struct collection *c = context;
    enum loss_kind kind = hole->damaged ? LOSS_DAMAGED : LOSS_HOLE;
    size_t end = c->losses.n;

    for (size_t i = end; i-- > 0 && end - i <= LOOK_BACK;) {
        struct seen_loss *loss = &c->losses.items[i];
        if (loss->sign.kind == kind && ip_eq(&loss->host, &hole->host) &&
            hole->from_ns - loss->sign.to_ns < ONE_SIGN_NS && hole->to_ns > loss->sign.from_ns) {
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
    collect_loss(c, kind, &hole->host, &nobody, hole->from_ns + 1, hole->to_ns, hole->frame_no);
    if (c->losses.n > end)
        c->losses.items[end].missing = hole->missing;
}
