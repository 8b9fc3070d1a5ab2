/* What a phone's CSeq numbers say of packets that the capture lacks.
 *
 *     CSeq  3  4  5  7      a phone that counts by one sent something in between (RFC 3261
 *                           8.1.1.5); or it tried to: a connection in vain and an address that
 *                           nobody has take a number, too, and show themselves
 */
#include "phone/tell.h"

#include <stdlib.h>

enum {
    STEADY = 3,         /* steps of one before a jump says something */
    JUMP_MAX = 8,       /* a wider one is a phone that counts otherwise */
    STEPS_FOR_JUMP = 8, /* more than one jump must be so rare */
};

static void add_sign(struct phone_draft *phone, struct loss_sign sign) {
    *ARRAY_PUSH(&phone->losses) = sign;
}

/* The requests of one Call-ID and From tag. */
struct counter {
    uint32_t cseq, steady;
    int64_t t_ns;
};

/* How a phone counts. One that leaves numbers out again and again has that habit: at each move to
 * another server, or for requests that never leave it. */
struct counting {
    size_t steps, jumps;
    ARRAY_OF(struct loss_sign) signs;
};

/* Did the phone try to connect in vain between these two points in time? */
static bool connected_in_vain(const struct telling *telling, const struct phone_draft *phone,
                              int64_t from_ns, int64_t to_ns) {
    for (size_t i = 0; i < phone->connections.n; i++) {
        const struct connection *connection =
            &telling->c->connections.items[phone->connections.items[i]].connection;
        if (!connection->accepted && connection->t_ns >= from_ns && connection->t_ns <= to_ns)
            return true;
    }
    return false;
}

/* Some phones count all their requests together: were the numbers in between given to others? */
static bool counted_elsewhere(const struct telling *telling, const struct phone_draft *phone,
                              const struct counter *counter, size_t at) {
    enum { LOOK_BACK = 256 };
    const struct collection *c = telling->c;
    const struct tx *tx = &c->txs.items[phone->txs.items[at]];

    for (size_t i = at; i-- > 0 && at - i <= LOOK_BACK;) {
        const struct tx *other = &c->txs.items[phone->txs.items[i]];
        if (other->sends.count && c->seen.items[other->sends.last].t_ns < counter->t_ns)
            return false;
        if (other->told.call_id != tx->told.call_id && other->told.cseq > counter->cseq &&
            other->told.cseq < tx->told.cseq)
            return true;
    }
    return false;
}

static void count(const struct telling *telling, const struct phone_draft *phone,
                  struct counting *counting, struct counter *counter, size_t at) {
    const struct tx *tx = &telling->c->txs.items[phone->txs.items[at]];
    const struct seen *first = &telling->c->seen.items[tx->sends.first];
    uint32_t cseq = tx->told.cseq, ahead = cseq - counter->cseq;

    if (ahead == 0)
        return; /* the same at another server, or in another transaction */
    counting->steps += ahead == 1;
    counting->jumps += ahead > 1 && ahead <= JUMP_MAX;
    if (ahead == 1) {
        counter->steady++;
    } else if (ahead <= JUMP_MAX && counter->steady >= STEADY && first->t_ns > counter->t_ns) {
        counter->steady /= 2;
        if (!connected_in_vain(telling, phone, counter->t_ns, first->t_ns) &&
            !counted_elsewhere(telling, phone, counter, at))
            *ARRAY_PUSH(&counting->signs) = (struct loss_sign){.kind = LOSS_CSEQ,
                                                               .from_ns = counter->t_ns + 1,
                                                               .to_ns = first->t_ns,
                                                               .frame = first->frame};
    } else {
        counter->steady = 0;
    }
    counter->cseq = cseq;
    counter->t_ns = telling->c->seen.items[tx->sends.last].t_ns;
}

void tell_unseen_losses(const struct telling *telling, struct phone_draft *phone) {
    struct index_map counter_of = {0};
    ARRAY_OF(struct counter) counters = {0};
    struct counting counting = {0};
    const char *last[2] = {0}; /* mostly it is the next one's, too */
    uint32_t at = NONE;

    for (size_t i = 0; i < phone->txs.n; i++) {
        const struct tx *tx = &telling->c->txs.items[phone->txs.items[i]];
        const char *names[] = {tx->told.call_id, tx->told.from_tag};
        if (tx->method == SIP_ACK || tx->method == SIP_CANCEL || !tx->told.call_id ||
            !tx->sends.count)
            continue;
        if (names[0] == last[0] && names[1] == last[1]) {
            count(telling, phone, &counting, &counters.items[at], i);
            continue;
        }
        uint64_t key = index_key(names, sizeof names, 21);
        memcpy(last, names, sizeof last);
        at = index_get(&counter_of, key);
        if (at == NONE) {
            at = (uint32_t)counters.n;
            index_put(&counter_of, key, at);
            *ARRAY_PUSH(&counters) = (struct counter){
                .cseq = tx->told.cseq, .t_ns = telling->c->seen.items[tx->sends.last].t_ns};
        } else {
            count(telling, phone, &counting, &counters.items[at], i);
        }
    }
    if (counting.jumps == 1 || counting.jumps * STEPS_FOR_JUMP <= counting.steps)
        for (size_t i = 0; i < counting.signs.n; i++)
            add_sign(phone, counting.signs.items[i]);
    index_fini(&counter_of);
    ARRAY_FINI(&counters);
    ARRAY_FINI(&counting.signs);
}
