/* The quick scan: line by line, each header that the story needs read where it stands. One function
 * per header, found in a table; all other headers cost the search for their line end and colon.
 *
 * Of a header that must be there once (RFC 3261 20, table 2) the first counts, and a second makes
 * the message malformed. Of lists (Via, Contact, Route) the first value is taken apart.
 */
#include "sip/sip_head.h"

#include "sip/sip_address.h"
#include "sip/sip_lines.h"
#include "sip/sip_start.h"
#include "sip/sip_text.h"

/* Delta-seconds and the like: digits only, 32 bits. */
static bool read_u32(struct slice text, uint32_t *v) {
    uint64_t wide;

    if (text.len == 0 || sip_digits(text, &wide) != text.len || wide > UINT32_MAX)
        return false;
    *v = (uint32_t)wide;
    return true;
}

static void read_seconds(struct sip_head *head, struct slice text, bool *has, uint32_t *v) {
    if (*has)
        return;
    *has = read_u32(text, v);
    if (!*has)
        head->malformed = true;
}

static void read_once(struct sip_head *head, struct slice value, struct slice *into) {
    if (into->ptr)
        head->malformed = true;
    else
        *into = value;
}

/* --- Via ----------------------------------------------------------------------------------------
 */

/* "host:port" with blanks allowed around the colon; IPv6 in brackets (RFC 5118 has it bare). */
static void read_sent_by(struct sip_head *head, struct slice sent_by) {
    size_t end = sent_by.len && sent_by.ptr[0] == '[' ? slice_find(sent_by, ']') + 1
                                                      : slice_find(sent_by, ':');
    uint32_t port;

    if (end > sent_by.len)
        end = sent_by.len;
    head->via_host = sip_trim(slice_between(sent_by, 0, end));
    struct slice rest = sip_skip_blanks(sip_from(sent_by, end));
    if (rest.len == 0)
        return;
    if (rest.ptr[0] == ':' && read_u32(sip_trim(sip_from(rest, 1)), &port) && port <= UINT16_MAX)
        head->via_port = (uint16_t)port;
    else
        head->malformed = true;
}

/*   SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776   with blanks allowed around each part */
static void skim_top_via(struct sip_head *head, struct slice via) {
    struct slice name, value;
    size_t params_at = slice_find(via, ';');
    struct slice rest = sip_from(via, params_at);

    head->via = via;
    head->via_sent = slice_of(via.ptr, params_at);
    /* Nearly always the branch comes first, and nothing is quoted. */
    if (slice_starts(rest, SLICE_LITERAL(";branch=")) && slice_find(rest, '"') == rest.len) {
        slice_skip(&rest, 8);
        head->branch = sip_trim(slice_between(rest, 0, slice_find(rest, ';')));
        return;
    }
    while (sip_param_take(&rest, &name, &value))
        if (SIP_NAME_IS(name, "branch")) {
            head->branch = value;
            break;
        }
}

static void read_via_sent(struct sip_head *head) {
    struct slice rest = head->via_sent;

    if (!slice_starts(rest, SLICE_LITERAL("SIP/2.0/"))) {
        rest = sip_from(rest, slice_find(rest, '/') + 1);
        rest = sip_skip_blanks(sip_from(rest, slice_find(rest, '/') + 1));
    } else {
        slice_skip(&rest, 8);
    }
    size_t len = sip_token_len(rest);
    head->via_transport = slice_between(rest, 0, len);
    read_sent_by(head, sip_trim(sip_from(rest, len)));
}

static void on_via(struct sip_head *head, struct slice value) {
    /* Nearly always it is one: no comma at all. */
    if (slice_find(value, ',') == value.len) {
        if (value.len && head->via_count++ == 0)
            skim_top_via(head, value);
        return;
    }
    while (value.len) {
        size_t end = sip_find_outside(value, ',', false);
        struct slice via = sip_trim(slice_between(value, 0, end));
        if (via.len && head->via_count++ == 0)
            skim_top_via(head, via);
        value = sip_from(value, end + 1);
    }
}

/* --- addresses ----------------------------------------------------------------------------------
 */

static void skim_address(struct sip_head *head, struct slice value, struct sip_address *address) {
    if (address->value.ptr || value.len == 0)
        head->malformed = true;
    else
        address->value = value;
}

static void on_from(struct sip_head *head, struct slice value) {
    skim_address(head, value, &head->from);
}

static void on_to(struct sip_head *head, struct slice value) {
    skim_address(head, value, &head->to);
}

static void read_address(struct sip_address *address) {
    if (address->value.len)
        sip_address_split(address->value, address);
}

