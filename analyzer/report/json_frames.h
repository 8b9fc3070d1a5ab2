/* Frame numbers in JSON, each with the file that it is in: contract section 3, "frames of a merged
 * set".
 *
 * merge  NULL: one file; then what tells files is null
 */
#ifndef REPORT_JSON_FRAMES_H
#define REPORT_JSON_FRAMES_H

#include "capture/merge.h"
#include "report/json_writer.h"

/* The names of a member and of the one beside it. */
struct frame_keys {
    const char *frame, *file;
};
#define FRAME_KEYS ((struct frame_keys){"frame", "file"})
#define FRAMES_KEYS ((struct frame_keys){"frames", "files"})

/* "frame": 17, "file": 1; no 0: both are null. */
void json_member_frame(struct json_writer *json, const struct merge *merge, struct frame_keys keys,
                       uint32_t no);
/* "frames": [17, 20], "files": [1, 0]. */
void json_member_places(struct json_writer *json, const struct merge *merge, struct frame_keys keys,
                        const uint32_t *frames, size_t count);

#endif
