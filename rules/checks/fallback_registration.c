/* fallback.registration: how a phone with two configured servers registers at them.
 *
 *     concurrent    at both from the start, and refreshed at both   fallback_concurrent.c
 *     successive    at one at a time; at the fallback server only after the working server failed
 *                   (and, with after_expiry, when the registration there has run out)
 *                                                                   fallback_successive.c
 *
 * Server Redundancy on Yealink IP Phones, Phone Registration and Fallback Scenario. */
#include "rules/basis.h"
#include "rules/checks/checks.h"
#include "rules/checks/fallback_modes.h"

/* Nobody registers at two outbound proxies at once (the guide: not for outbound proxies). */
static bool applies(const struct judge *judge) {
    switch (judge->expect->fallback.registration) {
    case FALLBACK_NULL:
        return false;
    case FALLBACK_CONCURRENT:
        return fallback_configured(judge) && !fallback_uses_proxies(judge);
    case FALLBACK_SUCCESSIVE:
        return fallback_configured(judge);
    }
    return false;
}

static void check(struct judge *judge) {
    const struct fallback_rounds *rounds = fallback_rounds_new(judge);

    if (!rounds->n) {
        if (rounds->strangers)
            judge_undecided(judge, REASON_NO_SERVER_LIST, rounds->first_stranger_ns,
                            NEEDS_SERVER_LIST);
        return;
    }
    if (judge->expect->fallback.registration == FALLBACK_CONCURRENT)
        fallback_check_concurrent(judge, rounds);
    else
        fallback_check_successive(judge, rounds);
}

static const struct source SOURCES[] = {
    {BASIS_VENDOR, GUIDE_YEALINK, "Phone Registration"},
    {BASIS_VENDOR, GUIDE_YEALINK, "Fallback Scenario"},
    {BASIS_VENDOR, GUIDE_YEALINK, "account.X.fallback.redundancy_type"},
};

const struct rule rule_fallback_registration = {
    .id = "fallback.registration",
    .title = "Two configured servers are registered at as agreed: at both, or at one at a time",
    .checks =
        "Concurrent: when the account starts (a boot or the lookups of its servers come before the "
        "first REGISTER), a REGISTER goes to both servers within 37 s; what either granted is "
        "renewed "
        "before it runs out; a server that failed is tried again within one lifetime. Successive: "
        "the account starts at the working server; a REGISTER goes to the fallback server only "
        "after one at the working server failed as failover.on says, with fallback.after_expiry "
        "not before the registration there has run out, and within 37 s of both; when the working "
        "server has answered again, the fallback server gets no more. A start that the capture "
        "does not show is not judged. With outbound proxies `concurrent` is not applicable, and "
        "after_expiry does not count.",
    .matters = "A phone that registers at one server where two are expected has no calls from the "
               "moment that server dies; one that registers at both where one is expected takes "
               "its calls twice, or through the server that offers less.",
    .steered_by = "fallback.registration, fallback.after_expiry; servers, outbound_proxies, "
                  "failover.on, registration.expires_s (where no REGISTER says it), tolerance",
    .passes = "Successive, lifetime 60 s: the REGISTERs at 50 s to 192.0.2.1 stay without answer, "
              "and at 60 s a REGISTER goes to 192.0.2.2.",
    .fails = "The same, but the REGISTER to 192.0.2.2 goes out at 53 s, while the registration at "
             "192.0.2.1 still stands; or it never goes out.",
    .departures = "RFC 3261 and 3263 know one registrar for an address of record; two configured "
                  "servers are the vendors' own.",
    .sources = SOURCES,
    .source_count = sizeof SOURCES / sizeof SOURCES[0],
    .needs = "begins when the phone boots (or looks its servers up), or includes a failure of the "
             "working server",
    .applies = applies,
    .check = check,
};
