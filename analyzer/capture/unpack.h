/* Compressed bytes become plain ones: gzip, zstd, xz, lz4, bzip2, told by their first bytes.
 *
 * The libraries of the formats are used as they are, not an archive reader on top of them: such a
 * reader gives nothing of a block that it cannot finish, and what stands before the end of a
 * capture that was cut is to be judged.
 */
#ifndef CAPTURE_UNPACK_H
#define CAPTURE_UNPACK_H

#include <sys/types.h>

#include "base/slice.h"
#include "capture/codec.h"

struct input;
struct unpacker;

/* The format that bytes are compressed with, by the first of them (16 are enough); NULL: none. */
const struct codec *unpack_codec_of(struct slice head);

/* Takes over *packed, which is left empty, from where it stands. */
struct unpacker *unpacker_new(struct input *packed, const struct codec *codec);
const struct codec *unpacker_codec(const struct unpacker *unpacker);
/* What the compressed bytes come from; they may be compressed themselves. */
const struct input *unpacker_packed(const struct unpacker *unpacker);

/* Up to n plain bytes. 0 at the end; -1 where the data is broken, which unpacker_why tells. Members
 * that follow one another are one stream, with zeros between and behind them or not. */
ssize_t unpacker_read(struct unpacker *unpacker, uint8_t *to, size_t n);
/* "the gzip data stops at its byte 1234: the file ends there" */
const char *unpacker_why(const struct unpacker *unpacker);

void unpacker_free(struct unpacker *unpacker);

#endif
