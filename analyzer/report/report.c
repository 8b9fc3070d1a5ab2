/* The walk through a story that all reports share: phones in their order, accounts in theirs. */
#include "report/report.h"

#include <ctype.h>
#include <strings.h>

/* ---- which phones ---- */

static bool parse_mac(const char *text, struct mac_addr *mac) {
    unsigned b[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) !=
            6 &&
        sscanf(text, "%2x-%2x-%2x-%2x-%2x-%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) !=
            6)
        return false;
    if (text[end] || !isxdigit((unsigned char)text[0]))
        return false;
    mac->known = true;
    for (size_t i = 0; i < 6; i++)
        mac->bytes[i] = (uint8_t)b[i];
    return true;
}

static bool is_aor(const char *aor, const char *selector) {
    const char *colon = aor ? strchr(aor, ':') : NULL;

    return aor &&
           (strcasecmp(aor, selector) == 0 || (colon && strcasecmp(colon + 1, selector) == 0));
}

static bool selects(const char *selector, const struct phone *phone) {
    struct ip_addr ip;
    struct mac_addr mac;

    if (ip_parse(slice_of_text(selector), &ip)) {
        for (size_t i = 0; i < phone->address_count; i++)
            if (ip_eq(&phone->addresses[i], &ip))
                return true;
        return false;
    }
    if (parse_mac(selector, &mac))
        return mac_eq(&phone->mac, &mac);
    for (size_t i = 0; i < phone->account_count; i++)
        if (is_aor(phone->accounts[i].aor, selector))
            return true;
    for (size_t i = 0; i < phone->user_agent_count; i++)
        if (strcasestr(phone->user_agents[i], selector))
            return true;
    return false;
}

bool phone_selected(const struct phone_selection *selection, const struct phone *phone) {
    for (size_t i = 0; i < selection->n; i++)
        if (selects(selection->selectors[i], phone))
            return true;
    return selection->n == 0;
}

/* ---- the walk ---- */

struct walk {
    const struct story *story;
    const struct phone_selection *selection;
    const struct report_list *reports;
    void (*hear)(void *context, const struct judgement *judgement);
    void *context;
    size_t next_phone;         /* the first one not begun yet */
    const struct phone *phone; /* begun and not ended; NULL: none */
    size_t results;            /* heard so far */
    struct told told;
};

static void end_phone(struct walk *walk) {
    if (!walk->phone)
        return;
    for (size_t i = 0; i < walk->reports->n; i++) {
        const struct report *report = &walk->reports->items[i];
        if (report->phone_end)
            report->phone_end(report->context, walk->phone);
    }
    walk->phone = NULL;
}

/* Begin the next phone; false: there are no more. Phones that were not asked for are passed over.
 */
static bool begin_phone(struct walk *walk) {
    end_phone(walk);
    while (walk->next_phone < walk->story->phone_count) {
        const struct phone *phone = &walk->story->phones[walk->next_phone++];
        if (!phone_selected(walk->selection, phone))
            continue;
        walk->phone = phone;
        walk->told.phones++;
        for (size_t i = 0; i < walk->reports->n; i++) {
            const struct report *report = &walk->reports->items[i];
            if (report->phone)
                report->phone(report->context, phone);
        }
        return true;
    }
    return false;
}

static void tell_account(struct walk *walk, const struct account *account,
                         const struct judgement *judgement) {
    for (size_t i = 0; i < walk->reports->n; i++) {
        const struct report *report = &walk->reports->items[i];
        if (report->account)
            report->account(report->context, walk->phone, account, judgement);
    }
}

static void begin(struct walk *walk) {
    walk->told.verdict = VERDICT_NOT_APPLICABLE;
    for (size_t i = 0; i < walk->reports->n; i++) {
        const struct report *report = &walk->reports->items[i];
        if (report->capture)
            report->capture(report->context, walk->story);
    }
}

static struct told finish(struct walk *walk) {
    while (begin_phone(walk))
        ; /* phones without an account still to be told */
    if (walk->results == 0)
        walk->told.verdict = VERDICT_INCONCLUSIVE;
    for (size_t i = 0; i < walk->reports->n; i++) {
        const struct report *report = &walk->reports->items[i];
        if (report->capture_end)
            report->capture_end(report->context, walk->told.verdict,
                                walk->told.phones ? REASON_NONE : REASON_NO_PHONE);
    }
    return walk->told;
}

struct told report_story(const struct story *story, const struct phone_selection *selection,
                         const struct report_list *reports) {
    struct walk walk = {.story = story, .selection = selection, .reports = reports};

    begin(&walk);
    while (begin_phone(&walk))
        for (size_t i = 0; i < walk.phone->account_count; i++)
            tell_account(&walk, &walk.phone->accounts[i], NULL);
    return finish(&walk);
}

static void take_judgement(void *context, const struct judgement *judgement) {
    struct walk *walk = context;

    if (walk->phone != judgement->phone) {
        /* Judgements come in the story's order; those of phones not asked for are passed over. */
        if (!phone_selected(walk->selection, judgement->phone))
            return;
        while (begin_phone(walk) && walk->phone != judgement->phone)
            ;
    }
    walk->told.verdict = verdict_join(walk->told.verdict, judgement->verdict);
    walk->results += judgement->result_count;
    for (size_t i = 0; i < judgement->result_count; i++) {
        const struct result *result = &judgement->results[i];
        walk->told.summary.count[result->verdict]++;
        if (result->verdict == VERDICT_INCONCLUSIVE && result->reason != REASON_NOT_EXERCISED)
            walk->told.undecided++;
    }
    tell_account(walk, judgement->account, judgement);
    if (walk->hear)
        walk->hear(walk->context, judgement);
}

struct told report_judged(const struct story *story, const struct expectations *expect,
                          const struct judge_options *options,
                          const struct phone_selection *selection,
                          const struct report_list *reports,
                          void (*hear)(void *context, const struct judgement *judgement),
                          void *context) {
    struct walk walk = {.story = story,
                        .selection = selection,
                        .reports = reports,
                        .hear = hear,
                        .context = context};

    begin(&walk);
    judge_story(story, expect, options, take_judgement, &walk);
    return finish(&walk);
}
