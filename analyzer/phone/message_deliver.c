/* Bytes that are taken for a message are read and handed on. */
#include "phone/message_deliver.h"

enum {
    CUT = MESSAGE_CUT_BY_SNAPLEN | MESSAGE_CUT_BY_GAP | MESSAGE_CUT_BY_END,
};

/* Whether the end is missing for a reason that is not the sender's. */
static bool is_cut(const struct message *message) {
    return message->quoted || (message->notes & CUT);
}

/* RFC 3261 18.3: a datagram that ends before its Content-Length does is an error, one that goes on
 * is not. A head must end in an empty line (RFC 3261 7). */
static bool ends_early(const struct sip_head *head, size_t len) {
    return !head->head_len ||
           (head->has_content_length && head->content_length > len - head->head_len);
}

/* RFC 3261 8.1.1, 8.2.6.2: what every message must carry (Max-Forwards aside, which older ones
 * lack). */
static bool lacks_header(const struct sip_head *head) {
    return !head->via_count || !head->from.value.len || !head->to.value.len || !head->call_id.len ||
           !head->has_cseq;
}

/* It is one of ours: did whom it is for get it? */
static void check(struct message_target *target, struct message *message) {
    if (message->datagram && !net_receives(target->net, message->datagram, &message->sum))
        message->notes |= MESSAGE_BAD_CHECKSUM;
}

bool message_deliver_sip(struct message_target *target, struct message *message, bool sure,
                         const struct sip_head *head) {
    struct sip_head room;

    if (!head) {
        if (!sip_head_skim(message->bytes, &room))
            return false;
        head = &room;
    }
    if (!sure && !head->call_id.len && !head->via_count)
        return false;
    if (target->handler->details) {
        if (head != &room)
            room = *head;
        sip_head_details(message->bytes, &room);
        head = &room;
    }
    check(target, message);
    message->kind = MESSAGE_SIP;
    message->sip = head;
    message->dns = NULL;
    bool incomplete = lacks_header(head) || ends_early(head, message->bytes.len);
    if (head->malformed || (incomplete && !is_cut(message)))
        message->notes |= MESSAGE_MALFORMED;
    if (target->handler->message)
        target->handler->message(target->handler->context, message);
    message->sip = NULL;
    return true;
}

bool message_deliver_dns(struct message_target *target, struct message *message) {
    if (message->bytes.len < DNS_HEADER_LEN)
        return false;
    check(target, message);
    message->kind = MESSAGE_DNS;
    message->sip = NULL;
    message->dns = &target->dns;
    if (target->handler->details) {
        dns_parse(message->bytes, is_cut(message), &target->dns);
        if (target->dns.malformed)
            message->notes |= MESSAGE_MALFORMED;
    }
    if (target->handler->message)
        target->handler->message(target->handler->context, message);
    return true;
}

enum transport message_reported_transport(enum transport said, struct slice bytes) {
    struct sip_head head;
    enum transport named;

    if (said == TRANSPORT_SCTP || !sip_head_scan(bytes, &head) ||
        !transport_parse(head.via_transport, &named) || named == TRANSPORT_UDP)
        return said;
    return named;
}
