/* failover.only-registered: after a failover, do requests go only to servers where the phone holds
 * a registration?
 *
 *     REGISTER ─▶ s1 200   INVITE ─▶ s1 x   INVITE ─▶ s2           fail: not registered there
 *     REGISTER ─▶ s1 x     REGISTER ─▶ s2 200   INVITE ─▶ s2       pass
 *
 * `After a failover` begins with a request that moves, or with the first that goes to another
 * server of the list than the one that failed; a restart ends it. */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/registered.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

enum { SERVERS_MAX = 16 };

struct servers {
    struct server items[SERVERS_MAX];
    size_t n;
};

/* The account as its requests go by. */
struct progress {
    struct judge *judge;
    const struct failover_account *account;
    struct registered_account registered;
    struct servers failed;   /* have failed, and not answered since */
    struct servers moved_to; /* by a request whose attempt elsewhere failed */
    bool failed_over;
    int64_t seen_ns; /* up to here restarts have been looked for */
};

/* The verdict of one request: that of its worst attempt. */
struct finding {
    const struct attempt *attempt; /* NULL: none was judged */
    enum registered registered;
    const struct registration *live;
};

static bool has(const struct servers *servers, const struct server *server) {
    for (size_t i = 0; i < servers->n; i++)
        if (server_eq(&servers->items[i], server))
            return true;
    return false;
}

static void put_in(struct servers *servers, const struct server *server) {
    if (servers->n < SERVERS_MAX && !has(servers, server))
        servers->items[servers->n++] = *server;
}

static void take_out(struct servers *servers, const struct server *server) {
    for (size_t i = 0; i < servers->n; i++)
        if (server_eq(&servers->items[i], server))
            servers->items[i] = servers->items[--servers->n];
}

/* Does a request go elsewhere in the list than to a server that has failed? */
static bool goes_elsewhere(const struct progress *progress, const struct request *request,
                           const struct server *server) {
    const struct server_list *list = server_view_list(progress->judge, request);

    if (!list || !server_list_find_near(list, server))
        return false;
    if (has(&progress->failed, server))
        return false;
    for (size_t i = 0; i < progress->failed.n; i++) {
        const struct server *failed = &progress->failed.items[i];
        if (server_list_find_near(list, failed) &&
            failover_same_list(progress->judge, request, failed, server))
            return true;
    }
    return false;
}

/* Of two states, the one that says more against the phone. */
static int weight_of(enum registered registered) {
    static const int WEIGHTS[] = {
        [REGISTERED_LIVE] = 0,
        [REGISTERED_BEFORE] = 1,
        [REGISTERED_LOST] = 2,
        [REGISTERED_NOT] = 3,
    };

    return WEIGHTS[registered];
}

static void look_at(const struct progress *progress, struct finding *finding,
                    const struct request *request, const struct attempt *attempt, bool moved) {
    const struct failover_expectations *failover =
        failover_expectations_at(progress->account, request, &attempt->server);
    const struct server_list *list = server_view_list(progress->judge, request);
    const struct registration *live;
    enum registered state;

    if (!failover->only_registered || !attempt->transactions || attempt->after_redirect)
        return;
    if (request->in_dialog && !(moved && failover->in_dialog))
        return; /* its route decides */
    if (!has(&progress->moved_to, &attempt->server) &&
        !(list && server_list_find_near(list, &attempt->server)))
        return; /* no server of the account */
    state = registered_at(&progress->registered, &attempt->server, attempt->t_ns, &live);
    if (finding->attempt && weight_of(state) <= weight_of(finding->registered))
        return;
    *finding = (struct finding){attempt, state, live};
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct request *request, const struct finding *finding) {
    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_bool("registered", true));
    judge_observe(judge, occurrence,
                  value_bool("registered", finding->registered == REGISTERED_LIVE));
    judge_observe(judge, occurrence, value_text("method", failover_request_words(request)));
    judge_observe(judge, occurrence, value_server("server", &finding->attempt->server));
    failover_send_frames(judge, occurrence, finding->attempt);
    if (finding->live)
        judge_frame(judge, occurrence, finding->live->frame);
}

