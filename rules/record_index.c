/* A table from (name, type) to answers in order of time:
 *
 *     _sip._udp.example.com SRV ─ t=0.1: 2 records ─ t=3600.2: none ─ …
 *     sip1.example.com A        ─ t=0.2: 1 record
 *
 * Records of an additional section, and those of dns.static and dns.known, are answers of their
 * own, asked after (dns.static with `prefer`: before) what the phone was told when it asked. */
#include "rules/record_index.h"

#include <stdlib.h>
#include <string.h>

enum source_kind { ASKED, ADDITIONAL, STATIC, KNOWN, SOURCE_COUNT };
enum { CNAME_DEPTH = 8, RECENT = 64 };

struct answer {
    int64_t t_ns;
    int64_t until_ns; /* when one that tells something else comes; INT64_MAX: never */
    const struct fact_record **records;
    size_t count;
    const char *alias; /* no record of the type, but a CNAME to go on with */
};

struct answers {
    const char *name; /* of index->names */
    uint16_t type;
    int64_t asked_ns;
    ARRAY_OF(struct answer) of[SOURCE_COUNT];
};

/* Where a name was found, by where it stands: callers ask with the same few pointers again and
 * again, and a name that they hold stays as it is while the index lives. */
struct recent {
    const char *text;
    uint16_t type;
    struct answers *answers; /* NULL: the index has nothing of it */
};

struct record_index {
    struct intern names;
    struct arena *arena;
    const struct expectations *expect;
    struct answers **slots; /* open addressing; a power of two */
    size_t n, cap;
    struct recent recent[RECENT];
};

static size_t slot_of(const struct record_index *index, const char *name, uint16_t type) {
    uintptr_t at = (uintptr_t)name;
    size_t slot = (size_t)hash_bytes(&at, sizeof at, type) & (index->cap - 1);

    while (index->slots[slot] &&
           (index->slots[slot]->name != name || index->slots[slot]->type != type))
        slot = (slot + 1) & (index->cap - 1);
    return slot;
}

static void grow(struct record_index *index) {
    struct answers **old = index->slots;
    size_t old_cap = index->cap;

    index->cap = old_cap ? old_cap * 2 : 64;
    index->slots = memory_new_zeroed(index->cap, sizeof *index->slots);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i])
            index->slots[slot_of(index, old[i]->name, old[i]->type)] = old[i];
    free(old);
}

static struct recent *recent_of(struct record_index *index, const char *text, uint16_t type) {
    uintptr_t at = (uintptr_t)text;

    return &index->recent[(at >> 4 ^ at >> 11 ^ type) % RECENT];
}

static struct answers *answers_of(struct record_index *index, const char *name, uint16_t type) {
    struct recent *recent = recent_of(index, name, type);

    if (recent->text == name && recent->type == type)
        return recent->answers;
    const char *text = name;
    if (index->n * 4 >= index->cap * 3)
        grow(index);
    name = intern_text(&index->names, slice_of_text(name));
    size_t slot = slot_of(index, name, type);
    if (!index->slots[slot]) {
        struct answers *new = arena_new(index->arena, sizeof *new);
        new->name = name;
        new->type = type;
        new->asked_ns = INT64_MAX;
        index->slots[slot] = new;
        index->n++;
    }
    *recent = (struct recent){text, type, index->slots[slot]};
    return index->slots[slot];
}

/* Put an answer where its time belongs: answers mostly come in the order of their questions. */
static struct answer *add_answer(struct answers *answers, enum source_kind kind, int64_t t_ns) {
    size_t at;

    (void)ARRAY_PUSH(&answers->of[kind]);
    for (at = answers->of[kind].n - 1; at && answers->of[kind].items[at - 1].t_ns > t_ns; at--)
        answers->of[kind].items[at] = answers->of[kind].items[at - 1];
    answers->of[kind].items[at] = (struct answer){.t_ns = t_ns};
    return &answers->of[kind].items[at];
}

