/* Phones, resolutions, requests and events in JSON, in the key order of contract section 3. What is
 * not known is null, what is empty is [].
 */
#include "report/json_story.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/json_frames.h"

static void member_offset(struct json_writer *json, const char *key, const struct story *story,
                          int64_t t_ns) {
    json_member_seconds(json, key, story_offset_ns(story, t_ns));
}

static void member_server(struct json_writer *json, const char *key, const struct server *server) {
    char text[SERVER_TEXT_LEN];

    json_member_text(json, key, server->ip.len ? server_text(server, text) : NULL);
}

/* ---- the capture ---- */

/* Which bounds, where the warning is about some: a message may name several. */
static void member_limits(struct json_writer *json, const struct story *story,
                          enum warning_code code) {
    json_key(json, "limits");
    json_array_begin(json);
    for (size_t i = 0; i < story->limit_count && code == WARNING_LIMIT_REACHED; i++) {
        json_object_begin(json);
        json_member_text(json, "limit", story->limits[i].name);
        json_member_uint(json, "count", story->limits[i].count);
        json_object_end(json);
    }
    json_array_end(json);
}

static void member_warnings(struct json_writer *json, const struct story *story) {
    json_key(json, "warnings");
    json_array_begin(json);
    for (enum warning_code code = 0; code < WARNING_COUNT; code++) {
        const struct warning *warning = &story->warnings[code];
        if (!warning->count)
            continue;
        json_object_begin(json);
        json_member_text(json, "code", warning_code_name(code));
        json_member_uint(json, "count", warning->count);
        json_member_text(json, "message", warning->message);
        member_limits(json, story, code);
        json_object_end(json);
    }
    json_array_end(json);
}

/* What was added to the time stamps of each file. */
static void member_offsets(struct json_writer *json, const struct merge *merge) {
    json_key(json, "offsets_s");
    if (!merge) {
        json_null(json);
        return;
    }
    json_array_begin_line(json);
    for (size_t i = 0; i < merge_file_count(merge); i++)
        json_seconds(json, merge_file(merge, i)->correction.offset_ns);
    json_array_end(json);
}

void json_capture_facts(struct json_writer *json, const struct story *story) {
    json_member_uint(json, "packets", story->packets);
    json_key(json, "first");
    if (story->packets)
        json_instant(json, story->start_ns);
    else
        json_null(json);
    json_member_seconds(json, "duration_s", story->end_ns - story->start_ns);
    member_offsets(json, story->merge);
    json_key(json, "link_types");
    json_array_begin_line(json);
    for (size_t i = 0; i < story->link_type_count; i++) {
        const char *name = capture_link_type_name(story->link_types[i]);
        if (name)
            json_text(json, name);
        else
            json_printf(json, "LINKTYPE_%d", story->link_types[i]);
    }
    json_array_end(json);
    json_member_uint(json, "dropped_packets", story->dropped_packets);
    member_warnings(json, story);
}

static void member_bytes(struct json_writer *json, const char *key, const uint64_t bytes[2]) {
    json_key(json, key);
    json_object_begin(json);
    json_member_uint(json, "sent", bytes[0]);
    json_member_uint(json, "received", bytes[1]);
    json_object_end(json);
}

static void write_connection(struct json_writer *json, const struct story *story,
                             const struct connection *connection) {
    json_object_begin(json);
    member_server(json, "server", &connection->server);
    json_member_text(json, "server_name", connection->server_name);
    json_member_text(json, "outcome", connection_outcome(connection));
    member_offset(json, "t", story, connection->t_ns);
    if (connection->open_at_end)
        json_member_null(json, "end_t");
    else
        member_offset(json, "end_t", story, connection->end_ns);
    json_member_places(json, story->merge, FRAMES_KEYS, connection->syn_frames,
                       connection->syn_count);
    json_member_frame(json, story->merge, (struct frame_keys){"error_frame", "error_file"},
                      connection->error_frame);
    json_member_bool(json, "encrypted", connection_is_opaque(connection));
    json_member_text(json, "handshake", connection_handshake(connection));
    member_bytes(json, "bytes", connection->bytes);
    member_bytes(json, "missing_bytes", connection->missing);
    json_object_end(json);
}

/* Those that requests do not tell of: what could not be read, and all of a phone of which nothing
 * could be read. */
