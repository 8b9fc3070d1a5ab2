/* register.challenge: is each 401, 407 and 423 to a REGISTER answered, at the same server?
 *
 *     REGISTER ─▶ 401 ─▶ REGISTER with credentials
 *              ─▶ 423, Min-Expires 3600 ─▶ REGISTER, Expires ≥ 3600 ─▶ 200
 *     REGISTER with credentials ─▶ 401, not stale: rejected, and not to be sent again
 *
 * RFC 3261 22.2 and 22.3 (401, 407), 22.4 (stale), 10.2.8 and 21.4.17 (423). */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"

enum { REQUESTS_SEEN = 16, UDP_LIMIT_BYTES = 1100 };

#define NEEDS_END "goes on at least 5 s after the challenge"
#define NEEDS_NO_LOSS "lost no packets of this phone"

struct challenge {
    const struct request *request;
    const struct attempt *attempt;
    const struct response *response;
    const struct transaction *asked; /* the REGISTER that was challenged */
    bool mixed; /* both 401 and 407 in this request: which credentials are whose cannot be seen */
    bool rejected; /* it answered a challenge of the same kind, and its credentials were refused */
    /* what followed; NULL: nothing */
    const struct attempt *next;
    const struct transaction *answer;
    uint32_t next_frame;
    int64_t next_ns;
};

/* ---- what followed ---- */

static void set_answer(struct challenge *challenge, const struct attempt *attempt,
                       const struct transaction *transaction) {
    challenge->next = attempt;
    challenge->answer = transaction;
    if (transaction->first_send < attempt->send_count) {
        challenge->next_frame = attempt->send_list[transaction->first_send].frame;
        challenge->next_ns = attempt->send_list[transaction->first_send].t_ns;
    }
}

/* In order of the story's time, which has set right what was captured out of order. */
static bool is_after(const struct send *send, const struct response *response) {
    return send->t_ns > response->t_ns ||
           (send->t_ns == response->t_ns && send->frame > response->frame);
}

/* The next transaction of the request: the first that began after the challenge. */
static bool find_in_request(const struct judge *judge, struct challenge *challenge) {
    const struct request *request = challenge->request;

    for (size_t a = (size_t)(challenge->attempt - request->attempts); a < request->attempt_count;
         a++) {
        const struct attempt *attempt = &request->attempts[a];
        if (!failover_same_list(judge, request, &challenge->attempt->server, &attempt->server))
            continue; /* the registration at the other configured server */
        /* Not the one that was challenged, nor one before it. */
        for (size_t t = attempt == challenge->attempt ? challenge->response->transaction + 1 : 0;
             t < attempt->transactions; t++) {
            const struct transaction *transaction = &attempt->transaction_list[t];
            const struct send *send;
            if (transaction->first_send >= attempt->send_count)
                continue;
            send = &attempt->send_list[transaction->first_send];
            if (!is_after(send, challenge->response))
                continue;
            set_answer(challenge, attempt, transaction);
            return true;
        }
    }
    return false;
}

/* A later REGISTER that answers this challenge: its nonce, or the same Call-ID with credentials.
 * The story takes what comes more than 5 s later for a new request, but an answer it is. */
static void find_later(const struct judge *judge, struct challenge *challenge) {
    const struct account *account = judge->account;
    size_t at = (size_t)(challenge->request - account->requests) + 1;

    for (size_t seen = 0; at < account->request_count && seen < REQUESTS_SEEN; at++, seen++) {
        const struct request *request = &account->requests[at];
        const struct attempt *attempt = request->attempts;
        const struct transaction *transaction;
        bool same_nonce, same_call;
        if (request->method != SIP_REGISTER || !request->attempt_count || !attempt->transactions)
            continue;
        transaction = attempt->transaction_list;
        same_nonce = text_eq(challenge->response->nonce, transaction->nonce);
        same_call = request->call_id == challenge->request->call_id && request->call_id &&
                    attempt->t_ns < challenge->response->t_ns + STORY_AFTER_SILENCE_NS;
        if (!same_nonce && !(same_call && transaction->credentials))
            continue;
        if (challenge->rejected && attempt->t_ns > challenge->response->t_ns + STORY_AFTER_FINAL_NS)
            return; /* given up; what it tries again later has not "just been rejected" (22.2) */
        set_answer(challenge, attempt, transaction);
        return;
    }
}

