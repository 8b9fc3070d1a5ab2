/* What a phone could know of the DNS at a point in time: the answers that it got, by name and type,
 * together with the records that its expectations give it (dns.static, dns.known). */
#ifndef RULES_RECORD_INDEX_H
#define RULES_RECORD_INDEX_H

#include "phone/rank.h"
#include "rules/expectations/expectations.h"

struct record_index;

/* Indexes all answers to the phone's queries; the index lives in the arena but for its names, which
 * record_index_free gives back. */
struct record_index *record_index_new(const struct phone *phone, const struct expectations *expect,
                                      struct arena *arena);
void record_index_free(struct record_index *index);

/* A look into the index at a moment, for rank_servers. */
struct record_moment {
    struct record_index *index;
    int64_t t_ns;     /* the newest answer up to here … */
    int64_t end_ns;   /* … or, where there is none, the first one up to here */
    int64_t until_ns; /* lowered by each lookup to when a newer answer tells something else */
};

/* A rank_lookup whose context is a struct record_moment. */
bool record_lookup(void *moment, const char *name, uint16_t type, struct lookup_answer *answer);

/* The table of names for rank_servers. */
struct intern *record_index_names(struct record_index *index);

/* When the phone first asked for a name and type; INT64_MAX: never. */
int64_t record_index_asked(struct record_index *index, const char *name, uint16_t type);

/* Did it ask for SRV of any of the names that a host itself has (RFC 3263 4.1), up to then? */
bool record_index_asked_srv(struct record_index *index, const char *host, int64_t until_ns);

#endif
