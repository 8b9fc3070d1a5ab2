/* The server list in force for each request of an account (contract section 1: host, server list).
 *
 *     entries of servers[] or outbound_proxies[] ─┐                  ┌─ numeric, or dns.mode
 *     else the host that the account resolved ────┴─ rank_servers ───┴─ configured: no lookup
 *                                                       │
 *                                     answers of the phone, dns.static, dns.known at that time
 *
 * A list stays in force until a newer answer for one of its names comes: it is worked out once for
 * all requests in between. */
#include "rules/server_view.h"

#include <stdlib.h>
#include <string.h>

enum { DATED_MIN = 8 };

/* A list and the time in which it is the right one. */
struct dated_list {
    bool used;
    const char *host;
    const struct server_expectation *entry;
    int64_t from_ns, until_ns;
    struct rank_order order; /* the same for all lists of the host and entry */
    bool numeric;
    struct server_list list;
};

struct builder {
    struct record_index *records;
    const struct story *story;
    const struct account *account;
    const struct expectations *expect;
    struct arena *arena;
    const struct server_expectation *entries; /* proxies before servers */
    size_t entry_count;
    struct dated_list *dated; /* a ring */
    size_t dated_count, next_dated;
    /* The lists that were joined last, and the outcome. */
    struct server_list *joined_of;
    size_t joined_of_count;
    struct server_list joined;
    bool supported[TRANSPORT_COUNT];
    enum transport usual; /* where neither records nor configuration say it */
};

/* ---- one list ---- */

bool server_view_transport(enum server_transport from, enum transport *transport) {
    static const enum transport transports[] = {
        [SERVER_UDP] = TRANSPORT_UDP, [SERVER_TCP] = TRANSPORT_TCP, [SERVER_TLS] = TRANSPORT_TLS,
        [SERVER_WS] = TRANSPORT_WS,   [SERVER_WSS] = TRANSPORT_WSS, [SERVER_SCTP] = TRANSPORT_SCTP,
    };

    if (from == SERVER_NAPTR || from == SERVER_TRANSPORT_UNSET)
        return false;
    *transport = transports[from];
    return true;
}

/* RFC 3263 4.1, as far as dns.mode leaves it to the configuration. */
enum rank_start server_view_start(const struct expectations *expect,
                                  const struct server_expectation *entry) {
    enum transport transport;

    switch (expect->dns.mode) {
    case DNS_MODE_CONFIGURED:
    case DNS_MODE_A:
        return RANK_ADDRESS;
    case DNS_MODE_SRV:
        return RANK_SRV;
    case DNS_MODE_NAPTR:
    case DNS_MODE_AUTO:
        break;
    }
    if (!entry)
        return RANK_NAPTR;
    /* What a WebSocket URI names is looked up as any web server is (RFC 6455 4.1). */
    if (entry->port || entry->transport == SERVER_WS || entry->transport == SERVER_WSS)
        return RANK_ADDRESS;
    if (expect->dns.mode == DNS_MODE_AUTO && server_view_transport(entry->transport, &transport))
        return RANK_SRV;
    return RANK_NAPTR;
}

static const struct server_expectation *entries_of(const struct expectations *expect,
                                                   size_t *count) {
    if (expect->outbound_proxy_count) {
        *count = expect->outbound_proxy_count;
        return expect->outbound_proxies;
    }
    *count = expect->server_count;
    return expect->servers;
}

bool server_view_has_entries(const struct expectations *expect) {
    size_t count;

    entries_of(expect, &count);
    return count > 0;
}

const struct server_expectation *server_view_entry(const struct expectations *expect,
                                                   const char *host) {
    size_t count;
    const struct server_expectation *entries = entries_of(expect, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].host, host) == 0)
            return &entries[i];
    return NULL;
}

bool server_view_asks(const struct judge *judge, enum rank_start start) {
    const struct expectations *expect = judge->expect;
    struct ip_addr ip;
    size_t count;
    const struct server_expectation *entries = entries_of(expect, &count);

    if (expect->dns.mode == DNS_MODE_CONFIGURED)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ip_parse(slice_of_text(entries[i].host), &ip) &&
            server_view_start(expect, &entries[i]) <= start)
            return true;
    if (count || server_view_start(expect, NULL) > start)
        return false;
    return !judge->account->host || !ip_parse(slice_of_text(judge->account->host), &ip);
}

