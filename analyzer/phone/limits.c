/* Which bounds of memory the capture reached, in words: what was given up is missing from the
 * story.
 */
#include "phone/tell.h"

enum { OF_RECORDS = NET_NOTE_COUNT, OF_SECRETS }; /* no notes */

static const struct {
    int note;
    const char *name;
    const char *text;
} limits[] = {
    {NET_LIMIT_FRAGMENTS, "ip-fragments",
     "more IP fragments open at once than are kept; the oldest were given up"},
    {NET_LIMIT_TUNNELS, "tunnels",
     "tunnels in one another deeper than 8; what they carry was not read"},
    {NET_LIMIT_CONNECTIONS, "tcp-connections",
     "more than 65536 TCP connections open at once; the oldest were given up"},
    {NET_LIMIT_STREAMS, "tcp-bytes",
     "more bytes of TCP streams behind a hole than are kept; the hole was passed over"},
    {NET_LIMIT_SCTP, "sctp-fragments",
     "more fragments of SCTP messages than are kept; the oldest were given up"},
    {NET_LIMIT_MESSAGE, "message-size",
     "a SIP message on a stream larger than 64 KiB of head or 1 MiB of body; it was passed over"},
    {NET_LIMIT_MESSAGES, "begun-messages",
     "more bytes of messages begun on streams than are kept; they were given up"},
    {NET_LIMIT_WEBSOCKET, "websocket-compression",
     "more than 256 WebSocket directions with compressed messages at once; theirs were passed "
     "over"},
    {OF_SECRETS, "tls-secrets-size",
     "more than 16 MiB of TLS secrets in a pcapng file; the blocks beyond were left out"},
    {OF_RECORDS, "records", "more records of one kind than are kept; the newest were left out"},
};

enum { LIMIT_COUNT = sizeof limits / sizeof *limits };

static uint64_t count_of(const struct collection *c, size_t limit) {
    switch (limits[limit].note) {
    case OF_RECORDS:
        return c->limit_records;
    case OF_SECRETS:
        return c->limit_secrets;
    default:
        return c->notes[limits[limit].note];
    }
}

/* "a limit was reached: …", and of several how often each. */
static const char *message_of(struct arena *arena, const struct limit_reached *reached, size_t n,
                              const size_t *which) {
    const char *message = "";

    if (n == 1)
        return arena_printf(arena, "a limit was reached: %s", limits[which[0]].text);
    for (size_t i = 0; i < n; i++)
        message = arena_printf(arena, "%s%s %s (%llu)", message,
                               i ? ";" : "limits were reached:", limits[which[i]].text,
                               (unsigned long long)reached[i].count);
    return message;
}

void tell_limits(struct telling *telling) {
    struct story *story = telling->story;
    struct arena *arena = &story->arena;
    struct limit_reached *reached = ARENA_ARRAY(arena, struct limit_reached, LIMIT_COUNT);
    size_t which[LIMIT_COUNT], n = 0;
    uint64_t all = 0;

    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        uint64_t count = count_of(telling->c, i);
        if (!count)
            continue;
        which[n] = i;
        reached[n++] = (struct limit_reached){limits[i].name, count};
        all += count;
    }
    if (n)
        story->warnings[WARNING_LIMIT_REACHED] =
            (struct warning){all, message_of(arena, reached, n, which)};
    story->limits = reached;
    story->limit_count = n;
}
