/* Sends that the capture lacks, by the times of the others. */
#include "rules/checks/retry_losses.h"

/* Timers do not drift: a twentieth is enough. */
static bool exactly(int64_t gap_ns, int64_t expected_ns) {
    int64_t off = gap_ns > expected_ns ? gap_ns - expected_ns : expected_ns - gap_ns;

    return off <= expected_ns / 20;
}

bool retry_is_part_of(const struct attempt *part, int64_t part_ns, const struct attempt *whole,
                      int64_t whole_ns) {
    for (size_t i = 0; i < part->send_count; i++) {
        int64_t before_ns = part_ns - part->send_list[i].t_ns;
        bool found = false;
        for (size_t k = 0; k < whole->send_count && !found; k++)
            found = exactly(whole_ns - whole->send_list[k].t_ns, before_ns);
        if (!found)
            return false;
    }
    return true;
}

/* From the first send of an attempt to its repetition; 0: there is none. */
static int64_t first_gap(const struct attempt *attempt) {
    const struct send *sends = attempt->send_list;

    if (attempt->send_count < 2 || sends[0].connect || sends[1].connect ||
        sends[0].transaction != sends[1].transaction)
        return 0;
    return sends[1].t_ns - sends[0].t_ns;
}

/* Does another attempt of the account begin with a gap like this one? Then it is its T1: the first
 * send is not missing each time. */
static bool begins_so_elsewhere(const struct account *account, const struct attempt *attempt) {
    enum { REQUESTS_SEEN = 512 };

    for (size_t r = 0; r < account->request_count && r < REQUESTS_SEEN; r++)
        for (size_t a = 0; a < account->requests[r].attempt_count; a++) {
            const struct attempt *other = &account->requests[r].attempts[a];
            if (other->t_ns != attempt->t_ns && !transport_is_reliable(other->server.transport) &&
                exactly(first_gap(other), first_gap(attempt)))
                return true;
        }
    return false;
}

bool retry_begins_late(const struct account *account, const struct attempt *attempt,
                       int64_t t1_ns) {
    return attempt->transactions == 1 && exactly(first_gap(attempt), 2 * t1_ns) &&
           !begins_so_elsewhere(account, attempt);
}
