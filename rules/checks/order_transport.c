/* order.transport: transport and port are those of the record (RFC 3263 4.1, 4.2).
 *
 *     SRV record          its port; the transport of the service that led to it
 *     none                5060, over TLS 5061; the configured port and transport
 *     over 1300 bytes     TCP though the record says UDP (RFC 3261 18.1.1)
 *
 * What neither a record nor the configuration says is right at its default, and open otherwise. */
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/standing.h"

enum { LARGE_REQUEST = 1300 };

struct step {
    const struct request *request;
    const struct attempt *attempt;
    const struct server_list *list;
    const struct standing *standing;
};

static bool applies(const struct judge *judge) {
    return judge->view->matched;
}

/* Was this request, or does it become, too large for UDP? A failed connection shows no request. */
static bool is_large(const struct request *request) {
    for (size_t i = 0; i < request->attempt_count; i++)
        for (size_t t = 0; t < request->attempts[i].transactions; t++)
            if (request->attempts[i].transaction_list[t].size > LARGE_REQUEST)
                return true;
    return false;
}

static bool shows_requests(const struct request *request) {
    for (size_t i = 0; i < request->attempt_count; i++)
        if (request->attempts[i].transactions)
            return true;
    return false;
}

static void describe(struct judge *judge, struct occurrence *occurrence, const struct step *step,
                     const struct ranked_server *entry) {
    const struct attempt *attempt = step->attempt;

    if (entry && entry->transport_known && entry->port_known)
        judge_expect(judge, occurrence, value_server("server", &entry->server));
    else if (entry && entry->port_known)
        judge_expect(judge, occurrence, value_int("port", entry->server.port));
    else if (entry && entry->transport_known)
        judge_expect(judge, occurrence,
                     value_text("transport", transport_name(entry->server.transport)));
    judge_observe(judge, occurrence, value_server("server", &attempt->server));
    if (attempt->send_count)
        judge_frame(judge, occurrence, attempt->send_list[0].frame);
}

static void hold(struct judge *judge, const struct step *step, const struct ranked_server *entry) {
    struct occurrence *occurrence = judge_add(judge, VERDICT_PASS, step->attempt->t_ns);

    if (judge->details)
        describe(judge, occurrence, step, entry);
}

/* Address, port and transport agree as far as they are known; the rest must be the default. */
static void judge_unknown_rest(struct judge *judge, const struct step *step,
                               const struct ranked_server *entry) {
    const struct server *server = &step->attempt->server;
    uint16_t usual = transport_default_port(server->transport);
    bool transport_right = entry->transport_known || server->transport == TRANSPORT_UDP;
    bool port_right = entry->port_known || server->port == usual;

    if (transport_right && port_right) {
        hold(judge, step, entry);
        return;
    }
    struct occurrence *occurrence = judge_undecided(
        judge, REASON_NO_SERVER_LIST, step->attempt->t_ns,
        "is judged with an entry of `servers` that gives the configured port and transport");
    describe(judge, occurrence, step, entry);
    judge_say(judge, occurrence, "neither lookups nor expectations say which %s %s should use",
              transport_right ? "port" : "transport", step->list->host);
}

static void judge_difference(struct judge *judge, const struct step *step,
                             const struct ranked_server *entry) {
    const struct server *server = &step->attempt->server;
    bool port_differs = entry->port_known && entry->server.port != server->port;
    struct occurrence *occurrence;
    char used[SERVER_TEXT_LEN], due[SERVER_TEXT_LEN];

    if (!port_differs && entry->server.transport == TRANSPORT_UDP &&
        server->transport == TRANSPORT_TCP &&
        (is_large(step->request) || !shows_requests(step->request))) {
        hold(judge, step, entry);
        return;
    }
    if (judge_loss(judge, judge->story->start_ns, step->attempt->t_ns, &server->ip)) {
        occurrence = judge_undecided(judge, REASON_CAPTURE_LOSS, step->attempt->t_ns,
                                     "shows all lookups before the request");
        describe(judge, occurrence, step, entry);
        return;
    }
    if (step->list->midway ||
        (!step->list->looked_up && !standing_in_use(step->standing, step->attempt->t_ns) &&
         standing_midway(step->standing, step->request, step->list))) {
        occurrence = judge_undecided(judge, REASON_STARTS_MIDWAY, step->attempt->t_ns,
                                     "begins before the phone looked its servers up");
        describe(judge, occurrence, step, entry);
        return;
    }
    occurrence = judge_add(judge, VERDICT_FAIL, step->attempt->t_ns);
    describe(judge, occurrence, step, entry);
    server_text(server, used);
    server_text(&entry->server, due);
    judge_say(judge, occurrence, "%s went to %s; the %s %s", step->request->method_text, used,
              entry->from_srv     ? "SRV record says"
              : entry->from_naptr ? "NAPTR record says"
              : step->list->entry ? "configuration says"
                                  : "lookups lead to",
              due);
}

