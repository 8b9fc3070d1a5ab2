/* Grandstream: P-values and named items of the provisioning templates, and what the DNS SRV guide
 * says of them ("Configuring DNS-SRV On GRP26XX").
 *
 *     DNS mode 0, 1, 2   SIP Server ──────┐ two servers    Outbound Proxy ────────┐ where there is
 *                        Secondary Server ┘                Backup Outbound Proxy ─┘ one: lookups
 *                                                                                   ask for it
 *     DNS mode 3         Primary IP, Backup IP 1, Backup IP 2 in place of any lookup: one list,
 *                        unless the SIP Server is an address itself
 *
 * Register expiration and failback timer are in minutes, all other times in seconds.
 */
#include <stdio.h>

#include "base/address.h"
#include "rules/expectations/merge.h"
#include "rules/expectations/phone_config/vendors.h"

enum { ACCOUNTS_MAX = 100, P_ACCOUNTS = 4, NAME_LEN = 128, MINUTES_MAX = 64800, ADDRESSES = 3 };

/* ---- the tables ---- */

enum item {
    ITEM_ACTIVE,
    ITEM_USER,
    ITEM_SERVER,
    ITEM_SECOND_SERVER,
    ITEM_PROXY,
    ITEM_SECOND_PROXY,
    ITEM_DNS_MODE,
    ITEM_PRIMARY_IP,
    ITEM_BACKUP_IP_1,
    ITEM_BACKUP_IP_2,
    ITEM_EXPIRATION,
    ITEM_REGISTER_BEFORE,
    ITEM_T1,
    ITEM_T2,
    ITEM_TRANSPORT,
    ITEM_RETRIES,
    ITEM_FAILOVER_MODE,
    ITEM_FAILBACK_TIMER,
    ITEM_REGISTER_FIRST,
    ITEM_COUNT,
};

/* How a setting is named: its P-value for accounts 1 to 4 (0: none), its name below account.N. */
static const struct {
    unsigned p[P_ACCOUNTS];
    const char *name;
} ITEMS[ITEM_COUNT] = {
    [ITEM_ACTIVE] = {{271, 401, 501, 601}, "enable"},
    [ITEM_USER] = {{35, 404, 504, 604}, "sip.userid"},
    [ITEM_SERVER] = {{47, 402, 502, 602}, "sip.server.1.address"},
    [ITEM_SECOND_SERVER] = {{2312, 2412, 2512, 2612}, "sip.server.2.address"},
    [ITEM_PROXY] = {{48, 403, 503, 603}, "sip.outboundProxy.1.address"},
    [ITEM_SECOND_PROXY] = {{2333, 2433, 2533, 2633}, "sip.outboundProxy.2.address"},
    [ITEM_DNS_MODE] = {{103, 408, 508, 608}, "network.dnsMode"},
    [ITEM_PRIMARY_IP] = {{2308, 2408, 2508, 2608}, "network.primaryIp"},
    [ITEM_BACKUP_IP_1] = {{2309, 2409, 2509, 2609}, "network.backupIp.1"},
    [ITEM_BACKUP_IP_2] = {{2310, 2410, 2510, 2610}, "network.backupIp.2"},
    [ITEM_EXPIRATION] = {{32, 412, 512, 612}, "sip.registerExpiration"},
    [ITEM_REGISTER_BEFORE] = {{2330, 2430, 2530, 2630}, "sip.registerBeforeExpiration"},
    [ITEM_T1] = {{209, 440, 540, 640}, "sip.timer.t1"},
    [ITEM_T2] = {{250, 441, 541, 641}, "sip.timer.t2"},
    [ITEM_TRANSPORT] = {{130, 448, 548, 648}, "sip.transport"},
    [ITEM_RETRIES] = {{60055}, "network.maxNumOfRetries"},
    [ITEM_FAILOVER_MODE] = {{26040}, "network.dnsSRVFailoverMode"},
    [ITEM_FAILBACK_TIMER] = {{60056}, "network.failbackTimer"},
    [ITEM_REGISTER_FIRST] = {{29095}, "network.dnsSRVRegisterBeforeFailover"},
};

