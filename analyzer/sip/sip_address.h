/* One address, where a list is not allowed (From, To). */
#ifndef SIP_SIP_ADDRESS_H
#define SIP_SIP_ADDRESS_H

#include "sip/sip_head.h"

/* Take a trimmed header value apart as one address; returns what follows the URI. */
struct slice sip_address_split(struct slice value, struct sip_address *address);

#endif
