/* Types, response codes and record data in presentation format (RFC 1035 5.1), by ldns.
 *
 * ldns reads single records, and its reader of names follows pointers within the buffer that it is
 * given. So that it sees nothing but the one record, the data is copied with its names
 * uncompressed:
 *
 *   00 | type(2) | class(2) | ttl(4) | length(2) | data
 *
 * Names in the data of the types below may be compressed (RFC 3597 4); in all others they may not.
 * What ldns does not know or cannot read is written as RFC 3597 5 has it: \# length hex.
 */
#include "dns/dns_message.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "dns/dns_name.h"

enum { FIXED_LEN = 11, LENGTH_AT = 9, DATA_MAX = 65535 };

/* The fields of record data up to the last name: 1, 2, 4: so many octets; s: a <character-string>;
 * n: a name. */
static const char *const compressible[] = {
    [2] = "n",         /* NS */
    [3] = "n",         /* MD */
    [4] = "n",         /* MF */
    [5] = "n",         /* CNAME */
    [6] = "nn",        /* SOA */
    [7] = "n",         /* MB */
    [8] = "n",         /* MG */
    [9] = "n",         /* MR */
    [12] = "n",        /* PTR */
    [14] = "nn",       /* MINFO */
    [15] = "2n",       /* MX */
    [17] = "nn",       /* RP */
    [18] = "2n",       /* AFSDB */
    [21] = "2n",       /* RT */
    [24] = "2114442n", /* SIG */
    [26] = "2nn",      /* PX */
    [30] = "n",        /* NXT */
    [33] = "222n",     /* SRV */
    [35] = "22sssn",   /* NAPTR */
    [36] = "2n",       /* KX */
    [39] = "n",        /* DNAME */
};

/* The types that go by their name, TYPE65 and the like are all others: what is known must not
 * depend on how ldns was built. */
static bool is_known(uint16_t type) {
    static const uint16_t known[] = {
        1,  2,  5,  6,  10, 12, 13, 15, 16, 28, 33,  35,  38,  39,  41,
        43, 44, 46, 47, 48, 50, 51, 52, 61, 99, 249, 250, 251, 252, 257,
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == type)
            return true;
    return false;
}

/* ldns's description of a type, where it is a known one. */
static const ldns_rr_descriptor *description_of(uint16_t type) {
    const ldns_rr_descriptor *description = is_known(type) ? ldns_rr_descript(type) : NULL;

    if (!description || (uint16_t)description->_type != type || !description->_name)
        return NULL;
    return description;
}

const char *dns_type_text(uint16_t type, char text[16]) {
    const ldns_rr_descriptor *description = description_of(type);

    snprintf(text, 16, "%s", type == 255 ? "ANY" : description ? description->_name : "");
    if (!text[0])
        snprintf(text, 16, "TYPE%u", type);
    return text;
}

const char *dns_rcode_text(uint8_t rcode, char text[16]) {
    /* RFC 6895 2.3. */
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
    };

    if (rcode < sizeof names / sizeof *names)
        snprintf(text, 16, "%s", names[rcode]);
    else
        snprintf(text, 16, "RCODE%u", rcode);
    return text;
}

/* --- one record, uncompressed -------------------------------------------------------------------
 */

struct record_wire {
    uint8_t *bytes;
    size_t len, cap;
};

static bool put(struct record_wire *wire, const void *bytes, size_t len) {
    if (len > wire->cap - wire->len)
        return false;
    if (len)
        memcpy(wire->bytes + wire->len, bytes, len);
    wire->len += len;
    return true;
}

/* Copy the field at offset *at of the message, which must end at or before the message's end. */
static bool put_field(struct record_wire *wire, struct slice message, size_t *at, char kind) {
    size_t len = 0;

    if (kind == 'n') {
        uint8_t name[DNS_NAME_WIRE_MAX];
        return dns_name_walk(message, *at, name, &len, at) == DNS_NAME_OK && put(wire, name, len);
    }
    if (kind == 's') {
        if (*at >= message.len)
            return false;
        len = (size_t)message.ptr[*at] + 1;
    } else {
        len = (size_t)(kind - '0');
    }
    if (len > message.len - *at || !put(wire, message.ptr + *at, len))
        return false;
    *at += len;
    return true;
}

