/* Frames as a reader finds them again: Wireshark's number; of a merged set with the file before it,
 * counted from 1 as the report's head lists them: 2:17.
 *
 * merge  NULL: one file
 */
#ifndef REPORT_FRAME_TEXT_H
#define REPORT_FRAME_TEXT_H

#include "capture/merge.h"

enum { FRAME_TEXT_LEN = 24, CLOCK_TEXT_LEN = 384 };

const char *frame_text(const struct merge *merge, uint32_t no, char text[FRAME_TEXT_LEN]);

/* What was found out about a file's capture point and clock; "" where there is nothing to say. */
const char *clock_text(const struct merge *merge, size_t file, char text[CLOCK_TEXT_LEN]);

#endif
