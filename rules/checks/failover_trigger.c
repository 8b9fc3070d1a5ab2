/* failover.trigger: does the phone move to another server after what failover.on lists, and only
 * then?
 *
 *     attempt ended        moved      stayed, or gave up
 *     in failover.on       pass       fail where a server is owed a try
 *     otherwise            fail       pass where there is another server
 *     stalled, cut         neither    (provisional responses only: nothing is demanded)
 *     3xx                  followed to its Contact: neither failover nor a matter of order */
#include "base/instant.h"
#include "rules/checks/checks.h"
#include "rules/checks/failover_sealed.h"
#include "rules/encrypted.h"

#define NEEDS_END "goes on at least 37 s after the attempt that failed"
#define NEEDS_NO_LOSS "lost no packets of this phone"

/* One attempt and what followed. */
struct ending {
    const struct request *request;
    const struct attempt *attempt, *next; /* next: NULL where none followed */
    bool listed, moved;
};

static void describe(struct judge *judge, struct occurrence *occurrence,
                     const struct ending *ending) {
    const struct attempt *next = ending->moved ? ending->next : NULL;

    if (judge_unheard(judge, occurrence))
        return;
    judge_expect(judge, occurrence, value_bool("moves_on", ending->listed));
    judge_observe(judge, occurrence, value_bool("moves_on", ending->moved));
    judge_observe(judge, occurrence, value_text("after", failover_cause(judge, ending->attempt)));
    judge_observe(judge, occurrence, value_server("from", &ending->attempt->server));
    judge_observe(judge, occurrence,
                  next ? value_server("to", &next->server)
                       : (struct value){.key = "to", .kind = VALUE_NULL});
    judge_attempt_frames(judge, occurrence, ending->attempt);
    if (next && next->send_count)
        judge_frame(judge, occurrence, next->send_list[0].frame);
}

static const char *on_words(const struct judge *judge,
                            const struct failover_expectations *failover) {
    const char *text = failover->on_no_response ? "no response" : "";

    if (failover->on_transport_error)
        text = arena_printf(judge->arena, "%s%stransport error", text, *text ? ", " : "");
    for (size_t i = 0; i < failover->on_status_count; i++)
        text = failover->on_status[i].low == failover->on_status[i].high
                   ? arena_printf(judge->arena, "%s%s%u", text, *text ? ", " : "",
                                  failover->on_status[i].low)
                   : arena_printf(judge->arena, "%s%s%u-%u", text, *text ? ", " : "",
                                  failover->on_status[i].low, failover->on_status[i].high);
    return *text ? text : "nothing";
}

/* Moved after something that does not call for it. */
static void fail_move(struct judge *judge, const struct ending *ending,
                      const struct failover_expectations *failover) {
    struct occurrence *occurrence;
    const struct loss_sign *sign = NULL;

    /* A lost provisional or final answer cannot make a move right, but sends that the capture
     * missed at the same server can: then the phone moved after silence. */
    if (ending->attempt->final_status < 400 || ending->attempt->final_status == 401 ||
        ending->attempt->final_status == 407 || ending->attempt->final_status == 423)
        sign = judge_loss(judge, ending->attempt->t_ns, ending->next->t_ns,
                          &ending->attempt->server.ip);
    occurrence =
        sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, ending->next->t_ns, NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, ending->next->t_ns);
    describe(judge, occurrence, ending);
    judge_say(judge, occurrence, "%s moved on from %s to %s after %s; only these call for it: %s%s",
              failover_request_words(ending->request),
              server_words(judge, &ending->attempt->server),
              server_words(judge, &ending->next->server), failover_cause(judge, ending->attempt),
              on_words(judge, failover), sign ? " (but the capture may have missed packets)" : "");
}

/* Moved after silence, which calls for it, if it was silence. */
static void judge_move(struct judge *judge, const struct ending *ending, size_t index) {
    bool doubtful = failover_silence_doubtful(judge, ending->request, index);

    describe(judge,
             doubtful ? judge_undecided(judge, REASON_CAPTURE_LOSS, ending->attempt->end_ns,
                                        NEEDS_NO_LOSS)
                      : judge_add(judge, VERDICT_PASS, ending->attempt->end_ns),
             ending);
}

/* Signs of packets that would make the phone conform: the answer that an attempt without one may
 * have got, or all of the move, which follows within the time that ends a request (contract section
 * 6). What was lost before a final response that was seen is of no account. */
static const struct loss_sign *may_have_moved(const struct judge *judge,
                                              const struct ending *ending, int64_t until_ns) {
    const struct attempt *attempt = ending->attempt;
    bool answered = attempt->final_status != 0;

    if (answered && until_ns > attempt->final_ns + STORY_AFTER_FINAL_NS)
        until_ns = attempt->final_ns + STORY_AFTER_FINAL_NS;
    return judge_loss(judge, answered ? attempt->final_ns : ending->request->t_ns, until_ns, NULL);
}

