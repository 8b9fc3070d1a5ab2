/* Answers that the capture shows before their questions.
 *
 *   response, error ── question known ──▶ joins it
 *         │
 *         └─ not known ──▶ waits ── question within STORY_REORDER_NS ──▶ joins it
 *                            └───── time is up, or no room ──▶ a sign that packets are missing
 *
 * In most captures none ever waits.
 */
#include "phone/collect.h"

/* More of a message is not needed to tell what it answers, and what it says. */
enum { BYTES_MAX = 4096 };

static int64_t time_of(const struct orphan *orphan) {
    return orphan->error ? orphan->icmp.packet.t_ns : orphan->response.packet.t_ns;
}

static const struct ip_addr *client_of(const struct orphan *orphan) {
    return orphan->error ? &orphan->icmp.src.ip : &orphan->response.packet.dst.ip;
}

/* Hand it on as what it was when it came; false: it goes on waiting. */
static bool settle(struct collection *c, const struct orphan *orphan, bool last) {
    struct message response = orphan->response;
    struct sip_head head;

    if (orphan->error)
        return collect_error(c, &orphan->icmp, last);
    if (!sip_head_skim(response.bytes, &head))
        return true;
    response.sip = &head;
    return collect_response(c, &response, last);
}

static void drop(struct collection *c, size_t at) {
    struct orphan gone = c->orphans[at];

    c->orphan_count--;
    for (size_t i = at; i < c->orphan_count; i++)
        c->orphans[i] = c->orphans[i + 1];
    c->orphans[c->orphan_count] = gone; /* its buffer is used again */
}

static void settle_oldest(struct collection *c) {
    settle(c, &c->orphans[0], true);
    drop(c, 0);
}

/* Room for one more, with a copy of these bytes. */
static struct orphan *add(struct collection *c, struct slice *bytes) {
    if (c->orphan_count == COLLECT_ORPHANS)
        settle_oldest(c);
    struct orphan *orphan = &c->orphans[c->orphan_count++];
    if (bytes->len > BYTES_MAX)
        bytes->len = BYTES_MAX;
    if (bytes->len > orphan->cap) {
        orphan->bytes = memory_resize(orphan->bytes, BYTES_MAX, 1);
        orphan->cap = BYTES_MAX;
    }
    if (bytes->len)
        memcpy(orphan->bytes, bytes->ptr, bytes->len);
    *bytes = slice_of(orphan->bytes, bytes->len);
    return orphan;
}

void orphan_keep_response(struct collection *c, const struct message *message) {
    struct slice bytes = message->bytes;
    struct orphan *orphan = add(c, &bytes);

    orphan->error = false;
    orphan->response = *message;
    orphan->response.bytes = bytes;
    /* What does not outlast the callback, and nobody asks for. */
    orphan->response.sip = NULL;
    orphan->response.conn = NULL;
    orphan->response.datagram = NULL;
    orphan->response.frames = NULL;
    orphan->response.frame_count = 0;
}

void orphan_keep_error(struct collection *c, const struct icmp_error *error) {
    struct slice bytes = error->payload;
    struct orphan *orphan = add(c, &bytes);

    orphan->error = true;
    orphan->icmp = *error;
    orphan->icmp.payload = bytes;
}

void orphans_expire(struct collection *c, int64_t t_ns) {
    while (c->orphan_count && t_ns - time_of(&c->orphans[0]) > STORY_REORDER_NS)
        settle_oldest(c);
}

void orphans_join(struct collection *c, const struct ip_addr *client) {
    for (size_t i = 0; i < c->orphan_count;) {
        if (ip_eq(client_of(&c->orphans[i]), client) && settle(c, &c->orphans[i], false))
            drop(c, i);
        else
            i++;
    }
}

void orphan_readdress(struct collection *c, uint32_t frame, const struct endpoint *client) {
    for (size_t i = 0; i < c->orphan_count; i++)
        if (!c->orphans[i].error && c->orphans[i].response.packet.frame_no == frame) {
            c->orphans[i].response.packet.dst = *client;
            if (settle(c, &c->orphans[i], false))
                drop(c, i);
            return;
        }
    for (size_t i = c->losses.n; i-- > 0 && c->losses.n - i <= COLLECT_ORPHANS;)
        if (c->losses.items[i].sign.kind == LOSS_RESPONSE_ONLY &&
            c->losses.items[i].sign.frame == frame)
            c->losses.items[i].host = client->ip;
}

void orphans_end(struct collection *c) {
    while (c->orphan_count)
        settle_oldest(c);
}
