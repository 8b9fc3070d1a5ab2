/* libosip2's parse of a message, its values copied out.
 *
 * libosip2 takes a URI apart and writes it again: escapes change their case, and needless ones go.
 * So that a reader finds the text that is in the capture, a URI is given as the quick scan found it
 * wherever libosip2 reads that text as the same URI, and as libosip2 writes it where it does not.
 */
#include "sip/sip_message.h"

#include <stdlib.h>

#include <osipparser2/osip_parser.h>

#include "base/memory.h"
#include "sip/sip_lines.h"
#include "sip/sip_start.h"
#include "sip/sip_text.h"

/* As some distributions build it, libosip2 writes what it dislikes to standard output, until
 * somebody else takes its traces. */
static void no_trace(const char *file, int line, osip_trace_level_t level, const char *format,
                     va_list args) {
    (void)file;
    (void)line;
    (void)level;
    (void)format;
    (void)args;
}

bool sip_library_init(void) {
    osip_trace_initialize_func(OSIP_FATAL, no_trace);
    return parser_init() == 0;
}

static char *copy_slice(struct slice text) {
    if (!text.ptr)
        return NULL;
    char *copy = memory_new(text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static char *copy_text(const char *text) {
    return text ? copy_slice(slice_of_text(text)) : NULL;
}

/* NULL where there is nothing between the marks. */
static char *copy_filled(struct slice text) {
    return text.len ? copy_slice(text) : NULL;
}

static void add_contact(struct sip_full *full, char *uri) {
    full->contacts = memory_resize(full->contacts, full->contact_count + 1, sizeof *full->contacts);
    full->contacts[full->contact_count++] = uri;
}

void sip_full_fini(struct sip_full *full) {
    free(full->method);
    free(full->uri);
    free(full->call_id);
    free(full->cseq_method);
    free(full->branch);
    free(full->from_uri);
    free(full->from_tag);
    free(full->to_uri);
    free(full->to_tag);
    for (size_t i = 0; i < full->contact_count; i++)
        free(full->contacts[i]);
    free(full->contacts);
    free(full->user_agent);
    memset(full, 0, sizeof *full);
}

/* --- from the quick scan -------------------------------------------------------------------------
 */

static void list_contacts(struct slice bytes, struct sip_full *full) {
    struct sip_start start;
    struct sip_line line;
    struct sip_address address;
    enum sip_line_status status;

    if (!sip_start_take(&bytes, &start))
        return;
    while ((status = sip_line_take(&bytes, &line)) == SIP_LINE_HEADER || status == SIP_LINE_ODD)
        while (status == SIP_LINE_HEADER && line.header == SIP_CONTACT &&
               sip_address_take(&line.value, &address, NULL))
            if (address.uri.len)
                add_contact(full, copy_slice(address.uri));
}

void sip_full_of_head(struct slice bytes, const struct sip_head *head, struct sip_full *full) {
    *full = (struct sip_full){
        .method = head->response ? NULL : copy_slice(head->method_text),
        .status = head->status,
        .uri = head->response ? NULL : copy_slice(head->uri),
        .call_id = copy_filled(head->call_id),
        .has_cseq = head->has_cseq,
        .cseq = head->cseq,
        .cseq_method = copy_filled(head->cseq_method),
        .branch = copy_filled(head->branch),
        .from_uri = copy_filled(head->from.uri),
        .from_tag = copy_filled(head->from.tag),
        .to_uri = copy_filled(head->to.uri),
        .to_tag = copy_filled(head->to.tag),
        .has_expires = head->has_expires || head->has_contact_expires,
        .expires = head->has_expires ? head->expires : head->contact_expires,
        .user_agent = copy_filled(head->user_agent),
    };
    list_contacts(bytes, full);
}

/* --- from libosip2 -------------------------------------------------------------------------------
 */

static char *uri_text(const osip_uri_t *uri) {
    char *written = NULL;

    if (!uri || osip_uri_to_str(uri, &written) != 0)
        return NULL;
    char *copy = copy_text(written);
    osip_free(written);
    return copy;
}

/* The number alone, where it is one. */
static bool read_number(const char *text, uint32_t *v) {
    uint64_t wide;

    if (!text || !slice_to_u64(slice_trim(slice_of_text(text)), &wide) || wide > UINT32_MAX)
        return false;
    *v = (uint32_t)wide;
    return true;
}

static char *param_text(const osip_list_t *params, const char *name) {
    for (int i = 0; i < osip_list_size(params); i++) {
        const osip_generic_param_t *param = osip_list_get(params, i);
        if (param->gname && slice_eq_nocase(slice_of_text(param->gname), slice_of_text(name)))
            return param->gvalue;
    }
    return NULL;
}

static const char *header_text(const osip_message_t *sip, const char *name) {
    osip_header_t *header = NULL;

    if (osip_message_header_get_byname(sip, name, 0, &header) < 0 || !header)
        return NULL;
    return header->hvalue;
}

static void read_contacts(const osip_message_t *sip, struct sip_full *full) {
    for (int i = 0; i < osip_list_size(&sip->contacts); i++) {
        const osip_contact_t *contact = osip_list_get(&sip->contacts, i);
        char *uri = contact->url           ? uri_text(contact->url)
                    : contact->displayname ? copy_text(contact->displayname)
                                           : NULL;
        if (uri)
            add_contact(full, uri);
        if (!full->has_expires)
            full->has_expires =
                read_number(param_text(&contact->gen_params, "expires"), &full->expires);
    }
}

static void read_message(const osip_message_t *sip, struct sip_full *full) {
    bool response = sip->status_code != 0;
    const char *user_agent = header_text(sip, "user-agent");

    full->status = (unsigned)sip->status_code;
    if (!response) {
        full->method = copy_text(sip->sip_method);
        full->uri = uri_text(sip->req_uri);
    } else if (!user_agent) {
        user_agent = header_text(sip, "server");
    }
    full->user_agent = copy_text(user_agent);
    if (sip->call_id) {
        char *written = NULL;
        if (osip_call_id_to_str(sip->call_id, &written) == 0)
            full->call_id = copy_text(written);
        osip_free(written);
    }
    if (sip->cseq) {
        full->has_cseq = read_number(sip->cseq->number, &full->cseq);
        full->cseq_method = copy_text(sip->cseq->method);
    }
    if (osip_list_size(&sip->vias) > 0) {
        const osip_via_t *via = osip_list_get(&sip->vias, 0);
        full->branch = copy_text(param_text(&via->via_params, "branch"));
    }
    if (sip->from) {
        full->from_uri = uri_text(sip->from->url);
        full->from_tag = copy_text(param_text(&sip->from->gen_params, "tag"));
    }
    if (sip->to) {
        full->to_uri = uri_text(sip->to->url);
        full->to_tag = copy_text(param_text(&sip->to->gen_params, "tag"));
    }
    full->has_expires = read_number(header_text(sip, "expires"), &full->expires);
    read_contacts(sip, full);
}

/* --- the text of the capture ---------------------------------------------------------------------
 */

/* Does libosip2 read text as the URI that it wrote as `written`? */
static bool same_uri(const char *text, const char *written) {
    osip_uri_t *uri = NULL;
    bool same = false;

    if (osip_uri_init(&uri) != 0)
        return false;
    if (osip_uri_parse(uri, text) == 0) {
        char *again = uri_text(uri);
        same = again && strcmp(again, written) == 0;
        free(again);
    }
    osip_uri_free(uri);
    return same;
}

/* Move the text of *as_sent into *written where both are one URI. */
static void keep_text(char **written, char **as_sent) {
    if (!*written || !*as_sent || !same_uri(*as_sent, *written))
        return;
    free(*written);
    *written = *as_sent;
    *as_sent = NULL;
}

static void keep_texts(struct slice bytes, const struct sip_head *head, struct sip_full *full) {
    struct sip_full sent;

    sip_full_of_head(bytes, head, &sent);
    keep_text(&full->uri, &sent.uri);
    keep_text(&full->from_uri, &sent.from_uri);
    keep_text(&full->to_uri, &sent.to_uri);
    for (size_t i = 0; i < full->contact_count && i < sent.contact_count; i++)
        keep_text(&full->contacts[i], &sent.contacts[i]);
    sip_full_fini(&sent);
}

/* libosip2 ends a line at a bare CR too, so that "CR CR LF", which some phones send, is the end of
 * the head to it, and all behind it body. RFC 3261 7.3.1 knows CRLF only. */
static bool has_bare_cr(struct slice head) {
    for (size_t at = slice_find(head, '\r'); at < head.len;
         at += 1 + slice_find(sip_from(head, at + 1), '\r'))
        if (at + 1 == head.len || head.ptr[at + 1] != '\n')
            return true;
    return false;
}

/* "SIP/2.0 200" with nothing behind it: libosip2 takes the header line below for the reason. */
static bool ends_with_status(struct slice bytes) {
    struct slice line = sip_trim(slice_between(bytes, 0, slice_find(bytes, '\n')));
    size_t blank = slice_find(line, ' ');

    return blank + 4 >= line.len && slice_starts_nocase(line, SLICE_LITERAL("SIP/"));
}

bool sip_full_parse(struct slice bytes, struct sip_full *full) {
    osip_message_t *sip = NULL;
    struct sip_head head;

    memset(full, 0, sizeof *full);
    /* A string's end in the middle would make libosip2 see less than the quick scan does. */
    if (slice_find(bytes, 0) < bytes.len || !sip_head_scan(bytes, &head) ||
        ends_with_status(bytes) ||
        has_bare_cr(slice_between(bytes, 0, head.head_len ? head.head_len : bytes.len)))
        return false;
    if (osip_message_init(&sip) != 0)
        return false;
    char *text = copy_slice(bytes);
    bool ok = osip_message_parse(sip, text, bytes.len) == 0;
    if (ok) {
        read_message(sip, full);
        keep_texts(bytes, &head, full);
    }
    osip_message_free(sip);
    free(text);
    return ok;
}
