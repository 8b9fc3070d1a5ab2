/* The header lines of a SIP message, one after another. */
#ifndef SIP_SIP_LINES_H
#define SIP_SIP_LINES_H

#include "base/slice.h"

enum sip_header {
    SIP_OTHER_HEADER,
    SIP_AUTHORIZATION,
    SIP_CALL_ID,
    SIP_CONTACT,
    SIP_CONTENT_LENGTH,
    SIP_CSEQ,
    SIP_EVENT,
    SIP_EXPIRES,
    SIP_FROM,
    SIP_MIN_EXPIRES,
    SIP_PROXY_AUTHENTICATE,
    SIP_PROXY_AUTHORIZATION,
    SIP_RECORD_ROUTE,
    SIP_RETRY_AFTER,
    SIP_ROUTE,
    SIP_SERVER,
    SIP_TO,
    SIP_USER_AGENT,
    SIP_VIA,
    SIP_WWW_AUTHENTICATE,
};

enum sip_line_status {
    SIP_LINE_HEADER,
    SIP_LINE_ODD, /* not "name: value" */
    SIP_LINE_END, /* the empty line that ends the head */
    SIP_LINE_CUT, /* the bytes end before the line does */
};

struct sip_line {
    enum sip_header header;
    struct slice value; /* trimmed; with the line ends of a folded header */
};

/* Take the next line, with what is folded under it, from the front of the head's rest. On
 * SIP_LINE_CUT *rest is left alone. */
enum sip_line_status sip_line_take(struct slice *rest, struct sip_line *line);

#endif
