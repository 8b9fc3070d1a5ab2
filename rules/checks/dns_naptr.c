/* dns.naptr: of a NAPTR answer the best service that the phone supports is used (RFC 3263 4.1:
 * order, then preference; RFC 3403 4.1).
 *
 *     NAPTR 10 50 "s" "SIPS+D2T" _sips._tcp   not supported: passed over
 *     NAPTR 20 50 "s" "SIP+D2T"  _sip._tcp    SRV empty, or all its servers known dead: the next
 *     NAPTR 30 50 "s" "SIP+D2U"  _sip._udp    is right here
 *
 * What a phone acts upon is what its next request shows: transport and server. */
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/encrypted.h"
#include "rules/naptr_services.h"
#include "rules/server_entries.h"
#include "rules/server_health.h"
#include "rules/standing.h"

enum { LARGE_REQUEST = 1300 };

struct walk {
    struct judge *judge;
    const struct standing *standing;
    const struct server_health *health;
    size_t request; /* the first that was not looked at yet */
};

/* A NAPTR answer and the request that acts upon it. */
struct step {
    const struct query *query;
    const char *host;
    const struct request *request;
    const struct attempt *attempt;
    const struct server_list *list;
    struct naptr_services services;
};

static bool applies(const struct judge *judge) {
    return judge->view->matched && server_entries_ask(judge, RANK_NAPTR);
}

/* Where the answer holds no record the static ones of dns.static may serve in its place. */
static bool static_serve(const struct judge *judge, const struct query *query) {
    struct naptr_services services = {0};

    if (judge->expect->dns.static_records.n)
        naptr_services(judge->records, query->name, query->answer_t_ns, judge->view->supported,
                       &services);
    return services.n;
}

/* Is this an answer that names services, or one that leaves it to the static records? */
static bool is_positive(const struct judge *judge, const struct query *query) {
    if (query->type != DNS_NAPTR || !query->answer_frame)
        return false;
    for (size_t i = 0; query->rcode == 0 && i < query->record_count; i++)
        if (query->records[i].type == DNS_NAPTR && query->records[i].section == DNS_ANSWER)
            return true;
    return static_serve(judge, query);
}

/* ---- which service was due, which was used ---- */

static bool is_of_service(const struct ranked_server *server, const struct naptr_service *service) {
    return server->from_naptr && server->order == service->order &&
           server->preference == service->preference &&
           server->server.transport == service->transport;
}

/* Are all servers of the service known dead, or do its lookups lead to none? */
static bool is_excused(const struct walk *walk, const struct step *step,
                       const struct naptr_service *service) {
    struct record_index *records = walk->judge->records;
    int64_t t_ns = step->request->t_ns;
    size_t alive = 0;
    enum lookup_state state = service->terminal_a
                                  ? lookup_addresses(records, service->target, t_ns)
                                  : lookup_state(records, service->target, DNS_SRV, t_ns, NULL);

    if (state == LOOKUP_EMPTY || state == LOOKUP_FAILED)
        return true;
    if (state == LOOKUP_UNKNOWN)
        return false;
    for (size_t i = 0; i < step->list->count; i++) {
        const struct ranked_server *server = &step->list->servers[i];
        if (!is_of_service(server, service))
            continue;
        alive += !server_health_dead(walk->health, &server->server, t_ns) &&
                 !server_health_retry_after(walk->health, &server->server, t_ns);
    }
    for (size_t i = 0; i < step->list->unresolved_count; i++)
        alive += is_of_service(&step->list->unresolved[i], service);
    return !alive;
}

static const struct naptr_service *service_due(const struct walk *walk, const struct step *step) {
    for (size_t i = 0; i < step->services.n; i++)
        if (!is_excused(walk, step, &step->services.items[i]))
            return &step->services.items[i];
    return NULL;
}

/* By the record that leads to the server; where the list does not hold it, by transport. */
static const struct naptr_service *service_used(const struct step *step) {
    const struct server *server = &step->attempt->server;
    const struct ranked_server *entry = server_list_find(step->list, server);

    for (size_t i = 0; entry && i < step->services.n; i++)
        if (is_of_service(entry, &step->services.items[i]))
            return &step->services.items[i];
    for (size_t i = 0; i < step->services.n; i++)
        if (step->services.items[i].transport == server->transport)
            return &step->services.items[i];
    return NULL;
}

/* An SRV name of the host that no service names, asked after the answer; NULL: none. */
static const char *guessed_name(const struct walk *walk, const struct step *step) {
    struct record_index *records = walk->judge->records;
    struct intern *names = record_index_names(records);

    for (int t = 0; t < TRANSPORT_COUNT; t++) {
        const char *name = rank_srv_name(names, (enum transport)t, step->host);
        int64_t asked_ns = record_index_asked(records, name, DNS_SRV);
        bool named = false;
        for (size_t i = 0; i < step->services.n; i++)
            named = named || strcmp(step->services.items[i].target, name) == 0;
        if (!named && asked_ns >= step->query->answer_t_ns && asked_ns <= step->request->t_ns)
            return name;
    }
    return NULL;
}

