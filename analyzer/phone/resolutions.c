/* A phone's queries as walks: for each host that it resolved, which questions belong together, and
 * the server list that follows from the answers.
 *
 *   NAPTR example.com ─▶ SRV _sip._udp.example.com ─▶ A sip1.example.com, A sip2.example.com …
 *
 * A query belongs to the host at the root of the chain that led to its name: an SRV name to the
 * NAPTR answer that names it as replacement, else to the host in it; an address name to the SRV (or
 * NAPTR) answer that names it as target, else it is a root itself. A walk goes on until one of its
 * questions is asked again after an answer: that begins the next walk. Steps that a cache served do
 * not show.
 */
#include "phone/rank.h"
#include "phone/tell.h"

#include <stdlib.h>

/* An unanswered question asked again within this time belongs to the same walk. */
#define SAME_WALK_NS ((int64_t)75 * 1000000000)
/* Steps of one walk follow each other; only an address may be asked later, when its turn comes. */
#define PAUSE_NS ((int64_t)5 * 1000000000)
/* A question unanswered when the capture ends may still be answered this long after it was sent. */
#define ANSWER_WAIT_NS ((int64_t)5 * 1000000000)

struct walk {
    struct resolution *resolution;
    ARRAY_OF(struct query *) queries;
};

/* The queries for one name and type, or whose answers carry addresses of it in the additional
 * section, in order of time. */
struct query_list {
    ARRAY_OF(const struct query *) queries;
};

/* Beside the types of DNS: addresses in additional sections. */
enum { IN_ADDITIONAL = 1 << 16 };

struct walker {
    struct telling *telling;
    struct phone_draft *phone;
    ARRAY_OF(struct walk) walks;
    struct index_map walk_of_host; /* host -> index of its current walk */
    struct index_map root_of_name; /* a name in an answer -> index into roots */
    ARRAY_OF(const char *) roots;
    struct index_map list_of_name; /* (name, type) -> index into lists */
    ARRAY_OF(struct query_list) lists;
    struct query **queries;
    size_t query_count;
    int64_t until_ns; /* lookups answered later do not count (rank lookup) */
    ARRAY_OF(const struct fact_record *) answer;
    struct index_map tx_to; /* address -> the phone's first transaction to it */
};

static uint64_t name_key(const char *name, uint32_t type) {
    struct {
        const char *name;
        uint64_t type;
    } key = {name, type};

    return index_key(&key, sizeof key, 50);
}

static void set_root(struct walker *w, const char *name, uint16_t kind, const char *root) {
    uint64_t key = name_key(name, kind);

    index_put(&w->root_of_name, key, (uint32_t)w->roots.n);
    *ARRAY_ADD(&w->roots) = root;
}

static const char *get_root(const struct walker *w, const char *name, uint16_t kind) {
    uint32_t at = index_get(&w->root_of_name, name_key(name, kind));

    return at == NONE ? NULL : w->roots.items[at];
}

/* The host that this question serves. */
static const char *root_of(struct walker *w, const struct query *q) {
    const char *root = get_root(w, q->name, q->type == DNS_AAAA ? DNS_A : q->type);
    enum transport transport;
    const char *host;

    if (root)
        return root;
    if (q->type == DNS_SRV && rank_srv_name_parse(q->name, &transport, &host))
        return intern_text(&w->telling->c->strings, slice_of_text(host));
    return q->name;
}

/* What the answer leads to belongs to the same root. */
static void follow_answer(struct walker *w, const struct query *q, const char *root) {
    for (size_t i = 0; i < q->record_count; i++) {
        const struct fact_record *r = &q->records[i];
        if (r->section != DNS_ANSWER || !r->target || strcmp(r->target, ".") == 0)
            continue;
        if (r->type == DNS_NAPTR)
            set_root(w, r->target,
                     !r->flags[0]                 ? DNS_NAPTR
                     : strcmp(r->flags, "a") == 0 ? DNS_A
                                                  : DNS_SRV,
                     root);
        else if (r->type == DNS_SRV && r->target != root)
            set_root(w, r->target, DNS_A, root);
    }
}

