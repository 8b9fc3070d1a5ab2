/* The server list in force for each request of an account (contract section 1: host, server list).
 *
 *     server_entries: proxies or servers ─┐               ┌─ numeric, or dns.mode
 *     else the host that the account      ├─ dated_lists ─┴─ configured: no lookup
 *     resolved ───────────────────────────┘       │
 *                               joined_lists ─────┴─ two configured servers, or mode configured
 */
#include "rules/server_view.h"

#include <string.h>

#include "rules/dated_lists.h"
#include "rules/joined_lists.h"
#include "rules/server_entries.h"

struct builder {
    const struct account *account;
    const struct server_expectation *entries;
    size_t entry_count;
    struct dated_lists lists;
    struct joined_lists joined;
};

/* ---- the list of one request ---- */

static const struct server *first_server(const struct request *request) {
    return request->attempt_count ? &request->attempts[0].server : NULL;
}

/* dns.mode configured: all entries are one ranked list. */
static struct server_list configured_list(struct builder *b, const struct request *request) {
    struct server_list *lists = ARENA_ARRAY(b->lists.arena, struct server_list, b->entry_count);

    for (size_t i = 0; i < b->entry_count; i++)
        lists[i] = *dated_lists_of(&b->lists, b->entries[i].host, &b->entries[i], request);
    return joined_lists(&b->joined, lists, b->entry_count);
}

/* Two configured servers are two lists, but for a request that goes on from one to the other. */
static struct server_list two_lists(struct builder *b, const struct request *request) {
    struct server_list of[2];
    const struct server *server = first_server(request);
    size_t at = 0;

    for (size_t i = 0; i < 2; i++)
        of[i] = *dated_lists_of(&b->lists, b->entries[i].host, &b->entries[i], request);
    if (server && !server_list_find(&of[0], server) &&
        (server_list_find(&of[1], server) ||
         (!server_list_find_near(&of[0], server) && server_list_find_near(&of[1], server))))
        at = 1;
    /* Connections that failed, and nobody knows for what: they may have been REGISTERs. */
    if (request->method == SIP_REGISTER || request->method == SIP_UNKNOWN_METHOD) {
        struct server_list *other = arena_new(b->lists.arena, sizeof *other);
        *other = of[1 - at];
        of[at].other = other;
        return of[at];
    }
    if (!of[0].count || !of[1].count)
        return of[at];
    struct server_list both = joined_lists(&b->joined, of, 2);
    both.entry = of[at].entry;
    both.joined = true;
    return both;
}

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
        list = *dated_lists_of(&b->lists, host, NULL, request);
    if (resolution && server && resolution->host &&
        (!host || strcmp(resolution->host, host) != 0) && !server_list_find_near(&list, server)) {
        const struct server_list *led = dated_lists_of(&b->lists, resolution->host, NULL, request);
        if (server_list_find_near(led, server))
            list = *led;
    }
    return list;
}

/* Was the first step of a host's lookups seen by then? */
static bool is_looked_up(struct record_index *records, const char *host, int64_t t_ns) {
    return record_index_asked(records, host, DNS_NAPTR) <= t_ns ||
           record_index_asked(records, host, DNS_A) <= t_ns ||
           record_index_asked(records, host, DNS_AAAA) <= t_ns ||
           record_index_asked_srv(records, host, t_ns);
}

/* Is there a configured name of which the capture has shown nothing by the end of the request? */
static bool has_unasked_name(struct builder *b, const struct request *request) {
    struct ip_addr ip;

    for (size_t i = 0; i < b->entry_count; i++) {
        const struct server_expectation *entry = &b->entries[i];
        if (!ip_parse(slice_of_text(entry->host), &ip) &&
            !is_looked_up(b->lists.records, entry->host, request->end_ns) &&
            !dated_lists_of(&b->lists, entry->host, entry, request)->count)
            return true;
    }
    return false;
}

/* A name of which only addresses were asked, and that is not the account's domain, may be a target
 * of SRV records that the phone got before the capture: there may be others beside it. */
