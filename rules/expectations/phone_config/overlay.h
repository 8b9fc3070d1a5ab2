/* What a phone's configuration says in the words of expectations: a tree that is laid over those of
 * the vendor's profile, and for each value in it the setting that it comes from.
 */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_OVERLAY_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_OVERLAY_H

#include <cjson/cJSON.h>

#include "rules/expectations/phone_config/settings.h"

struct origin {
    const char *key;               /* "servers.0.port" */
    const struct setting *setting; /* NULL: the vendor's default */
    const char *note; /* why the value is another than the setting's; NULL: it is not */
};

struct overlay {
    struct arena *arena;
    cJSON *tree;
    ARRAY_OF(struct origin) origins;
};

void overlay_init(struct overlay *overlay, struct arena *arena);
void overlay_fini(struct overlay *overlay);

/* Put a value, which becomes the overlay's, where a dotted key names its place; numbers in it are
 * list entries, the next one at most. from: NULL where the file says nothing. */
void overlay_put(struct overlay *overlay, cJSON *value, const struct setting *from, const char *key,
                 ...) __attribute__((format(printf, 4, 5)));
/* Say why the value that was put last is another than the setting's. */
void overlay_note(struct overlay *overlay, const char *note);
/* Take away what a --set says ("retry.register.tries=2"), or anything below it, from the entries of
 * servers[] and outbound_proxies[]: what a user sets at the top holds for all of them. */
void overlay_make_way(struct overlay *overlay, const char *assignment);

/* Where the value at this key comes from: the last that was put there, or around it. NULL: the
 * overlay says nothing of it. */
const struct origin *overlay_origin(const struct overlay *overlay, const char *key);

/* The value at a dotted key of any tree; NULL: there is none. */
cJSON *tree_at(const cJSON *tree, const char *key);

#endif