static bool is_kept(uint16_t type) {
    return type == DNS_A || type == DNS_AAAA || type == DNS_SRV || type == DNS_NAPTR;
}

/* The records of the answer section, whatever their owner: those of an alias's target too. */
static void add_asked(struct record_index *index, const struct query *query) {
    struct answer *answer =
        add_answer(answers_of(index, query->name, query->type), ASKED, query->answer_t_ns);

    answer->records = ARENA_ARRAY(index->arena, const struct fact_record *, query->record_count);
    for (size_t i = 0; i < query->record_count; i++) {
        const struct fact_record *record = &query->records[i];
        if (record->section != DNS_ANSWER)
            continue;
        if (record->type == query->type)
            answer->records[answer->count++] = record;
        else if (record->type == DNS_CNAME)
            answer->alias = record->target;
    }
}

static bool tells_the_same(const struct answer *a, const struct answer *b) {
    return a->count == b->count && a->alias == b->alias &&
           (!a->count || memcmp(a->records, b->records, a->count * sizeof *a->records) == 0);
}

/* Equal answers share their records: what follows from one follows from all in a row. */
static void note_changes(struct answers *answers) {
    for (int kind = 0; kind < SOURCE_COUNT; kind++) {
        struct answer *items = answers->of[kind].items;
        for (size_t i = answers->of[kind].n; i-- > 0;) {
            bool last = i + 1 == answers->of[kind].n;
            items[i].until_ns = last                                       ? INT64_MAX
                                : tells_the_same(&items[i], &items[i + 1]) ? items[i + 1].until_ns
                                                                           : items[i + 1].t_ns;
        }
    }
}

/* Records that stand beside an answer, or in a profile: grouped by owner and type. */
static void add_record(struct record_index *index, const struct fact_record *record,
                       enum source_kind kind, int64_t t_ns) {
    struct answers *answers = answers_of(index, record->name, record->type);
    size_t n = answers->of[kind].n;
    struct answer *answer = n ? &answers->of[kind].items[n - 1] : NULL;
    const struct fact_record **grown;

    if (!answer || answer->t_ns != t_ns)
        answer = add_answer(answers, kind, t_ns);
    if (!(answer->count & (answer->count - 1))) { /* 0, 1, 2, 4 …: full */
        size_t room = answer->count ? answer->count * 2 : 1;
        grown = ARENA_ARRAY(index->arena, const struct fact_record *, room);
        if (answer->count)
            memcpy(grown, answer->records, answer->count * sizeof *grown);
        answer->records = grown;
    }
    answer->records[answer->count++] = record;
}

static void add_query(struct record_index *index, const struct query *query) {
    struct answers *answers;

    if (!is_kept(query->type))
        return;
    answers = answers_of(index, query->name, query->type);
    if (query->t_ns < answers->asked_ns)
        answers->asked_ns = query->t_ns;
    /* NOERROR and NXDOMAIN tell something; SERVFAIL and silence leave things as they were. */
    if (query->rcode != 0 && query->rcode != 3)
        return;
    add_asked(index, query);
    if (index->expect->dns.additional == DNS_ADDITIONAL_IGNORE)
        return;
    for (size_t i = 0; i < query->record_count; i++)
        if (query->records[i].section == DNS_ADDITIONAL && is_kept(query->records[i].type))
            add_record(index, &query->records[i], ADDITIONAL, query->answer_t_ns);
}

struct record_index *record_index_new(const struct phone *phone, const struct expectations *expect,
                                      struct arena *arena) {
    struct record_index *index = arena_new(arena, sizeof *index);
    const struct record_list *known = &expect->dns.known_records;
    const struct record_list *statics = &expect->dns.static_records;

    index->arena = arena;
    index->expect = expect;
    for (size_t i = 0; i < phone->query_count; i++)
        add_query(index, phone->queries[i]);
    for (size_t i = 0; i < statics->n; i++)
        add_record(index, &statics->items[i], STATIC, INT64_MIN);
    for (size_t i = 0; i < known->n; i++)
        add_record(index, &known->items[i], KNOWN, INT64_MIN);
    for (size_t i = 0; i < index->cap; i++)
        if (index->slots[i])
            note_changes(index->slots[i]);
    return index;
}

