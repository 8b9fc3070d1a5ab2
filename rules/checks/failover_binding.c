/* failover.binding: what belongs to a request stays with its server, and a request carried to
 * another server is a new one there.
 *
 *     INVITE s1 ──▶ 486        ACK ──▶ s1          RFC 3261 17.1.1.3, RFC 3263 4
 *     INVITE s1 ──▶ 180        CANCEL ──▶ s1       RFC 3261 9.1
 *     REGISTER s1, s1, s1      a retransmission goes where the request went (17.1.1.2, 17.1.2.2)
 *     REGISTER s2              carried: new branch (8.1.1.7), sent-by of the address it leaves from
 *
 * A send is known by method, branch, CSeq and destination, so that a branch seen at two servers is
 * a request carried without a new one, or a retransmission gone astray: the same fault. */
#include "rules/checks/checks.h"
#include "rules/checks/failover_walk.h"

/* ---- ACK and CANCEL ---- */

static void judge_follow(struct judge *judge, const struct request *request,
                         const struct follow *follow) {
    const struct attempt *attempt;
    const char *name = follow->method == SIP_ACK ? "ACK" : "CANCEL";
    struct occurrence *occurrence;
    bool right;

    if (follow->method == SIP_ACK && !follow->of_non_2xx)
        return; /* the ACK of a 2xx is a request of its own: it follows the dialog's route */
    if (follow->attempt >= request->attempt_count)
        return;
    attempt = &request->attempts[follow->attempt];
    right = server_eq(&attempt->server, &follow->server);
    for (size_t a = 0; !right && follow->branch && a < request->attempt_count; a++)
        for (size_t t = 0; !right && t < request->attempts[a].transactions; t++)
            right = text_eq(request->attempts[a].transaction_list[t].branch, follow->branch) &&
                    server_eq(&request->attempts[a].server, &follow->server);
    occurrence = judge_add(judge, right ? VERDICT_PASS : VERDICT_FAIL, follow->t_ns);
    judge_expect(judge, occurrence, value_server("server", &attempt->server));
    judge_observe(judge, occurrence, value_text("method", name));
    judge_observe(judge, occurrence, value_server("server", &follow->server));
    judge_frame(judge, occurrence, follow->frame);
    if (attempt->send_count)
        judge_frame(judge, occurrence, attempt->send_list[0].frame);
    if (attempt->final_frame && follow->method == SIP_ACK)
        judge_frame(judge, occurrence, attempt->final_frame);
    if (!right)
        judge_say(judge, occurrence, "%s went to %s, but its %s had gone to %s", name,
                  server_words(judge, &follow->server), failover_request_words(request),
                  server_words(judge, &attempt->server));
}

/* ---- retransmissions ---- */

static void judge_retransmissions(struct judge *judge, const struct attempt *attempt) {
    if (!attempt->retransmissions || transport_is_reliable(attempt->server.transport))
        return;
    for (size_t t = 0; t < attempt->transactions; t++) {
        const struct transaction *transaction = &attempt->transaction_list[t];
        struct occurrence *occurrence;
        if (transaction->send_count < 2 || transaction->first_send >= attempt->send_count)
            continue;
        occurrence =
            judge_add(judge, VERDICT_PASS, attempt->send_list[transaction->first_send].t_ns);
        judge_observe(judge, occurrence,
                      value_int("retransmissions", (int64_t)transaction->send_count - 1));
        judge_observe(judge, occurrence, value_server("server", &attempt->server));
        for (size_t i = transaction->first_send; i < attempt->send_count; i++)
            if (attempt->send_list[i].transaction == t)
                judge_frame(judge, occurrence, attempt->send_list[i].frame);
    }
}

/* ---- requests carried to another server ---- */

/* A branch that was used before, and where. */
struct used {
    const char *branch;
    size_t attempt;
};

struct used_branches {
    struct used *slots; /* open addressing */
    size_t cap;         /* a power of two */
};

static struct used *slot_of(const struct used_branches *used, const char *branch) {
    size_t at = (size_t)hash_bytes(branch, strlen(branch), 0) & (used->cap - 1);

    while (used->slots[at].branch && strcmp(used->slots[at].branch, branch) != 0)
        at = (at + 1) & (used->cap - 1);
    return &used->slots[at];
}

static void used_init(struct used_branches *used, const struct request *request,
                      struct arena *arena) {
    size_t n = 0;

    for (size_t a = 0; a < request->attempt_count; a++)
        n += request->attempts[a].transactions;
    for (used->cap = 4; used->cap < n * 2 + 2;)
        used->cap *= 2;
    used->slots = ARENA_ARRAY(arena, struct used, used->cap);
}

/* The first transaction of this attempt whose branch was used at another server before. */
static const struct transaction *reused(const struct used_branches *used,
                                        const struct request *request, size_t index,
                                        size_t *before) {
    const struct attempt *attempt = &request->attempts[index];

    for (size_t t = 0; t < attempt->transactions; t++) {
        const struct transaction *transaction = &attempt->transaction_list[t];
        const struct used *slot;
        if (!transaction->branch)
            continue;
        slot = slot_of(used, transaction->branch);
        if (slot->branch &&
            !server_eq(&request->attempts[slot->attempt].server, &attempt->server)) {
            *before = slot->attempt;
            return transaction;
        }
    }
    return NULL;
}

