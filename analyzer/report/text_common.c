/* Captures, phones and times in words. */
#include "report/text_common.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "report/frame_text.h"

void text_count(struct text_writer *text, uint64_t n, const char *thing) {
    text_printf(text, "%" PRIu64 " %s%s", n, thing, n == 1 ? "" : "s");
}

/* Milliseconds, rounded half away from zero. */
static void milliseconds(int64_t ns, char room[32]) {
    int64_t ms = (ns + (ns < 0 ? -500000 : 500000)) / 1000000;

    snprintf(room, 32, "%s%lld.%03lld", ms < 0 ? "-" : "", llabs(ms) / 1000, llabs(ms) % 1000);
}

const char *text_offset(const struct story *story, int64_t t_ns, char room[32]) {
    milliseconds(story_offset_ns(story, t_ns), room);
    return room;
}

const char *text_duration(int64_t ns, char room[32]) {
    char seconds[SECONDS_TEXT_LEN];

    /* Below 10 ms a millisecond is too coarse, above it finer is noise. */
    if (llabs(ns) >= 10000000)
        ns = (ns + (ns < 0 ? -500000 : 500000)) / 1000000 * 1000000;
    snprintf(room, 32, "%.29s s", seconds_text(ns, seconds));
    return room;
}

/* The files of a merged set, numbered as frames name them. */
static void put_files(struct text_writer *text, const struct merge *merge) {
    enum { COLUMN_NUMBER = 2, COLUMN_FILE = 6 };

    for (size_t i = 0; i < merge_file_count(merge); i++) {
        char room[CLOCK_TEXT_LEN];
        text_margin(text, COLUMN_FILE);
        text_column(text, COLUMN_NUMBER);
        text_printf(text, "%zu", i + 1);
        text_column(text, COLUMN_FILE);
        text_style(text, STYLE_HEAD);
        text_piece(text, merge_file(merge, i)->label);
        text_style(text, STYLE_PLAIN);
        text_words(text, clock_text(merge, i, room));
        text_line(text);
    }
}

/* "(tcp-gaps, 3)", in one piece. */
static void put_code(struct text_writer *text, const char *code, uint64_t count) {
    char room[80];

    if (count > 1)
        snprintf(room, sizeof room, "(%s, %" PRIu64 ")", code, count);
    else
        snprintf(room, sizeof room, "(%s)", code);
    text_piece(text, room);
}

void text_capture_head(struct text_writer *text, const struct story *story) {
    char room[INSTANT_TEXT_LEN];

    text_margin(text, 2);
    text_style(text, STYLE_HEAD);
    if (story->merge)
        text_printf(text, "%zu files", story->file_count);
    for (size_t i = 0; i < story->file_count && !story->merge; i++)
        text_piece(text, strcmp(story->files[i], "-") == 0 ? "standard input" : story->files[i]);
    sink_text(text->sink, ":");
    text->column++;
    text_style(text, STYLE_PLAIN);
    const bool unread = !story->packets && story->warnings[WARNING_DAMAGED].count;
    if (unread)
        text_piece(text, "not read");
    else
        text_count(text, story->packets, "packet");
    if (story->packets) {
        char duration[32], from[40];
        char lasts[40];
        text_duration(story->end_ns - story->start_ns, duration);
        snprintf(lasts, sizeof lasts, "in %s", duration);
        instant_text(story->start_ns, room);
        snprintf(from, sizeof from, "from %.10s %.8s UTC", room, room + 11);
        text_piece(text, lasts); /* neither a number and its unit */
        text_piece(text, from);  /* nor a date are broken */
    }
    text_line(text);
    if (story->merge)
        put_files(text, story->merge);
    for (enum warning_code code = 0; code < WARNING_COUNT; code++) {
        const struct warning *warning = &story->warnings[code];
        if (!warning->count)
            continue;
        text_margin(text, 0);
        text_style(text, STYLE_OPEN);
        text_words(text, "note");
        text_style(text, STYLE_PLAIN);
        text_margin(text, 6);
        text_column(text, 6);
        text_words(text, warning->message ? warning->message : warning_code_name(code));
        if (!unread || code != WARNING_DAMAGED) /* not there, or no capture: the message tells */
            put_code(text, warning_code_name(code), warning->count);
        text_line(text);
    }
    text_margin(text, 0);
}

void text_phone(struct text_writer *text, const struct phone *phone) {
    char room[IP_TEXT_LEN > MAC_TEXT_LEN ? IP_TEXT_LEN : MAC_TEXT_LEN];

    for (size_t i = 0; i < phone->address_count; i++)
        text_words(text, ip_text(&phone->addresses[i], room));
    if (phone->mac.known)
        text_words(text, mac_text(&phone->mac, room));
    for (size_t i = 0; i < phone->user_agent_count; i++)
        text_printf(text, "%s%s", phone->user_agents[i],
                    i + 1 < phone->user_agent_count ? "," : "");
}

void text_no_phone(struct text_writer *text, const struct story *story) {
    if (story->phone_count)
        text_words(text, "no phone that was asked for is in it");
    else if (story->packets && !story->sip)
        text_words(text, "no SIP message was found in it");
    else if (story->sip_cut)
        text_words(text, "its SIP messages are cut too short to tell phones by");
    else if (story->packets)
        text_words(text, "no host sends SIP requests as a phone does (see --as-phone)");
    else
        text_words(text, story->warnings[WARNING_DAMAGED].count ? "nothing could be read from it"
                                                                : "it holds no packet");
}

void text_no_account(struct text_writer *text) {
    text_words(text, "no account: it sent no request to a server of its own");
}
