/* order.weight: the choice among SRV targets of equal priority (RFC 2782 "Weight").
 *
 *     highest-first   each choice by itself: no open target has a greater weight than the chosen
 * one rfc2782         all choices of the capture together, pooled by host: the shares fit the
 * weights
 *
 * What a phone does with one choice proves nothing where it draws by lot: below 30 choices the rule
 * leaves it open. */
#include <stdlib.h>
#include <string.h>

#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/standing.h"
#include "rules/weight_pools.h"

enum { POOLS_MAX = 64, P_MIN_PER_MILLION = 100 };

static bool applies(const struct judge *judge) {
    return judge->view->matched && judge->expect->dns.weight != DNS_WEIGHT_ANY &&
           judge->expect->dns.mode != DNS_MODE_CONFIGURED && judge->expect->dns.mode != DNS_MODE_A;
}

static uint32_t first_frame(const struct attempt *attempt) {
    return attempt->send_count ? attempt->send_list[0].frame : 0;
}

/* ---- highest-first ---- */

struct highest_walk {
    struct judge *judge;
    const struct standing *standing;
};

/* The first of the list's servers that has this target; NULL: its address is not known. */
static const struct ranked_server *server_of(const struct choice *choice,
                                             const struct choice_target *target) {
    for (size_t i = 0; i < choice->list->count; i++) {
        const struct ranked_server *server = &choice->list->servers[i];
        if (server->target && server->server.port == target->port &&
            strcmp(server->target, target->name) == 0)
            return server;
    }
    return NULL;
}

/* Signs of an attempt at the better target that the capture missed: of packets to or from it since
 * the request before, or of any between the attempt before this one and this one. */
static const struct loss_sign *may_be_lost(const struct judge *judge, const struct choice *choice,
                                           const struct choice_target *due) {
    const struct request *request = choice->request;
    const struct attempt *attempt = choice->attempt;
    bool first = attempt == request->attempts;
    int64_t from_ns = !first                               ? request->t_ns
                      : request > judge->account->requests ? (request - 1)->t_ns
                                                           : judge->story->start_ns;
    const struct ranked_server *server = server_of(choice, due);
    const struct loss_sign *sign =
        judge_loss(judge, from_ns, attempt->end_ns, server ? &server->server.ip : NULL);

    return sign || first ? sign : judge_loss(judge, attempt[-1].end_ns, attempt->t_ns - 1, NULL);
}

/* Did the request go before to an address that no lookup in the capture gave? It may be that of a
 * target whose lookup is missing. */
static bool tried_stranger(const struct choice *choice) {
    for (const struct attempt *one = choice->request->attempts; one < choice->attempt; one++)
        if (!server_list_find_near(choice->list, &one->server))
            return true;
    return false;
}

static void judge_highest(void *context, const struct choice *choice) {
    struct highest_walk *walk = context;
    struct judge *judge = walk->judge;
    const struct choice_target *chosen = &choice->set->targets[choice->chosen], *due = NULL;
    struct occurrence *occurrence;

    if (choice->open_count < 2 && choice->open[choice->chosen])
        return; /* nothing else was left */
    for (size_t i = 0; i < choice->set->count; i++) {
        const struct choice_target *target = &choice->set->targets[i];
        if (choice->open[i] && (!due || target->weight > due->weight))
            due = target;
    }
    if (!due)
        return; /* all are dead: no order left */
    if (chosen->weight >= due->weight ||
        (choice->attempt == choice->request->attempts &&
         standing_allows(walk->standing, choice->list, &choice->attempt->server,
                         choice->attempt->t_ns))) {
        occurrence = judge_add(judge, VERDICT_PASS, choice->attempt->t_ns);
    } else if (may_be_lost(judge, choice, due)) {
        occurrence =
            judge_undecided(judge, REASON_CAPTURE_LOSS, choice->attempt->t_ns,
                            "shows the same without losing packets to or from the other targets");
    } else if (!server_of(choice, due) && tried_stranger(choice)) {
        occurrence = judge_undecided(
            judge, REASON_STARTS_MIDWAY, choice->attempt->t_ns,
            "includes the DNS traffic that gave the phone the addresses of all its servers");
    } else if (choice->attempt == choice->request->attempts &&
               !standing_in_use(walk->standing, choice->attempt->t_ns) &&
               standing_midway(walk->standing, choice->request, choice->list)) {
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, choice->attempt->t_ns,
                                     "begins before the phone chose its server");
    } else {
        occurrence = judge_add(judge, VERDICT_FAIL, choice->attempt->t_ns);
        judge_say(judge, occurrence,
                  "%s went to %s (weight %u) before %s (weight %u) of the same priority",
                  choice->request->method_text, chosen->name, chosen->weight, due->name,
                  due->weight);
    }
    judge_expect(judge, occurrence, value_text("target", due->name));
    judge_expect(judge, occurrence, value_int("weight", due->weight));
    judge_observe(judge, occurrence, value_text("target", chosen->name));
    judge_observe(judge, occurrence, value_int("weight", chosen->weight));
    judge_observe(judge, occurrence, value_server("server", &choice->attempt->server));
    judge_frame(judge, occurrence, first_frame(choice->attempt));
}

/* ---- shares ---- */

struct share {
    const struct weight_pool *pool;
    int64_t t_ns;
    ARRAY_OF(uint32_t) frames; /* of this account's choices */
};

struct share_walk {
    struct share shares[POOLS_MAX];
    size_t n;
    const struct weight_pools *pools;
};

