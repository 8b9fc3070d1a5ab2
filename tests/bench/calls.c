/* Phones that register once and then call: 99 of 100 packets are RTP (RFC 3550), G.711 in 20 ms.
 *
 *   lookups, REGISTER …   INVITE  100  180  200  ACK  RTP <-> RTP …  BYE  200     pause, again
 */
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

enum {
    CALL_INVITE,
    CALL_TRYING,
    CALL_RINGING,
    CALL_OK,
    CALL_ACK,
    CALL_MEDIA,
    CALL_BYE,
    CALL_BYE_OK,
    CALL_END
};

enum { RTP_HEADER = 12, G711_20_MS = 160, MEDIA_MS = 10, REPORT_EVERY = 500 };

struct caller {
    struct registering phone;
    bool registered;
    int at;
    uint32_t media, media_end, calls; /* packets of this call so far, and to be; calls made */
    char callee[16];
};

struct calls {
    struct plan plan;
    struct caller *callers;
    uint8_t sound[4096];
};

static const struct place relay = {UINT32_C(0x0aff0201), 0};

static struct place server_of(const struct caller *caller) {
    return server_place(&caller->phone.speaker, 1);
}

static void ask(struct caller *caller, uint64_t t_us, struct wire *wire, const char *method) {
    struct text text;

    text.len = 0;
    speak_request(&caller->phone.speaker, &text, method, caller->callee, false);
    wire_udp(wire, t_us, caller->phone.speaker.self, server_of(caller), text.bytes, text.len);
}

static void reply(struct caller *caller, uint64_t t_us, struct wire *wire, unsigned status,
                  const char *method) {
    struct text text;

    text.len = 0;
    speak_response(&caller->phone.speaker, &text, status, method, caller->callee);
    wire_udp(wire, t_us, server_of(caller), caller->phone.speaker.self, text.bytes, text.len);
}

/* RTP of both directions in turn, every 5 s a report of RTCP in its place. */
static void media(const struct calls *calls, struct caller *caller, uint64_t t_us,
                  struct wire *wire) {
    const struct speaker *speaker = &caller->phone.speaker;
    bool report = caller->media % REPORT_EVERY == REPORT_EVERY - 1, inbound = caller->media & 1;
    struct place self = {speaker->self.ip, report ? 16385 : 16384};
    struct place far = {relay.ip, (uint16_t)(20000 + speaker->id % 20000 * 2 + report)};
    uint32_t sequence = caller->media / 2, ssrc = speaker->tag + inbound;
    uint32_t stamp = sequence * G711_20_MS;
    uint8_t packet[RTP_HEADER + G711_20_MS] = {0x80,
                                               0,
                                               (uint8_t)(sequence >> 8),
                                               (uint8_t)sequence,
                                               (uint8_t)(stamp >> 24),
                                               (uint8_t)(stamp >> 16),
                                               (uint8_t)(stamp >> 8),
                                               (uint8_t)stamp,
                                               (uint8_t)(ssrc >> 24),
                                               (uint8_t)(ssrc >> 16),
                                               (uint8_t)(ssrc >> 8),
                                               (uint8_t)ssrc};
    size_t len = sizeof packet;

    memcpy(packet + RTP_HEADER, calls->sound + stamp % (sizeof calls->sound - G711_20_MS),
           G711_20_MS);
    if (report) { /* a receiver's report without blocks, RFC 3550 6.4.2 */
        packet[1] = 201;
        packet[2] = 0;
        packet[3] = 1;
        memcpy(packet + 4, packet + 8, 4);
        len = 8;
    }
    wire_udp(wire, t_us, inbound ? far : self, inbound ? self : far, packet, len);
}

static uint64_t call_step(const struct calls *calls, struct caller *caller, uint64_t t_us,
                          struct wire *wire) {
    struct speaker *speaker = &caller->phone.speaker;

    switch (caller->at) {
    case CALL_INVITE:
        speak_new_call(speaker);
        speak_new_transaction(speaker);
        snprintf(caller->callee, sizeof caller->callee, "%u",
                 200000 + random_below(&speaker->random, 100000));
        ask(caller, t_us, wire, "INVITE");
        break;
    case CALL_TRYING:
        reply(caller, t_us, wire, 100, "INVITE");
        break;
    case CALL_RINGING:
        reply(caller, t_us, wire, 180, "INVITE");
        break;
    case CALL_OK:
        reply(caller, t_us, wire, 200, "INVITE");
        break;
    case CALL_ACK:
        speaker->branch = random_next(&speaker->random);
        ask(caller, t_us, wire, "ACK");
        caller->media = 0;
        caller->media_end = calls->plan.call_s * 1000 / MEDIA_MS;
        break;
    case CALL_MEDIA:
        media(calls, caller, t_us, wire);
        if (++caller->media < caller->media_end)
            return MEDIA_MS * 1000;
        break;
    case CALL_BYE:
        speak_new_transaction(speaker);
        ask(caller, t_us, wire, "BYE");
        break;
    default:
        reply(caller, t_us, wire, 200, "BYE");
        break;
    }
    if (++caller->at < CALL_END)
        return 4000 + random_below(&speaker->random, 20000);
    caller->at = CALL_INVITE;
    caller->calls++;
    return US_PER_S + random_below(&speaker->random, 2 * US_PER_S);
}

static uint32_t calls_actors(const struct plan *plan) {
    return plan->phones;
}

static void *calls_begin(const struct plan *plan) {
    struct calls *calls = calloc(1, sizeof *calls);
    uint64_t random = plan->seed + 77;

    if (!calls)
        return NULL;
    calls->plan = *plan;
    calls->callers = calloc(plan->phones, sizeof *calls->callers);
    for (uint32_t i = 0; calls->callers && i < plan->phones; i++)
        /* Multiples of ten: at the site whose servers live. */
        calls->callers[i].phone = registering_make(i * 10, plan->seed);
    for (size_t i = 0; i < sizeof calls->sound; i++)
        calls->sound[i] = (uint8_t)random_next(&random);
    return calls->callers ? calls : NULL;
}

static void calls_end(void *state) {
    struct calls *calls = state;

    free(calls->callers);
    free(calls);
}

static uint64_t calls_step(void *state, uint32_t actor, uint64_t t_us, struct wire *wire) {
    const struct calls *calls = state;
    struct caller *caller = &calls->callers[actor];

    if (!caller->registered) {
        uint64_t pause = registering_step(&caller->phone, t_us, wire);
        if (pause)
            return t_us + pause;
        caller->registered = true;
        return t_us + US_PER_S;
    }
    uint64_t pause = call_step(calls, caller, t_us, wire);
    if (calls->plan.calls && caller->calls == calls->plan.calls)
        return NEVER;
    return t_us + pause;
}

const struct kind kind_calls = {
    .name = "calls",
    .phones = 100,
    .help = "calls with their media: 99 % RTP",
    .actors = calls_actors,
    .begin = calls_begin,
    .end = calls_end,
    .step = calls_step,
};
