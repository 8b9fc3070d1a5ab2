/* The server list in force for a request (contract sections 1 and 4). */
#include "lookups.h"

/* "1:192.0.2.1 2:sip2.example.com?": ranks and addresses; targets without address with a mark. */
static const char *list_text(struct arena *arena, const struct server_list *list) {
    const char *text = "";
    char ip[IP_TEXT_LEN];

    if (!list)
        return "none";
    for (size_t i = 0; i < list->count; i++)
        text = arena_printf(arena, "%s%s%u:%s:%u/%s", text, *text ? " " : "", list->servers[i].rank,
                            ip_text(&list->servers[i].server.ip, ip), list->servers[i].server.port,
                            transport_name(list->servers[i].server.transport));
    for (size_t i = 0; i < list->unresolved_count; i++)
        text = arena_printf(arena, "%s %u:%s?", text, list->unresolved[i].rank,
                            list->unresolved[i].target);
    return text;
}

static void view(struct scene *s, struct server_view *view) {
    s->judge = (struct judge){.story = &s->story,
                              .phone = &s->phone,
                              .account = &s->account,
                              .expect = s->expect,
                              .view = view,
                              .arena = &s->judged};
    server_view_build(view, &s->phone, &s->account, s->expect, &s->judged);
}

static void assert_list(struct scene *s, size_t request, const char *expected) {
    assert_string_equal(list_text(&s->judged, server_view_list(&s->judge, &s->requests[request])),
                        expected);
}

static void send(struct scene *s, enum sip_method method, unsigned server, double t) {
    struct request *request = scene_request(s, method);

    scene_answer(s, scene_attempt(s, request, server, OUTCOME_ANSWERED, 1, t), 200, t + .1);
}

static void lookups_in_time(void **state) {
    struct scene s;
    struct lookups l = {.scene = &s};
    struct server_view v;

    (void)state;
    scene_begin(&s, 0, NULL);
    lookup(&l, 1, "SRV _sip._udp.example.com", "20 0 5070 sip2.example.com",
           "10 0 5060 sip1.example.com", NULL);
    lookup(&l, 1, "A sip1.example.com", "192.0.2.1", "192.0.2.4", NULL);
    lookups_walk(&l, "example.com");
    send(&s, SIP_REGISTER, 1, 2); /* sip2 not asked yet */
    send(&s, SIP_REGISTER, 1, 20);
    lookup(&l, 30, "A sip2.example.com", "192.0.2.2", NULL);
    send(&s, SIP_REGISTER, 1, 40);
    lookup(&l, 50, "SRV _sip._udp.example.com", "5 0 5060 sip2.example.com", NULL);
    lookups_walk(&l, "example.com");
    send(&s, SIP_REGISTER, 2, 60); /* the zone changed */
    lookups_done(&l);
    view(&s, &v);
    assert_list(&s, 0, "1:192.0.2.1:5060/udp 1:192.0.2.4:5060/udp 2:sip2.example.com?");
    assert_ptr_equal(v.lists[0].servers, v.lists[1].servers); /* worked out once */
    assert_list(&s, 2, "1:192.0.2.1:5060/udp 1:192.0.2.4:5060/udp 2:192.0.2.2:5070/udp");
    assert_list(&s, 3, "1:192.0.2.2:5060/udp");
    lookups_end(&l);
}