static void judge_attempt(struct judge *judge, const struct step *step) {
    const struct server *server = &step->attempt->server;
    const struct ranked_server *entry = server_list_find(step->list, server);

    if (entry && entry->transport_known && entry->port_known) {
        hold(judge, step, entry);
        return;
    }
    if (entry) {
        judge_unknown_rest(judge, step, entry);
        return;
    }
    if (step->list->other && server_list_find(step->list->other, server)) {
        hold(judge, step, server_list_find(step->list->other, server));
        return;
    }
    entry = server_list_find_near(step->list, server);
    if (entry && !entry->transport_known && !entry->from_srv && !step->list->entry &&
        server->port == transport_default_port(server->transport))
        judge_unknown_rest(judge, step, entry); /* the port goes with the transport */
    else if (entry) /* else a stranger: order.priority's business */
        judge_difference(judge, step, entry);
}

static void say_no_list(struct judge *judge, const struct request *request) {
    const struct step step = {.request = request, .attempt = &request->attempts[0]};
    struct occurrence *occurrence =
        judge_undecided(judge, REASON_NO_SERVER_LIST, request->t_ns, NEEDS_SERVER_LIST);

    describe(judge, occurrence, &step, NULL);
}

static void check(struct judge *judge) {
    const struct account *account = judge->account;
    const struct standing *standing = standing_of(judge);
    bool said = false;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        const struct server_list *list = server_view_list(judge, request);
        if (request->in_dialog || !request->attempt_count)
            continue;
        if (!list && !said) {
            say_no_list(judge, request);
            said = true;
        }
        for (size_t at = 0; list && at < request->attempt_count; at++) {
            const struct step step = {request, &request->attempts[at], list, standing};
            bool moved = !at || !server_eq(&step.attempt->server, &step.attempt[-1].server);
            if (moved && !step.attempt->after_redirect)
                judge_attempt(judge, &step);
        }
    }
}

static const struct source SOURCES[] = {
    {BASIS_RFC, "RFC 3263", "4.1"},
    {BASIS_RFC, "RFC 3263", "4.2"},
    {BASIS_RFC, "RFC 3261", "18.1.1"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Server Domain Name Resolution"},
    {BASIS_VENDOR, GUIDE_YEALINK_T2XP, "DNS-SRV Process"},
    {BASIS_VENDOR, GUIDE_GENESYS, "Required Provisioning"},
};

const struct rule rule_order_transport = {
    .id = "order.transport",
    .title = "Transport and port are those of the record",
    .checks =
        "Each first send of a request to a server. The port is that of the SRV record; where "
        "there is none, the configured one, else 5060 (over TLS 5061). The transport is that of "
        "the NAPTR service or SRV name that led there, else the configured one. A request of more "
        "than 1300 bytes may go over TCP though the record says UDP.",
    .matters =
        "Servers listen where their records say. A phone that keeps to 5060 or to UDP reaches "
        "nothing, or a server that was not meant for it, and reports an outage that is its own.",
    .steered_by = "servers, outbound_proxies, dns.mode, dns.transports, dns.static, dns.known",
    .passes = "SRV of _sip._tcp gives port 5070: REGISTER goes over TCP to port 5070.",
    .fails =
        "The same answer, and REGISTER goes to port 5060; or over UDP, though the NAPTR record "
        "says SIP+D2T.",
    .departures = "None known. Yealink's guide, too, names 5060 where the DNS gives no port.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "includes a request outside a dialog, and the lookups before it",
    .applies = applies,
    .check = check,
    .shown_by_connections = true,
};
