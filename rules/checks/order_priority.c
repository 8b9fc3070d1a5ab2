/* order.priority: the best-ranked server that the state allows (RFC 2782 "Priority"; RFC
 * 3263 4.2, 4.3).
 *
 *     first attempt   every better-ranked target is known dead or under Retry-After, or the server
 * is the one in use (failed over; how long is failback.mode's business) failover        every
 * better-ranked target was tried in this request, or is known dead; when the server in use fails,
 * any that was not tried yet
 *
 * A target is tried once one of its addresses was. Targets whose addresses nobody asked for count
 * as well: a phone that resolves the backup only has passed the primary over. Services of NAPTR
 * records with the same order and preference, and services found without NAPTR, stand in no order.
 */
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"
#include "rules/encrypted.h"
#include "rules/rank_order.h"
#include "rules/server_health.h"
#include "rules/standing.h"

struct walk {
    struct judge *judge;
    const struct standing *standing;
    const struct server_health *health;
};

/* One attempt and all that bears on it. */
struct step {
    const struct request *request;
    size_t at; /* index of the attempt */
    const struct attempt *attempt;
    const struct server_list *list;
    const struct ranked_server *entry; /* where the attempt's server stands; NULL: nowhere */
};

static bool applies(const struct judge *judge) {
    return judge->view->matched;
}

static bool same_target(const struct ranked_server *a, const struct ranked_server *b) {
    return a->rank == b->rank && a->server.port == b->server.port &&
           (a->target == b->target ||
            (a->target && b->target && strcmp(a->target, b->target) == 0));
}

/* Was an address of this entry's target tried before this attempt? */
static bool is_tried(const struct step *step, const struct ranked_server *entry) {
    for (size_t i = 0; i < step->at; i++) {
        const struct ranked_server *tried =
            server_list_find_near(step->list, &step->request->attempts[i].server);
        if (tried && same_target(tried, entry))
            return true;
    }
    return false;
}

static bool is_away(const struct walk *walk, const struct server *server, int64_t t_ns) {
    return server_health_dead(walk->health, server, t_ns) ||
           server_health_retry_after(walk->health, server, t_ns);
}

/* Is some address of this entry's target away? One dead address excuses its twins: some phones use
 * only the first. */
static bool is_excused(const struct walk *walk, const struct step *step,
                       const struct ranked_server *entry) {
    for (size_t i = 0; i < step->list->count; i++) {
        const struct ranked_server *server = &step->list->servers[i];
        if (same_target(server, entry) && is_away(walk, &server->server, step->attempt->t_ns))
            return true;
    }
    return false;
}

/* The best entry that had to come before this attempt's server, and did not; NULL: none. */
static const struct ranked_server *passed_over(const struct walk *walk, const struct step *step) {
    const struct server_list *list = step->list;
    const struct ranked_server *missed = NULL;

    for (size_t i = 0; i < list->count; i++) {
        const struct ranked_server *server = &list->servers[i];
        if ((!step->entry || rank_before(server, step->entry)) &&
            (!missed || server->rank < missed->rank) && !is_tried(step, server) &&
            !is_excused(walk, step, server))
            missed = server;
    }
    for (size_t i = 0; i < list->unresolved_count; i++) {
        const struct ranked_server *target = &list->unresolved[i];
        if ((!step->entry || rank_before(target, step->entry)) &&
            (!missed || target->rank < missed->rank))
            missed = target;
    }
    return missed;
}

/* ---- saying it ---- */

static const char *entry_text(struct judge *judge, const struct ranked_server *entry) {
    char text[SERVER_TEXT_LEN];

    if (!entry->server.ip.len)
        return arena_printf(judge->arena, "%s (rank %u)", entry->target, entry->rank);
    return arena_printf(judge->arena, "%s (rank %u)", server_text(&entry->server, text),
                        entry->rank);
}

static void describe(struct judge *judge, struct occurrence *occurrence, const struct step *step,
                     const struct ranked_server *due) {
    if (due && due->server.ip.len)
        judge_expect(judge, occurrence, value_server("server", &due->server));
    else if (due)
        judge_expect(judge, occurrence, value_text("target", due->target));
    if (due)
        judge_expect(judge, occurrence, value_int("rank", due->rank));
    judge_observe(judge, occurrence, value_server("server", &step->attempt->server));
    judge_observe(judge, occurrence,
                  step->entry ? value_int("rank", step->entry->rank)
                              : (struct value){.key = "rank", .kind = VALUE_NULL});
    if (step->at)
        judge_attempt_frames(judge, occurrence, &step->request->attempts[step->at - 1]);
    if (step->attempt->send_count)
        judge_frame(judge, occurrence, step->attempt->send_list[0].frame);
}

