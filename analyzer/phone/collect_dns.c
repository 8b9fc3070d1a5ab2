/* DNS messages become the queries of each client, with the records of their answers.
 *
 * Repetitions under one ID, from whatever port and over whatever transport, are sends of one query;
 * an answer is paired by ID, resolver and question. The records are kept as the client got them:
 * the answer section, and addresses of the additional section.
 */
#include "base/instant.h"
#include "phone/collect.h"

/* Seen: twenty repetitions in 71 s before a client gave up. An answer alone speaks of a question
 * that was sent at most a resolver's usual patience before. */
#define REPEAT_WITHIN_NS ((int64_t)75 * NS_PER_S)
#define ASKED_BEFORE_NS ((int64_t)5 * NS_PER_S)

static const char *keep_name(struct collection *c, const struct message *m, size_t at) {
    char text[DNS_NAME_TEXT_LEN];
    size_t len = dns_name_lower(m->bytes, at, text);

    return intern_text(&c->strings, slice_of(text, len));
}

/* The owner of a record is nearly always the question's name, by a pointer to it. */
static const char *keep_owner(struct collection *c, const struct message *m,
                              const struct seen_query *seen, size_t at) {
    static const uint8_t pointer_to_question[] = {0xc0, 12};

    if (m->dns->questions[0].name_at == 12 && at + 2 <= m->bytes.len &&
        memcmp(m->bytes.ptr + at, pointer_to_question, 2) == 0)
        return seen->query->name;
    return keep_name(c, m, at);
}

static uint64_t query_key(const struct ip_addr *client, const struct endpoint *resolver,
                          uint16_t id, const char *name, uint16_t type) {
    struct {
        const char *name;
        struct ip_addr client, resolver;
        uint16_t id, type, port;
    } key;

    memset(&key, 0, sizeof key);
    key.name = name; /* interned; it never leaves this run, so that addresses do not show */
    key.client = *client;
    key.resolver = resolver->ip;
    key.id = id;
    key.type = type;
    key.port = resolver->port;
    return index_key(&key, sizeof key, 20);
}

static uint32_t add_query(struct collection *c, const struct message *m, uint64_t key,
                          const char *name, uint16_t type, const struct ip_addr *client,
                          const struct endpoint *resolver) {
    if (c->queries.n >= COLLECT_MAX) {
        c->limit_records++;
        return NONE;
    }
    uint32_t at = (uint32_t)c->queries.n;
    struct seen_query *seen = ARRAY_ADD(&c->queries);
    *seen = (struct seen_query){.client = *client};
    seen->query = arena_new(&c->arena, sizeof *seen->query);
    *seen->query = (struct query){.name = name,
                                  .type = type,
                                  .resolver = *resolver,
                                  .transport = m->transport,
                                  .id = m->dns->id,
                                  .udp_size = m->dns->udp_size,
                                  .t_ns = m->packet.t_ns,
                                  .rcode = -1};
    index_put(&c->query_of, key, at);
    return at;
}

static void add_record(struct collection *c, const struct message *m, const struct seen_query *seen,
                       const struct dns_record *r) {
    struct fact_record record;
    struct dns_srv srv;
    struct dns_naptr naptr;

    if (r->class != 1)
        return;
    memset(&record, 0, sizeof record); /* with its padding: records are compared as memory */
    record.section = r->section;
    record.type = r->type;
    record.ttl_s = r->ttl_s;
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA:
        if (!dns_record_address(r, &record.address))
            return;
        break;
    case DNS_SRV:
        if (!dns_record_srv(m->dns, r, &srv))
            return;
        record.priority = srv.priority;
        record.weight = srv.weight;
        record.port = srv.port;
        record.target = keep_name(c, m, srv.target_at);
        break;
    case DNS_NAPTR:
        if (!dns_record_naptr(m->dns, r, &naptr))
            return;
        record.order = naptr.order;
        record.preference = naptr.preference;
        record.flags = intern_lower(&c->strings, naptr.flags);
        record.service = intern_lower(&c->strings, naptr.service);
        record.regexp = intern_text(&c->strings, naptr.regexp);
        record.target = keep_name(c, m, naptr.replacement_at);
        break;
    case DNS_CNAME:
        record.target = keep_name(c, m, r->data_at);
        break;
    default:
        return;
    }
    record.name = keep_owner(c, m, seen, r->name_at);
    memcpy(ARRAY_ADD(&c->records), &record, sizeof record);
}

