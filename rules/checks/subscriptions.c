/* Subscriptions by target and event package; each answer to a SUBSCRIBE and each NOTIFY that ends
 * one changes them, in order of time. */
#include "rules/checks/subscriptions.h"

#include "base/instant.h"
#include "rules/checks/failover_walk.h"

enum { DEFAULT_LIFETIME_S = 3600 }; /* of a subscription whose time nobody says */

/* A new state of a subscription, at a point in time. */
struct subscription_change {
    int64_t t_ns;
    const struct request *request;      /* a SUBSCRIBE; NULL: */
    const struct subscription_end *end; /* a NOTIFY that ends it */
};

/* ---- what is the same subscription ---- */

/* The event package: what stands before the parameters. */
static struct slice package_of(const char *event) {
    struct slice text = slice_of_text(event ? event : "");
    size_t end = slice_find(text, ';');

    while (end && text.ptr[end - 1] == ' ')
        end--;
    return slice_between(text, 0, end);
}

struct topic topic_of(const struct request *request) {
    struct topic topic = {.target = request->to_uri, .package = package_of(request->event)};
    struct sip_uri uri;

    if (topic.target && sip_uri_parse(slice_of_text(topic.target), &uri))
        topic.user = uri.user;
    return topic;
}

bool topic_same_package(const struct topic *a, const struct topic *b) {
    return slice_eq_nocase(a->package, b->package);
}

/* The same user; of URIs without one, the same URI (strings of a story are equal by pointer). */
bool topic_same_target(const struct topic *a, const struct topic *b) {
    return a->target == b->target || (a->user.len && slice_eq(a->user, b->user));
}

/* ---- what happens to it ---- */

static const struct attempt *last_attempt(const struct request *request) {
    return &request->attempts[request->attempt_count - 1];
}

bool subscription_is_ended_by(const struct attempt *attempt) {
    const struct transaction *last;

    if (!attempt->transactions)
        return false;
    last = &attempt->transaction_list[attempt->transactions - 1];
    return last->has_expires && !last->expires_s;
}

static int64_t granted_ns(const struct attempt *attempt) {
    int64_t granted = DEFAULT_LIFETIME_S;

    for (size_t i = 0; i < attempt->transactions; i++)
        if (attempt->transaction_list[i].has_expires)
            granted = attempt->transaction_list[i].expires_s;
    for (size_t i = 0; i < attempt->response_count; i++)
        if (attempt->responses[i].status / 100 == 2 && attempt->responses[i].has_expires)
            granted = attempt->responses[i].expires_s;
    return granted * NS_PER_S;
}

static struct subscription *find_up(struct subscriptions *subscriptions,
                                    const struct topic *topic) {
    for (size_t i = 0; i < subscriptions->up_count; i++)
        if (topic_same_target(&subscriptions->up[i].topic, topic) &&
            topic_same_package(&subscriptions->up[i].topic, topic))
            return &subscriptions->up[i];
    return NULL;
}

static void drop(struct subscriptions *subscriptions, struct subscription *subscription) {
    *subscription = subscriptions->up[--subscriptions->up_count];
}

/* A renewal that is refused so that the subscription is gone: 481, and whatever else neither asks
 * for something nor says that the server is in trouble (RFC 6665 4.1.2.2, RFC 5057). */
static bool refuses_for_good(unsigned status) {
    return status >= 400 && status < 500 && status != 401 && status != 407 && status != 408 &&
           status != 423 && status != 429;
}

/* Sent once, neither answered nor repeated. */
static bool is_left_open(const struct attempt *attempt) {
    return attempt->sends == 1 && !attempt->connects && !attempt->final_status &&
           !attempt->icmp_count && !attempt->error_count;
}

