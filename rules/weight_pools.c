/* Shares against weights.
 *
 * RFC 2782, "Weight": the records of weight 0 stand first, the running sums of the weights are
 * formed, a number is drawn uniformly from 0 to the sum W (both included), and the first record
 * whose running sum reaches it is chosen. Over all arrangements that leaves:
 *
 *     with z > 0 records of weight 0    each of those 1 / (z (W + 1)), one of weight w: w / (W + 1)
 *     else, of n records                one of weight w: (w + 1/n) / (W + 1)
 *
 * Whether shares fit is Pearson's chi-square with n - 1 degrees of freedom. Where a share that is
 * expected fewer than five times makes it unsound, an exact binomial test has to agree. */
#include "rules/weight_pools.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rules/server_health.h"
#include "rules/server_view.h"

enum { ENOUGH_CHOICES = 30, GAMMA_STEPS = 1000 };

struct weight_pools {
    struct weight_pool **slots; /* open addressing; a power of two */
    size_t n, cap;
    struct arena *arena;
};

/* ---- probabilities ---- */

/* The regularised upper incomplete gamma function Q(a, x): by its series below a + 1, by Lentz's
 * continued fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31). */
static double gamma_upper(double a, double x) {
    double scale;

    if (x <= 0)
        return 1;
    scale = exp(-x + a * log(x) - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int i = 1; i < GAMMA_STEPS && term > sum * 1e-16; i++) {
            term *= x / (a + i);
            sum += term;
        }
        return 1 - sum * scale;
    }
    double b = x + 1 - a, c = 1 / 1e-300, d = 1 / b, h = d;
    for (int i = 1; i < GAMMA_STEPS; i++) {
        double an = -i * (i - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
        c = b + an / c;
        c = fabs(c) < 1e-300 ? 1e-300 : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return h * scale;
}

/* How probable k or something further out is among n draws of probability p, on its side, doubled.
 */
static double binomial_tail(size_t n, size_t k, double p) {
    bool upper = (double)k > (double)n * p;
    double sum = 0;

    for (size_t i = upper ? k : 0; i <= (upper ? n : k); i++) {
        double log_choose =
            lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1);
        sum += exp(log_choose + (double)i * log(p) + (double)(n - i) * log1p(-p));
    }
    return sum * 2 > 1 ? 1 : sum * 2;
}

static double share(const struct choice_set *set, size_t target) {
    double total = 0, zeros = 0, weight = set->targets[target].weight;

    for (size_t i = 0; i < set->count; i++) {
        total += set->targets[i].weight;
        zeros += set->targets[i].weight == 0;
    }
    if (zeros > 0)
        return weight > 0 ? weight / (total + 1) : 1 / (zeros * (total + 1));
    return (weight + 1 / (double)set->count) / (total + 1);
}

static void judge_pool(struct weight_pool *pool) {
    double n = (double)pool->choices, exact = 1;
    bool sound = true;

    pool->p = 1;
    pool->enough = pool->choices >= ENOUGH_CHOICES;
    if (!pool->enough)
        return;
    for (size_t i = 0; i < pool->set->count; i++) {
        double p = share(pool->set, i), off = (double)pool->chosen[i] - n * p;
        double tail = binomial_tail(pool->choices, pool->chosen[i], p) * (double)pool->set->count;
        pool->chi_square += off * off / (n * p);
        sound = sound && n * p >= 5;
        exact = tail < exact ? tail : exact;
    }
    pool->p = gamma_upper((double)(pool->set->count - 1) / 2, pool->chi_square / 2);
    if (!sound && exact > pool->p)
        pool->p = exact;
}

/* ---- gathering ---- */

static size_t slot_of(const struct weight_pools *pools, const struct choice_set *set) {
    uint64_t hash = hash_bytes(set->host, strlen(set->host), set->priority);
    size_t slot = (size_t)hash & (pools->cap - 1);

    while (pools->slots[slot] && !choice_set_eq(pools->slots[slot]->set, set))
        slot = (slot + 1) & (pools->cap - 1);
    return slot;
}

static void grow(struct weight_pools *pools) {
    struct weight_pool **old = pools->slots;
    size_t old_cap = pools->cap;

    pools->cap = old_cap ? old_cap * 2 : 16;
    pools->slots = ARENA_ARRAY(pools->arena, struct weight_pool *, pools->cap);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i])
            pools->slots[slot_of(pools, old[i]->set)] = old[i];
}

