/* Connections read as requests: refused and timed-out ones are failed attempts, one that stood is
 * an answered attempt, whatever was said in it. */
#include "rules/encrypted.h"

#include "rules/server_view.h"

/* Those that began in the capture, to a server that TLS or SIP went to. */
static bool is_shown(const struct connection *connection) {
    return connection_failed(connection) || (connection->from_start && connection->tls);
}

static struct send send_of(const struct connection *connection) {
    return (struct send){.frame = connection->syn_count ? connection->syn_frames[0] : 0,
                         .t_ns = connection->t_ns,
                         .connect = true,
                         .transaction = SIZE_MAX};
}

/* One more try at the server of an attempt; sends: room for it. */
static void add_try(struct attempt *attempt, struct send *sends,
                    const struct connection *connection) {
    sends[attempt->send_count++] = send_of(connection);
    attempt->send_list = sends;
    attempt->server = connection->server;
    attempt->outcome = connection->refused     ? OUTCOME_REFUSED
                       : connection->timed_out ? OUTCOME_SILENT
                                               : OUTCOME_ANSWERED;
    attempt->tries = attempt->connects = (unsigned)attempt->send_count;
    attempt->end_ns = connection_failed(connection) && connection->error_ns ? connection->error_ns
                                                                            : connection->t_ns;
    attempt->final_ns = attempt->end_ns;
}

static const struct resolution *newest_resolution(const struct account *account, int64_t t_ns) {
    size_t low = 0, high = account->resolution_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->resolutions[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? account->resolutions[low - 1] : NULL;
}

static struct account *account_of(const struct judge *judge) {
    const struct phone *phone = judge->phone;
    struct account *account = arena_new(judge->arena, sizeof *account);
    struct request *requests =
        ARENA_ARRAY(judge->arena, struct request, phone->connection_count + 1);
    struct attempt *attempts =
        ARENA_ARRAY(judge->arena, struct attempt, phone->connection_count + 1);
    struct send *sends = ARENA_ARRAY(judge->arena, struct send, phone->connection_count + 1);
    struct request *request = NULL;
    size_t used = 0, first = 0;

    *account = *judge->account;
    account->requests = requests;
    account->request_count = 0;
    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (!is_shown(connection))
            continue;
        /* After so long it is another one, whatever became of that before. */
        if (request && connection->t_ns - request->end_ns > STORY_AFTER_SILENCE_NS)
            request = NULL;
        if (!request) {
            request = &requests[account->request_count++];
            *request =
                (struct request){.method_text = "a TLS connection",
                                 .t_ns = connection->t_ns,
                                 .attempts = &attempts[used],
                                 .resolution = newest_resolution(judge->account, connection->t_ns)};
        }
        struct attempt *attempt = request->attempt_count ? &attempts[used - 1] : NULL;
        if (!attempt || !server_eq(&attempt->server, &connection->server)) {
            attempt = &attempts[used++];
            attempt->t_ns = connection->t_ns;
            first = i;
            request->attempt_count++;
        }
        add_try(attempt, &sends[first], connection);
        request->end_ns = attempt->end_ns;
        request->outcome = attempt->outcome;
        if (!connection_failed(connection))
            request = NULL;
    }
    return account;
}

void encrypted_enter(struct judge *judge, struct encrypted *saved) {
    struct server_view *view;

    *saved = (struct encrypted){.account = judge->account, .view = judge->view};
    if (judge->account->aor || judge->account->request_count)
        return;
    saved->entered = true;
    judge->account = account_of(judge);
    view = arena_new(judge->arena, sizeof *view);
    if (judge->records)
        server_view_build_with(view, judge->records, judge->story, judge->phone, judge->account,
                               judge->expect, judge->arena);
    else
        server_view_build(view, judge->story, judge->phone, judge->account, judge->expect,
                          judge->arena);
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
                .frame = send_of(connection).frame,
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
