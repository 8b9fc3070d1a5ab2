/* A phone's requests, divided among its addresses of record (contract section 1).
 *
 * The address of record is the To URI of a REGISTER; for a phone that registers nothing, the From
 * URI. A request with another From (anonymous, say) belongs to the account whose Contact, else
 * whose server it uses; a phone with one account has no other to give it to.
 */
#include "phone/tell.h"

#include <stdio.h>
#include <stdlib.h>

const char *tell_aor(struct telling *telling, const char *uri) {
    struct intern *strings = &telling->c->strings;
    struct sip_uri parsed;
    char text[600];

    if (!uri)
        return NULL;
    if (!sip_uri_parse(slice_of_text(uri), &parsed) || parsed.host.len + parsed.user.len > 512)
        return uri;
    bool secure = slice_eq_nocase(parsed.scheme, SLICE_LITERAL("sips"));
    const char *host = intern_lower(strings, parsed.host);
    int len = snprintf(text, sizeof text, "%s:%.*s%s%s", intern_lower(strings, parsed.scheme),
                       (int)parsed.user.len, (const char *)parsed.user.ptr,
                       parsed.user.len && parsed.host.len ? "@" : "", host);
    if (len < 0 || (size_t)len >= sizeof text - 8)
        return uri;
    if (parsed.port && parsed.port != (secure ? 5061 : 5060))
        len += snprintf(text + len, sizeof text - (size_t)len, ":%u", parsed.port);
    return intern_text(strings, slice_of(text, (size_t)len));
}

bool tell_is_anonymous(const char *aor) {
    struct sip_uri uri;

    return sip_uri_parse(slice_of_text(aor), &uri) &&
           (slice_eq_nocase(uri.user, SLICE_LITERAL("anonymous")) ||
            slice_eq_nocase(uri.host, SLICE_LITERAL("anonymous.invalid")));
}

/* What a wording names: one account for all that say it. */
struct named {
    bool known;
    uint32_t account;      /* NONE: it names none */
    const struct tx *last; /* whose server was remembered last */
};

struct division {
    struct telling *telling;
    struct named *named; /* by wording */
    struct phone_draft *phone;
    uint32_t phone_index;
    struct index_map by_aor, by_contact, by_server, by_user;
    /* URIs repeat: what each became. */
    struct index_map memo;
    ARRAY_OF(const char *) memo_text;
};

static uint64_t pointer_key(const struct division *d, const void *p, uint64_t kind) {
    struct {
        const void *p;
        uint64_t phone, kind;
    } key = {p, d->phone_index, kind};

    return index_key(&key, sizeof key, 40);
}

static const char *aor_of(struct division *d, const char *uri) {
    if (!uri)
        return NULL;
    uint64_t key = index_key(&uri, sizeof uri, 41);
    uint32_t at = index_get(&d->memo, key);
    if (at != NONE)
        return d->memo_text.items[at];
    const char *aor = tell_aor(d->telling, uri);
    index_put(&d->memo, key, (uint32_t)d->memo_text.n);
    *ARRAY_ADD(&d->memo_text) = aor;
    return aor;
}

static const char *user_of(struct division *d, const char *uri) {
    struct sip_uri parsed;

    if (!uri || !sip_uri_parse(slice_of_text(uri), &parsed) || !parsed.user.len)
        return NULL;
    return intern_text(&d->telling->c->strings, parsed.user);
}

static uint64_t server_key(const struct division *d, const struct tx *tx) {
    struct {
        struct ip_addr ip;
        uint8_t zero;
        uint16_t port;
        uint32_t transport;
        uint64_t phone;
    } key;

    memset(&key, 0, sizeof key);
    key.ip = tx->dst.ip;
    key.port = tx->dst.port;
    key.transport = tx->transport;
    key.phone = d->phone_index;
    return index_key(&key, sizeof key, 42);
}

static void remember(struct index_map *map, uint64_t key, uint32_t account) {
    if (index_get(map, key) == NONE)
        index_put(map, key, account);
}

static uint32_t account_for(struct division *d, const char *aor) {
    uint64_t key = pointer_key(d, aor, 0);
    uint32_t at = index_get(&d->by_aor, key);

    if (at != NONE)
        return at;
    at = (uint32_t)d->telling->accounts.n;
    struct account_draft *draft = ARRAY_PUSH(&d->telling->accounts);
    draft->account.aor = aor;
    draft->phone = d->phone_index;
    *ARRAY_ADD(&d->phone->accounts) = at;
    index_put(&d->by_aor, key, at);
    const char *user = user_of(d, aor);
    if (user)
        remember(&d->by_user, pointer_key(d, user, 1), at);
    return at;
}

