/* The story's warnings: what was wrong with the capture. */
#include "base/instant.h"
#include "phone/tell.h"

#include <inttypes.h>

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

void tell_warnings(struct telling *telling, const char *damaged) {
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
    const char *times_lack = story_times_lack(story);
    if (times_lack)
        warn(story, WARNING_CLOCK_BACKWARDS, story->packets,
             arena_printf(&story->arena, "%s: only the order of packets is known", times_lack));
    if (c->notes[NET_LINK_TYPE_UNKNOWN]) {
        int link_type = (int)c->note_value[NET_LINK_TYPE_UNKNOWN];
        const char *name = capture_link_type_name(link_type);
        bool private = link_type >= LINK_TYPE_USER0 && link_type <= LINK_TYPE_USER15;
        warn(story, WARNING_UNSUPPORTED_LINK_TYPE, c->notes[NET_LINK_TYPE_UNKNOWN],
             arena_printf(&story->arena, "link type %s (%d) is not read%s", name ? name : "unnamed",
                          link_type,
                          private ? ": a private one, whose meaning only its maker knows" : ""));
    }
    warn(story, WARNING_UNSUPPORTED_LINK_TYPE, c->notes[NET_HIDDEN],
         "frames are encrypted at the link layer (802.11, MACsec) and are not read");
    tell_limits(telling);
    tell_tls_unread(telling);
    tell_left_out(telling);
    warn(story, WARNING_TLS_LEFT_OUT, telling->left_out,
         "TLS connections went to a server of SIP's SRV records, but to a port that neither they "
         "nor "
         "custom give to SIP: they were left out");
    if (damaged)
        warn(story, WARNING_DAMAGED, 1, arena_text(&story->arena, slice_of_text(damaged)));
    tell_loss_warnings(telling);
}
