/* The timeline: one order of time, and what repeats itself is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/timeline.h"

enum { ROUNDS = 20, MINUTE = 60 };

static int64_t seconds(int n) {
    return (int64_t)n * 1000000000;
}

/* An account that renews its registration each minute: REGISTER 401, REGISTER 200, registered. */
struct renewals {
    struct attempt attempts[ROUNDS][2];
    struct send sends[ROUNDS][2];
    struct request requests[ROUNDS];
    struct event events[ROUNDS];
    struct account account;
    struct phone phone; /* of which the timelines need the connections alone */
};

static struct renewals *renewals_new(void) {
    struct renewals *all = calloc(1, sizeof *all);

    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 2; k++) {
            all->sends[i][k] = (struct send){.frame = (uint32_t)(10 * i + k + 1)};
            all->attempts[i][k] = (struct attempt){.outcome = OUTCOME_ANSWERED,
                                                   .final_status = k ? 200 : 401,
                                                   .tries = 1,
                                                   .t_ns = seconds(MINUTE * i + k),
                                                   .send_list = &all->sends[i][k],
                                                   .send_count = 1};
        }
        all->requests[i] = (struct request){
            .method_text = "REGISTER", .attempts = all->attempts[i], .attempt_count = 2};
        all->events[i] = (struct event){
            .kind = EVENT_REGISTERED, .t_ns = seconds(MINUTE * i + 2), .request = SIZE_MAX};
    }
    all->account = (struct account){.requests = all->requests,
                                    .request_count = ROUNDS,
                                    .events = all->events,
                                    .event_count = ROUNDS};
    return all;
}

static void moments_are_in_order_of_time(void **state) {
    struct renewals *all = renewals_new();
    struct timeline timeline;

    (void)state;
    timeline_build(&timeline, &all->phone, &all->account);
    assert_int_equal(timeline.moments.n, 3 * ROUNDS);
    for (size_t i = 1; i < timeline.moments.n; i++)
        assert_true(timeline.moments.items[i - 1].t_ns <= timeline.moments.items[i].t_ns);
    assert_int_equal(timeline.moments.items[1].frame, 2);
    timeline_fini(&timeline);
    free(all);
}

static void what_repeats_is_seen(void **state) {
    struct renewals *all = renewals_new();
    struct timeline timeline;
    size_t period;

    (void)state;
    timeline_build(&timeline, &all->phone, &all->account);
    assert_int_equal(timeline_repeats(&timeline, 0, &period), ROUNDS);
    assert_int_equal(period, 3);
    timeline_fini(&timeline);

    /* In round 7 the second answer is another: seven rounds are alike before, twelve after. */
    all->attempts[7][1].final_status = 503;
    timeline_build(&timeline, &all->phone, &all->account);
    assert_int_equal(timeline_repeats(&timeline, 0, &period), 7);
    assert_int_equal(timeline_repeats(&timeline, 7 * 3 + 3, &period), 12);
    timeline_fini(&timeline);
    free(all);
}

/* lookup REGISTER REGISTER registered, the first lookup another than those that follow: the rounds
 * that are told once begin with a lookup, not with the first REGISTER. */
static void a_round_begins_at_a_lookup(void **state) {
    struct renewals *all = renewals_new();
    struct resolution lookups[ROUNDS] = {0};
    struct resolution *list[ROUNDS];
    struct timeline timeline;
    size_t period;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        lookups[i] = (struct resolution){.host = i ? "b.example" : "a.example",
                                         .t_ns = seconds(MINUTE * i) - 1};
        list[i] = &lookups[i];
    }
    all->account.resolutions = list;
    all->account.resolution_count = ROUNDS;
    timeline_build(&timeline, &all->phone, &all->account);
    for (size_t at = 0; at < 4; at++)
        assert_int_equal(timeline_repeats(&timeline, at, &period), 1);
    assert_int_equal(timeline_repeats(&timeline, 4, &period), ROUNDS - 1);
    assert_int_equal(period, 4);
    timeline_fini(&timeline);
    free(all);
}

static void a_move_is_told_before_where_it_leads(void **state) {
    struct renewals *all = renewals_new();
    struct timeline timeline;

    (void)state;
    all->account.request_count = all->account.event_count = 1;
    all->events[0] = (struct event){
        .kind = EVENT_FAILOVER, .t_ns = all->attempts[0][1].t_ns, .request = 0, .attempt = 1};
    timeline_build(&timeline, &all->phone, &all->account);
    assert_int_equal(timeline.moments.items[1].kind, MOMENT_EVENT);
    assert_int_equal(timeline.moments.items[1].frame, 2); /* of the attempt that it leads to */
    assert_int_equal(timeline.moments.items[2].kind, MOMENT_ATTEMPT);
    timeline_fini(&timeline);
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_in_order_of_time),
        cmocka_unit_test(what_repeats_is_seen),
        cmocka_unit_test(a_round_begins_at_a_lookup),
        cmocka_unit_test(a_move_is_told_before_where_it_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
