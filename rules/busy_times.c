/* Calls and pending INVITEs of a phone as intervals, sorted by their beginning, each with the
 * longest of those that began no later: one search tells what is up at a moment.
 *
 *     from      longest so far
 *     ├────┤         1
 *       ├──────────┤ 2
 *            ├─┤     2 */
#include "rules/busy_times.h"

#include <string.h>

struct busy_times {
    struct busy_time *items;
    size_t *longest; /* for each: index of the one up to here with the latest end */
    size_t n;
};

/* Calls that the story tells, by Call-ID, to know the BYEs of calls that began before it. */
struct call_ids {
    const char **items;
    size_t n;
};

static int by_beginning(const void *a, const void *b) {
    const struct busy_time *x = a, *y = b;

    if (x->from_ns != y->from_ns)
        return x->from_ns < y->from_ns ? -1 : 1;
    return (x->to_ns > y->to_ns) - (x->to_ns < y->to_ns);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A restart ends every call. */
static int64_t cut_by_restart(const struct phone *phone, int64_t from_ns, int64_t to_ns) {
    size_t low = 0, high = phone->restart_count;

    while (low < high) { /* the first restart after from */
        size_t middle = low + (high - low) / 2;
        if (phone->restarts_ns[middle] <= from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < phone->restart_count && phone->restarts_ns[low] < to_ns ? phone->restarts_ns[low]
                                                                         : to_ns;
}

static void add(struct busy_times *busy, const struct phone *phone, int64_t from_ns, int64_t to_ns,
                const uint32_t *frames, size_t frame_count) {
    if (to_ns > from_ns)
        busy->items[busy->n++] =
            (struct busy_time){from_ns, cut_by_restart(phone, from_ns, to_ns), frames, frame_count};
}

static void add_calls(struct busy_times *busy, const struct phone *phone,
                      const struct account *account, struct call_ids *ids) {
    for (size_t i = 0; i < account->event_count; i++) {
        const struct event *event = &account->events[i];
        if (event->kind != EVENT_CALL)
            continue;
        add(busy, phone, event->t_ns, event->end_ns ? event->end_ns : INT64_MAX, event->frames,
            event->frame_count);
        if (event->call_id)
            ids->items[ids->n++] = event->call_id;
    }
}

static bool is_told(const struct call_ids *ids, const char *call_id) {
    size_t low = 0, high = ids->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(ids->items[middle], call_id);
        if (!order)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* INVITEs while they are pending, and BYEs of calls whose beginning was not seen. */
static void add_requests(struct busy_times *busy, const struct phone *phone,
                         const struct account *account, const struct call_ids *ids) {
    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        if (!request->attempt_count || !request->attempts[0].send_count)
            continue;
        const uint32_t *frame = &request->attempts[0].send_list[0].frame;
        if (request->method == SIP_INVITE && !request->in_dialog)
            add(busy, phone, request->t_ns, request->end_ns, frame, 1);
        else if (request->method == SIP_BYE && request->call_id && !is_told(ids, request->call_id))
            add(busy, phone, phone->first_ns, request->t_ns, frame, 1);
    }
}

struct busy_times *busy_times_new(const struct phone *phone, struct arena *arena) {
    struct busy_times *busy = arena_new(arena, sizeof *busy);
    struct call_ids ids = {.n = 0};
    size_t calls = 0, requests = 0;

    for (size_t a = 0; a < phone->account_count; a++) {
        for (size_t i = 0; i < phone->accounts[a].event_count; i++)
            calls += phone->accounts[a].events[i].kind == EVENT_CALL;
        for (size_t i = 0; i < phone->accounts[a].request_count; i++) {
            enum sip_method method = phone->accounts[a].requests[i].method;
            requests += method == SIP_INVITE || method == SIP_BYE;
        }
    }
    busy->items = ARENA_ARRAY(arena, struct busy_time, calls + requests + 1);
    busy->longest = ARENA_ARRAY(arena, size_t, calls + requests + 1);
    ids.items = ARENA_ARRAY(arena, const char *, calls + 1);
    for (size_t a = 0; a < phone->account_count; a++)
        add_calls(busy, phone, &phone->accounts[a], &ids);
    array_sort(ids.items, ids.n, sizeof *ids.items, by_text);
    for (size_t a = 0; a < phone->account_count; a++)
        add_requests(busy, phone, &phone->accounts[a], &ids);
    array_sort(busy->items, busy->n, sizeof *busy->items, by_beginning);
    for (size_t i = 0; i < busy->n; i++) {
        size_t before = i ? busy->longest[i - 1] : i;
        busy->longest[i] = busy->items[before].to_ns > busy->items[i].to_ns ? before : i;
    }
    return busy;
}

const struct busy_times *busy_times_of(const struct judge *judge) {
    struct busy_cache *cache = judge->busy;

    if (!cache)
        return busy_times_new(judge->phone, judge->arena);
    if (!cache->times)
        cache->times = busy_times_new(judge->phone, cache->arena);
    return cache->times;
}

/* The one with the latest end among those that began before t; NULL: none. */
static const struct busy_time *longest_before(const struct busy_times *busy, int64_t t_ns) {
    size_t low = 0, high = busy->n;

    while (low < high) { /* the first that is not before t */
        size_t middle = low + (high - low) / 2;
        if (busy->items[middle].from_ns < t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &busy->items[busy->longest[low - 1]] : NULL;
}

const struct busy_time *busy_times_at(const struct busy_times *busy, int64_t t_ns) {
    const struct busy_time *longest = longest_before(busy, t_ns);

    return longest && longest->to_ns > t_ns ? longest : NULL;
}

int64_t busy_times_idle_since(const struct busy_times *busy, int64_t t_ns) {
    const struct busy_time *longest = longest_before(busy, t_ns);

    return longest ? longest->to_ns : INT64_MIN;
}
