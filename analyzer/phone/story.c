/* From frames to the story: the collection runs while the capture goes by, the telling when it
 * ends. */
#include "phone/story.h"

#include "base/instant.h"
#include "phone/tell.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_ANSWERED] = "answered", [OUTCOME_UNAVAILABLE] = "unavailable",
    [OUTCOME_REFUSED] = "refused",   [OUTCOME_SILENT] = "silent",
    [OUTCOME_STALLED] = "stalled",   [OUTCOME_CUT] = "cut",
};

static const char *const resolution_names[] = {
    [RESOLUTION_RESOLVED] = "resolved",
    [RESOLUTION_NEGATIVE] = "negative",
    [RESOLUTION_UNANSWERED] = "unanswered",
    [RESOLUTION_FAILED] = "failed",
    [RESOLUTION_CUT] = "cut",
};

static const char *const event_names[EVENT_KIND_COUNT] = {
    [EVENT_FAILOVER] = "failover", [EVENT_FAILBACK] = "failback",
    [EVENT_PROBE] = "probe",       [EVENT_OUTAGE] = "outage",
    [EVENT_RECOVERY] = "recovery", [EVENT_REGISTERED] = "registered",
    [EVENT_LAPSED] = "lapsed",     [EVENT_UNREGISTERED] = "unregistered",
    [EVENT_CALL] = "call",         [EVENT_RESTART] = "restart",
};

static const char *const warning_names[WARNING_COUNT] = {
    [WARNING_TRUNCATED_PACKETS] = "truncated-packets",
    [WARNING_DUPLICATE_PACKETS] = "duplicate-packets",
    [WARNING_TCP_GAPS] = "tcp-gaps",
    [WARNING_CAPTURE_LOSS] = "capture-loss",
    [WARNING_DROPPED_PACKETS] = "dropped-packets",
    [WARNING_CLOCK_BACKWARDS] = "clock-backwards",
    [WARNING_UNSUPPORTED_LINK_TYPE] = "unsupported-link-type",
    [WARNING_DAMAGED] = "damaged",
    [WARNING_LIMIT_REACHED] = "limit-reached",
    [WARNING_ONE_WAY] = "one-way",
    [WARNING_BAD_CHECKSUM] = "bad-checksum",
    [WARNING_TLS_SECRETS] = "tls-secrets",
    [WARNING_TLS_LEFT_OUT] = "tls-left-out",
};

static const char *const loss_texts[LOSS_KIND_COUNT] = {
    [LOSS_TCP_GAP] = "bytes are missing from a TCP stream",
    [LOSS_ANSWER_ONLY] = "a DNS answer without its question",
    [LOSS_RESPONSE_ONLY] = "a SIP response without its request",
    [LOSS_ERROR_ONLY] = "an error of the network without the packet that it is about",
    [LOSS_ACK_ONLY] = "an ACK without the response that it confirms",
    [LOSS_GAP_SUMS] = "a gap between sends that is the sum of scheduled ones",
    [LOSS_EARLY_MOVE] = "a move sooner than T1 after a single try",
    [LOSS_DROP_COUNTER] = "the capture file counts dropped packets",
    [LOSS_NEIGHBOUR] = "nobody answered for the server's address on the local network",
    [LOSS_UNREPEATED] = "one send over UDP without an answer or a repetition",
    [LOSS_ANSWER_USED] = "a server that only a DNS answer missing here can have named",
    [LOSS_SNAPLEN] = "a message cut by the snapshot length",
    [LOSS_DAMAGED] = "a packet with a wrong checksum",
    [LOSS_FAR_ONLY] = "an answer that only the far capture point saw",
    [LOSS_HOLE] = "a hole in the phone's IP identifications",
    [LOSS_CSEQ] = "a hole in the phone's CSeq numbers",
    [LOSS_UNCONNECTED] = "a request over a connection of which no packet is there",
    [LOSS_ENCRYPTED] = "a TLS connection whose content could not be read",
    [LOSS_CHALLENGE] = "credentials for a challenge that is not there",
    [LOSS_ONE_WAY] = "answers that the phone acts upon, and none of that server is there",
};

