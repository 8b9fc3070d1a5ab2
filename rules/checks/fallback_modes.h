/* The two ways of sharing two configured servers, each in its own file; fallback_registration.c
 * chooses. */
#ifndef RULES_CHECKS_FALLBACK_MODES_H
#define RULES_CHECKS_FALLBACK_MODES_H

#include "rules/checks/fallback_rounds.h"

void fallback_check_concurrent(struct judge *judge, const struct fallback_rounds *rounds);
void fallback_check_successive(struct judge *judge, const struct fallback_rounds *rounds);

#define FALLBACK_NEEDS_NO_LOSS "lost no packets of this phone"
#define FALLBACK_NEEDS_START "begins before the phone starts, best when it boots"

#endif
