/* Yealink: account.N.… of the server redundancy guide ("Configuring Server Redundancy Using
 * Configuration Files", and appendix B).
 *
 *     sip_server.1 ──────┐ working server          outbound_proxy.1 ─┐ where outbound_proxy_enable
 *     sip_server.2 ──────┘ fallback server         outbound_proxy.2 ─┘ is 1: what the phone talks
 * to ▲                                              │ └──── a setting of proxy Y that is -1 or not
 * there is that of server Y
 *
 * The guide gives each server its own numbers of tries and its own way back. What is said of the
 * first one that the phone talks to stands at the top of the expectations, so that --set can change
 * it there; the others carry what differs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rules/expectations/merge.h"
#include "rules/expectations/phone_config/vendors.h"

enum { ACCOUNTS_MAX = 100, SERVERS = 2, ENTRIES_MAX = 2 * SERVERS, NAME_LEN = 128 };

/* ---- the tables ---- */

#define MOST 2147483647

static const struct choice NO_YES[] = {{"0", "false"}, {"1", "true"}, {NULL, NULL}};
static const struct choice TRANSPORTS[] = {
    {"0", "\"udp\""}, {"1", "\"tcp\""}, {"2", "\"tls\""}, {"3", "\"naptr\""}, {NULL, NULL}};
static const struct choice FAILBACK_MODES[] = {{"0", "\"new-requests\""},
                                               {"1", "\"dns-ttl\""},
                                               {"2", "\"registration\""},
                                               {"3", "\"duration\""},
                                               {NULL, NULL}};
static const struct choice IDLE_MODES[] = {
    {"0", NULL}, {"1", "true"}, {"2", "true"}, {"3", "true"}, {NULL, NULL}};
static const struct choice REDUNDANCY[] = {
    {"0", "\"concurrent\""}, {"1", "\"successive\""}, {NULL, NULL}};
static const struct choice SUCCESSIVE[] = {{"0", NULL}, {"1", "true"}, {NULL, NULL}};
static const struct choice CACHE[] = {
    {"0", "\"none\""}, {"1", "\"ttl\""}, {"2", "\"ttl\""}, {NULL, NULL}};
static const struct choice ADDITIONAL[] = {
    {"0", NULL}, {"1", "\"ignore\""}, {"2", "\"use\""}, {NULL, NULL}};
static const struct choice NAPTR_BUILD[] = {
    {"0", "[\"udp\"]"}, {"1", "[\"udp\", \"tcp\", \"tls\"]"}, {NULL, NULL}};

/* Of a server, behind sip_server.Y. */
static const struct row PORT = {"port", ROW_NUMBER, 0,      65535,  1,
                                0,      NULL,       "5060", "port", "port; 0: not set"};
static const struct row TRANSPORT = {"transport_type",
                                     ROW_CHOICE,
                                     0,
                                     3,
                                     1,
                                     0,
                                     TRANSPORTS,
                                     "0",
                                     "transport",
                                     "UDP, TCP, TLS, or as NAPTR says"};
static const struct row EXPIRES = {"expires", ROW_NUMBER, 30,     MOST,        1,
                                   0,         NULL,       "3600", "expires_s", "lifetime, seconds"};

/* Of a server, behind sip_server.Y., and of a proxy, behind outbound_proxy.Y. */
static const struct row LEVEL[] = {
    {"retry_counts", ROW_TRIES, 0, 20, 1, 0, NULL, "3", "retry.register.tries", "tries"},
    {"retry_counts", ROW_TRIES, 0, 20, 1, 0, NULL, "3", "retry.bye.tries", "tries"},
    {"retry_counts", ROW_TRIES, 0, 20, 1, 0, NULL, "3", "retry.other.tries", "tries"},
    {"invite_retry_counts", ROW_TRIES, 1, 10, 1, 0, NULL, "3", "retry.invite.tries", "tries"},
    {"register_on_enable", ROW_CHOICE, 0, 1, 1, 0, NO_YES, "0", "failover.register_first",
     "register at the other server first"},
    {"only_signal_with_registered", ROW_CHOICE, 0, 1, 1, 0, NO_YES, "0", "failover.only_registered",
     "send to servers with a registration only"},
    {"failback_mode", ROW_CHOICE, 0, 3, 1, 0, FAILBACK_MODES, "0", "failback.mode",
     "when to go back to the primary"},
    {"failback_mode", ROW_CHOICE, 0, 3, 1, 0, IDLE_MODES, "0", "failback.idle_only",
     "modes 1 to 3 act while the phone is idle"},
    {"failback_timeout", ROW_NUMBER, 0, 65535, 1, 60, NULL, "3600", "failback.timeout_s",
     "mode 3, seconds; 0: not until the next failover"},
    {"failback_subscribe.enable", ROW_CHOICE, 0, 1, 1, 0, NO_YES, "0", "failover.resubscribe",
     "subscribe anew at the other server; modes 1 to 3"},
};

