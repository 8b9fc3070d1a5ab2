/* Connections alone: moved, stayed, or not to be told. */
#include "rules/checks/failover_sealed.h"

/* Of one phone at one server; how many there are is not known. */
enum { ACCOUNTS_MAX = 8 };

static bool is_at(const struct connection *connection, const struct server *server) {
    return connection->server.port == server->port && ip_eq(&connection->server.ip, &server->ip);
}

/* Was a connection to any other server up at some time from, until before to? */
static bool stood_elsewhere(const struct judge *judge, const struct server *server, int64_t from_ns,
                            int64_t to_ns) {
    const struct phone *phone = judge->phone;

    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (connection_is_opaque(connection) && !is_at(connection, server) &&
            (!connection->from_start || connection->t_ns < to_ns) &&
            (connection->open_at_end || connection->end_ns >= from_ns))
            return true;
    }
    return false;
}

bool failover_sealed_stood(const struct judge *judge, int64_t t_ns) {
    const struct phone *phone = judge->phone;

    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (connection_is_opaque(connection) &&
            (!connection->from_start || connection->t_ns <= t_ns))
            return true;
    }
    return false;
}

/* Does the request come back to a server that it has left? Then it is those of several accounts,
 * one behind the other; or too long to be looked at. */
static bool is_mixed(const struct request *request) {
    enum { LOOK_AT = 32 };

    if (request->attempt_count > LOOK_AT)
        return true;
    for (size_t i = 0; i < request->attempt_count; i++)
        for (size_t k = 0; k < i; k++)
            if (server_eq(&request->attempts[i].server, &request->attempts[k].server))
                return true;
    return false;
}

/* The next attempt is a move to a server of the same list, because of the failure: parallel
 * connections do not wait for one. */
static enum sealed_course course_of_move(const struct failover_walk *walk, size_t index) {
    const struct judge *judge = walk->account->judge;
    const struct attempt *attempt = &walk->request->attempts[index], *next = attempt + 1;
    int64_t failed_ns = attempt->outcome == OUTCOME_REFUSED
                            ? attempt->end_ns
                            : attempt->send_list[attempt->send_count - 1].t_ns + STORY_T1_NS;

    if (!walk->known || !server_list_find(walk->list, &next->server))
        return SEALED_NO_LIST;
    if (next->t_ns < failed_ns || is_mixed(walk->request) ||
        stood_elsewhere(judge, &attempt->server, attempt->t_ns, next->t_ns))
        return SEALED_HIDDEN;
    if (judge_loss(judge, attempt->t_ns, next->t_ns, &attempt->server.ip))
        return SEALED_LOST;
    return SEALED_MOVED;
}

/* More tries, and a longer time, than any request is allowed at one server, were they of several
 * accounts. */
static bool is_beyond(const struct failover_walk *walk, unsigned tries, int64_t lasted_ns) {
    const struct expectations *expect = walk->account->judge->expect;
    int64_t limit = walk->retry->t1.set && walk->retry->t1.ns > STORY_T1_NS
                        ? 64 * walk->retry->t1.ns + STORY_AFTER_FINAL_NS
                        : STORY_AFTER_SILENCE_NS;

    for (size_t m = 0; m < RETRY_METHOD_COUNT; m++) {
        const struct retry_expectation *retry = &walk->retry->method[m];
        if (retry->tries.set && tries <= ACCOUNTS_MAX * (unsigned)retry->tries.high)
            return false;
        if (retry->give_up.set && retry->give_up.high_ns > limit)
            limit = retry->give_up.high_ns;
    }
    return lasted_ns > limit + expectations_tolerance_ns(expect, limit);
}

/* How the phone went on at one server. */
struct stay {
    int64_t failed_ns, last_ns; /* the first try failed; the last one began */
    unsigned tries;
    bool left; /* it went elsewhere in the end */
};

/* The connections from this attempt on, until one stands or the capture ends. */
static struct stay stay_at(const struct judge *judge, const struct attempt *attempt) {
    const struct phone *phone = judge->phone;
    struct stay stay = {.failed_ns = attempt->end_ns, .last_ns = attempt->end_ns};

    for (size_t i = 0; i < phone->connection_count; i++) {
        const struct connection *connection = &phone->connections[i];
        if (connection->t_ns < attempt->t_ns)
            continue;
        if (!is_at(connection, &attempt->server)) {
            stay.left = true;
            break;
        }
        if (!stay.tries++)
            stay.failed_ns = connection->error_ns ? connection->error_ns : connection->end_ns;
        stay.last_ns = connection->t_ns;
        if (!connection_failed(connection))
            break;
    }
    return stay;
}

static enum sealed_course course_of_stay(const struct failover_walk *walk, size_t index) {
    const struct judge *judge = walk->account->judge;
    const struct request *request = walk->request;
    const struct attempt *attempt = &request->attempts[index];
    const struct server_list *list = walk->list;

    if (!walk->known)
        return SEALED_NO_LIST;
    int64_t until_ns = attempt->end_ns + STORY_AFTER_SILENCE_NS;
    if (!walk->left || failover_restarted(judge, attempt->t_ns, until_ns))
        return SEALED_NOWHERE;
    struct stay stay = stay_at(judge, attempt);
    /* What was looked up before the capture may be otherwise now. And TLS that is not taken for SIP
     * may have been the move. */
    bool certain = !stay.left && list->looked_up && !list->midway && !walk->account->second &&
                   !judge->story->warnings[WARNING_TLS_LEFT_OUT].count &&
                   !failover_sealed_stood(judge, stay.last_ns - 1);
    if (!certain)
        return SEALED_HIDDEN;
    if (!is_beyond(walk, stay.tries, stay.last_ns - stay.failed_ns))
        return request->open ? SEALED_UNTIL_END : SEALED_HIDDEN;
    if (judge_loss(judge, request->t_ns - STORY_AFTER_SILENCE_NS, stay.last_ns, NULL))
        return SEALED_LOST;
    return SEALED_STAYED;
}

enum sealed_course failover_sealed_course(const struct failover_walk *walk, size_t index) {
    const struct request *request = walk->request;

    if (walk->list && (walk->list->joined || walk->list->other))
        return SEALED_HIDDEN; /* each has registrations of its own */
    return index + 1 < request->attempt_count ? course_of_move(walk, index)
                                              : course_of_stay(walk, index);
}