static void read_contact_params(struct sip_head *head, struct slice params) {
    struct slice name, value;

    while (sip_param_take(&params, &name, &value)) {
        if (SIP_NAME_IS(name, "expires"))
            read_seconds(head, value, &head->has_contact_expires, &head->contact_expires);
        else if (SIP_NAME_IS(name, "reg-id") && !head->has_reg_id)
            head->has_reg_id = read_u32(value, &head->reg_id);
    }
}

static void on_contact(struct sip_head *head, struct slice value) {
    if (head->contact_count++ == 0)
        head->contact = value;
    if (value.len == 1 && value.ptr[0] == '*')
        head->contact_star = true;
}

static void read_contact(struct sip_head *head, struct slice value) {
    struct sip_address address;
    struct slice params;

    if (value.len == 1 && value.ptr[0] == '*')
        return;
    for (bool first = value.ptr == head->contact.ptr; sip_address_take(&value, &address, &params);
         first = false) {
        if (first)
            head->contact_uri = address.uri;
        read_contact_params(head, params);
    }
}

/* The first is known; where there are more, their lines are found again behind it. */
static void read_contacts(struct sip_head *head, struct slice bytes) {
    struct sip_line line;

    if (!head->contact_count)
        return;
    read_contact(head, head->contact);
    if (head->contact_count == 1 || !head->contact.ptr)
        return;
    struct slice rest = sip_from(bytes, (size_t)(head->contact.ptr - bytes.ptr));
    rest = sip_from(rest, head->contact.len);
    for (;;) {
        enum sip_line_status status = sip_line_take(&rest, &line);
        if (status == SIP_LINE_END || status == SIP_LINE_CUT)
            break;
        if (status == SIP_LINE_HEADER && line.header == SIP_CONTACT)
            read_contact(head, line.value);
    }
}

static void on_route(struct sip_head *head, struct slice value) {
    if (head->route_count++ == 0)
        head->route = value;
}

static void read_route(struct sip_head *head) {
    struct slice value = head->route;
    struct sip_address address;

    if (sip_address_take(&value, &address, NULL))
        head->route_uri = address.uri;
}

static void on_record_route(struct sip_head *head, struct slice value) {
    (void)value;
    head->record_route_count++;
}

/* --- identity and numbers ------------------------------------------------------------------------
 */

static void on_call_id(struct sip_head *head, struct slice value) {
    read_once(head, value, &head->call_id);
}

static void on_cseq(struct sip_head *head, struct slice value) {
    uint64_t number;

    if (head->has_cseq) {
        head->malformed = true;
        return;
    }
    size_t digits = sip_digits(value, &number);
    head->has_cseq = digits > 0 && number <= UINT32_MAX;
    head->cseq = head->has_cseq ? (uint32_t)number : 0;
    head->cseq_method = sip_trim(sip_from(value, digits));
    /* RFC 3261 8.1.1.5: less than 2^31. */
    if (!head->has_cseq || number > INT32_MAX || head->cseq_method.len == 0)
        head->malformed = true;
}

static void on_content_length(struct sip_head *head, struct slice value) {
    uint64_t len;

    if (head->has_content_length || !slice_to_u64(value, &len)) {
        head->malformed = true;
        return;
    }
    head->has_content_length = true;
    head->content_length = len;
}

static void on_expires(struct sip_head *head, struct slice value) {
    read_seconds(head, value, &head->has_expires, &head->expires);
}

static void on_min_expires(struct sip_head *head, struct slice value) {
    read_seconds(head, value, &head->has_min_expires, &head->min_expires);
}

/* "120 (in a meeting);duration=60" (RFC 3261 20.33). */
static void on_retry_after(struct sip_head *head, struct slice value) {
    uint64_t number;

    read_seconds(head, slice_between(value, 0, sip_digits(value, &number)), &head->has_retry_after,
                 &head->retry_after);
}

static void on_user_agent(struct sip_head *head, struct slice value) {
    /* In responses Server comes second to User-Agent, whichever line is first. */
    head->user_agent = value;
}

static void on_server(struct sip_head *head, struct slice value) {
    if (head->response && !head->user_agent.ptr)
        head->user_agent = value;
}

static void on_event(struct sip_head *head, struct slice value) {
    if (!head->event.ptr)
        head->event = value;
}

/* --- credentials and challenges ------------------------------------------------------------------
 */

/* Take the next of  name=value, name="value"  from the front; the value without its quotes. */
static bool auth_param_take(struct slice *rest, struct slice *name, struct slice *value) {
    while (rest->len && (rest->ptr[0] == ',' || sip_is_blank(rest->ptr[0])))
        slice_skip(rest, 1);
    size_t equals = sip_find_either(*rest, '=', '=');
    if (equals == rest->len)
        return false;
    *name = sip_trim(slice_between(*rest, 0, equals));
    *rest = sip_skip_blanks(sip_from(*rest, equals + 1));
    if (rest->len && rest->ptr[0] == '"') {
        size_t end = sip_quote_end(*rest);
        *value = slice_between(*rest, 1, end);
        *rest = sip_from(*rest, end + 1);
        if (rest->len && rest->ptr[0] != ',')
            *rest = sip_from(*rest, slice_find(*rest, ','));
        return true;
    }
    size_t end = slice_find(*rest, ',');
    *value = sip_trim(slice_between(*rest, 0, end));
    *rest = sip_from(*rest, end);
    return true;
}

