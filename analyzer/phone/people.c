/* Who is a phone (contract section 1).
 *
 * A host that sends requests with one Via is a phone; one that receives REGISTERs, or relays
 * (several Vias, a Record-Route), is a server. Addresses are one phone where they share an address
 * of record, unless two Ethernet addresses of one family prove two devices; where an IPv4 and an
 * IPv6 address share a Contact user; where they are alone behind one MAC and name one User-Agent
 * (an account on each); and where DNS and SIP come from different addresses of one MAC, as long as
 * that MAC is no router's.
 */
#include "phone/tell.h"

#include <stdlib.h>
#include <string.h>

static uint64_t address_key(const struct ip_addr *ip) {
    return index_key(ip, sizeof *ip, 1);
}

uint32_t tell_phone_of(const struct telling *telling, const struct ip_addr *ip) {
    return index_get(&telling->phone_of_host, address_key(ip));
}

static bool named_phone(const struct telling *telling, const struct ip_addr *ip) {
    for (size_t i = 0; i < telling->options->as_phone_count; i++)
        if (ip_eq(&telling->options->as_phone[i], ip))
            return true;
    return false;
}

/* ---- addresses of one phone ---- */

struct union_find {
    uint32_t *parent;
};

static uint32_t root_of(const struct union_find *sets, uint32_t at) {
    while (sets->parent[at] != at) {
        sets->parent[at] = sets->parent[sets->parent[at]];
        at = sets->parent[at];
    }
    return at;
}

static void join(const struct union_find *sets, uint32_t a, uint32_t b) {
    a = root_of(sets, a);
    b = root_of(sets, b);
    if (a < b)
        sets->parent[b] = a;
    else
        sets->parent[a] = b;
}

/* Two devices may register one address of record: two MACs and two addresses of one family. */
static bool two_devices(const struct seen_host *a, const struct seen_host *b) {
    return a->mac.known && b->mac.known && !mac_eq(&a->mac, &b->mac) && a->ip.len == b->ip.len;
}

/* Has this host's use of the URI been looked at? It is now. */
static bool looked_at(struct index_map *seen, const char *uri, uint32_t host) {
    struct {
        const char *uri;
        uint64_t host;
    } pair = {uri, host};
    uint64_t key = index_key(&pair, sizeof pair, 33);

    if (index_get(seen, key) != NONE)
        return true;
    index_put(seen, key, 0);
    return false;
}

/* The URI that says whose request this is: To of a REGISTER; From of a request outside of dialogs,
 * where the host registers nothing. */
static const char *own_uri(const struct wording *said, bool registers) {
    if (said->method == SIP_REGISTER)
        return said->to_uri;
    return registers || said->to_tag ? NULL : said->from_uri;
}

/* A From URI proves less than a REGISTER: a back-to-back user agent passes it on. */
static bool may_share(const struct wording *said, const struct seen_host *a,
                      const struct seen_host *b) {
    return !two_devices(a, b) && (said->method == SIP_REGISTER || a->ip.len != b->ip.len ||
                                  (a->mac.known && mac_eq(&a->mac, &b->mac)));
}

static void join_by_aor(struct telling *telling, const struct union_find *sets, const bool *phone) {
    struct collection *c = telling->c;
    struct index_map first_host = {0}, seen = {0};
    bool *registers = memory_new_zeroed(c->hosts.n, sizeof *registers);

    for (size_t i = 0; i < c->wordings.n; i++)
        if (c->wordings.items[i].method == SIP_REGISTER)
            registers[c->wordings.items[i].host] = true;
    for (size_t i = 0; i < c->wordings.n; i++) {
        const struct wording *said = &c->wordings.items[i];
        uint32_t host = said->host;
        const char *uri = phone[host] ? own_uri(said, registers[host]) : NULL;
        if (!uri || said->multicast || looked_at(&seen, uri, host))
            continue;
        const char *aor = tell_aor(telling, uri);
        if (tell_is_anonymous(aor))
            continue;
        uint64_t key = index_key(&aor, sizeof aor, 30);
        uint32_t known = index_get(&first_host, key);
        if (known == NONE)
            index_put(&first_host, key, host);
        else if (known != host && may_share(said, &c->hosts.items[known], &c->hosts.items[host]))
            join(sets, known, host);
    }
    free(registers);
    index_fini(&first_host);
    index_fini(&seen);
}

/* One Contact user at an IPv4 and an IPv6 address of one MAC (or none is known): one phone, also
 * where its From URI is anonymous. In one family many phones behind a router may share a user. */
