/* How a judgement is expressed (contract section 3). */
#ifndef RULES_VERDICT_H
#define RULES_VERDICT_H

#include "base/address.h"
#include "base/memory.h"

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_INCONCLUSIVE,
    VERDICT_NOT_APPLICABLE,
    VERDICT_COUNT,
};

/* Why it is inconclusive; a result takes the first of its occurrences' in this order. */
enum reason {
    REASON_NONE,
    REASON_CAPTURE_LOSS,
    REASON_ENCRYPTED,
    REASON_STARTS_MIDWAY,
    REASON_ENDS_TOO_EARLY,
    REASON_NO_SERVER_LIST,
    REASON_PRIMARY_NOT_BACK,
    REASON_NOWHERE_TO_GO,
    REASON_TOO_FEW_CHOICES,
    REASON_NOT_EXERCISED,
    REASON_NO_PHONE,
    REASON_COUNT,
};

/* One member of `expected` or `observed`. */
enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_SECONDS,
    VALUE_RATIO,
    VALUE_TEXT,
    VALUE_SERVER,
    VALUE_RANGE,
    VALUE_SECONDS_RANGE,
    VALUE_TEXTS
};

struct value {
    const char *key; /* snake_case */
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        int64_t ns;       /* VALUE_SECONDS: printed as seconds */
        double ratio;     /* printed with at most six decimals */
        const char *text; /* NULL prints as null */
        struct server server;
        struct {
            int64_t low, high;
        } range; /* VALUE_RANGE: [low, high]; VALUE_SECONDS_RANGE: in ns */
        struct {
            const char *const *items;
            size_t n;
        } texts;
    };
};

/* One situation in the capture in which the rule could be seen to hold or break. */
struct occurrence {
    enum verdict verdict; /* pass, fail or inconclusive */
    enum reason reason;   /* inconclusive only */
    int64_t t_ns;
    const struct value *expected, *observed;
    size_t expected_count, observed_count;
    const uint32_t *frames; /* ascending, without repetition */
    size_t frame_count;
    const char *message; /* one sentence; NULL: none. A failed one has one */
    const char *needs;   /* inconclusive: what capture would decide it */
};

enum basis { BASIS_RFC, BASIS_VENDOR, BASIS_SITE };

struct source {
    enum basis basis;
    const char *document; /* "RFC 3263", "Grandstream GRP26xx DNS SRV Guide" */
    const char *section;  /* "4.3", "Registration Process" */
};

/* What one rule says of one account. */
struct result {
    const struct rule *rule;
    enum verdict verdict;
    enum reason reason;
    const char *message;
    const struct occurrence *occurrences;
    size_t occurrence_count;
    const struct source *sources;
    size_t source_count;
    const char *needs;
};

struct summary {
    uint64_t count[VERDICT_COUNT];
};

const char *verdict_name(enum verdict verdict); /* "not_applicable" */
const char *reason_name(enum reason reason);    /* "capture-loss"; NULL for REASON_NONE */
const char *basis_name(enum basis basis);       /* "rfc" */

/* Of several accounts, captures …: fail if anything failed, else pass if anything passed, else
 * inconclusive, unless all is not applicable. Start with VERDICT_NOT_APPLICABLE. */
enum verdict verdict_join(enum verdict a, enum verdict b);

#endif