static const struct choice NO_YES[] = {{"0|No", "false"}, {"1|Yes", "true"}, {NULL, NULL}};
static const struct choice DNS_MODES[] = {{"0|ARecord", "\"a\""},
                                          {"1|SRV", "\"srv\""},
                                          {"2|NaptrOrSrv|NAPTR/SRV", "\"naptr\""},
                                          {"3|UseConfiguredIP", "\"configured\""},
                                          {NULL, NULL}};
static const struct choice FAILOVER_MODES[] = {{"0|Default", "\"registration\""},
                                               {"1|SavedOneUntilDNSTTL", "\"dns-ttl\""},
                                               {"2|SavedOneUntilNoResponse|"
                                                "SavedOneUntilNoResponses",
                                                "\"sticky\""},
                                               {"3|SavedOneUntilFailbackTimeout", "\"duration\""},
                                               {NULL, NULL}};
static const struct choice TRANSPORTS[] = {{"0|UDP", "\"udp\""},
                                           {"1|TCP", "\"tcp\""},
                                           {"2|TlsOrTcp|TLS/TCP|TLS", "\"tls\""},
                                           {NULL, NULL}};
static const struct choice T1[] = {
    {"50|0.5sec", "0.5"}, {"100|1sec", "1"}, {"200|2sec", "2"}, {NULL, NULL}};
static const struct choice T2[] = {
    {"200|2sec", "2"}, {"400|4sec", "4"}, {"800|8sec", "8"}, {NULL, NULL}};

static const struct row ACTIVE = {NULL, ROW_CHOICE, 0,   0,    1,
                                  0,    NO_YES,     "1", NULL, "account active"};
static const struct row DNS_MODE = {
    NULL, ROW_CHOICE, 0, 0, 1, 0, DNS_MODES, "0", "dns.mode", "with which lookup the phone begins"};
static const struct row TRANSPORT = {NULL, ROW_CHOICE, 0,   0,           1,
                                     0,    TRANSPORTS, "0", "transport", "UDP, TCP or TLS"};
static const struct row EXPIRATION = {NULL,
                                      ROW_NUMBER,
                                      1,
                                      MINUTES_MAX,
                                      60,
                                      0,
                                      NULL,
                                      "60",
                                      "registration.expires_s",
                                      "lifetime of the registration, minutes"};

static const struct item_row {
    enum item item;
    struct row row;
} ROWS[] = {
    {ITEM_T1, {NULL, ROW_CHOICE, 0, 0, 1, 0, T1, "50", "retry.t1_s", "T1"}},
    {ITEM_T2, {NULL, ROW_CHOICE, 0, 0, 1, 0, T2, "400", "retry.t2_s", "T2"}},
    {ITEM_RETRIES,
     {NULL, ROW_TRIES, 1, 10, 1, 0, NULL, NULL, "retry.register.tries", "request retries"}},
    {ITEM_RETRIES,
     {NULL, ROW_TRIES, 1, 10, 1, 0, NULL, NULL, "retry.invite.tries", "request retries"}},
    {ITEM_RETRIES,
     {NULL, ROW_TRIES, 1, 10, 1, 0, NULL, NULL, "retry.bye.tries", "request retries"}},
    {ITEM_FAILOVER_MODE,
     {NULL, ROW_CHOICE, 0, 0, 1, 0, FAILOVER_MODES, "0", "failback.mode",
      "DNS SRV fail-over mode"}},
    {ITEM_FAILBACK_TIMER,
     {NULL, ROW_NUMBER, 0, MINUTES_MAX, 60, 0, NULL, "60", "failback.timeout_s",
      "failback timer, minutes"}},
    {ITEM_REGISTER_FIRST,
     {NULL, ROW_CHOICE, 0, 0, 1, 0, NO_YES, "0", "failover.register_first",
      "register before fail-over"}},
};

/* ---- settings of an account ---- */

struct account {
    struct config_source *source;
    unsigned number;
    struct overlay *overlay;
};

/* The later one in the file, where both names are used. */
static const struct setting *find(const struct account *account, enum item item) {
    const struct settings *settings = account->source->settings;
    const struct setting *named, *numbered = NULL;
    char name[NAME_LEN];

    snprintf(name, sizeof name, "account.%u.%s", account->number, ITEMS[item].name);
    named = settings_find(settings, name);
    if (account->number <= P_ACCOUNTS && ITEMS[item].p[account->number - 1]) {
        snprintf(name, sizeof name, "P%u", ITEMS[item].p[account->number - 1]);
        numbered = settings_find(settings, name);
    }
    return !named || (numbered && numbered->order > named->order) ? numbered : named;
}