/* Had the challenged REGISTER answered a challenge of this kind in the same request? Credentials
 * sent unasked, from an earlier registration, may be refused for their old nonce alone. */
static bool was_rejected(const struct challenge *challenge) {
    const struct request *request = challenge->request;
    size_t last = (size_t)(challenge->attempt - request->attempts);

    if (challenge->response->status == 423 || challenge->response->stale ||
        !challenge->asked->credentials)
        return false;
    for (size_t a = last + 1; a-- > 0 && last - a < REQUESTS_SEEN;) {
        const struct attempt *attempt = &request->attempts[a];
        if (!server_eq(&attempt->server, &challenge->attempt->server))
            continue;
        for (size_t i = 0; i < attempt->response_count; i++) {
            const struct response *before = &attempt->responses[i];
            if (before == challenge->response || before->repeated ||
                before->status != challenge->response->status ||
                before->frame >= challenge->response->frame)
                continue;
            if (before->transaction == challenge->response->transaction &&
                attempt == challenge->attempt)
                continue;
            return true;
        }
    }
    return false;
}

static bool mixes_challenges(const struct request *request) {
    bool of_registrar = false, of_proxy = false;

    for (size_t a = 0; a < request->attempt_count; a++)
        for (size_t i = 0; i < request->attempts[a].response_count; i++) {
            of_registrar |= request->attempts[a].responses[i].status == 401;
            of_proxy |= request->attempts[a].responses[i].status == 407;
        }
    return of_registrar && of_proxy;
}

/* The same server: also where credentials made the REGISTER too large for UDP (RFC 3261 18.1.1). */
static bool same_server(const struct challenge *challenge) {
    const struct server *a = &challenge->attempt->server, *b = &challenge->next->server;

    return server_eq(a, b) ||
           (ip_eq(&a->ip, &b->ip) && a->port == b->port && a->transport == TRANSPORT_UDP &&
            b->transport == TRANSPORT_TCP && challenge->answer->size > UDP_LIMIT_BYTES);
}

/* ---- what is said ---- */

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct challenge *challenge) {
    const struct response *response = challenge->response;

    judge_expect(judge, occurrence, value_server("server", &challenge->attempt->server));
    if (response->status == 423 && response->has_min_expires)
        judge_expect(judge, occurrence, value_int("min_expires_s", response->min_expires_s));
    if (challenge->rejected)
        judge_expect(judge, occurrence, value_bool("credentials_sent_again", false));
    judge_observe(judge, occurrence, value_int("status", response->status));
    if (challenge->next) {
        judge_observe(judge, occurrence, value_server("server", &challenge->next->server));
        if (response->status == 423)
            judge_observe(judge, occurrence,
                          challenge->answer->has_expires
                              ? value_int("expires_s", challenge->answer->expires_s)
                              : (struct value){.key = "expires_s", .kind = VALUE_NULL});
        else
            judge_observe(judge, occurrence,
                          value_bool(challenge->rejected ? "credentials_sent_again" : "credentials",
                                     challenge->answer->credentials));
    }
    judge_frame(judge, occurrence, response->frame);
    judge_frame(judge, occurrence, challenge->next_frame);
}

static void pass(struct judge *judge, const struct challenge *challenge) {
    describe(judge, judge_add(judge, VERDICT_PASS, challenge->response->t_ns), challenge);
}

/* A fault, unless an answer may have been lost by the capture. */
static struct occurrence *fault(struct judge *judge, const struct challenge *challenge) {
    int64_t from = challenge->response->t_ns;
    int64_t to = challenge->next ? challenge->next_ns : from + STORY_AFTER_FINAL_NS;
    bool lost = judge_loss(judge, from, to, &challenge->attempt->server.ip) != NULL;
    struct occurrence *occurrence =
        lost ? judge_undecided(judge, REASON_CAPTURE_LOSS, from, NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, from);

