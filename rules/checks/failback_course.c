/* Follows an account through its requests and their ends, in order of time, as a state machine:
 *
 *     marks   begin of a request, its success (or end), restart of the phone
 *     state   unknown, home, away, probing, returned: COURSE says which mark leads where
 *     told    a stay for each time away with one server, a step for each new request in it, a
 *             change whenever the server in use becomes another one */
#include "rules/checks/failback_course.h"

#include <stdlib.h>

#include "rules/checks/failback_success.h"
#include "rules/checks/failover_walk.h"
#include "rules/rank_order.h"
#include "rules/server_health.h"
#include "rules/standing.h"

enum { REGISTRATIONS_SEEN = 64 }; /* newest registrations looked at in search of one server's */

/* ---- the machine ---- */

enum course_event {
    GOT_PRIMARY,   /* a success at the primary */
    GOT_SAME,      /* at the server in use, or at one of its rank */
    GOT_ELSEWHERE, /* at another server */
    GOT_STRANGER,  /* at a server that the list does not have */
    WENT_BACK,     /* a request begins at a better server than the one in use */
    RESTARTED,
    EVENT_COUNT,
};

enum action {
    NOTHING,
    LEAVE,  /* a new stay begins (and the one before it ends) */
    SETTLE, /* still there: after a try at a better server in vain the time runs anew */
    TRY,    /* remember when the try began */
    RETURN, /* the stay ends at the primary */
    FORGET, /* nothing is known any more */
};

static const struct {
    enum failback_state next;
    enum action action;
} COURSE[FAILBACK_STATE_COUNT][EVENT_COUNT] = {
    [FAILBACK_UNKNOWN] =
        {
            [GOT_PRIMARY] = {FAILBACK_HOME, NOTHING},
            [GOT_SAME] = {FAILBACK_UNKNOWN, NOTHING},
            [GOT_ELSEWHERE] = {FAILBACK_AWAY, LEAVE},
            [GOT_STRANGER] = {FAILBACK_UNKNOWN, NOTHING},
            [WENT_BACK] = {FAILBACK_UNKNOWN, NOTHING},
            [RESTARTED] = {FAILBACK_UNKNOWN, NOTHING},
        },
    [FAILBACK_HOME] =
        {
            [GOT_PRIMARY] = {FAILBACK_HOME, NOTHING},
            [GOT_SAME] = {FAILBACK_HOME, NOTHING}, /* the zone's ranks changed: no failover */
            [GOT_ELSEWHERE] = {FAILBACK_AWAY, LEAVE},
            [GOT_STRANGER] = {FAILBACK_UNKNOWN, NOTHING},
            [WENT_BACK] = {FAILBACK_HOME, NOTHING},
            [RESTARTED] = {FAILBACK_UNKNOWN, NOTHING},
        },
    [FAILBACK_AWAY] =
        {
            [GOT_PRIMARY] = {FAILBACK_RETURNED, RETURN},
            [GOT_SAME] = {FAILBACK_AWAY, SETTLE},
            [GOT_ELSEWHERE] = {FAILBACK_AWAY, LEAVE},
            [GOT_STRANGER] = {FAILBACK_UNKNOWN, FORGET},
            [WENT_BACK] = {FAILBACK_PROBING, TRY},
            [RESTARTED] = {FAILBACK_UNKNOWN, FORGET},
        },
    [FAILBACK_PROBING] =
        {
            [GOT_PRIMARY] = {FAILBACK_RETURNED, RETURN},
            [GOT_SAME] = {FAILBACK_AWAY, SETTLE},
            [GOT_ELSEWHERE] = {FAILBACK_AWAY, LEAVE},
            [GOT_STRANGER] = {FAILBACK_UNKNOWN, FORGET},
            [WENT_BACK] = {FAILBACK_PROBING, NOTHING},
            [RESTARTED] = {FAILBACK_UNKNOWN, FORGET},
        },
    [FAILBACK_RETURNED] =
        {
            [GOT_PRIMARY] = {FAILBACK_HOME, NOTHING},
            [GOT_SAME] = {FAILBACK_HOME, NOTHING},
            [GOT_ELSEWHERE] = {FAILBACK_AWAY, LEAVE},
            [GOT_STRANGER] = {FAILBACK_UNKNOWN, NOTHING},
            [WENT_BACK] = {FAILBACK_HOME, NOTHING},
            [RESTARTED] = {FAILBACK_UNKNOWN, NOTHING},
        },
};

