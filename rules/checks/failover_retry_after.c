/* failover.retry-after: a server that answers 503 with Retry-After is left alone until that time is
 * over, by every request of the account, unless no other server is left (RFC 3261 21.5.4, 20.33).
 *
 *     503, Retry-After: 30            over
 *     |------------------------------|
 *     s1      no INVITE, no REGISTER … to s1;  s2 is what the requests go to */
#include <stdlib.h>

#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"

/* Sends inside one Retry-After that are looked at in search of one that had no excuse. */
enum { EXCUSED_SEEN = 64 };

/* The first send of a transaction. */
struct first_send {
    struct server server;
    int64_t t_ns;
    uint32_t frame;
    const struct request *request;
    size_t attempt;
};

struct first_sends {
    struct first_send *items;
    size_t n;
};

struct refusal {
    const struct request *request;
    const struct attempt *attempt;
    const struct response *response;
};

static int compare(const void *a, const void *b) {
    const struct first_send *x = a, *y = b;
    int by_server = server_compare(&x->server, &y->server);

    if (by_server)
        return by_server;
    return x->t_ns != y->t_ns ? (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns)
                              : (x->frame > y->frame) - (x->frame < y->frame);
}

static void gather(struct judge *judge, struct first_sends *sends) {
    size_t n = 0;

    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t r = 0; r < judge->account->request_count; r++) {
            const struct request *request = &judge->account->requests[r];
            for (size_t a = 0; a < request->attempt_count; a++) {
                const struct attempt *attempt = &request->attempts[a];
                for (size_t t = 0; t < attempt->transactions; t++) {
                    const struct transaction *transaction = &attempt->transaction_list[t];
                    const struct send *send;
                    if (transaction->first_send >= attempt->send_count)
                        continue;
                    send = &attempt->send_list[transaction->first_send];
                    if (pass)
                        sends->items[sends->n++] = (struct first_send){attempt->server, send->t_ns,
                                                                       send->frame, request, a};
                    else
                        n++;
                }
            }
        }
        if (!pass)
            sends->items = ARENA_ARRAY(judge->arena, struct first_send, n ? n : 1);
    }
    qsort(sends->items, sends->n, sizeof *sends->items, compare);
}