static void member_connections(struct json_writer *json, const struct story *story,
                               const struct phone *phone) {
    bool unread = true;

    for (size_t i = 0; i < phone->account_count; i++)
        unread = unread && !phone->accounts[i].aor;
    json_key(json, "connections");
    json_array_begin(json);
    for (size_t i = 0; i < phone->connection_count; i++)
        if (unread || connection_is_opaque(&phone->connections[i]))
            write_connection(json, story, &phone->connections[i]);
    json_array_end(json);
}

void json_phone_facts(struct json_writer *json, const struct story *story,
                      const struct phone *phone) {
    char text[IP_TEXT_LEN > MAC_TEXT_LEN ? IP_TEXT_LEN : MAC_TEXT_LEN];

    json_key(json, "addresses");
    json_array_begin_line(json);
    for (size_t i = 0; i < phone->address_count; i++)
        json_text(json, ip_text(&phone->addresses[i], text));
    json_array_end(json);
    json_member_text(json, "mac", phone->mac.known ? mac_text(&phone->mac, text) : NULL);
    json_key(json, "user_agents");
    json_array_begin_line(json);
    for (size_t i = 0; i < phone->user_agent_count; i++)
        json_text(json, phone->user_agents[i]);
    json_array_end(json);
    member_connections(json, story, phone);
}

/* ---- resolutions ---- */

static void write_query(struct json_writer *json, const struct story *story,
                        const struct query *query) {
    char text[16], ip[IP_TEXT_LEN];
    bool answered = query->rcode >= 0;

    json_object_begin(json);
    json_member_text(json, "type", dns_type_text(query->type, text));
    json_member_text(json, "name", query->name);
    json_member_text(json, "server", ip_text(&query->resolver.ip, ip));
    json_member_places(json, story->merge, FRAMES_KEYS, query->frames, query->send_count);
    json_member_frame(json, story->merge, (struct frame_keys){"answer_frame", "answer_file"},
                      answered ? query->answer_frame : 0);
    json_member_text(json, "rcode", answered ? dns_rcode_text((uint8_t)query->rcode, text) : NULL);
    json_member_uint(json, "answers", query->answer_count);
    json_member_bool(json, "truncated", query->truncated);
    json_member_text(json, "transport", transport_name(query->transport));
    json_object_end(json);
}

static void member_uint_or_null(struct json_writer *json, const char *key, bool known, uint64_t v) {
    if (known)
        json_member_uint(json, key, v);
    else
        json_member_null(json, key);
}

static void write_ranked_server(struct json_writer *json, const struct ranked_server *ranked) {
    json_object_begin(json);
    json_member_uint(json, "rank", ranked->rank);
    member_server(json, "server", &ranked->server);
    json_member_text(json, "target", ranked->target);
    member_uint_or_null(json, "priority", ranked->from_srv, ranked->priority);
    member_uint_or_null(json, "weight", ranked->from_srv, ranked->weight);
    member_uint_or_null(json, "ttl_s", ranked->has_ttl, ranked->ttl_s);
    json_object_end(json);
}

static void write_resolution(struct json_writer *json, const struct story *story,
                             const struct resolution *resolution) {
    json_object_begin(json);
    json_member_text(json, "host", resolution->host);
    member_offset(json, "t", story, resolution->t_ns);
    json_member_text(json, "outcome", resolution_outcome_name(resolution->outcome));
    json_key(json, "queries");
    json_array_begin(json);
    for (size_t i = 0; i < resolution->query_count; i++)
        write_query(json, story, resolution->queries[i]);
    json_array_end(json);
    json_key(json, "servers");
    json_array_begin(json);
    for (size_t i = 0; i < resolution->server_count; i++)
        write_ranked_server(json, &resolution->servers[i]);
    json_array_end(json);
    json_object_end(json);
}

/* ---- requests ---- */

static void write_response(struct json_writer *json, const struct story *story,
                           const struct response *response) {
    json_object_begin(json);
    json_member_frame(json, story->merge, FRAME_KEYS, response->frame);
    member_offset(json, "t", story, response->t_ns);
    json_member_uint(json, "status", response->status);
    json_member_bool(json, "late", response->late);
    json_object_end(json);
}

static void member_sends(struct json_writer *json, const struct story *story,
                         const struct attempt *attempt) {
    uint32_t *frames = memory_new_zeroed(attempt->send_count, sizeof *frames);

    for (size_t i = 0; i < attempt->send_count; i++)
        frames[i] = attempt->send_list[i].frame;
    json_member_places(json, story->merge, FRAMES_KEYS, frames, attempt->send_count);
    free(frames);
}