    describe(judge, occurrence, challenge);
    return occurrence;
}

/* ---- judging ---- */

/* Is the challenge that these credentials answer in the capture? */
static bool knows_nonce(const struct judge *judge, const struct challenge *challenge) {
    enum { LOOK_BACK = 256 };
    const char *nonce = challenge->asked->nonce;
    size_t end = (size_t)(challenge->request - judge->account->requests) + 1;

    for (size_t r = end; r-- > 0 && end - r <= LOOK_BACK;) {
        const struct request *request = &judge->account->requests[r];
        for (size_t a = 0; a < request->attempt_count; a++)
            for (size_t i = 0; i < request->attempts[a].response_count; i++) {
                const struct response *response = &request->attempts[a].responses[i];
                if (response != challenge->response && text_eq(response->nonce, nonce))
                    return true;
            }
    }
    return false;
}

static void judge_unanswered(struct judge *judge, const struct challenge *challenge) {
    const struct request *request = challenge->request;
    int64_t t_ns = challenge->response->t_ns;
    struct occurrence *occurrence;

    if (challenge->rejected) {
        pass(judge, challenge); /* its credentials were refused: giving up is right */
        return;
    }
    if (failover_restarted(judge, t_ns, t_ns + STORY_AFTER_FINAL_NS))
        return;
    if (challenge->response->status != 423 && !challenge->response->stale &&
        challenge->asked->credentials && !knows_nonce(judge, challenge)) {
        /* It may have answered a challenge that the capture lacks; then these were refused. */
        describe(judge,
                 judge_undecided(judge, REASON_STARTS_MIDWAY, t_ns,
                                 "includes the challenge that the credentials answer"),
                 challenge);
        return;
    }
    if (request->open || judge->story->end_ns < t_ns + STORY_AFTER_FINAL_NS ||
        (request->unregister && failover_phone_gone(judge, t_ns))) {
        describe(judge, judge_undecided(judge, REASON_ENDS_TOO_EARLY, t_ns, NEEDS_END), challenge);
        return;
    }
    occurrence = fault(judge, challenge);
    judge_say(judge, occurrence, "the %u of %s to a REGISTER was never answered",
              challenge->response->status, server_words(judge, &challenge->attempt->server));
}

static void judge_too_brief(struct judge *judge, const struct challenge *challenge) {
    const struct response *response = challenge->response;
    const struct transaction *answer = challenge->answer;
    uint32_t asked = challenge->asked->has_expires ? challenge->asked->expires_s : 0;
    struct occurrence *occurrence;
    bool enough = answer->has_expires &&
                  (response->has_min_expires ? answer->expires_s >= response->min_expires_s
                                             : answer->expires_s > asked);

    if (enough) {
        pass(judge, challenge);
        return;
    }
    occurrence = fault(judge, challenge);
    if (!answer->has_expires)
        judge_say(judge, occurrence, "the 423 of %s was answered without a lifetime",
                  server_words(judge, &challenge->attempt->server));
    else if (response->has_min_expires)
        judge_say(judge, occurrence,
                  "the 423 of %s asked for at least %u s, the next REGISTER asks for %u s",
                  server_words(judge, &challenge->attempt->server), response->min_expires_s,
                  answer->expires_s);
    else
        judge_say(judge, occurrence,
                  "after the 423 of %s the REGISTER asks for %u s again, no longer than before",
                  server_words(judge, &challenge->attempt->server), answer->expires_s);
}

