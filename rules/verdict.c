/* The words of verdicts, reasons and bases, and how verdicts join (contract section 3). */
#include "rules/verdict.h"

static const char *const VERDICT_NAMES[VERDICT_COUNT] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_FAIL] = "fail",
    [VERDICT_INCONCLUSIVE] = "inconclusive",
    [VERDICT_NOT_APPLICABLE] = "not_applicable",
};

static const char *const REASON_NAMES[REASON_COUNT] = {
    [REASON_NONE] = NULL,
    [REASON_CAPTURE_LOSS] = "capture-loss",
    [REASON_ENCRYPTED] = "encrypted",
    [REASON_STARTS_MIDWAY] = "starts-midway",
    [REASON_ENDS_TOO_EARLY] = "ends-too-early",
    [REASON_NO_SERVER_LIST] = "no-server-list",
    [REASON_PRIMARY_NOT_BACK] = "primary-not-back",
    [REASON_NOWHERE_TO_GO] = "nowhere-to-go",
    [REASON_TOO_FEW_CHOICES] = "too-few-choices",
    [REASON_NOT_EXERCISED] = "not-exercised",
    [REASON_NO_PHONE] = "no-phone",
};

/* What decides upwards: a fail outweighs a pass, a pass what is open, that what was not asked. */
static const unsigned VERDICT_WEIGHT[VERDICT_COUNT] = {
    [VERDICT_FAIL] = 3,
    [VERDICT_PASS] = 2,
    [VERDICT_INCONCLUSIVE] = 1,
    [VERDICT_NOT_APPLICABLE] = 0,
};

const char *verdict_name(enum verdict verdict) {
    return VERDICT_NAMES[verdict];
}

const char *reason_name(enum reason reason) {
    return REASON_NAMES[reason];
}

const char *basis_name(enum basis basis) {
    static const char *const names[] = {
        [BASIS_RFC] = "rfc",
        [BASIS_VENDOR] = "vendor",
        [BASIS_SITE] = "site",
    };
    return names[basis];
}

enum verdict verdict_join(enum verdict a, enum verdict b) {
    return VERDICT_WEIGHT[a] >= VERDICT_WEIGHT[b] ? a : b;
}