static void hold(struct judge *judge, const struct step *step) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, step->attempt->t_ns);

    if (judge->details)
        describe(judge, occurrence, step, step->entry);
}

static struct occurrence *leave_open(struct judge *judge, const struct step *step,
                                     enum reason reason, const char *needs) {
    struct occurrence *occurrence = judge_undecided(judge, reason, step->attempt->t_ns, needs);

    describe(judge, occurrence, step, NULL);
    if (step->entry && !step->at)
        judge_say(judge, occurrence,
                  "%s went first to rank %u; whether it had to is not in the capture",
                  step->request->method_text, step->entry->rank);
    else if (step->entry)
        judge_say(judge, occurrence, "%s moved to rank %u; whether it had to is not in the capture",
                  step->request->method_text, step->entry->rank);
    return occurrence;
}

static void say_fault(struct judge *judge, const struct step *step,
                      const struct ranked_server *due) {
    if (encrypted_hides(judge, due && due->server.ip.len ? &due->server.ip : NULL,
                        step->attempt->t_ns)) {
        leave_open(judge, step, REASON_ENCRYPTED, NEEDS_SECRETS);
        return;
    }
    struct occurrence *occurrence = judge_add(judge, VERDICT_FAIL, step->attempt->t_ns);
    const char *method = step->request->method_text;
    char text[SERVER_TEXT_LEN], from[SERVER_TEXT_LEN];

    describe(judge, occurrence, step, due);
    server_text(&step->attempt->server, text);
    if (!step->entry && !due)
        judge_say(judge, occurrence, "%s went to %s, which is none of the servers of %s", method,
                  text, step->list->host);
    else if (!step->entry)
        judge_say(judge, occurrence,
                  "%s went to %s, which is none of the servers of %s; expected %s", method, text,
                  step->list->host, entry_text(judge, due));
    else if (!due)
        judge_say(judge, occurrence, "%s went to %s (rank %u)", method, text, step->entry->rank);
    else if (!step->at)
        judge_say(judge, occurrence, "%s went first to %s (rank %u); expected %s", method, text,
                  step->entry->rank, entry_text(judge, due));
    else
        judge_say(judge, occurrence, "%s moved from %s to %s (rank %u); expected %s next", method,
                  server_text(&step->request->attempts[step->at - 1].server, from), text,
                  step->entry->rank, entry_text(judge, due));
}

/* ---- judging ---- */

/* Signs of loss that could hide the tries at the server that was passed over, since the account's
 * request before, or the attempt before this one. */
static bool may_be_lost(const struct walk *walk, const struct step *step,
                        const struct ranked_server *due) {
    const struct judge *judge = walk->judge;
    const struct request *request = step->request;
    int64_t from_ns = step->at                             ? request->attempts[step->at - 1].t_ns
                      : request > judge->account->requests ? (request - 1)->t_ns
                                                           : judge->story->start_ns;
    const struct ip_addr *server = due && due->server.ip.len ? &due->server.ip : NULL;

    return judge_loss(judge, from_ns, step->attempt->end_ns, server) != NULL;
}

/* An address that no lookup in the capture gave: of a target whose lookup was not seen? */
static void judge_stranger(const struct walk *walk, const struct step *step) {
    struct judge *judge = walk->judge;
    const struct server_list *list = step->list;

    /* The zone changed, but the server in use is the one of before. */
    if (standing_allows(walk->standing, list, &step->attempt->server, step->attempt->t_ns)) {
        hold(judge, step);
        return;
    }
    bool from_before = list->name_unasked &&
                       !failover_restarted(judge, judge->story->start_ns - 1, step->attempt->t_ns);
    if (list->unresolved_count || list->midway || from_before ||
        (!step->at && standing_midway(walk->standing, step->request, list) &&
         !standing_in_use(walk->standing, step->attempt->t_ns) && !list->configured)) {
        struct occurrence *occurrence = leave_open(
            judge, step, REASON_STARTS_MIDWAY,
            "includes the DNS traffic that gave the phone the addresses of all its servers");
        judge_say(judge, occurrence, "%s went to an address that no lookup in the capture gave",
                  step->request->method_text);
    } else if (may_be_lost(walk, step, NULL)) {
        leave_open(judge, step, REASON_CAPTURE_LOSS,
                   "shows the same without losing packets of the phone's lookups");
    } else {
        say_fault(judge, step, passed_over(walk, step));
    }
}

