/* The warning about TLS that the secrets given do not open: what is wrong with them. */
#include "phone/tell.h"

#include <inttypes.h>

/* "CLIENT_TRAFFIC_SECRET_0 is not among them": of the first such connection. */
static const char *reason_of(struct arena *arena, const struct tls_unfit *unfit) {
    char client[ENDPOINT_TEXT_LEN], server[ENDPOINT_TEXT_LEN];
    const char *reason = "", *label = "";

    switch (unfit->reason) {
    case TLS_UNFIT_WRONG:
        label = tls_secret_label(unfit->secret);
        reason = " is of another connection, or damaged";
        break;
    case TLS_UNFIT_MISSING:
        label = tls_secret_label(unfit->secret);
        reason = " is not among them";
        break;
    case TLS_UNFIT_SUITE:
        reason = "the cipher suite is not known";
        break;
    }
    return arena_printf(arena, "%s%s (%s to %s)", label, reason,
                        endpoint_text(&unfit->client, client),
                        endpoint_text(&unfit->server, server));
}

/* NULL: no secret was given, or some fit. */
static const char *none_fits(const struct tls_tally *tls) {
    if (tls->keyed || !tls->connections)
        return NULL;
    switch (tls->holds) {
    case TLS_KEYLOG_NOT_GIVEN:
        break;
    case TLS_KEYLOG_EMPTY:
        return "the key log has no secret that TLS records are protected by: TLS connections count "
               "as encrypted";
    case TLS_KEYLOG_PREMASTERS_ONLY:
        return "the key log has nothing but RSA premaster secrets, and none of the capture's TLS "
               "connections: they count as encrypted";
    case TLS_KEYLOG_SECRETS:
        return "the TLS secrets given are of none of the capture's TLS connections: they count as "
               "encrypted";
    }
    return NULL;
}

void tell_tls_unread(struct telling *telling) {
    struct story *story = telling->story;
    struct warning *warning = &story->warnings[WARNING_TLS_SECRETS];
    const char *useless = none_fits(&story->tls);

    if (story->tls.unfit)
        *warning = (struct warning){
            story->tls.unfit,
            arena_printf(&story->arena,
                         "TLS connections could not be read, or only what one side sent, with the "
                         "secrets that are given for them, and count as encrypted: %s",
                         reason_of(&story->arena, &story->tls.first[0]))};
    else if (useless)
        *warning = (struct warning){story->tls.connections, useless};
}