/* The SRV names to walk, in the order in which the phone asked for them: without NAPTR the order of
 * transports is the phone's own (RFC 3263 4.1). */
static void order_srv(struct builder *b, const struct server_expectation *entry,
                      struct rank_order *order) {
    const bool *wanted =
        order->start == RANK_NAPTR ? b->expect->dns.srv_without_naptr : b->expect->dns.transports;
    int64_t asked[TRANSPORT_COUNT];
    size_t n = 0;

    if (entry && server_view_transport(entry->transport, &order->srv_transports[0])) {
        order->srv_transport_count = 1;
        return;
    }
    for (int t = 0; t < TRANSPORT_COUNT; t++) {
        enum transport transport = (enum transport)t;
        if (!wanted[t])
            continue;
        int64_t when = record_index_asked(
            b->records, rank_srv_name(record_index_names(b->records), transport, order->host),
            DNS_SRV);
        size_t at = n++;
        for (; at && asked[at - 1] > when; at--) {
            asked[at] = asked[at - 1];
            order->srv_transports[at] = order->srv_transports[at - 1];
        }
        asked[at] = when;
        order->srv_transports[at] = transport;
    }
    order->srv_transport_count = n;
}

/* Did the phone ask for more than addresses, so that no port can have been configured? */
static bool chain_without_port(struct builder *b, const char *host) {
    struct intern *names = record_index_names(b->records);

    if (record_index_asked(b->records, host, DNS_NAPTR) != INT64_MAX)
        return true;
    for (int t = 0; t < TRANSPORT_COUNT; t++)
        if (record_index_asked(b->records, rank_srv_name(names, (enum transport)t, host),
                               DNS_SRV) != INT64_MAX)
            return true;
    return false;
}

/* record_lookup, but a name whose addresses nobody asked for by then answers with a placeholder, so
 * that its rank is kept: the phone passed it over, or will ask when its turn comes. */
struct placeholder_lookup {
    struct record_moment moment;
    const struct fact_record *record; /* what the answer points to */
    struct builder *builder;
    uint32_t made;
};

static bool is_asked(struct placeholder_lookup *lookup, const char *name, uint16_t type) {
    return record_index_asked(lookup->moment.index, name, type) <= lookup->moment.end_ns;
}

static bool lookup_or_placeholder(void *context, const char *name, uint16_t type,
                                  struct lookup_answer *answer) {
    struct placeholder_lookup *lookup = context;
    struct lookup_answer other;

    if (record_lookup(&lookup->moment, name, type, answer))
        return true;
    if (type != DNS_A || is_asked(lookup, name, DNS_A) || is_asked(lookup, name, DNS_AAAA) ||
        record_lookup(&lookup->moment, name, DNS_AAAA, &other))
        return false;
    struct fact_record *record = arena_new(lookup->builder->arena, sizeof *record);
    lookup->made++;
    memcpy(record->address.bytes, &lookup->made, sizeof lookup->made); /* len 0, each another */
    lookup->record = record;
    *answer = (struct lookup_answer){.records = &lookup->record, .count = 1};
    return true;
}

/* Take the placeholders out of the ranked servers. */
static void split_unresolved(struct server_list *list, struct arena *arena) {
    struct ranked_server *servers = ARENA_ARRAY(arena, struct ranked_server, list->count);
    struct ranked_server *unresolved = ARENA_ARRAY(arena, struct ranked_server, list->count);
    size_t n = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->servers[i].server.ip.len)
            servers[n++] = list->servers[i];
        else
            unresolved[list->unresolved_count++] = list->servers[i];
    }
    list->servers = servers;
    list->count = n;
    list->unresolved = unresolved;
}

/* How the lookups of a host are walked. It rests on what was asked at all, whenever that was, and
 * so does not change from request to request. */
