/* One document laid over another. */
#include "rules/expectations/merge.h"

#include <stdio.h>
#include <stdlib.h>
cJSON *tree_checked(cJSON *tree) {
    if (!tree) {
        fputs("sipvet: out of memory\n", stderr);
        exit(3);
    }
    return tree;
}

static cJSON *member_of(const cJSON *object, const char *name) {
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

void tree_add_member(cJSON *object, const char *name, cJSON *value) {
    if (!cJSON_AddItemToObject(object, name, tree_checked(value)))
        tree_checked(NULL);
}

/* `over` null stands for all members' null. */
static cJSON *merge_object(const struct key *key, const cJSON *base, const cJSON *over) {
    cJSON *merged = tree_checked(cJSON_CreateObject());
    bool spread = key->null_spreads && cJSON_IsNull(over);

    for (size_t i = 0; i < key->member_count; i++) {
        const struct key *member = &key->members[i];
        const cJSON *below = member_of(base, member->name);
        const cJSON *above = member_of(over, member->name);

        if (spread)
            tree_add_member(merged, member->name, cJSON_CreateNull());
        else if (below || above)
            tree_add_member(merged, member->name, merge_trees(member, below, above));
        else if (member->fallback)
            tree_add_member(merged, member->name, cJSON_Parse(member->fallback));
    }
    return merged;
}

static cJSON *merge_list(const struct key *key, const cJSON *list) {
    cJSON *merged = tree_checked(cJSON_CreateArray());

    for (const cJSON *item = list->child; item; item = item->next)
        if (!cJSON_AddItemToArray(merged, merge_trees(key->members, NULL, item)))
            tree_checked(NULL);
    return merged;
}

cJSON *merge_trees(const struct key *key, const cJSON *base, const cJSON *over) {
    const cJSON *wins = over ? over : base;

    if (key->kind == KEY_OBJECT &&
        (cJSON_IsObject(wins) || (key->null_spreads && cJSON_IsNull(wins))))
        return merge_object(key, over ? base : NULL, wins);
    if (key->kind == KEY_LIST && cJSON_IsArray(wins))
        return merge_list(key, wins);
    return tree_checked(cJSON_Duplicate(wins, true));
}
