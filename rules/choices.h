/* The choices that a phone makes among SRV targets of equal priority (RFC 2782, "Weight"). */
#ifndef RULES_CHOICES_H
#define RULES_CHOICES_H

#include "rules/rule.h"

/* A target of a group of equals: one SRV record, however many addresses its name has. */
struct choice_target {
    const char *name;
    uint16_t port, weight;
};

/* The targets of one host's service and priority, by name and port. */
struct choice_set {
    const char *host;
    enum transport transport;
    uint16_t priority;
    struct choice_target *targets;
    size_t count;
};

struct choice {
    const struct request *request;
    const struct attempt *attempt;
    const struct server_list *list;
    const struct choice_set *set;
    size_t chosen;    /* index into the set's targets */
    const bool *open; /* for each target: could it be chosen (not tried yet, not known dead)? */
    size_t open_count;
    bool free; /* made anew, with every target open: no earlier choice or state stands behind */
};

/* Every choice of the account, in order of time; `take` gets each. */
void choices_walk(const struct judge *judge,
                  void (*take)(void *context, const struct choice *choice), void *context);

bool choice_set_eq(const struct choice_set *a, const struct choice_set *b);

#endif
