/* Requests as drafts: which transactions and connections make up which attempt of which request.
 * What requests.c (who belongs together) and attempts.c (what came of it) share.
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

/* attempts.c: the request that a draft becomes, in the story's arena. */
void fill_request(const struct teller *t, struct request *out, const struct request_draft *draft);

#endif