static void plan_list(struct builder *b, const char *host, const struct server_expectation *entry,
                      struct dated_list *dated) {
    struct rank_order *order = &dated->order;
    struct ip_addr ip;

    *dated = (struct dated_list){.used = true, .host = host, .entry = entry};
    dated->numeric = ip_parse(slice_of_text(host), &ip);
    order->host = host;
    order->start = server_view_start(b->expect, entry);
    memcpy(order->supported, b->supported, sizeof order->supported);
    order->transport = b->usual; /* UDP: RFC 3263 4.1, of a numeric host or a port */
    if (entry) {
        order->transport_known = server_view_transport(entry->transport, &order->transport);
        order->port = entry->port;
        order->port_known = true;
    } else {
        order->port_known = chain_without_port(b, host);
    }
    order_srv(b, entry, order);
}

static void build_list(struct builder *b, const struct request *request, struct dated_list *dated) {
    struct placeholder_lookup lookup = {
        .moment = {b->records, request->t_ns, request->end_ns, INT64_MAX}, .builder = b};
    struct server_list *list = &dated->list;

    dated->from_ns = request->t_ns;
    dated->until_ns = INT64_MAX;
    *list = (struct server_list){
        .host = dated->host, .entry = dated->entry, .configured = dated->entry != NULL};
    list->complete = true;
    if (dated->numeric && !dated->entry)
        return; /* who is the backup of an address that somebody typed in? */
    struct ranked_server *servers;
    list->count = rank_servers(&dated->order, lookup_or_placeholder, &lookup,
                               record_index_names(b->records), b->arena, &servers, &list->complete);
    list->servers = servers;
    if (lookup.made)
        split_unresolved(list, b->arena);
    list->complete = !lookup.made;
    dated->until_ns = lookup.moment.until_ns;
}

/* The list of a host (and entry) for a request: one that is still in force, or a new one. */
static const struct server_list *list_of(struct builder *b, const char *host,
                                         const struct server_expectation *entry,
                                         const struct request *request) {
    struct dated_list *dated = NULL;

    for (size_t i = 0; i < b->dated_count && !dated; i++)
        if (b->dated[i].used && b->dated[i].entry == entry &&
            (b->dated[i].host == host || strcmp(b->dated[i].host, host) == 0))
            dated = &b->dated[i];
    if (dated && dated->from_ns <= request->t_ns && request->end_ns < dated->until_ns)
        return &dated->list;
    if (!dated) {
        dated = &b->dated[b->next_dated++ % b->dated_count];
        plan_list(b, host, entry, dated);
    }
    build_list(b, request, dated);
    return &dated->list;
}

/* ---- lists of several entries ---- */

/* Copy servers behind those that are there, their ranks after `rank`; *last: the highest so far. */
static size_t append(struct ranked_server *to, size_t n, const struct ranked_server *from,
                     size_t count, unsigned rank, unsigned *last) {
    for (size_t i = 0; i < count; i++) {
        to[n + i] = from[i];
        to[n + i].rank += rank;
        if (to[n + i].rank > *last)
            *last = to[n + i].rank;
    }
    return n + count;
}

/* Lists one after the other, the ranks counting on. */
static void join(struct builder *b, const struct server_list *lists, size_t n) {
    size_t servers = 0, unresolved = 0;
    unsigned rank = 0;

    b->joined = lists[0];
    b->joined.count = b->joined.unresolved_count = 0;
    for (size_t i = 0; i < n; i++) {
        servers += lists[i].count;
        unresolved += lists[i].unresolved_count;
        b->joined.complete = b->joined.complete && lists[i].complete;
    }
    struct ranked_server *known = ARENA_ARRAY(b->arena, struct ranked_server, servers + 1);
    struct ranked_server *unknown = ARENA_ARRAY(b->arena, struct ranked_server, unresolved + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned last = rank;
        b->joined.count =
            append(known, b->joined.count, lists[i].servers, lists[i].count, rank, &last);
        b->joined.unresolved_count =
            append(unknown, b->joined.unresolved_count, lists[i].unresolved,
                   lists[i].unresolved_count, rank, &last);
        rank = last;
    }
    b->joined.servers = known;
    b->joined.unresolved = unknown;
}

