/* `sipvet check`: captures in, verdicts out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/captures.h"
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/outputs.h"
#include "cli/readers.h"
#include "report/json.h"
#include "report/text.h"
#include "rules/expectations/phone_config/phone_config.h"

/* Several captures: the first of these that occurs (contract section 2). */
static const int precedence[] = {STATUS_USAGE, STATUS_UNREAD, STATUS_FAILED, STATUS_OK,
                                 STATUS_UNDECIDED};

static int worse_status(int a, int b) {
    for (size_t i = 0; i < sizeof precedence / sizeof *precedence; i++)
        if (a == precedence[i] || b == precedence[i])
            return precedence[i];
    return a;
}

/* ---- --require ---- */

struct requirement {
    const struct options *options;
    size_t unmet;
    size_t configured; /* accounts that fit one of the phone's configuration */
};

static bool is_required(const struct text_list *patterns, const struct rule *rule) {
    for (size_t i = 0; i < patterns->n; i++)
        if (rule_matches(rule, patterns->items[i]))
            return true;
    return false;
}

/* Every required rule must have run on this account, and passed. */
static void hear(void *context, const struct judgement *judgement) {
    struct requirement *requirement = context;
    size_t rule_count;
    const struct rule *const *rules = catalogue(&rule_count);

    requirement->configured += judgement->expect->account_count == 0;
    for (size_t i = 0; i < rule_count; i++) {
        const char *verdict = "was not run";
        if (!is_required(&requirement->options->require, rules[i]))
            continue;
        for (size_t k = 0; k < judgement->result_count; k++)
            if (judgement->results[k].rule == rules[i])
                verdict = judgement->results[k].verdict == VERDICT_PASS
                              ? NULL
                              : verdict_name(judgement->results[k].verdict);
        if (!verdict)
            continue;
        requirement->unmet++;
        cli_say("required rule %s: %s for %s", rules[i]->id, verdict,
                judgement->account->aor ? judgement->account->aor
                                        : "an account without address of record");
    }
}

/* ---- the run ---- */

struct run {
    const struct options *options;
    struct expectations *expect;
    struct captures captures;
    struct outputs outputs;
    struct report_list reports;
    struct ip_addr *as_phone;
    struct tls_keylog *keylog;
    struct requirement requirement;
    enum verdict verdict;
    struct summary summary;
    size_t undecided;
    int status;
};

static bool rules_known(const struct text_list *patterns, const char *option) {
    for (size_t i = 0; i < patterns->n; i++)
        if (!catalogue_has_match(patterns->items[i])) {
            cli_misuse("check", "--%s %s: there is no such rule (see 'sipvet rules')", option,
                       patterns->items[i]);
            return false;
        }
    return true;
}

static bool open_reports(struct run *run) {
    if (!outputs_open(&run->outputs, COMMAND_CHECK, run->options, &run->captures))
        return false;
    if (run->outputs.text)
        text_verdict_report(&run->reports.items[run->reports.n++], &run->outputs.text_sink,
                            run->outputs.text_color, run->options->verbose);
    if (run->outputs.json) {
        if (!json_verdict_report(&run->reports.items[run->reports.n++], &run->outputs.json_sink,
                                 SIPVET_VERSION, run->expect)) {
            run->reports.n--;
            cli_say("cannot make a temporary file: %s", strerror(errno));
            sink_close(&run->outputs.json_sink);
            return false;
        }
    }
    return true;
}

static int status_of(enum verdict verdict) {
    static const int statuses[VERDICT_COUNT] = {[VERDICT_PASS] = STATUS_OK,
                                                [VERDICT_FAIL] = STATUS_FAILED,
                                                [VERDICT_INCONCLUSIVE] = STATUS_UNDECIDED,
                                                [VERDICT_NOT_APPLICABLE] = STATUS_UNDECIDED};
    return statuses[verdict];
}