static bool is_midway(struct builder *b, const struct server_list *list,
                      const struct request *request) {
    return !list->configured && list->count && list->looked_up && !list->servers[0].from_srv &&
           !list->servers[0].from_naptr && !dated_lists_chain(&b->lists, list->host) &&
           !sip_uri_has_host(b->account->aor, list->host) &&
           !sip_uri_has_host(request->uri, list->host);
}

static struct server_list request_list(struct builder *b, const struct request *request) {
    struct server_list list;

    if (!b->entry_count)
        list = resolved_list(b, request);
    else if (b->lists.expect->dns.mode == DNS_MODE_CONFIGURED)
        list = configured_list(b, request);
    else if (b->entry_count == 1)
        list = *dated_lists_of(&b->lists, b->entries[0].host, &b->entries[0], request);
    else
        list = two_lists(b, request);
    list.resolution = resolution_for(request, list.host);
    list.looked_up = list.host && is_looked_up(b->lists.records, list.host, request->t_ns);
    list.midway = is_midway(b, &list, request);
    list.name_unasked = has_unasked_name(b, request);
    return list;
}

/* ---- whether the account is meant ---- */

static bool entry_matches(const struct account *account, const struct server_expectation *entry) {
    struct ip_addr ip;
    bool numeric = ip_parse(slice_of_text(entry->host), &ip);

    if ((account->host && strcmp(account->host, entry->host) == 0) ||
        sip_uri_has_host(account->aor, entry->host))
        return true;
    for (size_t i = 0; i < account->resolution_count; i++)
        if (strcmp(account->resolutions[i]->host, entry->host) == 0)
            return true;
    /* The first request says where an account that resolves nothing goes. */
    for (size_t i = 0; i < account->request_count; i++) {
        const struct server *server = first_server(&account->requests[i]);
        if (numeric && server && ip_eq(&server->ip, &ip))
            return true;
        if (sip_uri_has_host(account->requests[i].uri, entry->host))
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
        if (server &&
            server_list_find_near(dated_lists_of(&b->lists, entry->host, entry, request), server))
            return true;
    }
    return false;
}

static bool is_matched(struct builder *b) {
    const struct expectations *expect = b->lists.expect;

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

/* ---- the view ---- */

/* Profiles speak of UDP, TCP and TLS. Whoever is seen on another transport supports it. */
static void find_supported(struct builder *b) {
    const struct account *account = b->account;

    memcpy(b->lists.supported, b->lists.expect->dns.transports, sizeof b->lists.supported);
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t a = 0; a < account->requests[r].attempt_count; a++) {
            enum transport used = account->requests[r].attempts[a].server.transport;
            if (used > TRANSPORT_TLS) {
                b->lists.supported[used] = true;
                b->lists.usual = used;
            }
        }
}

static struct builder builder_of(struct record_index *records, const struct account *account,
                                 const struct expectations *expect, struct arena *arena) {
    struct builder b = {.account = account,
                        .lists = {.records = records, .expect = expect, .arena = arena},
                        .joined = {.arena = arena}};

    find_supported(&b);
    b.entries = server_entries_of(expect, &b.entry_count);
    dated_lists_init(&b.lists, b.entry_count);
    b.joined.of = ARENA_ARRAY(arena, struct server_list, b.entry_count + 1);
    return b;
}

bool server_view_fits(struct record_index *records, const struct account *account,
                      const struct expectations *expect, struct arena *arena) {
    struct builder b = builder_of(records, account, expect, arena);

    return is_matched(&b);
}

void server_view_build_with(struct server_view *view, struct record_index *records,
                            const struct account *account, const struct expectations *expect,
                            struct arena *arena) {
    struct builder b = builder_of(records, account, expect, arena);

    *view = (struct server_view){.count = account->request_count};
    memcpy(view->supported, b.lists.supported, sizeof view->supported);
    view->matched = is_matched(&b);
    view->lists = ARENA_ARRAY(arena, struct server_list, view->count ? view->count : 1);
    for (size_t i = 0; view->matched && i < view->count; i++)
        view->lists[i] = request_list(&b, &account->requests[i]);
}

void server_view_build(struct server_view *view, const struct phone *phone,
                       const struct account *account, const struct expectations *expect,
                       struct arena *arena) {
    struct record_index *records = record_index_new(phone, expect, arena);

    server_view_build_with(view, records, account, expect, arena);
    record_index_free(records);
}
