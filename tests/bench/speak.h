/* What the made-up phones and servers say: lookups and SIP messages, as text and bytes. */
#ifndef BENCH_SPEAK_H
#define BENCH_SPEAK_H

#include "wire.h"

/* A generator of numbers that differ, the same on every machine (xorshift64*). */
uint64_t random_next(uint64_t *state);
/* 0 … limit - 1. */
uint32_t random_below(uint64_t *state, uint32_t limit);

struct text {
    size_t len;
    char bytes[4096];
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Two sites, each with two servers: at the first both live, at the second the first is dead. */
enum { SITE_LIVE, SITE_FAILING };

struct speaker {
    uint32_t id;
    int site;
    bool tcp;
    struct place self;
    uint64_t random;
    uint64_t call_id, branch;
    uint32_t cseq, tag;
    uint32_t query_port, query_id;
};

/* The n-th phone, with its own address, port 5060 and address of record; one of ten is at the site
 * with the dead server. */
struct speaker speaker_make(uint32_t id, bool tcp, uint64_t seed);

struct place resolver_place(void);
struct place server_place(const struct speaker *speaker, unsigned rank); /* 1 or 2 */
/* The name that the phone resolves: "a.example", "b.example". */
const char *site_name(const struct speaker *speaker);

enum lookup { LOOKUP_NAPTR, LOOKUP_SRV, LOOKUP_FIRST, LOOKUP_SECOND, LOOKUP_COUNT };

/* One datagram of the phone's chain of lookups; a question draws a new ID and port. */
void speak_lookup(struct speaker *speaker, struct wire *wire, uint64_t t_us, enum lookup lookup,
                  bool answer);
/* Any other name's address: what the rest of the office asks. */
void speak_address_lookup(struct wire *wire, uint64_t t_us, struct place client, unsigned id,
                          const char *name, uint32_t address, bool answer);

/* A new Call-ID and tag; a new branch and the next CSeq. */
void speak_new_call(struct speaker *speaker);
void speak_new_transaction(struct speaker *speaker);

/* A request of the current transaction, appended; `authorization`: with credentials. */
void speak_request(const struct speaker *speaker, struct text *text, const char *method,
                   const char *to_user, bool authorization);
/* The response to the request that was spoken last with these arguments. */
void speak_response(const struct speaker *speaker, struct text *text, unsigned status,
                    const char *method, const char *to_user);

#endif
