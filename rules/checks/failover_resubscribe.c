/* failover.resubscribe: where the registration moves to another address with subscriptions up, is
 * each of them renewed there at once (RFC 6665 4.1.2), before anything else but REGISTER?
 *
 *     s1   SUBSCRIBE 200 (dialog)   SUBSCRIBE 200 (message-summary)
 *     s2   REGISTER 200   SUBSCRIBE dialog   SUBSCRIBE message-summary   INVITE …
 *                    |-------- at most 5 s --------|
 */
#include "base/instant.h"
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/checks/subscriptions.h"

#define NEEDS_NO_LOSS "lost no packets of this phone"

enum { SHOWN_MAX = 64 };   /* subscriptions in the evidence */
enum { LINES_MAX = 8 };    /* registrations side by side: reg-ids, configured servers */
enum { LOOKED_BACK = 64 }; /* requests before a 200 that may still be under way */
enum { BEFORE_DUE_S = 5 }; /* contract section 6 */

/* A request of the account at one server, in order of time; REGISTERs are left out. */
struct visit {
    int64_t t_ns;
    const struct request *request;
    const struct attempt *attempt;
};

struct subscriber {
    struct judge *judge;
    const struct failover_account *account;
    struct subscriptions *subscriptions;
    struct visit *visits;
    size_t visit_count;
    const struct registration *lines[LINES_MAX]; /* where each registration of the account stands */
    size_t line_count;
    /* of the move that is being judged */
    struct subscription owed[SUBSCRIPTIONS_MAX];
    const struct attempt *renewed[SUBSCRIPTIONS_MAX];
};

static int compare_visits(const void *a, const void *b) {
    const struct visit *x = a, *y = b;
    uint32_t x_frame = x->attempt->send_list[0].frame, y_frame = y->attempt->send_list[0].frame;

    return x->t_ns != y->t_ns ? (x->t_ns < y->t_ns ? -1 : 1)
                              : (x_frame > y_frame) - (x_frame < y_frame);
}

static void gather_visits(struct subscriber *subscriber) {
    const struct account *account = subscriber->judge->account;
    size_t n = 0;

    for (size_t r = 0; r < account->request_count; r++)
        n += account->requests[r].attempt_count;
    subscriber->visits = ARENA_ARRAY(subscriber->judge->arena, struct visit, n + 1);
    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        if (request->method == SIP_REGISTER)
            continue;
        for (size_t a = 0; a < request->attempt_count; a++)
            if (request->attempts[a].transactions)
                subscriber->visits[subscriber->visit_count++] =
                    (struct visit){request->attempts[a].t_ns, request, &request->attempts[a]};
    }
    array_sort(subscriber->visits, subscriber->visit_count, sizeof(struct visit), compare_visits);
}

/* ---- one move of the registration ---- */

struct move {
    const struct registration *from, *to;
    struct subscription *owed;        /* the subscriptions to renew, the unsure ones last … */
    const struct attempt **renewed;   /* … and the SUBSCRIBEs that do it */
    size_t owed_count, renewed_count; /* without the unsure ones */
    size_t unsure_count;
    const struct visit *sooner; /* what went to the new server while one was still owed */
    int64_t due_ns;
};

/* Up at a server of this account, other than the new one. */
static bool is_owed(const struct subscriber *subscriber, const struct move *move,
                    const struct subscription *one) {
    const struct request *request = &subscriber->judge->account->requests[move->to->request];
    const struct server_list *list = server_view_list(subscriber->judge, request);

    if (ip_eq(&one->server.ip, &move->to->server.ip))
        return false;
    return ip_eq(&one->server.ip, &move->from->server.ip) ||
           (list && server_list_find_near(list, &one->server) != NULL);
}

static void take_owed(struct subscriber *subscriber, struct move *move) {
    move->owed = subscriber->owed;
    move->renewed = subscriber->renewed;
    memset(subscriber->renewed, 0, sizeof subscriber->renewed);
    for (size_t i = 0; i < subscriber->subscriptions->up_count; i++)
        if (!subscriber->subscriptions->up[i].unsure &&
            is_owed(subscriber, move, &subscriber->subscriptions->up[i]))
            move->owed[move->owed_count++] = subscriber->subscriptions->up[i];
    for (size_t i = 0; i < subscriber->subscriptions->up_count; i++)
        if (subscriber->subscriptions->up[i].unsure &&
            is_owed(subscriber, move, &subscriber->subscriptions->up[i]))
            move->owed[move->owed_count + move->unsure_count++] = subscriber->subscriptions->up[i];
}