static void judge_first(const struct walk *walk, const struct step *step) {
    struct judge *judge = walk->judge;
    const struct ranked_server *due = passed_over(walk, step);
    int64_t t_ns = step->attempt->t_ns;

    if (!due || standing_allows(walk->standing, step->list, &step->attempt->server, t_ns)) {
        hold(judge, step);
    } else if (may_be_lost(walk, step, due)) {
        leave_open(judge, step, REASON_CAPTURE_LOSS,
                   "shows the same without losing packets to or from the better-ranked server");
    } else if ((!standing_in_use(walk->standing, t_ns) &&
                standing_midway(walk->standing, step->request, step->list)) ||
               step->list->midway) {
        leave_open(judge, step, REASON_STARTS_MIDWAY,
                   "begins before the phone chose its server, best when it boots");
    } else {
        say_fault(judge, step, due);
    }
}

/* Did this request begin at a server that the state allowed though it is not the best? Then its
 * failover may go up or down (contract section 6, failback). */
static bool began_in_use(const struct walk *walk, const struct step *step) {
    struct step first = *step;

    first.at = 0;
    first.attempt = &step->request->attempts[0];
    first.entry = server_list_find_near(step->list, &first.attempt->server);
    return first.entry && passed_over(walk, &first);
}

static bool all_tried(const struct step *step) {
    for (size_t i = 0; i < step->list->count; i++)
        if (!is_tried(step, &step->list->servers[i]))
            return false;
    return step->list->unresolved_count == 0;
}

/* Did the request try this very server before? Another address of a target tried is a new server.
 */
static bool is_tried_itself(const struct step *step) {
    for (size_t i = 0; i < step->at; i++)
        if (server_eq(&step->request->attempts[i].server, &step->attempt->server))
            return true;
    return false;
}

/* Did the request go before to an address that no lookup in the capture gave? It may be that of a
 * target whose lookup is missing. */
static bool tried_stranger(const struct step *step) {
    for (size_t i = 0; i < step->at; i++)
        if (!server_list_find_near(step->list, &step->request->attempts[i].server))
            return true;
    return false;
}

/* An answer may be missing that ended the request before, so that this is another one: of the
 * server that it seems to have left after a lone send, or of this one, that it seems to be back at.
 */
static bool may_have_ended(const struct walk *walk, const struct step *step, bool again) {
    const struct judge *judge = walk->judge;
    const struct attempt *before = &step->request->attempts[step->at - 1];
    const struct loss_sign *sign =
        judge_loss(judge, before->t_ns, step->attempt->t_ns, &before->server.ip);

    return (sign && sign->kind == LOSS_UNREPEATED) ||
           (again &&
            judge_loss(judge, step->request->t_ns, step->attempt->t_ns, &step->attempt->server.ip));
}

static void judge_failover_step(const struct walk *walk, const struct step *step) {
    struct judge *judge = walk->judge;
    const struct ranked_server *due = passed_over(walk, step);
    bool again = is_tried_itself(step) && !all_tried(step);

    if (!due && again) {
        for (size_t i = 0; i < step->list->count && !due; i++) {
            const struct ranked_server *other = &step->list->servers[i];
            if (!is_tried(step, other) && !is_excused(walk, step, other))
                due = other;
        }
        again = due != NULL;
    }
    if (!due || (!again && began_in_use(walk, step)))
        hold(judge, step);
    else if (may_be_lost(walk, step, due) || may_have_ended(walk, step, again))
        leave_open(judge, step, REASON_CAPTURE_LOSS,
                   "shows the same without losing packets to or from the server passed over");
    else if (step->list->midway || (!due->server.ip.len && tried_stranger(step)))
        leave_open(judge, step, REASON_STARTS_MIDWAY,
                   "includes all lookups that gave the phone its server list");
    else if (again && !judge->account->aor) /* another account's connection, perhaps */
        leave_open(judge, step, REASON_ENCRYPTED, NEEDS_SECRETS);
    else
        say_fault(judge, step, due);
}

