/* A refresh that has begun, perhaps, but is held up on the way to its server. */
#include "rules/checks/refresh_find.h"

/* Was this still open at a moment: asked not long before, and not answered by then, by any
 * resolver?
 */
static bool is_pending(const struct resolution *resolution, const struct query *query,
                       int64_t t_ns) {
    int64_t last_ns = query->send_count ? query->times_ns[query->send_count - 1] : query->t_ns;

    if (query->t_ns > t_ns || last_ns + STORY_AFTER_SILENCE_NS < t_ns)
        return false;
    for (size_t i = 0; i < resolution->query_count && i < REFRESH_LOOKED_AT; i++) {
        const struct query *one = resolution->queries[i];
        if (one->type == query->type && one->name == query->name && one->answer_frame &&
            one->answer_t_ns <= t_ns)
            return false;
    }
    return true;
}

/* A lookup for the account that nobody has answered: the refresh has begun, but knows not where to
 * go. */
static bool lookup_pending(const struct refresher *refresher, const struct lifetime *life,
                           int64_t t_ns) {
    const struct account *account = refresher->judge->account;
    size_t low = 0, high = account->resolution_count;

    while (low < high) { /* the first that begins after t */
        size_t middle = low + (high - low) / 2;
        if (account->resolutions[middle]->t_ns <= t_ns)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t seen = 0; low-- > 0 && seen < REFRESH_LOOKED_AT; seen++) {
        const struct resolution *resolution = account->resolutions[low];
        if (resolution->t_ns < life->at->t_ns)
            break;
        for (size_t i = 0; i < resolution->query_count && i < REFRESH_LOOKED_AT; i++)
            if (is_pending(resolution, resolution->queries[i], t_ns))
                return true;
    }
    return false;
}

/* A connection that nobody took, for what is not known. */
static bool connection_pending(const struct refresher *refresher, const struct lifetime *life,
                               int64_t t_ns) {
    const struct account *account = refresher->judge->account;
    size_t at = life->at->request + 1;
    size_t low = account_requests_until(account, t_ns);

    for (size_t seen = 0; low-- > at && seen < REFRESH_LOOKED_AT; seen++) {
        const struct request *request = &account->requests[low];
        if (request->t_ns < life->at->t_ns || request->t_ns + STORY_AFTER_SILENCE_NS < t_ns)
            break;
        if (request->method == SIP_UNKNOWN_METHOD && request->outcome != OUTCOME_ANSWERED)
            return true;
    }
    return false;
}

bool refresh_held_up(const struct refresher *refresher, const struct lifetime *life, int64_t t_ns) {
    return lookup_pending(refresher, life, t_ns) || connection_pending(refresher, life, t_ns);
}
