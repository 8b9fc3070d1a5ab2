/* What follows from the requests: failover, failback and probe, outage and recovery, registered,
 * unregistered and lapsed, calls, restarts (contract sections 1, 3 and 6).
 */
#include "phone/tell.h"

#include <stdlib.h>

/* A REGISTER under a new Call-ID is a renewal when it comes in the last part of the lifetime. */
#define RENEWAL_FROM_PER_CENT 40
/* Lookups belong to a request that follows them within this time. */
#define FRESH_LOOKUP_NS ((int64_t)10 * 1000000000)

enum { LOOK_BACK = 16, SERVERS_MAX = 64, REGISTRATIONS_MAX = 8 };

struct eventer {
    struct telling *telling;
    struct phone_draft *phone;
    struct account_draft *account;
    ARRAY_OF(struct event) events;
};

static const uint32_t *frames_of(struct eventer *e, const uint32_t *frames, size_t count) {
    uint32_t *kept = ARENA_ARRAY(e->telling->arena, uint32_t, count);

    memcpy(kept, frames, count * sizeof *kept);
    return kept;
}

static struct event *add_event(struct eventer *e, enum event_kind kind, int64_t t_ns,
                               const uint32_t *frames, size_t count) {
    struct event *event = ARRAY_PUSH(&e->events);

    event->kind = kind;
    event->t_ns = t_ns;
    event->request = event->attempt = SIZE_MAX;
    event->frame_count = count;
    event->frames = frames_of(e, frames, count);
    return event;
}

static uint32_t last_frame(const struct attempt *attempt) {
    return attempt->send_list[attempt->send_count - 1].frame;
}

static bool failed(const struct attempt *attempt) {
    return attempt->outcome == OUTCOME_SILENT || attempt->outcome == OUTCOME_REFUSED ||
           attempt->outcome == OUTCOME_UNAVAILABLE || attempt->outcome == OUTCOME_STALLED;
}

static void move_event(struct eventer *e, enum event_kind kind, const struct request *request,
                       size_t attempt, const struct server *from, const uint32_t *frames,
                       size_t count) {
    struct event *event = add_event(e, kind, request->attempts[attempt].t_ns, frames, count);

    event->from = *from;
    event->to = request->attempts[attempt].server;
    event->method = request->method;
    event->request = (size_t)(request - e->account->account.requests);
    event->attempt = attempt;
}

static void add_failovers(struct eventer *e, const struct request *request) {
    for (size_t i = 1; i < request->attempt_count; i++) {
        const struct attempt *before = &request->attempts[i - 1], *after = &request->attempts[i];
        if (!failed(before) || after->after_redirect || server_eq(&before->server, &after->server))
            continue;
        uint32_t frames[2] = {last_frame(before), after->send_list[0].frame};
        move_event(e, EVENT_FAILOVER, request, i, &before->server, frames, 2);
    }
}

/* ---- failback ---- */

/* The rank of a server in the newest list that has it; by its address alone where nothing has it
 * whole (an INVITE that moved to TCP for its size). 0: unknown. */
static unsigned rank_of(const struct account *account, const struct request *request,
                        const struct server *server) {
    const struct ranked_server *found =
        request->resolution ? resolution_find(request->resolution, server) : NULL;
    size_t looked = 0;

    for (size_t i = account->resolution_count; i-- > 0 && !found && looked < LOOK_BACK;) {
        if (account->resolutions[i]->t_ns > request->end_ns)
            continue;
        looked++;
        found = resolution_find(account->resolutions[i], server);
    }
    if (found)
        return found->rank;
    for (size_t i = 0; request->resolution && i < request->resolution->server_count; i++)
        if (ip_eq(&request->resolution->servers[i].server.ip, &server->ip))
            return request->resolution->servers[i].rank;
    return 0;
}

static bool succeeded(const struct request *request) {
    return request->outcome == OUTCOME_ANSWERED && request->status >= 200 && request->status < 300;
}

/* Requests that say which server is in use: new ones, of the phone's own purpose. */
static bool says_in_use(const struct request *request) {
    return !request->in_dialog && !request->unregister && request->method != SIP_OPTIONS &&
           request->method != SIP_UNKNOWN_METHOD;
}