enum mark_kind { MARK_END, MARK_RESTART, MARK_BEGIN };

struct mark {
    int64_t t_ns;
    enum mark_kind kind;
    size_t request; /* index into the account's requests */
};

struct follower {
    const struct judge *judge;
    const struct server_health *health;
    const struct standing *standing;
    enum failback_state state;
    bool has_in_use;
    struct server in_use;
    int64_t in_use_ns;  /* when the request that made it so went there */
    int64_t success_ns; /* the newest one */
    int64_t before_ns;  /* the newest end of a request */
    int64_t try_ns;     /* probing: when the first try began */
    int64_t refused_ns; /* …and was refused; 0: it was not */
    bool tried;         /* …and is not over yet by a success */
    bool connected;     /* connections alone were tried: of what request nobody knows */
    int64_t base_low_ns, base_high_ns;
    bool loosened, anew;
    bool restarted;               /* since the change before */
    const int64_t *next_register; /* for each request */
    ARRAY_OF(struct failback_stay) stays;
    ARRAY_OF(struct failback_step) steps;
    ARRAY_OF(struct failback_change) changes;
    const struct request *unlisted;
};

/* ---- registrations ---- */

static bool same_place(const struct server *a, const struct server *b) {
    return ip_eq(&a->ip, &b->ip) && a->port == b->port;
}

const struct registration *failback_registration(const struct judge *judge,
                                                 const struct server *server, int64_t t_ns) {
    const struct account *account = judge->account;
    size_t low = account_registrations_before(account, t_ns);
    for (size_t i = low; i > 0 && low - i < REGISTRATIONS_SEEN; i--)
        if (!server || same_place(&account->registrations[i - 1].server, server))
            return &account->registrations[i - 1];
    return NULL;
}

static bool is_registered(const struct judge *judge, const struct server *server, int64_t t_ns) {
    const struct registration *newest = failback_registration(judge, server, t_ns);

    return newest && newest->until_ns >= t_ns;
}

/* A REGISTER that goes where the account's binding is, while the server in use is another one. */
static bool renews_in_place(const struct follower *f, const struct request *request) {
    const struct registration *newest;

    if (request->method != SIP_REGISTER || !f->has_in_use)
        return false;
    newest = failback_registration(f->judge, NULL, request->t_ns);
    return newest && same_place(&newest->server, &request->attempts[0].server) &&
           !same_place(&newest->server, &f->in_use);
}

/* ---- which servers are there ---- */

static bool under_retry_after(const struct follower *f, const struct server *server, int64_t t_ns) {
    int64_t tolerance = f->judge->expect->tolerance.floor_ns;

    return server_health_retry_after(f->health, server, t_ns) ||
           server_health_retry_after(f->health, server, t_ns - tolerance);
}

static bool is_there(const struct follower *f, const struct request *request,
                     const struct server_list *list, const struct ranked_server *entry) {
    const struct judge *judge = f->judge;
    bool needs_registration =
        judge_failover(judge, list)->only_registered || (list->joined && judge->account->registers);

    if (!failover_family_usable(judge, &entry->server.ip) ||
        under_retry_after(f, &entry->server, request->t_ns))
        return false;
    return !needs_registration || request->method == SIP_REGISTER ||
           is_registered(judge, &entry->server, request->t_ns);
}

/* Does any server come before this one? Of those that are there now, or (request NULL) of all that
 * the phone can reach. */
static bool has_better(const struct follower *f, const struct request *request,
                       const struct server_list *list, const struct ranked_server *entry) {
    for (size_t i = 0; i < list->unresolved_count; i++)
        if (rank_before(&list->unresolved[i], entry))
            return true;
    for (size_t i = 0; i < list->count; i++) {
        const struct ranked_server *other = &list->servers[i];
        if (rank_before(other, entry) &&
            (request ? is_there(f, request, list, other)
                     : failover_family_usable(f->judge, &other->server.ip)))
            return true;
    }
    return false;
}

/* The best server that is there, for what is said. */
static void find_first(const struct follower *f, struct failback_step *step) {
    const struct server_list *list = step->list;

    for (size_t i = 0; i < list->count; i++) {
        const struct ranked_server *other = &list->servers[i];
        if ((!step->first || rank_before(other, step->first)) &&
            is_there(f, step->request, list, other))
            step->first = other;
    }
    for (size_t i = 0; i < list->unresolved_count; i++)
        if (!step->first || rank_before(&list->unresolved[i], step->first)) {
            step->first = NULL;
            step->first_name = list->unresolved[i].target;
            return;
        }
}