/* The same, but where nothing changed since the last time, what came out then. */
static struct server_list joined(struct builder *b, const struct server_list *lists, size_t n) {
    bool same = b->joined_of_count == n;

    for (size_t i = 0; same && i < n; i++)
        same = b->joined_of[i].servers == lists[i].servers &&
               b->joined_of[i].count == lists[i].count &&
               b->joined_of[i].unresolved == lists[i].unresolved;
    if (!same) {
        join(b, lists, n);
        b->joined_of_count = n;
        memcpy(b->joined_of, lists, n * sizeof *lists);
    }
    return b->joined;
}

/* dns.mode configured: all entries are one ranked list. */
static struct server_list configured_list(struct builder *b, const struct request *request) {
    struct server_list *lists = ARENA_ARRAY(b->arena, struct server_list, b->entry_count);

    for (size_t i = 0; i < b->entry_count; i++)
        lists[i] = *list_of(b, b->entries[i].host, &b->entries[i], request);
    return joined(b, lists, b->entry_count);
}

static const struct server *first_server(const struct request *request) {
    return request->attempt_count ? &request->attempts[0].server : NULL;
}

/* Two configured servers are two lists, but for a request that goes on from one to the other. */
static struct server_list two_lists(struct builder *b, const struct request *request) {
    struct server_list of[2];
    const struct server *server = first_server(request);
    size_t at = 0;

    for (size_t i = 0; i < 2; i++)
        of[i] = *list_of(b, b->entries[i].host, &b->entries[i], request);
    if (server && !server_list_find(&of[0], server) &&
        (server_list_find(&of[1], server) ||
         (!server_list_find_near(&of[0], server) && server_list_find_near(&of[1], server))))
        at = 1;
    /* Connections that failed, and nobody knows for what: they may have been REGISTERs. */
    if (request->method == SIP_REGISTER || request->method == SIP_UNKNOWN_METHOD) {
        struct server_list *other = arena_new(b->arena, sizeof *other);
        *other = of[1 - at];
        of[at].other = other;
        return of[at];
    }
    if (!of[0].count || !of[1].count)
        return of[at];
    struct server_list both = joined(b, of, 2);
    both.entry = of[at].entry;
    both.joined = true;
    return both;
}

/* ---- the view ---- */

static const struct resolution *resolution_for(const struct request *request, const char *host) {
    const struct resolution *resolution = request->resolution;

    return resolution && host && strcmp(resolution->host, host) == 0 ? resolution : NULL;
}

/* Without configuration: the account's host, unless the request went where the lookups of another
 * name led (the domain of a Request-URI). */
static struct server_list resolved_list(struct builder *b, const struct request *request) {
    const struct resolution *resolution = request->resolution;
    const struct server *server = first_server(request);
    const char *host = b->account->host;
    struct server_list list = {.host = host, .complete = true};

    if (host)
        list = *list_of(b, host, NULL, request);
    if (resolution && server && resolution->host &&
        (!host || strcmp(resolution->host, host) != 0) && !server_list_find_near(&list, server)) {
        const struct server_list *led = list_of(b, resolution->host, NULL, request);
        if (server_list_find_near(led, server))
            list = *led;
    }
    return list;
}

/* The host part of sip:user@host:port;parameters. */
static bool uri_host_is(const char *text, const char *host) {
    struct sip_uri uri;

    return text && sip_uri_parse(slice_of_text(text), &uri) &&
           slice_eq_nocase(uri.host, slice_of_text(host));
}

/* Was the first step of a host's lookups seen by then? */
static bool is_looked_up(struct builder *b, const char *host, int64_t t_ns) {
    struct intern *names = record_index_names(b->records);

    if (record_index_asked(b->records, host, DNS_NAPTR) <= t_ns ||
        record_index_asked(b->records, host, DNS_A) <= t_ns ||
        record_index_asked(b->records, host, DNS_AAAA) <= t_ns)
        return true;
    for (int t = 0; t < TRANSPORT_COUNT; t++)
        if (record_index_asked(b->records, rank_srv_name(names, (enum transport)t, host),
                               DNS_SRV) <= t_ns)
            return true;
    return false;
}

