/* A storm of registrations: each phone looks up NAPTR, SRV and both addresses, and registers with a
 * challenge; one phone of ten meets a dead server, repeats until timer F (RFC 3261 17.1.2.2) and
 * goes on to the second.
 *
 *   NAPTR? NAPTR  SRV? SRV  A? A  A? A  REGISTER  401  REGISTER  200        about 60 s, again
 *                                       `-------- x 11, 32 s, then the next server
 */
#include <stdlib.h>

#include "kinds.h"

enum { CYCLE_S = 60, SENDS = 11, T1_MS = 500, T2_MS = 4000, F_MS = 32000 };

enum {
    STEP_LOOKUPS_END = 2 * LOOKUP_COUNT,
    STEP_REGISTER = STEP_LOOKUPS_END,
    STEP_CHALLENGE,
    STEP_CREDENTIALS,
    STEP_OK,
    STEP_END
};

struct registering registering_make(uint32_t id, uint64_t seed) {
    return (struct registering){.speaker = speaker_make(id, false, seed), .rank = 1};
}

static uint64_t some_ms(struct registering *phone, uint32_t least, uint32_t spread) {
    return (least * 1000) + random_below(&phone->speaker.random, spread * 1000);
}

static void request(struct registering *phone, uint64_t t_us, struct wire *wire, bool credentials) {
    struct text text;

    text.len = 0;
    speak_request(&phone->speaker, &text, "REGISTER", NULL, credentials);
    wire_udp(wire, t_us, phone->speaker.self, server_place(&phone->speaker, phone->rank),
             text.bytes, text.len);
}

static void respond(struct registering *phone, uint64_t t_us, struct wire *wire, unsigned status) {
    struct text text;

    text.len = 0;
    speak_response(&phone->speaker, &text, status, "REGISTER", NULL);
    wire_udp(wire, t_us, server_place(&phone->speaker, phone->rank), phone->speaker.self,
             text.bytes, text.len);
}

/* The pause after the n-th send: T1, doubled up to T2; after the last, what is left of timer F. */
static uint64_t pause_after(unsigned send) {
    uint64_t elapsed = 0, gap = T1_MS;

    for (unsigned i = 1; i < send; i++) {
        elapsed += gap;
        gap = gap * 2 < T2_MS ? gap * 2 : T2_MS;
    }
    return (send < SENDS ? gap : F_MS - elapsed) * 1000;
}

/* The REGISTER that may meet a dead server. */
static uint64_t try_server(struct registering *phone, uint64_t t_us, struct wire *wire) {
    bool dead = phone->speaker.site == SITE_FAILING && phone->rank == 1;

    if (phone->send == 0)
        speak_new_transaction(&phone->speaker);
    request(phone, t_us, wire, false);
    if (!dead) {
        phone->at++;
        return some_ms(phone, 5, 20);
    }
    phone->send++;
    uint64_t pause = pause_after(phone->send);
    if (phone->send == SENDS) {
        phone->send = 0;
        phone->rank = 2;
    }
    return pause;
}

uint64_t registering_step(struct registering *phone, uint64_t t_us, struct wire *wire) {
    struct speaker *speaker = &phone->speaker;

    if (phone->at < STEP_LOOKUPS_END) {
        bool answer = phone->at & 1;
        speak_lookup(speaker, wire, t_us, (enum lookup)(phone->at / 2), answer);
        phone->at++;
        return some_ms(phone, answer ? 1 : 2, 8);
    }
    switch (phone->at) {
    case STEP_REGISTER:
        return try_server(phone, t_us, wire);
    case STEP_CHALLENGE:
        respond(phone, t_us, wire, 401);
        break;
    case STEP_CREDENTIALS:
        speak_new_transaction(speaker);
        request(phone, t_us, wire, true);
        break;
    default:
        respond(phone, t_us, wire, 200);
        break;
    }
    phone->at++;
    if (phone->at < STEP_END)
        return some_ms(phone, 5, 20);
    phone->at = 0;
    phone->rank = 1;
    return 0;
}

/* ---- the kind ---- */

static uint32_t storm_actors(const struct plan *plan) {
    return plan->phones;
}

static void *storm_begin(const struct plan *plan) {
    struct registering *phones = calloc(plan->phones, sizeof *phones);

    for (uint32_t i = 0; phones && i < plan->phones; i++)
        phones[i] = registering_make(i, plan->seed);
    return phones;
}

static uint64_t storm_step(void *state, uint32_t actor, uint64_t t_us, struct wire *wire) {
    struct registering *phone = (struct registering *)state + actor;
    uint64_t pause = registering_step(phone, t_us, wire);

    if (!pause) /* within the 120 s of the registration */
        pause = CYCLE_S * US_PER_S - US_PER_S + random_below(&phone->speaker.random, 2 * US_PER_S);
    return t_us + pause;
}

const struct kind kind_storm = {
    .name = "storm",
    .phones = 1000,
    .help = "registrations with lookups, one phone of ten meets a dead server",
    .actors = storm_actors,
    .begin = storm_begin,
    .end = free,
    .step = storm_step,
};
