/* Signs of loss all over a capture: where packets are missing here and there, those that nothing
 * points at are missing, too. */
#ifndef RULES_LOSS_SCATTER_H
#define RULES_LOSS_SCATTER_H

#include "phone/story.h"

struct loss_scatter {
    bool found;
    int64_t from_ns, to_ns; /* in between, nothing is certain */
};

/* In three places or more, which are at least a twentieth of what the phone has to show. Of signs
 * that are facts (an answer without its question), not of those that a phone's habits may give (a
 * gap that is a sum). */
struct loss_scatter loss_scatter_of(const struct phone *phone);

#endif
