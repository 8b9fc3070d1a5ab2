/* Walks a server list along with a request's attempts and tells what is left (RFC 3263 4.3: on a
 * failure the request goes to the next element of the list; contract section 6 for what is owed).
 *
 *     an entry of the list is  tried     an attempt of this request went there
 *                              owed      same NAPTR service as those used, and not tried; but not
 *                                        where the phone has no address of its family, is not
 *                                        registered (failover.only_registered), or was told to stay
 *                                        away (503 with Retry-After)
 */
#include "rules/checks/failover_walk.h"

#include <string.h>

#include "base/instant.h"

enum { UDP_LIMIT_BYTES = 1300 }; /* RFC 3261 18.1.1 */
enum { RESOLUTIONS_SEEN = 64 };
enum { REGISTRATIONS_SEEN = 256 }; /* live registrations of one account: more is no phone */

/* ---- the account ---- */

/* The second of two configured servers where a name stands for it, which only its lookups tell;
 * NULL: there is none, or its address is known without. */
static const struct server_expectation *second_name(const struct judge *judge,
                                                    const struct failover_account *account) {
    const struct expectations *expect = judge->expect;
    struct ip_addr ip;

    if (account->entry_count != 2 || expect->dns.mode == DNS_MODE_CONFIGURED ||
        expect->dns.known_records.n || expect->dns.static_records.n || !account->entries[1].host ||
        ip_parse(slice_of_text(account->entries[1].host), &ip))
        return NULL;
    return &account->entries[1];
}

static void collect_second_walks(struct failover_account *account) {
    const struct judge *judge = account->judge;
    const struct phone *phone = judge->phone;

    account->second_walks =
        ARENA_ARRAY(judge->arena, const struct resolution *, phone->resolution_count + 1);
    for (size_t i = 0; i < phone->resolution_count; i++)
        if (strcmp(phone->resolutions[i]->host, account->second->host) == 0)
            account->second_walks[account->second_walk_count++] = phone->resolutions[i];
}

void failover_account_init(struct failover_account *account, const struct judge *judge) {
    const struct expectations *expect = judge->expect;
    bool proxies = expect->outbound_proxy_count != 0;

    *account = (struct failover_account){.judge = judge, .health = judge->health};
    if (!account->health)
        account->health = server_health_new(judge->phone, &expect->failover, judge->arena);
    account->entries = proxies ? expect->outbound_proxies : expect->servers;
    account->entry_count = proxies ? expect->outbound_proxy_count : expect->server_count;
    account->second = second_name(judge, account);
    if (account->second)
        collect_second_walks(account);
}

/* Does this configured entry lead to the server: by its address, or by the lookups of its name? */
static bool leads_to(const struct failover_account *account, const struct server_expectation *entry,
                     const struct server *server) {
    const struct phone *phone = account->judge->phone;
    struct ip_addr ip;

    if (!entry->host)
        return false;
    if (ip_parse(slice_of_text(entry->host), &ip))
        return ip_eq(&ip, &server->ip) && (!entry->port || entry->port == server->port);
    for (size_t seen = 0; seen < phone->resolution_count && seen < RESOLUTIONS_SEEN; seen++) {
        const struct resolution *one = phone->resolutions[phone->resolution_count - 1 - seen];
        if (strcmp(one->host, entry->host) == 0 && resolution_find(one, server))
            return true;
    }
    return false;
}

/* Of several configured entries, the one whose own expectations apply to this server. */
static void choose_expectations(struct failover_walk *walk, const struct server *server) {
    const struct failover_account *account = walk->account;

    if (account->entry_count < 2)
        return;
    for (size_t i = 0; i < account->entry_count; i++) {
        if (!leads_to(account, &account->entries[i], server))
            continue;
        walk->failover = &account->entries[i].failover;
        walk->retry = &account->entries[i].retry;
        return;
    }
}

const struct failover_expectations *failover_expectations_at(const struct failover_account *account,
                                                             const struct request *request,
                                                             const struct server *server) {
    const struct server_list *list = server_view_list(account->judge, request);
    struct failover_walk walk = {.account = account,
                                 .failover = judge_failover(account->judge, list)};

    choose_expectations(&walk, server);
    return walk.failover;
}

