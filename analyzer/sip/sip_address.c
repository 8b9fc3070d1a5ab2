/* Addresses and their parameters (RFC 3261 20.10, 25.1), and URIs (RFC 3261 19.1.1).
 *
 *   name-addr:  "Bob, \"the\" one" <sip:bob@example.com;transport=tcp>;tag=a48s;expires=3600
 *   addr-spec:  sip:bob@example.com;tag=a48s       parameters are the header's, not the URI's
 *   URI:        sip:bob:secret@[2001:db8::1]:5060;transport=tcp?subject=x
 */
#include "sip/sip_address.h"
#include "sip/sip_text.h"

bool sip_param_take(struct slice *params, struct slice *name, struct slice *value) {
    struct slice rest = *params;

    while (rest.len && (rest.ptr[0] == ';' || sip_is_blank(rest.ptr[0])))
        slice_skip(&rest, 1);
    if (rest.len == 0) {
        *params = rest;
        return false;
    }
    size_t end = sip_find_either(rest, '=', ';');
    *name = sip_trim(slice_of(rest.ptr, end));
    slice_skip(&rest, end);
    *value = slice_of(rest.ptr, 0);
    if (rest.len && rest.ptr[0] == '=') {
        end = sip_find_outside(rest, ';', false);
        *value = sip_trim(slice_of(rest.ptr + 1, end - 1));
        slice_skip(&rest, end);
    }
    *params = rest;
    return true;
}

struct slice sip_address_split(struct slice member, struct sip_address *address) {
    size_t bracket = sip_find_outside(member, '<', false), end;

    address->value = member;
    if (bracket < member.len) {
        end = bracket + slice_find(sip_from(member, bracket), '>');
        address->uri = sip_trim(slice_between(member, bracket + 1, end));
        end++;
    } else {
        end = slice_find(member, ';');
        address->uri = sip_trim(slice_between(member, 0, end));
    }
    struct slice params = sip_from(member, end), rest = params, name, value;
    address->tag = slice_between(params, 0, 0);
    while (sip_param_take(&rest, &name, &value))
        if (SIP_NAME_IS(name, "tag")) {
            address->tag = value;
            break;
        }
    return params;
}

bool sip_address_take(struct slice *list, struct sip_address *address, struct slice *params) {
    struct slice rest = *list;

    while (rest.len && (rest.ptr[0] == ',' || sip_is_blank(rest.ptr[0])))
        slice_skip(&rest, 1);
    if (rest.len == 0) {
        *list = rest;
        return false;
    }
    size_t end = sip_find_outside(rest, ',', true);
    struct slice behind = sip_address_split(sip_trim(slice_between(rest, 0, end)), address);
    if (params)
        *params = behind;
    *list = sip_from(rest, end + 1);
    return true;
}

/* ":port" into *port; nothing is no port. */
static bool read_port(struct slice text, uint16_t *port) {
    uint64_t number;

    *port = 0;
    if (text.len == 0)
        return true;
    if (text.ptr[0] != ':' || !slice_to_u64(sip_trim(sip_from(text, 1)), &number) ||
        number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool read_host_and_port(struct slice text, struct sip_uri *uri) {
    size_t end = text.len && text.ptr[0] == '[' ? slice_find(text, ']') + 1 : slice_find(text, ':');

    if (end > text.len)
        return false;
    uri->host = slice_between(text, 0, end);
    return uri->host.len > 0 && read_port(sip_from(text, end), &uri->port);
}

bool sip_uri_parse(struct slice text, struct sip_uri *uri) {
    size_t colon = slice_find(text, ':');
    struct slice rest = sip_from(text, colon + 1), name, value;

    *uri = (struct sip_uri){.scheme = slice_between(text, 0, colon)};
    if (SIP_NAME_IS(uri->scheme, "tel")) {
        uri->user = slice_between(rest, 0, slice_find(rest, ';'));
        return uri->user.len > 0;
    }
    if (!SIP_NAME_IS(uri->scheme, "sip") && !SIP_NAME_IS(uri->scheme, "sips"))
        return false;

    size_t at = slice_find(rest, '@');
    if (at < rest.len) {
        struct slice user_info = slice_between(rest, 0, at);
        uri->user = slice_between(user_info, 0, slice_find(user_info, ':'));
        rest = sip_from(rest, at + 1);
    }
    rest = slice_between(rest, 0, slice_find(rest, '?'));
    size_t params_at = slice_find(rest, ';');
    if (!read_host_and_port(slice_between(rest, 0, params_at), uri))
        return false;
    rest = sip_from(rest, params_at);
    while (sip_param_take(&rest, &name, &value))
        if (SIP_NAME_IS(name, "transport")) {
            uri->transport = value;
            break;
        }
    return true;
}

bool sip_uri_has_host(const char *uri, const char *host) {
    struct sip_uri parsed;

    return uri && sip_uri_parse(slice_of_text(uri), &parsed) &&
           slice_eq_nocase(parsed.host, slice_of_text(host));
}