static void records_of_the_expectations(void **state) {
    struct scene s;
    struct lookups l = {.scene = &s};
    struct server_view v;

    (void)state;
    scene_begin(&s, 0, "servers=[{\"host\":\"example.com\",\"transport\":\"tcp\"}]",
                "dns.known.srv=[{\"name\":\"_sip._tcp.example.com\",\"priority\":1,\"weight\":0,"
                "\"port\":5080,\"target\":\"sip1.example.com\",\"ttl_s\":60}]",
                "dns.static.a=[{\"name\":\"sip1.example.com\",\"address\":\"192.0.2.1\","
                "\"ttl_s\":60}]",
                NULL);
    s.account.host = "example.com";
    send(&s, SIP_REGISTER, 1, 2);
    view(&s, &v);
    assert_true(v.matched);
    assert_list(&s, 0, "1:192.0.2.1:5080/tcp");
    lookups_end(&l);

    /* The server's answer comes before the static one, an empty one after it. */
    scene_begin(&s, 0,
                "dns.static.a=[{\"name\":\"example.com\",\"address\":\"192.0.2.7\","
                "\"ttl_s\":60}]",
                NULL);
    l = (struct lookups){.scene = &s};
    lookup(&l, 1, "A example.com", NULL);
    lookups_walk(&l, "example.com");
    send(&s, SIP_REGISTER, 7, 2);
    lookup(&l, 3, "A example.com", "192.0.2.1", NULL);
    lookups_walk(&l, "example.com");
    send(&s, SIP_REGISTER, 1, 4);
    lookups_done(&l);
    view(&s, &v);
    assert_list(&s, 0, "1:192.0.2.7:5060/udp");
    assert_list(&s, 1, "1:192.0.2.1:5060/udp");
    lookups_end(&l);
}

static void configured(void **state) {
    struct scene s;
    struct server_view v;

    (void)state;
    scene_begin(&s, 3, NULL); /* dns.mode configured: one list */
    send(&s, SIP_REGISTER, 2, 1);
    view(&s, &v);
    assert_list(&s, 0, "1:192.0.2.1:5060/udp 2:192.0.2.2:5060/udp 3:192.0.2.3:5060/udp");
    scene_end(&s);

    scene_begin(&s, 2, "dns.mode=auto", NULL); /* two servers: two lists */
    send(&s, SIP_REGISTER, 1, 1);
    send(&s, SIP_REGISTER, 2, 2);
    send(&s, SIP_INVITE, 1, 3);
    view(&s, &v);
    assert_list(&s, 0, "1:192.0.2.1:5060/udp");
    assert_list(&s, 1, "1:192.0.2.2:5060/udp");
    assert_ptr_equal(v.lists[1].entry, &s.expect->servers[1]);
    assert_non_null(v.lists[1].other);
    assert_list(&s, 2, "1:192.0.2.1:5060/udp 2:192.0.2.2:5060/udp");
    scene_end(&s);

    scene_begin(&s, 2, NULL); /* none of the servers: not this phone's expectations */
    s.account.host = "192.0.2.9";
    s.account.aor = "sip:bob@elsewhere.example";
    send(&s, SIP_REGISTER, 9, 1);
    s.requests[0].uri = "sip:elsewhere.example";
    view(&s, &v);
    assert_false(v.matched);
    scene_end(&s);

    scene_begin(&s, 2, "outbound_proxies=[{\"host\":\"192.0.2.3\",\"port\":5070}]", NULL);
    send(&s, SIP_REGISTER, 3, 1);
    view(&s, &v);
    assert_list(&s, 0, "1:192.0.2.3:5070/udp"); /* the proxy, not the servers */
    scene_end(&s);
}

static void finding(void **state) {
    struct ranked_server servers[] = {{.rank = 1, .transport_known = true, .port_known = true},
                                      {.rank = 2}};
    struct server_list list = {.servers = servers, .count = 2};
    struct server at;

    (void)state;
    servers[0].server = (struct server){scene_ip("192.0.2.1"), 5070, TRANSPORT_UDP};
    servers[1].server = (struct server){scene_ip("192.0.2.2"), 5060, TRANSPORT_UDP};
    at = servers[0].server;
    assert_ptr_equal(server_list_find(&list, &at), &servers[0]);
    at.transport = TRANSPORT_TCP;
    assert_null(server_list_find(&list, &at));
    assert_ptr_equal(server_list_find_near(&list, &at), &servers[0]);
    at.port = 5060;
    assert_ptr_equal(server_list_find_near(&list, &at), &servers[0]);
    at = (struct server){scene_ip("192.0.2.2"), 5090, TRANSPORT_TLS};
    assert_ptr_equal(server_list_find(&list, &at), &servers[1]); /* the records leave both open */
    at.ip = scene_ip("192.0.2.3");
    assert_null(server_list_find_near(&list, &at));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lookups_in_time),
                                       cmocka_unit_test(records_of_the_expectations),
                                       cmocka_unit_test(configured), cmocka_unit_test(finding)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