static bool is_equal_rank(const struct ranked_server *a, const struct ranked_server *b) {
    return a == b || (!rank_before(a, b) && !rank_before(b, a));
}

/* ---- successes ---- */

static void end_stay(struct follower *f, enum failback_end end, int64_t t_ns) {
    struct failback_stay *stay = f->stays.n ? &f->stays.items[f->stays.n - 1] : NULL;

    if (!stay || stay->end != FAILBACK_OPEN)
        return;
    stay->end = end;
    stay->end_ns = t_ns;
}

static bool failed_at(const struct follower *f, const struct request *request,
                      const struct server *server) {
    const struct failover_expectations *failover =
        judge_failover(f->judge, server_view_list(f->judge, request));

    for (size_t i = 0; i < request->attempt_count; i++)
        if (same_place(&request->attempts[i].server, server) &&
            failover_lists(failover, &request->attempts[i]))
            return true;
    return false;
}

static bool came_within(const struct follower *f, const struct request *request) {
    const struct failover_expectations *failover =
        judge_failover(f->judge, server_view_list(f->judge, request));

    for (size_t i = 0; i + 1 < request->attempt_count; i++)
        if (failover_lists(failover, &request->attempts[i]))
            return true;
    return false;
}

static void begin_stay(struct follower *f, const struct request *request,
                       const struct failback_success *success, const struct ranked_server *entry) {
    struct failback_stay *stay;

    end_stay(f, FAILBACK_LEFT, success->t_ns);
    stay = ARRAY_PUSH(&f->stays);
    stay->server = success->attempt->server;
    stay->list = server_view_list(f->judge, request);
    stay->entry = entry;
    stay->since_ns = success->t_ns;
    stay->since_frame = success->frame;
    stay->moved_ns = success->attempt->t_ns;
    stay->left_ns = f->success_ns;
    /* It may have been there for long: before the capture, or (the same server served before, under
     * a name that was not known) while nobody could tell that this is not the primary. */
    stay->midway = f->state == FAILBACK_UNKNOWN &&
                   ((f->has_in_use && !f->restarted && same_place(&f->in_use, &stay->server)) ||
                    (!came_within(f, request) &&
                     standing_midway(f->standing, request, server_view_list(f->judge, request))));
    f->base_low_ns = success->first_ns;
    f->base_high_ns = success->t_ns;
    f->loosened = f->anew = false;
}

static void note_change(struct follower *f, const struct request *request,
                        const struct failback_success *success, const struct server_list *list,
                        const struct ranked_server *entry) {
    const struct ranked_server *used = list ? server_list_find_near(list, &f->in_use) : NULL;
    bool forced = server_health_dead(f->health, &f->in_use, success->attempt->t_ns) ||
                  failed_at(f, request, &f->in_use);

    if (!f->has_in_use || same_place(&f->in_use, &success->attempt->server) ||
        (used && entry && is_equal_rank(used, entry) && !forced))
        return;
    if (!list && !f->unlisted)
        f->unlisted = request;
    *ARRAY_PUSH(&f->changes) = (struct failback_change){
        .t_ns = success->t_ns,
        .frame = success->frame,
        .left_ns = f->success_ns,
        .from = f->in_use,
        .to = success->attempt->server,
        .list = list,
        .forced = forced,
        .restarted = f->restarted,
    };
    f->restarted = false;
}

static enum course_event event_of(const struct follower *f, const struct attempt *success,
                                  const struct server_list *list,
                                  const struct ranked_server *entry) {
    const struct ranked_server *used;

    if (!entry)
        return GOT_STRANGER;
    if (!has_better(f, NULL, list, entry))
        return GOT_PRIMARY;
    if (f->state == FAILBACK_UNKNOWN || !f->has_in_use)
        return GOT_ELSEWHERE;
    if (same_place(&f->in_use, &success->server))
        return GOT_SAME;
    used = server_list_find_near(list, &f->in_use);
    return used && f->state != FAILBACK_HOME && f->state != FAILBACK_RETURNED &&
                   is_equal_rank(used, entry)
               ? GOT_SAME
               : GOT_ELSEWHERE;
}

/* A try in vain starts the time anew: when it began, at the earliest; where the server did not
 * refuse it, so that nobody knows when the phone gave it up, at the next success. */