static bool put_data(struct record_wire *wire, const struct dns_message *m,
                     const struct dns_record *r) {
    struct slice upto_end = slice_of(m->bytes.ptr, r->data_at + r->data.len);
    const char *fields =
        r->type < sizeof compressible / sizeof *compressible ? compressible[r->type] : NULL;
    size_t at = r->data_at;

    for (; fields && *fields; fields++)
        if (!put_field(wire, upto_end, &at, *fields))
            return false;
    return put(wire, upto_end.ptr + at, upto_end.len - at);
}

static bool uncompress(struct record_wire *wire, const struct dns_message *m,
                       const struct dns_record *r) {
    /* The owner is the root and the TTL 0: neither is asked for. The class may change what the data
     * looks like. */
    const uint8_t fixed[FIXED_LEN] = {0, (uint8_t)(r->type >> 8), (uint8_t)r->type,
                                      (uint8_t)(r->class >> 8), (uint8_t)r->class};

    if (!put(wire, fixed, sizeof fixed) || !put_data(wire, m, r) ||
        wire->len - FIXED_LEN > DATA_MAX)
        return false;
    wire->bytes[LENGTH_AT] = (uint8_t)((wire->len - FIXED_LEN) >> 8);
    wire->bytes[LENGTH_AT + 1] = (uint8_t)(wire->len - FIXED_LEN);
    return true;
}

/* --- its text -----------------------------------------------------------------------------------
 */

static bool write_field(FILE *out, const ldns_rdf *field) {
    if (ldns_rdf_get_type(field) == LDNS_RDF_TYPE_DNAME) {
        char text[DNS_NAME_TEXT_LEN];
        struct slice name = slice_of(ldns_rdf_data(field), ldns_rdf_size(field));
        if (!dns_name_text(name, 0, text, NULL))
            return false;
        fputs(text, out);
        return true;
    }
    if (ldns_rdf_get_type(field) == LDNS_RDF_TYPE_TIME) {
        /* ldns would look at the clock to tell 1970 from 2106. */
        char text[32];
        struct tm tm;
        time_t t = (time_t)ldns_rdf2native_int32(field);
        if (!gmtime_r(&t, &tm) || !strftime(text, sizeof text, "%Y%m%d%H%M%S", &tm))
            return false;
        fputs(text, out);
        return true;
    }
    char *text = ldns_rdf2str(field);
    if (!text)
        return false;
    fputs(text, out);
    free(text);
    return true;
}

static bool write_known(FILE *out, const struct dns_message *m, const struct dns_record *r) {
    /* Uncompressed, a name can only grow to its 255 octets: at most two are in a record. */
    struct record_wire wire = {.cap = FIXED_LEN + r->data.len + 2 * DNS_NAME_WIRE_MAX};
    ldns_rr *rr = NULL;
    size_t at = 0;

    wire.bytes = memory_new(wire.cap);
    bool ok = uncompress(&wire, m, r) &&
              ldns_wire2rr(&rr, wire.bytes, wire.len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK &&
              at == wire.len && ldns_rr_rd_count(rr) > 0;
    for (size_t i = 0; ok && i < ldns_rr_rd_count(rr); i++) {
        if (i)
            putc(' ', out);
        ok = write_field(out, ldns_rr_rdf(rr, i));
    }
    if (rr)
        ldns_rr_free(rr);
    free(wire.bytes);
    return ok;
}

static void write_unknown(FILE *out, struct slice data) {
    fprintf(out, "\\# %zu%s", data.len, data.len ? " " : "");
    for (size_t i = 0; i < data.len; i++)
        fprintf(out, "%02x", data.ptr[i]);
}

char *dns_record_text(const struct dns_message *m, const struct dns_record *r) {
    const ldns_rr_descriptor *description = description_of(r->type);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        abort(); /* as memory_new: out of memory */
    bool known = description && r->type != DNS_OPT && r->data.len > 0 && write_known(out, m, r);
    if (!known) {
        rewind(out);
        write_unknown(out, r->data);
    }
    /* What a failed try wrote beyond this stays behind the NUL. */
    putc('\0', out);
    fclose(out);
    return text;
}