static bool relevant(const struct query *q) {
    enum transport transport;
    const char *host;

    switch (q->type) {
    case DNS_NAPTR:
    case DNS_A:
    case DNS_AAAA:
        return true;
    case DNS_SRV:
        return rank_srv_name_parse(q->name, &transport, &host) || q->name[0] == '_';
    default:
        return false;
    }
}

/* Does the question begin a walk: NAPTR, SRV or addresses of the host itself? */
static bool is_first_step(const struct query *q, const char *host) {
    enum transport transport;
    const char *of;

    return q->name == host ||
           (q->type == DNS_SRV && rank_srv_name_parse(q->name, &transport, &of) &&
            strcmp(of, host) == 0);
}

static void add_to_walk(struct walker *w, struct query *q) {
    const char *root = root_of(w, q);
    uint64_t key = name_key(root, 0);
    uint32_t at = index_get(&w->walk_of_host, key);

    if (at != NONE) {
        const struct walk *walk = &w->walks.items[at];
        const struct query *last = walk->queries.items[walk->queries.n - 1];
        if (is_first_step(q, root) && last->answer_frame && q->t_ns > last->answer_t_ns &&
            q->t_ns - last->t_ns > PAUSE_NS)
            at = NONE;
    }
    if (at != NONE) {
        const struct walk *walk = &w->walks.items[at];
        for (size_t i = walk->queries.n; i-- > 0;) {
            const struct query *known = walk->queries.items[i];
            if (known->name != q->name || known->type != q->type)
                continue;
            bool failed = known->rcode > 0 && known->rcode != 3;
            bool open =
                !known->answer_frame || known->answer_t_ns > q->t_ns || failed || known->truncated;
            if (!open || q->t_ns - known->t_ns > SAME_WALK_NS)
                at = NONE;
            break;
        }
    }
    if (at == NONE) {
        at = (uint32_t)w->walks.n;
        struct walk *walk = ARRAY_PUSH(&w->walks);
        walk->resolution = arena_new(&w->telling->story->arena, sizeof *walk->resolution);
        walk->resolution->host = root;
        walk->resolution->t_ns = q->t_ns;
        index_put(&w->walk_of_host, key, at);
    }
    *ARRAY_ADD(&w->walks.items[at].queries) = q;
    if (q->answer_frame)
        follow_answer(w, q, root);
}

/* ---- the list that follows ---- */

static void list_query(struct walker *w, const char *name, uint32_t type, const struct query *q) {
    uint64_t key = name_key(name, type);
    uint32_t at = index_get(&w->list_of_name, key);

    if (at == NONE) {
        at = (uint32_t)w->lists.n;
        ARRAY_PUSH(&w->lists);
        index_put(&w->list_of_name, key, at);
    }
    *ARRAY_ADD(&w->lists.items[at].queries) = q;
}

/* The newest that was answered in time, with a use for a list. */
static const struct query *newest_answer(const struct walker *w, const char *name, uint32_t type) {
    uint32_t at = index_get(&w->list_of_name, name_key(name, type));
    size_t low = 0, high;

    if (at == NONE)
        return NULL;
    const struct query_list *list = &w->lists.items[at];
    high = list->queries.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->queries.items[middle]->t_ns <= w->until_ns)
            low = middle + 1;
        else
            high = middle;
    }
    while (low-- > 0) {
        const struct query *q = list->queries.items[low];
        if (q->answer_frame && q->answer_t_ns <= w->until_ns && (q->rcode == 0 || q->rcode == 3))
            return q;
    }
    return NULL;
}

/* What the phone knew of a name: its lookup of it; for addresses that it did not ask for, the
 * additional section of the answer that named them. */
static bool phone_lookup(void *context, const char *name, uint16_t type,
                         struct lookup_answer *answer) {
    struct walker *w = context;
    const struct query *found = newest_answer(w, name, type);
    enum dns_section section = DNS_ANSWER;

    if (!found && (type == DNS_A || type == DNS_AAAA)) {
        found = newest_answer(w, name, type | IN_ADDITIONAL);
        section = DNS_ADDITIONAL;
    }
    if (!found)
        return false;
    w->answer.n = 0;
    for (size_t i = 0; i < found->record_count; i++)
        if (found->records[i].type == type && found->records[i].section == section &&
            (section == DNS_ANSWER || found->records[i].name == name))
            *ARRAY_ADD(&w->answer) = &found->records[i];
    *answer = (struct lookup_answer){w->answer.items, w->answer.n, found->answer_t_ns};
    return true;
}