static cJSON *value_of(const struct account *account, const struct row *row,
                       const struct setting *setting) {
    return setting ? row_value(row, setting, account->source->arena, account->source->place)
                   : row_preset(row);
}

/* ---- servers ---- */

/* host, host:port, 192.0.2.1:5080, [2001:db8::1]:5060. false: behind the last colon is no port. */
static bool split(const char *text, struct slice *host, uint64_t *port) {
    const char *colon = strrchr(text, ':');
    struct ip_addr ip;

    *host = slice_of_text(text);
    *port = 0;
    if (colon && !ip_parse(*host, &ip)) {
        *host = slice_of(text, (size_t)(colon - text));
        if (!slice_to_u64(slice_of_text(colon + 1), port) || !*port || *port > 65535)
            return false;
    }
    if (host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']')
        *host = slice_between(*host, 1, host->len - 1);
    return true;
}

static void put_server(struct account *account, const char *list, int index,
                       const struct setting *address, const struct setting *port_of,
                       const char *mode) {
    const struct setting *transport = find(account, ITEM_TRANSPORT);
    const struct setting *expiration = find(account, ITEM_EXPIRATION);
    struct overlay *overlay = account->overlay;
    struct arena *arena = account->source->arena;
    struct slice host, unused;
    uint64_t port, own_port;

    if (!split(address->value, &host, &own_port)) {
        config_wrong(account->source->place, address->line,
                     "%s: expected a host, or host:port with a port from 1 to 65535, found %s",
                     address->written, config_quoted(address->value, arena));
        return;
    }
    port = own_port;
    if (!own_port && port_of && !split(port_of->value, &unused, &port))
        port = 0;
    overlay_put(overlay, cJSON_CreateString(arena_text(arena, host)), address, "%s.%d.host", list,
                index);
    overlay_put(overlay, cJSON_CreateNumber((double)port),
                own_port ? address
                : port   ? port_of
                         : NULL,
                "%s.%d.port", list, index);
    /* Where NAPTR is asked, its records say the transport, among those that the phone is set to. */
    cJSON *value = strcmp(mode, "naptr") == 0 ? cJSON_CreateString("naptr")
                                              : value_of(account, &TRANSPORT, transport);
    if (value)
        overlay_put(overlay, value, transport, "%s.%d.transport", list, index);
    value = value_of(account, &EXPIRATION, expiration);
    if (value)
        overlay_put(overlay, value, expiration, "%s.%d.expires_s", list, index);
}

static int put_servers(struct account *account, const char *list, const enum item *items, size_t n,
                       const struct setting *port_of, const char *mode) {
    int index = 0;

    for (size_t i = 0; i < n; i++) {
        const struct setting *address = find(account, items[i]);
        if (address)
            put_server(account, list, index++, address, port_of, mode);
    }
    return index;
}

/* ---- the account ---- */

static bool is_numeric(const struct setting *address) {
    struct slice host;
    struct ip_addr ip;
    uint64_t port;

    return address && split(address->value, &host, &port) && ip_parse(host, &ip);
}

/* "a", "srv", "naptr" or "configured"; with configured addresses only where there are some, and the
 * server is no address itself. */
static const char *dns_mode(struct account *account, const struct setting *server) {
    const struct setting *setting = find(account, ITEM_DNS_MODE);
    cJSON *value = value_of(account, &DNS_MODE, setting);
    const char *mode = value ? cJSON_GetStringValue(value) : "a";
    bool useless = strcmp(mode, "configured") == 0 &&
                   (is_numeric(server) ||
                    (!find(account, ITEM_PRIMARY_IP) && !find(account, ITEM_BACKUP_IP_1) &&
                     !find(account, ITEM_BACKUP_IP_2)));

    mode = arena_text(account->source->arena, slice_of_text(useless ? "a" : mode));
    cJSON_Delete(value);
    if (setting || account->source->presets)
        overlay_put(account->overlay, cJSON_CreateString(mode), setting, "dns.mode");
    return mode;
}

/* Re-registration n seconds before the end of the lifetime: its refresh comes by then at the
 * latest. */
