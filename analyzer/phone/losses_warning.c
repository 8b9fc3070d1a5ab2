/* The warnings about packets that are missing: which signs of it the capture shows, how often, and
 * when first. */
#include "phone/tell.h"

#include <stdio.h>

/* Kinds with a code of their own, or that are no sign of the capture's loss, do not count. */
static bool is_capture_loss(enum loss_kind kind) {
    return kind != LOSS_TCP_GAP && kind != LOSS_DROP_COUNTER && kind != LOSS_NEIGHBOUR &&
           kind != LOSS_ONE_WAY && kind != LOSS_UNCONNECTED && kind != LOSS_DAMAGED;
}

struct loss_tally {
    uint64_t count[LOSS_KIND_COUNT];
    int64_t first_ns[LOSS_KIND_COUNT];
};

static void add_sign(struct loss_tally *tally, const struct loss_sign *sign) {
    if (!tally->count[sign->kind]++ || sign->to_ns < tally->first_ns[sign->kind])
        tally->first_ns[sign->kind] = sign->to_ns;
}

/* "…: an ACK without the response that it confirms (2, the first at 1.500 s); …"; all: so many */
static const char *name_signs(struct story *story, const struct loss_tally *tally, uint64_t all) {
    const char *message = "the capture shows signs that packets are missing from it";
    const char *before = ":";

    for (enum loss_kind kind = 0; kind < LOSS_KIND_COUNT; kind++) {
        if (!tally->count[kind] || !is_capture_loss(kind))
            continue;
        /* The end of the capture is where one is noticed at the latest. */
        int64_t at_ns =
            tally->first_ns[kind] < story->end_ns ? tally->first_ns[kind] : story->end_ns;
        double at = (double)story_offset_ns(story, at_ns) / 1e9;
        char count[32] = "";
        if (tally->count[kind] > 1 && tally->count[kind] < all)
            snprintf(count, sizeof count, "%llu, ", (unsigned long long)tally->count[kind]);
        message = arena_printf(&story->arena, "%s%s %s (%s%sat %.3f s)", message, before,
                               loss_kind_text(kind), count,
                               tally->count[kind] > 1 ? "the first " : "", at);
        before = ";";
    }
    return message;
}

/* " from 3.500 s to 60.000 s"; empty: all the time. */
static const char *name_stretch(const struct telling *telling, const struct loss_sign *sign) {
    const struct collection *c = telling->c;
    int64_t to_ns = sign->to_ns < c->end_ns ? sign->to_ns : c->end_ns;

    if (sign->from_ns <= c->start_ns && sign->to_ns >= c->end_ns)
        return "";
    return arena_printf(&telling->story->arena, " from %.3f s to %.3f s",
                        (double)story_offset_ns(telling->story, sign->from_ns) / 1e9,
                        (double)story_offset_ns(telling->story, to_ns) / 1e9);
}

/* Which direction is missing, between whom: of the first sign. */
static const char *name_direction(const struct telling *telling) {
    struct story *story = telling->story;
    const struct collection *c = telling->c;
    char phone[IP_TEXT_LEN], server[IP_TEXT_LEN];

    for (size_t p = 0; p < story->phone_count; p++)
        for (size_t i = 0; i < story->phones[p].loss_count; i++) {
            const struct loss_sign *sign = &story->phones[p].losses[i];
            if (sign->kind != LOSS_ONE_WAY)
                continue;
            ip_text(&story->phones[p].addresses[0], phone);
            if (!sign->server.len)
                return arena_printf(&story->arena,
                                    "one direction is missing%s: no packet to the phone %s is "
                                    "there, from whatever host",
                                    name_stretch(telling, sign), phone);
            return arena_printf(&story->arena,
                                "one direction is missing%s: no packet from %s to the phone %s is "
                                "there, though it acts as if they came",
                                name_stretch(telling, sign), ip_text(&sign->server, server), phone);
        }
    for (size_t i = 0; i < c->losses.n; i++)
        if (c->losses.items[i].sign.kind == LOSS_RESPONSE_ONLY)
            return arena_printf(&story->arena,
                                "one direction is missing: no request of %s is there, only "
                                "responses that %s sent to it",
                                ip_text(&c->losses.items[i].host, phone),
                                ip_text(&c->losses.items[i].peer, server));
    return "one direction is missing of what went between a phone and a server";
}

void tell_loss_warnings(struct telling *telling) {
    struct story *story = telling->story;
    const struct collection *c = telling->c;
    struct loss_tally tally = {0};
    uint64_t loss = 0, one_way;

    for (size_t p = 0; p < story->phone_count; p++)
        for (size_t i = 0; i < story->phones[p].loss_count; i++)
            add_sign(&tally, &story->phones[p].losses[i]);
    for (enum loss_kind kind = 0; kind < LOSS_KIND_COUNT; kind++)
        loss += is_capture_loss(kind) ? tally.count[kind] : 0;
    one_way = tally.count[LOSS_ONE_WAY];
    for (size_t i = 0; i < c->losses.n && !story->phone_count; i++)
        one_way += c->losses.items[i].sign.kind == LOSS_RESPONSE_ONLY;
    if (c->notes[NET_LIMIT_TUNNELS])
        one_way = 0; /* what is in a tunnel too deep to be read is there, in whatever direction */
    if (one_way)
        story->warnings[WARNING_ONE_WAY] = (struct warning){one_way, name_direction(telling)};
    if (loss)
        story->warnings[WARNING_CAPTURE_LOSS] =
            (struct warning){loss, name_signs(story, &tally, loss)};
}