static int64_t sent_ns(const struct walker *w, const struct tx *tx) {
    return w->telling->c->seen.items[tx->sends.first].t_ns;
}

/* The transport and port that the phone used at an address: first after a time, else first of all.
 * This fills in what records left open. */
static void guess_by_use(const struct walker *w, struct ranked_server *server, int64_t since_ns) {
    enum { LOOK_AHEAD = 64 };
    const struct collection *c = w->telling->c;
    const uint32_t *txs = w->phone->txs.items;
    size_t low = 0, high = w->phone->txs.n;
    const struct tx *used = NULL;

    if (server->transport_known && server->port_known)
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sent_ns(w, &c->txs.items[txs[middle]]) < since_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < w->phone->txs.n && i < low + LOOK_AHEAD && !used; i++) {
        const struct tx *tx = &c->txs.items[txs[i]];
        if (ip_eq(&tx->dst.ip, &server->server.ip))
            used = tx;
    }
    if (!used) {
        uint32_t at =
            index_get(&w->tx_to, index_key(&server->server.ip, sizeof(struct ip_addr), 51));
        if (at == NONE)
            return;
        used = &c->txs.items[at];
    }
    if (!server->transport_known)
        server->server.transport = used->transport;
    if (!server->port_known)
        server->server.port = used->dst.port;
}

static void rank(struct walker *w, struct walk *walk) {
    struct resolution *r = walk->resolution;
    struct rank_order order = {.host = r->host,
                               .start = RANK_ADDRESS,
                               .supported = {true, true, true},
                               .transport = TRANSPORT_UDP};
    struct lookup_answer answer;
    bool complete;

    w->until_ns = r->end_ns;
    if (phone_lookup(w, r->host, DNS_NAPTR, &answer))
        order.start = RANK_NAPTR;
    /* SRV names of the host, in the order in which they were asked; or known from an earlier walk.
     */
    bool used[TRANSPORT_COUNT] = {false};
    for (size_t i = 0; i < walk->queries.n; i++) {
        enum transport transport;
        const char *host;
        const struct query *q = walk->queries.items[i];
        if (q->type == DNS_SRV && rank_srv_name_parse(q->name, &transport, &host) &&
            strcmp(host, r->host) == 0 && !used[transport]) {
            used[transport] = true;
            order.srv_transports[order.srv_transport_count++] = transport;
        }
    }
    for (int t = 0; t < TRANSPORT_COUNT; t++) {
        const char *name = rank_srv_name(&w->telling->c->strings, (enum transport)t, r->host);
        if (!used[t] && phone_lookup(w, name, DNS_SRV, &answer))
            order.srv_transports[order.srv_transport_count++] = (enum transport)t;
    }
    if (order.srv_transport_count && order.start == RANK_ADDRESS)
        order.start = RANK_SRV;

    struct ranked_server *servers;
    r->server_count = rank_servers(&order, phone_lookup, w, &w->telling->c->strings,
                                   &w->telling->story->arena, &servers, &complete);
    for (size_t i = 0; i < r->server_count; i++)
        guess_by_use(w, &servers[i], r->t_ns);
    r->servers = servers;
}

static bool asks_address(const struct query *q) {
    return q->type == DNS_A || q->type == DNS_AAAA;
}

/* Did the walk itself get somewhere? What an earlier one left in the cache is no answer to it: an
 * address came, or the last step had an answer and the cache served the rest. */
static bool got_answers(const struct walk *walk) {
    const struct query *last = walk->queries.items[walk->queries.n - 1];

    for (size_t i = 0; i < walk->queries.n; i++) {
        const struct query *q = walk->queries.items[i];
        bool answered = q->answer_frame && (q->rcode == 0 || q->rcode == 3);
        if (answered &&
            (asks_address(q) ? asks_address(last) || q->answer_count > 0 : q->type == last->type))
            return true;
    }
    return false;
}

static enum resolution_outcome outcome_of(const struct walker *w, const struct walk *walk) {
    const struct query *last = walk->queries.items[walk->queries.n - 1];

