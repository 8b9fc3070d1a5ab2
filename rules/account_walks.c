/* Which walks are the account's own: told by the host at their root. Two accounts of one phone may
 * resolve different names that lead to the same servers; a lookup of the one is none of the other.
 */
#include "rules/account_walks.h"

#include <string.h>

#include "rules/server_entries.h"
#include "sip/sip_head.h"

enum { HOSTS_MAX = sizeof((struct account_hosts *)0)->names / sizeof(const char *) };

static bool has_host(const struct account_hosts *hosts, const char *name) {
    for (size_t i = 0; i < hosts->n; i++)
        if (hosts->names[i] == name || strcmp(hosts->names[i], name) == 0)
            return true;
    return false;
}

static void add_host(struct account_hosts *hosts, const char *name) {
    if (name && hosts->n < HOSTS_MAX && !has_host(hosts, name))
        hosts->names[hosts->n++] = name;
}

/* Where the capture lost the lookups of an account, the story may take another's for its host. */
static const char *domain_of(struct arena *arena, const char *aor) {
    struct sip_uri uri;

    if (!aor || !sip_uri_parse(slice_of_text(aor), &uri) || !uri.host.len)
        return NULL;
    return arena_text(arena, uri.host); /* an AoR is in lower case */
}

struct account_hosts account_hosts(const struct judge *judge) {
    const struct account *account = judge->account;
    struct account_hosts hosts = {.n = 0};
    const char *last = NULL;

    if (server_entries_given(judge->expect)) {
        hosts.configured = judge->expect;
        return hosts;
    }
    add_host(&hosts, account->host);
    add_host(&hosts, domain_of(judge->arena, account->aor));
    for (size_t i = 0; i < account->request_count; i++) {
        const struct server_list *list = server_view_list(judge, &account->requests[i]);
        if (list && list->host != last)
            add_host(&hosts, last = list->host);
    }
    return hosts;
}

bool account_hosts_own(const struct account_hosts *hosts, const char *host) {
    struct ip_addr ip;

    if (ip_parse(slice_of_text(host), &ip))
        return false;
    return hosts->configured ? server_entry_of(hosts->configured, host) != NULL
                             : has_host(hosts, host);
}

struct resolution_list account_walks_near(const struct judge *judge) {
    /* A configured host that was never reached has walks that no account could be given. */
    if (server_entries_given(judge->expect))
        return (struct resolution_list){judge->phone->resolutions, judge->phone->resolution_count};
    return (struct resolution_list){judge->account->resolutions, judge->account->resolution_count};
}

struct resolution_list account_walks(const struct judge *judge) {
    struct resolution_list near = account_walks_near(judge);
    struct resolution **items = ARENA_ARRAY(judge->arena, struct resolution *, near.n + 1);
    struct account_hosts hosts = account_hosts(judge);
    size_t n = 0;

    for (size_t i = 0; i < near.n; i++)
        if (account_hosts_own(&hosts, near.items[i]->host))
            items[n++] = near.items[i];
    return (struct resolution_list){items, n};
}

const struct loss_index *account_lookup_losses(const struct judge *judge) {
    struct loss_sign *signs =
        ARENA_ARRAY(judge->arena, struct loss_sign, judge->phone->loss_count + 1);
    struct phone phone = {.losses = signs};

    for (size_t i = 0; i < judge->phone->loss_count; i++)
        if (judge->phone->losses[i].kind != LOSS_ANSWER_ONLY)
            signs[phone.loss_count++] = judge->phone->losses[i];
    return loss_index_new(&phone, judge->arena);
}