/* Challenged, and left at that. */
static bool left_challenged(const struct request *request) {
    const struct attempt *last = &request->attempts[request->attempt_count - 1];

    if (request->open || (last->final_status != 401 && last->final_status != 407))
        return false;
    for (size_t i = 0; i < last->transactions; i++)
        if (last->transaction_list[i].credentials)
            return false;
    return true;
}

static void take_renewal(struct move *move, const struct visit *visit) {
    const struct request *request = visit->request;
    struct topic topic;

    if (request->method != SIP_SUBSCRIBE || subscription_is_ended_by(visit->attempt) ||
        left_challenged(request))
        return;
    topic = topic_of(request);
    for (size_t i = 0; i < move->owed_count + move->unsure_count; i++) {
        const struct subscription *one = &move->owed[i];
        bool same =
            topic_same_package(&one->topic, &topic) &&
            (one->call_id == visit->attempt->call_id || topic_same_target(&one->topic, &topic));
        if (move->renewed[i] || !same)
            continue;
        move->renewed[i] = visit->attempt;
        move->renewed_count += i < move->owed_count;
        return;
    }
}

static size_t first_visit_after(const struct subscriber *subscriber, int64_t t_ns) {
    size_t low = 0, high = subscriber->visit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (subscriber->visits[middle].t_ns < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What went to the new server from the 200 on; first what was under way there already. */
static void follow_move(const struct subscriber *subscriber, struct move *move) {
    int64_t granted = move->to->t_ns;
    size_t first = first_visit_after(subscriber, granted);

    for (size_t i = first, seen = 0; i-- > 0 && seen < LOOKED_BACK; seen++) {
        const struct visit *visit = &subscriber->visits[i];
        if (visit->t_ns < granted - STORY_64T1_NS)
            break;
        if (ip_eq(&visit->attempt->server.ip, &move->to->server.ip) &&
            visit->attempt->end_ns >= granted)
            take_renewal(move, visit);
    }
    for (size_t i = first; i < subscriber->visit_count; i++) {
        const struct visit *visit = &subscriber->visits[i];
        if (visit->t_ns > move->due_ns)
            break;
        if (!ip_eq(&visit->attempt->server.ip, &move->to->server.ip))
            continue;
        take_renewal(move, visit);
        if (move->renewed_count < move->owed_count && visit->request->method != SIP_SUBSCRIBE &&
            !visit->request->in_dialog && !visit->attempt->after_redirect &&
            !visit->attempt->after_challenge && !move->sooner)
            move->sooner = visit;
    }
}

static const struct subscription *first_missing(const struct move *move) {
    for (size_t i = 0; i < move->owed_count; i++)
        if (!move->renewed[i])
            return &move->owed[i];
    return NULL;
}

static const char *event_words(const struct judge *judge, const struct subscription *subscription) {
    const struct slice *package = subscription ? &subscription->topic.package : NULL;

    if (!package || !package->len)
        return "of an unnamed event";
    return arena_printf(judge->arena, "%.*s", (int)package->len, (const char *)package->ptr);
}

static void describe(struct judge *judge, struct occurrence *occurrence, const struct move *move) {
    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_int("renewed", (int64_t)move->owed_count));
    judge_expect(judge, occurrence, value_seconds("within_s", (int64_t)BEFORE_DUE_S * NS_PER_S));
    judge_observe(judge, occurrence, value_int("renewed", (int64_t)move->renewed_count));
    judge_observe(judge, occurrence, value_server("from", &move->from->server));
    judge_observe(judge, occurrence, value_server("to", &move->to->server));
    judge_frame(judge, occurrence, move->to->frame);
    for (size_t i = 0; i < move->owed_count && i < SHOWN_MAX; i++) {
        if (move->renewed[i])
            failover_send_frames(judge, occurrence, move->renewed[i]);
        else
            judge_frame(judge, occurrence, move->owed[i].frame);
    }
    if (move->sooner) {
        judge_observe(judge, occurrence,
                      value_text("sooner", failover_request_words(move->sooner->request)));
        failover_send_frames(judge, occurrence, move->sooner->attempt);
    }
}

static int64_t oldest_ns(const struct move *move) {
    int64_t oldest = move->to->t_ns;

    for (size_t i = 0; i < move->owed_count; i++)
        if (move->owed[i].since_ns < oldest)
            oldest = move->owed[i].since_ns;
    return oldest;
}

/* A fault, unless the capture may have missed the SUBSCRIBE, or what ended the subscription. */
static struct occurrence *fault(struct judge *judge, const struct move *move, int64_t until_ns) {
    bool lost = judge_loss(judge, move->to->t_ns, until_ns, &move->to->server.ip) ||
                judge_loss(judge, oldest_ns(move), until_ns, &move->from->server.ip);
    struct occurrence *occurrence =
        lost ? judge_undecided(judge, REASON_CAPTURE_LOSS, move->to->t_ns, NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, move->to->t_ns);

    describe(judge, occurrence, move);
    return occurrence;
}

/* Was there another subscription, which the capture missed or does not show whole? */
static bool may_be_more(const struct judge *judge, const struct move *move) {
    const struct loss_sign *sign =
        judge_loss(judge, judge->story->start_ns, move->to->t_ns, &move->from->server.ip);

    for (size_t i = 0; i < move->unsure_count; i++)
        if (!move->renewed[move->owed_count + i])
            return true;
    return sign && sign->kind == LOSS_RESPONSE_ONLY;
}

static void judge_move(struct judge *judge, const struct move *move, int64_t next_move_ns) {
    struct occurrence *occurrence;
    char seconds[SECONDS_TEXT_LEN];

    if (move->sooner) {
        occurrence = fault(judge, move, move->sooner->t_ns);
        judge_say(judge, occurrence,
                  "%s went to %s before the subscriptions were renewed there, %s s after the 200 "
                  "to the REGISTER",
                  failover_request_words(move->sooner->request),
                  server_words(judge, &move->to->server),
                  seconds_text(move->sooner->t_ns - move->to->t_ns, seconds));
        return;
    }
    if (move->renewed_count == move->owed_count) {
        occurrence = may_be_more(judge, move) ? judge_undecided(judge, REASON_CAPTURE_LOSS,
                                                                move->to->t_ns, NEEDS_NO_LOSS)
                                              : judge_add(judge, VERDICT_PASS, move->to->t_ns);
        describe(judge, occurrence, move);
        return;
    }
    if (next_move_ns <= move->due_ns || failover_restarted(judge, move->to->t_ns, move->due_ns))
        return; /* it did not stay there */
    if (judge->story->end_ns < move->due_ns) {
        describe(
            judge,
            judge_undecided(
                judge, REASON_ENDS_TOO_EARLY, move->to->t_ns,
                arena_printf(judge->arena,
                             "goes on at least %d s after the 200 to the REGISTER "
                             "at t=%s",
                             (int)BEFORE_DUE_S + 1,
                             seconds_text(story_offset_ns(judge->story, move->to->t_ns), seconds))),
            move);
        return;
    }
    occurrence = fault(judge, move, move->due_ns);
    judge_say(judge, occurrence,
              "the registration moved from %s to %s, but %zu of %zu subscriptions were not renewed "
              "there within %d s, the first of them %s",
              server_words(judge, &move->from->server), server_words(judge, &move->to->server),
              move->owed_count - move->renewed_count, move->owed_count, (int)BEFORE_DUE_S,
              event_words(judge, first_missing(move)));
}

/* ---- every move ---- */

/* The registration that this one takes the place of: of the same reg-id, at a server of the same
 * list. */
static bool same_line(const struct judge *judge, const struct registration *a,
                      const struct registration *b) {
    const struct request *x = &judge->account->requests[a->request];
    const struct request *y = &judge->account->requests[b->request];

    return x->has_reg_id == y->has_reg_id && x->reg_id == y->reg_id &&
           failover_same_list(judge, y, &a->server, &b->server);
}

static const struct registration **line_of(struct subscriber *subscriber,
                                           const struct registration *at) {
    for (size_t i = 0; i < subscriber->line_count; i++)
        if (same_line(subscriber->judge, subscriber->lines[i], at))
            return &subscriber->lines[i];
    return NULL;
}

static int64_t next_move_ns(const struct judge *judge, size_t index) {
    const struct account *account = judge->account;
    const struct registration *at = &account->registrations[index];

    for (size_t i = index + 1; i < account->registration_count && i - index < LOOKED_BACK; i++)
        if (!ip_eq(&account->registrations[i].server.ip, &at->server.ip) &&
            same_line(judge, at, &account->registrations[i]))
            return account->registrations[i].t_ns;
    return INT64_MAX;
}

static void take_registration(struct subscriber *subscriber, size_t index) {
    struct judge *judge = subscriber->judge;
    const struct registration *at = &judge->account->registrations[index];
    const struct request *request = &judge->account->requests[at->request];
    int64_t within = (int64_t)BEFORE_DUE_S * NS_PER_S;
    struct move move = {.to = at};
    int64_t next_ns = next_move_ns(judge, index);
    const struct registration **line;

    if (subscriptions_go_on(subscriber->subscriptions, at->t_ns))
        subscriber->line_count = 0;
    line = line_of(subscriber, at);
    if (!line) {
        if (subscriber->line_count < LINES_MAX)
            subscriber->lines[subscriber->line_count++] = at;
        return;
    }
    move.from = *line;
    *line = at;
    if (ip_eq(&move.from->server.ip, &at->server.ip) || !subscriber->subscriptions->up_count ||
        !failover_expectations_at(subscriber->account, request, &at->server)->resubscribe)
        return;
    take_owed(subscriber, &move);
    if (!move.owed_count && !move.unsure_count)
        return;
    move.due_ns = at->t_ns + within + expectations_tolerance_ns(judge->expect, within);
    if (next_ns < move.due_ns)
        move.due_ns = next_ns;
    follow_move(subscriber, &move);
    judge_move(judge, &move, next_ns);
}

static void check(struct judge *judge) {
    struct subscriber *subscriber = arena_new(judge->arena, sizeof *subscriber);
    struct failover_account account;

    failover_account_init(&account, judge);
    memset(subscriber, 0, sizeof *subscriber);
    subscriber->judge = judge;
    subscriber->account = &account;
    subscriber->subscriptions = subscriptions_new(judge);
    if (!subscriber->subscriptions)
        return;
    gather_visits(subscriber);
    for (size_t i = 0; i < judge->account->registration_count; i++)
        take_registration(subscriber, i);
}

static bool asks(const struct failover_expectations *failover) {
    return failover->resubscribe;
}

static bool applies(const struct judge *judge) {
    return failover_asked(judge, asks) && (!judge->view || judge->view->matched);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 6665", "4.1.2.2"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.sip_server.Y.failback_subscribe.enable"},
};