/* Two configured servers: what a REGISTER does at the other one is fallback's business. */
static bool is_at_other_list(const struct step *step) {
    return step->list->other && server_list_find(step->list->other, &step->attempt->server);
}

static void judge_attempt(const struct walk *walk, const struct request *request, size_t at,
                          const struct server_list *list) {
    struct step step = {request, at, &request->attempts[at], list, NULL};
    const struct failover_expectations *failover = judge_failover(walk->judge, list);

    if (step.attempt->after_redirect || step.attempt->after_challenge)
        return;
    if (at && (server_eq(&step.attempt->server, &request->attempts[at - 1].server) ||
               !failover_lists(failover, &request->attempts[at - 1])))
        return;
    step.entry = server_list_find_near(list, &step.attempt->server);
    if (!step.entry && is_at_other_list(&step))
        return;
    if (!step.entry)
        judge_stranger(walk, &step);
    else if (at)
        judge_failover_step(walk, &step);
    else
        judge_first(walk, &step);
}

/* No list: neither lookups nor expectations give the order. Said once. */
static void say_no_list(struct judge *judge, const struct request *request) {
    struct occurrence *occurrence =
        judge_undecided(judge, REASON_NO_SERVER_LIST, request->t_ns, NEEDS_SERVER_LIST);

    if (request->attempts[0].send_count)
        judge_frame(judge, occurrence, request->attempts[0].send_list[0].frame);
    judge_observe(judge, occurrence, value_server("server", &request->attempts[0].server));
}

/* A flow beside the first one (RFC 5626) is meant to go elsewhere, and so may a ping. */
static bool is_beside(const struct request *request) {
    return request->method == SIP_OPTIONS || (request->has_reg_id && request->reg_id > 1);
}

static void check(struct judge *judge) {
    struct walk walk = {.judge = judge, .health = judge->health};
    const struct account *account = judge->account;
    bool said = false;

    if (!walk.health)
        walk.health = server_health_new(judge->phone, &judge->expect->failover, judge->arena);
    walk.standing = standing_of(judge);
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct server_list *list = server_view_list(judge, request);
        if (request->in_dialog || request->unregister || is_beside(request) ||
            !request->attempt_count)
            continue;
        if (!list && !said) {
            say_no_list(judge, request);
            said = true;
        }
        for (size_t at = 0; list && at < request->attempt_count; at++)
            judge_attempt(&walk, request, at, list);
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 2782", "Priority"},
    {BASIS_RFC, "RFC 3263", "4.2"},
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Phone Registration"},
    {BASIS_VENDOR, GUIDE_YEALINK_T2XP, "DNS-SRV Process"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS-SRV Lookup"},
    {BASIS_VENDOR, GUIDE_GENESYS, "SIP registration in failover scenarios based on SRV records"},
};

const struct rule rule_order_priority = {
    .id = "order.priority",
    .title = "Requests go to the best-ranked server that the state allows",
    .checks =
        "Each first attempt of a request outside a dialog, and each failover. The server list is "
        "that of the lookups seen before the request, or of the expectations: NAPTR services in "
        "their order, in each the SRV targets by priority, in each the addresses. A first "
        "attempt must go to the best-ranked server; a server that the phone has seen fail since "
        "its last good answer, or that asked for peace with Retry-After, may be passed over, and "
        "a phone that is failed over may stay with the server in use. A failover must go to the "
        "best-ranked server not yet tried; when the server in use fails, to any not yet tried. "
        "Un-registers, OPTIONS, and what follows a redirection or a challenge are exempt.",
    .matters =
        "A phone that does not follow the priorities loads the backup while the primary is well, "
        "and has nowhere better to go when it fails.",
    .steered_by = "dns.mode, dns.transports, dns.static, dns.known, servers, outbound_proxies; "
                  "failover.on, failback.mode",
    .passes = "SRV answers sip1 (priority 1) and sip2 (priority 2); REGISTER goes to sip1, is not "
              "answered, and goes to sip2.",
    .fails =
        "The same answers; the first REGISTER goes to sip2 though sip1 has not failed. Or sip1 of "
        "three fails, and the phone goes on to sip3.",
    .departures =
        "None known: the vendors' guides ask for the same order. How long a phone stays with "
        "the backup differs; that is failback.mode's business.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a request outside a dialog, and the lookups before it",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
};
