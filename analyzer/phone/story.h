/* The story of a capture: what each phone did. Facts alone, told with constants (contract section
 * 6); no expectation is known here, so that `show` and `check` tell the same story.
 *
 *   story ─ phones ─ accounts ─ requests ─ attempts ─ transactions, sends, responses
 *             │          ├ events          └ follows (ACK, CANCEL)
 *             │          └ resolutions (pointers into the phone's)
 *             ├ queries ─ records
 *             ├ resolutions ─ queries, ranked servers
 *             ├ connections
 *             └ loss signs
 *
 * All of it lives with the story until story_free (but see story_options.by_phone); strings are
 * interned (equal strings are equal pointers; but for branches and nonces), pointers into arrays
 * are stable. Frame numbers are Wireshark's, times nanoseconds since the epoch. Lists are in order
 * of time, then frame.
 *
 * Causes come before effects: an answer (response, DNS answer, error) that the capture shows up to
 * STORY_REORDER_NS before its question, or after what the phone did because of it, has the time of
 * the question, or the last moment before the phone went on. Its frame number stays its own.
 */
#ifndef PHONE_STORY_H
#define PHONE_STORY_H

#include "base/address.h"
#include "base/intern.h"
#include "base/memory.h"
#include "capture/capture.h"
#include "capture/merge.h"
#include "phone/message.h"

/* RFC 3261 17.1.1.1 and the constants of contract section 6. */
#define STORY_T1_NS ((int64_t)500000000)
#define STORY_64T1_NS (64 * STORY_T1_NS)
#define STORY_AFTER_FINAL_NS ((int64_t)5 * 1000000000)
#define STORY_AFTER_SILENCE_NS (STORY_64T1_NS + STORY_AFTER_FINAL_NS)

/* Captures show packets out of order: cards with several queues, mirror ports and merged interfaces
 * let one overtake another by a few milliseconds. What must have come before something else may be
 * seen this much after it. */
#define STORY_REORDER_NS ((int64_t)5 * 1000000)

/* ---- lookups ---- */

/* A resource record as a phone got it (or a profile says it is). */
struct fact_record {
    enum dns_section section;
    const char *name; /* lower case, no closing dot */
    uint16_t type;    /* DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR, DNS_CNAME; others are not kept */
    uint32_t ttl_s;
    struct ip_addr address;               /* A, AAAA */
    uint16_t priority, weight, port;      /* SRV */
    uint16_t order, preference;           /* NAPTR */
    const char *flags, *service, *regexp; /* NAPTR; flags and service in lower case */
    const char *target; /* SRV target, NAPTR replacement, CNAME: lower case; "." is the root */
};

/* One question of a phone to one resolver: repetitions under the same ID (from whatever port) are
 * one query. A query whose answer alone was seen has send_count 0. */
struct query {
    const char *name; /* lower case, no closing dot */
    uint16_t type;
    struct endpoint resolver;
    enum transport transport;
    uint16_t id;
    uint16_t udp_size;      /* EDNS size offered; 0: none */
    const uint32_t *frames; /* of the sends */
    const int64_t *times_ns;
    size_t send_count;
    int64_t t_ns;          /* first send (or the answer, where no send was seen) */
    uint32_t answer_frame; /* 0: unanswered */
    int64_t answer_t_ns;
    int rcode;      /* -1: unanswered */
    bool truncated; /* TC in the answer */
    bool cut;       /* the answer's end is missing from the capture */
    bool refused;   /* ICMP unreachable came back */
    uint32_t icmp_frame;
    unsigned answer_count; /* records in the answer section */
    const struct fact_record *records;
    size_t record_count;
};

enum resolution_outcome {
    RESOLUTION_RESOLVED,
    RESOLUTION_NEGATIVE, /* NXDOMAIN or no data at the last step */
    RESOLUTION_UNANSWERED,
    RESOLUTION_FAILED, /* SERVFAIL, REFUSED … */
    RESOLUTION_CUT,    /* the capture ends inside it */
};

