/* A report: one output's view of what was found. Each is told the same things in the same order and
 * judges nothing. A new output is a file that fills in a struct report.
 *
 *   capture, phone, (account, ...) ..., phone_end, ..., capture_end, ..., end
 *
 * A capture is told phone by phone and account by account: `check` tells an account with its
 * judgement, `show` without.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/sink.h"
#include "phone/story.h"
#include "rules/rule.h"

/* Any but `end` may be NULL. */
struct report {
    void *context;
    void (*capture)(void *context, const struct story *story);
    void (*phone)(void *context, const struct phone *phone);
    /* judgement NULL: nothing is judged */
    void (*account)(void *context, const struct phone *phone, const struct account *account,
                    const struct judgement *judgement);
    void (*phone_end)(void *context, const struct phone *phone);
    /* reason REASON_NO_PHONE where the capture has none that was asked for, else REASON_NONE */
    void (*capture_end)(void *context, enum verdict verdict, enum reason reason);
    /* Everything was told: write what is left, free the context. false: nothing more could be
     * written; errno says why. */
    bool (*end)(void *context, enum verdict verdict, const struct summary *summary);
};

/* Those that hear everything. */
struct report_list {
    struct report items[4];
    size_t n;
};

/* Which phones are asked for (--phone); none: all. */
struct phone_selection {
    const char *const *selectors;
    size_t n;
};

/* An IP address, a MAC address, an AoR (with or without "sip:"), or a part of the User-Agent
 * (whatever the case). */
bool phone_selected(const struct phone_selection *selection, const struct phone *phone);

/* What one telling came to. */
struct told {
    enum verdict verdict;
    struct summary summary; /* one for each account and rule */
    size_t phones;          /* that were selected */
    size_t undecided;       /* results that were exercised but could not be decided */
};

/* Tell a story without judgement. */
struct told report_story(const struct story *story, const struct phone_selection *selection,
                         const struct report_list *reports);

/* Judge a story and tell it. `hear`, where not NULL, hears each judgement of a selected phone. */
struct told report_judged(const struct story *story, const struct expectations *expect,
                          const struct judge_options *options,
                          const struct phone_selection *selection,
                          const struct report_list *reports,
                          void (*hear)(void *context, const struct judgement *judgement),
                          void *context);

#endif
