/* Every DNS and SIP message as one line of JSON: the keys of contract section 3, in its order, none
 * left out. Nothing is judged here and nothing is put right: values are as the sender wrote them.
 */
#include "report/messages.h"

#include <stdlib.h>

#include "base/instant.h"
#include "report/json_frames.h"
#include "report/json_writer.h"
#include "sip/sip_message.h"

struct messages_report {
    struct json_writer json;
    const struct merge *merge;
    bool started;
    int64_t start_ns; /* of the first frame */
    int64_t frame_ns; /* of the frame at hand */
    bool first;       /* it is the first */
    bool agents;      /* a capture agent was met */
    bool told;        /* a message was written */
    bool library;     /* libosip2 is ready; else the quick scan has to do */
};

/* ---- common to both ---- */

static void write_place(struct messages_report *report, const struct message *message) {
    struct json_writer *json = &report->json;
    char text[ENDPOINT_TEXT_LEN];

    if (report->merge) {
        json_member_frame(json, report->merge, FRAME_KEYS, message->packet.frame_no);
        json_member_places(json, report->merge, FRAMES_KEYS, message->frames, message->frame_count);
    } else {
        json_member_uint(json, "frame", message->packet.frame_no);
        json_member_frames(json, "frames", message->frames, message->frame_count);
    }
    json_member_seconds(json, "t", message->packet.t_ns - report->start_ns);
    json_member_text(json, "kind", message->kind == MESSAGE_SIP ? "sip" : "dns");
    json_member_text(json, "transport", transport_name(message->transport));
    json_member_text(json, "src", endpoint_text(&message->packet.src, text));
    json_member_text(json, "dst", endpoint_text(&message->packet.dst, text));
    if (message->quoted)
        json_member_bool(json, "quoted", true);
}

/* What is odd about a message beyond what its reader noted. */
struct oddities {
    bool quote_ends; /* the ICMP error quotes its beginning only */
    bool non_utf8;
};

static void write_notes(struct json_writer *json, unsigned notes, const struct oddities *odd) {
    const struct {
        bool set;
        const char *name;
    } rows[] = {
        {notes & MESSAGE_CUT_BY_SNAPLEN, "cut-by-snaplen"},
        {notes & MESSAGE_MALFORMED, "malformed"},
        {notes & MESSAGE_AFTER_GAP, "after-gap"},
        {notes & MESSAGE_CUT_BY_GAP, "cut-by-gap"},
        {notes & MESSAGE_CUT_BY_END, "cut-by-end"},
        {notes & MESSAGE_BAD_CHECKSUM, "bad-checksum"},
        {odd->quote_ends, "cut-by-icmp"},
        {odd->non_utf8, "non-utf8"},
    };

    json_key(json, "notes");
    json_array_begin_line(json);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].set)
            json_text(json, rows[i].name);
    json_array_end(json);
}

/* ---- SIP ---- */

static void member_address(struct json_writer *json, const char *key, const char *uri,
                           const char *tag) {
    json_key(json, key);
    json_object_begin(json);
    json_member_text(json, "uri", uri);
    json_member_text(json, "tag", tag);
    json_object_end(json);
}

static void member_number(struct json_writer *json, const char *key, bool known, uint64_t v) {
    json_key(json, key);
    if (known)
        json_uint(json, v);
    else
        json_null(json);
}

static bool ends_early(const struct message *message) {
    const struct sip_head *head = message->sip;

    return !head->head_len ||
           (head->has_content_length && head->content_length > message->bytes.len - head->head_len);
}

/* libosip2's reading, unless it is another than that of the quick scan, which the story follows:
 * what is malformed, or ends its lines in an odd way, the two may take differently. */
static bool read_structure(const struct messages_report *report, const struct message *message,
                           struct sip_full *full) {
    const struct sip_head *head = message->sip;

    if (!report->library || (message->notes & MESSAGE_MALFORMED) ||
        !sip_full_parse(message->bytes, full))
        return false;
    if (full->has_cseq == head->has_cseq && !full->call_id == !head->call_id.len)
        return true;
    sip_full_fini(full);
    return false;
}