/* A copy that outlives the account. */
static const struct choice_set *keep_set(const struct choice_set *set, struct arena *arena) {
    struct choice_set *kept = arena_new(arena, sizeof *kept);

    *kept = *set;
    kept->host = arena_text(arena, slice_of_text(set->host));
    kept->targets = ARENA_ARRAY(arena, struct choice_target, set->count);
    for (size_t i = 0; i < set->count; i++) {
        kept->targets[i] = set->targets[i];
        kept->targets[i].name = arena_text(arena, slice_of_text(set->targets[i].name));
    }
    return kept;
}

static void gather(void *context, const struct choice *choice) {
    struct weight_pools *pools = context;
    size_t slot;

    if (!choice->free || choice->chosen >= choice->set->count)
        return;
    if (pools->n * 4 >= pools->cap * 3)
        grow(pools);
    slot = slot_of(pools, choice->set);
    if (!pools->slots[slot]) {
        struct weight_pool *pool = arena_new(pools->arena, sizeof *pool);
        pool->set = keep_set(choice->set, pools->arena);
        pool->name = pool->set->host;
        pool->chosen = ARENA_ARRAY(pools->arena, size_t, pool->set->count);
        pools->slots[slot] = pool;
        pools->n++;
    }
    pools->slots[slot]->choices++;
    pools->slots[slot]->chosen[choice->chosen]++;
}

static bool is_srv_pair(const struct fact_record *a, const struct fact_record *b) {
    return a->type == DNS_SRV && b->type == DNS_SRV && a->priority == b->priority &&
           a->name == b->name;
}

/* Is there a pair of equals at all? Most captures have none, and are not walked twice. */
static bool has_equals(const struct fact_record *records, size_t n) {
    enum { LOOK_AT = 64 }; /* an SRV answer of more is a choice, too */

    for (size_t i = 0; i < n && i < LOOK_AT; i++)
        for (size_t k = i + 1; k < n && k < LOOK_AT; k++)
            if (is_srv_pair(&records[i], &records[k]))
                return true;
    return n > LOOK_AT;
}

static bool capture_has_equals(const struct story *story) {
    for (size_t i = 0; i < story->srv_answer_count; i++)
        if (has_equals(story->srv_answers[i].records, story->srv_answers[i].count))
            return true;
    return false;
}

static bool phone_has_equals(const struct phone *phone) {
    for (size_t i = 0; i < phone->query_count; i++)
        if (has_equals(phone->queries[i]->records, phone->queries[i]->record_count))
            return true;
    return false;
}

static void gather_phone(struct weight_pools *pools, const struct story *story,
                         const struct phone *phone, const struct expectations *expect) {
    struct arena of_phone = {0}, of_account = {0};
    struct record_index *records = record_index_new(phone, expect, &of_phone);
    struct judge judge = {.story = story, .phone = phone, .expect = expect, .arena = &of_account};

    judge.health = server_health_new(phone, &expect->failover, &of_phone);
    for (size_t a = 0; a < phone->account_count; a++) {
        struct server_view view;
        judge.account = &phone->accounts[a];
        server_view_build_with(&view, records, judge.account, expect, &of_account);
        judge.view = &view;
        choices_walk(&judge, gather, pools);
        arena_clear(&of_account);
    }
    record_index_free(records);
    arena_fini(&of_account);
    arena_fini(&of_phone);
}

struct weight_pools *weight_pools_new(const struct story *story, const struct expectations *expect,
                                      struct arena *arena) {
    struct weight_pools *pools;
    bool held = expect->dns.static_records.n || expect->dns.known_records.n;

    if (expect->dns.weight != DNS_WEIGHT_RFC2782)
        return NULL;
    pools = arena_new(arena, sizeof *pools);
    pools->arena = arena;
    if (!held && !capture_has_equals(story))
        return pools;
    for (size_t p = 0; p < story->phone_count; p++) {
        story_enter_phone(story, p);
        if (held || phone_has_equals(&story->phones[p]))
            gather_phone(pools, story, &story->phones[p], expect);
        story_leave_phone(story);
    }
    for (size_t i = 0; i < pools->cap; i++)
        if (pools->slots[i])
            judge_pool(pools->slots[i]);
    return pools;
}

const struct weight_pool *weight_pools_find(const struct weight_pools *pools,
                                            const struct choice *choice) {
    return pools && pools->cap ? pools->slots[slot_of(pools, choice->set)] : NULL;
}

size_t weight_pools_count(const struct weight_pools *pools) {
    return pools ? pools->n : 0;
}
