/* Record data of the types that lead to a server: A (RFC 1035 3.4.1), AAAA (RFC 3596), SRV
 * (RFC 2782), NAPTR (RFC 3403 4.1). */
#include "dns/dns_message.h"

#include "dns/dns_name.h"

bool dns_record_address(const struct dns_record *record, struct ip_addr *ip) {
    uint8_t len = record->type == DNS_A ? 4 : record->type == DNS_AAAA ? 16 : 0;

    if (len == 0 || record->data.len != len)
        return false;
    *ip = ip_of_bytes(record->data.ptr, len);
    return true;
}

/* Does a readable name fill the data of a record from `rest` to its end? The name may point out of
 * the data, but only backwards. */
static bool ends_with_name(const struct dns_message *m, const struct dns_record *r,
                           struct slice rest, size_t *name_at) {
    size_t end = r->data_at + r->data.len, after;

    if (end > m->bytes.len)
        return false;
    *name_at = end - rest.len;
    return dns_name_walk(slice_of(m->bytes.ptr, end), *name_at, NULL, NULL, &after) ==
               DNS_NAME_OK &&
           after == end;
}

/*   | priority(2) | weight(2) | port(2) | target | */
bool dns_record_srv(const struct dns_message *m, const struct dns_record *r, struct dns_srv *srv) {
    struct slice in = r->data;

    return r->type == DNS_SRV && slice_take_u16be(&in, &srv->priority) &&
           slice_take_u16be(&in, &srv->weight) && slice_take_u16be(&in, &srv->port) &&
           ends_with_name(m, r, in, &srv->target_at);
}

/* A <character-string>: a length octet and as many octets (RFC 1035 3.3). */
static bool take_string(struct slice *in, struct slice *string) {
    struct slice ahead = *in;
    uint8_t len;

    if (!slice_take_u8(&ahead, &len) || !slice_take(&ahead, len, string))
        return false;
    *in = ahead;
    return true;
}

/*   | order(2) | preference(2) | flags | service | regexp | replacement | */
bool dns_record_naptr(const struct dns_message *m, const struct dns_record *r,
                      struct dns_naptr *naptr) {
    struct slice in = r->data;

    return r->type == DNS_NAPTR && slice_take_u16be(&in, &naptr->order) &&
           slice_take_u16be(&in, &naptr->preference) && take_string(&in, &naptr->flags) &&
           take_string(&in, &naptr->service) && take_string(&in, &naptr->regexp) &&
           ends_with_name(m, r, in, &naptr->replacement_at);
}
