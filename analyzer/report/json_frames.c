/* What is one number inside becomes two outside. */
#include "report/json_frames.h"

void json_member_frame(struct json_writer *json, const struct merge *merge, struct frame_keys keys,
                       uint32_t no) {
    struct frame_place place = merge && no ? merge_place(merge, no) : (struct frame_place){0, no};

    if (no)
        json_member_uint(json, keys.frame, place.frame);
    else
        json_member_null(json, keys.frame);
    if (merge && no)
        json_member_uint(json, keys.file, place.file);
    else
        json_member_null(json, keys.file);
}

void json_member_places(struct json_writer *json, const struct merge *merge, struct frame_keys keys,
                        const uint32_t *frames, size_t count) {
    if (!merge) {
        json_member_frames(json, keys.frame, frames, count);
        json_member_null(json, keys.file);
        return;
    }
    json_key(json, keys.frame);
    json_array_begin_line(json);
    for (size_t i = 0; i < count; i++)
        json_uint(json, merge_place(merge, frames[i]).frame);
    json_array_end(json);
    json_key(json, keys.file);
    json_array_begin_line(json);
    for (size_t i = 0; i < count; i++)
        json_uint(json, merge_place(merge, frames[i]).file);
    json_array_end(json);
}
