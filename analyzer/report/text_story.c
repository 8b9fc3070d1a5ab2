/* `show` in words: a timeline for each account.
 *
 *    time s  frame
 *    51.270    238 lookup       test.grandstream.com resolved
 *                       SRV _sip._udp.test.grandstream.com (2) > A test2.grandstream.com (1)
 *                       1. 192.168.10.13:5060/udp test2.grandstream.com priority 1, weight 1
 *    51.844    955 REGISTER     192.168.10.13:5060/udp silent after 3 tries in 1.5 s
 *    53.344    990 failover     192.168.10.13:5060/udp -> 192.168.10.12:5060/udp
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/frame_text.h"
#include "report/text.h"
#include "report/text_common.h"
#include "report/timeline.h"

enum {
    COLUMN_TIME_END = 10,
    COLUMN_FRAME_END = 17,
    COLUMN_WHAT = 18,
    COLUMN_DETAIL = 20,
    COLUMN_TEXT = 31,
    FILE_WIDTH = 3, /* of a merged set frames are wider by this: "2:17" */
    SERVERS_SHOWN = 8,
    COPIES_FOLDED = 3, /* so many copies and more are told once */
};

struct view {
    struct sink sink;
    struct text_writer text;
    bool verbose, any;
    const struct story *story;
    const struct resolution *told_lookup; /* the one told last; NULL: none */
};

static void styled(struct text_writer *text, enum text_style style, const char *words) {
    text_style(text, style);
    text_words(text, words);
    text_style(text, STYLE_PLAIN);
}

/* Time, frame and what it is; what follows begins at COLUMN_TEXT. */
static void begin_line(struct view *view, int64_t t_ns, uint32_t frame, enum text_style style,
                       const char *what) {
    struct text_writer *text = &view->text;
    const struct merge *merge = view->story->merge;
    unsigned wider = merge ? FILE_WIDTH : 0;
    char room[32], number[FRAME_TEXT_LEN] = "-";

    text_margin(text, 0);
    text_offset(view->story, t_ns, room);
    if (strlen(room) < COLUMN_TIME_END)
        text_column(text, COLUMN_TIME_END - (unsigned)strlen(room));
    text_words(text, room);
    if (frame)
        frame_text(merge, frame, number);
    if (strlen(number) < COLUMN_FRAME_END + wider)
        text_column(text, COLUMN_FRAME_END + wider - (unsigned)strlen(number));
    text_words(text, number);
    text_column(text, COLUMN_WHAT + wider);
    styled(text, style, what);
    text_margin(text, COLUMN_TEXT + wider);
    text_column(text, COLUMN_TEXT + wider);
}

static void detail_line(struct view *view) {
    text_line(&view->text);
    text_margin(&view->text, COLUMN_DETAIL + 2);
    text_column(&view->text, COLUMN_DETAIL);
}

/* ---- lookups ---- */

static enum text_style lookup_style(enum resolution_outcome outcome) {
    return outcome == RESOLUTION_RESOLVED ? STYLE_PASS
           : outcome == RESOLUTION_CUT    ? STYLE_OPEN
                                          : STYLE_FAIL;
}

/* Nothing to remark on: asked once, answered with records. */
static bool plain_query(const struct query *query) {
    return query->rcode == 0 && query->answer_count && query->send_count == 1 && !query->refused &&
           !query->truncated && query->transport == TRANSPORT_UDP;
}

/* One step of the chain: "SRV _sip._udp.example.com (2)", and what was odd about it. */
static void put_query(struct view *view, const struct query *query) {
    struct text_writer *text = &view->text;
    char room[16], step[300], ip[IP_TEXT_LEN], duration[32];

    if (query->rcode == 0) {
        /* In one piece: a count at the beginning of a line would tell nothing. */
        snprintf(step, sizeof step, "%s %.255s (%u)", dns_type_text(query->type, room), query->name,
                 query->answer_count);
        text_piece(text, step);
    } else {
        text_printf(text, "%s %s", dns_type_text(query->type, room), query->name);
        styled(text, STYLE_FAIL,
               query->rcode < 0 ? "no answer" : dns_rcode_text((uint8_t)query->rcode, room));
    }
    if (query->send_count > 1)
        text_printf(text, "- asked %zu times", query->send_count);
    if (query->refused)
        text_words(text, "- port unreachable");
    if (query->truncated)
        text_words(text, "- truncated");
    if (query->transport != TRANSPORT_UDP)
        text_printf(text, "- over %s", transport_name(query->transport));
    if (view->verbose) {
        char question[FRAME_TEXT_LEN], answer[FRAME_TEXT_LEN];
        text_printf(text, "by %s", ip_text(&query->resolver.ip, ip));
        if (query->answer_frame && query->send_count)
            text_printf(text, "in %s, frames %s and %s",
                        text_duration(query->answer_t_ns - query->t_ns, duration),
                        frame_text(view->story->merge, query->frames[0], question),
                        frame_text(view->story->merge, query->answer_frame, answer));
    }
}

