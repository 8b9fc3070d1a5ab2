/* Which requests count, and which answers are a success. */
#include "rules/checks/failback_success.h"

static bool two_servers(const struct judge *judge) {
    const struct expectations *expect = judge->expect;
    size_t n = expect->outbound_proxy_count ? expect->outbound_proxy_count : expect->server_count;

    return n == 2 && expect->dns.mode != DNS_MODE_CONFIGURED;
}

bool failback_counts(const struct judge *judge, const struct request *request) {
    return request->attempt_count && !request->in_dialog && !request->unregister &&
           request->method != SIP_OPTIONS && request->method != SIP_UNKNOWN_METHOD &&
           !(request->has_reg_id && request->reg_id > 1) && !request->attempts[0].after_redirect &&
           !(request->method == SIP_REGISTER && two_servers(judge));
}

/* Does this answer show that the request arrived where it could be served? */
static bool succeeds(const struct failover_expectations *failover, const struct request *request,
                     unsigned status) {
    if (status / 100 == 2)
        return true;
    if (status <= 100 || status == 401 || status == 407 || request->method == SIP_REGISTER ||
        (status < 200 && request->method != SIP_INVITE))
        return false;
    for (size_t i = 0; i < failover->on_status_count; i++)
        if (status >= failover->on_status[i].low && status <= failover->on_status[i].high)
            return false;
    return true;
}

struct failback_success failback_success_of(const struct judge *judge,
                                            const struct request *request) {
    const struct attempt *last = &request->attempts[request->attempt_count - 1];
    const struct failover_expectations *failover =
        judge_failover(judge, server_view_list(judge, request));
    struct failback_success success = {.attempt = NULL};

    if (last->after_redirect || failover_lists(failover, last) ||
        (last->final_status && !succeeds(failover, request, last->final_status)))
        return success;
    for (size_t i = 0; i < last->response_count; i++) {
        const struct response *response = &last->responses[i];
        if (response->late || !succeeds(failover, request, response->status))
            continue;
        success =
            last->final_status
                ? (struct failback_success){last, response->t_ns, last->final_ns, last->final_frame}
                : (struct failback_success){last, response->t_ns, response->t_ns, response->frame};
        break;
    }
    return success;
}
