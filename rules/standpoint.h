/* From where an account is judged: with a phone's configuration each account by the expectations
 * that fit it, else all by the same. What is built once from a set of expectations, for the whole
 * capture or for a phone, stands beside it.
 */
#ifndef RULES_STANDPOINT_H
#define RULES_STANDPOINT_H

#include "rules/rule.h"

struct standpoint {
    const struct expectations *expect;
    struct basis_table *basis;
    struct weight_pools *pools;
    /* Of the phone at hand. */
    struct server_health *health;
    struct record_index *records;
    bool built_for_phone;
};

struct standpoints;

/* Before any phone of the story is entered. All lives in `whole`; what is of one phone in
 * `of_phone`, between enter and leave. */
struct standpoints *standpoints_new(const struct story *story, const struct expectations *expect,
                                    struct arena *whole);
void standpoints_enter(struct standpoints *standpoints, const struct phone *phone,
                       struct arena *of_phone);
void standpoints_leave(struct standpoints *standpoints);

/* The one for an account of the phone at hand, with all that belongs to it. An account of the
 * configuration fits where the user of the address of record is its own (or it names none) and the
 * account goes to its servers or proxies; one that names the user comes before one that does not.
 * Where no address of record is known, only a lone one that goes there fits. */
const struct standpoint *standpoints_for(struct standpoints *standpoints,
                                         const struct account *account, struct arena *of_account);

#endif
