/* An office: web over TLS, plain HTTP and QUIC-like datagrams, their lookups, ARP; and a few phones
 * that register: 0.1 % of the packets are SIP.
 */
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

enum { COMPUTERS_PER_PHONE = 5, PHONE_CYCLE_S = 105, PAGE_PACKETS = 60, GAP_MS = 66 };

enum web { WEB_TLS, WEB_PLAIN, WEB_DATAGRAMS, WEB_COUNT };

enum {
    PAGE_ARP,
    PAGE_ASK,
    PAGE_ANSWER,
    PAGE_SYN,
    PAGE_SYN_ACK,
    PAGE_SYN_ACKED,
    PAGE_GET,
    PAGE_BODY,
    PAGE_FIN,
    PAGE_FIN_ACK,
    PAGE_LAST_ACK,
    PAGE_END
};

struct computer {
    uint64_t random;
    uint32_t ip, page, id;
    int at;
    enum web web;
    struct place self, far;
    uint32_t seq[2]; /* own, theirs */
    unsigned left, unacknowledged;
    char name[32];
};

struct office {
    uint32_t phone_count;
    struct registering *phones;
    struct computer *computers;
    uint8_t noise[16384];
};

static void send_tcp(struct computer *c, uint64_t t_us, struct wire *wire, bool theirs,
                     unsigned flags, const void *payload, size_t len) {
    wire_tcp(wire, t_us, theirs ? c->far : c->self, theirs ? c->self : c->far, c->seq[theirs],
             flags & TCP_ACK ? c->seq[!theirs] : 0, flags, payload, len);
    c->seq[theirs] += (uint32_t)len + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static const uint8_t *noise(const struct office *office, struct computer *c) {
    return office->noise + random_below(&c->random, sizeof office->noise - WIRE_MSS);
}

/* A ClientHello with one cipher suite and no extensions (RFC 5246 7.4.1.2). */
static size_t client_hello(const struct office *office, struct computer *c, uint8_t *out) {
    static const uint8_t head[] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3};
    static const uint8_t tail[] = {0, 0, 2, 0xc0, 0x2f, 1, 0};

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, noise(office, c), 32);
    memcpy(out + sizeof head + 32, tail, sizeof tail);
    return sizeof head + 32 + sizeof tail;
}

static size_t first_bytes(const struct office *office, struct computer *c, uint8_t *out) {
    if (c->web == WEB_TLS)
        return client_hello(office, c, out);
    int len = snprintf((char *)out, 512,
                       "GET /page/%u HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\n"
                       "Accept: text/html,application/xhtml+xml\r\n\r\n",
                       c->page, c->name);
    return (size_t)len;
}

static void body(const struct office *office, struct computer *c, uint64_t t_us,
                 struct wire *wire) {
    uint8_t bytes[WIRE_MSS];

    memcpy(bytes, noise(office, c), sizeof bytes);
    if (c->web == WEB_TLS) { /* a record of application data in each segment */
        static const uint8_t record[] = {23, 3, 3, (WIRE_MSS - 5) >> 8, (WIRE_MSS - 5) & 255};
        memcpy(bytes, record, sizeof record);
    } else if (c->web == WEB_PLAIN && c->left == PAGE_PACKETS) {
        int len = snprintf((char *)bytes, sizeof bytes,
                           "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
                           "Content-Length: %d\r\n\r\n",
                           100000);
        bytes[len] = 0xff;
    }
    if (c->web == WEB_DATAGRAMS) { /* a short header of QUIC */
        bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0x3f));
        wire_udp(wire, t_us, c->far, c->self, bytes, 1252);
    } else {
        send_tcp(c, t_us, wire, true, TCP_ACK, bytes, sizeof bytes);
    }
}

static void new_page(struct computer *c) {
    c->page++;
    c->id = random_below(&c->random, 65536);
    c->web = (enum web)random_below(&c->random, WEB_COUNT);
    c->self = (struct place){c->ip, (uint16_t)(20000 + random_below(&c->random, 40000))};
    c->far = (struct place){UINT32_C(0xc6336400) + 1 + random_below(&c->random, 250),
                            c->web == WEB_PLAIN ? 80 : 443};
    c->seq[0] = (uint32_t)random_next(&c->random);
    c->seq[1] = (uint32_t)random_next(&c->random);
    c->left = PAGE_PACKETS;
    c->unacknowledged = 0;
    snprintf(c->name, sizeof c->name, "www%u.web.example", c->far.ip & 255);
}

