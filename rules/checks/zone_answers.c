/* SRV answers in the walks of the account's own host. */
#include "rules/checks/zone_answers.h"

#include <stdlib.h>
#include <string.h>

#include "rules/account_walks.h"

enum { RCODE_NXDOMAIN = 3 };

/* Names are interned: equal names are one pointer. The order of pointers never shows. */
static int compare_names(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;

    return (*x > *y) - (*x < *y);
}

static int compare_answers(const void *a, const void *b) {
    const struct zone_answer *x = a, *y = b;

    return (x->query->answer_t_ns > y->query->answer_t_ns) -
           (x->query->answer_t_ns < y->query->answer_t_ns);
}

static bool says_something(const struct query *query) {
    return query->type == DNS_SRV && query->answer_frame &&
           (query->rcode == 0 || query->rcode == RCODE_NXDOMAIN);
}

static void fill(const struct judge *judge, struct zone_answer *answer, const struct query *query) {
    const struct fact_record **records =
        ARENA_ARRAY(judge->arena, const struct fact_record *, query->record_count + 1);

    *answer = (struct zone_answer){.query = query, .records = records, .until_ns = INT64_MAX};
    for (size_t i = 0; i < query->record_count; i++)
        if (query->records[i].type == DNS_SRV && query->records[i].section == DNS_ANSWER)
            records[answer->n++] = &query->records[i];
    answer->no_service = answer->n == 1 && strcmp(records[0]->target, ".") == 0;
    answer->partial = query->truncated || query->cut;
}

/* Names that must have records: NAPTR answers lead there, or they had some once. */
static const char **owed_names(const struct judge *judge, const struct resolution_list *walks,
                               const struct zone_answer *answers, size_t n, size_t *count) {
    size_t room = n + 1;

    for (size_t i = 0; i < walks->n; i++)
        for (size_t q = 0; q < walks->items[i]->query_count; q++)
            room += walks->items[i]->queries[q]->record_count;
    const char **names = ARENA_ARRAY(judge->arena, const char *, room);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (answers[i].n && !answers[i].no_service)
            names[(*count)++] = answers[i].query->name;
    for (size_t i = 0; i < walks->n; i++)
        for (size_t q = 0; q < walks->items[i]->query_count; q++)
            for (size_t r = 0; r < walks->items[i]->queries[q]->record_count; r++) {
                const struct fact_record *record = &walks->items[i]->queries[q]->records[r];
                if (record->type == DNS_NAPTR && strcmp(record->flags, "s") == 0)
                    names[(*count)++] = record->target;
            }
    qsort(names, *count, sizeof *names, compare_names);
    return names;
}

/* Answers for one name, the newest last: each ends the one before it. */
static void note_ends(const struct judge *judge, struct zone_answer *answers, size_t n) {
    const char **names = ARENA_ARRAY(judge->arena, const char *, n + 1);
    int64_t *next = ARENA_ARRAY(judge->arena, int64_t, n + 1);
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        names[i] = answers[i].query->name;
    qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n; i++)
        if (!i || names[i] != names[i - 1])
            names[count++] = names[i];
    for (size_t i = 0; i < count; i++)
        next[i] = INT64_MAX;
    for (size_t i = n; i-- > 0;) {
        const char **at =
            bsearch(&answers[i].query->name, names, count, sizeof *names, compare_names);
        if (!at)
            continue;
        answers[i].until_ns = next[at - names];
        next[at - names] = answers[i].query->answer_t_ns;
    }
}

struct zone_answers zone_answers(const struct judge *judge) {
    struct resolution_list walks = account_walks(judge);
    struct zone_answer *answers;
    size_t n = 0, count;

    for (size_t i = 0; i < walks.n; i++)
        for (size_t q = 0; q < walks.items[i]->query_count; q++)
            n += says_something(walks.items[i]->queries[q]);
    answers = ARENA_ARRAY(judge->arena, struct zone_answer, n + 1);
    n = 0;
    for (size_t i = 0; i < walks.n; i++)
        for (size_t q = 0; q < walks.items[i]->query_count; q++)
            if (says_something(walks.items[i]->queries[q]))
                fill(judge, &answers[n++], walks.items[i]->queries[q]);
    array_sort(answers, n, sizeof *answers, compare_answers);
    const char **owed = owed_names(judge, &walks, answers, n, &count);
    for (size_t i = 0; i < n; i++)
        answers[i].owed =
            bsearch(&answers[i].query->name, owed, count, sizeof *owed, compare_names) != NULL;
    note_ends(judge, answers, n);
    return (struct zone_answers){answers, n};
}

void zone_answer_frames(struct judge *judge, struct occurrence *occurrence,
                        const struct zone_answer *answer) {
    for (size_t i = 0; i < answer->query->send_count; i++)
        judge_frame(judge, occurrence, answer->query->frames[i]);
    judge_frame(judge, occurrence, answer->query->answer_frame);
}
