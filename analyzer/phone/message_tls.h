/* TLS as far as it shows in the clear: that it is there, that a handshake failed, that data flows.
 */
#ifndef PHONE_MESSAGE_TLS_H
#define PHONE_MESSAGE_TLS_H

#include "net/net.h"
#include "tls/tls_record.h"

/* One direction. Zero-initialised: at the front of a record. */
struct tls_records {
    uint8_t head[TLS_HEADER_LEN + 2]; /* record header, and the body of an alert */
    uint8_t have;                     /* so many bytes of head are there */
    uint32_t skip;                    /* bytes of a record's body still to come */
    bool lost;                        /* not at a known place: wait for what looks like a header */
    bool hello;                       /* a handshake record was seen */
    bool cipher_spec;                 /* a ChangeCipherSpec record was seen */
    bool sealed;                      /* a handshake record after that: TLS 1.2 or older */
    bool finished;                    /* its Finished was seen (TLS 1.3: what must be it) */
    bool data;                        /* application data was seen */
    bool done;                        /* TLS_DONE was told */
};

enum tls_fact {
    TLS_ALERTED = 1 << 0, /* an alert in the clear that ends the handshake */
    TLS_DONE = 1 << 2,    /* with this the handshake is complete, as far as it shows */
    TLS_DATA = 1 << 1,    /* the first application data of this direction */
};

/* Does it begin with a record header (five bytes looked at; fewer: false)? any: of every type, else
 * of a handshake. */
bool tls_recognise(struct slice bytes, bool any);

/* The next bytes of one direction. Returns the events in them, of enum tls_fact. */
unsigned tls_records_feed(struct tls_records *mine, const struct tls_records *peer,
                          enum conn_side side, struct slice bytes);

/* Bytes are missing at this place. */
void tls_records_gap(struct tls_records *mine, uint64_t len);

#endif