static void check_capture(struct run *run, size_t index) {
    const struct options *options = run->options;
    const char *name = captures_name(&run->captures, index);
    struct story_options story_options = {
        .as_phone = run->as_phone,
        .as_phone_count = options->as_phone.n,
        .keylog = run->keylog,
        .by_phone = run->reports.n == 0 && options->phone.n == 0,
    };
    struct judge_options judge_options = {.only = options->rule.items,
                                          .only_count = options->rule.n,
                                          .skip = options->skip.items,
                                          .skip_count = options->skip.n,
                                          .details = options->json.asked ||
                                                     (options->verbose && run->outputs.text)};
    struct phone_selection selection = {options->phone.items, options->phone.n};
    struct told_capture told_capture = capture_tell(&run->captures, index, &story_options);
    size_t unmet = run->requirement.unmet, configured = run->requirement.configured;
    struct told told = report_judged(told_capture.story, run->expect, &judge_options, &selection,
                                     &run->reports, hear, &run->requirement);
    int status = status_of(told.verdict);

    if (told.phones == 0 && told_capture.opened)
        say_no_phone(name, options, told_capture.story);
    else if (options->phone_config && run->requirement.configured == configured)
        cli_say("%s: no account in it is one of %s; judged by %s", name, options->phone_config,
                run->expect->name);
    if (run->requirement.unmet > unmet || (options->strict && told.undecided))
        status = STATUS_FAILED;
    if (options->strict && told.undecided)
        cli_say("%s: %zu result%s exercised but not decided (--strict)", name, told.undecided,
                told.undecided == 1 ? "" : "s");
    if (!told_capture.complete)
        status = STATUS_UNREAD;
    run->status = run->status < 0 ? status : worse_status(run->status, status);
    run->verdict = verdict_join(run->verdict, told.verdict);
    for (enum verdict v = 0; v < VERDICT_COUNT; v++)
        run->summary.count[v] += told.summary.count[v];
    told_capture_fini(&told_capture);
}

static void check_captures(struct run *run) {
    run->status = run->captures.incomplete ? STATUS_UNREAD : -1;
    run->verdict = run->captures.paths.n ? VERDICT_NOT_APPLICABLE : VERDICT_INCONCLUSIVE;
    for (size_t i = 0; i < captures_count(&run->captures); i++)
        check_capture(run, i);
    if (!reports_end(&run->reports, &run->outputs, run->verdict, &run->summary))
        run->status = STATUS_USAGE;
}

static bool read_expectations(struct run *run) {
    const struct options *options = run->options;
    const char *const *set = options->set.items;
    struct expectations_error error;

    run->expect = options->phone_config
                      ? phone_config_read(options->phone_config, options->profile, set,
                                          options->set.n, &error)
                      : expectations_read(options->profile, set, options->set.n, &error);
    if (run->expect)
        return true;
    if (options->profile && !expectations_profile_title(options->profile) &&
        phone_config_recognised(options->profile))
        cli_misuse("check", "%s: this is a phone's configuration; give it with --phone-config",
                   options->profile);
    else
        cli_misuse("check", "%s", error.text);
    return false;
}

int cli_check(int argc, char **argv) {
    struct options options;
    int status = STATUS_USAGE;
    enum options_status parsed = options_parse(COMMAND_CHECK, argc, argv, &options, &status);
    struct run run = {.options = &options, .requirement = {.options = &options}, .status = -1};

    if (parsed != OPTIONS_OK)
        goto out;
    status = STATUS_USAGE;
    if (options.operands.n == 0) {
        cli_misuse("check", "no capture is named");
        goto out;
    }
    if (!rules_known(&options.rule, "rule") || !rules_known(&options.skip, "skip") ||
        !rules_known(&options.require, "require") ||
        !read_as_phone(COMMAND_CHECK, &options, &run.as_phone) ||
        !keys_read(COMMAND_CHECK, &options, &run.keylog))
        goto out;
    if (!read_expectations(&run))
        goto out;
    captures_list(&run.captures, &options.operands, options.merge);
    if (open_reports(&run)) {
        check_captures(&run);
        status = run.status;
    }
out:
    captures_fini(&run.captures);
    if (run.expect)
        expectations_free(run.expect);
    free(run.as_phone);
    tls_keylog_free(run.keylog);
    options_fini(&options);
    return status;
}