/* Stayed, though what happened is listed and a server is owed a try. */
static void judge_stay(struct judge *judge, const struct failover_walk *walk,
                       const struct ending *ending, size_t index) {
    const struct attempt *attempt = ending->attempt;
    int64_t until = ending->next ? ending->next->t_ns : attempt->end_ns + STORY_AFTER_SILENCE_NS;
    const struct loss_sign *sign;
    struct occurrence *occurrence;

    if (!walk->known) {
        describe(judge,
                 judge_undecided(judge, REASON_NO_SERVER_LIST, attempt->end_ns, NEEDS_SERVER_LIST),
                 ending);
        return;
    }
    if (!walk->left || failover_cancelled(ending->request, index) ||
        failover_restarted(judge, attempt->t_ns, until))
        return; /* no other server to go to, or nobody there who would */
    if (!ending->next && (ending->request->open || (ending->request->unregister &&
                                                    failover_phone_gone(judge, attempt->end_ns)))) {
        describe(judge, judge_undecided(judge, REASON_ENDS_TOO_EARLY, attempt->end_ns, NEEDS_END),
                 ending);
        return;
    }
    sign = may_have_moved(judge, ending, until);
    if (!sign)
        sign = failover_lost_before(walk, ending->request->t_ns);
    occurrence = sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, attempt->end_ns, NEEDS_NO_LOSS)
                      : judge_add(judge, VERDICT_FAIL, attempt->end_ns);
    describe(judge, occurrence, ending);
    judge_expect(judge, occurrence, value_text("to", failover_walk_next_text(walk)));
    judge_say(judge, occurrence, "%s stayed at %s after %s; expected to move on to %s%s%s%s",
              failover_request_words(ending->request), server_words(judge, &attempt->server),
              failover_cause(judge, ending->attempt), failover_walk_next_text(walk),
              sign ? " (but the capture shows loss: " : "", sign ? loss_kind_text(sign->kind) : "",
              sign ? ")" : "");
}

/* Sends go on at one silent server for longer than any timer. */
static void judge_overdue(struct judge *judge, const struct failover_walk *walk,
                          const struct ending *ending, size_t index) {
    const int64_t t_ns = ending->attempt->t_ns;
    const int64_t silence_ns = failover_silence_ns(walk->account, ending->request, index);
    const struct loss_sign *sign = failover_overdue_sign(walk, index);
    struct occurrence *occurrence =
        sign ? judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns, NEEDS_NO_LOSS)
             : judge_add(judge, VERDICT_FAIL, t_ns);
    char lasted[SECONDS_TEXT_LEN];

    judge_expect(judge, occurrence, value_bool("moves_on", true));
    judge_expect(judge, occurrence, value_text("to", failover_walk_next_text(walk)));
    judge_observe(judge, occurrence, value_bool("moves_on", false));
    judge_observe(judge, occurrence, value_text("after", "no-response"));
    judge_observe(judge, occurrence, value_seconds("silent_s", silence_ns));
    judge_observe(judge, occurrence, value_server("from", &ending->attempt->server));
    failover_send_frames(judge, occurrence, ending->attempt);
    judge_say(judge, occurrence,
              "%s was still sent to %s after %s s without a response; expected to move on to %s"
              "%s%s%s",
              failover_request_words(ending->request),
              server_words(judge, &ending->attempt->server), seconds_text(silence_ns, lasted),
              failover_walk_next_text(walk), sign ? " (but the capture shows loss: " : "",
              sign ? loss_kind_text(sign->kind) : "", sign ? ")" : "");
}

/* Of connections alone, where nobody knows what they were for. */
static void judge_sealed(struct judge *judge, const struct failover_walk *walk,
                         const struct ending *ending, size_t index) {
    const int64_t t_ns = ending->attempt->end_ns;
    struct occurrence *occurrence = NULL;

    switch (failover_sealed_course(walk, index)) {
    case SEALED_MOVED:
        occurrence = judge_add(judge, VERDICT_PASS, t_ns);
        break;
    case SEALED_STAYED:
        occurrence = judge_add(judge, VERDICT_FAIL, t_ns);
        break;
    case SEALED_NO_LIST:
        occurrence = judge_undecided(judge, REASON_NO_SERVER_LIST, t_ns, NEEDS_SERVER_LIST);
        break;
    case SEALED_UNTIL_END:
        occurrence = judge_undecided(judge, REASON_ENDS_TOO_EARLY, t_ns, NEEDS_END);
        break;
    case SEALED_LOST:
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, t_ns, NEEDS_NO_LOSS);
        break;
    case SEALED_HIDDEN:
        occurrence = judge_undecided(judge, REASON_ENCRYPTED, t_ns, NEEDS_SECRETS);
        break;
    case SEALED_NOWHERE:
        return;
    }
    describe(judge, occurrence, ending);
    if (occurrence->verdict != VERDICT_FAIL)
        return;
    judge_expect(judge, occurrence, value_text("to", failover_walk_next_text(walk)));
    judge_say(judge, occurrence,
              "connections went to %s alone, after %s; expected to move on to %s",
              server_words(judge, &ending->attempt->server), failover_cause(judge, ending->attempt),
              failover_walk_next_text(walk));
}