static const struct fact_record *keep_records(struct collection *c) {
    struct fact_record *kept = ARENA_ARRAY(&c->arena, struct fact_record, c->records.n);

    if (c->records.n)
        memcpy(kept, c->records.items, c->records.n * sizeof *kept);
    return kept;
}

/* The records of an answer. A zone gives all its clients the same answers again and again: an
 * answer that is written as one before it, but for its ID, has its records. */
static const struct kept_records *read_records(struct collection *c, const struct message *m,
                                               const struct seen_query *seen) {
    enum { ID_LEN = 2 };
    struct slice written = slice_between(m->bytes, ID_LEN, m->bytes.len);
    uint64_t hash = index_key(written.ptr, written.len, 21);
    struct kept_records *kept = &c->answers[hash % COLLECT_ANSWERS];

    if (kept->written && slice_eq(written, slice_of(kept->written, kept->written_len)))
        return kept;
    c->records.n = 0;
    for (size_t i = 0; i < m->dns->record_count; i++)
        if (m->dns->records[i].section != DNS_AUTHORITY)
            add_record(c, m, seen, &m->dns->records[i]);
    kept->records = keep_records(c);
    kept->count = c->records.n;
    kept->written = memory_resize(kept->written, written.len, 1);
    memcpy(kept->written, written.ptr, written.len);
    kept->written_len = written.len;
    return kept;
}

static void add_answer(struct collection *c, const struct message *m, struct seen_query *seen) {
    struct query *q = seen->query;

    if (q->answer_frame)
        return; /* a repeated answer */
    q->answer_frame = m->packet.frame_no;
    q->answer_t_ns = m->packet.t_ns;
    q->rcode = m->dns->rcode;
    q->truncated = m->dns->truncated;
    q->cut = m->dns->cut;
    q->answer_count = m->dns->counts[1];
    const struct kept_records *kept = read_records(c, m, seen);
    q->record_count = kept->count;
    q->records = kept->count ? kept->records : NULL;
}

void collect_dns(struct collection *c, const struct message *message) {
    const struct dns_message *dns = message->dns;
    const struct packet *packet = &message->packet;

    if (dns->opcode != 0 || !dns->question_count || dns->questions[0].class != 1)
        return;
    const struct ip_addr *client = dns->response ? &packet->dst.ip : &packet->src.ip;
    const struct endpoint *resolver = dns->response ? &packet->src : &packet->dst;
    uint16_t type = dns->questions[0].type;
    const char *name = keep_name(c, message, dns->questions[0].name_at);
    uint64_t key = query_key(client, resolver, dns->id, name, type);
    uint32_t at = index_get(&c->query_of, key);

    if (dns->response) {
        if (at == NONE) {
            at = add_query(c, message, key, name, type, client, resolver);
            if (at == NONE)
                return;
            collect_loss(c, LOSS_ANSWER_ONLY, client, &resolver->ip, packet->t_ns - ASKED_BEFORE_NS,
                         packet->t_ns, packet->frame_no);
        }
        add_answer(c, message, &c->queries.items[at]);
        return;
    }
    if (at != NONE) {
        /* The same again after an answer (over TCP, say, after a truncated one), or long after, is
         * a new query. */
        const struct query *known = c->queries.items[at].query;
        if (known->answer_frame || packet->t_ns - known->t_ns > REPEAT_WITHIN_NS)
            at = NONE;
    }
    if (at == NONE)
        at = add_query(c, message, key, name, type, client, resolver);
    if (at != NONE) {
        c->queries.items[at].mac = packet->mac_src;
        if (type == DNS_SRV && strncmp(name, "_sips._tcp.", 11) == 0) {
            uint32_t host = collect_host(c, client, packet->t_ns);
            c->hosts.items[host].sips = true;
        }
        seen_add(c, &c->queries.items[at].sends, packet->frame_no, packet->t_ns);
    }
}