static bool is_large(const struct request *request) {
    return request->attempt_count && request->attempts[0].transactions &&
           request->attempts[0].transaction_list[0].size > LARGE_REQUEST;
}

/* ---- judging ---- */

static const char *service_text(struct judge *judge, const struct naptr_service *service) {
    static const char *const names[TRANSPORT_COUNT] = {
        [TRANSPORT_UDP] = "SIP+D2U", [TRANSPORT_TCP] = "SIP+D2T",  [TRANSPORT_TLS] = "SIPS+D2T",
        [TRANSPORT_WS] = "SIP+D2W",  [TRANSPORT_WSS] = "SIPS+D2W", [TRANSPORT_SCTP] = "SIP+D2S"};

    return arena_printf(judge->arena, "%u %u %s %s", service->order, service->preference,
                        names[service->transport], service->target);
}

static void describe(struct judge *judge, struct occurrence *occurrence, const struct step *step,
                     const struct naptr_service *due, const struct naptr_service *used) {
    if (due)
        judge_expect(judge, occurrence, value_text("service", service_text(judge, due)));
    judge_observe(judge, occurrence,
                  value_text("service", used ? service_text(judge, used) : NULL));
    judge_observe(judge, occurrence, value_server("server", &step->attempt->server));
    judge_frame(judge, occurrence, step->query->answer_frame);
    if (step->attempt->send_count)
        judge_frame(judge, occurrence, step->attempt->send_list[0].frame);
}

static void say_fault(struct judge *judge, const struct walk *walk, const struct step *step,
                      const struct naptr_service *due, const struct naptr_service *used,
                      const char *guessed) {
    int64_t t_ns = step->request->t_ns;
    struct occurrence *occurrence;

    if (judge_loss(judge, step->query->t_ns, step->attempt->end_ns, NULL)) {
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns,
                                     "shows all that follows the NAPTR answer");
    } else if (encrypted_hides(judge, NULL, t_ns)) {
        occurrence = judge_undecided(judge, REASON_ENCRYPTED, t_ns, NEEDS_SECRETS);
    } else if (!standing_in_use(walk->standing, t_ns) &&
               standing_midway(walk->standing, step->request, step->list)) {
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, t_ns,
                                     "begins before the phone chose its server");
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, t_ns);
        if (guessed)
            judge_say(judge, occurrence, "SRV was asked of %s; the NAPTR answer of %s leads to %s",
                      guessed, step->host, due->target);
        else if (!used)
            judge_say(judge, occurrence, "%s went over %s, which no NAPTR record of %s offers",
                      step->request->method_text, transport_name(step->attempt->server.transport),
                      step->host);
        else
            judge_say(judge, occurrence,
                      "%s used %s (order %u, preference %u) before %s (order %u, preference %u)",
                      step->request->method_text, used->target, used->order, used->preference,
                      due->target, due->order, due->preference);
    }
    describe(judge, occurrence, step, due, used);
    if (guessed)
        judge_observe(judge, occurrence, value_text("asked", guessed));
}

static void judge_step(struct walk *walk, const struct step *step) {
    struct judge *judge = walk->judge;
    const struct naptr_service *due = service_due(walk, step), *used = service_used(step);
    const char *guessed = due && !due->terminal_a &&
                                  lookup_state(judge->records, due->target, DNS_SRV,
                                               step->request->t_ns, NULL) == LOOKUP_UNKNOWN
                              ? guessed_name(walk, step)
                              : NULL;
    bool right = !due || (used && (used <= due || naptr_service_equal(used, due)));

    if (!right &&
        ((step->attempt->server.transport == TRANSPORT_TCP && is_large(step->request)) ||
         standing_allows(walk->standing, step->list, &step->attempt->server, step->request->t_ns)))
        right = true;
    if (right && !guessed) {
        struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, step->request->t_ns);
        if (judge->details)
            describe(judge, occurrence, step, due, used);
    } else {
        say_fault(judge, walk, step, due, used, guessed);
    }
}

/* The first request of this host in [from, until). */
static bool find_request(struct walk *walk, struct step *step, int64_t from_ns, int64_t until_ns) {
    const struct account *account = walk->judge->account;

    while (walk->request < account->request_count &&
           account->requests[walk->request].t_ns < from_ns)
        walk->request++;
    for (size_t i = walk->request; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (request->t_ns >= until_ns)
            return false;
        step->list = server_view_list(walk->judge, request);
        if (request->in_dialog || request->unregister || !request->attempt_count || !step->list ||
            request->attempts[0].after_redirect || strcmp(step->list->host, step->host) != 0)
            continue;
        step->request = request;
        step->attempt = &request->attempts[0];
        return true;
    }
    return false;
}

/* The next positive answer for the same host, from resolution r on; the end of the story otherwise.
 */
static int64_t next_answer(const struct judge *judge, size_t r, const char *host) {
    const struct account *account = judge->account;

    for (size_t i = r + 1; i < account->resolution_count; i++) {
        const struct resolution *resolution = account->resolutions[i];
        if (strcmp(resolution->host, host) != 0)
            continue;
        for (size_t q = 0; q < resolution->query_count; q++)
            if (is_positive(judge, resolution->queries[q]) &&
                strcmp(resolution->queries[q]->name, host) == 0)
                return resolution->queries[q]->answer_t_ns;
    }
    return INT64_MAX;
}