static void take_subscribe(struct subscriptions *subscriptions, const struct request *request) {
    const struct attempt *last = last_attempt(request);
    struct topic topic = topic_of(request);
    struct subscription *known = find_up(subscriptions, &topic);
    bool ends = subscription_is_ended_by(last) || refuses_for_good(last->final_status);
    bool unsure = !last->final_status;

    if (ends) {
        if (known && (known->call_id == last->call_id || !request->in_dialog))
            drop(subscriptions, known);
        return;
    }
    if (unsure ? known || !is_left_open(last) : last->final_status / 100 != 2)
        return;
    if (!known) {
        if (subscriptions->up_count == SUBSCRIPTIONS_MAX)
            return;
        known = &subscriptions->up[subscriptions->up_count++];
    }
    *known = (struct subscription){.topic = topic,
                                   .call_id = last->call_id,
                                   .server = last->server,
                                   .since_ns = last->end_ns,
                                   .until_ns = last->end_ns + granted_ns(last),
                                   .frame = last->final_frame,
                                   .unsure = unsure};
}

static void take_end(struct subscriptions *subscriptions, const struct subscription_end *end) {
    for (size_t i = 0; i < subscriptions->up_count; i++)
        if (subscriptions->up[i].call_id == end->call_id &&
            (!end->event ||
             slice_eq_nocase(subscriptions->up[i].topic.package, package_of(end->event)))) {
            drop(subscriptions, &subscriptions->up[i]);
            return;
        }
}

/* Up to t_ns; a restart leaves nothing. */
static bool see_restart(struct subscriptions *subscriptions, int64_t t_ns) {
    bool restarted = failover_restarted(subscriptions->judge, subscriptions->seen_ns, t_ns);

    if (restarted)
        subscriptions->up_count = 0;
    subscriptions->seen_ns = t_ns;
    return restarted;
}

bool subscriptions_go_on(struct subscriptions *subscriptions, int64_t t_ns) {
    bool restarted = false;

    while (subscriptions->change_next < subscriptions->change_count &&
           subscriptions->changes[subscriptions->change_next].t_ns <= t_ns) {
        const struct subscription_change *change =
            &subscriptions->changes[subscriptions->change_next++];
        restarted |= see_restart(subscriptions, change->t_ns);
        if (change->request)
            take_subscribe(subscriptions, change->request);
        else
            take_end(subscriptions, change->end);
    }
    restarted |= see_restart(subscriptions, t_ns);
    for (size_t i = subscriptions->up_count; i-- > 0;)
        if (subscriptions->up[i].until_ns <= t_ns)
            drop(subscriptions, &subscriptions->up[i]);
    return restarted;
}

static int compare(const void *a, const void *b) {
    const struct subscription_change *x = a, *y = b;

    return x->t_ns != y->t_ns ? (x->t_ns < y->t_ns ? -1 : 1)
                              : (x->request > y->request) - (x->request < y->request);
}

struct subscriptions *subscriptions_new(const struct judge *judge) {
    const struct account *account = judge->account;
    const struct phone *phone = judge->phone;
    struct subscriptions *subscriptions;
    size_t n = 0;

    for (size_t r = 0; r < account->request_count; r++)
        n += account->requests[r].method == SIP_SUBSCRIBE;
    if (!n)
        return NULL;
    subscriptions = arena_new(judge->arena, sizeof *subscriptions);
    memset(subscriptions, 0, sizeof *subscriptions);
    subscriptions->judge = judge;
    subscriptions->seen_ns = judge->story->start_ns;
    subscriptions->changes =
        ARENA_ARRAY(judge->arena, struct subscription_change, n + phone->subscription_end_count);
    n = 0;
    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        if (request->method == SIP_SUBSCRIBE && request->attempt_count)
            subscriptions->changes[n++] = (struct subscription_change){
                .t_ns = last_attempt(request)->end_ns, .request = request};
    }
    for (size_t i = 0; i < phone->subscription_end_count; i++)
        subscriptions->changes[n++] = (struct subscription_change){
            .t_ns = phone->subscription_ends[i].t_ns, .end = &phone->subscription_ends[i]};
    subscriptions->change_count = n;
    array_sort(subscriptions->changes, n, sizeof(struct subscription_change), compare);
    return subscriptions;
}