/* Where each registration of the account stands: one, or several with reg-id (RFC 5626). */
struct standing_registrations {
    struct {
        bool has_reg_id;
        uint32_t reg_id;
        struct server server;
    } at[REGISTRATIONS_MAX];
    size_t count;
};

static bool renews_where_it_is(const struct standing_registrations *standing,
                               const struct request *request) {
    for (size_t i = 0; i < standing->count; i++)
        if (standing->at[i].has_reg_id == request->has_reg_id &&
            standing->at[i].reg_id == request->reg_id)
            return server_eq(&standing->at[i].server, &request->attempts[0].server);
    /* The first of a further registration is no move of another one. */
    return request->has_reg_id && standing->count > 0;
}

static void note_registration(struct standing_registrations *standing,
                              const struct request *request, const struct server *server) {
    size_t i = 0;

    while (i < standing->count && (standing->at[i].has_reg_id != request->has_reg_id ||
                                   standing->at[i].reg_id != request->reg_id))
        i++;
    if (i == REGISTRATIONS_MAX)
        return;
    if (i == standing->count)
        standing->count++;
    standing->at[i].has_reg_id = request->has_reg_id;
    standing->at[i].reg_id = request->reg_id;
    standing->at[i].server = *server;
}

static void add_failbacks(struct eventer *e) {
    const struct account *account = &e->account->account;
    struct server in_use = {0};
    struct standing_registrations standing = {0};
    bool has_in_use = false;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct attempt *first = &request->attempts[0];
        const struct attempt *last = &request->attempts[request->attempt_count - 1];
        if (!says_in_use(request))
            continue;
        bool renewal = request->method == SIP_REGISTER && renews_where_it_is(&standing, request);
        if (has_in_use && !renewal && !server_eq(&in_use, &first->server)) {
            unsigned used = rank_of(account, request, &in_use);
            unsigned tried = rank_of(account, request, &first->server);
            if (tried && used && tried < used) {
                /* Through challenges to success there, or an end without. */
                bool back = succeeded(request) && server_eq(&last->server, &first->server);
                bool probe = failed(first);
                uint32_t frames[2] = {first->send_list[0].frame,
                                      back ? last->final_frame : last_frame(first)};
                if (back || probe)
                    move_event(e, back ? EVENT_FAILBACK : EVENT_PROBE, request, 0, &in_use, frames,
                               frames[0] == frames[1] ? 1 : 2);
            }
        }
        if (succeeded(request)) {
            in_use = last->server;
            has_in_use = true;
            if (request->method == SIP_REGISTER)
                note_registration(&standing, request, &last->server);
        }
    }
}

/* ---- outages ---- */

struct sighting {
    int64_t t_ns;
    uint32_t frame;
    bool down;
    struct server server;
};