/* Is there a configured name of which the capture has shown nothing by the end of the request? */
static bool has_unasked_name(struct builder *b, const struct request *request) {
    struct ip_addr ip;

    for (size_t i = 0; i < b->entry_count; i++) {
        const struct server_expectation *entry = &b->entries[i];
        if (!ip_parse(slice_of_text(entry->host), &ip) &&
            !is_looked_up(b, entry->host, request->end_ns) &&
            !list_of(b, entry->host, entry, request)->count)
            return true;
    }
    return false;
}

/* A name of which only addresses were asked, and that is not the account's domain, may be a target
 * of SRV records that the phone got before the capture: there may be others beside it. */
static bool is_midway(struct builder *b, const struct server_list *list,
                      const struct request *request) {
    return !list->configured && list->count && list->looked_up && !list->servers[0].from_srv &&
           !list->servers[0].from_naptr && !chain_without_port(b, list->host) &&
           !uri_host_is(b->account->aor, list->host) && !uri_host_is(request->uri, list->host);
}

static struct server_list request_list(struct builder *b, const struct request *request) {
    struct server_list list;

    if (!b->entry_count)
        list = resolved_list(b, request);
    else if (b->expect->dns.mode == DNS_MODE_CONFIGURED)
        list = configured_list(b, request);
    else if (b->entry_count == 1)
        list = *list_of(b, b->entries[0].host, &b->entries[0], request);
    else
        list = two_lists(b, request);
    list.resolution = resolution_for(request, list.host);
    list.looked_up = list.host && is_looked_up(b, list.host, request->t_ns);
    list.midway = is_midway(b, &list, request);
    list.name_unasked = has_unasked_name(b, request);
    return list;
}

static bool entry_matches(const struct account *account, const struct server_expectation *entry) {
    struct ip_addr ip;
    bool numeric = ip_parse(slice_of_text(entry->host), &ip);

    if ((account->host && strcmp(account->host, entry->host) == 0) ||
        uri_host_is(account->aor, entry->host))
        return true;
    for (size_t i = 0; i < account->resolution_count; i++)
        if (strcmp(account->resolutions[i]->host, entry->host) == 0)
            return true;
    /* The first request says where an account that resolves nothing goes. */
    for (size_t i = 0; i < account->request_count; i++) {
        const struct server *server = first_server(&account->requests[i]);
        if (numeric && server && ip_eq(&server->ip, &ip))
            return true;
        if (uri_host_is(account->requests[i].uri, entry->host))
            return true;
        if (i >= 16)
            break;
    }
    return false;
}

/* Names that lead where the phone goes, by records that the expectations hold. */
static bool entry_leads_there(struct builder *b, const struct server_expectation *entry) {
    for (size_t i = 0; i < b->account->request_count && i < 16; i++) {
        const struct request *request = &b->account->requests[i];
        const struct server *server = first_server(request);
        if (server && server_list_find_near(list_of(b, entry->host, entry, request), server))
            return true;
    }
    return false;
}

static bool is_matched(struct builder *b) {
    const struct expectations *expect = b->expect;

    if (!b->entry_count)
        return true;
    for (size_t i = 0; i < expect->outbound_proxy_count; i++)
        if (entry_matches(b->account, &expect->outbound_proxies[i]))
            return true;
    for (size_t i = 0; i < expect->server_count; i++)
        if (entry_matches(b->account, &expect->servers[i]))
            return true;
    for (size_t i = 0; i < b->entry_count; i++)
        if (entry_leads_there(b, &b->entries[i]))
            return true;
    return false;
}

/* Profiles speak of UDP, TCP and TLS. Whoever is seen on another transport supports it. */
static void find_supported(struct builder *b) {
    const struct account *account = b->account;

    memcpy(b->supported, b->expect->dns.transports, sizeof b->supported);
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t a = 0; a < account->requests[r].attempt_count; a++) {
            enum transport used = account->requests[r].attempts[a].server.transport;
            if (used > TRANSPORT_TLS) {
                b->supported[used] = true;
                b->usual = used;
            }
        }
}

