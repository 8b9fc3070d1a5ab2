/* The quick scan: one pass over the lines of a SIP message (RFC 3261 section 7) that finds the
 * dozen header values that the story needs, without allocation. Compact forms, folded lines, bare
 * LF line ends and missing parts are understood; what is not there is an empty slice.
 *
 * All slices point into the message. Values are trimmed. A folded header's slice may contain line
 * ends (its value is the slice with each line end and the blanks after it read as one blank).
 */
#ifndef SIP_SIP_HEAD_H
#define SIP_SIP_HEAD_H

#include "base/slice.h"

enum sip_method {
    SIP_UNKNOWN_METHOD,
    SIP_ACK,
    SIP_BYE,
    SIP_CANCEL,
    SIP_INFO,
    SIP_INVITE,
    SIP_MESSAGE,
    SIP_NOTIFY,
    SIP_OPTIONS,
    SIP_PRACK,
    SIP_PUBLISH,
    SIP_REFER,
    SIP_REGISTER,
    SIP_SUBSCRIBE,
    SIP_UPDATE,
    SIP_METHOD_COUNT,
};

/* name-addr or addr-spec of From, To, Contact, Route (RFC 3261 25.1), taken apart. */
struct sip_address {
    struct slice value; /* the whole first value, as written */
    struct slice uri;   /* without angle brackets */
    struct slice tag;
};

struct sip_head {
    bool response;
    enum sip_method method; /* of the request, or of the CSeq of a response */
    struct slice method_text;
    struct slice uri; /* requests: the Request-URI */
    unsigned status;  /* responses: 100–999 */
    struct slice reason;
    struct slice call_id;
    bool has_cseq;
    uint32_t cseq;
    struct slice cseq_method;
    unsigned via_count;         /* Via values, counting comma lists */
    struct slice via;           /* the top Via value */
    struct slice via_sent;      /* of it, what stands before the parameters */
    struct slice via_transport; /* "UDP" of the top Via */
    struct slice via_host;      /* sent-by host of the top Via, IPv6 with brackets */
    uint16_t via_port;          /* 0: not given */
    struct slice branch;        /* of the top Via */
    struct sip_address from, to;
    struct slice contact;     /* the first Contact header's value, whole */
    struct slice contact_uri; /* of its first member */
    unsigned contact_count;   /* Contact headers */
    bool contact_star;        /* "*" */
    bool has_expires, has_contact_expires, has_min_expires, has_retry_after;
    uint32_t expires, contact_expires, min_expires, retry_after;
    struct slice user_agent;                  /* User-Agent, or Server of a response */
    struct slice route;                       /* the first Route header's value, whole */
    struct slice route_uri;                   /* of its first member */
    unsigned route_count, record_route_count; /* header lines */
    struct slice event;
    bool has_authorization;       /* Authorization or Proxy-Authorization */
    struct slice auth_nonce;      /* its nonce, without quotes */
    struct slice challenge_nonce; /* of WWW- or Proxy-Authenticate */
    bool challenge_stale;
    bool has_reg_id; /* Contact with reg-id (RFC 5626) */
    uint32_t reg_id;
    bool has_content_length;
    uint64_t content_length;
    size_t head_len; /* bytes up to and with the empty line; 0: the head does not end */
    bool malformed;  /* a line that is no header, a number out of range … */
};

/* Does it begin as a SIP request or status line? Decided on the first bytes. `whole_line` false:
 * the line may go on beyond the bytes (the front of a stream): true as long as it can still become
 * one. */
bool sip_recognise(struct slice bytes, bool whole_line);

/* Scan a message's head. false: no SIP start line. */
bool sip_head_scan(struct slice bytes, struct sip_head *head);

/* The same in two steps, as a phone repeats most of what it says. sip_head_skim finds all values,
 * but takes apart neither From, To, Contact and Route (their values are there, URIs, tags and
 * parameters are not) nor what is sent by in the top Via (its branch is there), and does not see
 * what is malformed in these. sip_head_details does that, with the same bytes; in any order after
 * it. */
bool sip_head_skim(struct slice bytes, struct sip_head *head);
void sip_head_details(struct slice bytes, struct sip_head *head);

enum sip_frame_status {
    SIP_FRAME_OK,
    SIP_FRAME_PARTIAL,   /* ends before the head, or the body that Content-Length announces, does */
    SIP_FRAME_KEEPALIVE, /* CRLFs or zero bytes between messages; *len of them */
    SIP_FRAME_INVALID, /* not SIP; resynchronise at *len (the next place that could be a start line)
                        */
    SIP_FRAME_TOO_LARGE, /* a message over our bounds; the same, to go on behind its start */
};

/* How many bytes of the front of a stream the next message takes (RFC 3261 18.3, 7.5). A head over
 * 64 KiB or a body over 1 MiB is TOO_LARGE. On PARTIAL *len is how many bytes the message will
 * take, 0 where that is not known yet. *head is its head, skimmed: whole on OK, and on TOO_LARGE
 * where it has a head_len; its slices point into the stream. */
enum sip_frame_status sip_frame(struct slice stream, struct sip_head *head, size_t *len);

enum sip_method sip_method_of(struct slice name);
const char *sip_method_name(enum sip_method method);

/* Take the first member of a comma list of addresses (Contact, Route …) from its front.
 *
 * list     advanced past the member and its comma
 * address  the member, taken apart
 * params   NULL, or what follows the URI: read it with sip_param_take
 *
 * false: the list is at its end. */
bool sip_address_take(struct slice *list, struct sip_address *address, struct slice *params);

/* Take the first of ";name=value;name" from its front; a quoted value keeps its quotes, a name
 * without value has an empty one. false: no parameter is left. */
bool sip_param_take(struct slice *params, struct slice *name, struct slice *value);

/* user, host, port and transport parameter of a sip: or sips: URI (tel: user only). */
struct sip_uri {
    struct slice scheme, user, host, transport;
    uint16_t port; /* 0: not given */
};
bool sip_uri_parse(struct slice text, struct sip_uri *uri);

/* Is this (upper or lower case the same) the host of a URI? NULL, and what is no URI: no. */
bool sip_uri_has_host(const char *uri, const char *host);

#endif