static void note_share(void *context, const struct choice *choice) {
    struct share_walk *walk = context;
    const struct weight_pool *pool = choice->free ? weight_pools_find(walk->pools, choice) : NULL;
    size_t at = 0;

    if (!pool)
        return;
    while (at < walk->n && walk->shares[at].pool != pool)
        at++;
    if (at == POOLS_MAX)
        return;
    if (at == walk->n)
        walk->shares[walk->n++] = (struct share){.pool = pool, .t_ns = choice->attempt->t_ns};
    *ARRAY_PUSH(&walk->shares[at].frames) = first_frame(choice->attempt);
}

/* "sip1.example.com 14, sip2.example.com 17" */
static const char *counts_text(struct judge *judge, const struct weight_pool *pool, bool weights) {
    const char *text = "";

    for (size_t i = 0; i < pool->set->count; i++)
        text = arena_printf(judge->arena, "%s%s%s %zu", text, *text ? ", " : "",
                            pool->set->targets[i].name,
                            weights ? (size_t)pool->set->targets[i].weight : pool->chosen[i]);
    return text;
}

static void judge_share(struct judge *judge, const struct share *share) {
    const struct weight_pool *pool = share->pool;
    struct occurrence *occurrence;

    if (!pool->enough)
        occurrence = judge_undecided(
            judge, REASON_TOO_FEW_CHOICES, share->t_ns,
            arena_printf(
                judge->arena,
                "shows 30 or more choices among the targets of %s, by this phone or others "
                "(here: %zu)",
                pool->name, pool->choices));
    else if (pool->p * 1e6 >= P_MIN_PER_MILLION)
        occurrence = judge_add(judge, VERDICT_PASS, share->t_ns);
    else
        occurrence = judge_add(judge, VERDICT_FAIL, share->t_ns);
    if (occurrence == &judge->scratch)
        return;
    if (pool->enough && occurrence->verdict == VERDICT_FAIL)
        judge_say(judge, occurrence,
                  "%zu choices among equal priorities of %s do not fit the weights (%s): chosen %s",
                  pool->choices, pool->name, counts_text(judge, pool, true),
                  counts_text(judge, pool, false));
    else if (!pool->enough)
        judge_say(judge, occurrence, "%zu choices among equal priorities of %s are too few",
                  pool->choices, pool->name);
    judge_expect(judge, occurrence, value_text("weights", counts_text(judge, pool, true)));
    judge_expect(judge, occurrence,
                 (struct value){.key = "p_min", .kind = VALUE_RATIO, .ratio = 0.0001});
    judge_observe(judge, occurrence, value_int("choices", (int64_t)pool->choices));
    judge_observe(judge, occurrence, value_text("chosen", counts_text(judge, pool, false)));
    judge_observe(
        judge, occurrence,
        pool->enough
            ? (struct value){.key = "chi_square", .kind = VALUE_RATIO, .ratio = pool->chi_square}
            : (struct value){.key = "chi_square", .kind = VALUE_NULL});
    judge_observe(judge, occurrence,
                  pool->enough ? (struct value){.key = "p", .kind = VALUE_RATIO, .ratio = pool->p}
                               : (struct value){.key = "p", .kind = VALUE_NULL});
    for (size_t i = 0; i < share->frames.n; i++)
        judge_frame(judge, occurrence, share->frames.items[i]);
}

static void check(struct judge *judge) {
    struct highest_walk highest = {.judge = judge};
    struct share_walk shares = {.n = 0};

    if (judge->expect->dns.weight == DNS_WEIGHT_HIGHEST_FIRST) {
        highest.standing = standing_of(judge);
        choices_walk(judge, judge_highest, &highest);
        return;
    }
    shares.pools = judge->pools;
    if (weight_pools_count(shares.pools))
        choices_walk(judge, note_share, &shares);
    for (size_t i = 0; i < shares.n; i++) {
        judge_share(judge, &shares.shares[i]);
        ARRAY_FINI(&shares.shares[i].frames);
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 2782", "Weight"},
    {BASIS_RFC, "RFC 3263", "4.2"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Appendix A: DNS SRV"},
    {BASIS_VENDOR, GUIDE_GRANDSTREAM, "DNS-SRV Format"},
    {BASIS_VENDOR, GUIDE_GENESYS, "Configuring DNS Records"},
};

const struct rule rule_order_weight = {
    .id = "order.weight",
    .title = "Among equal priorities the weights decide",
    .checks =
        "Each choice among SRV targets of equal priority. With `highest-first` the chosen target "
        "has the greatest weight of those that were not tried yet and are not known dead; equal "
        "weights are free. With `rfc2782` the choices of all accounts that ask the same name are "
        "counted, and their shares must fit the weights as RFC 2782's algorithm gives them "
        "(chi-square, p at least 0.0001, 30 choices or more). Only choices made anew with every "
        "target open count there: not the requests of a phone that stays with its server, not "
        "what is left after a target died.",
    .matters =
        "Weights are how a site spreads its phones over its servers. Phones that all take the "
        "same one overload it, and all fail over at once when it dies.",
    .steered_by = "dns.weight; dns.mode, failback.mode",
    .passes =
        "rfc2782: weights 3 and 1; of 40 phones that register, 28 go to the first and 12 to the "
        "second. highest-first: REGISTER goes to the target of weight 2, then, not answered, to "
        "that of weight 1.",
    .fails =
        "rfc2782: weights 1 and 1; all 40 phones register at the first target. highest-first: the "
        "first REGISTER goes to weight 1 though weight 2 stands beside it.",
    .departures =
        "RFC 2782 draws by lot, with weights as shares. Yealink sorts: the highest weight "
        "first, equal weights share the load (`highest-first`, profile yealink). Genesys lets "
        "a phone stick to one proxy of a centre (`any`, profile genesys-sip-cluster).",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes requests to a name whose SRV answer holds several targets of equal priority",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
};
