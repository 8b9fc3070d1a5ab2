/* Messages with a wrong checksum: nobody received them.
 *
 *     answer ──▶ is not there for the phone: what it repeats after it, it repeats rightly
 *     request ── of a known transaction ──▶ one more send, and a try, though in vain
 *        └─ of none ──▶ waits ── comes again as it was ──▶ a send of that transaction
 *                        ├───── is answered ──▶ somebody did receive it: a request like others
 *                        └───── neither ──▶ begins no transaction: its bytes may be damaged
 *
 * What is left out is a sign of loss: it may have been damaged on its way to the capture alone.
 */
#include "phone/collect.h"

/* More of a request is not needed to tell what it is of. */
enum { BYTES_MAX = 4096 };

static void leave_out(struct collection *c, const struct ip_addr *host, const struct message *m) {
    const struct packet *packet = &m->packet;
    const struct ip_addr *peer = host == &packet->src.ip ? &packet->dst.ip : &packet->src.ip;

    collect_loss(c, LOSS_DAMAGED, host, peer, packet->t_ns, packet->t_ns, packet->frame_no);
}

static void give_up(struct collection *c, struct damaged_request *request) {
    if (request->waits)
        leave_out(c, &request->message.packet.src.ip, &request->message);
    request->waits = false;
}

static void wait(struct collection *c, const struct message *m, uint64_t key) {
    uint32_t at = c->damaged_next++ % COLLECT_DAMAGED;
    struct damaged_request *request = &c->damaged[at];
    size_t len = m->bytes.len < BYTES_MAX ? m->bytes.len : BYTES_MAX;

    give_up(c, request);
    if (!request->bytes)
        request->bytes = memory_new(BYTES_MAX);
    memcpy(request->bytes, m->bytes.ptr, len);
    request->message = *m;
    request->message.bytes = slice_of(request->bytes, len);
    /* What does not outlast the callback, and nobody asks for. */
    request->message.sip = NULL;
    request->message.datagram = NULL;
    request->message.frames = NULL;
    request->message.frame_count = 0;
    request->key = key;
    request->waits = true;
    copies_became(c, COPIED_WAITING, at);
}

void collect_damaged(struct collection *c, const struct message *m) {
    uint64_t key;

    if (m->kind != MESSAGE_SIP || m->sip->response || !m->sip->call_id.len || !m->sip->has_cseq) {
        leave_out(c, &m->packet.dst.ip, m);
        return;
    }
    struct tx *tx = collect_known_request(c, m, &key);
    if (!tx) {
        wait(c, m, key);
        return;
    }
    seen_add(c, &tx->sends, m->packet.frame_no, m->packet.t_ns);
    copies_became(c, COPIED_SEND, (uint32_t)(tx - c->txs.items));
}

/* The oldest that waits with this key; NULL: none. */
static struct damaged_request *find(struct collection *c, uint64_t key, int64_t t_ns) {
    for (uint32_t i = 0; i < COLLECT_DAMAGED; i++) {
        struct damaged_request *request = &c->damaged[(c->damaged_next + i) % COLLECT_DAMAGED];
        if (request->waits && request->key == key &&
            t_ns - request->message.packet.t_ns <= STORY_64T1_NS)
            return request;
    }
    return NULL;
}

void damaged_join(struct collection *c, struct tx *tx, uint64_t key, int64_t t_ns) {
    struct damaged_request *request;

    while ((request = find(c, key, t_ns))) {
        const struct packet *packet = &request->message.packet;
        request->waits = false;
        if (endpoint_eq(&packet->dst, &tx->dst))
            seen_add(c, &tx->sends, packet->frame_no, packet->t_ns);
        else
            leave_out(c, &packet->src.ip, &request->message);
    }
}

bool damaged_answered(struct collection *c, uint64_t key, int64_t t_ns) {
    struct damaged_request *request = c->damaged_next ? find(c, key, t_ns) : NULL;
    struct sip_head head;

    if (!request)
        return false;
    request->waits = false;
    if (!sip_head_skim(request->message.bytes, &head))
        return false;
    request->message.sip = &head;
    collect_sip(c, &request->message);
    request->message.sip = NULL;
    return true;
}

void damaged_forget(struct collection *c, uint32_t at) {
    c->damaged[at].waits = false;
}

void damaged_end(struct collection *c) {
    for (size_t i = 0; i < COLLECT_DAMAGED; i++)
        give_up(c, &c->damaged[(c->damaged_next + i) % COLLECT_DAMAGED]);
}
