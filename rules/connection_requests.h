/* The connections of a phone of which nothing could be read, as requests (contract section 6,
 * Encrypted): one server after another until a connection stood, whatever was said in it.
 *
 *     A refused   A refused   B stood        one request: two tries at A, refused; then at B
 *     A silent    ... 37 s ...  A silent     two requests, as of anything that can be read
 *
 * Connections to servers of two names are requests of two, as those of two accounts are.
 */
#ifndef RULES_CONNECTION_REQUESTS_H
#define RULES_CONNECTION_REQUESTS_H

#include "rules/rule.h"

/* The judge's account with such requests in place of its own, in the judge's arena. An attempt that
 * stood is answered, without any response. */
struct account *connection_requests_new(const struct judge *judge);

#endif