/* Two packets of the page, then what says that they arrived. */
static void body_step(const struct office *office, struct computer *c, uint64_t t_us,
                      struct wire *wire) {
    if (c->unacknowledged == 2) {
        c->unacknowledged = 0;
        if (c->web == WEB_DATAGRAMS)
            wire_udp(wire, t_us, c->self, c->far, "\x5d\x11\x93\x04\xa7\x2e\x6b\x00\x19\xf0", 10);
        else
            send_tcp(c, t_us, wire, false, TCP_ACK, NULL, 0);
        return;
    }
    body(office, c, t_us, wire);
    c->unacknowledged++;
    if (--c->left == 0)
        c->at++;
}

static uint64_t web_step(const struct office *office, struct computer *c, uint64_t t_us,
                         struct wire *wire) {
    uint8_t bytes[512];
    struct place asker = {c->ip, (uint16_t)(1024 + c->id % 60000)};

    switch (c->at) {
    case PAGE_ARP:
        new_page(c);
        wire_arp(wire, t_us, c->ip, UINT32_C(0x0a000001));
        break;
    case PAGE_ASK:
    case PAGE_ANSWER:
        speak_address_lookup(wire, t_us, asker, c->id, c->name, c->far.ip, c->at == PAGE_ANSWER);
        if (c->at == PAGE_ANSWER && c->web == WEB_DATAGRAMS)
            c->at = PAGE_GET; /* no connection */
        break;
    case PAGE_SYN:
        send_tcp(c, t_us, wire, false, TCP_SYN, NULL, 0);
        break;
    case PAGE_SYN_ACK:
        send_tcp(c, t_us, wire, true, TCP_SYN | TCP_ACK, NULL, 0);
        break;
    case PAGE_SYN_ACKED:
        send_tcp(c, t_us, wire, false, TCP_ACK, NULL, 0);
        break;
    case PAGE_GET:
        send_tcp(c, t_us, wire, false, TCP_ACK | TCP_PSH, bytes, first_bytes(office, c, bytes));
        break;
    case PAGE_BODY:
        body_step(office, c, t_us, wire);
        c->at -= c->at == PAGE_BODY;
        break;
    case PAGE_FIN:
        send_tcp(c, t_us, wire, true, TCP_FIN | TCP_ACK, NULL, 0);
        break;
    case PAGE_FIN_ACK:
        send_tcp(c, t_us, wire, false, TCP_FIN | TCP_ACK, NULL, 0);
        break;
    default:
        send_tcp(c, t_us, wire, true, TCP_ACK, NULL, 0);
        break;
    }
    c->at++;
    if (c->at == PAGE_END || (c->at > PAGE_BODY && c->web == WEB_DATAGRAMS))
        c->at = PAGE_ARP;
    return GAP_MS * 1000 / 2 + random_below(&c->random, GAP_MS * 1000);
}

static uint32_t office_actors(const struct plan *plan) {
    return plan->phones * (1 + COMPUTERS_PER_PHONE);
}

static void *office_begin(const struct plan *plan) {
    struct office *office = calloc(1, sizeof *office);
    uint64_t random = plan->seed + 99;

    if (!office)
        return NULL;
    office->phone_count = plan->phones;
    office->phones = calloc(plan->phones, sizeof *office->phones);
    office->computers =
        calloc((size_t)plan->phones * COMPUTERS_PER_PHONE, sizeof *office->computers);
    if (!office->phones || !office->computers)
        return NULL;
    for (uint32_t i = 0; i < plan->phones; i++)
        office->phones[i] = registering_make(i, plan->seed);
    for (uint32_t i = 0; i < plan->phones * COMPUTERS_PER_PHONE; i++)
        office->computers[i] =
            (struct computer){.random = random_next(&random), .ip = UINT32_C(0x0a008000) + i};
    for (size_t i = 0; i < sizeof office->noise; i++)
        office->noise[i] = (uint8_t)random_next(&random);
    return office;
}

static void office_end(void *state) {
    struct office *office = state;

    free(office->phones);
    free(office->computers);
    free(office);
}

static uint64_t office_step(void *state, uint32_t actor, uint64_t t_us, struct wire *wire) {
    const struct office *office = state;

    if (actor >= office->phone_count)
        return t_us + web_step(office, &office->computers[actor - office->phone_count], t_us, wire);
    uint64_t pause = registering_step(&office->phones[actor], t_us, wire);
    return t_us + (pause ? pause : PHONE_CYCLE_S * US_PER_S);
}

const struct kind kind_office = {
    .name = "office",
    .phones = 10,
    .help = "an office's traffic with 0.1 % SIP",
    .actors = office_actors,
    .begin = office_begin,
    .end = office_end,
    .step = office_step,
};