/* A server of a list. Servers of one NAPTR service and one SRV priority, and all addresses of one
 * name, share a rank; ranks count 1, 2, 3 … without holes, on through the services. */
struct ranked_server {
    unsigned rank;
    struct server server;
    const char *target; /* the name whose address it is; NULL for a numeric host */
    bool from_srv;      /* priority, weight and port are of an SRV record */
    uint16_t priority, weight;
    bool has_ttl;     /* an address record led to it, */
    uint32_t ttl_s;   /* with this TTL as it was got */
    unsigned service; /* 0, 1 … : which NAPTR record (or SRV name, without NAPTR), in order */
    bool from_naptr;
    uint16_t order, preference; /* of the NAPTR record */
    bool transport_known;       /* the records say the transport; else it is a guess by first use */
    bool port_known;            /* the records say the port; else a guess by first use */
};

/* One walk through the lookups for a host: NAPTR, SRV, A/AAAA as this phone asked them. */
struct resolution {
    const char *host; /* the root of the chain, lower case */
    int64_t t_ns, end_ns;
    enum resolution_outcome outcome;
    struct query *const *queries;
    size_t query_count;
    const struct ranked_server *servers; /* by rank; in a rank as the answers list them */
    size_t server_count;
    bool
        starts_midway; /* its first steps happened before the capture (or were served by a cache) */
};

/* ---- requests ---- */

enum outcome {
    OUTCOME_ANSWERED,
    OUTCOME_UNAVAILABLE, /* 503 */
    OUTCOME_REFUSED,
    OUTCOME_SILENT,
    OUTCOME_STALLED, /* provisional responses only */
    OUTCOME_CUT,
    OUTCOME_COUNT,
};

/* One Via branch and CSeq at one server: what several sends may repeat. */
struct transaction {
    const char *branch; /* as written; NULL: none */
    const char *call_id;
    const char *from_tag, *to_tag; /* to_tag NULL: outside a dialog */
    const char *nonce;             /* of the credentials; NULL: none */
    uint64_t conn_id;              /* TCP, TLS: the connection; 0 over UDP */
    size_t first_send;             /* index into the attempt's sends */
    size_t send_count;
    struct endpoint source; /* of the first send */
    struct ip_addr via_ip;  /* sent-by of the top Via where it is an address; else len 0 */
    uint16_t via_port;
    uint32_t cseq;
    uint32_t expires_s; /* Expires header, else Contact parameter */
    unsigned size;      /* bytes of the message */
    bool has_expires;
    bool cut;         /* its head ends beyond the snapshot length: headers may be missing */
    bool credentials; /* Authorization or Proxy-Authorization */
};

/* A SIP request on the wire, or a failed connection attempt in its place. */
struct send {
    uint32_t frame;
    bool connect; /* a connection attempt that failed: frame of its first SYN */
    int64_t t_ns;
    size_t transaction; /* index into the attempt's transactions (connect: SIZE_MAX) */
};

struct response {
    int64_t t_ns;
    size_t transaction;      /* index into the attempt's transactions */
    const char *nonce;       /* of a challenge; NULL: none */
    const char *contact_uri; /* 3xx: where it points; NULL: nowhere */
    uint32_t frame;
    unsigned status;
    uint32_t retry_after_s, min_expires_s;
    uint32_t expires_s; /* 2xx to a REGISTER (what was granted to this phone's contact), to a
                           SUBSCRIBE */
    bool has_retry_after, has_min_expires, has_expires;
    bool stale;
    bool late;     /* final, and the phone had moved on */
    bool repeated; /* the same response again */
};

