/* The messages of one WebSocket direction that permessage-deflate compressed (RFC 7692). */
#ifndef PHONE_WEBSOCKET_INFLATE_H
#define PHONE_WEBSOCKET_INFLATE_H

#include "base/slice.h"

struct websocket_inflate; /* about 40 KiB: what the messages before said may be referred to */

struct websocket_inflate *websocket_inflate_new(void);
void websocket_inflate_free(struct websocket_inflate *inflate); /* NULL: nothing */

/* A message was missed: what comes next cannot refer to it. */
void websocket_inflate_reset(struct websocket_inflate *inflate);

/* Inflate the payload of one whole message, fragments joined, in the order of the messages.
 *
 * out   its text: in memory of the caller's (free), len bytes, at most WEBSOCKET_MESSAGE_MAX
 *
 * false: it is no such payload, is longer than that, or refers to what was missed. */
bool websocket_inflate_message(struct websocket_inflate *inflate, struct slice payload,
                               uint8_t **out, size_t *len);

#endif
