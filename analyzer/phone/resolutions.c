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
    uint32_t before; /* the walk of this host before it: index into walks; NONE: none */
    ARRAY_OF(struct query *) queries;
};

/* The queries for one name and type, or whose answers carry records of it unasked, in order of
 * time.
 */
struct query_list {
    const struct query *told; /* the newest that was answered with a use for a list */
    ARRAY_OF(const struct query *) queries;
};

/* Beside the types of DNS: records that were not asked for. */
enum { UNASKED = 1 << 16 };

struct walker {
    struct telling *telling;
    struct phone_draft *phone;
    ARRAY_OF(struct walk) walks;
    struct index_map walk_of_host; /* host -> index of its current walk */
    struct index_map root_of_name; /* a name in an answer -> index into roots */
    ARRAY_OF(const char *) roots;
    struct index_map list_of_name; /* (name, type) -> index into lists */
    ARRAY_OF(struct query_list) lists;
    /* When an answer came that told something else than the one before it for the same name. */
    ARRAY_OF(int64_t) news;
    struct query **queries;
    size_t query_count;
    int64_t until_ns; /* lookups answered later do not count (rank lookup) */
    ARRAY_OF(const struct fact_record *) answer;
    struct index_map tx_to;          /* address -> the phone's first transaction to it, */
    size_t tx_to_next;               /* of those before this one of its transactions */
    bool supported[TRANSPORT_COUNT]; /* UDP, TCP, TLS; others where the phone uses them */
    enum transport usual;            /* where no record says it: UDP, or that other one */
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
        if ((r->section != DNS_ANSWER && r->section != DNS_ADDITIONAL) || !r->target ||
            strcmp(r->target, ".") == 0)
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
    uint32_t before = index_get(&w->walk_of_host, key), at = before;

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
        walk->resolution = arena_new(w->telling->arena, sizeof *walk->resolution);
        walk->resolution->host = root;
        walk->resolution->t_ns = q->t_ns;
        walk->before = before;
        index_put(&w->walk_of_host, key, at);
    }
    *ARRAY_ADD(&w->walks.items[at].queries) = q;
    if (q->answer_frame)
        follow_answer(w, q, root);
}

/* ---- the list that follows ---- */

static bool tells(const struct query *q) {
    return q->answer_frame && (q->rcode == 0 || q->rcode == 3);
}

static void list_query(struct walker *w, const char *name, uint32_t type, const struct query *q) {
    uint64_t key = name_key(name, type);
    uint32_t at = index_get(&w->list_of_name, key);

    if (at == NONE) {
        at = (uint32_t)w->lists.n;
        ARRAY_PUSH(&w->lists);
        index_put(&w->list_of_name, key, at);
    }
    struct query_list *list = &w->lists.items[at];
    *ARRAY_ADD(&list->queries) = q;
    if (!tells(q))
        return;
    /* Equal answers share their records (collect_dns.c). */
    if (!list->told || list->told->records != q->records ||
        list->told->record_count != q->record_count || q->answer_t_ns < list->told->answer_t_ns)
        *ARRAY_ADD(&w->news) = q->answer_t_ns;
    list->told = q;
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
        if (tells(q) && q->answer_t_ns <= w->until_ns)
            return q;
    }
    return NULL;
}

/* An answer may bring along what it leads to: SRV records and addresses, in the additional section
 * (RFC 3263 4.1, RFC 2782) or among its own records. */
static bool is_unasked(const struct query *q, const struct fact_record *r) {
    return r->section == DNS_ADDITIONAL || (r->section == DNS_ANSWER && r->type != q->type);
}

/* What the phone knew of a name: its lookup of it; for what it did not ask for, the answer that
 * brought it along. */
static bool phone_lookup(void *context, const char *name, uint16_t type,
                         struct lookup_answer *answer) {
    struct walker *w = context;
    const struct query *found = newest_answer(w, name, type);
    bool unasked = !found;

    if (unasked)
        found = newest_answer(w, name, type | UNASKED);
    if (!found)
        return false;
    w->answer.n = 0;
    for (size_t i = 0; i < found->record_count; i++) {
        const struct fact_record *r = &found->records[i];
        if (r->type == type &&
            (unasked ? is_unasked(found, r) && r->name == name : r->section == DNS_ANSWER))
            *ARRAY_ADD(&w->answer) = r;
    }
    *answer = (struct lookup_answer){w->answer.items, w->answer.n, found->answer_t_ns};
    return true;
}

static int64_t sent_ns(const struct walker *w, const struct tx *tx) {
    return w->telling->c->seen.items[tx->sends.first].t_ns;
}

/* The phone's first transaction to an address; NULL: none. */
static const struct tx *first_to(struct walker *w, const struct ip_addr *ip) {
    const struct collection *c = w->telling->c;

    for (; w->tx_to_next < w->phone->txs.n; w->tx_to_next++) {
        uint32_t index = w->phone->txs.items[w->tx_to_next];
        uint64_t key = index_key(&c->txs.items[index].dst.ip, sizeof *ip, 51);
        if (index_get(&w->tx_to, key) == NONE)
            index_put(&w->tx_to, key, index);
    }
    uint32_t at = index_get(&w->tx_to, index_key(ip, sizeof *ip, 51));
    return at == NONE ? NULL : &c->txs.items[at];
}