struct attempt {
    struct server server;
    enum outcome outcome;
    unsigned tries, sends, transactions, retransmissions,
        connects;         /* as contract section 1 counts */
    const char *call_id;  /* of its first transaction; NULL where only connections were tried */
    int64_t t_ns, end_ns; /* first try; last send, response or error that belongs to it */
    const struct transaction *transaction_list; /* `transactions` of them */
    const struct send *send_list;               /* sends and failed connects, send_count of them */
    size_t send_count;
    const struct response *responses;
    size_t response_count;
    const uint32_t *icmp_frames;
    size_t icmp_count;
    const uint32_t *error_frames; /* RST, TLS alert … that ended it */
    size_t error_count;
    bool
        icmp_prohibited; /* every ICMP error was code 13 / ICMPv6 1 (prohibited), not unreachable */
    bool timed_out_connect; /* a connection attempt that nobody answered */
    bool after_redirect;    /* goes where a 3xx pointed: neither a failover nor a matter of order */
    bool after_challenge;   /* the attempt before it ended in 401, 407 or 423 */
    bool
        in_progress; /* still being repeated, or less than its due time old, at the capture's end */
    bool restarted;  /* cut by a restart of the phone */
    unsigned final_status; /* in time; 0: none */
    uint32_t final_frame;
    int64_t final_ns;
};

/* An ACK or CANCEL: neither a request nor a send, but it must go where its request went. */
struct follow {
    enum sip_method method; /* SIP_ACK or SIP_CANCEL */
    uint32_t frame;
    int64_t t_ns;
    struct server server; /* where it went */
    size_t attempt;  /* the attempt it belongs to; SIZE_MAX: the request is not in the capture */
    bool of_non_2xx; /* ACK of a non-2xx answer: hop by hop (RFC 3261 17.1.1.3) */
    const char *branch;
};

/* One purpose of the phone carried to an end. */
struct request {
    enum sip_method method;
    const char *method_text;
    const char *call_id;     /* of its first attempt; NULL: only connections were seen */
    const char *uri;         /* Request-URI */
    const char *to_uri;      /* To: the target, inside a dialog too */
    const char *contact_uri; /* of its first transaction; NULL: none */
    int64_t t_ns, end_ns;
    enum outcome outcome; /* of its last attempt */
    unsigned status;      /* last final status; 0: none */
    const struct attempt *attempts;
    size_t attempt_count;
    const struct follow *follows;
    size_t follow_count;
    bool in_dialog;     /* its To carries a tag */
    bool unregister;    /* REGISTER with Expires 0 */
    bool open;          /* the capture ends before one could know that the phone gave up */
    bool starts_midway; /* the capture begins inside it */
    bool has_reg_id;    /* RFC 5626: a registration of its own */
    uint32_t reg_id;
    const char *event; /* SUBSCRIBE, PUBLISH: the event package */
    const struct resolution
        *resolution; /* the newest of the account's before it; NULL: none seen */
};

/* ---- what follows from the requests ---- */

enum event_kind {
    EVENT_FAILOVER,     /* from, to, method */
    EVENT_FAILBACK,     /* from, to, method */
    EVENT_PROBE,        /* from, to, method */
    EVENT_OUTAGE,       /* server */
    EVENT_RECOVERY,     /* server */
    EVENT_REGISTERED,   /* server, expires_s */
    EVENT_LAPSED,       /* server, expires_s */
    EVENT_UNREGISTERED, /* server, expires_s 0 */
    EVENT_CALL,         /* call_id, server, end_ns (0: up when the capture ends) */
    EVENT_RESTART,
    EVENT_KIND_COUNT,
};

struct event {
    enum event_kind kind;
    int64_t t_ns;
    struct server server;   /* outage, recovery, registered, lapsed, unregistered, call */
    struct server from, to; /* failover, failback, probe */
    enum sip_method method;
    bool has_expires;
    uint32_t expires_s;
    const char *call_id;
    int64_t end_ns;
    const uint32_t *frames;
    size_t frame_count;
    size_t request; /* index into the account's requests; SIZE_MAX: none */
    size_t attempt; /* failover, failback, probe: the attempt that went `to` */
};

/* A binding as the registrar granted it, until renewed, ended or lapsed. */
struct registration {
    struct server server;
    int64_t t_ns;       /* of the 200 */
    uint32_t frame;     /* of the 200 */
    uint32_t expires_s; /* granted */
    int64_t renewed_ns; /* the first send of its renewal or un-register; 0: none in the capture */
    int64_t until_ns;   /* when it ended: renewed 200, lapse, un-register; or the capture's end */
    bool lapsed;
    size_t request; /* index of the REGISTER that made it */
};

