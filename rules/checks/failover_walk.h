/* Where a request may still go: its server list walked along with its attempts (RFC 3263 4.3).
 * Shared by the rules that ask whether a phone should have moved on.
 *
 *     list        s1   s2   s3 | s4          | ends the NAPTR service in use
 *     attempts    s1 x           left: s2     s2, s3 are owed; s4 is allowed, but not owed
 *                 s2 x           left: s3
 *                 s3 x           left: none   "the last one that the request may go to"
 */
#ifndef RULES_CHECKS_FAILOVER_WALK_H
#define RULES_CHECKS_FAILOVER_WALK_H

#include "rules/rule.h"
#include "rules/server_health.h"

/* What the walks of one account share. */
struct failover_account {
    const struct judge *judge;
    const struct server_health *health;
    const struct server_expectation *entries; /* outbound proxies, else servers */
    size_t entry_count;
    /* The second of two configured servers, where only its lookups tell its addresses; else NULL.
     * Those lookups, in order of time. */
    const struct server_expectation *second;
    const struct resolution **second_walks;
    size_t second_walk_count;
};

void failover_account_init(struct failover_account *account, const struct judge *judge);

/* What applies to this server: its entry's own, else the list's of this request, else the top's. */
const struct failover_expectations *failover_expectations_at(const struct failover_account *account,
                                                             const struct request *request,
                                                             const struct server *server);

/* Does any of the configured servers (none: do the expectations at the top) ask for this? */
bool failover_asked(const struct judge *judge,
                    bool (*asks)(const struct failover_expectations *failover));

/* One request's walk. Begin it, then step through its attempts in order. */
struct failover_walk {
    const struct failover_account *account;
    const struct request *request;
    const struct server_list *list; /* of the last attempt's server; NULL: not known */
    const struct server_list *own;  /* the request's: a REGISTER may change to own->other */
    /* What applies to the server of the last attempt: its entry's own, else the list's. */
    const struct failover_expectations *failover;
    const struct retry_expectations *retry;
    bool *tried, *tried_in_round;        /* for each entry of the list */
    uint64_t services;                   /* NAPTR services of list that were used, as bits */
    const struct ranked_server *current; /* the entry that the last attempt went to; NULL: none */
    /* after a step: */
    bool known;             /* the list is known, and the attempt's server is in it */
    size_t total;           /* servers that the request could go to at all */
    bool left;              /* a server that is owed a try has had none in this request */
    bool left_in_round;     /* the same, in a phone that goes round the list again */
    bool optional_left;     /* none is owed, but a later NAPTR service has one */
    bool unregistered_left; /* one would be left, but the phone is not registered there */
    bool banned_left;       /* one would be left, but a Retry-After keeps the phone away */
    struct server next;     /* with left: the best-ranked; ip.len 0 where only its name is known */
    const char *next_name;  /* its target name; NULL: none */
};

void failover_walk_begin(struct failover_walk *walk, const struct failover_account *account,
                         const struct request *request);
/* Attempt `index` has been made, and is over at t_ns: what is left? */
void failover_walk_step(struct failover_walk *walk, size_t index, int64_t t_ns);

/* The next server as text, for messages and observations; in the judge's arena. */
const char *failover_walk_next_text(const struct failover_walk *walk);

/* Signs that the request went to the server that seems to be left, before from_ns, where it seems
 * to begin: an answer without its request, or the like. NULL: none. */
const struct loss_sign *failover_lost_before(const struct failover_walk *walk, int64_t from_ns);

/* Is the next attempt somewhere else, so that the phone moved? A request that grows over 1300 bytes
 * and goes from UDP to TCP at the same address and port stays (RFC 3261 18.1.1), and so does the
 * way back; REGISTERs at two configured servers are walks of their own. */
bool failover_moved(const struct failover_account *account, const struct request *request,
                    size_t index);

/* Do two servers belong to one list? No: to two configured servers, where a REGISTER that goes from
 * one to the other is in truth two requests (contract section 6, Two configured servers). */
bool failover_same_list(const struct judge *judge, const struct request *request,
                        const struct server *a, const struct server *b);

/* Do this attempt and the next belong to two lists? */
bool failover_changes_list(const struct failover_account *account, const struct request *request,
                           size_t index);

/* A request that failover.trigger and failover.completes judge. */
bool failover_judged(const struct failover_walk *walk);

/* Nothing happened to it: one try, answered with 2xx. */
bool failover_uneventful(const struct request *request);

/* Its method; of connections alone, where nobody knows what they were for, "a request". */
const char *failover_request_words(const struct request *request);

/* Looks silent, but the capture shows that an answer may be missing: its ACK, bytes of the server's
 * stream, or a move before the first repetition was due (a phone without that patience is not told
 * from one that got an answer). */
bool failover_silence_doubtful(const struct judge *judge, const struct request *request,
                               size_t index);

/* What ended an attempt, in the words of failover.on: "no-response", "transport-error", "503". */
const char *failover_cause(const struct judge *judge, const struct attempt *attempt);

/* How long the phone was at a silent server: to the move, the first response, or its last send. */
int64_t failover_silence_ns(const struct failover_account *account, const struct request *request,
                            size_t index);

/* Did it stay there past 64×T1 (RFC 3261 timers B and F), and past what its tries and give_up_s
 * allow? */
bool failover_overdue(const struct failover_walk *walk, size_t index);
/* A sign that what ended it before that may be missing from the capture: the attempt is of several
 * transactions, and too short from sign to sign. NULL: none. */
const struct loss_sign *failover_overdue_sign(const struct failover_walk *walk, size_t index);

/* The user ended it: a CANCEL of this attempt was seen. */
bool failover_cancelled(const struct request *request, size_t index);

/* Nothing was heard of the phone after this point: it may have been switched off. */
bool failover_phone_gone(const struct judge *judge, int64_t t_ns);

/* Does the phone have an address of this family (other than a link-local one), and do the
 * expectations ask for it? */
bool failover_family_usable(const struct judge *judge, const struct ip_addr *ip);

/* Did the phone restart between two points in time? */
bool failover_restarted(const struct judge *judge, int64_t from_ns, int64_t to_ns);

/* The frames of an attempt's sends. */
void failover_send_frames(struct judge *judge, struct occurrence *occurrence,
                          const struct attempt *attempt);

/* tries of an attempt, in the unit that retry.unit counts. */
unsigned retry_tries(const struct retry_expectations *retry, const struct attempt *attempt);
enum retry_method retry_method_of(enum sip_method method);

const char *server_words(const struct judge *judge, const struct server *server);

#endif