static uint64_t contact_key(struct telling *telling, struct slice user,
                            const struct seen_host *host, size_t ip_len) {
    struct {
        const char *user;
        uint64_t ip_len;
        uint8_t mac[8];
    } key = {intern_text(&telling->c->strings, user), ip_len, {0}};

    if (host->mac.known)
        memcpy(key.mac, host->mac.bytes, sizeof host->mac.bytes);
    return index_key(&key, sizeof key, 34);
}

static void join_by_contact(struct telling *telling, const struct union_find *sets,
                            const bool *phone) {
    struct collection *c = telling->c;
    struct index_map first_host = {0}, seen = {0};

    for (size_t i = 0; i < c->wordings.n; i++) {
        const struct wording *said = &c->wordings.items[i];
        struct sip_uri uri;
        uint32_t host = said->host;
        if (!said->contact_uri || !phone[host] || looked_at(&seen, said->contact_uri, host) ||
            !sip_uri_parse(slice_of_text(said->contact_uri), &uri) || !uri.user.len)
            continue;
        const struct seen_host *at = &c->hosts.items[host];
        uint64_t own = contact_key(telling, uri.user, at, at->ip.len);
        if (index_get(&first_host, own) == NONE)
            index_put(&first_host, own, host);
        uint32_t other =
            index_get(&first_host, contact_key(telling, uri.user, at, at->ip.len == 4 ? 16 : 4));
        if (other != NONE)
            join(sets, other, host);
    }
    index_fini(&first_host);
    index_fini(&seen);
}

static uint64_t mac_key(const struct mac_addr *mac) {
    return index_key(mac->bytes, sizeof mac->bytes, 31);
}

/* What several of a kind stand behind, a router. */
#define SEVERAL (NONE - 1)

/* The one set of addresses of a family behind a MAC. */
static void note_behind(struct index_map *behind, uint64_t key, uint32_t root) {
    uint32_t known = index_get(behind, key);

    index_put(behind, key, known == NONE || known == root ? root : SEVERAL);
}

static uint64_t behind_key(const struct seen_host *host, size_t ip_len) {
    return index_key(host->mac.bytes, sizeof host->mac.bytes, ip_len);
}

/* The User-Agent that each host names first. */
static const char **agents_of_hosts(const struct collection *c) {
    const char **agents = memory_new_zeroed(c->hosts.n, sizeof *agents);

    for (size_t i = 0; i < c->wordings.n; i++) {
        const struct wording *said = &c->wordings.items[i];
        if (!agents[said->host])
            agents[said->host] = said->user_agent;
    }
    return agents;
}

/* One account over IPv4, another over IPv6: nothing that they say is the same, but the MAC is, and
 * nobody else is behind it. */
static void join_by_mac(struct telling *telling, const struct union_find *sets, const bool *phone) {
    struct collection *c = telling->c;
    struct index_map behind = {0};
    const char **agents = agents_of_hosts(c);

    for (uint32_t i = 0; i < c->hosts.n; i++) {
        const struct seen_host *host = &c->hosts.items[i];
        if (host->mac.known)
            note_behind(&behind, behind_key(host, host->ip.len),
                        phone[i] ? root_of(sets, i) : SEVERAL);
    }
    for (uint32_t i = 0; i < c->hosts.n; i++) {
        const struct seen_host *host = &c->hosts.items[i];
        if (!host->mac.known || host->ip.len != 4 ||
            index_get(&behind, behind_key(host, 4)) >= SEVERAL)
            continue;
        uint32_t other = index_get(&behind, behind_key(host, 16));
        if (other < SEVERAL && agents[i] == agents[other])
            join(sets, other, i);
    }
    free(agents);
    index_fini(&behind);
}

/* The one phone behind each MAC; SEVERAL: a router's. */
static void index_macs(struct telling *telling, struct index_map *phone_of_mac) {
    for (uint32_t p = 0; p < telling->phones.n; p++) {
        const struct phone_draft *draft = &telling->phones.items[p];
        for (size_t i = 0; i < draft->hosts.n; i++) {
            const struct mac_addr *mac = &telling->c->hosts.items[draft->hosts.items[i]].mac;
            if (!mac->known)
                continue;
            uint32_t known = index_get(phone_of_mac, mac_key(mac));
            index_put(phone_of_mac, mac_key(mac), known == NONE || known == p ? p : SEVERAL);
        }
    }
}