/* The transport and port that the phone used at an address: first after a time, else first of all.
 * This fills in what records left open. */
static void guess_by_use(struct walker *w, struct ranked_server *server, int64_t since_ns) {
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
    if (!used)
        used = first_to(w, &server->server.ip);
    if (!used)
        return;
    if (!server->transport_known)
        server->server.transport = used->transport;
    if (!server->port_known)
        server->server.port = used->dst.port;
}

static int by_time(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Did any answer of this time, (from, to], tell something else than the one before it? */
static bool has_news(const struct walker *w, int64_t from_ns, int64_t to_ns) {
    size_t low = 0, high = w->news.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->news.items[middle] <= from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->news.n && w->news.items[low] <= to_ns;
}

/* The same questions in the same order? */
static bool asks_alike(const struct walk *a, const struct walk *b) {
    if (a->queries.n != b->queries.n)
        return false;
    for (size_t i = 0; i < a->queries.n; i++)
        if (a->queries.items[i]->name != b->queries.items[i]->name ||
            a->queries.items[i]->type != b->queries.items[i]->type)
            return false;
    return true;
}

/* A phone asks the same again at each renewal, and mostly is told the same: then the list of the
 * walk before serves this one, too. false: it has to be worked out. */
static bool rank_again(const struct walker *w, const struct walk *walk) {
    const struct walk *before = walk->before == NONE ? NULL : &w->walks.items[walk->before];
    struct resolution *r = walk->resolution;

    if (!before || !asks_alike(walk, before) || has_news(w, before->resolution->end_ns, r->end_ns))
        return false;
    for (size_t i = 0; i < before->resolution->server_count; i++)
        if (!before->resolution->servers[i].transport_known ||
            !before->resolution->servers[i].port_known)
            return false; /* guessed by what the phone did then */
    r->servers = before->resolution->servers;
    r->server_count = before->resolution->server_count;
    return true;
}

static void find_supported(struct walker *w) {
    for (size_t i = 0; i <= TRANSPORT_TLS; i++)
        w->supported[i] = true;
    for (size_t i = 0; i < w->phone->txs.n; i++) {
        enum transport used = w->telling->c->txs.items[w->phone->txs.items[i]].transport;
        w->supported[used] = true;
        if (used > TRANSPORT_TLS)
            w->usual = used;
    }
}

static void rank(struct walker *w, struct walk *walk) {
    struct resolution *r = walk->resolution;
    struct rank_order order = {.host = r->host, .start = RANK_ADDRESS, .transport = w->usual};
    struct lookup_answer answer;
    bool complete;

    if (rank_again(w, walk))
        return;
    memcpy(order.supported, w->supported, sizeof order.supported);
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
                                   w->telling->arena, &servers, &complete);
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
    struct arena *arena = w->telling->arena;
    struct resolution **list = ARENA_ARRAY(arena, struct resolution *, w->walks.n);

    array_sort(w->news.items, w->news.n, sizeof *w->news.items, by_time);
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
    struct arena *arena = w->telling->arena;

    const uint32_t *at = w->phone->queries.items;
    w->query_count = w->phone->queries.n;
    w->queries = ARENA_ARRAY(arena, struct query *, w->query_count);
    for (size_t i = 0; i < w->query_count; i++) {
        /* They lie as the capture brought them, those of one phone far apart. */
        if (i + 8 < w->query_count)
            __builtin_prefetch(&c->queries.items[at[i + 8]]);
        if (i + 4 < w->query_count)
            __builtin_prefetch(c->queries.items[at[i + 4]].query);
        struct seen_query *seen = &c->queries.items[at[i]];
        struct query *q = seen->query;
        q->send_count = seen->sends.count;
        q->frames = tell_frames(w->telling, &seen->sends);
        q->times_ns = tell_times(w->telling, &seen->sends);
        w->queries[i] = q;

        list_query(w, q->name, q->type, q);
        for (size_t r = 0; r < q->record_count; r++)
            if (is_unasked(q, &q->records[r]))
                list_query(w, q->records[r].name, (uint32_t)q->records[r].type | UNASKED, q);
    }
    w->phone->phone.queries = w->queries;
    w->phone->phone.query_count = w->query_count;
}

void tell_resolutions(struct telling *telling, struct phone_draft *phone) {
    struct walker w = {.telling = telling, .phone = phone};

    find_supported(&w);
    fill_queries(&w);
    for (size_t i = 0; i < w.query_count; i++)
        if (relevant(w.queries[i]))
            add_to_walk(&w, w.queries[i]);
    finish(&w);
    for (size_t i = 0; i < w.walks.n; i++)
        ARRAY_FINI(&w.walks.items[i].queries);
    ARRAY_FINI(&w.walks);
    ARRAY_FINI(&w.roots);
    ARRAY_FINI(&w.news);
    ARRAY_FINI(&w.answer);
    for (size_t i = 0; i < w.lists.n; i++)
        ARRAY_FINI(&w.lists.items[i].queries);
    ARRAY_FINI(&w.lists);
    struct index_map *maps[] = {&w.walk_of_host, &w.root_of_name, &w.list_of_name, &w.tx_to};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        index_fini(maps[i]);
}