static int by_sighting(const void *a, const void *b) {
    const struct sighting *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    if (x->down != y->down)
        return x->down ? 1 : -1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* From the first try of a failed attempt to the first response that follows (a 503 is none: it is
 * the failure). */
static void add_outages(struct eventer *e) {
    const struct account *account = &e->account->account;
    ARRAY_OF(struct sighting) list = {0};
    struct {
        struct server server;
        bool down;
    } servers[SERVERS_MAX];
    size_t server_count = 0;
    bool any = false;

    for (size_t i = 0; i < account->request_count && !any; i++)
        for (size_t a = 0; a < account->requests[i].attempt_count && !any; a++)
            any = failed(&account->requests[i].attempts[a]);
    if (!any)
        return;
    for (size_t i = 0; i < account->request_count; i++) {
        for (size_t a = 0; a < account->requests[i].attempt_count; a++) {
            const struct attempt *attempt = &account->requests[i].attempts[a];
            if (failed(attempt))
                *ARRAY_PUSH(&list) = (struct sighting){attempt->t_ns, attempt->send_list[0].frame,
                                                       true, attempt->server};
            for (size_t r = 0; r < attempt->response_count; r++)
                if (attempt->responses[r].status != 503)
                    *ARRAY_PUSH(&list) =
                        (struct sighting){attempt->responses[r].t_ns, attempt->responses[r].frame,
                                          false, attempt->server};
        }
    }
    array_sort(list.items, list.n, sizeof *list.items, by_sighting);
    for (size_t i = 0; i < list.n; i++) {
        const struct sighting *s = &list.items[i];
        size_t at = 0;
        while (at < server_count && !server_eq(&servers[at].server, &s->server))
            at++;
        if (at == server_count) {
            if (server_count == SERVERS_MAX)
                continue;
            servers[server_count].server = s->server;
            servers[server_count++].down = false;
        }
        if (s->down == servers[at].down)
            continue;
        servers[at].down = s->down;
        add_event(e, s->down ? EVENT_OUTAGE : EVENT_RECOVERY, s->t_ns, &s->frame, 1)->server =
            s->server;
    }
    ARRAY_FINI(&list);
}

/* ---- registrations and calls ---- */

/* Is the account registered anywhere else when this binding runs out? Then it has moved, not
 * lapsed. */
static bool live_elsewhere(const struct account *account, size_t index) {
    const struct registration *lapsed = &account->registrations[index];

    for (size_t i = index + 1; i < account->registration_count; i++) {
        const struct registration *r = &account->registrations[i];
        if (r->t_ns > lapsed->until_ns)
            return false;
        if (!r->lapsed || r->until_ns > lapsed->until_ns)
            return true;
    }
    return false;
}

static void add_registrations(struct eventer *e) {
    const struct account *account = &e->account->account;

    for (size_t i = 0; i < account->registration_count; i++) {
        const struct registration *r = &account->registrations[i];
        struct event *event = add_event(e, EVENT_REGISTERED, r->t_ns, &r->frame, 1);
        event->server = r->server;
        event->has_expires = true;
        event->expires_s = r->expires_s;
        event->request = r->request;
        if (r->lapsed && !live_elsewhere(account, i)) {
            event = add_event(e, EVENT_LAPSED, r->until_ns, &r->frame, 1);
            event->server = r->server;
            event->has_expires = true;
            event->expires_s = r->expires_s;
        }
    }
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (!request->unregister || !succeeded(request))
            continue;
        const struct attempt *last = &request->attempts[request->attempt_count - 1];
        struct event *event =
            add_event(e, EVENT_UNREGISTERED, last->final_ns, &last->final_frame, 1);
        event->server = last->server;
        event->has_expires = true;
        event->request = i;
    }
}

static void add_call(struct eventer *e, const struct server *server, const char *call_id,
                     int64_t up_ns, uint32_t frame) {
    const struct collection *c = e->telling->c;
    uint32_t bye = index_get(&e->telling->first_bye, index_key(&call_id, sizeof call_id, 32));
    uint32_t frames[2] = {frame, 0};
    int64_t end_ns = 0;

    if (bye != NONE) {
        const struct seen *sent = &c->seen.items[c->txs.items[bye].sends.first];
        if (sent->t_ns >= up_ns) {
            end_ns = sent->t_ns;
            frames[1] = sent->frame;
        }
    }
    struct event *event = add_event(e, EVENT_CALL, up_ns, frames, frames[1] ? 2 : 1);
    event->server = *server;
    event->call_id = call_id;
    event->end_ns = end_ns;
}

static void add_calls(struct eventer *e, bool first_account) {
    const struct account *account = &e->account->account;
    const struct collection *c = e->telling->c;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (request->method != SIP_INVITE || request->in_dialog || !succeeded(request))
            continue;
        const struct attempt *last = &request->attempts[request->attempt_count - 1];
        add_call(e, &last->server, last->call_id, last->final_ns, last->final_frame);
        e->events.items[e->events.n - 1].request = i;
    }
    for (size_t i = 0; i < e->phone->incoming.n; i++) {
        const struct tx *tx = &c->txs.items[e->phone->incoming.items[i]];
        if (tx->told.to_tag || !tx->told.call_id)
            continue;
        const char *callee = tell_aor(e->telling, wording_of(c, tx)->to_uri);
        if (callee != account->aor && !(first_account && e->phone->accounts.n == 1))
            continue;
        for (uint32_t r = tx->first_response; r != NONE; r = c->responses.items[r].next) {
            const struct response *response = &c->responses.items[r].told;
            if (response->status < 200)
                continue;
            struct server server = {tx->told.source.ip, tx->told.source.port, tx->transport};
            if (response->status < 300)
                add_call(e, &server, tx->told.call_id, response->t_ns, response->frame);
            break;
        }
    }
}

