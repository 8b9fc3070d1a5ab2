/* Header, questions and records of a DNS message (RFC 1035 4), as far as they reach.
 *
 *    0      2      4      6      8      10     12
 *   | id   | flags | QD   | AN   | NS   | AR   | questions, then records of three sections
 *            QR(1) opcode(4) AA TC RD RA Z AD CD rcode(4)
 *
 *   question: name, type(2), class(2)
 *   record:   name, type(2), class(2), ttl(4), length(2), data
 *
 * A dynamic update (RFC 2136) has the same shape: its zone is the question, and prerequisites,
 * updates and additional records are the three sections.
 */
#include "dns/dns_message.h"

#include "dns/dns_name.h"

enum { QUESTION_TAIL_LEN = 4, RECORD_TAIL_LEN = 10 };
enum { QUESTIONS, ANSWERS, AUTHORITIES, ADDITIONALS };

enum {
    FLAG_RESPONSE = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION_AVAILABLE = 0x0080,
    FLAG_Z = 0x0040,
    RCODE_MASK = 0x000f,
};

enum { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };
enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

struct header {
    uint16_t id, flags;
    uint16_t counts[4];
};

static bool take_header(struct slice *in, struct header *header) {
    bool ok = in->len >= DNS_HEADER_LEN && slice_take_u16be(in, &header->id) &&
              slice_take_u16be(in, &header->flags);

    for (size_t i = 0; ok && i < 4; i++)
        ok = slice_take_u16be(in, &header->counts[i]);
    return ok;
}

static uint8_t opcode_of(uint16_t flags) {
    return (uint8_t)(flags >> 11 & 0xf);
}

/* --- recognition ------------------------------------------------------------------------------ */

static bool known_class(uint16_t class) {
    return class == CLASS_IN || class == CLASS_CH || class == CLASS_HS || class == CLASS_NONE ||
           class == CLASS_ANY;
}

/* Ranges of the IANA registry in which types are assigned. */
static bool plausible_type(uint16_t type) {
    return (type >= 1 && type <= 67) || (type >= 99 && type <= 109) || type == 128 ||
           (type >= 249 && type <= 262) || type == 32768 || type == 32769;
}

/* What a question, or the counts of a query, cannot be in a message of this kind. */
static bool counts_sane(const struct header *header) {
    uint8_t opcode = opcode_of(header->flags);

    if (header->counts[QUESTIONS] != 1 || header->counts[ANSWERS] > 255 ||
        header->counts[AUTHORITIES] > 255 || header->counts[ADDITIONALS] > 255)
        return false;
    if ((header->flags & FLAG_RESPONSE) || opcode == OPCODE_UPDATE)
        return true;
    /* A query brings no answers; an OPT record (RFC 6891) and a signature (RFC 8945) may follow.
     * A notification may bring the record it is about (RFC 1996 3.7). */
    return header->counts[ANSWERS] <= (opcode == OPCODE_NOTIFY ? 1 : 0) &&
           header->counts[AUTHORITIES] <= 1 && header->counts[ADDITIONALS] <= 2;
}

static bool flags_sane(uint16_t flags) {
    uint8_t opcode = opcode_of(flags);

    if (opcode > OPCODE_UPDATE || opcode == 3 || (flags & FLAG_Z))
        return false;
    if (flags & FLAG_RESPONSE)
        return true;
    /* RA and RCODE are set in responses only (RFC 1035 4.1.1). */
    return (flags & (FLAG_TRUNCATED | FLAG_RECURSION_AVAILABLE | RCODE_MASK)) == 0;
}

/* The first question: plain labels of visible ASCII (there is nothing before it to point to). */
static bool question_readable(struct slice in) {
    size_t name_len = 0;

    for (;;) {
        uint8_t len;
        struct slice label;
        if (!slice_take_u8(&in, &len) || len > 63 || (name_len += (size_t)len + 1) > 255)
            return false;
        if (len == 0)
            break;
        if (!slice_take(&in, len, &label))
            return false;
        for (size_t i = 0; i < len; i++)
            if (label.ptr[i] < ' ' || label.ptr[i] > '~')
                return false;
    }
    uint16_t type, class;
    return slice_take_u16be(&in, &type) && slice_take_u16be(&in, &class) && plausible_type(type) &&
           known_class(class);
}

bool dns_recognise(struct slice bytes, bool port_53) {
    struct header header;
    struct slice in = bytes;

    if (!take_header(&in, &header))
        return false;
    if (port_53) {
        /* All that is asked is a header that is not blank: what is wrong there is malformed DNS. */
        return header.id || header.flags || header.counts[QUESTIONS] || header.counts[ANSWERS];
    }
    return flags_sane(header.flags) && counts_sane(&header) && question_readable(in);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
    struct dns_message *message;
    size_t at;
    bool cut_by_snaplen;
};