static struct builder builder_of(struct record_index *records, const struct story *story,
                                 const struct account *account, const struct expectations *expect,
                                 struct arena *arena) {
    struct builder b = {
        .records = records, .story = story, .account = account, .expect = expect, .arena = arena};

    find_supported(&b);
    b.entries = entries_of(expect, &b.entry_count);
    b.dated_count = b.entry_count > DATED_MIN ? b.entry_count : DATED_MIN;
    b.dated = ARENA_ARRAY(arena, struct dated_list, b.dated_count);
    b.joined_of = ARENA_ARRAY(arena, struct server_list, b.entry_count + 1);
    return b;
}

bool server_view_fits(struct record_index *records, const struct story *story,
                      const struct account *account, const struct expectations *expect,
                      struct arena *arena) {
    struct builder b = builder_of(records, story, account, expect, arena);

    return is_matched(&b);
}

void server_view_build_with(struct server_view *view, struct record_index *records,
                            const struct story *story, const struct phone *phone,
                            const struct account *account, const struct expectations *expect,
                            struct arena *arena) {
    struct builder b = builder_of(records, story, account, expect, arena);

    (void)phone;
    *view = (struct server_view){.count = account->request_count};
    memcpy(view->supported, b.supported, sizeof view->supported);
    view->matched = is_matched(&b);
    view->lists = ARENA_ARRAY(arena, struct server_list, view->count ? view->count : 1);
    for (size_t i = 0; view->matched && i < view->count; i++)
        view->lists[i] = request_list(&b, &account->requests[i]);
}

void server_view_build(struct server_view *view, const struct story *story,
                       const struct phone *phone, const struct account *account,
                       const struct expectations *expect, struct arena *arena) {
    struct record_index *records = record_index_new(phone, expect, arena);

    server_view_build_with(view, records, story, phone, account, expect, arena);
    record_index_free(records);
}

const struct server_list *server_view_list(const struct judge *judge,
                                           const struct request *request) {
    const struct server_view *view = judge->view;
    size_t at = (size_t)(request - judge->account->requests);

    if (!view || at >= view->count || !view->lists[at].count)
        return NULL;
    return &view->lists[at];
}

/* ---- finding servers ---- */

enum { STRICT, ANY_TRANSPORT, ANY_PORT };

static bool is_at(const struct ranked_server *ranked, const struct server *server, int how) {
    if (!ip_eq(&ranked->server.ip, &server->ip))
        return false;
    if (how < ANY_PORT && ranked->port_known && ranked->server.port != server->port)
        return false;
    return how >= ANY_TRANSPORT || !ranked->transport_known ||
           ranked->server.transport == server->transport;
}

static const struct ranked_server *find(const struct server_list *list, const struct server *server,
                                        int how) {
    for (size_t i = 0; i < list->count; i++)
        if (server_eq(&list->servers[i].server, server))
            return &list->servers[i];
    for (size_t i = 0; i < list->count; i++)
        if (is_at(&list->servers[i], server, how))
            return &list->servers[i];
    return NULL;
}

const struct ranked_server *server_list_find(const struct server_list *list,
                                             const struct server *server) {
    return find(list, server, STRICT);
}

const struct ranked_server *server_list_find_near(const struct server_list *list,
                                                  const struct server *server) {
    const struct ranked_server *found = NULL;

    for (int how = STRICT; !found && how <= ANY_PORT; how++)
        found = find(list, server, how);
    return found;
}

/* ---- the expectations for a list ---- */

const struct retry_expectations *judge_retry(const struct judge *judge,
                                             const struct server_list *list) {
    return list && list->entry ? &list->entry->retry : &judge->expect->retry;
}

const struct failover_expectations *judge_failover(const struct judge *judge,
                                                   const struct server_list *list) {
    return list && list->entry ? &list->entry->failover : &judge->expect->failover;
}

const struct failback_expectations *judge_failback(const struct judge *judge,
                                                   const struct server_list *list) {
    return list && list->entry ? &list->entry->failback : &judge->expect->failback;
}