static void put_ranked(struct view *view, const struct ranked_server *ranked) {
    struct text_writer *text = &view->text;
    char room[SERVER_TEXT_LEN], ttl[24];

    text_printf(text, "%u. %s", ranked->rank, server_text(&ranked->server, room));
    if (ranked->target)
        text_words(text, ranked->target);
    if (ranked->from_srv)
        text_printf(text, "priority %u weight %u", ranked->priority, ranked->weight);
    if (ranked->has_ttl) {
        snprintf(ttl, sizeof ttl, "TTL %u s", ranked->ttl_s);
        text_piece(text, ttl);
    }
}

/* Does it tell what was told last, TTLs aside: the same list, got by the same questions? */
static bool same_list(const struct resolution *a, const struct resolution *b) {
    if (a->server_count != b->server_count)
        return false;
    for (size_t i = 0; i < a->server_count; i++)
        if (a->servers[i].rank != b->servers[i].rank ||
            !server_eq(&a->servers[i].server, &b->servers[i].server))
            return false;
    return true;
}

static bool as_before(const struct resolution *a, const struct resolution *b) {
    if (!a || a->host != b->host || a->query_count != b->query_count || !same_list(a, b))
        return false;
    for (size_t i = 0; i < a->query_count; i++)
        if (a->queries[i]->type != b->queries[i]->type ||
            a->queries[i]->name != b->queries[i]->name || !plain_query(b->queries[i]))
            return false;
    return true;
}

static void put_chain(struct view *view, const struct resolution *lookup) {
    for (size_t i = 0; i < lookup->query_count; i++) {
        if (i == 0 || view->verbose)
            detail_line(view);
        else
            text_words(&view->text, ">");
        put_query(view, lookup->queries[i]);
    }
}

static void put_servers(struct view *view, const struct resolution *lookup) {
    for (size_t i = 0; i < lookup->server_count; i++) {
        detail_line(view);
        if (i == SERVERS_SHOWN && !view->verbose) {
            text_printf(&view->text, "and %zu more servers", lookup->server_count - i);
            break;
        }
        put_ranked(view, &lookup->servers[i]);
    }
}

static void put_lookup(struct view *view, const struct moment *moment) {
    const struct resolution *lookup = moment->lookup;
    const struct resolution *last = view->told_lookup;
    struct text_writer *text = &view->text;

    begin_line(view, moment->t_ns, moment->frame, STYLE_PLAIN, "lookup");
    text_words(text, lookup->host);
    styled(text, lookup_style(lookup->outcome), resolution_outcome_name(lookup->outcome));
    if (lookup->starts_midway)
        text_words(text, "(its first steps are not in the capture)");
    if (!view->verbose && as_before(last, lookup)) {
        text_words(text, "as before");
    } else {
        put_chain(view, lookup);
        if (!view->verbose && last && lookup->server_count && same_list(last, lookup)) {
            detail_line(view);
            text_words(text, "the servers are those of before");
        } else {
            put_servers(view, lookup);
        }
    }
    view->told_lookup = lookup;
    text_line(text);
}

/* ---- attempts ---- */

static enum text_style attempt_style(const struct attempt *attempt) {
    switch (attempt->outcome) {
    case OUTCOME_ANSWERED:
        return attempt->final_status < 300 ? STYLE_PASS : STYLE_PLAIN;
    case OUTCOME_UNAVAILABLE:
    case OUTCOME_REFUSED:
    case OUTCOME_SILENT:
        return STYLE_FAIL;
    case OUTCOME_STALLED:
    case OUTCOME_CUT:
    case OUTCOME_COUNT:
        break;
    }
    return STYLE_OPEN;
}

