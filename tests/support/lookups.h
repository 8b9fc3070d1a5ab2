/* Lookups for a scene, as text:
 *
 *     struct lookups l = {.scene = &s};
 *     lookup(&l, 0.0, "NAPTR example.com", "10 10 s sip+d2u _sip._udp.example.com", NULL);
 *     lookup(&l, 0.1, "SRV _sip._udp.example.com", "10 0 5060 sip1.example.com", NULL);
 *     lookup(&l, 0.2, "A sip1.example.com", "192.0.2.1", NULL);
 *     lookups_walk(&l, "example.com");    what was asked since the last walk is one walk
 *
 * No record: an empty answer. "?" as the only record: no answer. An empty NAPTR flag is written -.
 * A record that begins with + stands in the additional section: "+A sip1.example.com 192.0.2.1". */
#ifndef TESTS_SUPPORT_LOOKUPS_H
#define TESTS_SUPPORT_LOOKUPS_H

#include "rules/server_view.h"
#include "rules/weight_pools.h"
#include "scene.h"

enum { LOOKUPS_MAX = 64, LOOKUP_RECORDS = 8 };

struct lookups {
    struct scene *scene;
    struct query *queries[LOOKUPS_MAX];
    struct record_set srv_answers[LOOKUPS_MAX];
    size_t n, walked;
    struct resolution *walks[LOOKUPS_MAX];
    size_t walk_count;
    uint32_t ttl_s; /* 0: 300 */
};

static inline const char *lookup_name(struct lookups *l, const char *name) {
    return intern_text(&l->scene->strings, slice_of_text(name));
}

static inline uint16_t lookup_type(const char *text) {
    return strncmp(text, "NAPTR ", 6) == 0  ? DNS_NAPTR
           : strncmp(text, "SRV ", 4) == 0  ? DNS_SRV
           : strncmp(text, "AAAA ", 5) == 0 ? DNS_AAAA
                                            : DNS_A;
}

static inline struct fact_record lookup_record(struct lookups *l, uint16_t type, const char *name,
                                               const char *text) {
    struct fact_record record = {.type = type, .name = lookup_name(l, name)};
    char first[64], second[64], target[256];
    unsigned a, b, c;

    record.ttl_s = l->ttl_s ? l->ttl_s : 300;
    if (type == DNS_NAPTR) {
        assert_int_equal(sscanf(text, "%u %u %63s %63s %255s", &a, &b, first, second, target), 5);
        record.order = (uint16_t)a;
        record.preference = (uint16_t)b;
        record.flags = lookup_name(l, strcmp(first, "-") == 0 ? "" : first);
        record.service = lookup_name(l, second);
        record.regexp = "";
        record.target = lookup_name(l, target);
    } else if (type == DNS_SRV) {
        assert_int_equal(sscanf(text, "%u %u %u %255s", &a, &b, &c, target), 4);
        record.priority = (uint16_t)a;
        record.weight = (uint16_t)b;
        record.port = (uint16_t)c;
        record.target = lookup_name(l, target);
    } else {
        record.address = scene_ip(text);
    }
    return record;
}

static inline struct query *lookup(struct lookups *l, double t, const char *question, ...) {
    struct arena *arena = &l->scene->arena;
    struct query *query = arena_new(arena, sizeof *query);
    struct fact_record *records = ARENA_ARRAY(arena, struct fact_record, LOOKUP_RECORDS);
    uint32_t *frames = ARENA_ARRAY(arena, uint32_t, 1);
    int64_t *times = ARENA_ARRAY(arena, int64_t, 1);
    const char *text;
    va_list args;

    frames[0] = ++l->scene->frame;
    times[0] = SCENE_AT(t);
    *query = (struct query){.name = lookup_name(l, strchr(question, ' ') + 1),
                            .type = lookup_type(question),
                            .frames = frames,
                            .times_ns = times,
                            .send_count = 1,
                            .t_ns = times[0],
                            .answer_frame = ++l->scene->frame,
                            .answer_t_ns = times[0] + 1000000,
                            .records = records};
    va_start(args, question);
    while ((text = va_arg(args, const char *)) != NULL) {
        if (strcmp(text, "?") == 0) {
            query->answer_frame = 0;
            query->rcode = -1;
        } else if (text[0] == '+') {
            char owner[256], data[64];
            assert_int_equal(sscanf(strchr(text, ' '), " %255s %63s", owner, data), 2);
            records[query->record_count] = lookup_record(l, lookup_type(text + 1), owner, data);
            records[query->record_count++].section = DNS_ADDITIONAL;
        } else {
            records[query->record_count++] = lookup_record(l, query->type, query->name, text);
            query->answer_count++;
        }
        assert_true(query->record_count < LOOKUP_RECORDS);
    }
    va_end(args);
    assert_true(l->n < LOOKUPS_MAX);
    if (query->type == DNS_SRV) {
        l->srv_answers[l->scene->story.srv_answer_count++] =
            (struct record_set){query->records, query->record_count};
        l->scene->story.srv_answers = l->srv_answers;
    }
    l->queries[l->n++] = query;
    l->scene->phone.queries = l->queries;
    l->scene->phone.query_count = l->n;
    return query;
}

/* The queries since the last one as a walk of this host, and of the account. */
static inline struct resolution *lookups_walk(struct lookups *l, const char *host) {
    struct resolution *walk = arena_new(&l->scene->arena, sizeof *walk);

    walk->host = lookup_name(l, host);
    walk->queries = l->queries + l->walked;
    walk->query_count = l->n - l->walked;
    walk->t_ns = walk->queries[0]->t_ns;
    walk->end_ns = l->queries[l->n - 1]->t_ns + 1000000;
    walk->outcome = RESOLUTION_RESOLVED;
    l->walked = l->n;
    l->walks[l->walk_count++] = walk;
    l->scene->account.resolutions = l->walks;
    l->scene->account.resolution_count = l->walk_count;
    l->scene->phone.resolutions = l->walks;
    l->scene->phone.resolution_count = l->walk_count;
    l->scene->account.host = walk->host;
    return walk;
}

/* The newest walk before each request. */
static inline void lookups_done(struct lookups *l) {
    for (size_t i = 0; i < l->scene->account.request_count; i++)
        for (size_t w = 0; w < l->walk_count; w++)
            if (l->walks[w]->t_ns <= l->scene->requests[i].t_ns)
                l->scene->requests[i].resolution = l->walks[w];
}

/* As scene_run, with what judge_story makes for all accounts; the result lives as long. */
static inline struct result lookups_run(struct lookups *l, const struct rule *rule) {
    static struct server_view view;
    struct scene *s = l->scene;
    struct record_index *records;
    struct result result;

    lookups_done(l);
    arena_clear(&s->judged);
    ARRAY_FINI(&s->judge.occurrences);
    records = record_index_new(&s->phone, s->expect, &s->judged);
    s->judge = (struct judge){.story = &s->story,
                              .phone = &s->phone,
                              .account = &s->account,
                              .expect = s->expect,
                              .view = &view,
                              .arena = &s->judged,
                              .records = records,
                              .details = true,
                              .pools = weight_pools_new(&s->story, s->expect, &s->judged)};
    server_view_build_with(&view, records, &s->account, s->expect, &s->judged);
    result = rule_run(rule, &s->judge);
    record_index_free(records);
    return result;
}

static inline void lookups_end(struct lookups *l) {
    intern_fini(&l->scene->strings);
    scene_end(l->scene);
}

#endif