/* ---- restarts ---- */

static bool fresh_lookups(const struct account *account, int64_t after_ns, int64_t before_ns) {
    for (size_t i = account->resolution_count; i-- > 0;) {
        int64_t t_ns = account->resolutions[i]->t_ns;
        if (t_ns <= after_ns)
            return false;
        if (t_ns <= before_ns && before_ns - t_ns <= FRESH_LOOKUP_NS)
            return true;
    }
    return false;
}

/* DHCP has shown this restart already. */
static bool booted_between(const struct phone_draft *phone, int64_t after_ns, int64_t before_ns) {
    for (size_t i = 0; i < phone->boots.n; i++)
        if (phone->boots.items[i].t_ns > after_ns && phone->boots.items[i].t_ns <= before_ns)
            return true;
    return false;
}

static bool renews(const struct account *account, size_t count, int64_t t_ns) {
    for (size_t i = count; i-- > 0 && count - i <= LOOK_BACK;) {
        const struct registration *r = &account->registrations[i];
        int64_t life_ns = (int64_t)r->expires_s * 1000000000;
        if (r->t_ns < t_ns && t_ns <= r->t_ns + life_ns &&
            t_ns >= r->t_ns + life_ns / 100 * RENEWAL_FROM_PER_CENT && r->until_ns >= t_ns)
            return true;
    }
    return false;
}

/* A REGISTER under a new Call-ID, outside the renewal of a live registration, after no failed or
 * pending request, with fresh lookups: the phone has started anew (contract section 6). */
static void add_restarts(struct eventer *e) {
    const struct account *account = &e->account->account;
    const struct request *before = NULL;
    size_t registrations = 0;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (request->method != SIP_REGISTER)
            continue;
        while (registrations < account->registration_count &&
               account->registrations[registrations].t_ns < request->t_ns)
            registrations++;
        if (before && request->call_id != before->call_id && succeeded(before) &&
            !request->unregister && request->has_reg_id == before->has_reg_id &&
            (before->unregister || !renews(account, registrations, request->t_ns)) &&
            !booted_between(e->phone, before->end_ns, request->t_ns) &&
            fresh_lookups(account, before->end_ns, request->t_ns)) {
            uint32_t frame = request->attempts[0].send_list[0].frame;
            add_event(e, EVENT_RESTART, request->t_ns, &frame, 1)->request = i;
            *ARRAY_PUSH(&e->phone->restarts) = request->t_ns;
        }
        before = request;
    }
}

static void add_boots(struct eventer *e) {
    for (size_t i = 0; i < e->phone->boots.n; i++) {
        const struct seen_boot *boot = &e->phone->boots.items[i];
        add_event(e, EVENT_RESTART, boot->t_ns, &boot->frame, 1);
    }
}

static int by_event(const void *a, const void *b) {
    const struct event *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    if (x->frames[0] != y->frames[0])
        return x->frames[0] < y->frames[0] ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

void tell_events(struct telling *telling, struct phone_draft *phone,
                 struct account_draft *account) {
    struct eventer e = {.telling = telling, .phone = phone, .account = account};
    bool first = telling->accounts.items + phone->accounts.items[0] == account;

    for (size_t i = 0; i < account->account.request_count; i++)
        add_failovers(&e, &account->account.requests[i]);
    add_failbacks(&e);
    add_outages(&e);
    add_registrations(&e);
    add_calls(&e, first);
    add_boots(&e);
    add_restarts(&e);
    array_sort(e.events.items, e.events.n, sizeof *e.events.items, by_event);
    struct event *kept = ARENA_ARRAY(telling->arena, struct event, e.events.n);
    if (e.events.n)
        memcpy(kept, e.events.items, e.events.n * sizeof *kept);
    account->account.events = kept;
    account->account.event_count = e.events.n;
    ARRAY_FINI(&e.events);
}