const char *outcome_name(enum outcome outcome) {
    return outcome_names[outcome];
}

const char *connection_outcome(const struct connection *connection) {
    return connection->refused     ? "refused"
           : connection->timed_out ? "silent"
           : connection->accepted  ? "established"
                                   : "cut";
}

const char *resolution_outcome_name(enum resolution_outcome outcome) {
    return resolution_names[outcome];
}

const char *event_kind_name(enum event_kind kind) {
    return event_names[kind];
}

const char *warning_code_name(enum warning_code code) {
    return warning_names[code];
}

const char *loss_kind_text(enum loss_kind kind) {
    return loss_texts[kind];
}

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

struct story_builder {
    struct collection collection;
    struct message_reader *reader;
    struct story_options options;
    struct telling telling;
    char *damaged;
};

struct story_builder *story_begin(const struct story_options *options) {
    struct story_builder *builder = memory_new_zeroed(1, sizeof *builder);
    const struct message_handler handler = {.context = &builder->collection,
                                            .message = collect_message,
                                            .tls = collect_tls,
                                            .conn = collect_conn,
                                            .gap = collect_gap,
                                            .icmp = collect_icmp,
                                            .neighbour = collect_neighbour,
                                            .reported = collect_reported,
                                            .dhcp = collect_dhcp,
                                            .hole = collect_hole,
                                            .note = collect_note};

    collection_init(&builder->collection);
    if (options)
        builder->options = *options;
    builder->reader = message_reader_new(&handler);
    message_reader_secrets(builder->reader, builder->options.keylog);
    return builder;
}

static void note_link_type(struct collection *c, int link_type) {
    for (size_t i = c->link_types.n; i-- > 0;)
        if (c->link_types.items[i] == link_type)
            return;
    *ARRAY_PUSH(&c->link_types) = link_type;
}

/* Packets of several queues and interfaces are out of order by less; a clock that is set goes back
 * by more. Forward, only what no capture waits for can be told: a device that begins in 1970. */
#define CLOCK_STEP_NS ((int64_t)100000000)
#define CLOCK_SET_NS ((int64_t)60 * 24 * 3600 * 1000000000)

void story_feed(struct story_builder *builder, const struct frame *frame) {
    struct collection *c = &builder->collection;

    if (c->packets++ && frame->t_ns - c->frame_ns > CLOCK_SET_NS)
        c->clock_step_ns = frame->t_ns - c->frame_ns;
    if (!c->link_types.n || c->link_types.items[c->link_types.n - 1] != frame->link_type)
        note_link_type(c, frame->link_type);
    c->reported = false;
    c->frame_ns = frame->t_ns;
    message_reader_feed(builder->reader, frame);
    if (!c->reported)
        collect_time(c, frame->t_ns + c->agent_ahead_ns);
}

void story_damaged(struct story_builder *builder, const char *message) {
    free(builder->damaged);
    builder->damaged = strdup(message);
}

const uint32_t *tell_frames(struct telling *telling, const struct seen_list *list) {
    const struct collection *c = telling->c;

    if (list->count == 1)
        return &c->seen.items[list->first].frame;
    uint32_t *frames = ARENA_ARRAY(telling->arena, uint32_t, list->count);
    for (uint32_t i = 0, at = list->first; i < list->count; i++, at = c->seen.items[at].next)
        frames[i] = c->seen.items[at].frame;
    return frames;
}

const int64_t *tell_times(struct telling *telling, const struct seen_list *list) {
    const struct collection *c = telling->c;

    if (list->count == 1)
        return &c->seen.items[list->first].t_ns;
    int64_t *times = ARENA_ARRAY(telling->arena, int64_t, list->count);
    for (uint32_t i = 0, at = list->first; i < list->count; i++, at = c->seen.items[at].next)
        times[i] = c->seen.items[at].t_ns;
    return times;
}

