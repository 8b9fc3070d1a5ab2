/* Which of two configured servers a REGISTER went to. */
#include "rules/checks/fallback_reading.h"

static void keep_list(struct fallback_sides *sides, const struct server_list *list) {
    if (!list || !list->entry || !list->count || sides->list_count == FALLBACK_LISTS_SEEN)
        return;
    for (size_t i = sides->list_count; i-- > 0;)
        if (sides->lists[i]->servers == list->servers && sides->lists[i]->entry == list->entry)
            return;
    sides->lists[sides->list_count++] = list;
}

static const struct server_list *view_list(const struct judge *judge,
                                           const struct request *request) {
    size_t at = (size_t)(request - judge->account->requests);

    return judge->view && at < judge->view->count ? &judge->view->lists[at] : NULL;
}

void fallback_sides_read(struct fallback_sides *sides) {
    const struct account *account = sides->judge->account;

    for (size_t r = 0; r < account->request_count; r++) {
        const struct server_list *list = view_list(sides->judge, &account->requests[r]);
        if (account->requests[r].method != SIP_REGISTER || !list)
            continue;
        keep_list(sides, list);
        keep_list(sides, list->other);
    }
}

static unsigned side_of_entry(const struct fallback_sides *sides,
                              const struct server_expectation *entry) {
    return entry == &sides->entries[1] ? FALLBACK_SERVER : FALLBACK_WORKING;
}

static bool in_list(const struct server_list *list, const struct server *server, bool near) {
    return near ? server_list_find_near(list, server) : server_list_find(list, server);
}

static bool is_at(const struct server_expectation *entry, const struct server *server) {
    struct ip_addr ip;

    return ip_parse(slice_of_text(entry->host), &ip) && ip_eq(&ip, &server->ip);
}

/* Where no list has the server: is one of the two the only one that it can be? */
static unsigned side_by_elimination(const struct fallback_sides *sides,
                                    const struct request *request, const struct server *server) {
    const struct server_expectation *entries = sides->entries;
    bool known[FALLBACK_SIDES] = {false};
    struct ip_addr ip;

    for (unsigned side = 0; side < FALLBACK_SIDES; side++) {
        if (is_at(&entries[side], server) && !is_at(&entries[1 - side], server))
            return side;
        known[side] = ip_parse(slice_of_text(entries[side].host), &ip);
    }
    for (unsigned side = 0; side < FALLBACK_SIDES; side++)
        if (sip_uri_has_host(request->uri, entries[side].host) &&
            !sip_uri_has_host(request->uri, entries[1 - side].host))
            return side;
    for (size_t i = 0; i < sides->list_count; i++)
        known[side_of_entry(sides, sides->lists[i]->entry)] = true;
    if (known[0] != known[1])
        return known[0] ? FALLBACK_SERVER : FALLBACK_WORKING;
    return FALLBACK_SIDES;
}

unsigned fallback_side_of(const struct fallback_sides *sides, const struct request *request,
                          bool own, const struct server *server) {
    const struct server_list *list = own ? view_list(sides->judge, request) : NULL;

    for (int near = 0; near <= 1; near++) {
        if (list && request->method == SIP_REGISTER) {
            if (list->entry && in_list(list, server, near))
                return side_of_entry(sides, list->entry);
            if (list->other && list->other->entry && in_list(list->other, server, near))
                return side_of_entry(sides, list->other->entry);
        }
        for (size_t i = sides->list_count; i-- > 0;)
            if (in_list(sides->lists[i], server, near))
                return side_of_entry(sides, sides->lists[i]->entry);
    }
    return side_by_elimination(sides, request, server);
}