bool failover_asked(const struct judge *judge,
                    bool (*asks)(const struct failover_expectations *failover)) {
    const struct expectations *expect = judge->expect;
    bool proxies = expect->outbound_proxy_count != 0;
    const struct server_expectation *entries = proxies ? expect->outbound_proxies : expect->servers;
    size_t n = proxies ? expect->outbound_proxy_count : expect->server_count;

    for (size_t i = 0; i < n; i++)
        if (asks(&entries[i].failover))
            return true;
    return !n && asks(&expect->failover);
}

/* ---- what a phone can and may use ---- */

static bool link_local(const struct ip_addr *ip) {
    return ip->len == 16 ? ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80
                         : ip->bytes[0] == 169 && ip->bytes[1] == 254;
}

bool failover_family_usable(const struct judge *judge, const struct ip_addr *ip) {
    if (!(ip->len == 4 ? judge->expect->dns.family_a : judge->expect->dns.family_aaaa))
        return false;
    for (size_t i = 0; i < judge->phone->address_count; i++) {
        const struct ip_addr *own = &judge->phone->addresses[i];
        if (own->len == ip->len && !link_local(own))
            return true;
    }
    return false;
}

static bool registered_at(const struct account *account, const struct server *server,
                          int64_t t_ns) {
    size_t low = account_registrations_until(account, t_ns);
    for (size_t seen = 0; low-- > 0 && seen < REGISTRATIONS_SEEN; seen++) {
        const struct registration *one = &account->registrations[low];
        if (one->until_ns > t_ns && ip_eq(&one->server.ip, &server->ip) &&
            one->server.port == server->port)
            return true;
    }
    return false;
}

/* ---- the walk ---- */

/* Walk this list from its beginning. */
static void take_list(struct failover_walk *walk, const struct server_list *list) {
    struct arena *arena = walk->account->judge->arena;

    walk->list = list;
    walk->services = 0;
    if (!list)
        return;
    walk->tried = ARENA_ARRAY(arena, bool, list->count);
    walk->tried_in_round = ARENA_ARRAY(arena, bool, list->count);
}

/* Which of the two lists of a REGISTER has this server. */
static const struct server_list *list_with(const struct server_list *own,
                                           const struct server *server) {
    return own->other && !server_list_find(own, server) && server_list_find(own->other, server)
               ? own->other
               : own;
}

void failover_walk_begin(struct failover_walk *walk, const struct failover_account *account,
                         const struct request *request) {
    const struct judge *judge = account->judge;
    const struct server_list *list = server_view_list(judge, request);

    *walk = (struct failover_walk){.account = account, .request = request};
    walk->own = walk->list = list && list->count ? list : NULL;
    walk->failover = walk->list ? judge_failover(judge, walk->list) : &judge->expect->failover;
    walk->retry = walk->list ? judge_retry(judge, walk->list) : &judge->expect->retry;
    take_list(walk, walk->list);
}

static uint64_t service_bit(const struct ranked_server *server) {
    return server->service < 63 ? (uint64_t)1 << server->service : (uint64_t)1 << 63;
}

/* One entry of a list, after a step: is it left, and to what extent? */
static void weigh(struct failover_walk *walk, const struct ranked_server *server, bool owed,
                  bool tried, bool tried_in_round, int64_t t_ns) {
    const struct judge *judge = walk->account->judge;

    if (!failover_family_usable(judge, &server->server.ip) && server != walk->current)
        return;
    walk->total++;
    if (tried && tried_in_round)
        return;
    if (walk->request->in_dialog && !walk->failover->in_dialog)
        return;
    if (walk->failover->only_registered && walk->request->method != SIP_REGISTER &&
        !registered_at(judge->account, &server->server, t_ns)) {
        walk->unregistered_left |= !tried;
        return;
    }
    if (server_health_retry_after(walk->account->health, &server->server, t_ns)) {
        walk->banned_left |= !tried;
        return;
    }
    if (!owed) {
        walk->optional_left |= !tried;
        return;
    }
    walk->left_in_round |= !tried_in_round;
    if (!tried && !walk->left) {
        walk->left = true;
        walk->next = server->server;
        walk->next_name = server->target;
    }
}

/* A target of the list whose address was never asked: it is as much left as one whose address is
 * known, for a phone that asks when its turn comes. NULL: none. */
