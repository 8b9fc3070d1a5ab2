/* What a phone repeats from request to request is kept once (struct wording): the request is held
 * against the last one of its Call-ID and method, text by text, instead of each text being looked
 * up among all that were kept.
 */
#include "phone/collect.h"

enum { PART_COUNT = 10 };

/* written: the lengths of the parts, then the parts. */
struct parts {
    struct slice part[PART_COUNT];
    uint32_t len[PART_COUNT];
    size_t total; /* of lengths and parts */
};

static void take_parts(const struct sip_head *head, struct parts *parts) {
    *parts = (struct parts){
        .part = {head->from.value, head->to.value, head->uri, head->contact, head->via_sent,
                 head->route, head->event, head->user_agent, head->method_text, head->call_id},
        .total = sizeof parts->len,
    };
    for (size_t i = 0; i < PART_COUNT; i++) {
        parts->len[i] = (uint32_t)parts->part[i].len;
        parts->total += parts->part[i].len;
    }
}

static const void *write_parts(struct collection *c, const struct parts *parts) {
    uint8_t *written = arena_new(&c->arena, parts->total), *at = written;

    memcpy(at, parts->len, sizeof parts->len);
    at += sizeof parts->len;
    for (size_t i = 0; i < PART_COUNT; at += parts->part[i++].len)
        if (parts->part[i].len)
            memcpy(at, parts->part[i].ptr, parts->part[i].len);
    return written;
}

static bool says(const struct wording *wording, const struct message *m,
                 const struct parts *parts) {
    const uint8_t *at = wording->written;

    if (wording->written_len != parts->total || m->sip->contact_count > 1 ||
        wording->multicast != ip_is_multicast(&m->packet.dst.ip) ||
        memcmp(at, parts->len, sizeof parts->len) != 0)
        return false;
    at += sizeof parts->len;
    for (size_t i = 0; i < PART_COUNT; at += parts->part[i++].len)
        if (parts->part[i].len && memcmp(at, parts->part[i].ptr, parts->part[i].len) != 0)
            return false;
    return true;
}

static const char *keep(struct collection *c, struct slice text) {
    return text.len ? intern_text(&c->strings, text) : NULL;
}

static const char *uri_user(struct collection *c, struct slice text) {
    struct sip_uri uri;

    return sip_uri_parse(text, &uri) ? intern_text(&c->strings, uri.user) : "";
}

const struct sip_head *collect_details(const struct message *m, struct sip_head *room) {
    *room = *m->sip;
    sip_head_details(m->bytes, room);
    return room;
}

static uint32_t add(struct collection *c, const struct message *m, const struct parts *parts,
                    uint32_t host) {
    struct sip_head room;
    const struct sip_head *head = collect_details(m, &room);
    uint32_t at = (uint32_t)c->wordings.n;
    struct wording *wording = ARRAY_ADD(&c->wordings);

    *wording = (struct wording){
        .method = head->method,
        .host = host,
        .src = m->packet.src.ip,
        .multicast = ip_is_multicast(&m->packet.dst.ip),
        .has_reg_id = head->has_reg_id,
        .reg_id = head->reg_id,
        .via_port = head->via_port,
        .method_text = keep(c, head->method_text),
        .call_id = keep(c, head->call_id),
        .uri = keep(c, head->uri),
        .from_uri = keep(c, head->from.uri),
        .from_tag = keep(c, head->from.tag),
        .to_uri = keep(c, head->to.uri),
        .to_tag = keep(c, head->to.tag),
        .contact_uri = keep(c, head->contact_uri),
        .route_uri = keep(c, head->route_uri),
        .event = keep(c, head->event),
        .user_agent = keep(c, head->user_agent),
        .user = uri_user(c, head->uri),
        .written = write_parts(c, parts),
        .written_len = parts->total,
        .sent_to = NONE,
    };
    if (!head->via_host.len || !ip_parse(head->via_host, &wording->via_ip))
        wording->via_ip = (struct ip_addr){0};
    return at;
}

uint32_t collect_wording(struct collection *c, const struct message *m) {
    const struct sip_head *head = m->sip;
    const struct ip_addr *src = &m->packet.src.ip;
    uint64_t key = index_key(head->call_id.ptr, head->call_id.len, 11 + (uint64_t)head->method);
    uint32_t newest = index_get(&c->wording_of, key);
    struct parts parts;
    enum { LOOK_AT = 8 };

    take_parts(head, &parts);
    uint32_t at = newest;
    for (int looks = 0; at != NONE && looks < LOOK_AT; at = c->wordings.items[at].older, looks++)
        if (ip_eq(&c->wordings.items[at].src, src) && says(&c->wordings.items[at], m, &parts))
            return at;
    at = add(c, m, &parts, collect_host(c, src, m->packet.t_ns));
    c->wordings.items[at].older = newest;
    index_put(&c->wording_of, key, at);
    return at;
}