static void write_sip(struct messages_report *report, const struct message *message) {
    struct json_writer *json = &report->json;
    struct oddities odd = {.quote_ends = message->quoted && ends_early(message)};
    struct sip_full full;

    if (!read_structure(report, message, &full))
        sip_full_of_head(message->bytes, message->sip, &full);
    json_member_text(json, "method", full.method);
    member_number(json, "status", full.status != 0, full.status);
    json_member_text(json, "uri", full.uri);
    json_member_text(json, "call_id", full.call_id);
    member_number(json, "cseq", full.has_cseq, full.cseq);
    json_member_text(json, "cseq_method", full.cseq_method);
    json_member_text(json, "branch", full.branch);
    member_address(json, "from", full.from_uri, full.from_tag);
    member_address(json, "to", full.to_uri, full.to_tag);
    json_key(json, "contact");
    json_array_begin_line(json);
    for (size_t i = 0; i < full.contact_count; i++)
        json_text(json, full.contacts[i]);
    json_array_end(json);
    member_number(json, "expires", full.has_expires, full.expires);
    json_member_text(json, "user_agent", full.user_agent);
    odd.non_utf8 = json_take_non_utf8(json);
    write_notes(json, message->notes, &odd);
    sip_full_fini(&full);
}

/* ---- DNS ---- */

static void member_name(struct json_writer *json, struct slice message, size_t at) {
    char name[DNS_NAME_TEXT_LEN];
    bool readable = dns_name_text(message, at, name, NULL);

    json_member_text(json, "name", readable ? name : NULL);
}

static void write_questions(struct json_writer *json, const struct dns_message *dns) {
    char type[16];

    json_key(json, "question");
    json_array_begin_line(json);
    for (size_t i = 0; i < dns->question_count; i++) {
        json_object_begin(json);
        member_name(json, dns->bytes, dns->questions[i].name_at);
        json_member_text(json, "type", dns_type_text(dns->questions[i].type, type));
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_record(struct json_writer *json, const struct dns_message *dns,
                         const struct dns_record *record) {
    static const char *const sections[] = {
        [DNS_ANSWER] = "answer",
        [DNS_AUTHORITY] = "authority",
        [DNS_ADDITIONAL] = "additional",
    };
    char type[16];
    char *data = dns_record_text(dns, record);

    json_object_begin(json);
    json_member_text(json, "section", sections[record->section]);
    member_name(json, dns->bytes, record->name_at);
    json_member_text(json, "type", dns_type_text(record->type, type));
    json_member_uint(json, "ttl_s", record->ttl_s);
    json_member_text(json, "data", data);
    json_object_end(json);
    free(data);
}

static void write_dns(struct messages_report *report, const struct message *message) {
    struct json_writer *json = &report->json;
    const struct dns_message *dns = message->dns;
    struct oddities odd = {.quote_ends = message->quoted && dns->cut};
    char rcode[16];

    json_member_uint(json, "id", dns->id);
    json_member_bool(json, "response", dns->response);
    json_member_text(json, "rcode", dns->response ? dns_rcode_text(dns->rcode, rcode) : NULL);
    json_member_bool(json, "truncated", dns->truncated);
    write_questions(json, dns);
    json_key(json, "records");
    json_array_begin_line(json);
    for (size_t i = 0; i < dns->record_count; i++)
        write_record(json, dns, &dns->records[i]);
    json_array_end(json);
    odd.non_utf8 = json_take_non_utf8(json);
    write_notes(json, message->notes, &odd);
}

/* ---- the report ---- */

static void on_message(void *context, const struct message *message) {
    struct messages_report *report = context;

    report->told = true;
    json_object_begin(&report->json);
    write_place(report, message);
    if (message->kind == MESSAGE_SIP)
        write_sip(report, message);
    else
        write_dns(report, message);
    json_object_end(&report->json);
    json_end_line(&report->json);
}

/* An agent's clock may be hours away from the capturing host's: the capture begins by it. */
static void on_reported(void *context, int64_t t_ns) {
    struct messages_report *report = context;
    int64_t ahead_ns = t_ns - report->frame_ns;

    if (report->told || report->agents)
        return;
    report->agents = true;
    if (report->first || ahead_ns >= NS_PER_S || ahead_ns <= -NS_PER_S)
        report->start_ns += ahead_ns;
}

struct messages_report *messages_report_new(struct sink *sink, const struct merge *merge) {
    struct messages_report *report = memory_new_zeroed(1, sizeof *report);

    report->library = sip_library_init();
    report->merge = merge;
    report->json = json_writer_of(sink, JSON_LINE);
    return report;
}

struct message_handler messages_report_handler(struct messages_report *report) {
    return (struct message_handler){
        .context = report, .details = true, .message = on_message, .reported = on_reported};
}

void messages_report_frame(struct messages_report *report, const struct frame *frame) {
    report->first = !report->started;
    report->frame_ns = frame->t_ns;
    if (report->started)
        return;
    report->started = true;
    report->start_ns = frame->t_ns;
}

void messages_report_free(struct messages_report *report) {
    free(report);
}