static void make_phones(struct telling *telling) {
    struct collection *c = telling->c;
    size_t n = c->hosts.n;
    struct union_find sets = {memory_new_zeroed(n, sizeof *sets.parent)};
    bool *phone = memory_new_zeroed(n, sizeof *phone);
    uint32_t *draft_of = memory_new_zeroed(n, sizeof *draft_of);

    for (uint32_t i = 0; i < n; i++) {
        const struct seen_host *host = &c->hosts.items[i];
        sets.parent[i] = i;
        draft_of[i] = NONE;
        phone[i] = named_phone(telling, &host->ip) ||
                   (!host->registrar && !host->relay &&
                    (host->requests > 0 || (host->tls && host->sips))); /* its SIP cannot be read */
    }
    join_by_aor(telling, &sets, phone);
    join_by_contact(telling, &sets, phone);
    join_by_mac(telling, &sets, phone);
    for (uint32_t i = 0; i < n; i++) {
        if (!phone[i])
            continue;
        const struct seen_host *host = &c->hosts.items[i];
        uint32_t root = root_of(&sets, i);
        if (draft_of[root] == NONE) {
            draft_of[root] = (uint32_t)telling->phones.n;
            ARRAY_PUSH(&telling->phones)->first_frame = UINT32_MAX;
        }
        struct phone_draft *draft = &telling->phones.items[draft_of[root]];
        *ARRAY_ADD(&draft->hosts) = i;
        if (host->first_frame && host->first_frame < draft->first_frame)
            draft->first_frame = host->first_frame;
    }
    free(sets.parent);
    free(phone);
    free(draft_of);
}

static int by_first_frame(const void *a, const void *b) {
    const struct phone_draft *x = a, *y = b;

    if (x->first_frame != y->first_frame)
        return x->first_frame < y->first_frame ? -1 : 1;
    return x->hosts.items[0] < y->hosts.items[0] ? -1 : x->hosts.items[0] > y->hosts.items[0];
}

static void index_hosts(struct telling *telling) {
    for (uint32_t p = 0; p < telling->phones.n; p++) {
        struct phone_draft *draft = &telling->phones.items[p];
        for (size_t i = 0; i < draft->hosts.n; i++)
            index_put(&telling->phone_of_host,
                      address_key(&telling->c->hosts.items[draft->hosts.items[i]].ip), p);
    }
}

/* Clients that only ask DNS, from a phone's MAC: another address of that phone. */
static void adopt_dns_clients(struct telling *telling) {
    struct collection *c = telling->c;
    struct index_map phone_of_mac = {0};

    index_macs(telling, &phone_of_mac);
    for (size_t i = 0; i < c->queries.n; i++) {
        const struct seen_query *q = &c->queries.items[i];
        if (!q->mac.known || tell_phone_of(telling, &q->client) != NONE)
            continue;
        uint32_t p = index_get(&phone_of_mac, mac_key(&q->mac));
        if (p >= SEVERAL)
            continue;
        uint32_t host = collect_host(c, &q->client, q->query->t_ns);
        if (c->hosts.items[host].registrar || c->hosts.items[host].relay)
            continue;
        *ARRAY_ADD(&telling->phones.items[p].hosts) = host;
        index_put(&telling->phone_of_host, address_key(&q->client), p);
    }
    index_fini(&phone_of_mac);
}

/* ---- whose each record is ---- */

/* The phone of each wording; and whether it registers. */
static uint32_t *phones_of_wordings(struct telling *telling) {
    const struct collection *c = telling->c;
    uint32_t *phones = memory_new_zeroed(c->wordings.n, sizeof *phones);

    for (size_t i = 0; i < c->wordings.n; i++) {
        const struct wording *said = &c->wordings.items[i];
        phones[i] = tell_phone_of(telling, &c->hosts.items[said->host].ip);
        if (phones[i] != NONE && said->method == SIP_REGISTER)
            telling->phones.items[phones[i]].registers = true;
    }
    return phones;
}

/* Did it go over a connection of which one side alone could be read? */
static bool is_half_known(struct collection *c, const struct tx *tx) {
    const struct seen_connection *seen =
        c->half_read && tx->told.conn_id ? collect_connection(c, tx->told.conn_id) : NULL;

    return seen && seen->connection.half_read;
}

