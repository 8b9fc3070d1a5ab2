/* What the story is made of, gathered while the capture goes by: compact records of SIP
 * transactions, lookups, connections, errors and neighbours. Who is a phone, and what belongs
 * together, is decided when all has been seen (people.h, resolve.h, requests.h).
 *
 * Records live in growing arrays and refer to each other by index (NONE: nothing), so that they can
 * be made by the hundred thousand: no allocation for each.
 */
#ifndef PHONE_COLLECT_H
#define PHONE_COLLECT_H

#include "phone/collect_copies.h"
#include "phone/message.h"
#include "phone/story.h"

#define NONE UINT32_MAX

/* An error comes back within this time of the packet that it is about, that of a router that asks
 * in vain for the server's address included (RFC 4861 7.2.2); and the phone acts on it. */
#define ERROR_AFTER_NS ((int64_t)3 * 1000000000)

/* Members of lists: one array for all lists, linked by index. */
struct seen {
    uint32_t frame, next;
    int64_t t_ns;
};
struct seen_list {
    uint32_t first, last, count;
};

struct seen_response {
    struct response told; /* as the story gives it: with others of its attempt as a copy */
    uint32_t next;
    uint16_t point;    /* which capture point saw it: the request's, if that did, */
    uint16_t asked_at; /* and which the request, nearest to its phone */
};

/* What a phone repeats from request to request: the refreshes of one registration, the requests of
 * one dialog, all say the same here. Kept once for all of them. */
struct wording {
    /* What the next request is held against comes first, close together. */
    const void *written; /* all of it as it stood in the message */
    size_t written_len;
    uint32_t older;     /* the wording before it in its hash chain */
    uint32_t host;      /* that sent it: index into the collection's hosts, */
    struct ip_addr src; /* and its address */
    bool multicast;     /* sent to multicast addresses */
    enum sip_method method;
    bool has_reg_id;
    uint32_t reg_id;
    uint16_t via_port;
    struct ip_addr via_ip; /* sent-by of the top Via where it is an address; else len 0 */
    const char *method_text, *call_id, *uri, *from_uri, *from_tag, *to_uri, *to_tag;
    const char *contact_uri, *route_uri, *event, *user_agent;
    const char *user; /* of the Request-URI; "": none */
    uint32_t sent_to; /* REGISTER: the host that it went to last; NONE: not known */
};

/* A SIP client transaction: a Via branch and CSeq at one destination, from one source. */
struct tx {
    struct transaction told; /* as the story gives it: with others of its attempt as a copy */
    struct endpoint dst;
    enum transport transport;
    enum sip_method method;
    uint32_t wording; /* index into the collection's */
    struct seen_list sends, icmp;
    uint32_t first_response, last_response, response_count;
    uint32_t older;         /* the transaction before it in its hash chain (same key, elsewhere) */
    uint32_t before;        /* the one that its host began before it */
    uint16_t point;         /* the capture point nearest to the phone */
    bool icmp_prohibited;   /* all ICMP errors so far were of the 'prohibited' kind */
    bool ends_subscription; /* NOTIFY: its Subscription-State is terminated */
};

struct seen_query {
    struct ip_addr client;
    struct mac_addr mac; /* of the client, where its question was seen */
    struct query *query; /* in the story's arena; frames and times come when the story is told */
    struct seen_list sends;
};

struct seen_connection {
    struct ip_addr client;
    struct connection connection; /* syn_frames: filled in when the story is told */
    uint32_t syn_frame;           /* of the first SYN; 0: not seen */
    struct seen_list syns;        /* its repetitions */
    bool taken;                   /* a failed connection that a request has taken as its try */
    bool unasked;    /* the server closed as soon as it had accepted, before anything was said */
    uint32_t copies; /* packets that the capture holds more than once */
    bool read[2], sealed[2]; /* by side: of its TLS data some was read; some could not be */
};

/* Of its TLS data that of one side was never read: what the other side's was answered with is not
 * known. */
static inline bool is_half_read(const struct seen_connection *seen) {
    return (seen->sealed[0] && !seen->read[0]) || (seen->sealed[1] && !seen->read[1]);
}

