/* Bytes become a DNS message (RFC 1035 section 4), record by record, so that a message that is cut
 * still yields its first records. No packets here.
 */
#ifndef DNS_DNS_MESSAGE_H
#define DNS_DNS_MESSAGE_H

#include "base/address.h"
#include "base/slice.h"

/* A name of 255 octets in presentation format: each octet may become \DDD. */
enum {
    DNS_HEADER_LEN = 12,
    DNS_NAME_TEXT_LEN = 1025,
    DNS_RECORDS_MAX = 5956, /* what the longest message can hold: (65535 - 12) / 11 */
    DNS_QUESTIONS_MAX = 8,
};

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_NAPTR = 35,
    DNS_OPT = 41,
};

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

struct dns_question {
    size_t name_at; /* offset of the owner name in the message; read it with dns_name_text */
    uint16_t type, class;
};

struct dns_record {
    enum dns_section section;
    size_t name_at;
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data_at; /* offset of the record data in the message */
    struct slice data;
};

struct dns_message {
    struct slice bytes; /* the whole message, borrowed */
    uint16_t id;
    bool response, truncated, authoritative;
    uint8_t opcode, rcode; /* of the header; extended rcodes (EDNS) are not folded in */
    uint16_t counts[4];    /* question, answer, authority, additional, as the header says */
    struct dns_question questions[DNS_QUESTIONS_MAX];
    size_t question_count; /* how many could be read */
    struct dns_record records[DNS_RECORDS_MAX];
    size_t record_count;
    uint16_t udp_size; /* EDNS payload size offered; 0: no OPT record */
    bool cut;          /* ends inside what the counts announce */
    bool malformed;    /* contradicts itself: a loop of pointers, a name too long … */
};

/* Does this look like unicast DNS? Judged on the header, counts and first question alone, cheaply;
 * certain enough for any port (`port_53`: either port is 53, where less is asked of it). */
bool dns_recognise(struct slice bytes, bool port_53);

/* Read a message. false: not even the header is there. Where `cut_by_snaplen` is true a message
 * that ends early is `cut`, otherwise `malformed` as well. */
bool dns_parse(struct slice bytes, bool cut_by_snaplen, struct dns_message *message);

/* The name at an offset, in presentation format, as on the wire, without the closing dot; the root
 * is
 * ".". NULL-terminated text; false (text empty) where the name is broken. *after, where not NULL:
 * the offset behind it. */
bool dns_name_text(struct slice message, size_t at, char text[DNS_NAME_TEXT_LEN], size_t *after);

/* The same with ASCII letters in lower case, its length returned; 0 where it is broken. */
size_t dns_name_lower(struct slice message, size_t at, char text[DNS_NAME_TEXT_LEN]);

/* "SRV", or "TYPE65" (RFC 3597) into text. */
const char *dns_type_text(uint16_t type, char text[16]);
const char *dns_rcode_text(uint8_t rcode, char text[16]); /* "NOERROR", "NXDOMAIN" …, "RCODE12" */

/* Record data, taken apart; false: the data is not as its type asks. */
struct dns_srv {
    uint16_t priority, weight, port;
    size_t target_at;
};
struct dns_naptr {
    uint16_t order, preference;
    struct slice flags, service, regexp;
    size_t replacement_at;
};
bool dns_record_address(const struct dns_record *record, struct ip_addr *ip);
bool dns_record_srv(const struct dns_message *m, const struct dns_record *r, struct dns_srv *srv);
bool dns_record_naptr(const struct dns_message *m, const struct dns_record *r,
                      struct dns_naptr *naptr);

/* Record data in presentation format (ldns; unknown types as RFC 3597 writes them), as a malloced
 * string. Names as on the wire, without the closing dot. */
char *dns_record_text(const struct dns_message *m, const struct dns_record *r);

#endif