/* The message ends, or cannot be followed any further. Always false, for return. */
static bool ends_early(struct reader *reader) {
    reader->message->cut = true;
    if (!reader->cut_by_snaplen)
        reader->message->malformed = true;
    return false;
}

/* Step over a name; false where the walk through the message ends here. */
static bool read_name(struct reader *reader, size_t *name_at) {
    *name_at = reader->at;
    switch (dns_name_walk(reader->message->bytes, reader->at, NULL, NULL, &reader->at)) {
    case DNS_NAME_OK:
        return true;
    case DNS_NAME_BAD:
        reader->message->malformed = true;
        return true;
    case DNS_NAME_CUT:
        return ends_early(reader);
    case DNS_NAME_UNREADABLE:
        break;
    }
    reader->message->malformed = true;
    return false;
}

/* The fixed part behind a name. */
static bool read_fixed(struct reader *reader, size_t len, struct slice *fixed) {
    struct slice bytes = reader->message->bytes;

    if (bytes.len - reader->at < len)
        return ends_early(reader);
    *fixed = slice_of(bytes.ptr + reader->at, len);
    reader->at += len;
    return true;
}

static bool read_question(struct reader *reader) {
    struct dns_message *message = reader->message;
    struct dns_question question = {0};
    struct slice fixed;

    if (!read_name(reader, &question.name_at) || !read_fixed(reader, QUESTION_TAIL_LEN, &fixed))
        return false;
    slice_take_u16be(&fixed, &question.type);
    slice_take_u16be(&fixed, &question.class);
    if (message->question_count < DNS_QUESTIONS_MAX)
        message->questions[message->question_count++] = question;
    return true;
}

/* Data of the types that name servers, where its shape can be wrong. Empty data is left alone: a
 * dynamic update deletes with it (RFC 2136 2.5). */
static bool data_sane(const struct dns_message *message, const struct dns_record *record) {
    struct ip_addr ip;
    struct dns_srv srv;
    struct dns_naptr naptr;

    if (record->data.len == 0 || record->class != CLASS_IN)
        return true;
    switch (record->type) {
    case DNS_A:
    case DNS_AAAA:
        return dns_record_address(record, &ip);
    case DNS_SRV:
        return dns_record_srv(message, record, &srv);
    case DNS_NAPTR:
        return dns_record_naptr(message, record, &naptr);
    default:
        return true;
    }
}

static bool read_record(struct reader *reader, enum dns_section section) {
    struct dns_message *message = reader->message;
    struct dns_record record = {.section = section};
    struct slice fixed;
    uint16_t len = 0;

    if (!read_name(reader, &record.name_at) || !read_fixed(reader, RECORD_TAIL_LEN, &fixed))
        return false;
    slice_take_u16be(&fixed, &record.type);
    slice_take_u16be(&fixed, &record.class);
    slice_take_u32be(&fixed, &record.ttl_s);
    slice_take_u16be(&fixed, &len);
    record.data_at = reader->at;
    if (!read_fixed(reader, len, &record.data))
        return false;
    if (message->record_count == DNS_RECORDS_MAX) {
        message->cut = true;
        return false;
    }
    if (!data_sane(message, &record))
        message->malformed = true;
    if (record.type == DNS_OPT && section == DNS_ADDITIONAL)
        message->udp_size = record.class;
    message->records[message->record_count++] = record;
    return true;
}

bool dns_parse(struct slice bytes, bool cut_by_snaplen, struct dns_message *message) {
    struct slice in = bytes;
    struct header header;

    if (!take_header(&in, &header))
        return false;
    message->bytes = bytes;
    message->id = header.id;
    message->response = (header.flags & FLAG_RESPONSE) != 0;
    message->authoritative = (header.flags & FLAG_AUTHORITATIVE) != 0;
    message->truncated = (header.flags & FLAG_TRUNCATED) != 0;
    message->opcode = opcode_of(header.flags);
    message->rcode = (uint8_t)(header.flags & RCODE_MASK);
    memcpy(message->counts, header.counts, sizeof message->counts);
    message->question_count = message->record_count = 0;
    message->udp_size = 0;
    message->cut = message->malformed = false;

    struct reader reader = {message, DNS_HEADER_LEN, cut_by_snaplen};
    for (size_t n = 0; n < header.counts[QUESTIONS]; n++)
        if (!read_question(&reader))
            return true;
    for (int section = DNS_ANSWER; section <= DNS_ADDITIONAL; section++)
        for (size_t n = 0; n < header.counts[section + 1]; n++)
            if (!read_record(&reader, (enum dns_section)section))
                return true;
    return true;
}