/* The first send to this server after the frame of its 503. */
static size_t first_after(const struct first_sends *sends, const struct refusal *refusal) {
    const struct first_send wanted = {.server = refusal->attempt->server,
                                      .t_ns = refusal->response->t_ns,
                                      .frame = refusal->response->frame};
    size_t low = 0, high = sends->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&sends->items[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum excuse { EXCUSE_NONE, EXCUSE_NOWHERE, EXCUSE_NO_LIST };

/* Had this request anywhere else to go? Inside a dialog its route decides; else every other server
 * of its list must have been tried by it, or be under Retry-After itself. */
static enum excuse excuse_of(const struct failover_account *account,
                             const struct first_send *send) {
    const struct request *request = send->request;
    struct failover_walk walk;

    failover_walk_begin(&walk, account, request);
    if (request->in_dialog && !walk.failover->in_dialog)
        return EXCUSE_NOWHERE;
    for (size_t i = 0; i <= send->attempt; i++)
        failover_walk_step(&walk, i, send->t_ns);
    if (!walk.known)
        return EXCUSE_NO_LIST;
    return walk.left ? EXCUSE_NONE : EXCUSE_NOWHERE;
}

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct refusal *refusal, const struct first_send *send) {
    int64_t asked = (int64_t)refusal->response->retry_after_s * NS_PER_S;

    judge_expect(judge, occurrence, value_seconds("retry_after_s", asked));
    if (send)
        judge_observe(judge, occurrence,
                      value_seconds("after_s", send->t_ns - refusal->response->t_ns));
    judge_observe(judge, occurrence, value_server("server", &refusal->attempt->server));
    judge_frame(judge, occurrence, refusal->response->frame);
    if (send)
        judge_frame(judge, occurrence, send->frame);
}

static void judge_refusal(struct judge *judge, const struct failover_account *account,
                          const struct first_sends *sends, const struct refusal *refusal) {
    int64_t from = refusal->response->t_ns;
    int64_t asked = (int64_t)refusal->response->retry_after_s * NS_PER_S;
    int64_t until = from + asked - expectations_tolerance_ns(judge->expect, asked);
    const struct first_send *excused = NULL;
    enum excuse why = EXCUSE_NONE;
    struct occurrence *occurrence;
    char seen[SECONDS_TEXT_LEN], limit[SECONDS_TEXT_LEN];
    size_t first = first_after(sends, refusal);

    for (size_t i = first; i < sends->n && i - first < EXCUSED_SEEN; i++) {
        const struct first_send *send = &sends->items[i];
        if (!server_eq(&send->server, &refusal->attempt->server) || send->t_ns >= until)
            break;
        if (failover_restarted(judge, from, send->t_ns))
            return; /* it does not know any more */
        why = excuse_of(account, send);
        if (why != EXCUSE_NONE) {
            excused = excused ? excused : send;
            continue;
        }
        occurrence = judge_add(judge, VERDICT_FAIL, from);
        describe(judge, occurrence, refusal, send);
        judge_say(
            judge, occurrence,
            "%s went to %s %s s after its 503; Retry-After asked for %s s, and another server "
            "was left",
            failover_request_words(send->request), server_words(judge, &send->server),
            seconds_text(send->t_ns - from, seen), seconds_text(asked, limit));
        return;
    }
    if (excused) {
        occurrence = judge_undecided(
            judge, why == EXCUSE_NO_LIST ? REASON_NO_SERVER_LIST : REASON_NOWHERE_TO_GO, from,
            why == EXCUSE_NO_LIST ? NEEDS_SERVER_LIST
                                  : "includes a 503 with Retry-After while another server is left");
        describe(judge, occurrence, refusal, excused);
        return;
    }
    if (judge->story->end_ns < until) {
        occurrence =
            judge_undecided(judge, REASON_ENDS_TOO_EARLY, from,
                            arena_printf(judge->arena, "goes on until %s s after the 503 at t=%s",
                                         seconds_text(asked, limit),
                                         seconds_text(story_offset_ns(judge->story, from), seen)));
        describe(judge, occurrence, refusal, NULL);
        return;
    }
    describe(judge, judge_add(judge, VERDICT_PASS, from), refusal, NULL);
}

static void check(struct judge *judge) {
    struct failover_account account;
    struct first_sends sends = {.n = 0};

    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            for (size_t i = 0; i < attempt->response_count; i++) {
                const struct response *response = &attempt->responses[i];
                if (response->status != 503 || !response->has_retry_after || response->repeated)
                    continue;
                if (response->late)
                    continue; /* no transaction waited for it any more (RFC 3261 17.1.1.2) */
                if (!sends.items) {
                    failover_account_init(&account, judge);
                    gather(judge, &sends);
                }
                judge_refusal(judge, &account, &sends,
                              &(struct refusal){request, attempt, response});
            }
        }
    }
}

static bool applies(const struct judge *judge) {
    (void)judge;
    return true;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3261", "21.5.4"},
    {BASIS_RFC, "RFC 3261", "20.33"},
    {BASIS_RFC, "RFC 3263", "4.3"},
};

const struct rule rule_failover_retry_after = {
    .id = "failover.retry-after",
    .title = "A server that asks to be left alone for a while is left alone",
    .checks =
        "Each 503 with Retry-After: no request of the account, whatever its method, goes to that "
        "server before the time is over, counted from the 503, unless no other server is left to "
        "it. "
        "Retransmissions of what was sent before, ACK and CANCEL do not count.",
    .matters = "A server sheds load with Retry-After; phones that come back at once keep it down.",
    .steered_by = "tolerance (how much sooner it may come back), failover.in_dialog, "
                  "failover.only_registered, servers, dns.* (the list)",
    .passes =
        "503 with Retry-After: 30 at 0 s from 192.0.2.1; the request and the next REGISTER at "
        "20 s go to 192.0.2.2, the one at 40 s to 192.0.2.1 again.",
    .fails =
        "503 with Retry-After: 30 at 0 s from 192.0.2.1; an INVITE goes there at 5 s, although "
        "192.0.2.2 is in the list.",
    .departures = NULL,
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a 503 with Retry-After, and goes on until its time is over",
    .applies = applies,
    .check = check,
};
