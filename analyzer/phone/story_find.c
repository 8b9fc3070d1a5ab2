/* Finding in a story: what an account began by a time, a server among those of a walk. */
#include "phone/story.h"

/* How many of the items, in order of the time that stands at `at` in each, began before t, or at
 * it, too. */
static size_t begun(const void *items, size_t count, size_t size, size_t at, int64_t t_ns,
                    bool at_t) {
    size_t low = 0, high = count;
    int64_t begun_ns;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        memcpy(&begun_ns, (const uint8_t *)items + middle * size + at, sizeof begun_ns);
        if (begun_ns < t_ns || (at_t && begun_ns == t_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t requests_begun(const struct account *account, int64_t t_ns, bool at_t) {
    return begun(account->requests, account->request_count, sizeof(struct request),
                 offsetof(struct request, t_ns), t_ns, at_t);
}

static size_t registrations_begun(const struct account *account, int64_t t_ns, bool at_t) {
    return begun(account->registrations, account->registration_count, sizeof(struct registration),
                 offsetof(struct registration, t_ns), t_ns, at_t);
}

size_t account_requests_before(const struct account *account, int64_t t_ns) {
    return requests_begun(account, t_ns, false);
}

size_t account_requests_until(const struct account *account, int64_t t_ns) {
    return requests_begun(account, t_ns, true);
}

size_t account_registrations_before(const struct account *account, int64_t t_ns) {
    return registrations_begun(account, t_ns, false);
}

size_t account_registrations_until(const struct account *account, int64_t t_ns) {
    return registrations_begun(account, t_ns, true);
}

const struct ranked_server *resolution_find(const struct resolution *resolution,
                                            const struct server *server) {
    for (size_t i = 0; i < resolution->server_count; i++) {
        const struct ranked_server *known = &resolution->servers[i];
        if (ip_eq(&known->server.ip, &server->ip) &&
            (!known->port_known || known->server.port == server->port) &&
            (!known->transport_known || known->server.transport == server->transport))
            return known;
    }
    return NULL;
}
