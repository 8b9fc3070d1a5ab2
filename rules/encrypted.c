/* Connections read as requests: refused and timed-out ones are failed attempts, one that stood is
 * an answered attempt, whatever was said in it. */
#include "rules/encrypted.h"

#include "rules/server_view.h"

static bool is_failed(const struct connection *connection) {
    return connection->refused || connection->timed_out;
}

/* Those that began in the capture, to a server that TLS or SIP went to. */
static bool is_shown(const struct connection *connection) {
    return is_failed(connection) || (connection->from_start && connection->tls);
}

static void fill_attempt(struct attempt *attempt, const struct connection *connection,
                         struct arena *arena) {
    struct send *send = arena_new(arena, sizeof *send);

    *send = (struct send){.frame = connection->syn_count ? connection->syn_frames[0] : 0,
                          .t_ns = connection->t_ns,
                          .connect = true,
                          .transaction = SIZE_MAX};
    attempt->server = connection->server;
    attempt->outcome = connection->refused     ? OUTCOME_REFUSED
                       : connection->timed_out ? OUTCOME_SILENT
                                               : OUTCOME_ANSWERED;
    attempt->tries = attempt->connects = 1;
    attempt->t_ns = connection->t_ns;
    attempt->end_ns =
        is_failed(connection) && connection->error_ns ? connection->error_ns : connection->t_ns;
    attempt->final_ns = attempt->end_ns;
    attempt->send_list = send;
    attempt->send_count = 1;
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
    struct request *request = NULL;
    size_t used = 0;

    *account = *judge->account;
    account->requests = requests;
    account->request_count = 0;
    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (!is_shown(connection))
            continue;
        if (!request) {
            request = &requests[account->request_count++];
            *request =
                (struct request){.method_text = "a TLS connection",
                                 .t_ns = connection->t_ns,
                                 .attempts = &attempts[used],
                                 .resolution = newest_resolution(judge->account, connection->t_ns)};
        }
        fill_attempt(&attempts[used++], connection, judge->arena);
        request->attempt_count++;
        request->end_ns = attempts[used - 1].end_ns;
        request->outcome = attempts[used - 1].outcome;
        if (!is_failed(connection))
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

bool encrypted_hides(const struct judge *judge) {
    if (judge->account->aor)
        return false;
    for (size_t i = 0; i < judge->phone->connection_count; i++)
        if (is_failed(&judge->phone->connections[i]))
            return false;
    return true;
}
