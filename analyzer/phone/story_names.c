/* What the story's facts are called. */
#include "phone/story.h"

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
    [LOSS_FRAGMENTS] = "an IP packet of which fragments are missing",
    [LOSS_NO_FILE] = "no file of the set has anything of that time",
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

const char *connection_handshake(const struct connection *connection) {
    return !connection->tls || !connection->from_start  ? NULL
           : connection->tls_done || connection->tls_up ? "complete"
           : connection->tls_answered                   ? "answered"
                                                        : "begun";
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