/* An error or a sign of life of a server outside of any transaction. */
struct seen_icmp {
    uint32_t frame;
    int64_t t_ns;
    struct endpoint src, dst; /* of the quoted packet */
    enum transport transport;
};

struct seen_neighbour {
    struct ip_addr asker, target;
    struct mac_addr mac;
    struct seen_list asks;
    int64_t answered_ns;
    bool answered;
};

/* An answer for an address: its question may be captured only after it. */
struct heard_neighbour {
    uint64_t key; /* of asker and target */
    int64_t t_ns;
};

struct seen_loss {
    struct ip_addr host, peer; /* either may be the phone; neither known: any may be */
    struct loss_sign sign;
    unsigned missing; /* LOSS_HOLE: so many packets */
};

struct seen_host {
    struct ip_addr ip;
    struct mac_addr mac;  /* the last that it sent SIP with, on its own side of a router: */
    uint8_t mac_hops;     /* where both sides were seen, so many hops were left there; else 0 */
    bool numbers_packets; /* its IP identifications are known to differ */
    bool registrar;       /* a REGISTER was sent to it */
    bool relay;           /* its requests carry several Vias or a Record-Route */
    uint32_t requests;    /* that it sent with one Via, not to multicast */
    bool tls;             /* it opened a TLS connection */
    bool sips;            /* one to port 5061, or it asked for an SRV record of _sips._tcp */
    uint32_t first_frame; /* of its first request */
    uint32_t newest_tx;   /* that it began; NONE: none */
    int64_t first_ns, last_ns;
    int64_t cut_ns; /* the first message from or to it that the snapshot length cut; 0: none */
    int64_t cut_stream_ns; /* the first of those in a stream */
};

/* A request with a wrong checksum that is of no transaction, as far as is known. */
struct damaged_request {
    bool waits;
    uint64_t key;           /* of its transaction */
    struct message message; /* without details; its bytes: a copy in `bytes` */
    uint8_t *bytes;
};

struct seen_boot {
    struct mac_addr mac;
    uint32_t frame;
    int64_t t_ns;
};

/* A hash table from 64-bit keys to indices: the newest record of each key. */
struct index_slot {
    uint64_t key; /* 0: free */
    uint32_t value;
};

struct index_map {
    struct index_slot *slots; /* open addressing; a power of two */
    size_t cap, n;
};

/* An answer that came before its question, as far as the capture shows it: a SIP response or an
 * ICMP error. It waits a moment for it. */
struct orphan {
    bool error;
    struct message response; /* without details; its bytes, or those quoted: a copy in `bytes` */
    struct icmp_error icmp;
    uint8_t *bytes;
    size_t cap;
};

/* A map that forgets what nobody asked for in a time of `life` to twice that: of what passes by,
 * only what is in flight is looked for, and a small map stays in the processor's caches. */
struct passing_map {
    struct index_map young, old;
    int64_t since_ns; /* when `young` was empty */
};

/* What a DNS message says behind its ID. A zone gives all its clients the same answers to the same
 * questions again and again: equal messages share this, and their records. */
struct kept_dns {
    uint8_t *written; /* the message behind its ID */
    size_t written_len;
    bool useful;      /* a question of class IN, asked in the ordinary way (opcode 0) */
    const char *name; /* of the question, in lower case */
    uint16_t type, udp_size;
    uint8_t rcode;
    bool response, truncated, cut;
    unsigned answer_count;
    const struct fact_record *records; /* of an answer */
    size_t record_count;
};

enum { COLLECT_DNS = 1024, COLLECT_ORPHANS = 16, COLLECT_HEARD = 8, COLLECT_DAMAGED = 8 };