/* ---- who ---- */

enum loss_kind {
    LOSS_TCP_GAP,       /* bytes missing from a stream */
    LOSS_ANSWER_ONLY,   /* a DNS answer without its question */
    LOSS_RESPONSE_ONLY, /* a SIP response without its request */
    LOSS_ERROR_ONLY,    /* an ICMP error or TCP reset without the packet that it is about */
    LOSS_ACK_ONLY,      /* an ACK without the response that it confirms */
    LOSS_GAP_SUMS,      /* a gap between sends that is the sum of two scheduled ones */
    LOSS_EARLY_MOVE,    /* a move sooner than T1 after a single try */
    LOSS_DROP_COUNTER,  /* the capture file says that packets were dropped */
    LOSS_NEIGHBOUR,     /* ARP or ND for a server without an answer: sends died before the wire */
    LOSS_UNREPEATED,    /* one send over UDP without an answer or a repetition */
    LOSS_ANSWER_USED,   /* a server used that only an answer the capture lacks can have named */
    LOSS_SNAPLEN,       /* a message that mattered was cut by the snapshot length */
    LOSS_DAMAGED,       /* a packet with a wrong checksum */
    LOSS_FAR_ONLY,      /* an answer that only another capture point saw */
    LOSS_HOLE,          /* a hole in the IPv4 identifications of a phone that counts them up */
    LOSS_FRAGMENTS,     /* an IP packet of which fragments are missing */
    LOSS_NO_FILE,       /* months between the files of a set */
    LOSS_CSEQ,          /* a hole in the CSeq numbers of a phone that counts them up by one */
    LOSS_CHALLENGE,     /* credentials for a challenge that is not there */
    LOSS_ONE_WAY,       /* a server that the phone acts upon, and of which no packet is there */
    LOSS_UNCONNECTED,   /* a request over a connection of which the capture has nothing */
    LOSS_ENCRYPTED, /* the content of a TLS connection could not be read: of rules/, never told */
    LOSS_KIND_COUNT,
};

/* A sign that the capture does not show all that was on the wire, between two points in time. */
struct loss_sign {
    enum loss_kind kind;
    int64_t from_ns, to_ns;
    uint32_t frame;        /* 0: none */
    struct ip_addr server; /* len 0: any */
};

/* A subscription that its notifier ended (RFC 6665 4.1.3). */
struct subscription_end {
    const char *call_id;
    const char *event; /* NULL: the NOTIFY names none */
    int64_t t_ns;
};

/* A TCP connection of the phone to something that SIP or TLS went to, or that it tried in vain. */
struct connection {
    struct server server; /* transport tcp or tls */
    struct endpoint source;
    uint64_t id;
    int64_t t_ns, end_ns;
    const uint32_t *syn_frames;
    size_t syn_count;
    bool heard; /* a packet of the server is in the capture */
    /* refused, timed_out: of one that was accepted, its TLS handshake failed, or was never
     * answered. tls_up: data flowed; sip: SIP was read on it, of TLS with the secrets. */
    bool from_start, accepted, refused, timed_out, reset, tls, tls_up, sip;
    bool tls_answered; /* the server sent a TLS record */
    bool tls_done;     /* the handshake is complete */
    bool tls_sealed;   /* data of it could not be read: SIP on it may be unread */
    bool half_read;    /* SIP of one side was read, of the other nothing: all is left out */
    bool gap;          /* bytes of it are missing from the capture */
    /* Of the phone's stream and the server's: its length; of that, missing from the capture, as far
     * as that was looked for (struct conn). */
    uint64_t bytes[2], missing[2];
    const char *server_name; /* that its ClientHello asks for; NULL: none */
    uint32_t error_frame;    /* RST, alert or FIN; 0: none */
    int64_t error_ns;
    bool open_at_end;
};

/* It came to nothing. */
static inline bool connection_failed(const struct connection *connection) {
    return connection->refused || connection->timed_out;
}