/* Does this request itself say whose it is? */
static bool names_account(const struct division *d, const struct wording *said) {
    return said->method == SIP_REGISTER ||
           (!d->phone->registers && !(said->from_uri && tell_is_anonymous(said->from_uri)));
}

static uint32_t account_of(struct division *d, const struct tx *tx, const struct wording *said) {
    const char *aor = aor_of(d, said->method == SIP_REGISTER ? said->to_uri : said->from_uri);
    uint32_t at = NONE;

    if (names_account(d, said))
        return aor ? account_for(d, aor) : NONE;
    if (aor)
        at = index_get(&d->by_aor, pointer_key(d, aor, 0));
    if (at == NONE && said->contact_uri)
        at = index_get(&d->by_contact, pointer_key(d, said->contact_uri, 2));
    if (at == NONE && aor) {
        const char *user = user_of(d, aor);
        if (user)
            at = index_get(&d->by_user, pointer_key(d, user, 1));
    }
    if (at == NONE)
        at = index_get(&d->by_server, server_key(d, tx));
    if (at == NONE && d->phone->accounts.n == 1)
        at = d->phone->accounts.items[0];
    if (at == NONE && aor)
        at = account_for(d, aor);
    return at;
}

/* Those that name their account come first: an anonymous call, or one before the REGISTER, may
 * begin the capture. What one request of a wording names, all of it name. */
static void divide_named(struct division *d) {
    const struct collection *c = d->telling->c;

    for (size_t i = 0; i < d->phone->txs.n; i++) {
        const struct tx *tx = &c->txs.items[d->phone->txs.items[i]];
        const struct wording *said = wording_of(c, tx);
        struct named *named = &d->named[tx->wording];
        if (said->multicast)
            continue;
        if (!named->known) {
            *named = (struct named){true, NONE, NULL};
            if (names_account(d, said))
                named->account = account_of(d, tx, said);
            if (named->account != NONE && said->method == SIP_REGISTER)
                d->telling->accounts.items[named->account].account.registers = true;
            if (named->account != NONE && said->contact_uri)
                remember(&d->by_contact, pointer_key(d, said->contact_uri, 2), named->account);
        }
        if (named->account == NONE || (named->last && endpoint_eq(&named->last->dst, &tx->dst) &&
                                       named->last->transport == tx->transport))
            continue;
        named->last = tx;
        remember(&d->by_server, server_key(d, tx), named->account);
    }
}

static void divide(struct division *d) {
    const struct collection *c = d->telling->c;

    divide_named(d);
    for (size_t i = 0; i < d->phone->txs.n; i++) {
        uint32_t index = d->phone->txs.items[i];
        const struct tx *tx = &c->txs.items[index];
        const struct wording *said = wording_of(c, tx);
        if (said->multicast)
            continue; /* contract section 1: belongs to no account */
        uint32_t at = d->named[tx->wording].account;
        if (at == NONE)
            at = account_of(d, tx, said);
        if (at == NONE)
            continue;
        struct account_draft *account = &d->telling->accounts.items[at];
        if (said->method == SIP_ACK || said->method == SIP_CANCEL)
            *ARRAY_ADD(&account->follows) = index;
        else
            *ARRAY_ADD(&account->txs) = index;
    }
}

/* What all phones share is made with the first. */
static struct division *division_of(struct telling *telling) {
    if (!telling->division) {
        telling->division = memory_new_zeroed(1, sizeof *telling->division);
        telling->division->telling = telling;
        telling->division->named =
            memory_new_zeroed(telling->c->wordings.n, sizeof *telling->division->named);
    }
    return telling->division;
}

void tell_accounts(struct telling *telling, uint32_t phone) {
    struct division *d = division_of(telling);

    d->phone = &telling->phones.items[phone];
    d->phone_index = phone;
    divide(d);
    if (d->phone->tls_only) {
        /* Contract section 6: a host seen only in TLS has an account without a name. */
        *ARRAY_ADD(&d->phone->accounts) = (uint32_t)telling->accounts.n;
        ARRAY_PUSH(&telling->accounts)->phone = phone;
    }
}

void tell_accounts_fini(struct telling *telling) {
    struct division *d = telling->division;

    if (!d)
        return;
    struct index_map *maps[] = {&d->by_aor, &d->by_contact, &d->by_server, &d->by_user, &d->memo};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        index_fini(maps[i]);
    ARRAY_FINI(&d->memo_text);
    free(d->named);
    free(d);
}