/* ---- telling ---- */

static int by_sign(const void *a, const void *b) {
    const struct loss_sign *x = a, *y = b;

    if (x->from_ns != y->from_ns)
        return x->from_ns < y->from_ns ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* In vain, and on a port where SIP servers listen: nobody knows for what request, but a server was
 * seen to fail. */
static bool failed_for_sip(const struct connection *connection) {
    return connection->from_start && !connection->accepted &&
           tell_is_custom_port(connection->server.port);
}

static void tell_connections(struct telling *telling, struct phone_draft *draft) {
    struct collection *c = telling->c;
    struct connection *list = ARENA_ARRAY(telling->arena, struct connection, draft->connections.n);
    size_t count = 0;

    for (size_t i = 0; i < draft->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[draft->connections.items[i]];
        const struct ranked_server *meant = NULL;
        if (draft->tls_only && seen->connection.from_start && !seen->connection.accepted)
            meant = tell_listed(draft, &seen->connection.server);
        bool failed = !draft->tls_only && failed_for_sip(&seen->connection);
        bool sealed = seen->connection.tls && tell_may_carry_sip(draft, &seen->connection);
        if (!seen->connection.sip && !sealed && !seen->taken && !meant && !failed)
            continue;
        struct connection *out = &list[count++];
        *out = seen->connection;
        if (meant)
            out->server.transport = meant->server.transport;
        uint32_t *frames = ARENA_ARRAY(telling->arena, uint32_t, seen->syns.count + 1);
        if (seen->syn_frame)
            frames[out->syn_count++] = seen->syn_frame;
        uint32_t at = seen->syns.first;
        for (uint32_t n = 0; n < seen->syns.count; n++, at = c->seen.items[at].next)
            frames[out->syn_count++] = c->seen.items[at].frame;
        out->syn_frames = frames;
    }
    draft->phone.connections = list;
    draft->phone.connection_count = count;
}

static void tell_dns_connects(struct telling *telling, struct phone_draft *draft) {
    const struct collection *c = telling->c;
    struct dns_connect *list =
        ARENA_ARRAY(telling->arena, struct dns_connect, draft->connections.n);
    size_t count = 0;

    for (size_t i = 0; i < draft->connections.n; i++) {
        const struct seen_connection *seen = &c->connections.items[draft->connections.items[i]];
        const struct connection *connection = &seen->connection;
        if (connection->server.port == DNS_PORT && connection->from_start)
            list[count++] =
                (struct dns_connect){.resolver = {connection->server.ip, connection->server.port},
                                     .t_ns = connection->t_ns,
                                     .frame = seen->syn_frame};
    }
    draft->phone.dns_connects = list;
    draft->phone.dns_connect_count = count;
}

/* A phone's records lie scattered among those of all others, as the capture had them. They are
 * asked for together, instead of waiting for one after the other; of very many the first would be
 * gone again before they are read. */
static void expect_records(const struct collection *c, const struct phone_draft *draft) {
    enum { AT_ONCE = 1024 };
    const uint32_t *txs = draft->txs.items, *queries = draft->queries.items;
    size_t tx_count = draft->txs.n < AT_ONCE ? draft->txs.n : AT_ONCE;
    size_t query_count = draft->queries.n < AT_ONCE ? draft->queries.n : AT_ONCE;

    for (size_t i = 0; i < tx_count; i++)
        memory_expect(&c->txs.items[txs[i]], sizeof(struct tx));
    for (size_t i = 0; i < query_count; i++)
        memory_expect(&c->queries.items[queries[i]], sizeof(struct seen_query));
    for (size_t i = 0; i < tx_count; i++) {
        const struct tx *tx = &c->txs.items[txs[i]];
        if (tx->sends.count)
            memory_expect(&c->seen.items[tx->sends.first], sizeof(struct seen));
        if (tx->first_response != NONE)
            memory_expect(&c->responses.items[tx->first_response], sizeof(struct seen_response));
    }
    for (size_t i = 0; i < query_count; i++) {
        const struct seen_query *seen = &c->queries.items[queries[i]];
        memory_expect(seen->query, sizeof *seen->query);
        if (seen->sends.count)
            memory_expect(&c->seen.items[seen->sends.first], sizeof(struct seen));
    }
}

static void tell_phone(struct telling *telling, uint32_t p) {
    struct phone_draft *draft = &telling->phones.items[p];
    struct arena *arena = telling->arena;

    expect_records(telling->c, draft);
    /* It may be told before: that leaves no trace, but for what is the same each time. */
    if (!draft->divided) {
        tell_order(telling, draft);
        tell_accounts(telling, p);
        draft->own_restarts = draft->restarts.n;
        draft->divided = true;
    }
    draft->losses.n = 0;
    draft->restarts.n = draft->own_restarts;
    tell_resolutions(telling, draft);
    tell_losses(telling, draft);
    for (size_t i = 0; i < draft->connections.n; i++)
        telling->c->connections.items[draft->connections.items[i]].taken = false;
    draft->repeats = tell_repeats(telling, draft);
    for (size_t i = 0; i < draft->accounts.n; i++)
        tell_host(telling, draft, &telling->accounts.items[draft->accounts.items[i]]);
    for (size_t i = 0; i < draft->accounts.n; i++) {
        struct account_draft *account = &telling->accounts.items[draft->accounts.items[i]];
        tell_requests(telling, draft, account);
        tell_registrations(telling, account);
        tell_request_losses(telling, draft, account);
    }
    tell_connections(telling, draft);
    tell_dns_connects(telling, draft);
    for (size_t i = 0; i < draft->accounts.n; i++)
        tell_events(telling, draft, &telling->accounts.items[draft->accounts.items[i]]);

    struct account *accounts = ARENA_ARRAY(arena, struct account, draft->accounts.n);
    for (size_t i = 0; i < draft->accounts.n; i++)
        accounts[i] = telling->accounts.items[draft->accounts.items[i]].account;
    draft->phone.accounts = accounts;
    draft->phone.account_count = draft->accounts.n;

    struct loss_sign *losses = ARENA_ARRAY(arena, struct loss_sign, draft->losses.n);
    if (draft->losses.n) {
        memcpy(losses, draft->losses.items, draft->losses.n * sizeof *losses);
        array_sort(losses, draft->losses.n, sizeof *losses, by_sign);
    }
    draft->phone.losses = losses;
    draft->phone.loss_count = draft->losses.n;

    int64_t *restarts = ARENA_ARRAY(arena, int64_t, draft->restarts.n);
    if (draft->restarts.n) {
        memcpy(restarts, draft->restarts.items, draft->restarts.n * sizeof *restarts);
        array_sort(restarts, draft->restarts.n, sizeof *restarts, by_time);
    }
    draft->phone.restarts_ns = restarts;
    draft->phone.restart_count = draft->restarts.n;

    struct subscription_end *ends =
        ARENA_ARRAY(arena, struct subscription_end, draft->subscription_ends.n);
    if (draft->subscription_ends.n)
        memcpy(ends, draft->subscription_ends.items, draft->subscription_ends.n * sizeof *ends);
    draft->phone.subscription_ends = ends;
    draft->phone.subscription_end_count = draft->subscription_ends.n;
}

/* LINKTYPE_USER0 to 15: for anybody's private use. */
enum { LINK_TYPE_USER0 = 147, LINK_TYPE_USER15 = 162 };

static void warn(struct story *story, enum warning_code code, uint64_t count, const char *message) {
    if (count && !story->warnings[code].count)
        story->warnings[code] = (struct warning){count, message};
}

static uint64_t count_copies(const struct collection *c) {
    uint64_t count = c->copy_count + c->notes[NET_COPY];

    for (size_t i = 0; i < c->connections.n; i++)
        if (c->connections.items[i].connection.id)
            count += c->connections.items[i].copies;
    return count;
}

static void tell_warnings(struct telling *telling, const char *damaged) {
    struct story *story = telling->story;
    const struct collection *c = telling->c;

    warn(story, WARNING_TRUNCATED_PACKETS, c->notes[NET_CUT],
         c->headless ? arena_printf(&story->arena,
                                    "packets were cut by the snapshot length of the capture, %llu "
                                    "of them SIP messages cut before their Call-ID and CSeq: too "
                                    "little to tell whose they are (tcpdump -s 0 takes them whole)",
                                    (unsigned long long)c->headless)
                     : "packets were cut by the snapshot length of the capture");
    warn(story, WARNING_DUPLICATE_PACKETS, count_copies(c),
         "the capture holds packets more than once, as mirror ports and bridges give them; each "
         "counts once");
    warn(story, WARNING_BAD_CHECKSUM, c->notes[NET_BAD_CHECKSUM],
         "packets carry a wrong checksum: nobody received them");
    warn(story, WARNING_TCP_GAPS, c->notes[NET_TCP_GAP], "bytes are missing from TCP streams");
    warn(story, WARNING_DROPPED_PACKETS, story->dropped_packets,
         "the capture file says that packets were dropped while it was made");
    if (c->notes[NET_CLOCK_BACKWARDS]) {
        char step[SECONDS_TEXT_LEN];
        warn(story, WARNING_CLOCK_BACKWARDS, c->notes[NET_CLOCK_BACKWARDS],
             arena_printf(&story->arena,
                          "packets carry a time before that of the packet before them, by at most "
                          "%s s",
                          seconds_text(c->clock_step_ns, step)));
    }
    if (story_is_timeless(story))
        warn(story, WARNING_CLOCK_BACKWARDS, story->packets,
             "the capture has no times: all its packets carry the same");
    if (c->notes[NET_LINK_TYPE_UNKNOWN]) {
        int link_type = (int)c->note_value[NET_LINK_TYPE_UNKNOWN];
        const char *name = capture_link_type_name(link_type);
        bool private = link_type >= LINK_TYPE_USER0 && link_type <= LINK_TYPE_USER15;
        warn(story, WARNING_UNSUPPORTED_LINK_TYPE, c->notes[NET_LINK_TYPE_UNKNOWN],
             arena_printf(&story->arena, "link type %s (%d) is not read%s", name ? name : "unnamed",
                          link_type,
                          private ? ": what it means is known to those alone who wrote the capture"
                                  : ""));
    }
    warn(story, WARNING_UNSUPPORTED_LINK_TYPE, c->notes[NET_HIDDEN],
         "frames are encrypted at the link layer (802.11, MACsec) and are not read");
    tell_limits(telling);
    warn(story, WARNING_TLS_SECRETS, story->tls.unfit,
         "TLS connections could not be read, or only what one side sent, with the secrets that are "
         "given for them: they count as encrypted");
    tell_left_out(telling);
    warn(story, WARNING_TLS_LEFT_OUT, telling->left_out,
         "TLS connections went to a server of SIP's SRV records, but to a port that neither they "
         "nor "
         "custom give to SIP: they were left out");
    if (damaged)
        warn(story, WARNING_DAMAGED, 1, arena_text(&story->arena, slice_of_text(damaged)));
    tell_loss_warnings(telling);
}

static void telling_fini(struct telling *telling) {
    for (size_t i = 0; i < telling->phones.n; i++) {
        struct phone_draft *draft = &telling->phones.items[i];
        ARRAY_FINI(&draft->hosts);
        ARRAY_FINI(&draft->txs);
        ARRAY_FINI(&draft->queries);
        ARRAY_FINI(&draft->connections);
        ARRAY_FINI(&draft->incoming);
        ARRAY_FINI(&draft->accounts);
        ARRAY_FINI(&draft->lost);
        ARRAY_FINI(&draft->neighbours);
        ARRAY_FINI(&draft->losses);
        ARRAY_FINI(&draft->boots);
        ARRAY_FINI(&draft->restarts);
        ARRAY_FINI(&draft->subscription_ends);
    }
    for (size_t i = 0; i < telling->accounts.n; i++) {
        ARRAY_FINI(&telling->accounts.items[i].txs);
        ARRAY_FINI(&telling->accounts.items[i].follows);
    }
    ARRAY_FINI(&telling->phones);
    ARRAY_FINI(&telling->accounts);
    tell_accounts_fini(telling);
    arena_fini(&telling->of_phone);
    index_fini(&telling->phone_of_host);
    index_fini(&telling->first_bye);
}

/* What is known of all phones before any is told. */
static void begin_telling(struct telling *telling) {
    struct story *story = telling->story;

    tell_people(telling);
    tell_losses_divide(telling);
    telling->list = ARENA_ARRAY(&story->arena, struct phone, telling->phones.n);
    for (uint32_t p = 0; p < telling->phones.n; p++)
        telling->list[p] = telling->phones.items[p].phone;
    story->phones = telling->list;
    story->phone_count = telling->phones.n;
    story->srv_answers = telling->c->srv_answers.items;
    story->srv_answer_count = telling->c->srv_answers.n;
}

/* What the story itself says of the capture. */
static void describe_capture(struct story *story, const struct collection *c,
                             const char *const *files, size_t file_count) {
    const char **names = ARENA_ARRAY(&story->arena, const char *, file_count);
    int *link_types = ARENA_ARRAY(&story->arena, int, c->link_types.n);

    for (size_t i = 0; i < file_count; i++)
        names[i] = arena_text(&story->arena, slice_of_text(files[i]));
    for (size_t i = 0; i < c->link_types.n; i++)
        link_types[i] = c->link_types.items[i];
    story->files = names;
    story->file_count = file_count;
    story->packets = c->packets;
    story->sip = c->sip;
    story->start_ns = c->start_ns;
    story->end_ns = c->end_ns;
    story->link_types = link_types;
    story->link_type_count = c->link_types.n;
}

static void builder_free(struct story_builder *builder) {
    telling_fini(&builder->telling);
    collection_fini(&builder->collection);
    free(builder->damaged);
    free(builder);
}

struct story *story_end(struct story_builder *builder, const char *const *files, size_t file_count,
                        uint64_t dropped_packets) {
    struct collection *c = &builder->collection;
    struct story *story = memory_new_zeroed(1, sizeof *story);
    struct telling *telling = &builder->telling;

    message_reader_end(builder->reader);
    story->tls = *message_reader_tls(builder->reader);
    message_reader_free(builder->reader);
    builder->reader = NULL;
    collection_end(c);
    story->arena = c->arena;
    c->arena = (struct arena){0};
    *telling = (struct telling){.c = c, .story = story, .options = &builder->options};
    describe_capture(story, c, files, file_count);
    story->dropped_packets = dropped_packets;
    story->clock_stepped = builder->collection.clock_step_ns > CLOCK_STEP_NS;
    story->builder = builder;
    begin_telling(telling);
    if (builder->options.by_phone) {
        telling->arena = &telling->of_phone;
    } else {
        telling->arena = &story->arena;
        for (uint32_t p = 0; p < telling->phones.n; p++) {
            tell_phone(telling, p);
            telling->list[p] = telling->phones.items[p].phone;
        }
    }
    tell_warnings(telling, builder->damaged);
    return story;
}

static bool is_told_by_phone(const struct story *story) {
    return story->builder && story->builder->options.by_phone;
}

void story_enter_phone(const struct story *story, size_t p) {
    if (!is_told_by_phone(story))
        return;
    struct telling *telling = &story->builder->telling;
    tell_phone(telling, (uint32_t)p);
    telling->list[p] = telling->phones.items[p].phone;
}

void story_leave_phone(const struct story *story) {
    if (is_told_by_phone(story))
        arena_clear(&story->builder->telling.of_phone);
}

void story_free(struct story *story) {
    if (!story)
        return;
    builder_free(story->builder);
    arena_fini(&story->arena);
    free(story);
}