static struct slice skip_scheme(struct slice value) {
    return sip_from(value, sip_token_len(value)); /* "Digest" */
}

static void on_authorization(struct sip_head *head, struct slice value) {
    struct slice rest = skip_scheme(value), name, text;

    head->has_authorization = true;
    while (!head->auth_nonce.ptr && auth_param_take(&rest, &name, &text))
        if (SIP_NAME_IS(name, "nonce"))
            head->auth_nonce = text;
}

static void on_challenge(struct sip_head *head, struct slice value) {
    struct slice rest = skip_scheme(value), name, text;

    if (head->challenge_nonce.ptr)
        return;
    while (auth_param_take(&rest, &name, &text)) {
        if (SIP_NAME_IS(name, "nonce"))
            head->challenge_nonce = text;
        else if (SIP_NAME_IS(name, "stale"))
            head->challenge_stale = SIP_NAME_IS(text, "true");
    }
}

/* --- the scan ------------------------------------------------------------------------------------
 */

static void (*const readers[])(struct sip_head *head, struct slice value) = {
    [SIP_AUTHORIZATION] = on_authorization,
    [SIP_CALL_ID] = on_call_id,
    [SIP_CONTACT] = on_contact,
    [SIP_CONTENT_LENGTH] = on_content_length,
    [SIP_CSEQ] = on_cseq,
    [SIP_EVENT] = on_event,
    [SIP_EXPIRES] = on_expires,
    [SIP_FROM] = on_from,
    [SIP_MIN_EXPIRES] = on_min_expires,
    [SIP_PROXY_AUTHENTICATE] = on_challenge,
    [SIP_PROXY_AUTHORIZATION] = on_authorization,
    [SIP_RECORD_ROUTE] = on_record_route,
    [SIP_RETRY_AFTER] = on_retry_after,
    [SIP_ROUTE] = on_route,
    [SIP_SERVER] = on_server,
    [SIP_TO] = on_to,
    [SIP_USER_AGENT] = on_user_agent,
    [SIP_VIA] = on_via,
    [SIP_WWW_AUTHENTICATE] = on_challenge,
};

/* false: the head goes on. */
static bool scan_line(struct slice *rest, struct sip_head *head, size_t whole_len) {
    struct sip_line line;

    switch (sip_line_take(rest, &line)) {
    case SIP_LINE_HEADER:
        if (line.header != SIP_OTHER_HEADER)
            readers[line.header](head, line.value);
        return false;
    case SIP_LINE_ODD:
        head->malformed = true;
        return false;
    case SIP_LINE_END:
        head->head_len = whole_len - rest->len;
        return true;
    case SIP_LINE_CUT:
        break;
    }
    return true;
}

bool sip_head_skim(struct slice bytes, struct sip_head *head) {
    struct slice rest = bytes;
    struct sip_start start;

    if (!sip_start_take(&rest, &start))
        return false;
    memset(head, 0, sizeof *head);
    head->response = start.response;
    if (start.response) {
        head->status = start.status;
        head->reason = start.reason;
    } else {
        head->method_text = start.method;
        head->uri = start.uri;
    }
    while (!scan_line(&rest, head, bytes.len))
        ;
    if (start.response)
        head->method_text = head->cseq_method;
    else if (head->has_cseq && !slice_eq(head->cseq_method, head->method_text))
        head->malformed = true; /* RFC 3261 8.1.1.5: they must match */
    head->method = sip_method_of(head->method_text);
    return true;
}

/* RFC 3261 25.1: a zero byte may stand nowhere in a head but behind a backslash in quotes. */
static bool has_zero_byte(struct slice head) {
    for (size_t at = slice_find(head, 0); at < head.len;
         at += 1 + slice_find(sip_from(head, at + 1), 0))
        if (!at || head.ptr[at - 1] != '\\')
            return true;
    return false;
}

void sip_head_details(struct slice bytes, struct sip_head *head) {
    if (has_zero_byte(slice_between(bytes, 0, head->head_len ? head->head_len : bytes.len)))
        head->malformed = true;
    if (head->via.len)
        read_via_sent(head);
    read_address(&head->from);
    read_address(&head->to);
    read_contacts(head, bytes);
    read_route(head);
}

bool sip_head_scan(struct slice bytes, struct sip_head *head) {
    if (!sip_head_skim(bytes, head))
        return false;
    sip_head_details(bytes, head);
    return true;
}
