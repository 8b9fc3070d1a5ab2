/* One host's server list, worked out from what the phone knew at the time. */
#include "rules/dated_lists.h"

#include <string.h>

#include "rules/server_entries.h"

enum { LISTS_MIN = 8 };

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

void dated_lists_init(struct dated_lists *lists, size_t entry_count) {
    lists->count = entry_count > LISTS_MIN ? entry_count : LISTS_MIN;
    lists->items = ARENA_ARRAY(lists->arena, struct dated_list, lists->count);
}

/* The SRV names to walk, in the order in which the phone asked for them: without NAPTR the order of
 * transports is the phone's own (RFC 3263 4.1). */
static void order_srv(struct dated_lists *lists, const struct server_expectation *entry,
                      struct rank_order *order) {
    const bool *wanted = order->start == RANK_NAPTR ? lists->expect->dns.srv_without_naptr
                                                    : lists->expect->dns.transports;
    int64_t asked[TRANSPORT_COUNT];
    size_t n = 0;

    if (entry && server_entry_transport(entry->transport, &order->srv_transports[0])) {
        order->srv_transport_count = 1;
        return;
    }
    for (int t = 0; t < TRANSPORT_COUNT; t++) {
        enum transport transport = (enum transport)t;
        if (!wanted[t])
            continue;
        int64_t when = record_index_asked(
            lists->records,
            rank_srv_name(record_index_names(lists->records), transport, order->host), DNS_SRV);
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

bool dated_lists_chain(const struct dated_lists *lists, const char *host) {
    return record_index_asked(lists->records, host, DNS_NAPTR) != INT64_MAX ||
           record_index_asked_srv(lists->records, host, INT64_MAX - 1);
}

/* record_lookup, but a name whose addresses nobody asked for by then answers with a placeholder, so
 * that its rank is kept: the phone passed it over, or will ask when its turn comes. */
struct placeholder_lookup {
    struct record_moment moment;
    const struct fact_record *record; /* what the answer points to */
    struct dated_lists *lists;
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
    struct fact_record *record = arena_new(lookup->lists->arena, sizeof *record);
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
static void plan_list(struct dated_lists *lists, const char *host,
                      const struct server_expectation *entry, struct dated_list *dated) {
    struct rank_order *order = &dated->order;
    struct ip_addr ip;

    *dated = (struct dated_list){.used = true, .host = host, .entry = entry};
    dated->numeric = ip_parse(slice_of_text(host), &ip);
    order->host = host;
    order->start = server_entry_start(lists->expect, entry);
    memcpy(order->supported, lists->supported, sizeof order->supported);
    order->transport = lists->usual; /* UDP: RFC 3263 4.1, of a numeric host or a port */
    if (entry) {
        order->transport_known = server_entry_transport(entry->transport, &order->transport);
        order->port = entry->port;
        order->port_known = true;
    } else {
        order->port_known = dated_lists_chain(lists, host);
    }
    order_srv(lists, entry, order);
}

static void build_list(struct dated_lists *lists, const struct request *request,
                       struct dated_list *dated) {
    struct placeholder_lookup lookup = {
        .moment = {lists->records, request->t_ns, request->end_ns, INT64_MAX}, .lists = lists};
    struct server_list *list = &dated->list;

    dated->from_ns = request->t_ns;
    dated->until_ns = INT64_MAX;
    *list = (struct server_list){
        .host = dated->host, .entry = dated->entry, .configured = dated->entry != NULL};
    list->complete = true;
    if (dated->numeric && !dated->entry)
        return; /* who is the backup of an address that somebody typed in? */
    struct ranked_server *servers;
    list->count =
        rank_servers(&dated->order, lookup_or_placeholder, &lookup,
                     record_index_names(lists->records), lists->arena, &servers, &list->complete);
    list->servers = servers;
    if (lookup.made)
        split_unresolved(list, lists->arena);
    list->complete = !lookup.made;
    dated->until_ns = lookup.moment.until_ns;
}

const struct server_list *dated_lists_of(struct dated_lists *lists, const char *host,
                                         const struct server_expectation *entry,
                                         const struct request *request) {
    struct dated_list *dated = NULL;

    for (size_t i = 0; i < lists->count && !dated; i++)
        if (lists->items[i].used && lists->items[i].entry == entry &&
            (lists->items[i].host == host || strcmp(lists->items[i].host, host) == 0))
            dated = &lists->items[i];
    if (dated && dated->from_ns <= request->t_ns && request->end_ns < dated->until_ns)
        return &dated->list;
    if (!dated) {
        dated = &lists->items[lists->next++ % lists->count];
        plan_list(lists, host, entry, dated);
    }
    build_list(lists, request, dated);
    return &dated->list;
}