static void put_sends(struct view *view, const struct attempt *attempt) {
    if (attempt->send_count < 1)
        return;
    detail_line(view);
    text_words(&view->text, "sent");
    for (size_t i = 0; i < attempt->send_count; i++) {
        char room[32], frame[FRAME_TEXT_LEN];
        text_printf(&view->text, "%s%s (frame %s)%s", attempt->send_list[i].connect ? "SYN " : "",
                    text_offset(view->story, attempt->send_list[i].t_ns, room),
                    frame_text(view->story->merge, attempt->send_list[i].frame, frame),
                    i + 1 < attempt->send_count ? "," : "");
    }
    for (size_t i = 0; i < attempt->response_count; i++) {
        const struct response *response = &attempt->responses[i];
        char room[32], frame[FRAME_TEXT_LEN];
        if (i == 0) {
            detail_line(view);
            text_words(&view->text, "received");
        }
        text_printf(&view->text, "%u at %s (frame %s)%s", response->status,
                    text_offset(view->story, response->t_ns, room),
                    frame_text(view->story->merge, response->frame, frame),
                    i + 1 < attempt->response_count ? "," : "");
    }
}

/* "(ICMP error in frame 12)", in one piece. */
static void put_error(struct view *view, const char *what, uint32_t frame_no) {
    char frame[FRAME_TEXT_LEN], error[FRAME_TEXT_LEN + 40];

    snprintf(error, sizeof error, "(%s error in frame %s)", what,
             frame_text(view->story->merge, frame_no, frame));
    text_piece(&view->text, error);
}

static void put_attempt(struct view *view, const struct moment *moment) {
    const struct attempt *attempt = &moment->request->attempts[moment->attempt];
    struct text_writer *text = &view->text;
    const struct merge *merge = view->story->merge;
    char room[SERVER_TEXT_LEN], duration[32], what[32], frame[FRAME_TEXT_LEN];

    snprintf(what, sizeof what, "%s%.20s", moment->attempt ? "+ " : "",
             moment->request->method_text ? moment->request->method_text : "connect");
    begin_line(view, moment->t_ns, moment->frame, STYLE_HEAD, what);
    text_words(text, server_text(&attempt->server, room));
    if (moment->request->unregister)
        text_words(text, "(un-register)");
    text_style(text, attempt_style(attempt));
    text_words(text, outcome_name(attempt->outcome));
    if (attempt->final_status)
        text_printf(text, "%u", attempt->final_status);
    text_style(text, STYLE_PLAIN);
    if (attempt->tries > 1 || attempt->outcome != OUTCOME_ANSWERED) {
        text_printf(text, "after %u %s", attempt->tries, attempt->tries == 1 ? "try" : "tries");
        if (attempt->send_count > 1)
            text_printf(
                text, "in %s",
                text_duration(attempt->send_list[attempt->send_count - 1].t_ns - attempt->t_ns,
                              duration));
    }
    if (attempt->connects)
        text_printf(text, "(%u failed connection%s)", attempt->connects,
                    attempt->connects == 1 ? "" : "s");
    if (attempt->icmp_count)
        put_error(view, "ICMP", attempt->icmp_frames[0]);
    if (attempt->error_count)
        put_error(view, "connection", attempt->error_frames[0]);
    for (size_t i = 0; i < attempt->response_count; i++)
        if (attempt->responses[i].late && !attempt->responses[i].repeated)
            text_printf(text, "(late %u in frame %s)", attempt->responses[i].status,
                        frame_text(merge, attempt->responses[i].frame, frame));
    if (view->verbose)
        put_sends(view, attempt);
    text_line(text);
}

/* ---- events ---- */

static const enum text_style event_styles[EVENT_KIND_COUNT] = {
    [EVENT_FAILOVER] = STYLE_OPEN, [EVENT_FAILBACK] = STYLE_PASS,
    [EVENT_PROBE] = STYLE_OPEN,    [EVENT_OUTAGE] = STYLE_FAIL,
    [EVENT_RECOVERY] = STYLE_PASS, [EVENT_REGISTERED] = STYLE_PASS,
    [EVENT_LAPSED] = STYLE_FAIL,   [EVENT_UNREGISTERED] = STYLE_PLAIN,
    [EVENT_CALL] = STYLE_PASS,     [EVENT_RESTART] = STYLE_OPEN,
};

