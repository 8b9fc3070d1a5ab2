/* What the vendors' settings mean. Each vendor's file has its tables, and turns the settings of a
 * file into accounts, each with what it says in the words of expectations.
 */
#ifndef RULES_EXPECTATIONS_PHONE_CONFIG_VENDORS_H
#define RULES_EXPECTATIONS_PHONE_CONFIG_VENDORS_H

#include "rules/expectations/phone_config/rows.h"

struct config_account {
    unsigned number;
    const char *user; /* of its address of record; NULL: the file does not say */
    struct overlay overlay;
};

struct config_accounts {
    struct config_account *items;
    size_t n, cap;
};

/* What an account is understood from. */
struct config_source {
    const struct settings *settings; /* settled */
    const cJSON *base;               /* the complete tree that the file's is laid over */
    bool presets;                    /* the guide's defaults hold where the file is silent */
    struct arena *arena;
    struct config_place *place;
};

/* Accounts that are switched off, or have no server, are left out. false: *source->place. */
bool yealink_understand(struct config_source *source, struct config_accounts *accounts);
bool grandstream_understand(struct config_source *source, struct config_accounts *accounts);

/* The static DNS records of a Yealink file, which all its accounts share, into dns.static. */
void yealink_put_records(struct config_source *source, struct overlay *overlay);

#endif
