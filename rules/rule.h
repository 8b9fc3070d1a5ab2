/* A rule: what it is, and how it judges one account. The catalogue lists them; a rule knows no
 * other.
 */
#ifndef RULES_RULE_H
#define RULES_RULE_H

#include "phone/story.h"
#include "rules/expectations/expectations.h"
#include "rules/verdict.h"

/* What a rule may see of the account that it judges. */
struct judge {
    const struct story *story;
    const struct phone *phone;
    const struct account *account;
    const struct expectations *expect;
    const struct server_view *view; /* the account's server lists as the expectations see them */
    struct arena *arena;            /* for all that a judgement holds */
    bool details; /* false: nobody will read passed occurrences; counts and verdicts suffice */
    ARRAY_OF(struct occurrence) occurrences;
    const char *not_exercised_needs; /* what a capture must show for this rule to be exercised */
    /* Built once for many accounts by judge_story; each may be NULL, and is then done without. */
    const struct loss_index *losses;    /* the phone's signs of loss, for judge_loss */
    const struct loss_scatter *scatter; /* where they are all over the capture */
    struct busy_cache *busy;            /* the phone's calls, for busy_times_of */
    struct standing_cache *standing;    /* the account's, for standing_of */
    const struct basis_table *basis;    /* where the expectations come from, for result.sources */
    struct record_index *records;       /* the answers that the phone got, and when */
    const struct server_health *health; /* which servers the phone has seen fail, and when */
    struct hidden_signs *hidden;      /* what unread TLS may hide of the account, for judge_loss */
    const struct weight_pools *pools; /* choices among equals in the whole capture: order.weight */
    /* Without details a passed occurrence is only counted; it is written into `scratch`. */
    size_t passed;
    struct occurrence scratch;
};

struct rule {
    const char *id;    /* "order.priority" */
    const char *title; /* a short sentence: what it asks */
    /* For `sipvet rules RULE`. steered_by spells keys out as a profile does ("dns.weight"): from it
     * result.sources learns which expectations a judgement rests on. Those behind a semicolon only
     * bear on it. */
    const char *checks, *matters, *steered_by, *passes, *fails;
    const char *departures;       /* where vendors depart from the standard; NULL: nowhere known */
    const struct source *sources; /* of the rule in general; basis rfc first */
    size_t source_count;
    const char *needs; /* for not-exercised: "includes a server that stops answering …" */
    /* Do the expectations ask for it, for this account? */
    bool (*applies)(const struct judge *judge);
    /* Add the occurrences. */
    void (*check)(struct judge *judge);
    /* Connections suffice to judge it, whatever was said on them: it is judged of a host that is
     * seen only in TLS, too. Other rules are `encrypted` there. */
    bool shown_by_connections;
    /* Connections that failed show some of it, those that stood nothing: of such a host it is
     * judged as far as that goes, and is `encrypted` beyond. */
    bool shown_by_failures;
    /* Lookups suffice to judge it: nothing of it is in TLS. */
    bool shown_by_lookups;
};

/* The catalogue, in the contract's order; *count of them. */
const struct rule *const *catalogue(size_t *count);
const struct rule *catalogue_find(const char *id);
/* Does a pattern ("dns.chain", "dns.*") name this rule? */
bool rule_matches(const struct rule *rule, const char *pattern);
bool catalogue_has_match(const char *pattern);

/* Run one rule over one account: the result, in judge->arena. */
struct result rule_run(const struct rule *rule, struct judge *judge);

/* ---- for the checks ---- */

/* What would decide a no-server-list. */
#define NEEDS_SERVER_LIST                                                                          \
    "includes the DNS traffic before the first REGISTER, or is judged with `servers` in the "      \
    "expectations"

/* A new occurrence at t with this verdict, which stays what it is; fill in the rest through the
 * functions below. The pointer serves until the next one is added. */
struct occurrence *judge_add(struct judge *judge, enum verdict verdict, int64_t t_ns);
/* An inconclusive one, with its reason and what would decide it. */
struct occurrence *judge_undecided(struct judge *judge, enum reason reason, int64_t t_ns,
                                   const char *needs);
/* Evidence; sorted and made unique by rule_run. Frame 0 is passed over. */
void judge_frame(struct judge *judge, struct occurrence *occurrence, uint32_t frame);
void judge_attempt_frames(struct judge *judge, struct occurrence *occurrence,
                          const struct attempt *attempt);
void judge_expect(struct judge *judge, struct occurrence *occurrence, struct value value);
void judge_observe(struct judge *judge, struct occurrence *occurrence, struct value value);
/* Will nobody read what is said of it (it passed, and details were not asked for)? The functions
 * here know that; a check asks where the words alone cost something. */