static void put_event(struct view *view, const struct moment *moment) {
    const struct event *event = moment->event;
    struct text_writer *text = &view->text;
    char room[SERVER_TEXT_LEN], offset[32], frame[FRAME_TEXT_LEN];

    begin_line(view, moment->t_ns, moment->frame, event_styles[event->kind],
               event_kind_name(event->kind));
    switch (event->kind) {
    case EVENT_FAILOVER:
    case EVENT_FAILBACK:
    case EVENT_PROBE:
        text_words(text, server_text(&event->from, room));
        text_words(text, "->");
        text_words(text, server_text(&event->to, room));
        break;
    case EVENT_REGISTERED:
        text_words(text, server_text(&event->server, room));
        if (event->has_expires)
            text_printf(text, "for %u s", event->expires_s);
        break;
    case EVENT_LAPSED:
        text_words(text, server_text(&event->server, room));
        if (event->has_expires)
            text_printf(text, "its %u s were over", event->expires_s);
        if (event->frame_count)
            text_printf(text, "(granted in frame %s)",
                        frame_text(view->story->merge, event->frames[0], frame));
        break;
    case EVENT_OUTAGE:
    case EVENT_RECOVERY:
    case EVENT_UNREGISTERED:
        text_words(text, server_text(&event->server, room));
        break;
    case EVENT_CALL:
        text_words(text, server_text(&event->server, room));
        if (event->end_ns)
            text_printf(text, "up until %s", text_offset(view->story, event->end_ns, offset));
        else
            text_words(text, "up to the end of the capture");
        break;
    case EVENT_RESTART:
        text_words(text, "the phone started anew");
        break;
    case EVENT_KIND_COUNT:
        break;
    }
    text_line(text);
}

/* ---- connections ---- */

/* In one piece: a number at the beginning of a line would tell nothing. */
static void put_bytes(struct text_writer *text, const struct connection *connection) {
    char bytes[80];

    snprintf(bytes, sizeof bytes, "- %" PRIu64 " bytes sent, %" PRIu64 " received",
             connection->bytes[0], connection->bytes[1]);
    text_piece(text, bytes);
}

static void put_connection(struct view *view, const struct moment *moment) {
    const struct connection *connection = moment->connection;
    struct text_writer *text = &view->text;
    char room[SERVER_TEXT_LEN], offset[32];
    bool failed = connection_failed(connection);

    begin_line(view, moment->t_ns, moment->frame, STYLE_HEAD, "connection");
    text_words(text, server_text(&connection->server, room));
    text_style(text, failed ? STYLE_FAIL : STYLE_OPEN);
    text_printf(text, "%s%s", connection_outcome(connection),
                failed            ? ""
                : connection->sip ? ", not all of it read"
                                  : ", encrypted");
    if (!failed && !connection->open_at_end && !connection->error_frame)
        text_printf(text, "until %s", text_offset(view->story, connection->end_ns, offset));
    text_style(text, STYLE_PLAIN);
    if (connection->syn_count > 1)
        text_printf(text, "after %zu SYNs", connection->syn_count);
    if (connection->server_name) {
        char asked[300];
        snprintf(asked, sizeof asked, "- asked for %.255s", connection->server_name);
        text_piece(text, asked);
    }
    if (!failed && connection->tls)
        put_bytes(text, connection);
    if (connection->missing[0] || connection->missing[1])
        text_printf(text, "(%" PRIu64 " bytes are missing)",
                    connection->missing[0] + connection->missing[1]);
    if (connection->error_frame)
        put_error(view, "connection", connection->error_frame);
    text_line(text);
}

/* ---- the timeline ---- */

static void put_moment(struct view *view, const struct moment *moment) {
    switch (moment->kind) {
    case MOMENT_LOOKUP:
        put_lookup(view, moment);
        break;
    case MOMENT_ATTEMPT:
        put_attempt(view, moment);
        break;
    case MOMENT_EVENT:
        put_event(view, moment);
        break;
    case MOMENT_CONNECTION:
        put_connection(view, moment);
        break;
    }
}