static void write_attempt(struct json_writer *json, const struct story *story,
                          const struct attempt *attempt) {
    json_object_begin(json);
    member_server(json, "server", &attempt->server);
    json_member_text(json, "outcome", outcome_name(attempt->outcome));
    json_member_uint(json, "tries", attempt->tries);
    json_member_uint(json, "sends", attempt->sends);
    json_member_uint(json, "transactions", attempt->transactions);
    json_member_uint(json, "retransmissions", attempt->retransmissions);
    member_sends(json, story, attempt);
    json_key(json, "times");
    json_array_begin_line(json);
    for (size_t i = 0; i < attempt->send_count; i++)
        json_seconds(json, story_offset_ns(story, attempt->send_list[i].t_ns));
    json_array_end(json);
    json_key(json, "responses");
    json_array_begin(json);
    for (size_t i = 0; i < attempt->response_count; i++)
        write_response(json, story, &attempt->responses[i]);
    json_array_end(json);
    json_member_text(json, "call_id", attempt->call_id);
    json_member_uint(json, "connects", attempt->connects);
    json_member_places(json, story->merge, (struct frame_keys){"icmp", "icmp_files"},
                       attempt->icmp_frames, attempt->icmp_count);
    member_offset(json, "end_t", story, attempt->end_ns);
    json_object_end(json);
}

static void write_request(struct json_writer *json, const struct story *story,
                          const struct request *request) {
    json_object_begin(json);
    json_member_text(json, "method", request->method_text);
    json_member_text(json, "call_id", request->call_id);
    member_offset(json, "t", story, request->t_ns);
    json_member_text(json, "outcome", outcome_name(request->outcome));
    member_uint_or_null(json, "status", request->status != 0, request->status);
    json_key(json, "attempts");
    json_array_begin(json);
    for (size_t i = 0; i < request->attempt_count; i++)
        write_attempt(json, story, &request->attempts[i]);
    json_array_end(json);
    json_object_end(json);
}

/* ---- events ---- */

/* Which members an event has beside kind, t and frames. */
static const struct {
    bool from_to, server, expires, call;
} event_members[EVENT_KIND_COUNT] = {
    [EVENT_FAILOVER] = {.from_to = true},
    [EVENT_FAILBACK] = {.from_to = true},
    [EVENT_PROBE] = {.from_to = true},
    [EVENT_OUTAGE] = {.server = true},
    [EVENT_RECOVERY] = {.server = true},
    [EVENT_REGISTERED] = {.server = true, .expires = true},
    [EVENT_LAPSED] = {.server = true, .expires = true},
    [EVENT_UNREGISTERED] = {.server = true, .expires = true},
    [EVENT_CALL] = {.server = true, .call = true},
    [EVENT_RESTART] = {0},
};

static void write_event(struct json_writer *json, const struct story *story,
                        const struct event *event) {
    json_object_begin(json);
    json_member_text(json, "kind", event_kind_name(event->kind));
    member_offset(json, "t", story, event->t_ns);
    if (event_members[event->kind].from_to) {
        member_server(json, "from", &event->from);
        member_server(json, "to", &event->to);
        json_member_text(json, "method", sip_method_name(event->method));
    }
    if (event_members[event->kind].call)
        json_member_text(json, "call_id", event->call_id);
    if (event_members[event->kind].server)
        member_server(json, "server", &event->server);
    if (event_members[event->kind].expires)
        member_uint_or_null(json, "expires_s", event->has_expires, event->expires_s);
    if (event_members[event->kind].call) {
        if (event->end_ns)
            member_offset(json, "end_t", story, event->end_ns);
        else
            json_member_null(json, "end_t");
    }
    json_member_places(json, story->merge, FRAMES_KEYS, event->frames, event->frame_count);
    json_object_end(json);
}

void json_account_facts(struct json_writer *json, const struct story *story,
                        const struct account *account) {
    json_key(json, "resolutions");
    json_array_begin(json);
    for (size_t i = 0; i < account->resolution_count; i++)
        write_resolution(json, story, account->resolutions[i]);
    json_array_end(json);
    json_key(json, "requests");
    json_array_begin(json);
    for (size_t i = 0; i < account->request_count; i++)
        write_request(json, story, &account->requests[i]);
    json_array_end(json);
    json_key(json, "events");
    json_array_begin(json);
    for (size_t i = 0; i < account->event_count; i++)
        write_event(json, story, &account->events[i]);
    json_array_end(json);
}
