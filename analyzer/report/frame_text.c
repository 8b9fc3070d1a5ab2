/* Places of frames, and clocks, in words. */
#include "report/frame_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"

const char *frame_text(const struct merge *merge, uint32_t no, char text[FRAME_TEXT_LEN]) {
    if (merge) {
        struct frame_place place = merge_place(merge, no);
        snprintf(text, FRAME_TEXT_LEN, "%u:%u", place.file + 1, place.frame);
    } else {
        snprintf(text, FRAME_TEXT_LEN, "%u", no);
    }
    return text;
}

/* The difference that is put right, in microseconds: finer than any estimate. */
static int64_t microseconds(int64_t ns) {
    return (ns + (ns < 0 ? -500 : 500)) / 1000 * 1000;
}

const char *clock_text(const struct merge *merge, size_t index, char text[CLOCK_TEXT_LEN]) {
    const struct merge_file *file = merge_file(merge, index);
    const struct clock_correction *correction = &file->correction;
    char seconds[SECONDS_TEXT_LEN], clock[128], drift[64] = "";

    *text = '\0';
    if (file->doubted) {
        snprintf(text, CLOCK_TEXT_LEN,
                 "how far its clock and that of file %u are apart is not known: they have too few "
                 "packets in common",
                 file->doubted_with + 1);
        return text;
    }
    if (file->reference == index && !file->point)
        return text;
    int64_t ahead_ns = -microseconds(correction->offset_ns);
    if (ahead_ns)
        snprintf(clock, sizeof clock, "its clock, %s s %s that of file %u, is put right",
                 seconds_text(llabs(ahead_ns), seconds), ahead_ns > 0 ? "ahead of" : "behind",
                 file->reference + 1);
    else
        snprintf(clock, sizeof clock, "its clock is that of file %u", file->reference + 1);
    if (correction->drift_ppb)
        snprintf(drift, sizeof drift, ", and so is its drift of %.1f ppm",
                 -correction->drift_ppb / 1000.0);
    else if (file->stepped)
        snprintf(drift, sizeof drift, ", but was set in between: times are not to be relied on");
    if (file->common)
        snprintf(text, CLOCK_TEXT_LEN, "another capture point; %s%s (%u packets seen in both)",
                 clock, drift, file->common);
    else
        snprintf(text, CLOCK_TEXT_LEN, "goes on from another file of its capture point; %s%s",
                 clock, drift);
    return text;
}