static void settle(struct follower *f, const struct failback_success *success) {
    if (f->tried) {
        f->base_low_ns = f->try_ns;
        f->anew = true;
    }
    if (f->tried && f->refused_ns)
        f->base_high_ns = f->refused_ns;
    else if (f->tried || f->connected || !same_place(&f->in_use, &success->attempt->server))
        f->base_high_ns = success->t_ns;
}

static void take_end(struct follower *f, const struct request *request, int64_t t_ns) {
    const struct failback_success success = failback_success_of(f->judge, request);
    const struct server_list *list = server_view_list(f->judge, request);
    const struct ranked_server *entry;
    const struct server *server;
    enum course_event event;
    enum action action;

    if (t_ns > f->before_ns)
        f->before_ns = t_ns;
    if (!success.attempt)
        return;
    server = &success.attempt->server;
    if (f->state != FAILBACK_UNKNOWN && renews_in_place(f, request) &&
        same_place(server, &request->attempts[0].server)) {
        f->loosened = true; /* it moves nothing, but that server is known to live */
        return;
    }
    if (f->has_in_use && success.attempt->t_ns < f->in_use_ns && !same_place(server, &f->in_use))
        return; /* what was sent before the phone moved is answered after it */
    entry = list ? server_list_find_near(list, server) : NULL;
    event = event_of(f, success.attempt, list, entry);
    action = COURSE[f->state][event].action;
    note_change(f, request, &success, list, entry);
    if (action == LEAVE)
        begin_stay(f, request, &success, entry);
    else if (action == SETTLE)
        settle(f, &success);
    else if (action == RETURN)
        end_stay(f, FAILBACK_CAME_BACK, success.t_ns);
    else if (action == FORGET)
        end_stay(f, FAILBACK_FORGOTTEN, success.t_ns);
    f->state = COURSE[f->state][event].next;
    if (!f->has_in_use || !same_place(&f->in_use, server))
        f->in_use_ns = success.attempt->t_ns;
    f->has_in_use = true;
    f->in_use = *server;
    f->success_ns = success.t_ns;
    f->tried = f->connected = false;
}

/* ---- beginnings ---- */

static bool succeeds_where_it_went(const struct judge *judge, const struct request *request) {
    if (!failback_success_of(judge, request).attempt)
        return false;
    for (size_t i = 0; i < request->attempt_count; i++)
        if (!server_eq(&request->attempts[i].server, &request->attempts[0].server))
            return false;
    return true;
}

/* When a server refused an attempt, in whatever way; 0: it did not. */
static int64_t refused_ns(const struct attempt *attempt) {
    return attempt->outcome == OUTCOME_REFUSED || attempt->outcome == OUTCOME_UNAVAILABLE
               ? attempt->end_ns
               : 0;
}

static void take_begin(struct follower *f, size_t index) {
    const struct judge *judge = f->judge;
    const struct request *request = &judge->account->requests[index];
    const struct server_list *list = server_view_list(judge, request);
    struct failback_step step = {.request = request, .list = list, .state = f->state};

    if ((f->state != FAILBACK_AWAY && f->state != FAILBACK_PROBING) || !list)
        return;
    step.used = server_list_find_near(list, &f->in_use);
    step.went = server_list_find_near(list, &request->attempts[0].server);
    if (!step.used || !step.went)
        return; /* the zone has changed: there is no order between them */
    step.back = rank_before(step.went, step.used);
    if (request->method == SIP_UNKNOWN_METHOD) {
        f->connected = f->connected || step.back;
        return;
    }
    if (!has_better(f, request, list, step.used) ||
        (step.back && !is_there(f, request, list, step.went)))
        return; /* what would be better is not there */
    find_first(f, &step);
    step.astray = rank_before(step.used, step.went);
    step.to_primary = !has_better(f, request, list, step.went);
    step.stay = f->stays.n - 1;
    step.released = server_health_dead(f->health, &f->in_use, request->t_ns) ||
                    server_health_retry_after(f->health, &f->in_use, request->t_ns);
    step.renewal = renews_in_place(f, request);
    step.loosened = f->loosened;
    step.connected = f->connected;
    step.succeeded = succeeds_where_it_went(judge, request);
    step.anew = f->anew;
    step.base_low_ns = f->base_low_ns;
    step.base_high_ns = f->base_high_ns;
    step.success_ns = f->success_ns;
    step.before_ns = f->before_ns;
    step.register_ns = f->next_register[index];
    *ARRAY_PUSH(&f->steps) = step;
    if (!step.back || step.renewal)
        return;
    if (COURSE[f->state][WENT_BACK].action == TRY) {
        f->tried = true;
        f->try_ns = request->t_ns;
        f->refused_ns = refused_ns(&request->attempts[0]);
    }
    f->state = COURSE[f->state][WENT_BACK].next;
}