/* It stood, and what was said on it could not be read, or not all of it. */
static inline bool connection_is_opaque(const struct connection *connection) {
    return connection->accepted && connection->tls && !connection_failed(connection) &&
           (!connection->sip || connection->tls_sealed);
}

/* A TCP connection that was opened to a resolver (port 53), whether it came about or not, and
 * whether the capture shows what was asked on it or not. */
struct dns_connect {
    struct endpoint resolver;
    int64_t t_ns;
    uint32_t frame; /* of the first SYN */
};

struct account {
    const char *aor;  /* "sip:2002@grandstream.com"; NULL: unknown (TLS only) */
    const char *host; /* the name or address that it resolves; NULL: not known */
    bool registers;   /* a REGISTER of it was seen */
    struct resolution *const *resolutions; /* of host, and of names that its requests led to */
    size_t resolution_count;
    const struct request *requests;
    size_t request_count;
    const struct registration *registrations;
    size_t registration_count;
    const struct event *events;
    size_t event_count;
};

struct phone {
    const struct ip_addr *addresses; /* ascending */
    size_t address_count;
    struct mac_addr mac;
    const char *const *user_agents; /* in order of appearance */
    size_t user_agent_count;
    const struct account *accounts; /* in order of appearance */
    size_t account_count;
    struct query *const *queries;
    size_t query_count;
    struct resolution *const *resolutions;
    size_t resolution_count;
    const struct connection *connections;
    size_t connection_count;
    const struct dns_connect *dns_connects;
    size_t dns_connect_count;
    const struct loss_sign *losses; /* the capture-wide ones too */
    size_t loss_count;
    const struct subscription_end *subscription_ends;
    size_t subscription_end_count;
    const int64_t *restarts_ns; /* boots seen (DHCP of its MAC, fresh start of a registration) */
    size_t restart_count;
    int64_t first_ns, last_ns; /* first and last packet from or to it that the story knows */
    int64_t cut_ns;            /* its first message whose head the snapshot length cut; 0: none */
};

enum warning_code {
    WARNING_TRUNCATED_PACKETS,
    WARNING_DUPLICATE_PACKETS,
    WARNING_TCP_GAPS,
    WARNING_CAPTURE_LOSS,
    WARNING_DROPPED_PACKETS,
    WARNING_CLOCK_BACKWARDS,
    WARNING_UNSUPPORTED_LINK_TYPE,
    WARNING_DAMAGED,
    WARNING_LIMIT_REACHED,
    WARNING_ONE_WAY,
    WARNING_BAD_CHECKSUM,
    WARNING_TLS_SECRETS,
    WARNING_TLS_LEFT_OUT,
    WARNING_COUNT,
};

struct warning {
    uint64_t count;      /* 0: not raised */
    const char *message; /* one sentence */
};

/* A bound of memory that the capture reached. */
struct limit_reached {
    const char *name; /* "tcp-connections" */
    uint64_t count;   /* how often something was given up for it */
};

/* The records of one answer. */
struct record_set {
    const struct fact_record *records;
    size_t count;
};

struct story {
    const char *const *files; /* as given on the command line */
    size_t file_count;
    const struct merge *merge; /* where frames are; borrowed; NULL: one file (story_merged) */
    uint64_t packets;
    int64_t start_ns, end_ns; /* first and last packet (by time stamp); both 0 without packets */
    const int *link_types;    /* in order of appearance */
    size_t link_type_count;
    uint64_t dropped_packets;
    bool sip;            /* there is a SIP message in it */
    bool sip_cut;        /* but no request is left whole enough to tell whose it is */
    bool clock_stepped;  /* its clock was set while it was made: no time across that can be told */
    bool clocks_doubted; /* nor between some of its files */
    bool whole_seconds;  /* none of its times has a fraction */
    struct warning warnings[WARNING_COUNT];
    const struct limit_reached *limits; /* what WARNING_LIMIT_REACHED is about */
    size_t limit_count;
    struct tls_tally tls;
    const struct phone *phones; /* in order of their first packet */
    size_t phone_count;
    const struct record_set *srv_answers; /* with SRV records, to all phones; most once */
    size_t srv_answer_count;
    struct arena arena;
    struct story_builder *builder; /* what it was told from, and points into */
};