enum { LEAVES = sizeof LEVEL / sizeof *LEVEL };

/* Of the account. */
static const struct row ACCOUNT[] = {
    {"fallback.redundancy_type", ROW_CHOICE, 0, 1, 1, 0, REDUNDANCY, "0", "fallback.registration",
     "two servers: registered at both, or at one at a time"},
    {"fallback.redundancy_type", ROW_CHOICE, 0, 1, 1, 0, SUCCESSIVE, "0", "fallback.after_expiry",
     "one at a time: the other when the registration has run out"},
    {"fallback.timeout", ROW_NUMBER, 10, MOST, 1, 0, NULL, "120", "fallback.probe_s",
     "one at a time: how often the working server is tried, seconds"},
    {"outbound_proxy_fallback_interval", ROW_NUMBER, 1, MOST, 1, 0, NULL, "3600",
     "fallback.proxy_probe_s", "how often the first proxy is tried, seconds"},
    {"dns_cache_type", ROW_CHOICE, 0, 2, 1, 0, CACHE, "1", "dns.cache", "keep answers or ask anew"},
    {"dns_cache_type", ROW_CHOICE, 0, 2, 1, 0, ADDITIONAL, "1", "dns.additional",
     "keep records of the additional section"},
    {"static_cache_pri", ROW_CHOICE, 0, 1, 1, 0, NO_YES, "0", "dns.static.prefer",
     "own records before the server's"},
    {"naptr_build", ROW_CHOICE, 0, 1, 1, 0, NAPTR_BUILD, "0", "dns.srv_without_naptr",
     "what is asked where NAPTR gives nothing"},
};

/* ---- settings of an account ---- */

struct account {
    struct config_source *source;
    unsigned number;
    struct overlay *overlay;
};

static const struct setting *find(const struct account *account, const char *group, int number,
                                  const char *name) {
    char key[NAME_LEN];

    if (group)
        snprintf(key, sizeof key, "account.%u.%s.%d.%s", account->number, group, number, name);
    else
        snprintf(key, sizeof key, "account.%u.%s", account->number, name);
    return settings_find(account->source->settings, key);
}

static const struct setting *server_setting(const struct account *account, int number,
                                            const char *name) {
    return find(account, "sip_server", number, name);
}

/* A proxy has the transport and the lifetime of the server of its number, else of server 1. */
static const struct setting *shared_setting(const struct account *account, int number,
                                            const char *name) {
    const struct setting *own = server_setting(account, number, name);

    return own ? own : server_setting(account, 1, name);
}

static bool is_on(const struct account *account, const char *name, bool otherwise) {
    const struct setting *setting = find(account, NULL, 0, name);
    long n;

    if (!setting || !row_number(setting, 0, 1, &n, account->source->arena, account->source->place))
        return otherwise;
    return n == 1;
}

/* The address of proxy Y; port: the setting of its port. Firmware 80 had other names for them. */
static const struct setting *proxy_address(const struct account *account, int number,
                                           const struct setting **port) {
    static const char *const older[SERVERS][2] = {{"outbound_host", "outbound_port"},
                                                  {"backup_outbound_host", "backup_outbound_port"}};
    const struct setting *address = find(account, "outbound_proxy", number, "address");

    *port = find(account, "outbound_proxy", number, "port");
    if (address)
        return address;
    if (!*port)
        *port = find(account, NULL, 0, older[number - 1][1]);
    return find(account, NULL, 0, older[number - 1][0]);
}

/* ---- servers and proxies ---- */

struct leaf {
    cJSON *value; /* NULL: the file says nothing */
    const struct setting *from;
    const char *note;
};

/* An entry of servers[] or outbound_proxies[]. */
struct entry {
    const char *list;
    int index, number;
    bool proxy;
    struct leaf leaves[LEAVES];
};

static void put_value(struct account *account, const struct entry *entry, const struct row *row,
                      const struct setting *setting) {
    cJSON *value = setting ? row_value(row, setting, account->source->arena, account->source->place)
                           : row_preset(row);

    if (value)
        overlay_put(account->overlay, value, setting, "%s.%d.%s", entry->list, entry->index,
                    row->key);
}