struct collection {
    struct intern strings;
    ARRAY_OF(struct seen) seen;
    ARRAY_OF(struct seen_response) responses;
    ARRAY_OF(struct tx) txs;
    ARRAY_OF(struct wording) wordings;
    ARRAY_OF(struct seen_query) queries;
    ARRAY_OF(struct fact_record) records; /* of the answer that is being read */
    struct arena arena;                   /* what the story keeps as it is */
    ARRAY_OF(struct seen_connection) connections;
    ARRAY_OF(uint32_t) free_connections;
    ARRAY_OF(struct seen_icmp) icmps;
    ARRAY_OF(struct seen_neighbour) neighbours;
    struct heard_neighbour heard[COLLECT_HEARD]; /* the newest */
    size_t heard_next;
    ARRAY_OF(struct seen_loss) losses;
    ARRAY_OF(struct seen_host) hosts;
    ARRAY_OF(struct seen_boot) boots;
    struct passing_map tx_of, query_of;
    struct index_map wording_of, connection_of, host_of, neighbour_of;
    struct dns_message *dns; /* room for one message */
    uint64_t packets;
    bool sip;                 /* a SIP message was seen */
    int64_t start_ns, end_ns; /* once `timed` */
    bool timed;
    bool fractions;         /* a time is not a whole second */
    int64_t frame_ns;       /* of the frame at hand, by the capturing host's clock */
    bool reported;          /* its packet's time is a capture agent's (HEP) */
    bool agents;            /* one was met, */
    int64_t agent_ahead_ns; /* and the last one's clock differs so much from the host's */
    ARRAY_OF(int) link_types;
    uint64_t notes[NET_NOTE_COUNT];
    int64_t note_value[NET_NOTE_COUNT];      /* of the last */
    ARRAY_OF(struct record_set) srv_answers; /* equal ones once, mostly */
    struct kept_dns dns_told[COLLECT_DNS];   /* by hash of what was written */
    struct copies *copies;
    struct damaged_request damaged[COLLECT_DAMAGED]; /* a ring */
    uint32_t damaged_next;
    struct orphan orphans[COLLECT_ORPHANS]; /* in the order in which they came */
    size_t orphan_count;
    uint64_t copy_count;    /* packets that the capture holds more than once, connections' aside */
    uint64_t half_read;     /* connections of which one side alone could be read */
    uint64_t headless;      /* SIP messages cut before what tells them apart */
    int64_t clock_step_ns;  /* the widest step back of a clock */
    uint64_t hole_count;    /* signs of LOSS_HOLE */
    uint64_t limit_records; /* records left out because a table was full */
    uint64_t limit_secrets; /* blocks of TLS secrets left out */
};

void collection_init(struct collection *c);
/* The capture is over: what waited for something is what it is. */
void collection_end(struct collection *c);
void collection_fini(struct collection *c);

/* collect_connections.c: what was read of connections that are half read is left out: they are as
 * those that could not be read at all. */
void connections_end(struct collection *c);

/* The callbacks, with the collection as context. */
void collect_message(void *context, const struct message *message);
void collect_tls(void *context, const struct tls_seen *tls);
void collect_conn(void *context, struct conn *conn, enum conn_fact fact, enum conn_side side,
                  const struct packet *packet);
void collect_gap(void *context, struct conn *conn, enum conn_side side,
                 const struct stream_piece *piece);
void collect_icmp(void *context, const struct icmp_error *error);
void collect_neighbour(void *context, const struct neighbour *neighbour);
void collect_dhcp(void *context, const struct datagram *datagram);
/* collect_cut.c: the snapshot length cut this message. */
void collect_cut(struct collection *c, const struct message *message);
void collect_hole(void *context, const struct packet_hole *hole);
void collect_note(void *context, enum net_note note, uint32_t frame_no, int64_t value);
void collect_reported(void *context, int64_t t_ns);

/* There was a packet at this time: the capture reaches from the first to the last. */
void collect_time(struct collection *c, int64_t t_ns);

/* ---- for the collecting files ---- */

void collect_sip(struct collection *c, const struct message *message);
/* The transaction that a request repeats, or NULL; *key is what finds it. */
struct tx *collect_known_request(struct collection *c, const struct message *m, uint64_t *key);
void collect_dns(struct collection *c, const struct message *message);
/* An answer without its question was for this host: it joins its question if that is there. */
void collect_dns_readdress(struct collection *c, uint32_t query, const struct ip_addr *client);
/* Answers whose question never came. */
void collect_dns_end(struct collection *c);

/* A SIP response or ICMP error joins what it answers; false: that is not known (yet). `last`: there
 * is no more waiting, it is taken for what it seems to be. */
bool collect_response(struct collection *c, const struct message *message, bool last);
bool collect_error(struct collection *c, const struct icmp_error *error, bool last);