static void judge_ending(struct judge *judge, const struct failover_walk *walk,
                         struct ending *ending, size_t index) {
    const struct attempt *attempt = ending->attempt;

    if (failover_is_sealed(judge)) {
        if (ending->listed)
            judge_sealed(judge, walk, ending, index);
        return;
    }
    if (ending->next && ending->next->after_redirect)
        return;
    if (walk->known && walk->left && walk->failover->on_no_response && !ending->moved &&
        failover_overdue(walk, index)) {
        judge_overdue(judge, walk, ending, index);
        return;
    }
    if (attempt->outcome == OUTCOME_STALLED || attempt->restarted ||
        (attempt->final_status >= 200 && attempt->final_status < 300))
        return;
    if (attempt->outcome == OUTCOME_CUT) {
        if (walk->known && walk->left && !attempt->response_count &&
            !(ending->request->starts_midway && index == 0))
            describe(judge, judge_undecided(judge, REASON_ENDS_TOO_EARLY, attempt->t_ns, NEEDS_END),
                     ending);
        return;
    }
    if (ending->moved && !ending->listed) {
        fail_move(judge, ending, walk->failover);
        return;
    }
    if (ending->moved) {
        judge_move(judge, ending, index);
        return;
    }
    if ((!ending->listed && walk->known && (walk->left || walk->optional_left))) {
        describe(judge, judge_add(judge, VERDICT_PASS, attempt->end_ns), ending);
        return;
    }
    if (ending->listed)
        judge_stay(judge, walk, ending, index);
}

static void check(struct judge *judge) {
    struct failover_account account;
    struct failover_walk walk;

    failover_account_init(&account, judge);
    for (size_t r = 0; r < judge->account->request_count; r++) {
        const struct request *request = &judge->account->requests[r];
        if (failover_uneventful(request))
            continue;
        failover_walk_begin(&walk, &account, request);
        if (!failover_judged(&walk))
            continue;
        for (size_t i = 0; i < request->attempt_count; i++) {
            const struct attempt *attempt = &request->attempts[i];
            struct ending ending = {
                .request = request,
                .attempt = attempt,
                .next = i + 1 < request->attempt_count ? attempt + 1 : NULL,
                .moved = failover_moved(&account, request, i),
            };
            failover_walk_step(&walk, i, attempt->end_ns);
            ending.listed = failover_lists(walk.failover, attempt);
            judge_ending(judge, &walk, &ending, i);
        }
    }
}

static bool applies(const struct judge *judge) {
    return !judge->view || judge->view->matched;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.3"},
    {BASIS_RFC, "RFC 3261", "8.1.3.1"},
    {BASIS_RFC, "RFC 3261", "21.5.4"},
};

const struct rule rule_failover_trigger = {
    .id = "failover.trigger",
    .title = "The phone moves to another server after what calls for it, and only then",
    .checks =
        "Each attempt that ended otherwise than in 2xx, where there is another server to go to. "
        "After "
        "what failover.on lists (no response, a transport error, 503) the phone must move on; "
        "after any "
        "other answer (401, 407, 423, 486, 603, …) it must not. After provisional responses alone "
        "moving is neither demanded nor forbidden; a followed 3xx is no failover. OPTIONS and "
        "PUBLISH "
        "are not judged, in-dialog requests only where failover.in_dialog is true. Of TLS that "
        "cannot be read, failed connections are judged where nothing else can have carried the "
        "request.",
    .matters =
        "A phone that stays at a dead server is a phone out of service; one that moves because "
        "a callee is busy, or because it was challenged, carries the fault to the next server.",
    .steered_by =
        "failover.on, failover.in_dialog, failover.only_registered, dns.* and servers (the "
        "list), tolerance",
    .passes = "An INVITE gets 503 from 192.0.2.1 and goes to 192.0.2.2; a REGISTER gets 401 and is "
              "answered at the same server.",
    .fails =
        "An INVITE gets 486 from 192.0.2.1 and is sent again to 192.0.2.2; a REGISTER gets 503 "
        "and nothing follows, although 192.0.2.2 is next in the list.",
    .departures =
        "RFC 3263 4.3 names 503, timeouts and transport errors. Yealink's T2xP guide (Using "
        "DNS SRV Feature on Yealink SIP-T2XP Phones, Feature Introduction) says 'no correct "
        "response', read as any 5xx as well.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs =
        "includes a request that a server refuses, leaves unanswered or answers otherwise than "
        "with 2xx, while another server is in the list",
    .applies = applies,
    .check = check,
    .shown_by_failures = true,
};
