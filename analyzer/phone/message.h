/* A DNS or SIP message with its place in the capture: what net's datagrams and streams become once
 * their content is recognised. On any port, next to STUN, RTP, CRLF keep-alives and TLS.
 */
#ifndef PHONE_MESSAGE_H
#define PHONE_MESSAGE_H

#include "dns/dns_message.h"
#include "net/net.h"
#include "sip/sip_head.h"
#include "tls/tls_keylog.h"

enum message_kind { MESSAGE_SIP, MESSAGE_DNS };

enum message_note {
    MESSAGE_CUT_BY_SNAPLEN = 1 << 0,
    MESSAGE_MALFORMED = 1 << 1,
    MESSAGE_AFTER_GAP = 1 << 2,    /* the stream lost bytes just before it */
    MESSAGE_CUT_BY_GAP = 1 << 3,   /* the stream lost bytes inside it */
    MESSAGE_CUT_BY_END = 1 << 4,   /* the stream ended inside it */
    MESSAGE_BAD_CHECKSUM = 1 << 5, /* nobody received it */
};

struct message {
    enum message_kind kind;
    struct packet packet; /* the frame that completed it; src and dst of the message itself */
    enum transport transport;
    const uint32_t *frames; /* all that carried it, ascending */
    size_t frame_count;
    bool quoted;        /* inside an ICMP error: packet.src and dst are the quoted packet's */
    struct conn *conn;  /* its TCP connection; NULL over UDP and SCTP, and as an agent reports it */
    unsigned notes;     /* of enum message_note */
    struct slice bytes; /* the whole message */
    const struct datagram *datagram; /* that it came in; NULL: quoted, or not over UDP */
    uint64_t sum;                    /* of the datagram's bytes (net_receives) */
    const struct sip_head *sip;      /* MESSAGE_SIP; see message_handler.details */
    struct dns_message *dns;         /* MESSAGE_DNS; see message_handler.details */
};

/* The connection turned out to carry TLS. */
struct tls_seen {
    struct conn *conn;
    struct packet packet;
    enum conn_side side;
    bool alert;               /* an alert record in the clear (before keys): a failed handshake */
    bool application_data;    /* handshake done: protected data flows */
    bool done;                /* the handshake is complete */
    bool sealed;              /* data of this side could not be read: there is no key, or it does
                                 not fit */
    bool read;                /* data of this side was read */
    bool hello;               /* a ClientHello was read; then: */
    struct slice server_name; /* whom it asks for (RFC 6066 3); empty: it does not say */
};

/* Data of one side of a TLS connection, or of both, that stays unread although there are secrets of
 * that connection. */
enum tls_unfit_reason {
    TLS_UNFIT_WRONG,   /* the secret does not open it */
    TLS_UNFIT_MISSING, /* the secret is not there */
    TLS_UNFIT_SUITE,   /* the cipher suite is not known here */
};

struct tls_unfit {
    enum tls_unfit_reason reason;
    enum tls_secret_kind secret;
    uint8_t client_random[TLS_RANDOM_LEN];
    struct endpoint client, server;
    enum conn_side side; /* that sent it; TLS_MASTER_SECRET: or the other */
    uint32_t frame_no;   /* of the first record */
};

enum { TLS_UNFIT_KEPT = 4 };

/* What became of all TLS connections. */
struct tls_tally {
    enum tls_keylog_holds holds; /* what was given to read them with */
    uint64_t connections;        /* seen */
    uint64_t keyed;              /* that have secrets */
    uint64_t unfit;              /* of these, that could not be read, or of one side alone */
    struct tls_unfit first[TLS_UNFIT_KEPT]; /* of these, by frame */
};

/* Any may be NULL. All but message and tls are net's, passed on. */
struct message_handler {
    void *context;
    /* Wanted whole: else message.sip is skimmed, and message.dns is room for dns_parse to read
     * into, which many DNS messages, being like one before, can do without. */
    bool details;
    void (*message)(void *context, const struct message *message);
    void (*tls)(void *context, const struct tls_seen *tls);
    void (*conn)(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                 const struct packet *packet);
    void (*gap)(void *context, struct conn *conn, enum conn_side side,
                const struct stream_piece *piece);
    void (*icmp)(void *context, const struct icmp_error *error);
    void (*neighbour)(void *context, const struct neighbour *neighbour);
    void (*hole)(void *context, const struct packet_hole *hole);
    void (*reported)(void *context, int64_t t_ns);
    void (*dhcp)(void *context, const struct datagram *datagram); /* client's DISCOVER or REQUEST */
    void (*note)(void *context, enum net_note note, uint32_t frame_no, int64_t value);
};

struct message_reader;

struct message_reader *message_reader_new(const struct message_handler *handler);
/* Secrets of TLS connections, looked up from now on; they must outlive the reader. */
void message_reader_secrets(struct message_reader *reader, const struct tls_keylog *keylog);
/* Of all TLS connections, once message_reader_end was called. Valid as long as the reader. */
const struct tls_tally *message_reader_tls(const struct message_reader *reader);
void message_reader_feed(struct message_reader *reader, const struct frame *frame);
void message_reader_end(struct message_reader *reader);
void message_reader_free(struct message_reader *reader);

#endif