    if (walk->resolution->server_count && got_answers(walk))
        return RESOLUTION_RESOLVED;
    for (size_t i = walk->queries.n; i-- > 0;) {
        const struct query *q = walk->queries.items[i];
        int64_t sent = q->send_count ? q->times_ns[q->send_count - 1] : q->t_ns;
        if (!q->answer_frame && w->telling->c->end_ns - sent < ANSWER_WAIT_NS)
            return RESOLUTION_CUT;
    }
    if (!last->answer_frame)
        return RESOLUTION_UNANSWERED;
    return last->rcode == 0 || last->rcode == 3 ? RESOLUTION_NEGATIVE : RESOLUTION_FAILED;
}

/* Does the walk begin with what its mode begins with, or did a cache serve its first steps? */
static bool begins_at_root(const struct walk *walk) {
    for (size_t i = 0; i < walk->queries.n; i++)
        if (is_first_step(walk->queries.items[i], walk->resolution->host))
            return true;
    return false;
}

static void finish(struct walker *w) {
    struct arena *arena = &w->telling->story->arena;
    struct resolution **list = ARENA_ARRAY(arena, struct resolution *, w->walks.n);

    for (size_t i = 0; i < w->walks.n; i++) {
        struct walk *walk = &w->walks.items[i];
        struct resolution *r = walk->resolution;
        struct query **queries = ARENA_ARRAY(arena, struct query *, walk->queries.n);
        r->end_ns = r->t_ns;
        for (size_t q = 0; q < walk->queries.n; q++) {
            queries[q] = walk->queries.items[q];
            if (queries[q]->answer_frame && queries[q]->answer_t_ns > r->end_ns)
                r->end_ns = queries[q]->answer_t_ns;
        }
        r->queries = queries;
        r->query_count = walk->queries.n;
        rank(w, walk);
        r->outcome = outcome_of(w, walk);
        r->starts_midway = !begins_at_root(walk);
        list[i] = r;
    }
    w->phone->phone.resolutions = list;
    w->phone->phone.resolution_count = w->walks.n;
}

/* The collection's queries as the story gives them. */
static void fill_queries(struct walker *w) {
    struct collection *c = w->telling->c;
    struct arena *arena = &w->telling->story->arena;

    w->query_count = w->phone->queries.n;
    w->queries = ARENA_ARRAY(arena, struct query *, w->query_count);
    for (size_t i = 0; i < w->query_count; i++) {
        struct seen_query *seen = &c->queries.items[w->phone->queries.items[i]];
        struct query *q = seen->query;
        q->send_count = seen->sends.count;
        q->frames = tell_frames(w->telling, &seen->sends);
        q->times_ns = tell_times(w->telling, &seen->sends);
        w->queries[i] = q;

        list_query(w, q->name, q->type, q);
        for (size_t r = 0; r < q->record_count; r++)
            if (q->records[r].section == DNS_ADDITIONAL)
                list_query(w, q->records[r].name, (uint32_t)q->records[r].type | IN_ADDITIONAL, q);
    }
    for (size_t i = 0; i < w->phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[w->phone->txs.items[i]];
        uint64_t key = index_key(&tx->dst.ip, sizeof tx->dst.ip, 51);
        if (index_get(&w->tx_to, key) == NONE)
            index_put(&w->tx_to, key, w->phone->txs.items[i]);
    }
    w->phone->phone.queries = w->queries;
    w->phone->phone.query_count = w->query_count;
}

void tell_resolutions(struct telling *telling, struct phone_draft *phone) {
    struct walker w = {.telling = telling, .phone = phone};

    fill_queries(&w);
    for (size_t i = 0; i < w.query_count; i++)
        if (relevant(w.queries[i]))
            add_to_walk(&w, w.queries[i]);
    finish(&w);
    for (size_t i = 0; i < w.walks.n; i++)
        ARRAY_FINI(&w.walks.items[i].queries);
    ARRAY_FINI(&w.walks);
    ARRAY_FINI(&w.roots);
    ARRAY_FINI(&w.answer);
    for (size_t i = 0; i < w.lists.n; i++)
        ARRAY_FINI(&w.lists.items[i].queries);
    ARRAY_FINI(&w.lists);
    struct index_map *maps[] = {&w.walk_of_host, &w.root_of_name, &w.list_of_name, &w.tx_to};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        index_fini(maps[i]);
}
