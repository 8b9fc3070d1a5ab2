/* The first line of a SIP message. */
#ifndef SIP_SIP_START_H
#define SIP_SIP_START_H

#include "base/slice.h"

enum { SIP_START_LINE_MAX = 16 * 1024 };

struct sip_start {
    bool response;
    struct slice method, uri; /* requests */
    unsigned status;          /* responses */
    struct slice reason;
};

/* Take the start line, with its line end, from the front. Where the bytes end before a line end,
 * they are taken for the whole line. false: no start line; *rest is left alone. */
bool sip_start_take(struct slice *rest, struct sip_start *start);

#endif
