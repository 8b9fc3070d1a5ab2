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

/* "35 s ahead of" */
static const char *ahead_text(const struct clock_correction *correction, char text[48]) {
    int64_t ahead_ns = -microseconds(correction->offset_ns);
    char seconds[SECONDS_TEXT_LEN];

    snprintf(text, 48, "%s s %s", seconds_text(llabs(ahead_ns), seconds),
             ahead_ns < 0 ? "behind" : "ahead of");
    return text;
}

/* A clock that was set: how it goes on. */
static void set_text(const struct merge_file *file, char *text, size_t room) {
    char ahead[48];

    if (!file->piece_count) {
        snprintf(text, room, ", but one of the two was set in between");
        return;
    }
    int used = snprintf(text, room, "; one of the two was set: it is %s it from frame %u on",
                        ahead_text(&file->pieces[0].correction, ahead), file->pieces[0].from_no);
    if (file->piece_count > 1)
        snprintf(text + used, room - (size_t)used, ", and %zu more times", file->piece_count - 1);
}

const char *clock_text(const struct merge *merge, size_t index, char text[CLOCK_TEXT_LEN]) {
    const struct merge_file *file = merge_file(merge, index);
    const struct clock_correction *correction = &file->correction;
    char ahead[48], clock[128], drift[160] = "";

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
    if (microseconds(correction->offset_ns))
        snprintf(clock, sizeof clock, "its clock, %s that of file %u, is put right",
                 ahead_text(correction, ahead), file->reference + 1);
    else
        snprintf(clock, sizeof clock, "its clock is that of file %u", file->reference + 1);
    if (file->stepped)
        set_text(file, drift, sizeof drift);
    else if (correction->drift_ppb)
        snprintf(drift, sizeof drift, ", and so is its drift of %.1f ppm",
                 -correction->drift_ppb / 1000.0);
    if (file->common)
        snprintf(text, CLOCK_TEXT_LEN,
                 "another capture point; %s%s (told by %u packets that both have)", clock, drift,
                 file->common);
    else
        snprintf(text, CLOCK_TEXT_LEN, "goes on from another file of its capture point; %s%s",
                 clock, drift);
    return text;
}