const struct rule rule_failover_resubscribe = {
    .id = "failover.resubscribe",
    .title = "When the registration moves to another address, the subscriptions follow at once",
    .checks =
        "Each registration that moves to another address while subscriptions are up at servers of "
        "the "
        "list: within 5 s of the 200 (with tolerance) each of them is renewed at the new server, "
        "in its "
        "dialog or in a new one with the same event and target, and nothing else but REGISTER "
        "goes there "
        "before. A subscription is up from its 2xx until its time is over, the phone or a NOTIFY "
        "ends it. "
        "Requests inside a dialog may go there at any time; a SUBSCRIBE whose challenge was left "
        "unanswered is no renewal. Between two configured servers nothing moves.",
    .matters =
        "Busy lamps, shared lines and waiting messages stand still until the phone subscribes "
        "where it is registered, and nobody notices but the user.",
    .steered_by = "failover.resubscribe; servers, outbound_proxies, tolerance",
    .passes = "Registered at 192.0.2.2 after 192.0.2.1 fell silent, the phone sends SUBSCRIBE for "
              "dialog and message-summary to 192.0.2.2, 30 ms after the 200.",
    .fails = "The phone renews only one of two subscriptions, or sends its INVITE first, or lets "
             "them run out at 192.0.2.1.",
    .departures = "RFC 6665 lets a subscriber find out with its next refresh. Yealink's "
                  "failback_subscribe asks for it at once, with failback modes 1 to 3.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a registration that moves to another server while a subscription, such as "
             "for busy lamps or waiting messages, is up",
    .applies = applies,
    .check = check,
};
