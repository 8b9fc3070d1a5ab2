/* Messages of which the snapshot length took what matters: a part of a head, records of an answer,
 * bytes of a stream. What is not there then is not known, and no fault of anybody.
 */
#include "phone/collect.h"

static void note(struct collection *c, const struct ip_addr *ip, int64_t t_ns, bool stream) {
    uint32_t at = collect_host(c, ip, t_ns); /* may move the hosts */
    struct seen_host *host = &c->hosts.items[at];

    if (!host->cut_ns)
        host->cut_ns = t_ns;
    if (stream && !host->cut_stream_ns)
        host->cut_stream_ns = t_ns;
}

void collect_cut(struct collection *c, const struct message *message) {
    const struct packet *packet = &message->packet;
    bool stream = transport_is_reliable(message->transport);

    if (message->kind == MESSAGE_SIP && message->sip->head_len && !stream)
        return; /* its body alone */
    note(c, &packet->src.ip, packet->t_ns, stream);
    note(c, &packet->dst.ip, packet->t_ns, stream);
}
