/* Registrations of an account looked up by time.
 *
 *     capture begins            t
 *     |------ longest ------|           no registration seen by t: there is none
 *     |------ longest -----------|      one from before the capture may still last
 */
#include "rules/checks/registered.h"

#include "base/instant.h"
#include "rules/standing.h"

enum { REGISTRATIONS_SEEN = 256 }; /* live registrations of one account: more is no phone */
enum { USUAL_LIFETIME_S = 3600 };  /* RFC 3261 10.2 */

static bool restarted_before(const struct phone *phone, int64_t t_ns) {
    return phone->restart_count && phone->restarts_ns[0] <= t_ns;
}

static bool was_at_work(const struct judge *judge) {
    const struct account *account = judge->account;
    const struct request *first = account->requests;

    if (!account->request_count || restarted_before(judge->phone, first->t_ns))
        return false;
    if (!account->registers)
        return true;
    return standing_midway(standing_of(judge), first, server_view_list(judge, first));
}

/* One send, no final answer, and no other server tried: nobody leaves a REGISTER like that. */
static bool is_left_open(const struct request *request, const struct attempt *attempt) {
    return attempt == &request->attempts[request->attempt_count - 1] && attempt->sends == 1 &&
           !attempt->connects && !attempt->final_status && !attempt->icmp_count &&
           !attempt->error_count;
}

static void gather_open(struct registered_account *account, const struct judge *judge) {
    struct open_register *open = NULL;
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        if (pass)
            open = ARENA_ARRAY(judge->arena, struct open_register, n + 1);
        n = 0;
        for (size_t r = 0; r < judge->account->request_count; r++) {
            const struct request *request = &judge->account->requests[r];
            const struct attempt *last;
            if (request->method != SIP_REGISTER || !request->attempt_count)
                continue;
            last = &request->attempts[request->attempt_count - 1];
            if (!is_left_open(request, last))
                continue;
            if (open)
                open[n] = (struct open_register){last->server, last->t_ns, request->unregister};
            n++;
        }
    }
    account->open = open;
    account->open_count = n;
}

void registered_account_init(struct registered_account *account, const struct judge *judge) {
    const struct expectations *expect = judge->expect;
    int64_t longest = expect->registration.expires.set ? expect->registration.expires.ns : 0;

    for (size_t i = 0; i < expect->server_count; i++)
        if (expect->servers[i].expires.set && expect->servers[i].expires.ns > longest)
            longest = expect->servers[i].expires.ns;
    if (!longest)
        longest = (int64_t)USUAL_LIFETIME_S * NS_PER_S;
    if (judge->account->registration_count) /* what the registrars grant is known */
        longest = 0;
    for (size_t i = 0; i < judge->account->registration_count; i++) {
        int64_t granted = (int64_t)judge->account->registrations[i].expires_s * NS_PER_S;
        longest = granted > longest ? granted : longest;
    }
    *account = (struct registered_account){
        .judge = judge, .longest_ns = longest, .midway = was_at_work(judge)};
    gather_open(account, judge);
}

static bool same_place(const struct server *a, const struct server *b) {
    return ip_eq(&a->ip, &b->ip) && a->port == b->port;
}

static bool is_live(const struct judge *judge, const struct registration *one, int64_t t_ns) {
    int64_t grace = one->lapsed ? judge->expect->tolerance.floor_ns : 0;

    return one->until_ns + grace >= t_ns;
}

static const struct registration *find_live(const struct judge *judge, const struct server *server,
                                            int64_t t_ns) {
    const struct account *account = judge->account;
    size_t at = account_registrations_until(account, t_ns);

    for (size_t seen = 0; at-- > 0 && seen < REGISTRATIONS_SEEN; seen++) {
        const struct registration *one = &account->registrations[at];
        if (is_live(judge, one, t_ns) && (!server || same_place(&one->server, server)))
            return one;
    }
    return NULL;
}

/* Was a REGISTER (or an un-register) to this server left open between two moments? */
static bool left_open(const struct registered_account *account, const struct server *server,
                      int64_t from_ns, int64_t to_ns, bool unregister) {
    size_t low = 0, high = account->open_count;

    while (low < high) { /* the first that begins after to_ns */
        size_t middle = low + (high - low) / 2;
        if (account->open[middle].t_ns <= to_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low-- > 0 && seen < REGISTRATIONS_SEEN; seen++) {
        const struct open_register *one = &account->open[low];
        if (one->t_ns < from_ns)
            break;
        if (one->unregister == unregister && same_place(&one->server, server))
            return true;
    }
    return false;
}

/* An answer of this server whose request the capture missed: to an un-register, perhaps. */
static bool answered_unseen(const struct judge *judge, const struct server *server, int64_t from_ns,
                            int64_t to_ns) {
    const struct loss_sign *sign = judge_loss(judge, from_ns, to_ns, &server->ip);

    return sign && sign->kind == LOSS_RESPONSE_ONLY && sign->to_ns > from_ns;
}

const struct registration *registered_anywhere(const struct registered_account *account,
                                               int64_t t_ns) {
    return find_live(account->judge, NULL, t_ns);
}

enum registered registered_at(const struct registered_account *account, const struct server *server,
                              int64_t t_ns, const struct registration **live) {
    const struct judge *judge = account->judge;

    *live = find_live(judge, server, t_ns);
    if (*live && (left_open(account, server, (*live)->t_ns, t_ns, true) ||
                  answered_unseen(judge, server, (*live)->t_ns, t_ns)))
        return REGISTERED_LOST;
    if (*live)
        return REGISTERED_LIVE;
    if (judge_loss(judge, t_ns - account->longest_ns, t_ns, &server->ip) ||
        left_open(account, server, t_ns - account->longest_ns, t_ns, false))
        return REGISTERED_LOST;
    if (account->midway && t_ns - judge->story->start_ns < account->longest_ns &&
        !restarted_before(judge->phone, t_ns))
        return REGISTERED_BEFORE;
    return REGISTERED_NOT;
}