static void judge_challenge(struct judge *judge, const struct challenge *challenge) {
    const struct server *server = &challenge->attempt->server;
    const struct response *response = challenge->response;
    const struct transaction *answer = challenge->answer;
    struct occurrence *occurrence;
    bool same_nonce;

    if (!answer) {
        judge_unanswered(judge, challenge);
        return;
    }
    if (!same_server(challenge)) {
        if (challenge->rejected) { /* given up here; the move is failover.trigger's business */
            pass(judge, challenge);
            return;
        }
        occurrence = fault(judge, challenge);
        judge_say(judge, occurrence, "the %u of %s was followed by a REGISTER to %s",
                  response->status, server_words(judge, server),
                  server_words(judge, &challenge->next->server));
        return;
    }
    if (response->status == 423) {
        judge_too_brief(judge, challenge);
        return;
    }
    if (!answer->credentials) {
        if (challenge->rejected) {
            pass(judge, challenge);
            return;
        }
        if (answer->cut) {
            judge_undecided(judge, REASON_CAPTURE_LOSS, response->t_ns,
                            "holds the REGISTERs whole, with a larger snapshot length");
            return;
        }
        occurrence = fault(judge, challenge);
        judge_say(judge, occurrence, "the %u of %s was followed by a REGISTER without credentials",
                  response->status, server_words(judge, server));
        return;
    }
    same_nonce = !challenge->mixed && text_eq(answer->nonce, challenge->asked->nonce) &&
                 challenge->asked->credentials && !text_eq(answer->nonce, response->nonce);
    if (!challenge->rejected && !same_nonce) {
        pass(judge, challenge);
        return;
    }
    occurrence = judge_add(judge, VERDICT_FAIL, response->t_ns);
    describe(judge, occurrence, challenge);
    if (same_nonce)
        judge_say(judge, occurrence,
                  "the %u of %s was answered with the very credentials that it had rejected",
                  response->status, server_words(judge, server));
    else
        judge_say(judge, occurrence,
                  "%s rejected the credentials with another %u that is not stale, and they were "
                  "sent again",
                  server_words(judge, server), response->status);
}

static void check_request(struct judge *judge, const struct request *request) {
    bool mixed = mixes_challenges(request);

    for (size_t a = 0; a < request->attempt_count; a++) {
        const struct attempt *attempt = &request->attempts[a];
        for (size_t i = 0; i < attempt->response_count; i++) {
            const struct response *response = &attempt->responses[i];
            struct challenge challenge = {
                .request = request, .attempt = attempt, .response = response, .mixed = mixed};
            bool asks =
                response->status == 401 || response->status == 407 || response->status == 423;
            if (!asks || response->repeated || response->late ||
                response->transaction >= attempt->transactions)
                continue;
            challenge.asked = &attempt->transaction_list[response->transaction];
            challenge.rejected = was_rejected(&challenge);
            if (!find_in_request(judge, &challenge))
                find_later(judge, &challenge);
            judge_challenge(judge, &challenge);
        }
    }
}

static void check(struct judge *judge) {
    for (size_t r = 0; r < judge->account->request_count; r++)
        if (judge->account->requests[r].method == SIP_REGISTER)
            check_request(judge, &judge->account->requests[r]);
}

static bool applies(const struct judge *judge) {
    (void)judge;
    return true;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3261", "22.2"},
    {BASIS_RFC, "RFC 3261", "22.3"},
    {BASIS_RFC, "RFC 3261", "10.2.8"},
    {BASIS_RFC, "RFC 3261", "8.1.3.5"},
};

const struct rule rule_register_challenge = {
    .id = "register.challenge",
    .title = "Each challenge to a REGISTER is answered at the server that sent it",
    .checks =
        "Each 401, 407 or 423 to a REGISTER: the next REGISTER goes to the same server, with "
        "credentials (401, 407) or a lifetime of at least Min-Expires (423). Where the same "
        "credentials were rejected before without stale=true they are not sent again; giving up "
        "then is right.",
    .matters =
        "Credentials sent to another server answer a challenge that it never made, and a phone "
        "that goes on with a wrong password is locked out.",
    .steered_by = "nothing: RFC 3261 leaves no choice",
    .passes = "REGISTER, 401 from 192.0.2.2, REGISTER with credentials to 192.0.2.2, 423 with "
              "Min-Expires 3600, REGISTER with Expires 3600, 200.",
    .fails = "REGISTER, 401 from 192.0.2.2, REGISTER with credentials to 192.0.2.1, which had been "
             "silent before.",
    .departures = NULL,
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a REGISTER that is challenged with 401 or 407, or answered with 423",
    .applies = applies,
    .check = check,
};
