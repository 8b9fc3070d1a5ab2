/* A server list as the checks use it: the one of a request, which of its servers is meant, and the
 * expectations that hold for what is sent to them. */
#include "rules/rule.h"

const struct server_list *server_view_list(const struct judge *judge,
                                           const struct request *request) {
    const struct server_view *view = judge->view;
    size_t at = (size_t)(request - judge->account->requests);

    if (!view || at >= view->count || !view->lists[at].count)
        return NULL;
    return &view->lists[at];
}

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
