/* NAPTR answers flattened: lowest order first, then lowest preference; a record with an empty flag
 * is replaced by the services of the NAPTR answer that it leads to. */
#include "rules/naptr_services.h"

#include <string.h>

enum { DEPTH_MAX = 4 };

enum lookup_state lookup_state(struct record_index *index, const char *name, uint16_t type,
                               int64_t t_ns, struct lookup_answer *answer) {
    struct record_moment moment = {index, t_ns, t_ns, INT64_MAX};
    struct lookup_answer found;

    if (record_lookup(&moment, name, type, &found)) {
        if (answer)
            *answer = found;
        return found.count ? LOOKUP_POSITIVE : LOOKUP_EMPTY;
    }
    return record_index_asked(index, name, type) <= t_ns ? LOOKUP_FAILED : LOOKUP_UNKNOWN;
}

enum lookup_state lookup_addresses(struct record_index *index, const char *name, int64_t t_ns) {
    struct ip_addr ip;

    if (ip_parse(slice_of_text(name), &ip))
        return LOOKUP_POSITIVE;
    enum lookup_state a = lookup_state(index, name, DNS_A, t_ns, NULL);
    enum lookup_state aaaa = lookup_state(index, name, DNS_AAAA, t_ns, NULL);
    return a > aaaa ? a : aaaa;
}

static bool is_before(const struct fact_record *a, const struct fact_record *b) {
    return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

/* The records of one answer, sorted into *sorted; false: there is none. */
static size_t sorted_records(struct record_index *index, const char *host, int64_t t_ns,
                             const struct fact_record *sorted[NAPTR_SERVICES_MAX]) {
    struct lookup_answer answer;
    size_t n = 0;

    if (lookup_state(index, host, DNS_NAPTR, t_ns, &answer) != LOOKUP_POSITIVE)
        return 0;
    for (size_t i = 0; i < answer.count && n < NAPTR_SERVICES_MAX; i++) {
        size_t at = n++;
        for (; at && is_before(answer.records[i], sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = answer.records[i];
    }
    return n;
}

static void add_service(const struct fact_record *record, const bool supported[TRANSPORT_COUNT],
                        struct naptr_services *services) {
    struct naptr_service service = {.target = record->target,
                                    .order = record->order,
                                    .preference = record->preference,
                                    .terminal_a = strcmp(record->flags, "a") == 0};

    if ((!service.terminal_a && strcmp(record->flags, "s") != 0) ||
        !rank_service_transport(record->service, &service.transport) ||
        !supported[service.transport])
        services->passed_over++;
    else if (services->n < NAPTR_SERVICES_MAX)
        services->items[services->n++] = service;
}

static void add_answer(struct record_index *index, const char *host, int64_t t_ns,
                       const bool supported[TRANSPORT_COUNT], struct naptr_services *services) {
    struct {
        const struct fact_record *records[NAPTR_SERVICES_MAX];
        size_t n, next;
    } stack[DEPTH_MAX];
    size_t depth = 0;

    stack[0].n = sorted_records(index, host, t_ns, stack[0].records);
    stack[0].next = 0;
    for (;;) {
        if (stack[depth].next == stack[depth].n) {
            if (!depth)
                return;
            depth--;
            continue;
        }
        const struct fact_record *record = stack[depth].records[stack[depth].next++];
        if (record->flags[0]) {
            add_service(record, supported, services);
        } else if (lookup_state(index, record->target, DNS_NAPTR, t_ns, NULL) == LOOKUP_UNKNOWN) {
            services->unfollowed = record->target;
        } else if (depth + 1 < DEPTH_MAX) {
            depth++;
            stack[depth].n = sorted_records(index, record->target, t_ns, stack[depth].records);
            stack[depth].next = 0;
        }
    }
}

void naptr_services(struct record_index *index, const char *host, int64_t t_ns,
                    const bool supported[TRANSPORT_COUNT], struct naptr_services *services) {
    *services = (struct naptr_services){.n = 0};
    add_answer(index, host, t_ns, supported, services);
}

bool naptr_service_equal(const struct naptr_service *a, const struct naptr_service *b) {
    return a->order == b->order && a->preference == b->preference;
}
