/* What unread TLS shows, and what it may hide. */
#include "rules/encrypted.h"

#include "rules/connection_requests.h"
#include "rules/server_view.h"

void encrypted_enter(struct judge *judge, struct encrypted *saved) {
    struct server_view *view;

    *saved = (struct encrypted){.account = judge->account, .view = judge->view};
    if (judge->account->aor || judge->account->request_count)
        return;
    saved->entered = true;
    judge->account = connection_requests_new(judge);
    view = arena_new(judge->arena, sizeof *view);
    if (judge->records)
        server_view_build_with(view, judge->records, judge->account, judge->expect, judge->arena);
    else
        server_view_build(view, judge->phone, judge->account, judge->expect, judge->arena);
    judge->view = view;
}

void encrypted_leave(struct judge *judge, const struct encrypted *saved) {
    judge->account = saved->account;
    judge->view = saved->view;
}

bool encrypted_hides(const struct judge *judge, const struct ip_addr *passed, int64_t t_ns) {
    const struct phone *phone = judge->phone;
    bool failed = false;

    if (judge->account->aor)
        return false;
    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        failed = failed || connection_failed(connection);
        if (connection->t_ns < t_ns && connection_is_opaque(connection) &&
            (!passed || ip_eq(&connection->server.ip, passed)))
            return true;
    }
    return !failed;
}

/* ---- accounts of which some was read ---- */

static bool uses_tls(const struct account *account) {
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t i = 0; i < account->requests[r].attempt_count; i++)
            if (transport_is_secure(account->requests[r].attempts[i].server.transport))
                return true;
    return false;
}

/* Is this one of the account's servers, or where its requests went? */
static bool is_server_of(const struct account *account, const struct server *server) {
    for (size_t i = 0; i < account->resolution_count; i++)
        if (resolution_find(account->resolutions[i], server))
            return true;
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t i = 0; i < account->requests[r].attempt_count; i++)
            if (account->requests[r].attempts[i].server.port == server->port &&
                ip_eq(&account->requests[r].attempts[i].server.ip, &server->ip))
                return true;
    return false;
}

void hidden_signs_init(struct hidden_signs *hidden, const struct judge *judge) {
    const struct phone *phone = judge->phone;
    const struct account *account = judge->account;
    struct loss_sign *signs = NULL;
    /* What was asked on one may have begun with those in vain just before it. */
    const struct connection *in_vain = NULL;
    int64_t begun_ns = 0;

    *hidden = (struct hidden_signs){0};
    if (!account->aor)
        return;
    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (connection_failed(connection)) {
            if (!in_vain || connection->t_ns - in_vain->t_ns > STORY_AFTER_SILENCE_NS)
                begun_ns = connection->t_ns;
            in_vain = connection;
        }
        if (!connection_is_opaque(connection))
            continue;
        if (!signs) {
            if (!uses_tls(account))
                return;
            signs = ARENA_ARRAY(judge->arena, struct loss_sign, phone->connection_count - i);
        }
        if (is_server_of(account, &connection->server))
            signs[hidden->count++] = (struct loss_sign){
                .kind = LOSS_ENCRYPTED,
                .from_ns = in_vain && connection->t_ns - in_vain->t_ns <= STORY_AFTER_SILENCE_NS
                               ? begun_ns
                               : connection->t_ns,
                .to_ns = connection->open_at_end ? INT64_MAX : connection->end_ns,
                .frame = connection->syn_count ? connection->syn_frames[0] : 0,
                .server = connection->server.ip};
    }
    hidden->signs = signs;
}

const struct loss_sign *hidden_signs_find(const struct hidden_signs *hidden, int64_t from_ns,
                                          int64_t to_ns, const struct ip_addr *server) {
    for (size_t i = 0; i < hidden->count; i++) {
        const struct loss_sign *sign = &hidden->signs[i];
        if (sign->from_ns <= to_ns && sign->to_ns >= from_ns &&
            (!server || ip_eq(&sign->server, server)))
            return sign;
    }
    return NULL;
}
