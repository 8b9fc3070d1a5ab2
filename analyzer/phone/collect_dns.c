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

enum { ID_LEN = 2 };

static const char *keep_name(struct collection *c, const struct message *m, size_t at) {
    char text[DNS_NAME_TEXT_LEN];
    size_t len = dns_name_lower(m->bytes, at, text);

    return intern_text(&c->strings, slice_of(text, len));
}

/* The owner of a record is nearly always the question's name, by a pointer to it. */
static const char *keep_owner(struct collection *c, const struct message *m,
                              const struct kept_dns *kept, size_t at) {
    static const uint8_t pointer_to_question[] = {0xc0, 12};

    if (m->dns->questions[0].name_at == 12 && at + 2 <= m->bytes.len &&
        memcmp(m->bytes.ptr + at, pointer_to_question, 2) == 0)
        return kept->name;
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

static uint32_t add_query(struct collection *c, const struct message *m, uint64_t key, uint16_t id,
                          const struct kept_dns *told, const struct ip_addr *client,
                          const struct endpoint *resolver) {
    if (c->queries.n >= COLLECT_MAX) {
        c->limit_records++;
        return NONE;
    }
    uint32_t at = (uint32_t)c->queries.n;
    struct seen_query *seen = ARRAY_ADD(&c->queries);
    *seen = (struct seen_query){.client = *client};
    seen->query = arena_new(&c->arena, sizeof *seen->query);
    *seen->query = (struct query){.name = told->name,
                                  .type = told->type,
                                  .resolver = *resolver,
                                  .transport = m->transport,
                                  .id = id,
                                  .udp_size = told->udp_size,
                                  .t_ns = m->packet.t_ns,
                                  .rcode = -1};
    passing_put(&c->query_of, key, at);
    return at;
}

static void add_record(struct collection *c, const struct message *m, const struct kept_dns *kept,
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
    record.name = keep_owner(c, m, kept, r->name_at);
    memcpy(ARRAY_ADD(&c->records), &record, sizeof record);
}

static const struct fact_record *keep_records(struct collection *c) {
    struct fact_record *kept = ARENA_ARRAY(&c->arena, struct fact_record, c->records.n);

    if (c->records.n)
        memcpy(kept, c->records.items, c->records.n * sizeof *kept);
    return kept;
}

static bool names_servers(const struct kept_dns *kept) {
    for (size_t i = 0; i < kept->record_count; i++)
        if (kept->records[i].type == DNS_SRV)
            return true;
    return false;
}

static void read_dns(struct collection *c, const struct message *m, struct kept_dns *kept) {
    struct dns_message *dns = m->dns;

    dns_parse(m->bytes, true, dns);
    kept->response = dns->response;
    kept->useful = dns->opcode == 0 && dns->question_count && dns->questions[0].class == 1;
    kept->udp_size = dns->udp_size;
    kept->rcode = dns->rcode;
    kept->truncated = dns->truncated;
    kept->cut = dns->cut;
    kept->answer_count = dns->counts[1];
    kept->records = NULL;
    kept->record_count = 0;
    if (!kept->useful)
        return;
    kept->type = dns->questions[0].type;
    kept->name = keep_name(c, m, dns->questions[0].name_at);
    if (!dns->response)
        return;
    c->records.n = 0;
    for (size_t i = 0; i < dns->record_count; i++)
        if (dns->records[i].section != DNS_AUTHORITY)
            add_record(c, m, kept, &dns->records[i]);
    kept->records = c->records.n ? keep_records(c) : NULL;
    kept->record_count = c->records.n;
    if (names_servers(kept) && c->srv_answers.n < COLLECT_MAX)
        *ARRAY_ADD(&c->srv_answers) = (struct record_set){kept->records, kept->record_count};
}

/* What the message says: as one before it that is written alike said it, else read. */
static const struct kept_dns *told_by(struct collection *c, const struct message *m) {
    struct slice written = slice_between(m->bytes, ID_LEN, m->bytes.len);
    uint64_t hash = index_key(written.ptr, written.len, 21);
    struct kept_dns *kept = &c->dns_told[hash % COLLECT_DNS];

    if (kept->written && slice_eq(written, slice_of(kept->written, kept->written_len)))
        return kept;
    read_dns(c, m, kept);
    kept->written = memory_resize(kept->written, written.len, 1);
    memcpy(kept->written, written.ptr, written.len);
    kept->written_len = written.len;
    return kept;
}

static void add_answer(const struct message *m, const struct kept_dns *told,
                       struct seen_query *seen) {
    struct query *q = seen->query;

    if (q->answer_frame)
        return; /* a repeated answer */
    q->answer_frame = m->packet.frame_no;
    q->answer_t_ns = m->packet.t_ns;
    q->rcode = told->rcode;
    q->truncated = told->truncated;
    q->cut = told->cut;
    q->answer_count = told->answer_count;
    q->records = told->records;
    q->record_count = told->record_count;
}

/* A question, or its repetition, that was captured after its answer? No client asks the same again
 * in the moment in which it is answered. */
static bool is_own_question(const struct query *q, const struct message *m) {
    int64_t after_ns = m->packet.t_ns - q->answer_t_ns;

    return q->answer_frame && q->transport == m->transport && after_ns <= STORY_REORDER_NS &&
           after_ns >= -STORY_REORDER_NS;
}

void collect_dns(struct collection *c, const struct message *message) {
    const struct packet *packet = &message->packet;
    const struct kept_dns *told = told_by(c, message);

    if (!told->useful)
        return;
    const struct ip_addr *client = told->response ? &packet->dst.ip : &packet->src.ip;
    const struct endpoint *resolver = told->response ? &packet->src : &packet->dst;
    struct slice head = message->bytes;
    uint16_t id = 0;
    slice_take_u16be(&head, &id);
    uint64_t key = query_key(client, resolver, id, told->name, told->type);
    passing_turn(&c->query_of, packet->t_ns, REPEAT_WITHIN_NS + ASKED_BEFORE_NS);
    uint32_t at = passing_get(&c->query_of, key);

    if (told->response) {
        if (at == NONE) {
            at = add_query(c, message, key, id, told, client, resolver);
            if (at == NONE)
                return;
            copies_became(c, COPIED_ANSWER, at);
        }
        add_answer(message, told, &c->queries.items[at]);
        return;
    }
    orphans_expire(c, packet->t_ns);
    if (at != NONE) {
        /* The same again after an answer (over TCP, say, after a truncated one), or long after, is
         * a new query. */
        struct query *known = c->queries.items[at].query;
        if (is_own_question(known, message)) {
            if (!c->queries.items[at].sends.count) {
                known->t_ns = packet->t_ns;
                known->udp_size = told->udp_size;
            }
            known->answer_t_ns = answered_ns(packet->t_ns, known->answer_t_ns);
        } else if (known->answer_frame || packet->t_ns - known->t_ns > REPEAT_WITHIN_NS) {
            at = NONE;
        }
    }
    if (at == NONE)
        at = add_query(c, message, key, id, told, client, resolver);
    if (at != NONE) {
        c->queries.items[at].mac = packet->mac_src;
        if (told->type == DNS_SRV && strncmp(told->name, "_sips._tcp.", 11) == 0) {
            uint32_t host = collect_host(c, client, packet->t_ns);
            c->hosts.items[host].sips = true;
        }
        seen_add(c, &c->queries.items[at].sends, packet->frame_no, packet->t_ns);
        orphans_join(c, client);
        copies_became(c, COPIED_QUERY, at);
    }
}

void collect_dns_readdress(struct collection *c, uint32_t query, const struct ip_addr *client) {
    struct seen_query *seen = &c->queries.items[query];
    const struct query *q = seen->query;
    uint64_t key = query_key(client, &q->resolver, q->id, q->name, q->type);
    uint32_t asked = passing_get(&c->query_of, key);

    if (asked == NONE) {
        seen->client = *client;
        passing_put(&c->query_of, key, query);
    } else if (!c->queries.items[asked].query->answer_frame) {
        struct query *own = c->queries.items[asked].query;
        own->answer_frame = q->answer_frame;
        own->answer_t_ns = q->answer_t_ns;
        own->rcode = q->rcode;
        own->truncated = q->truncated;
        own->cut = q->cut;
        own->answer_count = q->answer_count;
        own->records = q->records;
        own->record_count = q->record_count;
    }
}

void collect_dns_end(struct collection *c) {
    for (size_t i = 0; i < c->queries.n; i++) {
        const struct seen_query *seen = &c->queries.items[i];
        const struct query *q = seen->query;
        if (!seen->sends.count && q->answer_frame)
            collect_loss(c, LOSS_ANSWER_ONLY, &seen->client, &q->resolver.ip,
                         q->answer_t_ns - ASKED_BEFORE_NS, q->answer_t_ns, q->answer_frame);
    }
}