static void put_refresh(struct account *account) {
    const struct setting *before = find(account, ITEM_REGISTER_BEFORE);
    const struct setting *expiration = find(account, ITEM_EXPIRATION);
    struct config_source *source = account->source;
    long seconds, minutes = 60;

    if (!before || !row_number(before, 0, MINUTES_MAX, &seconds, source->arena, source->place) ||
        !seconds)
        return;
    if (expiration &&
        !row_number(expiration, 1, MINUTES_MAX, &minutes, source->arena, source->place))
        return;
    if (seconds >= minutes * 60) {
        config_wrong(source->place, before->line,
                     "%s: expected less than the lifetime of %ld s, found %s", before->written,
                     minutes * 60, config_quoted(before->value, source->arena));
        return;
    }
    const double parts[] = {0, 1 - (double)seconds / (double)(minutes * 60)};
    overlay_put(account->overlay, cJSON_CreateDoubleArray(parts, 2), before,
                "registration.refresh");
}

static void put_transports(struct account *account, const char *mode) {
    const struct setting *transport = find(account, ITEM_TRANSPORT);
    cJSON *value =
        transport && strcmp(mode, "naptr") == 0 ? value_of(account, &TRANSPORT, transport) : NULL;

    if (!value)
        return;
    cJSON *list = tree_checked(cJSON_CreateArray());
    cJSON_AddItemToArray(list, value);
    overlay_put(account->overlay, list, transport, "dns.transports");
}

static bool is_active(const struct account *account) {
    const struct setting *setting = find(account, ITEM_ACTIVE);
    cJSON *value = value_of(account, &ACTIVE, setting);
    bool active = !cJSON_IsFalse(value);

    cJSON_Delete(value);
    return active;
}

static bool understand(struct config_source *source, unsigned number,
                       struct config_account *account) {
    static const enum item servers[] = {ITEM_SERVER, ITEM_SECOND_SERVER};
    static const enum item proxies[] = {ITEM_PROXY, ITEM_SECOND_PROXY};
    static const enum item addresses[] = {ITEM_PRIMARY_IP, ITEM_BACKUP_IP_1, ITEM_BACKUP_IP_2};
    struct account in = {.source = source, .number = number, .overlay = &account->overlay};
    const struct setting *server = find(&in, ITEM_SERVER), *user = find(&in, ITEM_USER);
    const struct setting *expiration = find(&in, ITEM_EXPIRATION);
    const struct setting *proxy = find(&in, ITEM_PROXY);

    if ((!server && !proxy) || !is_active(&in))
        return false;
    overlay_init(&account->overlay, source->arena);
    const char *mode = dns_mode(&in, proxy ? proxy : server);
    if (strcmp(mode, "configured") == 0) {
        put_servers(&in, "servers", addresses, ADDRESSES, proxy ? proxy : server, mode);
    } else {
        put_servers(&in, "servers", servers, 2, NULL, mode);
        put_servers(&in, "outbound_proxies", proxies, 2, NULL, mode);
    }
    put_transports(&in, mode);
    row_put(&EXPIRATION, expiration, in.overlay, source->place);
    put_refresh(&in);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        row_put(&ROWS[i].row, find(&in, ROWS[i].item), in.overlay, source->place);
    account->number = number;
    account->user = user ? user->value : NULL;
    return true;
}

static void mark_named(const struct settings *settings, bool *seen) {
    for (size_t i = settings_from(settings, "account."); i < settings->list.n; i++) {
        struct slice rest = slice_of_text(settings->list.items[i].name);
        uint64_t number;

        if (!slice_starts(rest, SLICE_LITERAL("account.")))
            break;
        slice_skip(&rest, sizeof "account." - 1);
        if (slice_to_u64(slice_between(rest, 0, slice_find(rest, '.')), &number) &&
            number <= ACCOUNTS_MAX)
            seen[number] = true;
    }
}

bool grandstream_understand(struct config_source *source, struct config_accounts *accounts) {
    bool seen[ACCOUNTS_MAX + 1] = {false};

    mark_named(source->settings, seen);
    for (unsigned number = 1; number <= ACCOUNTS_MAX; number++) {
        struct config_account account = {0};
        if ((number <= P_ACCOUNTS || seen[number]) && understand(source, number, &account))
            *ARRAY_PUSH(accounts) = account;
    }
    return source->place->line == 0;
}
