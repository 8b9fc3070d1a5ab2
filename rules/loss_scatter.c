/* Places are apart by more than a second: what is lost together is one place.
 *
 *     signs    |--|  ||       |---|               |        3 places, from the first to the last
 */
#include "rules/loss_scatter.h"

#include <stdlib.h>

#define APART_NS ((int64_t)1000000000)

enum { PLACES_MIN = 3, SHARE = 20 };

static bool is_fact(enum loss_kind kind) {
    return kind == LOSS_TCP_GAP || kind == LOSS_ANSWER_ONLY || kind == LOSS_RESPONSE_ONLY ||
           kind == LOSS_ACK_ONLY || kind == LOSS_HOLE || kind == LOSS_FRAGMENTS ||
           kind == LOSS_CHALLENGE;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* What the capture has of the phone: its questions and requests. */
static size_t shown(const struct phone *phone) {
    size_t n = phone->query_count;

    for (size_t a = 0; a < phone->account_count; a++)
        for (size_t r = 0; r < phone->accounts[a].request_count; r++)
            n += phone->accounts[a].requests[r].attempt_count;
    return n;
}

struct loss_scatter loss_scatter_of(const struct phone *phone) {
    struct loss_scatter scatter = {0};
    int64_t *times = NULL;
    size_t n = 0, places = 0;

    if (phone->loss_count < PLACES_MIN)
        return scatter;
    times = memory_new(phone->loss_count * sizeof *times);
    for (size_t i = 0; i < phone->loss_count; i++)
        if (is_fact(phone->losses[i].kind))
            times[n++] = phone->losses[i].to_ns;
    qsort(times, n, sizeof *times, compare);
    for (size_t i = 0; i < n; i++)
        places += !i || times[i] - times[i - 1] > APART_NS;
    if (places >= PLACES_MIN && places * SHARE >= shown(phone))
        scatter = (struct loss_scatter){true, times[0], times[n - 1]};
    free(times);
    return scatter;
}
