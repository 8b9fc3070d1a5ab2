/* Telling the story: the collection, once complete, becomes phones, accounts, resolutions,
 * requests, registrations and events. What the telling files share; nobody else includes it.
 */
#ifndef PHONE_TELL_H
#define PHONE_TELL_H

#include "phone/collect.h"
#include "phone/story.h"

struct account_draft {
    struct account account;
    uint32_t phone;
    ARRAY_OF(uint32_t) txs;     /* requests other than ACK and CANCEL, in order */
    ARRAY_OF(uint32_t) follows; /* ACK and CANCEL */
};

struct phone_draft {
    struct phone phone;
    ARRAY_OF(uint32_t) hosts;   /* indices of the collection's hosts */
    ARRAY_OF(uint32_t) txs;     /* that it sent, in order */
    ARRAY_OF(uint32_t) queries; /* indices of the collection's queries */
    ARRAY_OF(uint32_t) connections;
    ARRAY_OF(uint32_t) incoming;         /* INVITE and BYE transactions sent to it */
    ARRAY_OF(uint32_t) accounts;         /* indices of the telling's accounts */
    bool divided;                        /* its requests are in order, and divided among them */
    ARRAY_OF(uint32_t) lost, neighbours; /* indices of the collection's losses and neighbours */
    ARRAY_OF(struct loss_sign) losses;
    ARRAY_OF(struct seen_boot) boots;
    ARRAY_OF(int64_t) restarts;
    ARRAY_OF(struct subscription_end) subscription_ends;
    uint32_t first_frame;
    bool registers;
    bool tls_only;
    bool repeats;        /* it repeats over UDP what nobody answers */
    size_t own_restarts; /* known before its requests are told */
};

struct telling {
    struct collection *c;
    struct story *story;
    struct arena *arena; /* for what belongs to one phone: the story's, or of_phone */
    struct arena of_phone;
    struct phone *list; /* the story's phones */
    const struct story_options *options;
    uint64_t left_out; /* TLS connections to a SIP server's address that seem to be of other use */
    ARRAY_OF(struct phone_draft) phones;
    ARRAY_OF(struct account_draft) accounts;
    struct division *division;      /* accounts.c */
    struct index_map phone_of_host; /* key of the address -> index of the phone */
    struct index_map first_bye;     /* key of the Call-ID -> first BYE transaction */
};

/* people.c: which hosts are phones, which addresses are one phone, whose each record is. */
void tell_people(struct telling *telling);
uint32_t tell_phone_of(const struct telling *telling,
                       const struct ip_addr *ip); /* NONE: nobody's */

/* tell_phone.c: one of the telling's phones, whole. */
void tell_phone(struct telling *telling, uint32_t p);

/* tell_connections.c: the connections that carry SIP or were to, and those to DNS servers. */
void tell_connections(struct telling *telling, struct phone_draft *draft);
void tell_dns_connects(struct telling *telling, struct phone_draft *draft);

/* story_warnings.c: what was wrong with the capture. damaged: what of the file; NULL: nothing. */
void tell_warnings(struct telling *telling, const char *damaged);

/* limits.c: the warning about bounds that were reached. */
void tell_limits(struct telling *telling);

/* losses_warning.c: the warnings about packets that are missing. */
void tell_loss_warnings(struct telling *telling);

/* tls_unread.c: the warning about TLS that the secrets given do not open. */
void tell_tls_unread(struct telling *telling);

/* tls_left_out.c: TLS to a SIP server that is not taken for SIP is counted. */
void tell_left_out(struct telling *telling);

/* order.c: what was captured a moment too early or too late comes where it must have been. */
void tell_order(struct telling *telling, struct phone_draft *phone);

/* accounts.c: the phone's requests, divided among its addresses of record. */
void tell_accounts(struct telling *telling, uint32_t phone);
void tell_accounts_fini(struct telling *telling);
const char *tell_aor(struct telling *telling, const char *uri);
/* Does the From or address of record hide who calls (RFC 3323 4.1)? */
bool tell_is_anonymous(const char *aor); /* normalised; NULL for NULL */

/* resolutions.c: a phone's queries as walks, each with the server list that follows from it. */
void tell_resolutions(struct telling *telling, struct phone_draft *phone);

/* hosts.c: the account's host, and the walks that serve it. */
void tell_host(struct telling *telling, const struct phone_draft *phone,
               struct account_draft *account);

/* The server of the phone's lists at this address and port, reached by a connection; or NULL. */
const struct ranked_server *tell_listed(const struct phone_draft *phone,
                                        const struct server *server);
/* Not one of its web pages, of its settings: read as SIP, or at a port where SIP servers listen, or
 * at one that an SRV record gave it. */
bool tell_may_carry_sip(const struct phone_draft *phone, const struct connection *connection);

/* requests.c: an account's transactions as requests and their attempts. */
void tell_requests(struct telling *telling, struct phone_draft *phone,
                   struct account_draft *account);

/* registrations.c */
void tell_registrations(struct telling *telling, struct account_draft *account);

/* events.c: failover, failback, outage, recovery, calls …, in order of time. */
void tell_events(struct telling *telling, struct phone_draft *phone, struct account_draft *account);

/* losses.c: the signs that the capture does not show all. */
void tell_losses_divide(struct telling *telling); /* among the phones */
void tell_losses(struct telling *telling, struct phone_draft *phone);
/* losses_answers.c: of the servers that the account, once told, goes to. */
void tell_answer_losses(const struct telling *telling, struct phone_draft *phone,
                        const struct account *account);
/* losses_unseen.c */
void tell_unseen_losses(const struct telling *telling, struct phone_draft *phone);
/* losses_one_way.c */
void tell_one_way_losses(const struct telling *telling, struct phone_draft *phone);
/* losses_unheard.c: nothing was sent to the phone, as far as the capture shows. */
void tell_unheard_losses(const struct telling *telling, struct phone_draft *phone);
/* losses_refuted.c: does the phone show that nobody answered the transaction at this place of its
 * list, or this server anything in this time? */
bool tell_is_unanswered(const struct telling *telling, const struct phone_draft *phone, size_t at);
bool tell_silence_is_true(const struct telling *telling, const struct phone_draft *phone,
                          const struct ip_addr *server, int64_t from_ns, int64_t to_ns);
/* losses_unconnected.c */
void tell_unconnected_losses(const struct telling *telling, struct phone_draft *phone);
bool tell_repeats(const struct telling *telling, const struct phone_draft *phone);
void tell_request_losses(struct telling *telling, struct phone_draft *phone,
                         const struct account_draft *account);

/* A port that SIP servers are given by custom, where nothing else says what listens there. */
static inline bool tell_is_custom_port(uint16_t port) {
    return port >= 5060 && port <= 5099;
}

/* Frames and times of a list of sightings, as arrays. One alone is not copied: the story keeps the
 * sightings. */
const uint32_t *tell_frames(struct telling *telling, const struct seen_list *list);
const int64_t *tell_times(struct telling *telling, const struct seen_list *list);

#endif
