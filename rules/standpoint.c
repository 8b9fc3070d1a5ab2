/* Which expectations fit an account, and what is built from them: only where an account needs it.
 */
#include "rules/standpoint.h"

#include "rules/basis.h"
#include "rules/record_index.h"
#include "rules/server_health.h"
#include "rules/server_view.h"
#include "rules/weight_pools.h"

struct standpoints {
    const struct story *story;
    const struct expectations *all;
    struct standpoint *items; /* that of `all`, then those of its accounts */
    struct arena *of_phone;
    const struct phone *phone;
};

struct standpoints *standpoints_new(const struct story *story, const struct expectations *expect,
                                    struct arena *whole) {
    struct standpoints *standpoints = arena_new(whole, sizeof *standpoints);

    standpoints->story = story;
    standpoints->all = expect;
    standpoints->items = ARENA_ARRAY(whole, struct standpoint, expect->account_count + 1);
    standpoints->items[0].expect = expect;
    for (size_t i = 0; i < expect->account_count; i++)
        standpoints->items[i + 1].expect = expect->accounts[i].expect;
    /* The pools look at all phones, one after another: before any is entered. */
    for (size_t i = 0; i <= expect->account_count; i++) {
        struct standpoint *standpoint = &standpoints->items[i];
        standpoint->basis = basis_new(standpoint->expect, whole);
        standpoint->pools = weight_pools_new(story, standpoint->expect, whole);
    }
    return standpoints;
}

void standpoints_enter(struct standpoints *standpoints, const struct phone *phone,
                       struct arena *of_phone) {
    standpoints->phone = phone;
    standpoints->of_phone = of_phone;
}

void standpoints_leave(struct standpoints *standpoints) {
    for (size_t i = 0; i <= standpoints->all->account_count; i++) {
        struct standpoint *standpoint = &standpoints->items[i];
        if (standpoint->built_for_phone)
            record_index_free(standpoint->records);
        standpoint->built_for_phone = false;
    }
    standpoints->phone = NULL;
}

static void build_for_phone(struct standpoints *standpoints, struct standpoint *standpoint) {
    if (standpoint->built_for_phone)
        return;
    standpoint->built_for_phone = true;
    standpoint->health =
        server_health_new(standpoints->phone, &standpoint->expect->failover, standpoints->of_phone);
    standpoint->records =
        record_index_new(standpoints->phone, standpoint->expect, standpoints->of_phone);
}

/* ---- which one fits ---- */

/* How well the user fits: 0 not at all, 1 nothing is known of it, 2 it is the same. */
static int user_fit(const struct account *account, const char *user) {
    struct sip_uri uri;

    if (!user || !account->aor)
        return 1;
    if (!sip_uri_parse(slice_of_text(account->aor), &uri))
        return 0;
    return slice_eq(uri.user, slice_of_text(user)) ? 2 : 0;
}

static bool goes_there(struct standpoints *standpoints, struct standpoint *standpoint,
                       const struct account *account, struct arena *of_account) {
    build_for_phone(standpoints, standpoint);
    return server_view_fits(standpoint->records, account, standpoint->expect, of_account);
}

static struct standpoint *find(struct standpoints *standpoints, const struct account *account,
                               struct arena *of_account) {
    const struct expectations *all = standpoints->all;
    struct standpoint *found = NULL;

    for (int fit = 2; fit >= 1 && !found; fit--) {
        for (size_t i = 0; i < all->account_count; i++) {
            struct standpoint *standpoint = &standpoints->items[i + 1];
            if (user_fit(account, all->accounts[i].user) != fit ||
                !goes_there(standpoints, standpoint, account, of_account))
                continue;
            if (account->aor)
                return standpoint;
            if (found)
                return NULL; /* which of them it is nobody can tell */
            found = standpoint;
        }
    }
    return found;
}

const struct standpoint *standpoints_for(struct standpoints *standpoints,
                                         const struct account *account, struct arena *of_account) {
    struct standpoint *found = find(standpoints, account, of_account);

    if (!found)
        found = &standpoints->items[0];
    build_for_phone(standpoints, found);
    return found;
}