const char *outcome_name(enum outcome outcome);                      /* "silent" */
const char *connection_outcome(const struct connection *connection); /* "refused" */
/* How far its TLS handshake came: "begun", "answered", "complete"; NULL: none was seen. */
const char *connection_handshake(const struct connection *connection);
const char *resolution_outcome_name(enum resolution_outcome outcome); /* "resolved" */
const char *event_kind_name(enum event_kind kind);                    /* "failover" */
const char *warning_code_name(enum warning_code code);                /* "tcp-gaps" */
const char *loss_kind_text(enum loss_kind kind);                      /* "a gap in a TCP stream" */

/* Seconds since the first packet, in nanoseconds. */
static inline int64_t story_offset_ns(const struct story *story, int64_t t_ns) {
    return t_ns - story->start_ns;
}

/* Formats and tools that keep no times give all packets the same; some recorders keep whole
 * seconds, and the timers of SIP are shorter (RFC 3261 17.1.1.1). Then only the order of packets is
 * known: what is wrong with the times; NULL: nothing. */
static inline const char *story_times_lack(const struct story *story) {
    enum { TELLING = 8 }; /* so many packets do not come at once, or on the second, by chance */
    bool enough = story->packets >= TELLING;

    if (story->start_ns == story->end_ns && (enough || (story->packets > 2 && !story->start_ns)))
        return "the capture has no times";
    return story->whole_seconds && enough ? "the times of the capture are whole seconds" : NULL;
}

/* How many of the account's requests or registrations, which are in order of time, began before t,
 * or until it (at t, too): the index of the first that did not. */
size_t account_requests_before(const struct account *account, int64_t t_ns);
size_t account_requests_until(const struct account *account, int64_t t_ns);
size_t account_registrations_before(const struct account *account, int64_t t_ns);
size_t account_registrations_until(const struct account *account, int64_t t_ns);

/* Where in the list is this server: the entry with its address, port and transport; port and
 * transport count only where the records know them. NULL: not in the list. */
const struct ranked_server *resolution_find(const struct resolution *resolution,
                                            const struct server *server);

/* ---- telling it ---- */

struct story_options {
    const struct ip_addr *as_phone; /* hosts that are phones whatever they look like */
    size_t as_phone_count;
    const struct tls_keylog *keylog; /* TLS secrets; may grow while frames are fed; NULL: none */
    /* Tell each phone only between story_enter_phone and story_leave_phone: for a run that judges
     * phone by phone and prints nothing of them. Outside, a phone has no accounts, connections and
     * losses, and the story no warning about loss. */
    bool by_phone;
};

struct story_builder;

struct story_builder *story_begin(const struct story_options *options);
/* A capture file's frames go in one after the other; frame numbers go on as the file gives them. */
void story_feed(struct story_builder *builder, const struct frame *frame);
/* The capture could not be read to its end: becomes the `damaged` warning. */
void story_damaged(struct story_builder *builder, const char *message);
/* So many blocks of TLS secrets in the capture file were left out for room. */
void story_secrets_left_out(struct story_builder *builder, uint64_t blocks);
/* Everything was fed: tell the story, which owns the builder from now on. */
struct story *story_end(struct story_builder *builder, const char *const *files, size_t file_count,
                        uint64_t dropped_packets);
/* It is of a set of files: where its frames come from, and what is not known of their clocks. merge
 * is borrowed. To be called before anything is told of it. */
void story_merged(struct story *story, const struct merge *merge);
void story_free(struct story *story);

/* By phone: phone p is told, in its place in story->phones, until it is left. A phone may be
 * entered again, one after another. Where the whole story is told, nothing happens. */
void story_enter_phone(const struct story *story, size_t p);
void story_leave_phone(const struct story *story);

#endif