static bool own_address(const struct phone *phone, const struct ip_addr *ip) {
    for (size_t i = 0; i < phone->address_count; i++)
        if (ip_eq(&phone->addresses[i], ip))
            return true;
    return false;
}

/* The first transaction whose Via names an address of the phone other than the one it left from. */
static const struct transaction *misnamed(const struct phone *phone,
                                          const struct attempt *attempt) {
    for (size_t t = 0; t < attempt->transactions; t++) {
        const struct transaction *transaction = &attempt->transaction_list[t];
        if (transaction->via_ip.len && !ip_eq(&transaction->via_ip, &transaction->source.ip) &&
            own_address(phone, &transaction->via_ip))
            return transaction;
    }
    return NULL;
}

static void judge_carried(struct judge *judge, const struct request *request, size_t index,
                          const struct used_branches *used) {
    const struct attempt *attempt = &request->attempts[index];
    size_t before = index - 1;
    const struct transaction *same = reused(used, request, index, &before);
    const struct transaction *wrong = misnamed(judge->phone, attempt);
    const struct attempt *from = &request->attempts[before];
    struct occurrence *occurrence;
    char via[IP_TEXT_LEN], source[IP_TEXT_LEN];

    if (!attempt->transactions)
        return; /* connections alone */
    occurrence = judge_add(judge, same || wrong ? VERDICT_FAIL : VERDICT_PASS, attempt->t_ns);
    judge_expect(judge, occurrence, value_bool("new_branch", true));
    judge_observe(judge, occurrence, value_bool("new_branch", !same));
    judge_observe(judge, occurrence, value_server("from", &from->server));
    judge_observe(judge, occurrence, value_server("to", &attempt->server));
    if (from->send_count)
        judge_frame(judge, occurrence, from->send_list[from->send_count - 1].frame);
    if (attempt->send_count)
        judge_frame(judge, occurrence, attempt->send_list[0].frame);
    if (same) {
        judge_say(
            judge, occurrence,
            "%s went to %s with the Via branch that it had at %s (%s); another server calls for "
            "a new one",
            failover_request_words(request), server_words(judge, &attempt->server),
            server_words(judge, &from->server), same->branch);
    } else if (wrong) {
        const char *names = arena_printf(judge->arena, "%s", ip_text(&wrong->via_ip, via));
        const char *left = arena_printf(judge->arena, "%s", ip_text(&wrong->source.ip, source));
        judge_expect(judge, occurrence, value_text("sent_by", left));
        judge_observe(judge, occurrence, value_text("sent_by", names));
        judge_say(
            judge, occurrence,
            "%s to %s left from %s, but its Via names %s: its answers go to the wrong address",
            failover_request_words(request), server_words(judge, &attempt->server), left, names);
    }
}

static void judge_request(struct judge *judge, const struct request *request) {
    struct used_branches used = {.cap = 0};

    for (size_t a = 0; a < request->attempt_count; a++) {
        const struct attempt *attempt = &request->attempts[a];
        judge_retransmissions(judge, attempt);
        if (request->attempt_count < 2)
            continue;
        if (!a)
            used_init(&used, request, judge->arena);
        else if (!server_eq(&attempt->server, &request->attempts[a - 1].server))
            judge_carried(judge, request, a, &used);
        for (size_t t = 0; t < attempt->transactions; t++) {
            const char *branch = attempt->transaction_list[t].branch;
            if (branch)
                *slot_of(&used, branch) = (struct used){branch, a};
        }
    }
    for (size_t i = 0; i < request->follow_count; i++)
        judge_follow(judge, request, &request->follows[i]);
}

static void check(struct judge *judge) {
    for (size_t r = 0; r < judge->account->request_count; r++)
        judge_request(judge, &judge->account->requests[r]);
}

static bool applies(const struct judge *judge) {
    (void)judge;
    return true;
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4"},      {BASIS_RFC, "RFC 3261", "17.1.1.3"},
    {BASIS_RFC, "RFC 3261", "9.1"},    {BASIS_RFC, "RFC 3261", "8.1.1.7"},
    {BASIS_RFC, "RFC 3261", "18.1.1"},
};

const struct rule rule_failover_binding = {
    .id = "failover.binding",
    .title =
        "What belongs to a request goes to its server; at another server the request is a new one",
    .checks =
        "Each ACK of a non-2xx answer, CANCEL and retransmission goes to the server of the request "
        "it "
        "belongs to. Each request carried to another server has a new Via branch there, and where "
        "its "
        "Via names one of the phone's own addresses, it is the one that the request left from.",
    .matters =
        "A CANCEL or ACK at the wrong server leaves a phone ringing, or an answer repeated for "
        "32 s; a reused branch makes a proxy take a new request for a repetition; a wrong "
        "sent-by sends the answers to an address where nobody waits.",
    .steered_by = "nothing: RFC 3261 and 3263 leave no choice",
    .passes =
        "An INVITE moves from 192.0.2.1 to 192.0.2.2 with a new branch, is cancelled there, and "
        "the ACK of its 487 goes there too.",
    .fails = "An INVITE at 192.0.2.2 is cancelled with a CANCEL to 192.0.2.1; a REGISTER goes to "
             "192.0.2.2 with the branch that it had at 192.0.2.1.",
    .departures = NULL,
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a retransmission, a CANCEL, a refused call, or a request carried to another "
             "server",
    .applies = applies,
    .check = check,
};