static void take_restart(struct follower *f, int64_t t_ns) {
    if (COURSE[f->state][RESTARTED].action == FORGET)
        end_stay(f, FAILBACK_FORGOTTEN, t_ns);
    f->state = COURSE[f->state][RESTARTED].next;
    f->restarted = true;
    f->tried = f->connected = false;
}

/* ---- all of it ---- */

static int by_time(const void *a, const void *b) {
    const struct mark *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    if (x->kind != y->kind)
        return (int)x->kind - (int)y->kind;
    return (x->request > y->request) - (x->request < y->request);
}

static size_t mark_all(const struct judge *judge, struct mark *marks) {
    const struct account *account = judge->account;
    size_t n = 0;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        bool counted = failback_counts(judge, request);
        if (counted || (request->method == SIP_UNKNOWN_METHOD && request->attempt_count))
            marks[n++] = (struct mark){request->t_ns, MARK_BEGIN, i};
        if (counted) {
            const struct failback_success success = failback_success_of(judge, request);
            int64_t end_ns = success.attempt ? success.t_ns : request->end_ns;
            /* A capture that is out of order may show an answer before its request. */
            marks[n++] =
                (struct mark){end_ns > request->t_ns ? end_ns : request->t_ns + 1, MARK_END, i};
        }
    }
    for (size_t i = 0; i < judge->phone->restart_count; i++)
        marks[n++] = (struct mark){judge->phone->restarts_ns[i], MARK_RESTART, 0};
    array_sort(marks, n, sizeof *marks, by_time);
    return n;
}

static const int64_t *next_registers(const struct judge *judge) {
    const struct account *account = judge->account;
    int64_t *next = ARENA_ARRAY(judge->arena, int64_t, account->request_count + 1);
    int64_t t_ns = INT64_MAX;

    for (size_t i = account->request_count; i-- > 0;) {
        next[i] = t_ns;
        if (account->requests[i].method == SIP_REGISTER && !account->requests[i].unregister)
            t_ns = account->requests[i].t_ns;
    }
    return next;
}

#define KEEP(judge, array, type, to, count)                                                        \
    do {                                                                                           \
        type *kept = ARENA_ARRAY((judge)->arena, type, (array).n + 1);                             \
        for (size_t i = 0; i < (array).n; i++)                                                     \
            kept[i] = (array).items[i];                                                            \
        (to) = kept;                                                                               \
        (count) = (array).n;                                                                       \
        ARRAY_FINI(&(array));                                                                      \
    } while (0)

void failback_course_new(struct failback_course *course, const struct judge *judge) {
    struct follower f = {.judge = judge, .health = judge->health};
    struct mark *marks =
        ARENA_ARRAY(judge->arena, struct mark,
                    2 * judge->account->request_count + judge->phone->restart_count + 1);
    size_t n = mark_all(judge, marks);

    if (!f.health)
        f.health = server_health_new(judge->phone, &judge->expect->failover, judge->arena);
    f.standing = standing_of(judge);
    f.next_register = next_registers(judge);
    f.before_ns = f.success_ns = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        if (marks[i].kind == MARK_BEGIN)
            take_begin(&f, marks[i].request);
        else if (marks[i].kind == MARK_END)
            take_end(&f, &judge->account->requests[marks[i].request], marks[i].t_ns);
        else
            take_restart(&f, marks[i].t_ns);
    }
    KEEP(judge, f.stays, struct failback_stay, course->stays, course->stay_count);
    KEEP(judge, f.steps, struct failback_step, course->steps, course->step_count);
    KEEP(judge, f.changes, struct failback_change, course->changes, course->change_count);
    course->unlisted = f.unlisted;
}

bool failback_asked(const struct judge *judge,
                    bool (*wanted)(const struct failback_expectations *failback)) {
    const struct expectations *expect = judge->expect;
    bool proxies = expect->outbound_proxy_count != 0;
    const struct server_expectation *entries = proxies ? expect->outbound_proxies : expect->servers;
    size_t n = proxies ? expect->outbound_proxy_count : expect->server_count;

    if (judge->view && !judge->view->matched)
        return false;
    if (!n)
        return wanted(&expect->failback);
    for (size_t i = 0; i < n; i++)
        if (wanted(&entries[i].failback))
            return true;
    return false;
}