/* collect_orphans.c: keep one that may have been captured before its question. */
void orphan_keep_response(struct collection *c, const struct message *message);
void orphan_keep_error(struct collection *c, const struct icmp_error *error);
/* A question is about to be noted: those that waited too long for theirs are not for it. Once it is
 * noted, those that waited for it join it. */
void orphans_expire(struct collection *c, int64_t t_ns);
void orphans_join(struct collection *c, const struct ip_addr *client);
/* What was captured in this frame, before anything that it answers, was for somebody else than its
 * packet says: it was seen outside of a NAT. So is the sign of loss that it may have become. */
void orphan_readdress(struct collection *c, uint32_t frame, const struct endpoint *client);
/* Nothing more comes. */
void orphans_end(struct collection *c);

/* collect_damaged.c: a message with a wrong checksum. */
void collect_damaged(struct collection *c, const struct message *message);
/* A transaction begins at t: what was damaged and is of it are its sends. */
void damaged_join(struct collection *c, struct tx *tx, uint64_t key, int64_t t_ns);
/* A response came to what may be one of these: then it was received, and is collected. */
bool damaged_answered(struct collection *c, uint64_t key, int64_t t_ns);
void damaged_forget(struct collection *c, uint32_t at);
void damaged_end(struct collection *c);

/* collect_points.c: of several capture points, all is there: what a far one alone saw of answers
 * came to the phone or did not. */
void points_end(struct collection *c);

/* Most records of one kind that are kept; what is beyond is counted in limit_records. */
enum { COLLECT_MAX = 1 << 24 };

/* Where resolvers listen: connections to it are kept though nothing of SIP is on them. */
enum { DNS_PORT = 53 };

static inline const struct wording *wording_of(const struct collection *c, const struct tx *tx) {
    return &c->wordings.items[tx->wording];
}

/* The story's time of an answer that was captured at t, to a question of asked_ns: just after it
 * where only the order of packets went wrong. A clock that was set back is left as it is. */
static inline int64_t answered_ns(int64_t asked_ns, int64_t t_ns) {
    return t_ns <= asked_ns && asked_ns - t_ns <= STORY_REORDER_NS ? asked_ns + 1 : t_ns;
}

uint64_t index_key(const void *bytes, size_t len, uint64_t basis);
uint32_t index_get(const struct index_map *map, uint64_t key); /* NONE: not there */
/* The key will be asked for soon: large maps lie outside the processor's caches. */
static inline void index_expect(const struct index_map *map, uint64_t key) {
    if (map->cap)
        __builtin_prefetch(&map->slots[key & (map->cap - 1)]);
}

/* The time is t_ns: forget what is too old. To be called before the others. */
void passing_turn(struct passing_map *map, int64_t t_ns, int64_t life_ns);
uint32_t passing_get(struct passing_map *map, uint64_t key); /* NONE: not there */
void passing_put(struct passing_map *map, uint64_t key, uint32_t value);
static inline void passing_expect(const struct passing_map *map, uint64_t key) {
    index_expect(&map->young, key);
    index_expect(&map->old, key);
}
void passing_fini(struct passing_map *map);
void index_put(struct index_map *map, uint64_t key, uint32_t value);
void index_remove(struct index_map *map, uint64_t key);
void index_fini(struct index_map *map);

void seen_add(struct collection *c, struct seen_list *list, uint32_t frame, int64_t t_ns);
/* The index of a host, which was seen (again) at t. */
uint32_t collect_host(struct collection *c, const struct ip_addr *ip, int64_t t_ns);
/* A message's head with its details, in room. */
const struct sip_head *collect_details(const struct message *message, struct sip_head *room);
/* The index of a request's wording. */
uint32_t collect_wording(struct collection *c, const struct message *message);
struct seen_connection *collect_connection(struct collection *c, uint64_t conn_id);
/* The same while the connection lives. */
struct seen_connection *collect_live_connection(struct collection *c, const struct conn *conn);
void collect_loss(struct collection *c, enum loss_kind kind, const struct ip_addr *host,
                  const struct ip_addr *peer, int64_t from_ns, int64_t to_ns, uint32_t frame);

#endif