static void divide_transactions(struct telling *telling) {
    struct collection *c = telling->c;
    uint32_t *phones = phones_of_wordings(telling);

    for (uint32_t i = 0; i < c->txs.n; i++) {
        const struct tx *tx = &c->txs.items[i];
        if (is_half_known(c, tx))
            continue;
        enum sip_method method = wording_of(c, tx)->method;
        uint32_t p = phones[tx->wording];
        if (p != NONE)
            *ARRAY_ADD(&telling->phones.items[p].txs) = i;
        if (method == SIP_INVITE) {
            p = tell_phone_of(telling, &tx->dst.ip);
            if (p != NONE)
                *ARRAY_ADD(&telling->phones.items[p].incoming) = i;
        }
        if (tx->ends_subscription && tx->told.call_id) {
            p = tell_phone_of(telling, &tx->dst.ip);
            if (p != NONE)
                *ARRAY_ADD(&telling->phones.items[p].subscription_ends) =
                    (struct subscription_end){tx->told.call_id, wording_of(c, tx)->event,
                                              c->seen.items[tx->sends.first].t_ns};
        }
        if (method == SIP_BYE && tx->told.call_id) {
            uint64_t key = index_key(&tx->told.call_id, sizeof tx->told.call_id, 32);
            if (index_get(&telling->first_bye, key) == NONE)
                index_put(&telling->first_bye, key, i);
        }
    }
    free(phones);
}

static void divide_records(struct telling *telling) {
    struct collection *c = telling->c;

    divide_transactions(telling);
    for (uint32_t i = 0; i < c->queries.n; i++) {
        uint32_t p = tell_phone_of(telling, &c->queries.items[i].client);
        if (p != NONE)
            *ARRAY_ADD(&telling->phones.items[p].queries) = i;
    }
    for (uint32_t i = 0; i < c->connections.n; i++) {
        uint32_t p = tell_phone_of(telling, &c->connections.items[i].client);
        if (p != NONE)
            *ARRAY_ADD(&telling->phones.items[p].connections) = i;
    }
    struct index_map phone_of_mac = {0};
    index_macs(telling, &phone_of_mac);
    for (size_t i = 0; i < c->boots.n; i++) {
        uint32_t p = index_get(&phone_of_mac, mac_key(&c->boots.items[i].mac));
        if (p >= SEVERAL)
            continue;
        *ARRAY_ADD(&telling->phones.items[p].boots) = c->boots.items[i];
        *ARRAY_ADD(&telling->phones.items[p].restarts) = c->boots.items[i].t_ns;
    }
    index_fini(&phone_of_mac);
}

static int by_address(const void *a, const void *b) {
    return ip_compare(a, b);
}

/* Addresses, MAC and User-Agents, as the story gives them. */
static void describe(struct telling *telling, struct phone_draft *draft) {
    const struct collection *c = telling->c;
    struct arena *arena = &telling->story->arena;
    struct phone *phone = &draft->phone;
    struct ip_addr *addresses = ARENA_ARRAY(arena, struct ip_addr, draft->hosts.n);
    const char *agents[16];
    size_t agent_count = 0;

    phone->first_ns = INT64_MAX;
    phone->last_ns = INT64_MIN;
    for (size_t i = 0; i < draft->hosts.n; i++) {
        const struct seen_host *host = &c->hosts.items[draft->hosts.items[i]];
        addresses[i] = host->ip;
        if (!phone->mac.known)
            phone->mac = host->mac;
        if (host->first_ns < phone->first_ns)
            phone->first_ns = host->first_ns;
        if (host->last_ns > phone->last_ns)
            phone->last_ns = host->last_ns;
    }
    qsort(addresses, draft->hosts.n, sizeof *addresses, by_address);
    phone->addresses = addresses;
    phone->address_count = draft->hosts.n;
    for (size_t i = 0; i < draft->txs.n && agent_count < 16; i++) {
        const char *agent = wording_of(c, &c->txs.items[draft->txs.items[i]])->user_agent;
        size_t known = 0;
        while (known < agent_count && agents[known] != agent)
            known++;
        if (agent && known == agent_count)
            agents[agent_count++] = agent;
    }
    const char **kept = ARENA_ARRAY(arena, const char *, agent_count);
    for (size_t i = 0; i < agent_count; i++)
        kept[i] = agents[i];
    phone->user_agents = kept;
    phone->user_agent_count = agent_count;
    draft->tls_only = draft->txs.n == 0;
}

void tell_people(struct telling *telling) {
    make_phones(telling);
    if (telling->phones.n)
        qsort(telling->phones.items, telling->phones.n, sizeof *telling->phones.items,
              by_first_frame);
    index_hosts(telling);
    adopt_dns_clients(telling);
    divide_records(telling);
    for (size_t i = 0; i < telling->phones.n; i++)
        describe(telling, &telling->phones.items[i]);
}
