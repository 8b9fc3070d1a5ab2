/* Requests as drafts: which transactions and connections make up which attempt of which request.
 * What requests*.c (who belongs together) and attempts.c (what came of it) share.
 */
#ifndef PHONE_REQUESTS_H
#define PHONE_REQUESTS_H

#include "phone/tell.h"

/* Drafts of one account lie in arrays of the teller; lists of them are linked by index. */
struct draft_list {
    uint32_t first, last, count;
};

/* One member of an attempt: a transaction, or (tx NONE) a connection that failed. */
struct try_draft {
    uint32_t tx, connection;
    int64_t t_ns;
    uint32_t next;
};

struct attempt_draft {
    struct server server;
    struct draft_list tries;
    bool after_challenge, after_redirect;
    int64_t moved_ns; /* when the phone moved on; INT64_MAX: it did not */
    uint32_t next;
};

/* An ACK or CANCEL. */
struct follow_draft {
    uint32_t tx, next;
};

struct request_draft {
    enum sip_method method;
    const char *call_id, *user;
    uint32_t first_tx; /* NONE: connections only */
    int64_t t_ns;
    bool has_reg_id;
    uint32_t reg_id;
    uint32_t twin; /* REGISTER: the one that goes on beside it under the same Call-ID; or NONE */
    bool parallel; /* it has one, or those before it had */
    struct draft_list attempts, follows;
};

struct teller {
    struct telling *telling;
    struct phone_draft *phone;
    struct account_draft *account;
    ARRAY_OF(struct request_draft) requests;
    ARRAY_OF(struct attempt_draft) attempts;
    ARRAY_OF(struct try_draft) tries;
    ARRAY_OF(struct follow_draft) follows;
    struct index_map by_call_id, by_user, invite_of;
    ARRAY_OF(uint32_t) pending; /* failed connections that no request has taken yet */
    struct index_map servers;   /* addresses and ports that the account has to do with */
};

static inline const struct tx *tx_at(const struct teller *t, uint32_t index) {
    return &t->telling->c->txs.items[index];
}

static inline const struct wording *said_by(const struct teller *t, const struct tx *tx) {
    return wording_of(t->telling->c, tx);
}

static inline int64_t first_send_ns(const struct teller *t, const struct tx *tx) {
    return t->telling->c->seen.items[tx->sends.first].t_ns;
}

static inline int64_t last_send_ns(const struct teller *t, const struct tx *tx) {
    return t->telling->c->seen.items[tx->sends.last].t_ns;
}

static inline struct server server_of(const struct tx *tx) {
    return (struct server){tx->dst.ip, tx->dst.port, tx->transport};
}

static inline struct attempt_draft *request_last_attempt(const struct teller *t,
                                                         const struct request_draft *request) {
    return &t->attempts.items[request->attempts.last];
}

static inline const struct try_draft *request_last_try(const struct teller *t,
                                                       const struct attempt_draft *attempt) {
    return &t->tries.items[attempt->tries.last];
}

static inline int64_t request_pending_ns(const struct teller *t, size_t i) {
    return t->telling->c->connections.items[t->pending.items[i]].connection.t_ns;
}

/* ---- requests_tries.c ---- */

/* The first final response of a transaction, or of an attempt, up to a time; NULL: none. */
const struct response *request_tx_final(const struct teller *t, const struct tx *tx,
                                        int64_t until_ns);
const struct response *request_attempt_final(const struct teller *t,
                                             const struct attempt_draft *attempt, int64_t until_ns);

/* Did an error tell the phone, up to t, that nobody takes what it sent? */
bool request_met_error(const struct teller *t, const struct tx *tx, int64_t at_ns);

/* Is the request still open for something tried at t? */
bool request_is_open(const struct teller *t, const struct request_draft *request, int64_t at_ns);

/* Was the request's last server left at t because it failed? One that is still being asked, or that
 * has only just been asked and answers soon, was not. */
bool request_left(const struct teller *t, const struct request_draft *request, int64_t at_ns);

/* A redirection followed under a new Call-ID: a request of its own, but no choice of the phone's.
 */
bool request_follows_redirection(const struct teller *t, const struct tx *tx, int64_t at_ns);

/* A new request without any try. The pointer serves until the next one. */
struct request_draft *request_new(struct teller *t, enum sip_method method, int64_t at_ns);

/* A try joins the attempt at the same server as long as no final response has ended it. */
void request_add_try(struct teller *t, struct request_draft *request, const struct server *server,
                     struct try_draft try);

/* ---- requests_find.c ---- */

/* Keys of the teller's maps; text: the Call-ID or the user, basis: which of them. */
uint64_t request_key(enum sip_method method, const char *text, bool has_reg_id, uint32_t reg_id,
                     uint64_t basis);
uint64_t request_call_id_key(const struct wording *said);
uint64_t request_user_key(const struct wording *said);

/* The request that a transaction sent at t goes on with, when the phone went on to it at from_ns,
 * with the first of the connections that it tried in vain before; NULL: none. */
struct request_draft *request_find(struct teller *t, const struct tx *tx, int64_t from_ns,
                                   int64_t at_ns);

/* A new request begins under the Call-ID of this one: beside it, perhaps. */
void request_note_twin(struct teller *t, uint32_t request, uint32_t before, const struct tx *tx,
                       int64_t at_ns);

/* ---- requests_pending.c ---- */

/* What several accounts use is the account's own, too. Names that a phone's only account did not
 * reach are still its own: of a second server, say, that was dead all the time. */
void pending_know_servers(struct teller *t);

/* Where a connection that failed was meant to go: the records say whether TLS was to run on it, or
 * what the account does at that port. */
struct server request_connection_server(const struct teller *t, uint32_t index);

/* The account's connections in vain up to then, from *next of the phone's on, become pending. */
void pending_add_before(struct teller *t, size_t *next, int64_t until_ns);

bool pending_too_old(const struct teller *t, int64_t at_ns);

/* Are the connections tried in vain before it tries of this transaction's request? One in a dialog
 * may go where the dialog is, an OPTIONS where a server is kept alive, on a connection that was up
 * before, while the phone tries to reach another server for something else. */
bool pending_owned(const struct teller *t, const struct tx *tx);

/* Connections tried in vain just before a transaction are tries of its request. */
void pending_take(struct teller *t, struct request_draft *request);

/* What no request took: with the last REGISTER where it goes on with it, else a request of its own,
 * of which only connections were seen. */
void pending_flush(struct teller *t);

/* ---- attempts.c ---- */

/* The request that a draft becomes, in the story's arena. */
void fill_request(const struct teller *t, struct request *out, const struct request_draft *draft);

#endif
