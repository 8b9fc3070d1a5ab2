/* The sends and final answers of an account's REGISTERs at two configured servers, in order of
 * time. */
#include "rules/checks/fallback_reading.h"

#include <stdlib.h>

enum { ACCOUNTS_SEEN = 64 }; /* a phone with more accounts has no second address of record */

struct reader {
    struct fallback_rounds *rounds;
    const struct fallback_sides *sides;
    struct fallback_step *steps;
    size_t n, capacity;
};

static bool registers(const struct request *request) {
    return request->method == SIP_REGISTER || request->method == SIP_UNKNOWN_METHOD;
}

static struct fallback_step *add_step(struct reader *reader, const struct fallback_step *step) {
    reader->steps[reader->n] = *step;
    return &reader->steps[reader->n++];
}

static void add_attempt(struct reader *reader, const struct request *request,
                        const struct attempt *attempt, unsigned side) {
    struct fallback_step step = {.side = side, .request = request, .attempt = attempt};

    for (step.index = 0; step.index < attempt->send_count; step.index++) {
        step.t_ns = attempt->send_list[step.index].t_ns;
        step.frame = attempt->send_list[step.index].frame;
        add_step(reader, &step);
    }
    for (step.index = 0; step.index < attempt->response_count; step.index++) {
        const struct response *response = &attempt->responses[step.index];
        if (response->status < 200 || response->repeated)
            continue;
        step.t_ns = response->t_ns;
        step.frame = response->frame;
        step.status = response->status;
        add_step(reader, &step);
    }
}

static void count_steps(struct reader *reader, const struct account *account) {
    for (size_t r = 0; r < account->request_count; r++)
        for (size_t a = 0;
             registers(&account->requests[r]) && a < account->requests[r].attempt_count; a++)
            reader->capacity += account->requests[r].attempts[a].send_count +
                                account->requests[r].attempts[a].response_count;
}

static void add_account(struct reader *reader, const struct account *account) {
    struct fallback_rounds *rounds = reader->rounds;
    bool own = account == reader->sides->judge->account;

    for (size_t r = 0; r < account->request_count; r++) {
        const struct request *request = &account->requests[r];
        if (!registers(request) || (request->has_reg_id && request->reg_id > 1))
            continue;
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            unsigned side = fallback_side_of(reader->sides, request, own, &attempt->server);
            if (side < FALLBACK_SIDES) {
                add_attempt(reader, request, attempt, side);
            } else if (own && request->method == SIP_REGISTER) {
                if (!rounds->strangers++)
                    rounds->first_stranger_ns = attempt->t_ns;
            }
        }
    }
}

/* sip:300@working.example and sip:300@192.0.2.9 of one phone: the user is the same, and each host
 * is a configured one. */
static bool is_second_name(const struct reader *reader, const struct account *other) {
    const struct account *own = reader->sides->judge->account;
    const struct server_expectation *entries = reader->sides->entries;
    struct sip_uri a, b;

    if (other == own || !other->aor || !own->aor || !other->registers ||
        !sip_uri_parse(slice_of_text(own->aor), &a) ||
        !sip_uri_parse(slice_of_text(other->aor), &b) || !a.user.len || !slice_eq(a.user, b.user))
        return false;
    return (sip_uri_has_host(own->aor, entries[0].host) &&
            sip_uri_has_host(other->aor, entries[1].host)) ||
           (sip_uri_has_host(own->aor, entries[1].host) &&
            sip_uri_has_host(other->aor, entries[0].host));
}

static void add_accounts(struct reader *reader) {
    const struct phone *phone = reader->sides->judge->phone;
    const struct account *second = NULL;

    for (size_t i = 0; phone->account_count <= ACCOUNTS_SEEN && i < phone->account_count; i++)
        if (!second && is_second_name(reader, &phone->accounts[i]))
            second = &phone->accounts[i];
    count_steps(reader, reader->sides->judge->account);
    if (second)
        count_steps(reader, second);
    reader->steps =
        ARENA_ARRAY(reader->sides->judge->arena, struct fallback_step, reader->capacity + 1);
    add_account(reader, reader->sides->judge->account);
    if (second)
        add_account(reader, second);
}

static int by_time(const void *a, const void *b) {
    const struct fallback_step *x = a, *y = b;

    if (x->t_ns != y->t_ns)
        return x->t_ns < y->t_ns ? -1 : 1;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

struct fallback_step *fallback_steps(struct fallback_rounds *rounds,
                                     const struct fallback_sides *sides, size_t *count) {
    struct reader reader = {.rounds = rounds, .sides = sides};

    add_accounts(&reader);
    array_sort(reader.steps, reader.n, sizeof *reader.steps, by_time);
    *count = reader.n;
    return reader.steps;
}