static void conclude(struct judge *judge, const struct request *request,
                     const struct finding *finding) {
    int64_t t_ns = finding->attempt->t_ns;
    struct occurrence *occurrence = NULL;

    switch (finding->registered) {
    case REGISTERED_LIVE:
        describe(judge, judge_add(judge, VERDICT_PASS, t_ns), request, finding);
        return;
    case REGISTERED_LOST:
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns, NEEDS_NO_LOSS);
        break;
    case REGISTERED_BEFORE:
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, t_ns, NEEDS_REGISTRATIONS);
        break;
    case REGISTERED_NOT:
        occurrence = judge_add(judge, VERDICT_FAIL, t_ns);
        break;
    }
    describe(judge, occurrence, request, finding);
    judge_say(judge, occurrence,
              "after a failover %s went to %s, where the phone held no "
              "registration",
              failover_request_words(request), server_words(judge, &finding->attempt->server));
}

static void take_request(struct progress *progress, const struct request *request) {
    struct finding finding = {.attempt = NULL};
    bool judged = request->method != SIP_REGISTER && request->method != SIP_OPTIONS &&
                  request->method != SIP_UNKNOWN_METHOD;

    if (failover_restarted(progress->judge, progress->seen_ns, request->t_ns)) {
        progress->failed.n = progress->moved_to.n = 0;
        progress->failed_over = false;
    }
    progress->seen_ns = request->t_ns;
    for (size_t i = 0; i < request->attempt_count; i++) {
        const struct attempt *attempt = &request->attempts[i];
        bool fails = failover_lists(
            failover_expectations_at(progress->account, request, &attempt->server), attempt);
        bool moved = i > 0 && failover_moved(progress->account, request, i - 1) &&
                     failover_lists(failover_expectations_at(progress->account, request,
                                                             &request->attempts[i - 1].server),
                                    &request->attempts[i - 1]);
        if (moved || (!request->in_dialog && request->method != SIP_OPTIONS &&
                      goes_elsewhere(progress, request, &attempt->server)))
            progress->failed_over = true;
        if (moved)
            put_in(&progress->moved_to, &attempt->server);
        if (judged && progress->failed_over)
            look_at(progress, &finding, request, attempt, moved);
        if (fails)
            put_in(&progress->failed, &attempt->server);
        else if (attempt->final_status)
            take_out(&progress->failed, &attempt->server);
    }
    if (finding.attempt)
        conclude(progress->judge, request, &finding);
}

static void check(struct judge *judge) {
    struct failover_account account;
    struct progress progress = {.judge = judge, .account = &account};

    failover_account_init(&account, judge);
    registered_account_init(&progress.registered, judge);
    progress.seen_ns = judge->story->start_ns;
    for (size_t r = 0; r < judge->account->request_count; r++)
        take_request(&progress, &judge->account->requests[r]);
}

static bool asks(const struct failover_expectations *failover) {
    return failover->only_registered;
}

static bool applies(const struct judge *judge) {
    return failover_asked(judge, asks) && (!judge->view || judge->view->matched);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3261", "10.2"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.sip_server.Y.only_signal_with_registered"},
};

const struct rule rule_failover_only_registered = {
    .id = "failover.only-registered",
    .title = "After a failover requests go only to servers where the phone is registered",
    .checks =
        "Each request after a failover, other than REGISTER and OPTIONS, that goes to a server of "
        "the "
        "list: a registration granted there must still last when the request is sent. The "
        "failover is "
        "a request that moves, or that goes past a server that has failed. Requests inside a "
        "dialog "
        "follow their route, and are judged only where failover.in_dialog lets them move.",
    .matters = "A call sent to a registrar that does not know the phone is refused, or rings "
               "nowhere; the phone was to wait until it is registered.",
    .steered_by = "failover.only_registered; failover.on, failover.in_dialog, servers, "
                  "outbound_proxies, tolerance.floor_s",
    .passes = "The REGISTER that 192.0.2.1 leaves unanswered is granted by 192.0.2.2; the next "
              "INVITE goes to 192.0.2.2.",
    .fails = "An INVITE that 192.0.2.1 leaves unanswered goes to 192.0.2.2, where the phone never "
             "registered, or where its registration has run out.",
    .departures =
        "RFC 3263 4.3 sends a failed request on whatever registrations there are; Yealink's "
        "only_signal_with_registered 1 holds it back.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a failover, and a request other than REGISTER after it",
    .applies = applies,
    .check = check,
};
