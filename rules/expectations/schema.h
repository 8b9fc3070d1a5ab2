/* What an expectations file may hold: one table of keys, which checks, merges, prints and decodes
 * it. A key that is new in the contract is a row here (and one in
 * rules/schema/expectations.schema.json). */
#ifndef RULES_EXPECTATIONS_SCHEMA_H
#define RULES_EXPECTATIONS_SCHEMA_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/memory.h"

enum key_kind {
    KEY_OBJECT,         /* has members */
    KEY_LIST,           /* of items, all of one kind */
    KEY_BOOL,           /* bool; enum tristate where it may be null */
    KEY_WORD,           /* one of words: an enum */
    KEY_TEXT,           /* from low to high characters, none of them a control character */
    KEY_HOST,           /* host name or address */
    KEY_DOMAIN,         /* domain name, as records have it */
    KEY_TARGET,         /* domain name, address, or "." */
    KEY_ADDRESS,        /* IPv4 or IPv6 */
    KEY_FLAGS,          /* letters and digits, high of them at most */
    KEY_TRIGGER,        /* what failover.on lists */
    KEY_PORT,           /* 16 bits */
    KEY_INTEGER,        /* 32 bits */
    KEY_SECONDS,        /* struct ns_value */
    KEY_WHOLE_SECONDS,  /* the same, integers only */
    KEY_NUMBER,         /* double */
    KEY_NUMBER_SECONDS, /* int64_t of nanoseconds */
    KEY_COUNTS,         /* n, [min, max]: struct int_range */
    KEY_SPANS,          /* s, [min, max]: struct ns_range */
    KEY_PARTS,          /* [low, high]: two doubles */
    KEY_KIND_COUNT,
};

/* Where the value of a row goes. */
enum { KEY_NOT_STORED = -1 };

struct key {
    const char *name;
    enum key_kind kind;
    bool nullable;                  /* null is a value */
    bool required;                  /* may not be left out */
    bool null_spreads;              /* an object: null stands for all its members' null */
    bool unique;                    /* a list: nothing twice */
    double low, high;               /* of numbers, of the length of texts and lists */
    const char *const *words;       /* NULL ends */
    unsigned first_word, null_word; /* enum values of the first word and of null */
    const char *fallback;      /* JSON of the value where nobody gives one; NULL: stays left out */
    const struct key *members; /* an object's; a list's one kind of item (n = 1) */
    size_t member_count;
    int offset; /* in the struct that holds it; of an object: where its members' struct begins */
};

/* The whole document. */
extern const struct key schema_root;
/* An entry of servers[] and outbound_proxies[]. */
extern const struct key schema_server;

const struct key *schema_member(const struct key *object, const char *name);

/* "tries" in "register" in "retry", or 0 in "servers": the way to a value. */
struct key_path {
    const struct key_path *up;
    const char *name; /* NULL: an index */
    size_t index;
};

/* "retry.register.tries" behind what the text holds; up to NULL: nothing. */
struct text_buffer;
void key_path_print(struct text_buffer *text, const struct key_path *path);

/* Is the value what the key asks for? complete: nothing that is required may be missing.
 *
 * false: *error holds "retry.register.tries: expected …, found …". */
bool schema_check(const struct key *key, const cJSON *value, const struct key_path *path,
                  bool complete, struct text_buffer *error);

/* "an integer from 1 to 64, [min, max] or null" */
void schema_expected(struct text_buffer *text, const struct key *key);

/* Is it a host name: labels of letters, digits, '-' and '_', not all digits at the end? */
bool host_name_valid(const char *name);
/* "503" or "500-599": the statuses. */
bool trigger_statuses(const char *trigger, unsigned *low, unsigned *high);

#endif