bool judge_unheard(const struct judge *judge, const struct occurrence *occurrence);
/* The sentence of a failed (or undecided) occurrence, printf-like. */
void judge_say(struct judge *judge, struct occurrence *occurrence, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline struct value value_int(const char *key, int64_t n) {
    return (struct value){.key = key, .kind = VALUE_INT, .integer = n};
}
static inline struct value value_bool(const char *key, bool b) {
    return (struct value){.key = key, .kind = VALUE_BOOL, .boolean = b};
}
static inline struct value value_seconds(const char *key, int64_t ns) {
    return (struct value){.key = key, .kind = VALUE_SECONDS, .ns = ns};
}
static inline struct value value_text(const char *key, const char *text) {
    return (struct value){.key = key, .kind = VALUE_TEXT, .text = text};
}
static inline struct value value_server(const char *key, const struct server *server) {
    return (struct value){.key = key, .kind = VALUE_SERVER, .server = *server};
}
static inline struct value value_range(const char *key, int64_t low, int64_t high) {
    return (struct value){.key = key, .kind = VALUE_RANGE, .range = {low, high}};
}

/* Does the capture show signs that it lost packets of this phone between two points in time?
 * `server`: signs tied to another server do not count; NULL: any. */
const struct loss_sign *judge_loss(const struct judge *judge, int64_t from_ns, int64_t to_ns,
                                   const struct ip_addr *server);

/* The same of some of the signs alone. */
const struct loss_sign *judge_loss_of(const struct judge *judge, const struct loss_index *losses,
                                      int64_t from_ns, int64_t to_ns, const struct ip_addr *server);

/* ---- the server lists as the expectations see them (server_view.c, server_list.c) ---- */

/* The list that was in force for one request: lookups, configuration and known records together. */
struct server_list {
    const char *host;
    const struct ranked_server *servers;
    size_t count;
    const struct server_expectation
        *entry;                          /* the configured server or proxy it is of; NULL: none */
    const struct resolution *resolution; /* that it rests on; NULL: none */
    bool complete; /* false: the addresses of some targets are not known (asked when their turn
                      comes) */
    /* Those targets, ranked among the servers (whose ranks then have holes); server.ip has no
     * meaning. */
    const struct ranked_server *unresolved;
    size_t unresolved_count;
    bool configured; /* `servers` or `outbound_proxies` say how the host is configured */
    bool looked_up;  /* the first step of its lookups is in the capture, before the request */
    bool midway;     /* its name may be a target of lookups that are not in the capture */
    /* Two configured servers (contract section 6). REGISTERs have the list of the server that they
     * are sent to, and the other server's here, in no order against it. Other requests have both
     * lists in one, server 1's first, and NULL here. */
    const struct server_list *other;
    bool joined; /* both servers' lists in one */
    /* A configured server's name was not asked for in the capture so far: a phone that was at work
     * before it may hold addresses that the lists lack. */
    bool name_unasked;
};

struct server_view {
    struct server_list *lists; /* one for each request of the account; count 0: no list known */
    size_t count;
    bool matched; /* false: `servers` is given and the account's host is none of them */
    /* dns.transports, with what the account was seen to use beyond UDP, TCP and TLS. */
    bool supported[TRANSPORT_COUNT];
};

void server_view_build(struct server_view *view, const struct phone *phone,
                       const struct account *account, const struct expectations *expect,
                       struct arena *arena);
/* NULL: the list of this request is not known. */
const struct server_list *server_view_list(const struct judge *judge,
                                           const struct request *request);
/* The entry of a list for a server, as resolution_find does. */
const struct ranked_server *server_list_find(const struct server_list *list,
                                             const struct server *server);
/* The same, else the entry that differs in transport only (a request that RFC 3261 18.1.1 moved to
 * TCP, or a phone that ignores the record's transport), else the one that differs in port. */
const struct ranked_server *server_list_find_near(const struct server_list *list,
                                                  const struct server *server);
/* The expectations for what is sent to this list's servers: its entry's own, else the top's. */
const struct retry_expectations *judge_retry(const struct judge *judge,
                                             const struct server_list *list);
const struct failover_expectations *judge_failover(const struct judge *judge,
                                                   const struct server_list *list);
const struct failback_expectations *judge_failback(const struct judge *judge,
                                                   const struct server_list *list);

/* ---- all accounts of a capture ---- */

struct judgement {
    const struct story *story;
    const struct phone *phone;
    const struct account *account;
    const struct expectations *expect;
    enum verdict verdict;
    const struct result *results; /* of the rules that were run, in the catalogue's order */
    size_t result_count;
};

struct judge_options {
    const char *const *only; /* --rule patterns; none: all */
    size_t only_count;
    const char *const *skip;
    size_t skip_count;
    bool details;
};

/* Judge every account of a story, by those of `expect` that fit it (expect->accounts, else expect
 * itself); `take` gets each judgement, which is gone when it returns (the
 * document is written account by account). Rules that pool over accounts see the whole story. */
void judge_story(const struct story *story, const struct expectations *expect,
                 const struct judge_options *options,
                 void (*take)(void *context, const struct judgement *judgement), void *context);

#endif