void record_index_free(struct record_index *index) {
    for (size_t i = 0; i < index->cap; i++)
        for (int k = 0; index->slots[i] && k < SOURCE_COUNT; k++)
            ARRAY_FINI(&index->slots[i]->of[k]);
    free(index->slots);
    intern_fini(&index->names);
}

struct intern *record_index_names(struct record_index *index) {
    return &index->names;
}

static const struct answers *find(struct record_index *index, const char *name, uint16_t type) {
    struct recent *recent = recent_of(index, name, type);

    if (!index->cap)
        return NULL;
    if (recent->text != name || recent->type != type) {
        size_t slot = slot_of(index, intern_text(&index->names, slice_of_text(name)), type);
        *recent = (struct recent){name, type, index->slots[slot]};
    }
    return recent->answers;
}

int64_t record_index_asked(struct record_index *index, const char *name, uint16_t type) {
    const struct answers *answers = find(index, name, type);

    return answers ? answers->asked_ns : INT64_MAX;
}

bool record_index_asked_srv(struct record_index *index, const char *host, int64_t until_ns) {
    for (int t = 0; t < TRANSPORT_COUNT; t++)
        if (record_index_asked(index, rank_srv_name(&index->names, (enum transport)t, host),
                               DNS_SRV) <= until_ns)
            return true;
    return false;
}

/* The newest answer by t_ns, else the first one by end_ns; NULL: neither. */
static const struct answer *answer_at(const struct answers *answers, enum source_kind kind,
                                      struct record_moment *moment) {
    const struct answer *items = answers->of[kind].items;
    size_t n = answers->of[kind].n, low = 0, high = n;

    while (low < high) { /* the first after t_ns */
        size_t middle = low + (high - low) / 2;
        if (items[middle].t_ns <= moment->t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    const struct answer *first = low < n ? &items[low] : NULL;
    if (low && items[low - 1].until_ns < moment->until_ns)
        moment->until_ns = items[low - 1].until_ns;
    else if (!low && first && first->t_ns < moment->until_ns)
        moment->until_ns = first->t_ns;
    if (low)
        return &items[low - 1];
    return first && first->t_ns <= moment->end_ns ? first : NULL;
}

/* In which order the sources are asked; a later one serves where those before it are not known, a
 * static one also where the server's answer is empty. */
static const struct answer *best_answer(const struct answers *answers,
                                        struct record_moment *moment) {
    const struct answer *asked = answer_at(answers, ASKED, moment);
    const struct answer *held = answer_at(answers, STATIC, moment);
    const struct answer *other;

    if (held &&
        (moment->index->expect->dns.static_prefer || (asked && !asked->count && !asked->alias)))
        return held;
    if (asked)
        return asked;
    other = answer_at(answers, ADDITIONAL, moment);
    if (!other)
        other = answer_at(answers, KNOWN, moment);
    return other ? other : held;
}

bool record_lookup(void *context, const char *name, uint16_t type, struct lookup_answer *answer) {
    struct record_moment *moment = context;

    for (int depth = 0; depth < CNAME_DEPTH; depth++) {
        const struct answers *answers = find(moment->index, name, type);
        const struct answer *best = answers ? best_answer(answers, moment) : NULL;
        if (!best)
            return false;
        if (!best->count && best->alias) {
            name = best->alias;
            continue;
        }
        *answer = (struct lookup_answer){
            .records = best->records, .count = best->count, .got_ns = best->t_ns};
        return true;
    }
    return false;
}