/* A proxy's setting, or that of the server of the same number. */
static const struct setting *level_setting(const struct account *account, const struct entry *entry,
                                           const char *name) {
    const struct setting *setting =
        entry->proxy ? find(account, "outbound_proxy", entry->number, name) : NULL;

    if (setting && strcmp(setting->value, "-1") != 0)
        return setting;
    return server_setting(account, entry->number, name);
}

static void gather_leaves(struct account *account, struct entry *entry) {
    for (size_t i = 0; i < LEAVES; i++) {
        const struct setting *from = level_setting(account, entry, LEVEL[i].name);
        if (!from)
            continue;
        entry->leaves[i] = (struct leaf){
            row_value(&LEVEL[i], from, account->source->arena, account->source->place), from, NULL};
        const cJSON *value = entry->leaves[i].value;
        if (LEVEL[i].least && value && cJSON_GetNumberValue(value) > (double)atol(from->value))
            entry->leaves[i].note = arena_printf(account->source->arena, "1 to %ld act as %ld",
                                                 LEVEL[i].least - 1, LEVEL[i].least);
    }
}

static size_t leaf_of(const char *key) {
    size_t i = 0;

    while (i + 1 < LEAVES && strcmp(LEVEL[i].key, key) != 0)
        i++;
    return i;
}

/* What holds for an entry: what the file says, else what it is laid over. */
static const cJSON *holds(const struct account *account, const struct entry *entry, size_t leaf) {
    const cJSON *said = entry->leaves[leaf].value;

    return said ? said : tree_at(account->source->base, LEVEL[leaf].key);
}

static void say_no(struct leaf *leaf, const char *note) {
    if (!cJSON_IsTrue(leaf->value))
        return;
    cJSON_Delete(leaf->value);
    leaf->value = tree_checked(cJSON_CreateFalse());
    leaf->note = note;
}

/* Some settings act together with others only. */
static void apply_conditions(const struct account *account, struct entry *entry) {
    struct leaf *only = &entry->leaves[leaf_of("failover.only_registered")];
    struct leaf *again = &entry->leaves[leaf_of("failover.resubscribe")];
    const char *mode = cJSON_GetStringValue(holds(account, entry, leaf_of("failback.mode")));
    bool goes_back_later = mode && strcmp(mode, "new-requests") != 0;
    bool registers = cJSON_IsTrue(holds(account, entry, leaf_of("failover.register_first")));

    if (entry->proxy && !(registers && goes_back_later))
        say_no(only, "of a proxy: acts with register_on_enable 1 and failback_mode 1 to 3 alone");
    if (!goes_back_later)
        say_no(again, "acts with failback_mode 1 to 3 alone");
}

static void put_entry(struct account *account, struct entry *entry, const struct setting *address,
                      const struct setting *port) {
    const char *host = address->value;

    overlay_put(account->overlay, cJSON_CreateString(host), address, "%s.%d.host", entry->list,
                entry->index);
    put_value(account, entry, &PORT, port);
    put_value(account, entry, &TRANSPORT, shared_setting(account, entry->number, TRANSPORT.name));
    put_value(account, entry, &EXPIRES, shared_setting(account, entry->number, EXPIRES.name));
    gather_leaves(account, entry);
    apply_conditions(account, entry);
}

static size_t put_entries(struct account *account, bool proxies, struct entry *entries) {
    size_t n = 0;

    for (int number = 1; number <= SERVERS; number++) {
        const struct setting *port = server_setting(account, number, PORT.name);
        const struct setting *address = proxies ? proxy_address(account, number, &port)
                                                : server_setting(account, number, "address");
        if (!address)
            continue;
        entries[n] = (struct entry){.list = proxies ? "outbound_proxies" : "servers",
                                    .index = (int)n,
                                    .number = number,
                                    .proxy = proxies};
        put_entry(account, &entries[n], address, port);
        n++;
    }
    return n;
}

static void put_leaf(struct account *account, const struct entry *entry, size_t i, bool top) {
    const struct leaf *leaf = &entry->leaves[i];
    cJSON *value = cJSON_Duplicate(holds(account, entry, i), true);

    if (top)
        overlay_put(account->overlay, value, leaf->from, "%s", LEVEL[i].key);
    else
        overlay_put(account->overlay, value, leaf->from, "%s.%d.%s", entry->list, entry->index,
                    LEVEL[i].key);
    overlay_note(account->overlay, leaf->note);
}