static void judge_answer(struct walk *walk, const struct query *query, const char *host, size_t r) {
    struct judge *judge = walk->judge;
    int64_t until_ns = next_answer(judge, r, host);
    struct step step = {.query = query, .host = host};

    if (!find_request(walk, &step, query->answer_t_ns, until_ns)) {
        if (until_ns == INT64_MAX) {
            struct occurrence *occurrence =
                judge_undecided(judge, REASON_ENDS_TOO_EARLY, query->answer_t_ns,
                                "goes on until a request follows the NAPTR answer");
            judge_frame(judge, occurrence, query->answer_frame);
        }
        return;
    }
    naptr_services(judge->records, host, step.request->t_ns, judge->view->supported,
                   &step.services);
    if (step.services.n)
        judge_step(walk, &step);
}

/* Does the phone hold the records itself, and is to look there first? */
static bool needs_no_lookup(const struct judge *judge, const char *host, int64_t t_ns) {
    struct lookup_answer answer;

    return judge->expect->dns.static_prefer &&
           lookup_state(judge->records, host, DNS_NAPTR, t_ns, &answer) == LOOKUP_POSITIVE &&
           answer.got_ns == INT64_MIN;
}

/* They are acted upon like an answer that came at t_ns. */
static void judge_held(struct walk *walk, const char *host, int64_t t_ns, size_t r) {
    struct query *held = arena_new(walk->judge->arena, sizeof *held);

    held->type = DNS_NAPTR;
    held->name = host;
    held->t_ns = held->answer_t_ns = t_ns;
    judge_answer(walk, held, host, r);
}

static bool begins_with_naptr(const struct judge *judge, const char *host) {
    const struct server_expectation *entry = server_entry_of(judge->expect, host);

    return (entry || !server_entries_given(judge->expect)) &&
           server_entry_start(judge->expect, entry) == RANK_NAPTR;
}

static void judge_lookups(struct walk *walk, const struct resolution *resolution, size_t r) {
    struct judge *judge = walk->judge;
    bool asked = false;

    for (size_t q = 0; q < resolution->query_count; q++) {
        const struct query *query = resolution->queries[q];
        if (query->type != DNS_NAPTR || strcmp(query->name, resolution->host) != 0)
            continue;
        asked = true;
        if (is_positive(judge, query))
            judge_answer(walk, query, resolution->host, r);
    }
    if (!asked && needs_no_lookup(judge, resolution->host, resolution->t_ns))
        judge_held(walk, resolution->host, resolution->t_ns, r);
}

static void check(struct judge *judge) {
    struct walk walk = {.judge = judge, .health = judge->health};
    const struct account *account = judge->account;

    if (!walk.health)
        walk.health = server_health_new(judge->phone, &judge->expect->failover, judge->arena);
    walk.standing = standing_of(judge);
    for (size_t r = 0; r < account->resolution_count; r++)
        if (begins_with_naptr(judge, account->resolutions[r]->host))
            judge_lookups(&walk, account->resolutions[r], r);
    /* All that the phone needs is held: it looks nothing up. */
    if (!account->resolution_count && account->host && begins_with_naptr(judge, account->host) &&
        needs_no_lookup(judge, account->host, judge->story->start_ns))
        judge_held(&walk, account->host, judge->story->start_ns, 0);
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.1"},
    {BASIS_RFC, "RFC 3403", "4.1"},
    {BASIS_RFC, "RFC 2915", "2"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Appendix A: DNS SRV"},
    {BASIS_VENDOR, GUIDE_YEALINK_T2XP, "DNS-SRV Process"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS NAPTR/SRV Format"},
};

const struct rule rule_dns_naptr = {
    .id = "dns.naptr",
    .title = "Of a NAPTR answer the best supported service is used",
    .checks =
        "Each NAPTR answer that a request follows; an empty one where the records of dns.static "
        "serve in its place; with dns.static.prefer, lookups or a request that rest on those "
        "without a NAPTR query. Services that dns.transports does not list are "
        "passed over; of the others the one with the lowest order, then the lowest preference, "
        "gives transport and SRV name. The next service is right where the lookups of the better "
        "one lead nowhere, or all its servers are known dead. Services of equal order and "
        "preference are free.",
    .matters =
        "NAPTR records are how a site moves its phones to TLS or TCP. A phone that keeps to UDP "
        "stays behind, and is cut off the day UDP is switched off.",
    .steered_by = "dns.mode, dns.transports, dns.static, dns.known, servers, outbound_proxies",
    .passes =
        "NAPTR offers SIP+D2T (order 10) and SIP+D2U (order 20): SRV of _sip._tcp is asked, and "
        "REGISTER goes over TCP.",
    .fails =
        "The same answer, and REGISTER goes over UDP; or SRV is asked of a name that the answer "
        "does not hold.",
    .departures = "None known. RFC 3263 4.1 discards what the client does not support; set "
                  "dns.transports to what the phone supports.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a NAPTR lookup of the host, and the request that follows it",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
};