static const char *unasked_target(const struct failover_walk *walk) {
    const struct server_list *list = walk->list;

    for (size_t i = 0; i < list->unresolved_count; i++)
        if (list->unresolved[i].target && (walk->services & service_bit(&list->unresolved[i])) != 0)
            return list->unresolved[i].target;
    return NULL;
}

/* Mark where this attempt went; false: the list does not have it. */
static bool mark_tried(struct failover_walk *walk, const struct server *server) {
    const struct ranked_server *entry = server_list_find_near(walk->list, server);
    size_t at;

    walk->current = entry;
    if (!entry)
        return false;
    walk->services |= service_bit(entry);
    at = (size_t)(entry - walk->list->servers);
    if (walk->tried_in_round[at]) /* back where it was: a new round through the list */
        memset(walk->tried_in_round, 0, walk->list->count * sizeof *walk->tried_in_round);
    walk->tried[at] = walk->tried_in_round[at] = true;
    return true;
}

/* The newest lookups of the second configured server's name that a request which failed at t_ns can
 * still wait for; NULL: nobody asked for it. */
static const struct resolution *second_walk(const struct failover_account *account, int64_t t_ns) {
    size_t low = 0, high = account->second_walk_count;

    while (low < high) { /* the first that begins too late */
        size_t middle = low + (high - low) / 2;
        if (account->second_walks[middle]->t_ns <= t_ns + STORY_AFTER_SILENCE_NS)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? account->second_walks[low - 1] : NULL;
}

/* The list of server 1 is at its end, and no answer that the request could use named server 2. It
 * is left all the same for a phone that asks when its turn comes: to ask is part of going there. */
static void step_to_second(struct failover_walk *walk, int64_t t_ns) {
    const struct failover_account *account = walk->account;
    const struct resolution *asked = second_walk(account, t_ns);
    bool there = asked ? asked->server_count != 0 : account->judge->phone->query_count != 0;

    if (!there) /* it leads nowhere, or the capture shows no lookups at all */
        walk->known = false;
    else if (walk->failover->only_registered)
        walk->unregistered_left = true;
    else {
        walk->left = walk->left_in_round = true;
        walk->next_name = account->second->host;
    }
}

void failover_walk_step(struct failover_walk *walk, size_t index, int64_t t_ns) {
    const struct attempt *attempt = &walk->request->attempts[index];
    const struct server_list *list;
    bool stays_in_dialog;

    choose_expectations(walk, &attempt->server);
    stays_in_dialog = walk->request->in_dialog && !walk->failover->in_dialog;
    walk->known = walk->left = walk->left_in_round = walk->optional_left = false;
    walk->unregistered_left = walk->banned_left = false;
    walk->next = (struct server){.port = 0};
    walk->next_name = NULL;
    walk->total = 0;
    if (!walk->own)
        return;
    list = list_with(walk->own, &attempt->server);
    if (list != walk->list)
        take_list(walk, list);
    /* Inside a dialog the route set may lead elsewhere: then the list is what failover turns to. */
    walk->known = mark_tried(walk, &attempt->server) || walk->request->in_dialog;
    if (!walk->services)
        walk->services = 1;
    for (size_t i = 0; i < list->count; i++)
        weigh(walk, &list->servers[i], (walk->services & service_bit(&list->servers[i])) != 0,
              walk->tried[i], walk->tried_in_round[i], t_ns);
    walk->total += list->unresolved_count;
    if (stays_in_dialog)
        return;
    if (!walk->left && (walk->next_name = unasked_target(walk)) != NULL) {
        if (walk->failover->only_registered && walk->request->method != SIP_REGISTER)
            walk->unregistered_left = true;
        else
            walk->left = walk->left_in_round = true;
    }
    if (!walk->left && walk->account->second && !list->joined &&
        walk->request->method != SIP_REGISTER)
        step_to_second(walk, t_ns);
}

const char *server_words(const struct judge *judge, const struct server *server) {
    return server_text(server, arena_new(judge->arena, SERVER_TEXT_LEN));
}

const char *failover_walk_next_text(const struct failover_walk *walk) {
    if (walk->next.ip.len)
        return server_words(walk->account->judge, &walk->next);
    return walk->next_name ? walk->next_name : "another server";
}

const struct loss_sign *failover_lost_before(const struct failover_walk *walk, int64_t from_ns) {
    return walk->next.ip.len ? judge_loss(walk->account->judge, from_ns - STORY_AFTER_SILENCE_NS,
                                          from_ns, &walk->next.ip)
                             : NULL;
}

/* ---- moving and staying ---- */

/* The same request at the same address and port, over the other transport because of its size. */
static bool same_by_size(const struct attempt *a, const struct attempt *b) {
    const struct attempt *tcp = a->server.transport == TRANSPORT_TCP ? a : b;
    const struct attempt *udp = tcp == a ? b : a;

    if (!ip_eq(&a->server.ip, &b->server.ip) || a->server.port != b->server.port ||
        tcp->server.transport != TRANSPORT_TCP || udp->server.transport != TRANSPORT_UDP)
        return false;
    for (size_t i = 0; i < tcp->transactions; i++)
        if (tcp->transaction_list[i].size + 200 > UDP_LIMIT_BYTES)
            return true;
    return false;
}

bool failover_same_list(const struct judge *judge, const struct request *request,
                        const struct server *a, const struct server *b) {
    const struct server_list *own = server_view_list(judge, request);

    return !own || !own->other || list_with(own, a) == list_with(own, b);
}

bool failover_changes_list(const struct failover_account *account, const struct request *request,
                           size_t index) {
    return index + 1 < request->attempt_count &&
           !failover_same_list(account->judge, request, &request->attempts[index].server,
                               &request->attempts[index + 1].server);
}

bool failover_moved(const struct failover_account *account, const struct request *request,
                    size_t index) {
    const struct attempt *here, *there;

    if (index + 1 >= request->attempt_count)
        return false;
    here = &request->attempts[index];
    there = here + 1;
    if (server_eq(&here->server, &there->server) || same_by_size(here, there))
        return false;
    return !failover_changes_list(account, request, index);
}

bool failover_judged(const struct failover_walk *walk) {
    const struct request *request = walk->request;

    if (request->method == SIP_OPTIONS || request->method == SIP_PUBLISH)
        return false;
    return !request->in_dialog || walk->failover->in_dialog;
}

bool failover_uneventful(const struct request *request) {
    const struct attempt *attempt = request->attempts;

    return request->attempt_count == 1 && attempt->final_status >= 200 &&
           attempt->final_status < 300 && attempt->send_count <= 1;
}

const char *failover_request_words(const struct request *request) {
    return request->method_text ? request->method_text : "a request";
}

const char *failover_cause(const struct judge *judge, const struct attempt *attempt) {
    switch (attempt->outcome) {
    case OUTCOME_SILENT:
        return "no-response";
    case OUTCOME_REFUSED:
        return "transport-error";
    case OUTCOME_ANSWERED:
    case OUTCOME_UNAVAILABLE:
        return arena_printf(judge->arena, "%u", attempt->final_status);
    case OUTCOME_STALLED:
    case OUTCOME_CUT:
    case OUTCOME_COUNT:
        break;
    }
    return outcome_name(attempt->outcome);
}

bool failover_silence_doubtful(const struct judge *judge, const struct request *request,
                               size_t index) {
    const struct attempt *attempt = &request->attempts[index];
    const struct attempt *next = index + 1 < request->attempt_count ? attempt + 1 : NULL;
    const struct loss_sign *sign;

    if (attempt->outcome != OUTCOME_SILENT)
        return false;
    if (next && attempt->tries == 1 && !attempt->connects &&
        next->t_ns - attempt->t_ns < STORY_T1_NS)
        return true;
    for (size_t i = 0; i < request->follow_count; i++)
        if (request->follows[i].method == SIP_ACK && request->follows[i].attempt == index)
            return true;
    sign =
        judge_loss(judge, attempt->t_ns, next ? next->t_ns : attempt->end_ns, &attempt->server.ip);
    return sign && sign->kind == LOSS_TCP_GAP;
}

int64_t failover_silence_ns(const struct failover_account *account, const struct request *request,
                            size_t index) {
    const struct attempt *attempt = &request->attempts[index];
    int64_t until = attempt->t_ns;

    for (size_t i = 0; i < attempt->response_count; i++)
        if (!attempt->responses[i].late)
            return attempt->responses[i].t_ns - attempt->t_ns;
    if (failover_moved(account, request, index))
        return request->attempts[index + 1].t_ns - attempt->t_ns;
    for (size_t i = 0; i < attempt->send_count; i++)
        if (attempt->send_list[i].t_ns > until)
            until = attempt->send_list[i].t_ns;
    return until - attempt->t_ns;
}

enum retry_method retry_method_of(enum sip_method method) {
    return method == SIP_REGISTER ? RETRY_REGISTER
           : method == SIP_INVITE ? RETRY_INVITE
           : method == SIP_BYE    ? RETRY_BYE
                                  : RETRY_OTHER;
}

unsigned retry_tries(const struct retry_expectations *retry, const struct attempt *attempt) {
    return retry->unit == RETRY_UNIT_TRY ? attempt->tries
                                         : attempt->transactions + attempt->connects;
}

/* The longest that the attempt lasted without a sign between two of its transactions: of what went
 * before that, the capture may have missed the answer, or a move to another server and back. */
static int64_t longest_seen(const struct judge *judge, const struct attempt *attempt) {
    const struct send *begin = NULL, *last = NULL;
    int64_t longest = 0;

    for (size_t i = 0; i < attempt->send_count; i++) {
        const struct send *send = &attempt->send_list[i];
        if (!last || ((send->connect || send->transaction != last->transaction) &&
                      judge_loss(judge, last->t_ns, send->t_ns, NULL)))
            begin = send;
        if (send->t_ns - begin->t_ns > longest)
            longest = send->t_ns - begin->t_ns;
        last = send;
    }
    return longest;
}

/* Longer than any timer? */
static bool is_overdue(const struct failover_walk *walk, const struct attempt *attempt,
                       int64_t silence) {
    const struct expectations *expect = walk->account->judge->expect;
    const struct retry_expectation *retry =
        &walk->retry->method[retry_method_of(walk->request->method)];
    int64_t limit = STORY_64T1_NS;

    if (attempt->outcome == OUTCOME_REFUSED)
        return false;
    if (walk->retry->t1.set && 64 * walk->retry->t1.ns > limit)
        limit = 64 * walk->retry->t1.ns;
    if (silence <= limit + expectations_tolerance_ns(expect, limit))
        return false;
    if (retry->tries.set && retry_tries(walk->retry, attempt) <= (unsigned)retry->tries.high)
        return false;
    return !retry->give_up.set ||
           silence >
               retry->give_up.high_ns + expectations_tolerance_ns(expect, retry->give_up.high_ns);
}

bool failover_overdue(const struct failover_walk *walk, size_t index) {
    return is_overdue(walk, &walk->request->attempts[index],
                      failover_silence_ns(walk->account, walk->request, index));
}

const struct loss_sign *failover_overdue_sign(const struct failover_walk *walk, size_t index) {
    const struct judge *judge = walk->account->judge;
    const struct attempt *attempt = &walk->request->attempts[index];
    int64_t until = attempt->t_ns + failover_silence_ns(walk->account, walk->request, index);

    if (attempt->transactions + attempt->connects < 2 ||
        is_overdue(walk, attempt, longest_seen(judge, attempt)))
        return NULL;
    return judge_loss(judge, attempt->t_ns, until, NULL);
}

bool failover_cancelled(const struct request *request, size_t index) {
    for (size_t i = 0; i < request->follow_count; i++)
        if (request->follows[i].method == SIP_CANCEL && request->follows[i].attempt == index)
            return true;
    return false;
}

bool failover_phone_gone(const struct judge *judge, int64_t t_ns) {
    return judge->phone->last_ns <= t_ns;
}

bool failover_restarted(const struct judge *judge, int64_t from_ns, int64_t to_ns) {
    const struct phone *phone = judge->phone;
    size_t low = 0, high = phone->restart_count;

    while (low < high) { /* the first restart not before from */
        size_t middle = low + (high - low) / 2;
        if (phone->restarts_ns[middle] < from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < phone->restart_count && phone->restarts_ns[low] <= to_ns;
}

void failover_send_frames(struct judge *judge, struct occurrence *occurrence,
                          const struct attempt *attempt) {
    for (size_t i = 0; i < attempt->send_count; i++)
        judge_frame(judge, occurrence, attempt->send_list[i].frame);
}
