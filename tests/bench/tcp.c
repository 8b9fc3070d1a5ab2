/* SIP over TCP: messages split over segments, and several in one (RFC 3261 18.3). A phone that
 * meets the dead server is reset, and goes on to the second.
 *
 *   lookups  SYN SYN+ACK ACK   | REGI | STER…OPTIONS… |  ACK   | 200…  200… |  ACK      pause,
 * again
 *                              `- requests, cut or joined -'   `- responses -'
 */
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

enum {
    TCP_LOOKUPS_END = 2 * LOOKUP_COUNT,
    TCP_CONNECT = TCP_LOOKUPS_END,
    TCP_CONNECTED,
    TCP_ACKED,
    TCP_TALK
};

enum { MESSAGES_MAX = 3, PAUSE_S = 15, REGISTER_EVERY = 4 };

enum { SIDE_PHONE, SIDE_SERVER, SIDE_COUNT };

struct talker {
    struct speaker speaker;
    int at;
    unsigned rank, round, side;
    uint16_t port;
    uint32_t seq[SIDE_COUNT];
    struct text out; /* what this side has still to send */
    size_t sent, message_end[MESSAGES_MAX];
    unsigned messages, cut; /* how this batch is cut */
    bool credentials, challenged;
    uint64_t options_call;
};

enum { CUT_EACH, CUT_JOINED, CUT_RANDOM, CUT_COUNT };

static void segment(struct talker *t, uint64_t t_us, struct wire *wire, unsigned side,
                    unsigned flags, const void *payload, size_t len) {
    struct place self = {t->speaker.self.ip, t->port}, server = server_place(&t->speaker, t->rank);
    bool phone = side == SIDE_PHONE;

    wire_tcp(wire, t_us, phone ? self : server, phone ? server : self, t->seq[side],
             flags & TCP_ACK ? t->seq[!side] : 0, flags, payload, len);
    t->seq[side] += (uint32_t)len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

/* One dialog is the registration, another the OPTIONS; each message belongs to one of them. */
static void say(struct talker *t, bool registers) {
    struct speaker speaker = t->speaker;
    const char *method = registers ? "REGISTER" : "OPTIONS";

    if (!registers) {
        speaker.call_id = t->options_call;
        speaker.branch = ~speaker.branch + t->messages;
        speaker.cseq = speaker.cseq * MESSAGES_MAX + t->messages;
    }
    if (t->side == SIDE_PHONE)
        speak_request(&speaker, &t->out, method, NULL, registers && t->credentials);
    else
        speak_response(&speaker, &t->out, registers && t->challenged ? 401 : 200, method, NULL);
    t->message_end[t->messages++] = t->out.len;
}

/* What is said next by the side whose turn it is: the same number of requests and responses. */
static void prepare(struct talker *t) {
    unsigned count = t->messages;
    bool registers;

    if (t->side == SIDE_PHONE) {
        count = 1 + random_below(&t->speaker.random, MESSAGES_MAX);
        t->credentials = t->challenged;
        t->challenged = t->round % REGISTER_EVERY == 0 && !t->credentials;
        speak_new_transaction(&t->speaker);
    }
    registers = t->credentials || t->challenged;
    t->messages = 0;
    t->out.len = t->sent = 0;
    t->cut = random_below(&t->speaker.random, CUT_COUNT);
    for (unsigned i = 0; i < count; i++)
        say(t, registers && i == 0);
}

static size_t next_cut(struct talker *t) {
    size_t end = t->out.len;

    if (t->cut == CUT_EACH)
        for (unsigned i = t->messages; i-- > 0;)
            if (t->message_end[i] > t->sent)
                end = t->message_end[i];
    if (t->cut == CUT_RANDOM)
        end = t->sent + 1 + random_below(&t->speaker.random, 900);
    if (end > t->out.len)
        end = t->out.len;
    return end - t->sent > WIRE_MSS ? t->sent + WIRE_MSS : end;
}

static uint64_t talk(struct talker *t, uint64_t t_us, struct wire *wire) {
    struct speaker *speaker = &t->speaker;

    if (t->sent < t->out.len) {
        size_t end = next_cut(t);
        segment(t, t_us, wire, t->side, TCP_ACK | TCP_PSH, t->out.bytes + t->sent, end - t->sent);
        t->sent = end;
        return 200 + random_below(&speaker->random, 800);
    }
    /* All is said: the other side acknowledges, and answers. */
    t->side = !t->side;
    segment(t, t_us, wire, t->side, TCP_ACK, NULL, 0);
    if (t->side == SIDE_PHONE && !t->challenged) {
        t->round++;
        t->messages = 0;
        t->out.len = t->sent = 0;
        prepare(t);
        return PAUSE_S * US_PER_S + random_below(&speaker->random, US_PER_S);
    }
    prepare(t);
    return 3000 + random_below(&speaker->random, 10000);
}

static uint64_t connect_step(struct talker *t, uint64_t t_us, struct wire *wire) {
    bool dead = t->speaker.site == SITE_FAILING && t->rank == 1;

    switch (t->at++) {
    case TCP_CONNECT:
        t->port = (uint16_t)(32768 + random_below(&t->speaker.random, 28000));
        t->seq[SIDE_PHONE] = (uint32_t)random_next(&t->speaker.random);
        t->seq[SIDE_SERVER] = (uint32_t)random_next(&t->speaker.random);
        segment(t, t_us, wire, SIDE_PHONE, TCP_SYN, NULL, 0);
        break;
    case TCP_CONNECTED:
        if (dead) {
            t->seq[SIDE_SERVER] = 0;
            segment(t, t_us, wire, SIDE_SERVER, TCP_RST | TCP_ACK, NULL, 0);
            t->rank = 2;
            t->at = TCP_CONNECT;
            return 100000;
        }
        segment(t, t_us, wire, SIDE_SERVER, TCP_SYN | TCP_ACK, NULL, 0);
        break;
    default:
        segment(t, t_us, wire, SIDE_PHONE, TCP_ACK, NULL, 0);
        prepare(t);
        break;
    }
    return 2000 + random_below(&t->speaker.random, 5000);
}

static uint32_t tcp_actors(const struct plan *plan) {
    return plan->phones;
}

static void *tcp_begin(const struct plan *plan) {
    struct talker *talkers = calloc(plan->phones, sizeof *talkers);

    for (uint32_t i = 0; talkers && i < plan->phones; i++) {
        talkers[i].speaker = speaker_make(i, true, plan->seed);
        talkers[i].options_call = random_next(&talkers[i].speaker.random);
        talkers[i].rank = 1;
    }
    return talkers;
}

static uint64_t tcp_step(void *state, uint32_t actor, uint64_t t_us, struct wire *wire) {
    struct talker *t = (struct talker *)state + actor;

    if (t->at < TCP_LOOKUPS_END) {
        speak_lookup(&t->speaker, wire, t_us, (enum lookup)(t->at / 2), t->at & 1);
        t->at++;
        return t_us + 2000 + random_below(&t->speaker.random, 8000);
    }
    return t_us + (t->at < TCP_TALK ? connect_step(t, t_us, wire) : talk(t, t_us, wire));
}

const struct kind kind_tcp = {
    .name = "tcp",
    .phones = 1000,
    .help = "SIP over TCP, messages split and joined",
    .actors = tcp_actors,
    .begin = tcp_begin,
    .end = free,
    .step = tcp_step,
};
