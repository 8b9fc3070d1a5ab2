/* Names inside a DNS message (RFC 1035 3.1, 4.1.4): the walk that all else here rests on. */
#ifndef DNS_DNS_NAME_H
#define DNS_DNS_NAME_H

#include "base/slice.h"

enum { DNS_NAME_WIRE_MAX = 255 };

enum dns_name_status {
    DNS_NAME_OK,
    DNS_NAME_CUT,        /* runs past the end of the message */
    DNS_NAME_BAD,        /* *after is right, but what its pointers lead to is no name */
    DNS_NAME_UNREADABLE, /* broken before its end could be found */
};

/* Walk the name at an offset of a message.
 *
 * wire   NULL, or room for the name without compression; *wire_len says how much of it was used
 * after  the offset behind the name; written on DNS_NAME_OK and DNS_NAME_BAD
 */
enum dns_name_status dns_name_walk(struct slice message, size_t at, uint8_t wire[DNS_NAME_WIRE_MAX],
                                   size_t *wire_len, size_t *after);

#endif