/* Of the first entry at the top, of the others where it differs. */
static void put_leaves(struct account *account, struct entry *entries, size_t n) {
    for (size_t i = 0; i < LEAVES; i++) {
        if (entries[0].leaves[i].value)
            put_leaf(account, &entries[0], i, true);
        for (size_t e = 1; e < n; e++)
            if (!cJSON_Compare(holds(account, &entries[e], i), holds(account, &entries[0], i),
                               true))
                put_leaf(account, &entries[e], i, false);
    }
    for (size_t e = 0; e < n; e++)
        for (size_t i = 0; i < LEAVES; i++)
            cJSON_Delete(entries[e].leaves[i].value);
}

/* The lifetime of the first one that the phone talks to is the account's. */
static void put_lifetime(struct account *account, const struct entry *first) {
    const struct setting *from = shared_setting(account, first->number, EXPIRES.name);
    char key[NAME_LEN];

    snprintf(key, sizeof key, "%s.0.expires_s", first->list);
    const cJSON *value = tree_at(account->overlay->tree, key);
    if (from && value)
        overlay_put(account->overlay, cJSON_Duplicate(value, true), from, "registration.expires_s");
}

/* ---- accounts ---- */

static void check_servers(const struct account *account) {
    const struct settings *settings = account->source->settings;
    char prefix[NAME_LEN];

    snprintf(prefix, sizeof prefix, "account.%u.sip_server.", account->number);
    for (size_t i = settings_from(settings, prefix); i < settings->list.n; i++) {
        const struct setting *setting = &settings->list.items[i];
        struct slice rest = slice_of_text(setting->name);
        uint64_t number;

        if (!slice_starts(rest, slice_of_text(prefix)))
            break;
        slice_skip(&rest, strlen(prefix));
        struct slice step = slice_between(rest, 0, slice_find(rest, '.'));
        if (*setting->value && (!slice_to_u64(step, &number) || number < 1 || number > SERVERS))
            config_wrong(account->source->place, setting->line, "%s: expected server 1 or 2",
                         setting->written);
    }
}

static bool understand(struct config_source *source, unsigned number,
                       struct config_account *account) {
    struct account in = {.source = source, .number = number, .overlay = &account->overlay};
    struct entry entries[ENTRIES_MAX];
    const struct setting *user;
    size_t n = 0;

    if (!is_on(&in, "enable", true))
        return false;
    overlay_init(&account->overlay, source->arena);
    check_servers(&in);
    if (is_on(&in, "outbound_proxy_enable", false))
        n = put_entries(&in, true, entries);
    n += put_entries(&in, false, entries + n);
    if (!n) {
        overlay_fini(&account->overlay);
        return false;
    }
    put_lifetime(&in, &entries[0]);
    account->number = number;
    put_leaves(&in, entries, n);
    for (size_t i = 0; i < sizeof ACCOUNT / sizeof *ACCOUNT; i++)
        row_put(&ACCOUNT[i], find(&in, NULL, 0, ACCOUNT[i].name), in.overlay, source->place);
    yealink_put_records(source, in.overlay);
    user = find(&in, NULL, 0, "user_name");
    if (!user)
        user = find(&in, NULL, 0, "register_name");
    if (!user)
        user = find(&in, NULL, 0, "auth_name");
    account->user = user ? user->value : NULL;
    return true;
}

/* The number in account.NUMBER.…; 0: none. */
static unsigned account_number(const struct setting *setting) {
    struct slice rest = slice_of_text(setting->name);
    uint64_t number;

    if (!slice_starts(rest, SLICE_LITERAL("account.")))
        return 0;
    slice_skip(&rest, sizeof "account." - 1);
    if (!slice_to_u64(slice_between(rest, 0, slice_find(rest, '.')), &number) ||
        number > ACCOUNTS_MAX)
        return 0;
    return (unsigned)number;
}

bool yealink_understand(struct config_source *source, struct config_accounts *accounts) {
    bool seen[ACCOUNTS_MAX + 1] = {false};
    const struct settings *settings = source->settings;

    for (size_t i = settings_from(settings, "account."); i < settings->list.n; i++)
        seen[account_number(&settings->list.items[i])] = true;
    for (unsigned number = 1; number <= ACCOUNTS_MAX; number++) {
        struct config_account account = {0};
        if (seen[number] && understand(source, number, &account))
            *ARRAY_PUSH(accounts) = account;
    }
    return source->place->line == 0;
}