static void put_folded(struct view *view, const struct moment *last, size_t more, size_t period) {
    struct text_writer *text = &view->text;
    unsigned column = COLUMN_WHAT + (view->story->merge ? FILE_WIDTH : 0);
    char room[32], frame[FRAME_TEXT_LEN];

    text_margin(text, column);
    text_column(text, column);
    text_style(text, STYLE_QUIET);
    if (period > 1)
        text_printf(text, "... these %zu steps %zu more time%s,", period, more,
                    more == 1 ? "" : "s");
    else
        text_printf(text, "... the same %zu more time%s,", more, more == 1 ? "" : "s");
    text_printf(text, "the last %s %s", period > 1 ? "begins at" : "at",
                text_offset(view->story, last->t_ns, room));
    if (last->frame)
        text_printf(text, "(frame %s)", frame_text(view->story->merge, last->frame, frame));
    text_style(text, STYLE_PLAIN);
    text_line(text);
}

static void put_timeline(struct view *view, const struct timeline *timeline) {
    size_t at = 0;

    while (at < timeline->moments.n) {
        size_t period = 1;
        size_t copies = view->verbose ? 1 : timeline_repeats(timeline, at, &period);
        if (copies < COPIES_FOLDED) {
            put_moment(view, &timeline->moments.items[at++]);
            continue;
        }
        for (size_t i = 0; i < period; i++)
            put_moment(view, &timeline->moments.items[at + i]);
        put_folded(view, &timeline->moments.items[at + (copies - 1) * period], copies - 1, period);
        at += copies * period;
    }
}

/* ---- the report ---- */

static void on_capture(void *context, const struct story *story) {
    struct view *view = context;

    if (view->any)
        text_line(&view->text);
    view->any = true;
    view->story = story;
    text_capture_head(&view->text, story);
}

static void on_phone(void *context, const struct phone *phone) {
    struct view *view = context;
    struct text_writer *text = &view->text;

    text_line(text);
    text_margin(text, 6);
    styled(text, STYLE_HEAD, "phone");
    text_phone(text, phone);
    text_line(text);
    if (phone->account_count == 0) {
        text_margin(text, 2);
        text_column(text, 2);
        text_no_account(text);
        text_line(text);
    }
}

static void on_account(void *context, const struct phone *phone, const struct account *account,
                       const struct judgement *judgement) {
    struct view *view = context;
    struct text_writer *text = &view->text;
    struct timeline timeline;

    (void)judgement;
    view->told_lookup = NULL;
    text_line(text);
    text_margin(text, 2);
    text_column(text, 2);
    text_words(text, "account");
    styled(text, STYLE_HEAD, account->aor ? account->aor : "(address of record not known)");
    if (account->host)
        text_printf(text, "at %s", account->host);
    text_line(text);
    timeline_build(&timeline, phone, account);
    if (timeline.moments.n) {
        text_style(text, STYLE_QUIET);
        text_column(text, COLUMN_TIME_END - 6);
        text_words(text, "time s");
        text_column(text, COLUMN_FRAME_END - 5 + (view->story->merge ? FILE_WIDTH : 0));
        text_words(text, "frame");
        text_style(text, STYLE_PLAIN);
        text_line(text);
    }
    put_timeline(view, &timeline);
    timeline_fini(&timeline);
}

static void on_capture_end(void *context, enum verdict verdict, enum reason reason) {
    struct view *view = context;

    (void)verdict;
    if (reason != REASON_NO_PHONE)
        return;
    text_line(&view->text);
    text_no_phone(&view->text, view->story);
    text_line(&view->text);
}

static bool end(void *context, enum verdict verdict, const struct summary *summary) {
    struct view *view = context;

    (void)verdict;
    (void)summary;
    bool ok = sink_close(&view->sink);
    int error = errno;
    free(view);
    errno = error;
    return ok;
}

void text_story_report(struct report *report, const struct sink *sink, bool color, bool verbose) {
    struct view *view = memory_new_zeroed(1, sizeof *view);

    view->sink = *sink;
    view->text = text_writer_of(&view->sink, color);
    view->verbose = verbose;
    *report = (struct report){.context = view,
                              .capture = on_capture,
                              .phone = on_phone,
                              .account = on_account,
                              .capture_end = on_capture_end,
                              .end = end};
}
