/* Bindings as the registrar granted them, each until it is renewed, ended or lapsed (RFC
 * 3261 10.2). */
#include "phone/tell.h"

#include <stdlib.h>

/* What a 200 to a REGISTER grants: as it says, else as was asked. */
static bool grant_of(const struct attempt *attempt, uint32_t *expires_s,
                     const struct response **ok) {
    for (size_t i = 0; i < attempt->response_count; i++) {
        const struct response *r = &attempt->responses[i];
        if (r->late || r->repeated || r->status < 200 || r->status > 299)
            continue;
        *ok = r;
        if (r->has_expires) {
            *expires_s = r->expires_s;
            return true;
        }
        if (attempt->transaction_list[r->transaction].has_expires) {
            *expires_s = attempt->transaction_list[r->transaction].expires_s;
            return true;
        }
        *expires_s = 3600; /* RFC 3261 10.3 step 7: a default of the registrar; an hour is usual */
        return true;
    }
    return false;
}

void tell_registrations(struct telling *telling, struct account_draft *draft) {
    struct account *account = &draft->account;
    ARRAY_OF(struct registration) list = {0};
    int64_t end_ns = telling->c->end_ns;

    for (size_t i = 0; i < account->request_count; i++) {
        const struct request *request = &account->requests[i];
        uint32_t expires_s;
        const struct response *ok;
        if (request->method != SIP_REGISTER)
            continue;
        for (size_t a = 0; a < request->attempt_count; a++) {
            const struct attempt *attempt = &request->attempts[a];
            /* It renews what stands at this server. */
            struct registration *standing = NULL;
            for (size_t r = list.n; r-- > 0 && list.n - r < 8;) {
                if (server_eq(&list.items[r].server, &attempt->server) &&
                    list.items[r].until_ns > attempt->t_ns) {
                    standing = &list.items[r];
                    break;
                }
            }
            if (standing && !standing->renewed_ns)
                standing->renewed_ns = attempt->t_ns;
            if (!grant_of(attempt, &expires_s, &ok))
                continue;
            if (standing && standing->until_ns > ok->t_ns) {
                standing->until_ns = ok->t_ns;
                standing->lapsed = false;
            }
            if (request->unregister || !expires_s)
                continue;
            struct registration *made = ARRAY_PUSH(&list);
            *made = (struct registration){.server = attempt->server,
                                          .t_ns = ok->t_ns,
                                          .frame = ok->frame,
                                          .expires_s = expires_s,
                                          .request = i,
                                          .until_ns = ok->t_ns + (int64_t)expires_s * 1000000000};
            made->lapsed = made->until_ns <= end_ns;
            if (!made->lapsed)
                made->until_ns = end_ns + 1;
        }
    }
    struct registration *kept = ARENA_ARRAY(telling->arena, struct registration, list.n);
    for (size_t i = 0; i < list.n; i++) {
        kept[i] = list.items[i];
        if (kept[i].until_ns > end_ns)
            kept[i].until_ns = end_ns;
    }
    account->registrations = kept;
    account->registration_count = list.n;
    ARRAY_FINI(&list);
}
